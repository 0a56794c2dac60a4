/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "daemon/vision/crop.h"

int crop_map(const struct face_template *t, const struct emo_alignment *a, unsigned width_px, unsigned height_px,
             struct nn_affine *ret)
{
        unsigned side = MIN(width_px, height_px);

        if (a->n_points != EMO_MAX_LANDMARKS) {
                struct nn_affine m = nn_affine_from_square((double)a->x, (double)a->y, (double)a->side_px,
                                                           (double)a->roll_rad, side);
                /* an oblong input shows more to both sides */
                double dx = (width_px - side) / 2.0, dy = (height_px - side) / 2.0;

                m.m[2] -= m.m[0] * dx + m.m[1] * dy;
                m.m[5] -= m.m[3] * dx + m.m[4] * dy;
                *ret = m;
                return 0;
        }
        return face_template_map(t, a->points, width_px, height_px, ret);
}

double crop_side_px(const struct nn_affine *map, unsigned width_px)
{
        return hypot(map->m[0], map->m[3]) * width_px;
}

int crop_face(const struct face_template *t, const struct frame *f, const struct emo_alignment *a, unsigned width_px,
              unsigned height_px, float *ret, double *ret_side_px)
{
        const struct nn_image image = { .data = f->gray,
                                        .width_px = f->width_px,
                                        .height_px = f->height_px,
                                        .stride_bytes = f->gray_stride_bytes };
        struct nn_affine map;
        int r = crop_map(t, a, width_px, height_px, &map);

        if (r >= 0)
                r = nn_image_warp(&image, &map, width_px, height_px, ret);
        if (r >= 0 && ret_side_px)
                *ret_side_px = crop_side_px(&map, width_px);
        return r;
}

int crop_colour(const struct face_template *t, const struct frame *f, const struct emo_alignment *a, unsigned width_px,
                unsigned height_px, float *ret)
{
        const struct nn_image image = {
                .data = f->bgr, .width_px = f->width_px, .height_px = f->height_px, .stride_bytes = f->bgr_stride_bytes
        };
        struct nn_affine map;
        int r = crop_map(t, a, width_px, height_px, &map);

        return r < 0 ? r : nn_image_warp_bgr(&image, &map, width_px, height_px, ret);
}
