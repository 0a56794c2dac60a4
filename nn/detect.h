/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * From the outputs of an anchor-free detection network to boxes: for the plugin that finds faces, and for the trainer that
 * measures how well it does. Two forms are known, told apart by their shapes:
 *
 *   maps   cls_S [1, 1, H/S, W/S] probability, bbox_S [1, 4, H/S, W/S]
 *   lists  cls_S, obj_S [1, N, 1], bbox_S [1, N, 4], N = H/S * W/S row by row: YuNet (Wu, Peng, Yu 2023); the score is
 *          sqrt(cls * obj)
 *
 * for the strides S 8, 16 and 32. In both a cell's box is, in pixels of the input, cx = (column + dx) * S,
 * cy = (row + dy) * S, w = exp(dw) * S, h = exp(dh) * S; the first pixel covers 0..1. The five points kps_S that such
 * networks give are not needed.
 */

#include <stdbool.h>

#include "nn/emotion-nn.h"

#define DETECT_LEVELS 3

extern const unsigned detect_strides[DETECT_LEVELS]; /* 8, 16, 32 */

struct detection {
        float x, y, w, h; /* pixels; left, top */
        float score;      /* 0..1 */
};

struct detections {
        size_t n, room;
        size_t max; /* 0: as many as there are */
        struct detection *list;
};

/* Where the numbers of one stride lie; all borrowed. */
struct detect_level {
        const float *cls, *obj, *bbox; /* obj: NULL for maps */
        unsigned stride, columns, rows;
        size_t cell_step, value_step; /* in bbox, from one cell to the next, and from one of the four to the next */
        bool logits;                  /* cls is before its sigmoid, as a network in training has it */
};

/* Maps of one picture. */
struct detect_level detect_level_from_maps(const float *cls, const float *bbox, unsigned stride, unsigned columns,
                                           unsigned rows);

/**
 * detect_find_levels() - find the outputs of a plan for an input of @width_px by @height_px
 * Return: 0; -EINVAL an output is missing or has another shape, with @error.
 */
int detect_find_levels(const struct nn_model *m, const struct nn_plan *p, unsigned width_px, unsigned height_px,
                       struct detect_level ret[DETECT_LEVELS], struct nn_error *error);

/* Room for @max boxes from the start: adding never allocates again. Return: 0 or -ENOMEM. */
int detections_init(struct detections *d, size_t max);
void detections_done(struct detections *d);

/* Adds a box. Where d->max are in already it takes the place of the least sure one, if that is less sure.
 * Return: 0 or -ENOMEM. */
int detections_add(struct detections *d, const struct detection *a);

/* Adds the boxes whose score is at least @threshold. Boxes that are no numbers, smaller than a pixel or larger than four
 * inputs are left out. Return: 0 or -ENOMEM. */
int detect_decode(const struct detect_level *l, double threshold, struct detections *ret);

/* Intersection over union, 0..1. */
double detect_iou(const struct detection *a, const struct detection *b);

/* Sorts by score, best first, and drops each box whose IoU with a better one is more than @limit. */
void detect_suppress(struct detections *d, double limit);
/* After detect_suppress(): drops each box of whose area more than @share lies in a better and larger one. */
void detect_drop_parts(struct detections *d, double share);
