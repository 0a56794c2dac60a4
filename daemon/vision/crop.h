/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * From an alignment to the classifier's input: the part of the picture that the model's framing would show.
 */

#include "daemon/capture/source.h"
#include "daemon/vision/face.h"
#include "nn/face-template.h"
#include "nn/image.h"

/**
 * crop_map() - the map from a crop of @width_px by @height_px to the picture
 * With 68 points: as the model's template says; else the aligner's square.
 * Return: 0; -EINVAL if the points coincide.
 */
int crop_map(const struct face_template *t, const struct emo_alignment *a, unsigned width_px, unsigned height_px,
             struct nn_affine *ret);

/* How many pixels of the picture a side of the crop shows. */
double crop_side_px(const struct nn_affine *map, unsigned width_px);

/* Cuts one face out of a luma frame, into width * height floats in 0..255. @ret_side_px: see above; may be NULL.
 * Return: 0 or negative errno. */
int crop_face(const struct face_template *t, const struct frame *f, const struct emo_alignment *a, unsigned width_px,
              unsigned height_px, float *ret, double *ret_side_px);
/* The same of a frame's colours, into three planes, red first. Return: 0; -EINVAL also if the frame has none. */
int crop_colour(const struct face_template *t, const struct frame *f, const struct emo_alignment *a, unsigned width_px,
                unsigned height_px, float *ret);
