/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * How much of an expression a face's picture can show: 0 nothing, 1 all that a classifier can use. The worst of four:
 *
 * size       pixels of the camera's picture along a side of the crop: 8 nothing, 24 all
 * turn       degrees between the line of sight and where the face looks: 70 nothing, 30 all; without a pose not counted
 * light      the crop's mean, 5 nothing, 25 all, and its standard deviation, 3 nothing, 11 all
 * sharpness  variance of the crop's Laplacian (four neighbours) over the crop's own variance, which makes it a matter
 *            of focus and movement and not of contrast: 0.003 nothing, 0.06 all, by its logarithm
 *
 * The ends of size, light and sharpness are where the accuracy of a classifier on the public test pictures of FER2013
 * ends: "all" is where it has lost a twentieth, "nothing" where it has fallen to a quarter, by making the pictures
 * small, dark with a camera's noise, and blurred.
 */

#include "daemon/vision/face.h"

struct quality {
        double size, turn, light, sharpness; /* 0..1 */
};

/**
 * quality_measure()
 * @crop: width_px * height_px values in 0..255, as crop_face() makes it
 * @side_px: of the crop in the camera's picture, see crop_side_px()
 * @pose: may be unknown
 */
void quality_measure(const float *crop, unsigned width_px, unsigned height_px, double side_px,
                     const struct face_pose *pose, struct quality *ret);
/* The worst of the four. */
double quality_least(const struct quality *q);
