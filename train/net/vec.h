/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Element-wise loops on runs of floats, built for several instruction sets; nn_isa_best() chooses.
 */

#include <stdbool.h>
#include <stddef.h>

/* Sums of x and of its squares over @n_runs runs of @n values, @stride apart; in float lanes, folded to double. */
void vec_sums(const float *x, size_t n, size_t n_runs, size_t stride, double *ret_sum, double *ret_squares);
/* y = a * x + b; then the larger of that and 0 if @relu */
void vec_affine(const float *x, size_t n, float a, float b, bool relu, float *y);
/* Likewise of d and of d * x, where d is dy, or 0 where @relu and a * x + b <= 0. */
void vec_affine_sums(const float *dy, const float *x, size_t n, size_t n_runs, size_t stride, float a, float b,
                     bool relu, double *ret_sum, double *ret_products);
/* dx = (add ? dx : 0) + p * d + q * x + r, d as above */
void vec_affine_gradient(const float *dy, const float *x, size_t n, float a, float b, bool relu, float p, float q,
                         float r, bool add, float *dx);
/* y = (add ? y : 0) + x */
void vec_add(const float *x, size_t n, bool add, float *y);
/* The n values of x by turns to @even and @odd; either may be NULL. */
void vec_split(const float *x, size_t n, float *even, float *odd);
/* The reverse: y = (add ? y : 0) + the values of @even and @odd by turns */
void vec_join(const float *even, const float *odd, size_t n, bool add, float *y);
/* dx = (add ? dx : 0) + (y > 0 ? dy : 0) */
void vec_relu_gradient(const float *dy, const float *y, size_t n, bool add, float *dx);
/* v = momentum * v + g + decay * w; w -= rate * (nesterov ? g + decay * w + momentum * v : v), old w throughout */
void vec_sgd(float *w, const float *g, float *v, size_t n, float rate, float momentum, float decay, bool nesterov);
/* Adam (Kingma & Ba 2014, arXiv:1412.6980) with decoupled decay: moments m and v with decays b1 and b2, corrected by
 * the factors c1 and c2; w -= rate * (m * c1 / (sqrt(v * c2) + 1e-8) + decay * w) */
void vec_adam(float *w, const float *g, float *m, float *v, size_t n, float rate, float b1, float b2, float c1,
              float c2, float decay);
/* m = m + k * (w - m) */
void vec_blend(float *m, const float *w, size_t n, float k);
