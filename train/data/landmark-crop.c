/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "train/data/landmark-crop.h"
#include "train/data/sample.h"

struct nn_affine landmark_crop_map(const struct landmark_face *f, const struct landmark_frame *frame, double crop,
                                   unsigned side_px)
{
        struct landmark_box box = landmark_box(f->points);
        double step = crop * box.height * frame->scale / side_px, centre = (side_px - 1) / 2.0;
        double c = cos(frame->roll_rad) * step, s = sin(frame->roll_rad) * step;
        double x = (frame->mirror ? -1 : 1) * sqrt(frame->stretch), y = 1 / sqrt(frame->stretch);
        double a = c * x, b = -s * y, d = s * x, e = c * y;
        /* the shift is along the crop's axes: it is the box that is off */
        double sx = frame->shift_x * box.height / step, sy = frame->shift_y * box.height / step;

        return (struct nn_affine){ { a, b, box.x - 0.5 - a * (centre - sx) - b * (centre - sy), d, e,
                                     box.y - 0.5 - d * (centre - sx) - e * (centre - sy) } };
}

int landmark_crop_points(const struct landmark_face *f, const struct nn_affine *map, bool mirror, unsigned side_px,
                         float (*ret)[2])
{
        struct nn_affine back;
        int r = sample_invert(map, &back);

        for (unsigned i = 0; r >= 0 && i < LANDMARKS; i++) {
                const float *p = f->points[mirror ? landmark_mirror[i] : i];
                double x, y;

                sample_point(&back, (double)p[0] - 0.5, (double)p[1] - 0.5, &x, &y);
                ret[i][0] = (float)((x + 0.5) / side_px);
                ret[i][1] = (float)((y + 0.5) / side_px);
        }
        return r;
}

void landmark_crop(const struct landmark_face *f, const struct nn_affine *map, unsigned side_px, float *ret)
{
        static const struct sample_area everywhere = { -1e9, -1e9, 1e9, 1e9 };
        const double *m = map->m;

        /* beyond this step bilinear sampling would alias */
        if (hypot(m[0], m[3]) > 1.7 || hypot(m[1], m[4]) > 1.7) {
                if (nn_image_warp(&f->image, map, side_px, side_px, ret) < 0)
                        memset(ret, 0, (size_t)side_px * side_px * sizeof(*ret));
        } else
                sample_onto(&f->image, &everywhere, map, side_px, side_px, ret);
}
