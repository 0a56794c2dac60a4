/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>

#include "basic/macro.h"
#include "train/data/sample.h"

int sample_invert(const struct nn_affine *map, struct nn_affine *ret)
{
        const double *m = map->m;
        double det = m[0] * m[4] - m[1] * m[3];

        if (!isfinite(det) || fabs(det) < 1e-12)
                return -EINVAL;
        double a = m[4] / det, b = -m[1] / det, c = -m[3] / det, d = m[0] / det;

        *ret = (struct nn_affine){ { a, b, -(a * m[2] + b * m[5]), c, d, -(c * m[2] + d * m[5]) } };
        return 0;
}

void sample_point(const struct nn_affine *map, double x, double y, double *ret_x, double *ret_y)
{
        const double *m = map->m;

        *ret_x = m[0] * x + m[1] * y + m[2];
        *ret_y = m[3] * x + m[4] * y + m[5];
}

/* Rows or columns of the destination that can hold something: those of the area's corners. */
static void reach(const double *corners, unsigned n_px, unsigned *ret_from, unsigned *ret_to)
{
        double lo = fmin(fmin(corners[0], corners[1]), fmin(corners[2], corners[3]));
        double hi = fmax(fmax(corners[0], corners[1]), fmax(corners[2], corners[3]));

        *ret_from = (unsigned)CLAMP(floor(lo), 0.0, (double)n_px);
        *ret_to = (unsigned)CLAMP(ceil(hi) + 1, 0.0, (double)n_px);
}

void sample_onto(const struct nn_image *src, const struct sample_area *from, const struct nn_affine *map,
                 unsigned width_px, unsigned height_px, float *ret)
{
        const double *m = map->m, x[] = { from->x0, from->x1, from->x0, from->x1 },
                     y[] = { from->y0, from->y0, from->y1, from->y1 };
        double xd[4], yd[4];
        unsigned x0, x1, y0, y1;
        struct nn_affine back;

        if (sample_invert(map, &back) < 0)
                return;
        for (unsigned i = 0; i < 4; i++)
                sample_point(&back, x[i] - 0.5, y[i] - 0.5, &xd[i], &yd[i]);
        reach(xd, width_px, &x0, &x1);
        reach(yd, height_px, &y0, &y1);
        for (unsigned j = y0; j < y1; j++)
                for (unsigned i = x0; i < x1; i++) {
                        double xs = m[0] * i + m[1] * j + m[2], ys = m[3] * i + m[4] * j + m[5];

                        if (xs >= from->x0 - 0.5 && xs < from->x1 - 0.5 && ys >= from->y0 - 0.5 && ys < from->y1 - 0.5)
                                ret[(size_t)j * width_px + i] = nn_image_sample(src, (float)xs, (float)ys);
                }
}
