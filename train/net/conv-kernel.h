/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The inner loops of convolution, forward and backward, without a copy of the input per filter tap.
 *
 * Every convolution is brought to one form: planes are stored with a common row stride and zeros between rows, so
 * that one tap of one channel is the whole input displaced by a constant. An output row-run of P values is then
 *     y[k][p] = sum over taps j of w[k][j] * x[offset[j] + p]
 * and a weight gradient
 *     dw[k][j] = sum over p of dy[k][p] * x[offset[j] + p].
 */

#include <stddef.h>

#define CONV_K 8      /* output channels handled together; weights are packed in such groups */
#define CONV_J 3      /* taps handled together by the weight gradient */
#define CONV_J_ONE 9  /* the same where output channels stand alone: a kernel of 3x3 in one go */
#define CONV_P 16     /* runs are padded to a multiple of so many values */
#define CONV_ROWS 128 /* rows of outer products handled together: three vectors of each fit the first cache */

/* To whole CONV_P. */
static inline size_t conv_round_up(size_t n)
{
        return (n + CONV_P - 1) / CONV_P * CONV_P;
}

struct conv_kernels {
        const char *name;
        /**
         * forward() - CONV_K rows of output
         * @w: [n_taps, CONV_K]
         * @n: run length, a multiple of CONV_P; x is read to offset[j] + n
         * @y: rows @y_stride floats apart
         */
        void (*forward)(const float *x, const size_t *offset, size_t n_taps, const float *w, size_t n, float *y,
                        size_t y_stride);
        /**
         * weight_gradient() - adds the products of @n_images runs to vector accumulators
         * @dy: CONV_K rows @dy_stride apart, of @n values, zero where the run holds no output; images @dy_image apart
         * @x: images @x_image apart
         * @acc: [n_taps rounded up to CONV_J, CONV_K, CONV_P], 64-byte aligned
         */
        void (*weight_gradient)(const float *dy, size_t dy_stride, size_t dy_image, const float *x, size_t x_image,
                                const size_t *offset, size_t n_taps, size_t n, size_t n_images, float *acc);
        /* The same for a single channel, for groups of few: @w is [n_taps], @acc [n_taps, CONV_P]. */
        void (*forward_one)(const float *x, const size_t *offset, size_t n_taps, const float *w, size_t n, float *y);
        void (*weight_gradient_one)(const float *dy, size_t dy_image, const float *x, size_t x_image,
                                    const size_t *offset, size_t n_taps, size_t n, size_t n_images, float *acc);
        /**
         * outer_products() - sums[k][c] += the sum over @n rows of a[row][k] * b[row][c]
         * @a: [n, @n_a]; @b: [n, @n_b]; @n_a and @n_b: multiples of CONV_P
         * @sums: [n_a, n_b]
         */
        void (*outer_products)(const float *a, size_t n_a, const float *b, size_t n_b, size_t n, float *sums);
};

/* The best set for this CPU. */
const struct conv_kernels *conv_kernels_get(void);
/* The portable set, for tests. */
const struct conv_kernels *conv_kernels_portable(void);
