/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "daemon/vision/quality.h"

/* 0 at @none and before it, 1 at @all and beyond, a line between; a NaN is 0. */
static double ramp(double x, double none, double all)
{
        double y = (x - none) / (all - none);

        return y > 0 ? fmin(y, 1) : 0;
}

static void spread(const float *x, size_t n, double *ret_mean, double *ret_variance)
{
        double sum = 0, squares = 0;

        for (size_t i = 0; i < n; i++) {
                sum += (double)x[i];
                squares += (double)x[i] * (double)x[i];
        }
        *ret_mean = n ? sum / (double)n : 0;
        *ret_variance = n ? fmax(squares / (double)n - *ret_mean * *ret_mean, 0) : 0;
}

/* Of the Laplacian over the inner pixels. */
static double laplacian_variance(const float *x, unsigned width, unsigned height)
{
        double sum = 0, squares = 0, n = 0;

        for (unsigned v = 1; v + 1 < height; v++) {
                const float *row = x + (size_t)v * width;

                for (unsigned u = 1; u + 1 < width; u++) {
                        double l = (double)(4 * row[u] - row[u - 1] - row[u + 1] - row[(ptrdiff_t)u - width] -
                                            row[u + width]);

                        sum += l;
                        squares += l * l;
                        n++;
                }
        }
        return n > 0 ? fmax(squares / n - sum / n * (sum / n), 0) : 0;
}

static double turned_deg(const struct face_pose *pose)
{
        return acos(cos((double)pose->yaw_deg * M_PI / 180) * cos((double)pose->pitch_deg * M_PI / 180)) * 180 / M_PI;
}

void quality_measure(const float *crop, unsigned width_px, unsigned height_px, double side_px,
                     const struct face_pose *pose, struct quality *ret)
{
        double mean, variance, sharpness;

        spread(crop, (size_t)width_px * height_px, &mean, &variance);
        /* a crop of one colour has no edges, and dividing by nothing would find some */
        sharpness = laplacian_variance(crop, width_px, height_px) / fmax(variance, 1);
        *ret = (struct quality){
                .size = ramp(side_px, 8, 24),
                .turn = pose->known ? ramp(turned_deg(pose), 70, 30) : 1,
                .light = fmin(ramp(mean, 5, 25), ramp(sqrt(variance), 3, 11)),
                .sharpness = ramp(log(fmax(sharpness, 1e-9)), log(0.003), log(0.06)),
        };
}

double quality_least(const struct quality *q)
{
        return fmin(fmin(q->size, q->turn), fmin(q->light, q->sharpness));
}
