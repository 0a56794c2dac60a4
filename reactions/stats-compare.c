/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "basic/macro.h"
#include "reactions/stats-compare.h"
#include "reactions/stats-normal.h"

#define PERMUTATIONS 1999
/* of many pairs the adjusted p of a plain difference must get below 5 %: then so many, while few were as extreme */
#define PERMUTATIONS_MAX 99999
#define EXTREME_ENOUGH 20
#define SMALL_CROWD 500 /* more viewers are near the normal limit also in the tail */
#define HOLM_MAX 4096

/* Of one block: sizes, sums and sums of squares. */
struct moments {
        double na, nb, a, b, aa, bb;
};

static struct moments block_moments(const double *values, size_t n_values, const struct stats_block *block)
{
        struct moments m = { 0 };

        for (size_t i = 0; i < n_values; i++) {
                double na = (double)block->a[i], nb = (double)block->b[i], v = values[i];

                m.na += na;
                m.nb += nb;
                m.a += na * v;
                m.b += nb * v;
                m.aa += na * v * v;
                m.bb += nb * v * v;
        }
        return m;
}

static double block_weight(const struct moments *m)
{
        return m->na > 0 && m->nb > 0 ? m->na * m->nb / (m->na + m->nb) : 0;
}

static double square_sum(double n, double sum, double squares)
{
        return n > 0 ? MAX(squares - sum * sum / n, 0.0) : 0;
}

/* What adds up over blocks. */
struct totals {
        double weight, difference, ss_a, ss_b, df_a, df_b;
        double over_a, over_b; /* sum of w^2 / n */
        double permuted;       /* variance of weight * difference under permutation */
        double n_a, n_b;
};

static void add_block(struct totals *t, const struct moments *m)
{
        double w = block_weight(m), n = m->na + m->nb;

        if (w == 0)
                return;
        t->weight += w;
        t->difference += w * (m->b / m->nb - m->a / m->na);
        t->ss_a += square_sum(m->na, m->a, m->aa);
        t->ss_b += square_sum(m->nb, m->b, m->bb);
        t->df_a += m->na - 1;
        t->df_b += m->nb - 1;
        t->over_a += w * w / m->na;
        t->over_b += w * w / m->nb;
        t->permuted += w * square_sum(n, m->a + m->b, m->aa + m->bb) / (n - 1);
        t->n_a += m->na;
        t->n_b += m->nb;
}

/* A block laid out viewer by viewer: those of a first. */
struct deck {
        double *cards;
        size_t n, n_a;
        double weight, sum;
};

/* The block's weighted difference after shuffling: only who is in the smaller group must be drawn (Fisher-Yates). */
static double shuffled(struct deck *d, struct stats_random *random)
{
        size_t n_small = MIN(d->n_a, d->n - d->n_a);
        double small = 0, a;

        for (size_t i = 0; i < n_small; i++) {
                size_t j = i + stats_random_below(random, d->n - i);
                double card = d->cards[j];

                d->cards[j] = d->cards[i];
                d->cards[i] = card;
                small += card;
        }
        a = n_small == d->n_a ? small : d->sum - small;
        return d->weight * ((d->sum - a) / (double)(d->n - d->n_a) - a / (double)d->n_a);
}

static void lay_out(const double *values, size_t n_values, const struct stats_block *block, double *cards,
                    struct deck *ret)
{
        struct moments m = block_moments(values, n_values, block);
        size_t n = 0;

        for (size_t i = 0; i < n_values; i++)
                for (uint64_t k = 0; k < block->a[i]; k++)
                        cards[n++] = values[i];
        for (size_t i = 0; i < n_values; i++)
                for (uint64_t k = 0; k < block->b[i]; k++)
                        cards[n++] = values[i];
        *ret = (struct deck){ cards, n, (size_t)m.na, block_weight(&m), m.a + m.b };
}

static double normal_p(const struct totals *t)
{
        return t->permuted > 0 ? 2 * stats_normal_cdf(-fabs(t->difference) / sqrt(t->permuted)) : 1;
}

static int permutation_p(const double *values, size_t n_values, const struct stats_block *blocks, size_t n_blocks,
                         const struct totals *t, struct stats_random *random, double *ret)
{
        _cleanup_(freep) double *cards = malloc((size_t)(t->n_a + t->n_b) * sizeof(*cards));
        _cleanup_(freep) struct deck *decks = malloc(n_blocks * sizeof(*decks));
        double threshold = fabs(t->difference) * (1 - 1e-12);
        size_t used = 0, n_decks = 0, extreme = 0, n = 0;

        if (!cards || !decks)
                return -ENOMEM;
        for (size_t i = 0; i < n_blocks; i++) {
                struct moments m = block_moments(values, n_values, &blocks[i]);

                if (block_weight(&m) == 0)
                        continue;
                lay_out(values, n_values, &blocks[i], cards + used, &decks[n_decks]);
                used += decks[n_decks++].n;
        }
        while (n < PERMUTATIONS || (n < PERMUTATIONS_MAX && extreme < EXTREME_ENOUGH && used <= SMALL_CROWD)) {
                double difference = 0;

                n++;
                for (size_t i = 0; i < n_decks; i++)
                        difference += shuffled(&decks[i], random);
                extreme += fabs(difference) >= threshold;
        }
        *ret = (double)(extreme + 1) / (double)(n + 1);
        if (!extreme)
                *ret = MIN(*ret, normal_p(t));
        return 0;
}

int stats_compare(const double *values, size_t n_values, const struct stats_block *blocks, size_t n_blocks,
                  struct stats_random *random, struct stats_comparison *ret)
{
        struct totals t = { 0 };
        double variance_a, variance_b, half, difference;

        *ret = (struct stats_comparison){ { NAN, NAN, NAN }, NAN, 0, 0, NAN };
        for (size_t i = 0; i < n_blocks; i++) {
                struct moments m = block_moments(values, n_values, &blocks[i]);

                add_block(&t, &m);
        }
        if (t.weight == 0)
                return 0;
        ret->n_a = (uint64_t)t.n_a;
        ret->n_b = (uint64_t)t.n_b;
        difference = t.difference / t.weight;
        ret->difference.value = difference;
        if (t.df_a + t.df_b < 1)
                return 0;
        ret->spread = sqrt((t.ss_a + t.ss_b) / (t.df_a + t.df_b));
        variance_a = t.df_a >= 1 ? t.ss_a / t.df_a : ret->spread * ret->spread;
        variance_b = t.df_b >= 1 ? t.ss_b / t.df_b : ret->spread * ret->spread;
        half = stats_t_quantile(0.5 + STATS_LEVEL / 2, t.df_a + t.df_b) *
               sqrt(variance_a * t.over_a + variance_b * t.over_b) / t.weight;
        ret->difference = (struct stats_estimate){ difference, difference - half, difference + half };
        if (t.n_a + t.n_b <= STATS_BOOTSTRAP_MAX)
                return permutation_p(values, n_values, blocks, n_blocks, &t, random, &ret->p);
        ret->p = normal_p(&t);
        return 0;
}

int stats_holm(double *p, size_t n)
{
        size_t order[HOLM_MAX], m = 0;
        double largest = 0;

        if (n > HOLM_MAX)
                return -EINVAL;
        for (size_t i = 0; i < n; i++) { /* by insertion: few pairs are ever compared */
                size_t k = m;

                if (isnan(p[i]))
                        continue;
                for (; k > 0 && p[order[k - 1]] > p[i]; k--)
                        order[k] = order[k - 1];
                order[k] = i;
                m++;
        }
        for (size_t k = 0; k < m; k++) {
                largest = MAX(largest, MIN(1.0, (double)(m - k) * p[order[k]]));
                p[order[k]] = largest;
        }
        return 0;
}
