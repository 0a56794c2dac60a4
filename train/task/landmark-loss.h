/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Losses of points and of yes-or-no outputs. Each returns the loss of one picture and gives its gradient.
 */

#include <stddef.h>

enum point_loss_kind {
        POINT_LOSS_WING, /* Feng et al. 2018, arXiv:1711.06753, equation 5: logarithmic below its width,
                            linear above */
        POINT_LOSS_L2,   /* half the square */
};

struct point_loss {
        enum point_loss_kind kind;
        double width, curvature; /* of the wing: w and epsilon, in the unit of the values */
};

/**
 * point_loss() - mean over @n values of the loss of scale * (value - target)
 * @weight: the gradient is multiplied by it (share of the batch)
 */
double point_loss(const struct point_loss *loss, const float *value, const float *target, size_t n, double scale,
                  double weight, float *gradient);

/* Binary cross-entropy of a logit with a @target of 0..1. *gradient: with respect to the logit. */
double logit_loss(double logit, double target, double *gradient);
