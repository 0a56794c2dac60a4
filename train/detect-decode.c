/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "train/detect-decode.h"

const unsigned detect_strides[DETECT_LEVELS] = { 8, 16, 32 };

static int grow(void **list, size_t n, size_t *room, size_t size)
{
        void *p;

        if (n < *room)
                return 0;
        p = reallocarray(*list, *room ? 2 * *room : 64, size);
        if (!p)
                return -ENOMEM;
        *list = p;
        *room = *room ? 2 * *room : 64;
        return 0;
}

static struct detection decode_cell(const struct detect_maps *m, unsigned row, unsigned col, float score)
{
        size_t plane = (size_t)m->w * m->h, at = (size_t)row * m->w + col;
        float s = (float)m->stride, x = (float)col, y = (float)row;
        struct detection d = { .score = score,
                               .w = expf(MIN(m->bbox[2 * plane + at], 8.f)) * s,
                               .h = expf(MIN(m->bbox[3 * plane + at], 8.f)) * s };

        d.x = (x + m->bbox[at]) * s - d.w / 2;
        d.y = (y + m->bbox[plane + at]) * s - d.h / 2;
        for (unsigned k = 0; k < SCENE_POINTS; k++) {
                d.points[k][0] = (x + m->kps[2 * k * plane + at]) * s;
                d.points[k][1] = (y + m->kps[(2 * k + 1) * plane + at]) * s;
        }
        return d;
}

int detect_decode(const struct detect_maps *maps, double threshold, struct detections *d)
{
        for (unsigned row = 0; row < maps->h; row++)
                for (unsigned col = 0; col < maps->w; col++) {
                        double score = (double)maps->cls[(size_t)row * maps->w + col];
                        void *list = d->list;

                        if (maps->logits)
                                score = 1 / (1 + exp(-score));
                        if (!(score >= threshold))
                                continue;
                        if (grow(&list, d->n, &d->room, sizeof(*d->list)) < 0)
                                return -ENOMEM;
                        d->list = list;
                        d->list[d->n++] = decode_cell(maps, row, col, (float)score);
                }
        return 0;
}

double detect_iou(float ax, float ay, float aw, float ah, float bx, float by, float bw, float bh)
{
        float w = MIN(ax + aw, bx + bw) - MAX(ax, bx), h = MIN(ay + ah, by + bh) - MAX(ay, by);
        float inner = w > 0 && h > 0 ? w * h : 0, sum = aw * ah + bw * bh - inner;

        return sum > 0 ? (double)(inner / sum) : 0;
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
                const struct detection *a = &d->list[i];
                bool covered = false;

                for (size_t k = 0; k < kept && !covered; k++) {
                        const struct detection *b = &d->list[k];

                        covered = detect_iou(a->x, a->y, a->w, a->h, b->x, b->y, b->w, b->h) > limit;
                }
                if (!covered)
                        d->list[kept++] = *a;
        }
        d->n = kept;
}

void detect_to_picture(struct detections *d, double scale)
{
        for (size_t i = 0; i < d->n; i++) {
                struct detection *a = &d->list[i];

                a->x /= (float)scale;
                a->y /= (float)scale;
                a->w /= (float)scale;
                a->h /= (float)scale;
        }
}

int detect_score_add(struct detect_score *s, const struct detections *d, const struct scene_face *faces,
                     size_t n_faces, double iou)
{
        _cleanup_(freep) bool *taken = calloc(n_faces + 1, sizeof(*taken));

        if (!taken)
                return -ENOMEM;
        s->n_pictures++;
        s->n_faces += n_faces;
        for (size_t i = 0; i < d->n; i++) {
                const struct detection *a = &d->list[i];
                size_t best = n_faces;
                double best_iou = iou;
                void *marks = s->marks;

                for (size_t k = 0; k < n_faces; k++) {
                        const struct scene_face *f = &faces[k];
                        double v = detect_iou(a->x, a->y, a->w, a->h, f->x, f->y, f->w, f->h);

                        if (!taken[k] && v >= best_iou) {
                                best = k;
                                best_iou = v;
                        }
                }
                if (grow(&marks, s->n, &s->room, sizeof(*s->marks)) < 0)
                        return -ENOMEM;
                s->marks = marks;
                s->marks[s->n++] = (struct detect_mark){ .score = a->score, .right = best < n_faces };
                taken[best] = true;
        }
        return 0;
}

static int by_mark(const void *a, const void *b)
{
        const struct detect_mark *x = a, *y = b;

        /* of equal scores the wrong ones first: the figure must not hang on the order of pictures */
        return x->score != y->score ? (x->score < y->score) - (x->score > y->score) : x->right - y->right;
}

void detect_score_sort(struct detect_score *s)
{
        if (s->n)
                qsort(s->marks, s->n, sizeof(*s->marks), by_mark);
}

double detect_score_average_precision(const struct detect_score *s)
{
        double area = 0, best = 0;
        size_t right = 0;

        if (!s->n_faces)
                return (double)NAN;
        for (size_t i = 0; i < s->n; i++)
                right += s->marks[i].right;
        /* from the last on, so that the best precision at this recall or more is known */
        for (size_t i = s->n; i-- > 0;) {
                best = MAX(best, (double)right / (double)(i + 1));
                if (s->marks[i].right) {
                        area += best / (double)s->n_faces;
                        right--;
                }
        }
        return area;
}

double detect_score_recall(const struct detect_score *s, double false_per_picture, double *ret_threshold)
{
        double allowed = false_per_picture * (double)s->n_pictures, threshold = 1;
        size_t right = 0, wrong = 0;

        for (size_t i = 0; i < s->n; i++) {
                if (!s->marks[i].right && (double)++wrong > allowed)
                        break;
                right += s->marks[i].right;
                threshold = (double)s->marks[i].score;
        }
        if (ret_threshold)
                *ret_threshold = threshold;
        return s->n_faces ? (double)right / (double)s->n_faces : (double)NAN;
}

void detect_score_at(const struct detect_score *s, double threshold, size_t *ret_right, size_t *ret_wrong)
{
        *ret_right = *ret_wrong = 0;
        for (size_t i = 0; i < s->n && (double)s->marks[i].score >= threshold; i++)
                *(s->marks[i].right ? ret_right : ret_wrong) += 1;
}

void detect_score_done(struct detect_score *s)
{
        free(s->marks);
        *s = (struct detect_score){ 0 };
}
