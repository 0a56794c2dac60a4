/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The arithmetic in its plainest form, float32 with sums in double: what the fast kernels are held against.
 * Everything is PLAIN; layouts in the descriptors are ignored.
 */

#include "nn/kernels/conv.h"

float nn_ref_act(const struct nn_act *act, size_t channel, float x);

/* @residual, @bias: may be NULL */
void nn_ref_conv(const struct nn_conv_desc *d, const float *weights, const float *bias, const float *x,
                 const float *residual, float *y);

/* y [m, n] = alpha * op(a) * op(b) + beta * y */
void nn_ref_gemm(bool trans_a, bool trans_b, size_t m, size_t n, size_t k, float alpha, const float *a, const float *b,
                 float beta, float *y);

void nn_ref_pool(const struct nn_pool2d_desc *d, const float *x, float *y);
