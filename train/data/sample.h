/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Bilinear sampling of part of a picture onto another: what training pictures are put together with. An area
 * average is not made: shrink the source first.
 */

#include "nn/image.h"

struct sample_area {
        double x0, y0, x1, y1; /* pixels, a picture's own edges being 0 and its width or height */
};

/**
 * sample_onto() - writes those pixels of @ret whose place in @src lies within @from, leaves the others alone
 * @map: from @ret's pixel numbers to @src's, as nn_image_warp() has it; the border's half pixel repeats
 */
void sample_onto(const struct nn_image *src, const struct sample_area *from, const struct nn_affine *map,
                 unsigned width_px, unsigned height_px, float *ret);

/* The way back. -EINVAL for a map without one. */
int sample_invert(const struct nn_affine *map, struct nn_affine *ret);
void sample_point(const struct nn_affine *map, double x, double y, double *ret_x, double *ret_y);
