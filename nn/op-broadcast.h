/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Walking over operands that are broadcast to one shape, as NumPy does it. */

#include "nn/op.h"

/**
 * nn_broadcast_init() - strides of the first @n inputs (at most
 * NN_BROADCAST_MAX) over their common shape
 * @ret: neighbouring dims that all operands walk in one stride are merged, so
 * that the inner loop is as long as it can be
 * @ret_shape: n_dims and dims of the result
 * Return: 0, or -EINVAL with c->error filled.
 */
int nn_broadcast_init(struct nn_call *c, unsigned n, struct nn_broadcast *ret, struct nn_tensor *ret_shape);

/* One step from row to row (dim 0 is the row): @index starts as zeros, @at
 * holds the element of each operand at which its row begins. Return: false at
 * the end. */
bool nn_broadcast_next(const struct nn_broadcast *b, unsigned n, int64_t *index, int64_t *at);
