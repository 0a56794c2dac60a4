/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Random changes to a training picture. One affine map (shift, scale, rotation, shear, flip) is drawn and sampled
 * once by nn_image_warp(), so nothing is blurred twice; then contrast, brightness, blur, noise; cutout last.
 * Deterministic in the random state.
 */

#include <stdint.h>

#include "nn/image.h"
#include "train/net/random.h"

struct augment_config {     /* all zero: only a resize to the destination */
        double shift;       /* up to this share of the width, either way, both axes */
        double scale;       /* factor drawn log-uniformly from 1/(1+scale)..1+scale */
        double rotate_deg;  /* up to this, either way */
        double shear;       /* up to this, either way */
        double stretch;     /* x scale over y scale, as scale */
        double flip;        /* probability of a mirror image */
        double contrast;    /* factor from 1-contrast..1+contrast about the mean */
        double brightness;  /* up to this share of 255, either way */
        double blur_px;     /* Gaussian, sigma 0..blur_px, applied with probability 1/2 */
        double noise;       /* Gaussian, standard deviation 0..noise in grey levels */
        double dark;        /* probability of a scene with a seventh to seven tenths of its light */
        double cutout;      /* probability of one grey square (DeVries & Taylor 2017, arXiv:1708.04552) */
        double cutout_size; /* its side as a share of the width */
};

/* The second half alone: contrast and what follows, in place. */
void augment_pixels(const struct augment_config *config, struct rng *rng, unsigned width_px, unsigned height_px,
                    float *x, float *scratch);
/* @ret: width_px * height_px floats in 0..255. @scratch: as many floats. */
void augment(const struct augment_config *config, struct rng *rng, const struct nn_image *src, unsigned width_px,
             unsigned height_px, float *ret, float *scratch);
