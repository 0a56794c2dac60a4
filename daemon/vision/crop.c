/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "daemon/vision/crop.h"

/* Where FER2013 has the middle of the eye on the left, of the eye on the right and of the mouth, in sides of the
 * picture from its top left corner. Eyes: medians of what OpenCV's eye cascade found in 973 of 1500 Training pictures
 * (0.299 0.383, 0.682 0.378; quartiles 0.05 apart), made symmetric; mouth: read off the mean faces of the classes. */
static const double template_points[3][2] = { { 0.308, 0.380 }, { 0.692, 0.380 }, { 0.500, 0.790 } };

/* First landmark and number of landmarks of the same three parts. */
static const struct {
        unsigned first, n;
} parts[3] = { { 36, 6 }, { 42, 6 }, { 48, 20 } };

int crop_map(const struct emo_alignment *a, unsigned width_px, unsigned height_px, struct nn_affine *ret)
{
        unsigned side = MIN(width_px, height_px);
        float dst[3][2], src[3][2];

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
        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
                double x = 0, y = 0;

                for (unsigned k = 0; k < parts[i].n; k++) {
                        x += (double)a->points[parts[i].first + k][0];
                        y += (double)a->points[parts[i].first + k][1];
                }
                src[i][0] = (float)(x / parts[i].n);
                src[i][1] = (float)(y / parts[i].n);
                dst[i][0] = (float)(template_points[i][0] * side - 0.5 + (width_px - side) / 2.0);
                dst[i][1] = (float)(template_points[i][1] * side - 0.5 + (height_px - side) / 2.0);
        }
        return nn_affine_similarity(dst, src, ARRAY_LEN(parts), ret);
}

double crop_side_px(const struct nn_affine *map, unsigned width_px)
{
        return hypot(map->m[0], map->m[3]) * width_px;
}

int crop_face(const struct frame *f, const struct emo_alignment *a, unsigned width_px, unsigned height_px, float *ret,
              double *ret_side_px)
{
        const struct nn_image image = { .data = f->gray,
                                        .width_px = f->width_px,
                                        .height_px = f->height_px,
                                        .stride_bytes = f->gray_stride_bytes };
        struct nn_affine map;
        int r = crop_map(a, width_px, height_px, &map);

        if (r >= 0)
                r = nn_image_warp(&image, &map, width_px, height_px, ret);
        if (r >= 0 && ret_side_px)
                *ret_side_px = crop_side_px(&map, width_px);
        return r;
}
