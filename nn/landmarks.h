/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * 68 points of a face by a network. The plugin and the trainer's tool share it.
 *
 * The network: input [1, 1, S, S] float32, a grey crop; outputs `points` [1, 136], x0, y0 .. x67, y67 as shares of the
 * crop's side (the middle of pixel i is at (i + 0.5) / S), and `confidence` [1, 1], 0..1 that this is a face. Metadata:
 *   emotiond.task           "landmarks"
 *   emotiond.normalisation  see nn/image.h; absent: "unit"
 *   emotiond.crop           side of the crop in sides of the face's square below, 0.5..4; absent: 1
 *
 * Points are numbered as in the 68-point scheme (Multi-PIE, iBUG 300-W). Coordinates are those of nn/image.h.
 */

#include <stdbool.h>

#include "nn/emotion-nn.h"
#include "nn/image.h"

#define LANDMARKS_N 68

/* The square about a face from the forehead to the chin, by its eyes' middle E and the middle M of its mouth's corners:
 * its centre is 0.32 of the way from E to M, its side 2.78 times that way, as a detector's boxes with the forehead are
 * on average. Turned by @roll_rad (positive: its axis to the right points down in the picture). */
struct landmarks_square {
        double x, y, side_px, roll_rad;
};

/* A box from the brows to the chin, as OpenCV's cascades draw it, has the centre of that square, which is wider by this
 * factor: the inverse of the median of their sides over 3080 faces with both; quartiles 1.08 and 1.19. */
#define LANDMARKS_SQUARE_PER_BOX (1 / 0.885)

struct landmarks_face {
        float points[LANDMARKS_N][2];
        float confidence; /* 0..1 */
};

struct landmarks;

/**
 * landmarks_new() - load a network and plan it
 * Return: 0; -EINVAL a network of another form; else as nn_model_load(). @error is filled.
 */
int landmarks_new(const char *path, struct landmarks **ret, struct nn_error *error);
/* Accepts NULL; returns NULL. */
struct landmarks *landmarks_free(struct landmarks *l);

/* One pass over the crop about @square. Allocates nothing. Return: 0; -EINVAL a square that is no square; -EBADMSG the
 * network gives no numbers. */
int landmarks_run(struct landmarks *l, const struct nn_image *image, const struct landmarks_square *square,
                  struct landmarks_face *ret);

/**
 * landmarks_find() - up to @max_passes passes, each about the square of the points of the one before, until that square
 *                    lies as the network saw it in training: centred, upright and of the right size, within bounds
 * Return: as landmarks_run(); the last pass that saw a face.
 */
int landmarks_find(struct landmarks *l, const struct nn_image *image, const struct landmarks_square *start,
                   unsigned max_passes, struct landmarks_face *ret);

/* Where to look first in a picture of @side_px that is a face in FER2013's framing. Such a picture cuts the face's square
 * at its edges: it is 1.035 boxes wide (plugins/box), the square LANDMARKS_SQUARE_PER_BOX. */
struct landmarks_square landmarks_square_of_crop(unsigned side_px);

/* The square of @points, turned as the line between the eyes and the line down to the mouth say together. False if the
 * points are no face: in one place, or no numbers. */
bool landmarks_square_of(const float (*points)[2], struct landmarks_square *ret);
