/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "basic/macro.h"
#include "train/data/sample.h"
#include "train/task/detect-sample.h"
#include "train/task/occlude.h"

#define TRIES 8          /* to find a place for a face */
#define MAX_COVERED 0.12 /* of a face by a part pasted later */
#define MIN_VISIBLE 0.65 /* of a face within the picture */
#define MAX_ENLARGE 1.7  /* of a picture */
#define HARD_TIMES 3
#define LEAST_SHARE 0.8   /* of min_px: a face beside the one that was asked for counts from here on */
#define PHANTOM_SHARE 0.6 /* of the distractions, where there are phantoms */

static int urn_init(struct detect_urn *u, size_t room)
{
        u->scene = calloc(room, sizeof(*u->scene));
        u->sums = calloc(room, sizeof(*u->sums));
        return u->scene && u->sums ? 0 : -ENOMEM;
}

static void urn_add(struct detect_urn *u, size_t scene, double weight)
{
        if (!(weight > 0))
                return;
        u->sums[u->n] = weight + (u->n ? u->sums[u->n - 1] : 0);
        u->scene[u->n++] = scene;
}

static size_t urn_draw(const struct detect_urn *u, struct rng *rng)
{
        double at = rng_uniform(rng) * u->sums[u->n - 1];
        size_t lo = 0, hi = u->n - 1;

        while (lo < hi) {
                size_t middle = (lo + hi) / 2;

                if (u->sums[middle] > at)
                        hi = middle;
                else
                        lo = middle + 1;
        }
        return u->scene[lo];
}

static void urn_done(struct detect_urn *u)
{
        free(u->scene);
        free(u->sums);
        *u = (struct detect_urn){ 0 };
}

int detect_sampler_init(struct detect_sampler *s, const struct scene_set *set, const struct detect_source *sources,
                        size_t n_sources)
{
        *s = (struct detect_sampler){ .set = set, .min_px = 10, .max_px = 230 };
        if (urn_init(&s->faces, set->n) < 0 || urn_init(&s->empty, set->n) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < set->n; i++) {
                const struct scene *scene = &set->scenes[i];
                double weight = 1;

                for (size_t k = 0; k < n_sources; k++)
                        if (strncmp(scene->file, sources[k].prefix, strlen(sources[k].prefix)) == 0)
                                weight = sources[k].weight;
                if (scene->n_faces)
                        urn_add(&s->faces, i, weight * sqrt(scene->n_faces));
                else
                        urn_add(&s->empty, i, weight * (scene->hard ? HARD_TIMES : 1));
        }
        return s->faces.n && s->empty.n ? 0 : -EINVAL;
}

void detect_sampler_done(struct detect_sampler *s)
{
        urn_done(&s->faces);
        urn_done(&s->empty);
        *s = (struct detect_sampler){ 0 };
}

/* A sample being made. */
struct canvas {
        const struct detect_sampler *s;
        struct rng *rng;
        unsigned w, h;
        float *x, *scratch;
        struct detect_truth *truth;
};

/* How a part of a scene is laid onto the canvas: turned and scaled about (cx, cy) of the scene, which comes
 * to (x, y). Numbers are in pixels whose edges, not centres, are whole. */
struct pose {
        double cx, cy, x, y, sx, sy, roll_rad;
        bool mirror;
};

/* From the scene to the canvas. */
static void forward_map(const struct pose *p, double m[6])
{
        double c = cos(p->roll_rad), s = sin(p->roll_rad), x = p->mirror ? -p->sx : p->sx;

        m[0] = c * x;
        m[1] = -s * p->sy;
        m[3] = s * x;
        m[4] = c * p->sy;
        m[2] = p->x - m[0] * p->cx - m[1] * p->cy;
        m[5] = p->y - m[3] * p->cx - m[4] * p->cy;
}

struct scene_face detect_map_face(const struct scene_face *f, const double forward[6], double roll_rad, double sx,
                                  double sy, bool mirror)
{
        static const unsigned char mirrored[SCENE_POINTS] = { 1, 0, 2, 4, 3 };
        const double *m = forward;
        double cx = (double)(f->x + f->w / 2), cy = (double)(f->y + f->h / 2), w = (double)f->w * sx,
               h = (double)f->h * sy;
        double c = cos(roll_rad), s = sin(roll_rad);
        /* a face is nearer to an ellipse than to its box: the box of the turned ellipse */
        double tw = hypot(w * c, h * s), th = hypot(w * s, h * c);
        struct scene_face ret = { .x = (float)(m[0] * cx + m[1] * cy + m[2] - tw / 2),
                                  .y = (float)(m[3] * cx + m[4] * cy + m[5] - th / 2),
                                  .w = (float)tw,
                                  .h = (float)th,
                                  .has_points = f->has_points };

        for (unsigned i = 0; i < SCENE_POINTS; i++) {
                const float *p = f->points[mirror ? mirrored[i] : i];

                ret.points[i][0] = (float)(m[0] * (double)p[0] + m[1] * (double)p[1] + m[2]);
                ret.points[i][1] = (float)(m[3] * (double)p[0] + m[4] * (double)p[1] + m[5]);
        }
        return ret;
}

static double log_range(struct rng *rng, double lo, double hi)
{
        return exp(rng_range(rng, log(lo), log(MAX(hi, lo * 1.001))));
}

/* Pastes what @area holds of a scene. */
static void paste(struct canvas *c, const struct scene *scene, const struct sample_area *area, const struct pose *p)
{
        double m[6], scale = MIN(p->sx, p->sy);
        struct nn_affine forward, back;
        unsigned level = 0;

        while (level + 1 < SCENE_LEVELS && scale * (1u << level) < 0.7)
                level++;
        forward_map(p, m);
        const struct nn_image *im = &scene->levels[level];
        double fx = (double)im->width_px / scene->levels[0].width_px,
               fy = (double)im->height_px / scene->levels[0].height_px;
        struct sample_area from = { area->x0 * fx, area->y0 * fy, area->x1 * fx, area->y1 * fy };

        /* to pixel numbers: their centres are whole */
        forward = (struct nn_affine){ { m[0] / fx, m[1] / fy, m[2] - 0.5 + 0.5 * (m[0] / fx + m[1] / fy), m[3] / fx,
                                        m[4] / fy, m[5] - 0.5 + 0.5 * (m[3] / fx + m[4] / fy) } };
        if (sample_invert(&forward, &back) >= 0)
                sample_onto(im, &from, &back, c->w, c->h, c->x);
}

static const struct scene *draw_empty(struct canvas *c)
{
        return &c->s->set->scenes[urn_draw(&c->s->empty, c->rng)];
}

/* A scene without faces over everything, or one plain grey. */
static void draw_ground(struct canvas *c)
{
        const struct scene *s = draw_empty(c);
        double w = s->levels[0].width_px, h = s->levels[0].height_px, scale = MAX(c->w / w, c->h / h);

        if (rng_uniform(c->rng) < 0.12) {
                float grey = (float)rng_range(c->rng, 0, 255);

                for (size_t i = 0; i < (size_t)c->w * c->h; i++)
                        c->x[i] = grey;
                return;
        }
        scale *= log_range(c->rng, 1, 2);
        struct pose p = { .sx = scale, .sy = scale, .mirror = rng_uniform(c->rng) < 0.5 };
        /* the scene's middle may leave the canvas's by what the scene is larger */
        double slack_x = w * scale - c->w, slack_y = h * scale - c->h;

        p.cx = w / 2;
        p.cy = h / 2;
        p.x = c->w / 2.0 + rng_range(c->rng, -0.5, 0.5) * slack_x;
        p.y = c->h / 2.0 + rng_range(c->rng, -0.5, 0.5) * slack_y;
        paste(c, s, &(struct sample_area){ -1, -1, w + 1, h + 1 }, &p);
}

/* Part of a scene without faces, framed as those with faces are. */
static void draw_distraction(struct canvas *c)
{
        const struct scene *s = draw_empty(c);
        double w = s->levels[0].width_px, h = s->levels[0].height_px, size = log_range(c->rng, 16, MIN(c->w, c->h));
        double side = log_range(c->rng, 0.3, 1) * MIN(w, h), scale = size / side;
        double x0 = rng_range(c->rng, 0, w - side), y0 = rng_range(c->rng, 0, h - side);
        struct pose p = { .cx = x0 + side / 2,
                          .cy = y0 + side / 2,
                          .x = rng_range(c->rng, 0, c->w),
                          .y = rng_range(c->rng, 0, c->h),
                          .sx = scale,
                          .sy = scale,
                          .roll_rad = rng_range(c->rng, -0.5, 0.5),
                          .mirror = rng_uniform(c->rng) < 0.5 };

        paste(c, s, &(struct sample_area){ x0, y0, x0 + side, y0 + side }, &p);
}

/* What was taken for a face lately, with some of what is about it, at about the size at which it was. */
static void draw_phantom(struct canvas *c)
{
        const struct detect_phantom *f = &c->s->phantoms[rng_below(c->rng, c->s->n_phantoms)];
        double scale = f->seen_px / f->size_px * log_range(c->rng, 0.7, 1.4),
               half = f->size_px * rng_range(c->rng, 0.8, 2);
        struct pose p = { .cx = f->x,
                          .cy = f->y,
                          .x = rng_range(c->rng, 0, c->w),
                          .y = rng_range(c->rng, 0, c->h),
                          .sx = scale,
                          .sy = scale,
                          .roll_rad = rng_range(c->rng, -0.2, 0.2),
                          .mirror = rng_uniform(c->rng) < 0.5 };

        paste(c, &c->s->set->scenes[f->scene],
              &(struct sample_area){ f->x - half, f->y - half, f->x + half, f->y + half }, &p);
}

/* The whole scene, or the face and as much round it as is drawn for each side. */
static struct sample_area draw_area(struct canvas *c, const struct scene *s, const struct scene_face *f)
{
        double w = s->levels[0].width_px, h = s->levels[0].height_px, size = (double)MAX(f->w, f->h);
        double x = (double)f->x, y = (double)f->y, right = x + (double)f->w, bottom = y + (double)f->h;

        if (rng_uniform(c->rng) < 0.5)
                return (struct sample_area){ 0, 0, w, h };
        return (struct sample_area){ MAX(x - size * rng_range(c->rng, 0.05, 1), 0.0),
                                     MAX(y - size * rng_range(c->rng, 0.05, 0.8), 0.0),
                                     MIN(right + size * rng_range(c->rng, 0.05, 1), w),
                                     MIN(bottom + size * rng_range(c->rng, 0.05, 1), h) };
}

/* Share of a face that the pasted area's frame would cover. */
static double covered(const struct scene_face *f, const struct sample_area *area, const double m[6])
{
        const double x[] = { area->x0, area->x1, area->x0, area->x1 }, y[] = { area->y0, area->y0, area->y1, area->y1 };
        double x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY, w, h;

        for (unsigned i = 0; i < 4; i++) {
                double px = m[0] * x[i] + m[1] * y[i] + m[2], py = m[3] * x[i] + m[4] * y[i] + m[5];

                x0 = fmin(x0, px);
                x1 = fmax(x1, px);
                y0 = fmin(y0, py);
                y1 = fmax(y1, py);
        }
        w = fmin(x1, (double)(f->x + f->w)) - fmax(x0, (double)f->x);
        h = fmin(y1, (double)(f->y + f->h)) - fmax(y0, (double)f->y);
        return w > 0 && h > 0 ? w * h / (double)(f->w * f->h) : 0;
}

static double visible(const struct canvas *c, const struct scene_face *f)
{
        double w = fmin(c->w, (double)(f->x + f->w)) - fmax(0, (double)f->x);
        double h = fmin(c->h, (double)(f->y + f->h)) - fmax(0, (double)f->y);

        return w > 0 && h > 0 ? w * h / (double)(f->w * f->h) : 0;
}

static double place(struct rng *rng, double size, double room)
{
        double margin = fmin(0.42 * size, room / 2);

        return rng_range(rng, margin, fmax(room - margin, margin + 1e-3));
}

/* Share of a face's box that @area holds. */
static double held(const struct scene_face *f, const struct sample_area *area)
{
        double w = fmin(area->x1, (double)(f->x + f->w)) - fmax(area->x0, (double)f->x);
        double h = fmin(area->y1, (double)(f->y + f->h)) - fmax(area->y0, (double)f->y);

        return w > 0 && h > 0 ? w * h / (double)(f->w * f->h) : 0;
}

/* Every face of the scene that the pasted area shows something of. */
static void add_faces(struct canvas *c, const struct scene *s, const struct sample_area *area, const struct pose *p)
{
        double m[6];

        forward_map(p, m);
        for (unsigned i = 0; i < s->n_faces && c->truth->n < DETECT_MAX_FACES; i++) {
                struct detect_face *f = &c->truth->faces[c->truth->n];
                double share = held(&s->faces[i], area);

                f->face = detect_map_face(&s->faces[i], m, p->roll_rad, p->sx, p->sy, p->mirror);
                share *= visible(c, &f->face);
                if (share < 0.05)
                        continue;
                f->guessed = s->covered;
                f->ignored =
                        share < MIN_VISIBLE || sqrt((double)f->face.w * (double)f->face.h) < LEAST_SHARE * c->s->min_px;
                c->truth->n++;
                if (!f->ignored && rng_uniform(c->rng) < c->s->occlude)
                        occlude_face(&f->face, c->rng, c->w, c->h, c->x);
        }
}

/* A scene whose face, one of them, is of about @size_px. A picture is not enlarged beyond what still looks like one. */
static void draw_face(struct canvas *c, double size_px)
{
        const struct scene *s = &c->s->set->scenes[urn_draw(&c->s->faces, c->rng)];
        const struct scene_face *f = &s->faces[s->n_faces > 1 ? rng_below(c->rng, s->n_faces) : 0];
        const struct augment_config *a = c->s->augment;
        double size = sqrt((double)f->w * (double)f->h), scale = fmin(size_px / size, MAX_ENLARGE);
        double stretch = sqrt(log_range(c->rng, 1 / (1 + a->stretch), 1 + a->stretch)), m[6];
        double turn = (rng_uniform(c->rng) < 0.5 ? 0.3 : 1) * a->rotate_deg * (M_PI / 180);
        struct pose p = { .cx = (double)(f->x + f->w / 2),
                          .cy = (double)(f->y + f->h / 2),
                          .sx = scale * stretch,
                          .sy = scale / stretch,
                          .roll_rad = rng_range(c->rng, -turn, turn),
                          .mirror = rng_uniform(c->rng) < a->flip };
        struct sample_area area = draw_area(c, s, f);

        for (unsigned try = 0; try < TRIES; try++) {
                double most = 0;

                p.x = place(c->rng, size * scale, c->w);
                p.y = place(c->rng, size * scale, c->h);
                forward_map(&p, m);
                for (unsigned i = 0; i < c->truth->n; i++)
                        most = fmax(most, covered(&c->truth->faces[i].face, &area, m));
                if (most > MAX_COVERED)
                        continue;
                paste(c, s, &area, &p);
                add_faces(c, s, &area, &p);
                return;
        }
}

static unsigned draw_count(struct rng *rng)
{
        double u = rng_uniform(rng);

        return u < 0.12   ? 0
               : u < 0.4  ? 1
               : u < 0.6  ? 2
               : u < 0.82 ? 3 + (unsigned)rng_below(rng, 2)
                          : 5 + (unsigned)rng_below(rng, 4);
}

void detect_sample(const struct detect_sampler *s, struct rng *rng, unsigned width_px, unsigned height_px, float *ret,
                   float *scratch, struct detect_truth *ret_truth)
{
        struct canvas c = {
                .s = s, .rng = rng, .w = width_px, .h = height_px, .x = ret, .scratch = scratch, .truth = ret_truth
        };
        unsigned n = draw_count(rng), distractions = (unsigned)rng_below(rng, n ? 3 : 5);
        /* the more faces, the smaller they must be to find room */
        double largest = n <= 1 ? s->max_px : fmax(1.3 * sqrt((double)width_px * height_px / (n * 2.5)), 2 * s->min_px);

        ret_truth->n = 0;
        draw_ground(&c);
        for (unsigned i = 0; i < distractions; i++)
                if (s->n_phantoms && rng_uniform(rng) < PHANTOM_SHARE)
                        draw_phantom(&c);
                else
                        draw_distraction(&c);
        for (unsigned i = 0; i < n; i++)
                draw_face(&c, log_range(rng, s->min_px, fmin(largest, s->max_px)));
        augment_pixels(s->augment, rng, width_px, height_px, ret, scratch);
}

size_t detect_sample_empty(const struct detect_sampler *s, struct rng *rng, unsigned width_px, unsigned height_px,
                           float *ret, double ret_at[2], double *ret_scale)
{
        size_t scene = urn_draw(&s->empty, rng);
        const struct nn_image *im = &s->set->scenes[scene].levels[0];
        double fit = fmin((double)width_px / im->width_px, (double)height_px / im->height_px);
        double scale = log_range(rng, fmin(fit, 1), fmax(fit, 1.3));
        struct canvas c = { .s = s, .rng = rng, .w = width_px, .h = height_px, .x = ret };
        struct pose p = { .sx = scale, .sy = scale };

        ret_at[0] = rng_range(rng, 0, fmax(im->width_px - width_px / scale, 0));
        ret_at[1] = rng_range(rng, 0, fmax(im->height_px - height_px / scale, 0));
        p.cx = ret_at[0];
        p.cy = ret_at[1];
        *ret_scale = scale;
        for (size_t i = 0; i < (size_t)width_px * height_px; i++)
                ret[i] = 127.5f;
        paste(&c, &s->set->scenes[scene], &(struct sample_area){ 0, 0, im->width_px, im->height_px }, &p);
        return scene;
}
