/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "basic/macro.h"
#include "daemon/vision/plugin-check.h"

/* A box or crop of more than this many picture sides is no face. */
#define MAX_PICTURES 4.f

static float picture_side_px(const struct emo_image *image)
{
        return (float)MAX(image->width_px, image->height_px);
}

bool plugin_box_is_sane(const struct emo_box *b, const struct emo_image *image)
{
        float limit = MAX_PICTURES * picture_side_px(image);

        /* written so that a NaN fails; the box must touch the picture */
        return b->width >= 1 && b->width <= limit && b->height >= 1 && b->height <= limit && b->x >= -b->width &&
               b->x <= (float)image->width_px && b->y >= -b->height && b->y <= (float)image->height_px;
}

bool plugin_alignment_is_sane(const struct emo_alignment *a, const struct emo_image *image)
{
        float limit = MAX_PICTURES * picture_side_px(image);

        if (a->n_points != 0 && a->n_points != EMO_MAX_LANDMARKS)
                return false;
        for (size_t i = 0; i < a->n_points; i++)
                if (!(fabsf(a->points[i][0]) <= limit && fabsf(a->points[i][1]) <= limit))
                        return false;
        if (a->n_points == 0 && !(a->side_px >= 1 && a->side_px <= limit && fabsf(a->x) <= limit &&
                                  fabsf(a->y) <= limit && fabsf(a->roll_rad) <= 4.f))
                return false;
        return a->confidence >= 0 && a->confidence <= 1;
}
