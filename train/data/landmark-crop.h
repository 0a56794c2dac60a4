/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The square round a detector's box that a landmark network looks at.
 */

#include "train/data/landmarks.h"

/* How much wider than the box is high the crop's source is read, so that a turned or smaller crop still has
 * pixels. */
#define LANDMARK_OVERSAMPLING 1.25

/* How a face is framed. */
struct landmark_frame {
        double roll_rad;         /* of the picture round the box's centre */
        double shift_x, shift_y; /* of the box, as shares of its height */
        double scale;            /* of the box */
        double stretch;          /* x scale over y scale of the face */
        bool mirror;
};

/**
 * landmark_crop_map() - from the crop's pixel numbers to the picture's
 * @crop: side of the crop as a multiple of the box's height
 */
struct nn_affine landmark_crop_map(const struct landmark_face *f, const struct landmark_frame *frame, double crop,
                                   unsigned side_px);
/* The face's points in that crop as shares of its side, numbered anew in a mirror image. -EINVAL: no way
 * back. */
int landmark_crop_points(const struct landmark_face *f, const struct nn_affine *map, bool mirror, unsigned side_px,
                         float (*ret)[2]);
/* Pixels 0..255 of the crop; what is outside the picture repeats its border. */
void landmark_crop(const struct landmark_face *f, const struct nn_affine *map, unsigned side_px, float *ret);
