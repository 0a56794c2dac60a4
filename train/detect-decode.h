/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * From a detector's maps to boxes, and what the boxes are worth.
 */

#include <stddef.h>

#include "train/data/scenes.h"

#define DETECT_LEVELS 3

extern const unsigned detect_strides[DETECT_LEVELS]; /* 8, 16, 32 */

struct detection {
        float x, y, w, h; /* pixels; left, top */
        float score;
        float points[SCENE_POINTS][2];
};

struct detections {
        size_t n, room;
        struct detection *list;
};

/* One level's maps of one picture: cls [h, w], bbox [4, h, w], kps [10, h, w], in YuNet's meaning (Wu et al.
 * 2023): the box of cell (row, col) is centred at (col + dx) * stride, (row + dy) * stride, exp(log w) *
 * stride wide; points lie at (col + dx) * stride. */
struct detect_maps {
        const float *cls, *bbox, *kps;
        unsigned w, h, stride;
        bool logits; /* cls is before its sigmoid */
};

/* Appends the cells of at least @threshold. Return: 0 or -ENOMEM. */
int detect_decode(const struct detect_maps *maps, double threshold, struct detections *d);
/* Keeps the best of those whose IoU is more than @limit; the list is then sorted, best first. */
void detect_suppress(struct detections *d, double limit);
/* Boxes in an input that shows a picture at @scale to the picture's own pixels; points stay. */
void detect_to_picture(struct detections *d, double scale);
double detect_iou(float ax, float ay, float aw, float ah, float bx, float by, float bw, float bh);

/* All detections of a set, each right or wrong. */
struct detect_score {
        size_t n_pictures, n_faces, n, room;
        struct detect_mark {
                float score;
                bool right;
        } * marks;
};

/* Counts a picture: detections, best first, each take the truth that they overlap most, if that is by @iou at
 * least and not taken. Return: 0 or -ENOMEM. */
int detect_score_add(struct detect_score *s, const struct detections *d, const struct scene_face *faces,
                     size_t n_faces, double iou);
/* After the last picture: sorts, best first. */
void detect_score_sort(struct detect_score *s);
/* Area under the curve of precision over recall, precision made monotonous (as VOC 2010 has it). */
double detect_score_average_precision(const struct detect_score *s);
/* Recall at the lowest threshold with no more than @false_per_picture; *ret_threshold (may be NULL): that
 * one. */
double detect_score_recall(const struct detect_score *s, double false_per_picture, double *ret_threshold);
/* Right and wrong detections of at least @threshold. */
void detect_score_at(const struct detect_score *s, double threshold, size_t *ret_right, size_t *ret_wrong);
void detect_score_done(struct detect_score *s);
