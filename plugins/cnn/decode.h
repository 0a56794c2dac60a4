/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * From the outputs of an anchor-free detection network to boxes. Two forms are known, told apart by their shapes:
 *
 *   maps   cls_S [1, 1, H/S, W/S] probability, bbox_S [1, 4, H/S, W/S]
 *   lists  cls_S, obj_S [1, N, 1], bbox_S [1, N, 4], N = H/S * W/S row by row: YuNet (Wu, Peng, Yu 2023); the score is
 *          sqrt(cls * obj)
 *
 * for the strides S 8, 16 and 32. In both a cell's box is, in pixels of the input, cx = (column + dx) * S,
 * cy = (row + dy) * S, w = exp(dw) * S, h = exp(dh) * S. The five points kps_S that such networks give are not needed.
 */

#include "nn/emotion-nn.h"
#include "plugins/cnn/nms.h"

#define DECODE_N_STRIDES 3

extern const unsigned decode_strides[DECODE_N_STRIDES];

/* Where the numbers of one stride lie; all borrowed from the plan. */
struct decode_head {
        const float *cls, *obj, *bbox; /* obj: NULL for maps */
        unsigned stride, columns, rows;
        size_t cell_step, value_step; /* in bbox, from one cell to the next, and from one of the four to the next */
};

/**
 * decode_heads() - find the outputs of a plan
 * Return: 0; -EINVAL an output is missing or has another shape, with @error.
 */
int decode_heads(const struct nn_model *m, const struct nn_plan *p, unsigned width_px, unsigned height_px,
                 struct decode_head ret[DECODE_N_STRIDES], struct nn_error *error);

/* Adds the boxes whose score is at least @threshold; edges in pixels, the first pixel covers 0..1. Boxes that are no
 * numbers or larger than four inputs are left out. */
void decode_boxes(const struct decode_head *h, float threshold, struct nms *ret);
