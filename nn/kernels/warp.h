/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The inner loop of nn_image_warp(), several pixels beside each other, once for each instruction set that has a way
 * which is better than plain C. For nn/image.c alone, which programs link without the rest of the engine.
 */

#include "nn/image.h"
#include "nn/kernels/isa.h"

/* Samples per axis under one destination pixel. Beyond a shrink of this factor the average is over a regular grid
 * of samples instead of every source pixel: bounded time, and no visible aliasing after so much averaging. */
#define NN_WARP_MAX_SAMPLES 32u

/* Where the samples of a destination pixel lie from its middle. */
struct nn_warp_grid {
        unsigned nx, ny;
        double x[NN_WARP_MAX_SAMPLES], y[NN_WARP_MAX_SAMPLES];
        float weight; /* of one sample */
};

struct nn_warp_ops {
        unsigned lanes;   /* pixels that are made together */
        unsigned more_px; /* pixels that are read to the right of the four about a sample */
        /**
         * pixels() - @lanes pixels of line @y from column @x on
         * @src: at most INT_MAX bytes
         * @m: six numbers of struct nn_affine; every sample and more_px to its right must lie inside @src
         */
        void (*pixels)(const struct nn_image *src, const double *m, const struct nn_warp_grid *g, unsigned x,
                       unsigned y, float *ret);
};

extern const struct nn_warp_ops nn_warp_ops_avx2, nn_warp_ops_neon;
