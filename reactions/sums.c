/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>
#include <time.h>

#include "basic/macro.h"
#include "reactions/sums.h"

#define WATCHER_MS 1000

int sums_init(struct sums *s, size_t n_labels, uint64_t step_ms, size_t n_points)
{
        memset(s, 0, sizeof(*s));
        s->n_labels = MIN(n_labels, (size_t)SUMS_LABELS_MAX);
        if (!step_ms || !n_points)
                return 0;
        s->step_ms = step_ms;
        return stats_curve_init(&s->curve, MIN(n_points, (size_t)SUMS_POINTS_MAX));
}

void sums_done(struct sums *s)
{
        stats_curve_done(&s->curve);
        memset(s, 0, sizeof(*s));
}

double sums_cell_value(enum sums_kind kind, size_t cell)
{
        double share = ((double)cell + 0.5) / SUMS_CELLS;

        return kind == SUMS_CHANGE ? 2 * share - 1 : share;
}

static void count(struct sums *s, enum sums_kind kind, unsigned block, double value)
{
        double share = kind == SUMS_CHANGE ? (value + 1) / 2 : value;

        if (isnan(value))
                return;
        s->histograms[kind][block][(size_t)CLAMP(share * SUMS_CELLS, 0.0, SUMS_CELLS - 1.0)]++;
}

void sums_add_viewer(struct sums *s, unsigned block, const struct sums_viewer *v)
{
        double times_s[SUMS_LABELS_MAX];

        s->viewers++;
        s->watchers += v->attention_ms >= WATCHER_MS;
        s->watchers_2s += v->attention_ms >= 2 * WATCHER_MS;
        s->smilers += v->smiled;
        s->no_baseline += isnan(v->smile_before);
        stats_pairs_add(&s->attraction, (double)v->dwell_ms / 1000, (double)v->attention_ms / 1000);
        count(s, SUMS_SMILE_MEAN, block, v->smile_mean);
        count(s, SUMS_SMILE_MAX, block, v->smile_max);
        count(s, SUMS_SMILE_END, block, v->smile_end);
        count(s, SUMS_CHANGE, block, v->smile_mean - v->smile_before);
        for (size_t i = 0; i < s->n_labels; i++)
                times_s[i] = v->times_ms[i] / 1000;
        if (s->n_labels)
                stats_times_add(&s->times, times_s, s->n_labels);
        if (s->step_ms)
                stats_curve_add(&s->curve, v->curve);
}

void sums_add_play(struct sums *s, uint64_t shown_ms, uint64_t observed_ms, uint64_t watched_ms)
{
        s->plays++;
        s->shown_ms += shown_ms;
        s->observed_ms += observed_ms;
        stats_pairs_add(&s->audience, (double)observed_ms / 1000, (double)watched_ms / 1000);
}

static void merge_pairs(struct stats_pairs *p, const struct stats_pairs *from)
{
        p->n += from->n;
        p->x += from->x;
        p->y += from->y;
        p->xx += from->xx;
        p->xy += from->xy;
        p->yy += from->yy;
}

static void merge_times(struct stats_times *t, const struct stats_times *from)
{
        t->n += from->n;
        for (size_t i = 0; i < SUMS_LABELS_MAX; i++) {
                t->sum[i] += from->sum[i];
                for (size_t j = 0; j < SUMS_LABELS_MAX; j++)
                        t->product[i][j] += from->product[i][j];
        }
}

/* Return: 0; 1: they do not fit; -ENOMEM. */
static int merge_curve(struct sums *s, const struct sums *from)
{
        size_t n = from->curve.n_points * from->curve.n_points;

        if (!from->step_ms)
                return 0;
        if (!s->step_ms) {
                int r = stats_curve_init(&s->curve, from->curve.n_points);

                if (r < 0)
                        return r;
                s->step_ms = from->step_ms;
        }
        if (s->step_ms != from->step_ms || s->curve.n_points != from->curve.n_points)
                return 1;
        for (size_t i = 0; i < n; i++) {
                s->curve.both[i] += from->curve.both[i];
                s->curve.product[i] += from->curve.product[i];
                s->curve.first[i] += from->curve.first[i];
        }
        return 0;
}

int sums_merge(struct sums *s, const struct sums *from)
{
        const uint64_t *in = &from->histograms[0][0][0];
        uint64_t *out = &s->histograms[0][0][0];
        int r = merge_curve(s, from);

        if (r < 0)
                return r;
        s->plays += from->plays;
        s->shown_ms += from->shown_ms;
        s->observed_ms += from->observed_ms;
        s->viewers += from->viewers;
        s->watchers += from->watchers;
        s->watchers_2s += from->watchers_2s;
        s->smilers += from->smilers;
        s->no_baseline += from->no_baseline;
        merge_pairs(&s->attraction, &from->attraction);
        merge_pairs(&s->audience, &from->audience);
        for (size_t i = 0; i < sizeof(s->histograms) / sizeof(*out); i++)
                out[i] += in[i];
        if (from->n_labels && s->n_labels && s->n_labels != from->n_labels)
                return 1;
        s->n_labels = MAX(s->n_labels, from->n_labels);
        merge_times(&s->times, &from->times);
        return r;
}

unsigned sums_block(int64_t t)
{
        time_t seconds = (time_t)t;
        struct tm tm;

        if (!localtime_r(&seconds, &tm))
                return 0;
        return (tm.tm_wday == 0 || tm.tm_wday == 6 ? 24u : 0u) + (unsigned)tm.tm_hour;
}
