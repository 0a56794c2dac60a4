/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "train/model/detect-score.h"

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

/* The face of @faces that @a overlaps most, by @iou at least, and that no other has; n_faces: none. */
static size_t best_face(const struct detection *a, const struct scene_face *faces, size_t n_faces, const bool *taken,
                        double iou)
{
        size_t best = n_faces;

        for (size_t k = 0; k < n_faces; k++) {
                const struct scene_face *f = &faces[k];
                double v = detect_iou(a, &(struct detection){ .x = f->x, .y = f->y, .w = f->w, .h = f->h });

                if (!taken[k] && v >= iou) {
                        best = k;
                        iou = v;
                }
        }
        return best;
}

static int add_mark(struct detect_score *s, const struct detect_mark *m)
{
        if (s->n == s->room) {
                size_t room = s->room ? 2 * s->room : 64;
                struct detect_mark *marks = reallocarray(s->marks, room, sizeof(*marks));

                if (!marks)
                        return -ENOMEM;
                s->marks = marks;
                s->room = room;
        }
        s->marks[s->n++] = *m;
        return 0;
}

int detect_score_add(struct detect_score *s, const struct detections *d, const struct scene_face *faces, size_t n_faces,
                     double iou)
{
        _cleanup_(freep) bool *taken = calloc(n_faces + 1, sizeof(*taken));

        if (!taken)
                return -ENOMEM;
        s->n_pictures++;
        s->n_faces += n_faces;
        for (size_t i = 0; i < d->n; i++) {
                size_t best = best_face(&d->list[i], faces, n_faces, taken, iou);
                const struct detect_mark m = { .score = d->list[i].score, .right = best < n_faces };
                int r = add_mark(s, &m);

                if (r < 0)
                        return r;
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
