/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "daemon/vision/life.h"

#define BIN_USEC 500000u

/* Ranges within a window, in landmark sizes, degrees and shares. Measured with the shipped networks: photographs shown as
 * film, with noise of 4 grey levels, stay under 0.028, 0.016, 1.0 and 0.05; the quietest of the filmed people moves by
 * 0.124 in place alone. */
#define STILL_PLACE 0.05
#define STILL_SIZE 0.03
#define STILL_ROLL_DEG 1.5
#define STILL_EYES 0.25
/* How far half a second may lie from the rest of a static face. */
#define REST_PLACE 0.08
#define REST_SIZE 0.05
#define REST_ROLL_DEG 2.5
#define REST_EYES 0.3

/* A box is at a place if they share so much of what both cover. */
#define SAME_PLACE 0.6

static double distance(const float *a, const float *b)
{
        return hypot((double)a[0] - (double)b[0], (double)a[1] - (double)b[1]);
}

/* Height by width of an eye whose corners are @first and @first + 3 (iBUG 300-W). */
static double eye(const float (*p)[2], unsigned first)
{
        double width = distance(p[first], p[first + 3]);

        return width > 0 ? (distance(p[first + 1], p[first + 5]) + distance(p[first + 2], p[first + 4])) / (2 * width)
                         : 0;
}

static struct life_bin measure(const float (*points)[2], unsigned n, double roll_deg)
{
        struct life_bin b = { .roll_deg = roll_deg, .eyes = (eye(points, 36) + eye(points, 42)) / 2 };

        for (unsigned i = 0; i < n; i++) {
                b.x += (double)points[i][0] / n;
                b.y += (double)points[i][1] / n;
        }
        for (unsigned i = 0; i < n; i++)
                b.size += (pow((double)points[i][0] - b.x, 2) + pow((double)points[i][1] - b.y, 2)) / n;
        b.size = sqrt(b.size);
        b.eyes_least = b.eyes;
        return b;
}

static void add(struct life_bin *sum, const struct life_bin *b, bool first)
{
        double least = first ? b->eyes_least : fmin(sum->eyes_least, b->eyes_least);

        *sum = (struct life_bin){ .x = sum->x + b->x,
                                  .y = sum->y + b->y,
                                  .size = sum->size + b->size,
                                  .roll_deg = sum->roll_deg + b->roll_deg,
                                  .eyes = sum->eyes + b->eyes,
                                  .eyes_least = least };
}

static struct life_bin mean(const struct life_bin *sum, unsigned n)
{
        return (struct life_bin){ sum->x / n,        sum->y / n,    sum->size / n,
                                  sum->roll_deg / n, sum->eyes / n, sum->eyes_least };
}

static bool window_is_still(const struct life *l, struct life_bin *ret_mean)
{
        struct life_bin low = l->bins[0], high = l->bins[0], sum = { 0 };

        for (size_t i = 0; i < LIFE_BINS; i++) {
                const struct life_bin *b = &l->bins[i];

                add(&sum, b, i == 0);
                low = (struct life_bin){ fmin(low.x, b->x),
                                         fmin(low.y, b->y),
                                         fmin(low.size, b->size),
                                         fmin(low.roll_deg, b->roll_deg),
                                         0,
                                         0 };
                high = (struct life_bin){ fmax(high.x, b->x),
                                          fmax(high.y, b->y),
                                          fmax(high.size, b->size),
                                          fmax(high.roll_deg, b->roll_deg),
                                          0,
                                          0 };
        }
        *ret_mean = mean(&sum, LIFE_BINS);
        return fmax(high.x - low.x, high.y - low.y) <= STILL_PLACE * ret_mean->size &&
               high.size - low.size <= STILL_SIZE * ret_mean->size && high.roll_deg - low.roll_deg <= STILL_ROLL_DEG &&
               ret_mean->eyes_least >= (1 - STILL_EYES) * ret_mean->eyes;
}

static bool is_at_rest(const struct life_bin *rest, const struct life_bin *now)
{
        return fmax(fabs(now->x - rest->x), fabs(now->y - rest->y)) <= REST_PLACE * rest->size &&
               fabs(now->size - rest->size) <= REST_SIZE * rest->size &&
               fabs(now->roll_deg - rest->roll_deg) <= REST_ROLL_DEG && now->eyes_least >= (1 - REST_EYES) * rest->eyes;
}

static void judge(struct life *l, const struct life_bin *now)
{
        if (l->is_static && !l->has_rest) {
                l->rest = *now;
                l->has_rest = true;
        } else if (l->is_static && !is_at_rest(&l->rest, now)) {
                l->is_static = l->has_rest = false;
                l->n_bins = 0; /* what was before this sign of life does not count again */
        } else if (!l->is_static && l->n_bins == LIFE_BINS && window_is_still(l, &l->rest)) {
                l->is_static = l->has_rest = true;
        }
}

bool life_update(struct life *l, const float (*points)[2], unsigned n_points, double roll_deg, uint64_t now_usec)
{
        bool before = l->is_static;
        struct life_bin b;

        if (n_points != EMO_MAX_LANDMARKS)
                return false;
        if (l->n_in_sum && now_usec - l->begin_usec >= BIN_USEC) {
                b = mean(&l->sum, l->n_in_sum);
                l->bins[l->next] = b;
                l->next = (l->next + 1) % LIFE_BINS;
                l->n_bins = MIN(l->n_bins + 1, (size_t)LIFE_BINS);
                l->n_in_sum = 0;
                judge(l, &b);
        }
        if (!l->n_in_sum) {
                l->sum = (struct life_bin){ 0 };
                l->begin_usec = now_usec;
        }
        b = measure(points, n_points, roll_deg);
        add(&l->sum, &b, l->n_in_sum++ == 0);
        return l->is_static != before;
}

void life_assume_static(struct life *l)
{
        l->is_static = true;
        l->has_rest = false;
}

static bool is_same_place(const struct emo_box *a, const struct emo_box *b)
{
        double w = fmin((double)a->x + a->width, (double)b->x + b->width) - fmax(a->x, b->x);
        double h = fmin((double)a->y + a->height, (double)b->y + b->height) - fmax(a->y, b->y);
        double both = (double)a->width * a->height + (double)b->width * b->height - w * h;

        return w > 0 && h > 0 && both > 0 && w * h >= SAME_PLACE * both;
}

bool life_places_hold(const struct life_places *p, const struct emo_box *box)
{
        for (size_t i = 0; i < p->n; i++)
                if (is_same_place(&p->boxes[i], box))
                        return true;
        return false;
}

void life_places_add(struct life_places *p, const struct emo_box *box)
{
        if (life_places_hold(p, box))
                return;
        p->boxes[p->next] = *box;
        p->next = (p->next + 1) % LIFE_MAX_PLACES;
        p->n = MIN(p->n + 1, (size_t)LIFE_MAX_PLACES);
}

void life_places_drop(struct life_places *p, const struct emo_box *box)
{
        for (size_t i = p->n; i-- > 0;)
                if (is_same_place(&p->boxes[i], box))
                        p->boxes[i] = p->boxes[--p->n];
        p->next = p->n % LIFE_MAX_PLACES;
}
