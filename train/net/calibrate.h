/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Makes a classifier's probabilities worth their face value: softmax(logits / temperature + bias). A network that was
 * taught by several opinions a picture leans to the classes that those prefer; the bias takes it back to the labels.
 */

#include <stddef.h>
#include <stdint.h>

#include "train/data/dataset.h"

struct calibration {
        double temperature;               /* > 0 */
        double bias[DATASET_MAX_CLASSES]; /* mean 0 */
};

/* Temperature 1, no bias. */
void calibration_init(struct calibration *c);
/* In place, @logits [n, classes] */
void calibration_apply(const struct calibration *c, float *logits, size_t n, unsigned classes);

/**
 * calibration_temperature() - the t in 0.05..20 for which softmax(logits / t) has the least cross-entropy with @labels
 * (Guo et al. 2017, arXiv:1706.04599, section 4.2)
 * @logits: [n, classes], finite
 */
double calibration_temperature(const float *logits, const uint8_t *labels, size_t n, unsigned classes);

/* Temperature and bias with the least cross-entropy. @work: [n, classes] */
void calibration_classes(const float *logits, const uint8_t *labels, size_t n, unsigned classes, float *work,
                         struct calibration *ret);
/* First @c, then @temperature on what it gives, as one. */
void calibration_sharpen(struct calibration *c, double temperature);
