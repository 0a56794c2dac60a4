/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Where the points of a set lie wrong all alike: a table point,right,low of 68 lines, by how much each point lies to
 * the right of its place and below it, in shares of the distance of the outer corners of the eyes.
 */

#include "train/data/dataset.h"
#include "train/data/landmark-shape.h"

struct landmark_offsets {
        float by[LANDMARKS][2]; /* right, low */
};

/* Return: 0; -EBADMSG a line that is no such line, a point twice or missing, over 0.2; errno. */
int landmark_offsets_read(const char *path, struct landmark_offsets *ret, struct dataset_error *error);
/* Moves @points (pixels, or any unit) to their places. */
void landmark_offsets_take_away(const struct landmark_offsets *o, float (*points)[2]);
