/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What a detector's boxes are worth.
 */

#include <stddef.h>

#include "nn/detect.h"
#include "train/data/scenes.h"

/* Boxes in an input that shows a picture at @scale to the picture's own pixels. */
void detect_to_picture(struct detections *d, double scale);

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
int detect_score_add(struct detect_score *s, const struct detections *d, const struct scene_face *faces, size_t n_faces,
                     double iou);
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
