/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The loops of vec.h, one table for each instruction set that they are built for. Only vec.c and vec-simd.c need this.
 */

#include <stdbool.h>
#include <stddef.h>

struct vec_ops {
        void (*sums)(const float *x, size_t n, size_t n_runs, size_t stride, double *ret_sum, double *ret_squares);
        void (*affine)(const float *x, size_t n, float a, float b, bool relu, float *y);
        void (*affine_sums)(const float *dy, const float *x, size_t n, size_t n_runs, size_t stride, float a, float b,
                            bool relu, double *ret_sum, double *ret_products);
        void (*affine_gradient)(const float *dy, const float *x, size_t n, float a, float b, bool relu, float p,
                                float q, float r, bool add, float *dx);
        void (*add)(const float *x, size_t n, bool add, float *y);
        void (*split)(const float *x, size_t n, float *even, float *odd);
        void (*join)(const float *even, const float *odd, size_t n, bool add, float *y);
        void (*relu_gradient)(const float *dy, const float *y, size_t n, bool add, float *dx);
        void (*sgd)(float *w, const float *g, float *v, size_t n, float rate, float momentum, float decay,
                    bool nesterov);
        void (*adam)(float *w, const float *g, float *m, float *v, size_t n, float rate, float b1, float b2, float c1,
                     float c2, float decay);
        void (*blend)(float *m, const float *w, size_t n, float k);
};

extern const struct vec_ops vec_ops_portable, vec_ops_avx2, vec_ops_avx512;
