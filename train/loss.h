/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* p = softmax(logits), n classes */
void softmax(const float *logits, unsigned n, float *ret);
/**
 * loss_cross_entropy() - mean over the batch of -sum target * log softmax(logits)
 * @target: [n, classes], >= 0; a row's sum, usually 1, is its weight
 * @gradient: [n, classes], of the mean; may be NULL
 */
double loss_cross_entropy(const float *logits, const float *target, size_t n, unsigned classes, float *gradient);
/**
 * loss_temperature() - the t in 0.05..20 for which softmax(logits / t) has the least cross-entropy with the labels
 * (Guo et al. 2017, arXiv:1706.04599, section 4.2)
 * @logits: [n, classes]
 */
double loss_temperature(const float *logits, const uint8_t *labels, size_t n, unsigned classes);
