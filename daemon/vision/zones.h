/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Parts of the picture in which faces are not analysed: named polygons in shares of the picture, 0, 0 its upper left
 * corner and 1, 1 its lower right one. A face lies in a zone if the centre of its box does.
 */

#include <stdint.h>

#include "basic/macro.h"
#include "plugins/emo-plugin.h"

#define ZONES_MAX 16u
#define ZONE_MAX_POINTS 16u
#define ZONE_NAME_MAX 33 /* bytes with NUL */

struct zone {
        char name[ZONE_NAME_MAX];
        size_t n_points;
        double points[ZONE_MAX_POINTS][2];
};

struct zones {
        size_t n;
        struct zone items[ZONES_MAX];
};

/* What is wrong with @z as a polygon: NULL, or the rest of a sentence. */
const char *zone_complaint(const struct zone *z);
bool zones_hold(const struct zones *zs, const struct emo_box *box, unsigned width_px, unsigned height_px);
