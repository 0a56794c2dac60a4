/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/detect.h"
#include "nn/error.h"

const unsigned detect_strides[DETECT_LEVELS] = { 8, 16, 32 };

/* Outputs */

static const struct nn_tensor *find(const struct nn_model *m, const struct nn_plan *p, const char *what,
                                    unsigned stride)
{
        char name[32];

        snprintf(name, sizeof(name), "%s_%u", what, stride);
        for (size_t i = 0; i < nn_model_n_outputs(m); i++)
                if (strcmp(nn_model_output_name(m, i), name) == 0)
                        return nn_plan_output(p, i);
        return NULL;
}

static bool is_map(const struct nn_tensor *t, int64_t n, const struct detect_level *l)
{
        return t && t->type == NN_FLOAT32 && t->n_dims == 4 && t->dims[0] == 1 && t->dims[1] == n &&
               t->dims[2] == l->rows && t->dims[3] == l->columns;
}

static bool is_list(const struct nn_tensor *t, int64_t n, const struct detect_level *l)
{
        return t && t->type == NN_FLOAT32 && t->n_dims == 3 && t->dims[0] == 1 &&
               t->dims[1] == (int64_t)l->rows * l->columns && t->dims[2] == n;
}

struct detect_level detect_level_from_maps(const float *cls, const float *bbox, unsigned stride, unsigned columns,
                                           unsigned rows)
{
        return (struct detect_level){ .cls = cls,
                                      .bbox = bbox,
                                      .stride = stride,
                                      .columns = columns,
                                      .rows = rows,
                                      .cell_step = 1,
                                      .value_step = (size_t)rows * columns };
}

static int find_level(const struct nn_model *m, const struct nn_plan *p, struct detect_level *l, struct nn_error *error)
{
        const struct nn_tensor *cls = find(m, p, "cls", l->stride), *obj = find(m, p, "obj", l->stride);
        const struct nn_tensor *bbox = find(m, p, "bbox", l->stride);

        if (!cls || !bbox)
                return nn_fail(error, -EINVAL, "it has no output %s_%u", cls ? "bbox" : "cls", l->stride);
        if (!obj && is_map(cls, 1, l) && is_map(bbox, 4, l)) {
                *l = detect_level_from_maps(cls->data, bbox->data, l->stride, l->columns, l->rows);
                return 0;
        }
        if (is_list(cls, 1, l) && is_list(obj, 1, l) && is_list(bbox, 4, l)) {
                l->cls = cls->data;
                l->obj = obj->data;
                l->bbox = bbox->data;
                l->cell_step = 4;
                l->value_step = 1;
                return 0;
        }
        return nn_fail(error, -EINVAL,
                       "its outputs for stride %u are neither maps of %u x %u (cls of 1, bbox of 4 values) "
                       "nor lists of as many cells (cls, obj, bbox)",
                       l->stride, l->columns, l->rows);
}

int detect_find_levels(const struct nn_model *m, const struct nn_plan *p, unsigned width_px, unsigned height_px,
                       struct detect_level ret[DETECT_LEVELS], struct nn_error *error)
{
        for (size_t i = 0; i < DETECT_LEVELS; i++) {
                unsigned stride = detect_strides[i];

                ret[i] = (struct detect_level){ .stride = stride,
                                                .columns = width_px / stride,
                                                .rows = height_px / stride };
                int r = find_level(m, p, &ret[i], error);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Lists */

int detections_init(struct detections *d, size_t max)
{
        *d = (struct detections){ .list = calloc(max, sizeof(*d->list)), .room = max, .max = max };
        return d->list ? 0 : -ENOMEM;
}

void detections_done(struct detections *d)
{
        free(d->list);
        *d = (struct detections){ 0 };
}

static int grow(struct detections *d)
{
        size_t room = d->room ? 2 * d->room : 64;
        struct detection *list = reallocarray(d->list, room, sizeof(*list));

        if (!list)
                return -ENOMEM;
        d->list = list;
        d->room = room;
        return 0;
}

int detections_add(struct detections *d, const struct detection *a)
{
        size_t least = 0;

        if (!d->max || d->n < d->max) {
                int r = d->n < d->room ? 0 : grow(d);

                if (r < 0)
                        return r;
                d->list[d->n++] = *a;
                return 0;
        }
        for (size_t i = 1; i < d->n; i++)
                if (d->list[i].score < d->list[least].score)
                        least = i;
        if (d->list[least].score < a->score)
                d->list[least] = *a;
        return 0;
}

/* Boxes */

static float cell_score(const struct detect_level *l, size_t i)
{
        if (l->logits)
                return (float)(1 / (1 + exp(-(double)l->cls[i])));
        return l->obj ? sqrtf(CLAMP(l->cls[i], 0.f, 1.f) * CLAMP(l->obj[i], 0.f, 1.f)) : l->cls[i];
}

/* False if the numbers are no box. */
static bool cell_box(const struct detect_level *l, unsigned column, unsigned row, struct detection *ret)
{
        const float *b = l->bbox + ((size_t)row * l->columns + column) * l->cell_step;
        float s = (float)l->stride, limit = 4 * s * (float)MAX(l->columns, l->rows);
        float x = ((float)column + b[0]) * s, y = ((float)row + b[l->value_step]) * s;
        float w = expf(b[2 * l->value_step]) * s, h = expf(b[3 * l->value_step]) * s;

        /* written so that a NaN fails */
        if (!(w >= 1 && w <= limit && h >= 1 && h <= limit && fabsf(x) <= limit && fabsf(y) <= limit))
                return false;
        *ret = (struct detection){ .x = x - w / 2, .y = y - h / 2, .w = w, .h = h };
        return true;
}

int detect_decode(const struct detect_level *l, double threshold, struct detections *ret)
{
        for (unsigned row = 0; row < l->rows; row++)
                for (unsigned column = 0; column < l->columns; column++) {
                        float score = cell_score(l, (size_t)row * l->columns + column);
                        struct detection a;
                        int r;

                        if (!((double)score >= threshold) || !cell_box(l, column, row, &a))
                                continue;
                        a.score = MIN(score, 1.f);
                        r = detections_add(ret, &a);
                        if (r < 0)
                                return r;
                }
        return 0;
}

static float shared_area(const struct detection *a, const struct detection *b)
{
        float w = MIN(a->x + a->w, b->x + b->w) - MAX(a->x, b->x);
        float h = MIN(a->y + a->h, b->y + b->h) - MAX(a->y, b->y);

        return w > 0 && h > 0 ? w * h : 0;
}

double detect_iou(const struct detection *a, const struct detection *b)
{
        float shared = shared_area(a, b), sum = a->w * a->h + b->w * b->h - shared;

        return sum > 0 ? (double)(shared / sum) : 0;
}

static int by_score(const void *a, const void *b)
{
        float x = ((const struct detection *)a)->score, y = ((const struct detection *)b)->score;

        return (x < y) - (x > y);
}

void detect_suppress(struct detections *d, double limit)
{
        size_t kept = 0;

        if (!d->n)
                return;
        qsort(d->list, d->n, sizeof(*d->list), by_score);
        for (size_t i = 0; i < d->n; i++) {
                bool covered = false;

                for (size_t k = 0; k < kept && !covered; k++)
                        covered = detect_iou(&d->list[k], &d->list[i]) > limit;
                if (!covered)
                        d->list[kept++] = d->list[i];
        }
        d->n = kept;
}

void detect_drop_parts(struct detections *d, double share)
{
        size_t kept = 0;

        for (size_t i = 0; i < d->n; i++) {
                const struct detection *a = &d->list[i];
                float area = a->w * a->h;
                bool part = false;

                for (size_t k = 0; k < kept && !part; k++)
                        part = d->list[k].w * d->list[k].h > area && shared_area(&d->list[k], a) > (float)share * area;
                if (!part)
                        d->list[kept++] = *a;
        }
        d->n = kept;
}
