/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/image.h"
#include "train/cmd/synthetic.h"

#define BACKGROUND 70.f /* darker than skin, as hair would be: cascades look for that */
/* Grey levels of the face: FER2013 means are pale, a camera's picture is not */
#define FACE_MEAN 125.0
#define FACE_DEVIATION 46.0

/* Brings each face to the same mean and contrast, at @exaggeration times its distance from the mean of all. */
static void exaggerate(const struct synthetic *s, unsigned n_classes, float *x)
{
        size_t n = (size_t)s->size_px * s->size_px;

        for (size_t i = 0; i < n; i++) {
                float mean = 0;

                for (unsigned c = 0; c < n_classes; c++)
                        mean += x[c * n + i] / (float)n_classes;
                for (unsigned c = 0; c < n_classes; c++)
                        x[c * n + i] = mean + (float)s->config.exaggeration[c] * (x[c * n + i] - mean);
        }
        for (unsigned c = 0; c < n_classes; c++) {
                double sum = 0, squares = 0;

                for (size_t i = 0; i < n; i++) {
                        sum += x[c * n + i];
                        squares += (double)x[c * n + i] * x[c * n + i];
                }
                double mean = sum / (double)n, deviation = sqrt(MAX(squares / (double)n - mean * mean, 1.0));
                for (size_t i = 0; i < n; i++) {
                        double v = FACE_MEAN + FACE_DEVIATION * (x[c * n + i] - mean) / deviation;

                        s->faces[c * n + i] = (uint8_t)lrint(CLAMP(v, 0.0, 255.0));
                }
        }
}

static bool config_is_valid(const struct synthetic_config *c, unsigned n_classes)
{
        if (c->width_px < 16 || c->height_px < 16 || c->width_px > 4096 || c->height_px > 4096 || !c->rate_hz ||
            c->rate_hz > 240 || !c->n_steps || c->n_steps > SYNTHETIC_MAX_STEPS)
                return false;
        for (unsigned i = 0; i < c->n_steps; i++)
                if (c->steps[i] >= n_classes)
                        return false;
        for (unsigned i = 0; i < n_classes; i++)
                if (!(c->exaggeration[i] > 0 && c->exaggeration[i] <= 10))
                        return false;
        return c->hold_s > 0 && c->hold_s <= 3600 && c->morph_s >= 0 && c->morph_s <= 3600 && c->face_px >= 8 &&
               c->face_px <= c->width_px && c->face_px <= c->height_px;
}

int synthetic_init(struct synthetic *s, const uint8_t *strip, unsigned width_px, unsigned height_px,
                   size_t stride_bytes, const struct synthetic_config *config)
{
        unsigned n_classes = height_px ? width_px / height_px : 0;
        size_t n = (size_t)height_px * height_px;

        if (!n_classes || n_classes > SYNTHETIC_MAX_CLASSES || n_classes * height_px != width_px || height_px < 8 ||
            height_px > 512 || !config_is_valid(config, n_classes))
                return -EINVAL;
        *s = (struct synthetic){ .config = *config, .size_px = height_px };
        s->faces = malloc(n_classes * n);
        s->mixed = malloc(n);
        s->warped = calloc((size_t)config->width_px * config->height_px, sizeof(*s->warped));
        _cleanup_(freep) float *x = calloc(n_classes * n, sizeof(*x));
        if (!s->faces || !s->mixed || !s->warped || !x) {
                synthetic_done(s);
                return -ENOMEM;
        }
        for (size_t c = 0; c < n_classes; c++)
                for (size_t y = 0; y < height_px; y++)
                        for (size_t i = 0; i < height_px; i++)
                                x[c * n + y * height_px + i] = strip[y * stride_bytes + c * height_px + i];
        exaggerate(s, n_classes, x);
        return 0;
}

void synthetic_done(struct synthetic *s)
{
        free(s->faces);
        free(s->mixed);
        free(s->warped);
        *s = (struct synthetic){ 0 };
}

static size_t frames_of_step(const struct synthetic *s)
{
        size_t n = (size_t)lround((s->config.hold_s + s->config.morph_s) * s->config.rate_hz);

        return MAX(n, (size_t)1);
}

size_t synthetic_n_frames(const struct synthetic *s)
{
        return frames_of_step(s) * s->config.n_steps;
}

/* The step that frame @i belongs to, and how far it has changed into the next: 0 (not at all) to below 1. */
static unsigned step_of(const struct synthetic *s, size_t i, double *ret_change)
{
        size_t n = frames_of_step(s);
        double t = (double)(i % n) / s->config.rate_hz - s->config.hold_s;
        double share = s->config.morph_s > 0 ? CLAMP(t / s->config.morph_s, 0.0, 1.0) : 0;

        *ret_change = share * share * (3 - 2 * share); /* starts and stops gently */
        return (unsigned)(i / n % s->config.n_steps);
}

struct synthetic_truth synthetic_truth(const struct synthetic *s, size_t i)
{
        double change;
        unsigned step = step_of(s, i, &change);
        unsigned now = s->config.steps[step], next = s->config.steps[(step + 1) % s->config.n_steps];

        if (now == next)
                return (struct synthetic_truth){ now, 1 };
        return change > 0.5 ? (struct synthetic_truth){ next, change } : (struct synthetic_truth){ now, 1 - change };
}

static void mix(struct synthetic *s, size_t i)
{
        size_t n = (size_t)s->size_px * s->size_px;
        double change;
        unsigned step = step_of(s, i, &change);
        const uint8_t *now = s->faces + s->config.steps[step] * n;
        const uint8_t *next = s->faces + s->config.steps[(step + 1) % s->config.n_steps] * n;

        for (size_t k = 0; k < n; k++)
                s->mixed[k] = (uint8_t)lrint(now[k] + change * ((double)next[k] - now[k]));
}

/* Where the face is in frame @i: a slow sway that ends where it began. */
static struct nn_affine motion(const struct synthetic *s, size_t i)
{
        const struct synthetic_config *c = &s->config;
        double turn = 2 * M_PI * (double)i / (double)synthetic_n_frames(s);
        double side = c->face_px * (1 + 0.04 * sin(2 * turn)), scale = s->size_px / side;
        double roll = 0.035 * sin(3 * turn);
        double x = (c->width_px - 1) / 2.0 + 0.05 * c->width_px * sin(2 * turn);
        double y = (c->height_px - 1) / 2.0 + 0.03 * c->height_px * sin(3 * turn + 1);
        double a = scale * cos(roll), b = scale * sin(roll), centre = (s->size_px - 1) / 2.0;

        return (struct nn_affine){ { a, b, centre - a * x - b * y, -b, a, centre + b * x - a * y } };
}

void synthetic_render(struct synthetic *s, size_t i, uint8_t *ret)
{
        const struct synthetic_config *c = &s->config;
        struct nn_image face = { s->mixed, s->size_px, s->size_px, s->size_px };
        struct nn_affine map = motion(s, i);
        const double *m = map.m;

        mix(s, i);
        if (nn_image_warp(&face, &map, c->width_px, c->height_px, s->warped) < 0)
                return; /* cannot happen: face and map are ours */
        for (unsigned y = 0; y < c->height_px; y++)
                for (unsigned x = 0; x < c->width_px; x++) {
                        /* from the face's middle, 1 at the edge of its square */
                        double u = (m[0] * x + m[1] * y + m[2]) / ((s->size_px - 1) / 2.0) - 1;
                        double v = (m[3] * x + m[4] * y + m[5]) / ((s->size_px - 1) / 2.0) - 1;
                        double r = pow(u * u * u * u + v * v * v * v, 0.25); /* a rounded square */
                        float opacity = (float)CLAMP((1 - r) / 0.16, 0.0, 1.0);
                        float *w = &s->warped[(size_t)y * c->width_px + x];

                        ret[(size_t)y * c->width_px + x] = (uint8_t)lrintf(BACKGROUND + opacity * (*w - BACKGROUND));
                }
}
