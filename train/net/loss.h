/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

/* p = softmax(logits), n classes */
void softmax(const float *logits, unsigned n, float *ret);
/**
 * loss_cross_entropy() - mean over the batch of -sum target * log softmax(logits)
 * @target: [n, classes], >= 0; a row's sum, usually 1, is its weight
 * @gradient: [n, classes], of the mean; may be NULL
 */
double loss_cross_entropy(const float *logits, const float *target, size_t n, unsigned classes, float *gradient);
/**
 * loss_softened() - temperature^2 times the mean over the batch of -sum target * log softmax(logits / temperature),
 * so that its gradient weighs the same at any temperature (Hinton et al. 2015, arXiv:1503.02531, section 2)
 * @gradient: is added to
 */
double loss_softened(const float *logits, const float *target, size_t n, unsigned classes, double temperature,
                     float *gradient);
