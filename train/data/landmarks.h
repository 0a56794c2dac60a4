/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Grey faces with 68 points each: folders with pictures and train.csv (file, width, height, x0, y0, ... x67,
 * y67 in the picture's pixels, whole numbers being pixel centres). One person, the name before the last '_',
 * is wholly trained on or wholly kept back.
 */

#include "nn/image.h"
#include "train/data/dataset.h"
#include "train/data/landmark-shape.h"

struct landmark_face {
        struct nn_image image;      /* data owned by the set */
        float points[LANDMARKS][2]; /* pixels; centre of the first pixel at (0.5, 0.5) */
        bool kept;                  /* of the tenth of all persons that is never trained on */
};

struct landmark_set {
        size_t n;
        struct landmark_face *faces;
};

struct landmark_options {
        double side_px; /* pictures are shrunk, never enlarged, until the box of landmark_box() is so high; 0: not */
        const char *offsets; /* table of landmark-offsets.h, taken away from the first folder's points; NULL: none */
};

/**
 * landmark_set_load() - read train.csv and the pictures of each folder of @path, which are joined by ':'
 * Return: 0; -EBADMSG a wrong or cut file, a picture of another size than the table says; -ENOMEM; errno.
 */
int landmark_set_load(const char *path, const struct landmark_options *options, struct landmark_set **ret,
                      struct dataset_error *error);
struct landmark_set *landmark_set_free(struct landmark_set *s);
DEFINE_CLEANUP(struct landmark_set *, landmark_set_free)
