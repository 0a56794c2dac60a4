/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A batch normalisation seen from outside, for what folds it into the layer before it or takes it out again.
 */

#include "train/net/net.h"

/* y = scale[k] * x + shift[k] of a batch norm with running statistics */
void batchnorm_affine(const struct net *net, const struct layer *l, unsigned channel, double *ret_scale,
                      double *ret_shift);
/* For a batch norm that was folded: first y = x with no bias, then, channel by channel, the same function again with
 * the given statistics of x. */
void batchnorm_identity(const struct net *net, const struct layer *l);
void batchnorm_adopt(const struct net *net, const struct layer *l, unsigned channel, double mean, double variance);
