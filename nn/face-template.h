/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Where the parts of a face lie in a crop, and how its 68 points are carried there (affine standardisation). The text
 * form stands in a classifier's metadata as "emotiond.template", so that training and service crop alike:
 *
 *         similarity 36-41:0.308,0.380 42-47:0.692,0.380 48-67:0.500,0.790
 *
 * "similarity" (turn, one scale, shift) or "affine" (6 parameters), then parts: FIRST-LAST or one number, the
 * landmarks whose mean it is; x, y where it belongs in shares of the crop's side.
 */

#include <stdbool.h>
#include <stddef.h>

#include "nn/image.h"

#define FACE_TEMPLATE_PARTS 68
#define FACE_TEMPLATE_TEXT 2048

struct face_template {
        bool affine;
        unsigned n;
        struct face_part {
                unsigned first, last; /* 0..67 */
                float x, y;           /* -1..2 */
        } parts[FACE_TEMPLATE_PARTS];
};

/* FER2013's framing by eyes and mouth: what a model without a template was trained on. */
extern const struct face_template face_template_fer2013;
/* The same framing, affine, by parts that an expression hardly moves: corners of the eyes, root and base of the nose. */
extern const struct face_template face_template_affine;

/* Return: 0; -EINVAL another text, or too few parts for the fit (2, or 3 for affine). */
int face_template_parse(const char *text, struct face_template *ret);
/* Return: 0; -ENOSPC if @size is too small. FACE_TEMPLATE_TEXT bytes are enough. */
int face_template_format(const struct face_template *t, char *ret, size_t size);

/**
 * face_template_map() - the map from a crop of @width_px by @height_px to the picture with a face's 68 points
 * An oblong crop shows more to both sides. An affine fit that would stretch one axis to more than 2.5 times the other,
 * as that of a profile, gives way to the similarity. Return: 0; -EINVAL if the parts coincide.
 */
int face_template_map(const struct face_template *t, const float (*points)[2], unsigned width_px, unsigned height_px,
                      struct nn_affine *ret);
