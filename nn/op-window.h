/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nn/op.h"

/* Longest axis, kernel, stride, pad: sums and products of a few of them fit an unsigned. */
#define NN_WINDOW_MAX_LENGTH (1 << 20)

/* @n lengths of attribute @name, each from @least to NN_WINDOW_MAX_LENGTH; @otherwise where there is none. */
int nn_window_lengths(struct nn_call *c, const char *name, unsigned n, int64_t least, int64_t otherwise, unsigned *ret);

/* The attributes alone, without auto_pad: as nn_window_read(), ret->out stays 1. */
int nn_window_attributes(struct nn_call *c, const struct nn_tensor *x, const int64_t *kernel, struct nn_window *ret);

/**
 * nn_window_read() - attributes kernel_shape, strides, dilations, pads, auto_pad, ceil_mode against an input
 * @x: input [N, C, L] or [N, C, H, W]
 * @kernel: the kernel's lengths where they come from the weights, else NULL
 * @ret: a single axis stands as the columns of one row
 * Return: 0; -EINVAL, -EOPNOTSUPP, -EFBIG with c->error filled.
 */
int nn_window_read(struct nn_call *c, const struct nn_tensor *x, const int64_t *kernel, struct nn_window *ret);

/* The same for a convolution of @x with the weights @w [K, C / groups, ...], and the attribute group; shapes that do not
 * fit one another are -EINVAL. */
int nn_window_read_conv(struct nn_call *c, const struct nn_tensor *x, const struct nn_tensor *w, struct nn_window *ret,
                        int64_t *ret_groups);
