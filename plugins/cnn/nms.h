/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A detector's many boxes about one face, thinned to one.
 */

#include <stddef.h>

#include "plugins/emo-plugin.h"

#define NMS_MAX 256

/* The best boxes of one look. */
struct nms {
        struct emo_box boxes[NMS_MAX];
        size_t n;
};

/* Adds a box; when there is no room it takes the place of the least sure one, if that is less sure. */
void nms_add(struct nms *c, const struct emo_box *box);

/* Intersection over union, 0..1. */
float nms_overlap(const struct emo_box *a, const struct emo_box *b);

/* Sorts by confidence, best first, and drops each box that overlaps a better one by more than @overlap. */
void nms_thin(struct nms *c, float overlap);
