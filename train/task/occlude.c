/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "basic/macro.h"
#include "train/task/occlude.h"

enum { LEFT_EYE, RIGHT_EYE, NOSE, LEFT_MOUTH, RIGHT_MOUTH };

/* The face's own frame: its middle line, and the sizes that things are drawn by. */
struct face_frame {
        double ux, uy;         /* along the eyes, of length 1 */
        double vx, vy;         /* from the forehead to the chin */
        double eyes_x, eyes_y; /* between the eyes */
        double mouth_x, mouth_y;
        double w, h;     /* of the upright face, pixels */
        float mean_grey; /* of what is about the nose */
};

/* A superellipse with soft edges. */
struct blob {
        double x, y, rx, ry;
        double ux, uy;      /* direction of rx, of length 1 */
        double power;       /* 2: an ellipse; large: a rectangle */
        double hole;        /* share of the radii that is left out: a ring */
        float grey, across; /* in the middle, and what it gains to the end of rx */
        float stripes;      /* amplitude of folds along ry */
        float opacity;
};

static void draw_blob(const struct blob *b, unsigned w, unsigned h, float *x)
{
        double reach = hypot(b->rx, b->ry) + 1, soft = 1 / fmax(MIN(b->rx, b->ry), 1.0);
        unsigned x0 = (unsigned)CLAMP(floor(b->x - reach), 0.0, (double)w),
                 x1 = (unsigned)CLAMP(ceil(b->x + reach), 0.0, (double)w),
                 y0 = (unsigned)CLAMP(floor(b->y - reach), 0.0, (double)h),
                 y1 = (unsigned)CLAMP(ceil(b->y + reach), 0.0, (double)h);

        if (b->rx < 0.3 || b->ry < 0.3)
                return;
        for (unsigned j = y0; j < y1; j++)
                for (unsigned i = x0; i < x1; i++) {
                        double dx = i + 0.5 - b->x, dy = j + 0.5 - b->y;
                        double s = (dx * b->ux + dy * b->uy) / b->rx, t = (dy * b->ux - dx * b->uy) / b->ry;
                        double r = pow(pow(fabs(s), b->power) + pow(fabs(t), b->power), 1 / b->power);
                        double inside = CLAMP((1 + soft / 2 - r) / soft, 0.0, 1.0);
                        float *to = &x[(size_t)j * w + i], a, v;

                        if (b->hole > 0)
                                inside *= CLAMP((r - b->hole + soft / 2) / soft, 0.0, 1.0);
                        if (inside <= 0)
                                continue;
                        a = (float)inside * b->opacity;
                        v = b->grey + b->across * (float)s + b->stripes * sinf(9 * (float)t);
                        *to += a * (CLAMP(v, 0.f, 255.f) - *to);
                }
}

static float grey_about(double cx, double cy, double radius, unsigned w, unsigned h, const float *x)
{
        double sum = 0;
        unsigned n = 0;

        for (double dy = -radius; dy <= radius; dy += fmax(radius / 3, 1))
                for (double dx = -radius; dx <= radius; dx += fmax(radius / 3, 1)) {
                        double px = cx + dx, py = cy + dy;

                        if (!(px >= 0 && py >= 0 && px < w && py < h))
                                continue;
                        sum += (double)x[(size_t)py * w + (size_t)px];
                        n++;
                }
        return n ? (float)(sum / n) : 127;
}

static bool frame_init(struct face_frame *k, const struct scene_face *f, unsigned w, unsigned h, const float *x)
{
        const float(*p)[2] = f->points;
        double dx = (double)(p[RIGHT_EYE][0] - p[LEFT_EYE][0]), dy = (double)(p[RIGHT_EYE][1] - p[LEFT_EYE][1]);
        double length = hypot(dx, dy), long_side = (double)MAX(f->w, f->h), short_side = (double)MIN(f->w, f->h);

        if (!f->has_points || !(length > 0.5))
                return false;
        *k = (struct face_frame){
                .ux = dx / length,
                .uy = dy / length,
                .eyes_x = (double)(p[LEFT_EYE][0] + p[RIGHT_EYE][0]) / 2,
                .eyes_y = (double)(p[LEFT_EYE][1] + p[RIGHT_EYE][1]) / 2,
                .mouth_x = (double)(p[LEFT_MOUTH][0] + p[RIGHT_MOUTH][0]) / 2,
                .mouth_y = (double)(p[LEFT_MOUTH][1] + p[RIGHT_MOUTH][1]) / 2,
                .w = short_side,
                .h = long_side,
        };
        k->vx = -k->uy;
        k->vy = k->ux;
        k->mean_grey = grey_about((double)p[NOSE][0], (double)p[NOSE][1], 0.25 * short_side, w, h, x);
        return true;
}

/* A blob about a point of the face, moved by shares of its size along and across the eyes. */
static struct blob blob_at(const struct face_frame *k, double x, double y, double along, double across)
{
        return (struct blob){ .x = x + along * k->w * k->ux + across * k->h * k->vx,
                              .y = y + along * k->w * k->uy + across * k->h * k->vy,
                              .ux = k->ux,
                              .uy = k->uy,
                              .power = 2,
                              .opacity = 1 };
}

static void turn(struct blob *b, double rad)
{
        double c = cos(rad), s = sin(rad), ux = b->ux;

        b->ux = c * ux - s * b->uy;
        b->uy = s * ux + c * b->uy;
}

/* Something with straight edges, over the eyes, the mouth or anywhere: bars, cups, telephones. */
static void draw_bar(const struct face_frame *k, struct rng *rng, unsigned w, unsigned h, float *x)
{
        double at = rng_uniform(rng);
        struct blob b =
                at < 0.35   ? blob_at(k, k->eyes_x, k->eyes_y, 0, rng_range(rng, -0.04, 0.04))
                : at < 0.75 ? blob_at(k, k->mouth_x, k->mouth_y, 0, rng_range(rng, -0.06, 0.1))
                            : blob_at(k, k->eyes_x, k->eyes_y, rng_range(rng, -0.5, 0.5), rng_range(rng, -0.2, 0.6));

        b.rx = rng_range(rng, 0.25, 0.7) * k->w;
        b.ry = rng_range(rng, 0.06, 0.22) * k->h;
        b.power = 12;
        turn(&b, rng_range(rng, -0.25, 0.25));
        b.grey = (float)rng_range(rng, 0, 255);
        b.across = rng_uniform(rng) < 0.5 ? 0 : (float)rng_range(rng, -50, 50);
        draw_blob(&b, w, h, x);
}

/* Two lenses and what joins them: dark, or a frame alone. */
static void draw_glasses(const struct face_frame *k, const struct scene_face *f, struct rng *rng, unsigned w,
                         unsigned h, float *x)
{
        bool dark = rng_uniform(rng) < 0.6;
        double eyes = hypot((double)(f->points[RIGHT_EYE][0] - f->points[LEFT_EYE][0]),
                            (double)(f->points[RIGHT_EYE][1] - f->points[LEFT_EYE][1]));
        double rx = rng_range(rng, 0.3, 0.52) * eyes, ry = rx * rng_range(rng, 0.55, 1.05);
        double power = rng_range(rng, 2, 5), ring = rng_range(rng, 0.72, 0.9), down = rng_range(rng, -0.01, 0.04);
        float grey = (float)(rng_uniform(rng) < 0.85 ? rng_range(rng, 0, 80) : rng_range(rng, 120, 255));
        float opacity = (float)(dark ? rng_range(rng, 0.75, 1) : rng_range(rng, 0.6, 1));
        float across = dark ? (float)rng_range(rng, -40, 60) : 0;
        struct blob bridge = blob_at(k, k->eyes_x, k->eyes_y, 0, down);

        for (unsigned i = LEFT_EYE; i <= RIGHT_EYE; i++) {
                struct blob b = blob_at(k, (double)f->points[i][0], (double)f->points[i][1], 0, down);

                b.rx = rx;
                b.ry = ry;
                b.power = power;
                b.hole = dark ? 0 : ring;
                b.grey = grey;
                b.across = across;
                b.opacity = opacity;
                draw_blob(&b, w, h, x);
        }
        bridge.rx = eyes * 0.25;
        bridge.ry = fmax((1 - ring) * ry * 0.5, 0.35);
        bridge.power = 6;
        bridge.grey = grey;
        draw_blob(&bridge, w, h, x);
}

/* From the nose, or just under it, to the chin; plain or with folds, light or dark. */
static void draw_mask(const struct face_frame *k, struct rng *rng, unsigned w, unsigned h, float *x)
{
        double down = hypot(k->mouth_x - k->eyes_x, k->mouth_y - k->eyes_y) / k->h;
        struct blob b = blob_at(k, k->mouth_x, k->mouth_y, rng_range(rng, -0.03, 0.03), rng_range(rng, -0.02, 0.06));

        b.rx = rng_range(rng, 0.36, 0.54) * k->w;
        b.ry = rng_range(rng, 0.55, 0.95) * down * k->h;
        b.power = rng_range(rng, 2.2, 5);
        b.grey = (float)(rng_uniform(rng) < 0.6 ? rng_range(rng, 140, 250) : rng_range(rng, 5, 140));
        b.across = (float)rng_range(rng, -40, 40);
        b.stripes = rng_uniform(rng) < 0.6 ? (float)rng_range(rng, 2, 18) : 0;
        draw_blob(&b, w, h, x);
}

/* A palm and fingers in about the face's own grey, lying on any part of it. */
static void draw_hand(const struct face_frame *k, struct rng *rng, unsigned w, unsigned h, float *x)
{
        bool low = rng_uniform(rng) < 0.65;
        struct blob palm = blob_at(k, low ? k->mouth_x : k->eyes_x, low ? k->mouth_y : k->eyes_y,
                                   rng_range(rng, -0.45, 0.45), rng_range(rng, -0.1, 0.25));
        unsigned n = 3 + (unsigned)rng_below(rng, 2);
        double length = rng_range(rng, 0.2, 0.42) * k->h, thick = rng_range(rng, 0.06, 0.1) * k->w;
        double direction = rng_range(rng, -M_PI, M_PI), spread = rng_range(rng, 1.9, 2.6) * thick;
        float grey = CLAMP(k->mean_grey * (float)rng_range(rng, 0.75, 1.25), 15.f, 245.f);

        palm.rx = n * spread / 2 * 1.05;
        palm.ry = rng_range(rng, 0.14, 0.24) * k->h;
        palm.power = 3;
        palm.grey = grey;
        palm.across = (float)rng_range(rng, -25, 25);
        turn(&palm, direction);
        draw_blob(&palm, w, h, x);
        for (unsigned i = 0; i < n; i++) {
                double side = (i - (n - 1) / 2.0) * spread, ahead = palm.ry + length * rng_range(rng, 0.3, 0.5);
                struct blob finger = palm;

                finger.x += side * palm.ux - ahead * palm.uy;
                finger.y += side * palm.uy + ahead * palm.ux;
                finger.rx = thick;
                finger.ry = length;
                finger.power = 2.5;
                finger.grey = grey * 1.04f;
                finger.across = -0.3f * grey * (float)rng_range(rng, 0.3, 1);
                draw_blob(&finger, w, h, x);
        }
}

/* From above the head down to the brows, with a brim now and then. */
static void draw_hat(const struct face_frame *k, struct rng *rng, unsigned w, unsigned h, float *x)
{
        double low = rng_range(rng, -0.22, -0.07), ry = rng_range(rng, 0.15, 0.35);
        struct blob b = blob_at(k, k->eyes_x, k->eyes_y, 0, low - ry);

        b.rx = rng_range(rng, 0.5, 0.72) * k->w;
        b.ry = ry * k->h;
        b.power = rng_range(rng, 2.5, 6);
        b.grey = (float)rng_range(rng, 0, 255);
        b.across = (float)rng_range(rng, -50, 50);
        b.stripes = rng_uniform(rng) < 0.3 ? (float)rng_range(rng, 5, 30) : 0;
        turn(&b, rng_range(rng, -0.15, 0.15));
        draw_blob(&b, w, h, x);
        if (rng_uniform(rng) < 0.5)
                return;
        b.x += ry * 0.9 * k->h * k->vx;
        b.y += ry * 0.9 * k->h * k->vy;
        b.rx *= rng_range(rng, 1.1, 1.5);
        b.ry = rng_range(rng, 0.03, 0.08) * k->h;
        b.grey *= 0.8f;
        draw_blob(&b, w, h, x);
}

void occlude_face(const struct scene_face *f, struct rng *rng, unsigned width_px, unsigned height_px, float *x)
{
        double kind = rng_uniform(rng);
        struct face_frame k;

        if (!frame_init(&k, f, width_px, height_px, x))
                return;
        if (kind < 0.22)
                draw_bar(&k, rng, width_px, height_px, x);
        else if (kind < 0.45)
                draw_glasses(&k, f, rng, width_px, height_px, x);
        else if (kind < 0.67)
                draw_mask(&k, rng, width_px, height_px, x);
        else if (kind < 0.87)
                draw_hand(&k, rng, width_px, height_px, x);
        else
                draw_hat(&k, rng, width_px, height_px, x);
}
