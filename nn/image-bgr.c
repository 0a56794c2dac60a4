/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>

#include "basic/macro.h"
#include "nn/image.h"
#include "nn/kernels/warp.h"

/* As many samples as source pixels lie under a step of length (@dx, @dy), so that none is jumped over. */
static unsigned n_samples(double dx, double dy)
{
        return (unsigned)CLAMP(ceil(hypot(dx, dy) - 1e-6), 1, (double)NN_WARP_MAX_SAMPLES);
}

/* Adds the bilinear colour at (@x, @y) to @sums, red first; border pixels repeat outside. */
static void add_sample(const struct nn_image *im, double x, double y, float *sums)
{
        double max_x = im->width_px - 1, max_y = im->height_px - 1;

        x = CLAMP(x, 0, max_x);
        y = CLAMP(y, 0, max_y);
        unsigned x0 = (unsigned)x, y0 = (unsigned)y;
        float fx = (float)(x - x0), fy = (float)(y - y0);
        const uint8_t *a = im->data + y0 * im->stride_bytes + (size_t)3 * x0;
        size_t right = x0 + 1 < im->width_px ? 3 : 0, below = y0 + 1 < im->height_px ? im->stride_bytes : 0;

        for (unsigned c = 0; c < 3; c++, a++) {
                float top = a[0] + fx * ((float)a[right] - a[0]);
                float bottom = a[below] + fx * ((float)a[below + right] - a[below]);

                sums[2 - c] += top + fy * (bottom - top);
        }
}

int nn_image_warp_bgr(const struct nn_image *src, const struct nn_affine *map, unsigned width_px, unsigned height_px,
                      float *ret)
{
        const double *m = map->m;
        size_t plane = (size_t)width_px * height_px;

        if (!src->data || !src->width_px || !src->height_px || src->stride_bytes / 3 < src->width_px)
                return -EINVAL;
        for (size_t i = 0; i < 6; i++)
                if (!isfinite(m[i]))
                        return -EINVAL;
        unsigned nx = n_samples(m[0], m[3]), ny = n_samples(m[1], m[4]);
        for (size_t k = 0; k < plane; k++) {
                float sums[3] = { 0 };

                for (unsigned s = 0; s < nx * ny; s++) {
                        double x = (double)(k % width_px) + (s % nx + 0.5) / nx - 0.5;
                        double y = (double)(k / width_px) + (s / nx + 0.5) / ny - 0.5;

                        add_sample(src, m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5], sums);
                }
                for (unsigned c = 0; c < 3; c++)
                        ret[c * plane + k] = sums[c] / (float)(nx * ny);
        }
        return 0;
}
