/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "basic/macro.h"
#include "train/task/augment.h"

/* A step between neighbouring samples up to which plain bilinear sampling shows no aliasing worth the area average. */
#define BILINEAR_MAX_STEP 1.5
#define BLUR_MAX_RADIUS 12
/* Light that is left in a dark picture. */
#define DARKEST (1 / 7.0)
#define LEAST_DARK 0.7

/* A factor whose logarithm is uniform, from 1 / (1 + amount) to 1 + amount. */
static double draw_factor(struct rng *rng, double amount)
{
        double l = log1p(MAX(amount, 0.0));

        return exp(rng_range(rng, -l, l));
}

/* The way back from the augmented picture to the source, about both centres. */
static struct nn_affine draw_map(const struct augment_config *c, struct rng *rng, const struct nn_image *src,
                                 unsigned width_px, unsigned height_px)
{
        double sx = (double)src->width_px / width_px, sy = (double)src->height_px / height_px;
        double scale = draw_factor(rng, c->scale), stretch = sqrt(draw_factor(rng, c->stretch));
        double angle = rng_range(rng, -c->rotate_deg, c->rotate_deg) * (M_PI / 180);
        double shear = rng_range(rng, -c->shear, c->shear);
        double shift_x = rng_range(rng, -c->shift, c->shift) * src->width_px;
        double shift_y = rng_range(rng, -c->shift, c->shift) * src->height_px;
        double mirror = rng_uniform(rng) < c->flip ? -1 : 1;
        double cx = (width_px - 1) / 2.0, cy = (height_px - 1) / 2.0;

        /* rotation times (scale * stretch, shear; 0, scale / stretch) */
        double x = scale * stretch, y = scale / stretch, cos_a = cos(angle), sin_a = sin(angle);
        double m0 = sx * mirror * cos_a * x, m1 = sx * (cos_a * shear - sin_a * y);
        double m3 = sy * mirror * sin_a * x, m4 = sy * (sin_a * shear + cos_a * y);

        return (struct nn_affine){ { m0, m1, (src->width_px - 1) / 2.0 + shift_x - m0 * cx - m1 * cy, m3, m4,
                                     (src->height_px - 1) / 2.0 + shift_y - m3 * cx - m4 * cy } };
}

/* nn_image_warp() without area averages and with the work of a row kept incremental: several times faster. */
static void warp_bilinear(const struct nn_image *src, const struct nn_affine *map, unsigned width_px,
                          unsigned height_px, float *ret)
{
        const double *m = map->m;
        float step_x = (float)m[0], step_y = (float)m[3];

        for (unsigned y = 0; y < height_px; y++) {
                float x_row = (float)(m[1] * y + m[2]), y_row = (float)(m[4] * y + m[5]);

                for (unsigned x = 0; x < width_px; x++)
                        *ret++ = nn_image_sample(src, x_row + step_x * (float)x, y_row + step_y * (float)x);
        }
}

static void warp(const struct nn_image *src, const struct nn_affine *map, unsigned width_px, unsigned height_px,
                 float *ret)
{
        const double *m = map->m;

        if (hypot(m[0], m[3]) <= BILINEAR_MAX_STEP && hypot(m[1], m[4]) <= BILINEAR_MAX_STEP)
                warp_bilinear(src, map, width_px, height_px, ret);
        else if (nn_image_warp(src, map, width_px, height_px, ret) < 0)
                memset(ret, 0, (size_t)width_px * height_px * sizeof(*ret));
}

static float mean_of(const float *x, size_t n)
{
        double sum = 0;

        for (size_t i = 0; i < n; i++)
                sum += x[i];
        return n ? (float)(sum / (double)n) : 0;
}

/* Convolves one line of @n values, @step apart, with the symmetric taps 0..radius; the ends repeat. */
static void blur_line(const float *x, size_t n, size_t step, const float *taps, size_t radius, float *ret)
{
        for (size_t i = 0; i < n; i++) {
                float sum = taps[0] * x[i * step];

                for (size_t k = 1; k <= radius; k++) {
                        size_t before = i > k ? i - k : 0, after = MIN(i + k, n - 1);

                        sum += taps[k] * (x[before * step] + x[after * step]);
                }
                ret[i * step] = sum;
        }
}

static void blur(float *x, unsigned width_px, unsigned height_px, double sigma_px, float *scratch)
{
        float taps[BLUR_MAX_RADIUS + 1];
        double weights[BLUR_MAX_RADIUS + 1], sum = 0;
        size_t radius = (size_t)MIN(ceil(2.5 * sigma_px), (double)BLUR_MAX_RADIUS);

        if (sigma_px < 0.05)
                return;
        for (size_t k = 0; k <= radius; k++) {
                weights[k] = exp(-0.5 * (double)(k * k) / (sigma_px * sigma_px));
                sum += k ? 2 * weights[k] : weights[k];
        }
        for (size_t k = 0; k <= radius; k++)
                taps[k] = (float)(weights[k] / sum);
        for (size_t y = 0; y < height_px; y++)
                blur_line(x + y * width_px, width_px, 1, taps, radius, scratch + y * width_px);
        for (size_t i = 0; i < width_px; i++)
                blur_line(scratch + i, height_px, width_px, taps, radius, x + i);
}

/* Contrast about the mean, brightness and noise, kept within 0..255. */
static void change_tone(float *x, size_t n, double contrast, double brightness, double noise, struct rng *rng)
{
        float mean = mean_of(x, n), gain = (float)contrast, shift = (float)brightness;
        /* four 16-bit numbers of one draw add up to a bell of variance 4/12: near enough to a Gaussian, and cheap */
        float noise_scale = (float)(noise * sqrt(3) / 65536), noise_mean = 2 * 65535;

        for (size_t i = 0; i < n; i++) {
                float v = mean + (x[i] - mean) * gain + shift;

                if (noise > 0) {
                        uint64_t bits = rng_next(rng);
                        unsigned sum = (unsigned)(bits & 0xffff) + (unsigned)(bits >> 16 & 0xffff) +
                                       (unsigned)(bits >> 32 & 0xffff) + (unsigned)(bits >> 48);

                        v += noise_scale * ((float)sum - noise_mean);
                }
                x[i] = CLAMP(v, 0.f, 255.f);
        }
}

/* One square in the picture's mean grey; its centre is anywhere, so that parts may hang over the edge. */
static void cut_out(float *x, unsigned width_px, unsigned height_px, double size, struct rng *rng)
{
        float grey = mean_of(x, (size_t)width_px * height_px);
        long side = lround(CLAMP(size, 0.0, 1.0) * width_px);
        long left = (long)rng_below(rng, width_px) - side / 2, top = (long)rng_below(rng, height_px) - side / 2;

        for (long j = MAX(top, 0L); j < MIN(top + side, (long)height_px); j++)
                for (long i = MAX(left, 0L); i < MIN(left + side, (long)width_px); i++)
                        x[(size_t)j * width_px + (size_t)i] = grey;
}

void augment_pixels(const struct augment_config *config, struct rng *rng, unsigned width_px, unsigned height_px,
                    float *x, float *scratch)
{
        if (config->blur_px > 0 && rng_uniform(rng) < 0.5)
                blur(x, width_px, height_px, rng_range(rng, 0, config->blur_px), scratch);
        if (config->dark > 0 && rng_uniform(rng) < config->dark) {
                float light = (float)exp(rng_range(rng, log(DARKEST), log(LEAST_DARK)));

                for (size_t i = 0; i < (size_t)width_px * height_px; i++)
                        x[i] *= light;
        }
        if (config->contrast > 0 || config->brightness > 0 || config->noise > 0) {
                double contrast = 1 + rng_range(rng, -config->contrast, config->contrast);
                double brightness = 255 * rng_range(rng, -config->brightness, config->brightness);
                double noise = rng_range(rng, 0, config->noise);

                change_tone(x, (size_t)width_px * height_px, contrast, brightness, noise, rng);
        }
        if (config->cutout > 0 && rng_uniform(rng) < config->cutout)
                cut_out(x, width_px, height_px, config->cutout_size, rng);
}

void augment(const struct augment_config *config, struct rng *rng, const struct nn_image *src, unsigned width_px,
             unsigned height_px, float *ret, float *scratch)
{
        struct nn_affine map = draw_map(config, rng, src, width_px, height_px);

        warp(src, &map, width_px, height_px, ret);
        augment_pixels(config, rng, width_px, height_px, ret, scratch);
}
