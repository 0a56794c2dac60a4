/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG
#include <assert.h>
#include <math.h>
#include <string.h>

#include "basic/macro.h"
#include "reactions/stats-band.h"
#include "reactions/stats-compare.h"
#include "reactions/stats-mixture.h"
#include "reactions/stats-sample.h"
#include "stats-crowd.h"

enum {
        CELLS = 50,
        CLASSES = 7,
        DECISIONS = 8,
        POINTS = 15,
};

static int holds(const struct stats_estimate *e, double truth)
{
        return e->low <= truth && truth <= e->high;
}

static double beta(struct stats_random *r, double a, double b)
{
        double x = stats_random_gamma(r, a), y = stats_random_gamma(r, b);

        return x / (x + y);
}

/* A viewer's smile: three in four hardly do, one in four does. Mean 0.75 * 0.1 + 0.25 * 0.6 = 0.225. */
#define SMILE_TRUTH 0.225
static double smile(struct stats_random *r)
{
        return stats_random_uniform(r) < 0.75 ? beta(r, 1, 9) : beta(r, 3, 2);
}

static double mean_of(unsigned runs, uint64_t seed, unsigned viewers)
{
        double values[CELLS];
        struct stats_random random;
        unsigned held = 0;

        stats_random_seed(&random, seed);
        for (int i = 0; i < CELLS; i++)
                values[i] = (i + 0.5) / CELLS;
        for (unsigned k = 0; k < runs; k++) {
                uint64_t counts[CELLS] = { 0 };
                struct stats_estimate e;

                for (unsigned i = 0; i < viewers; i++)
                        counts[MIN((size_t)(smile(&random) * CELLS), (size_t)CELLS - 1)]++;
                assert(stats_mean(&(struct stats_sample){ values, counts, CELLS }, &random, &e) == 0);
                held += holds(&e, SMILE_TRUTH);
        }
        return (double)held / runs;
}

static double mean_60(unsigned runs, uint64_t seed)
{
        return mean_of(runs, seed, 60);
}

static double mean_400(unsigned runs, uint64_t seed)
{
        return mean_of(runs, seed, 400);
}

static double share_100(unsigned runs, uint64_t seed)
{
        struct stats_random random;
        unsigned held = 0;

        stats_random_seed(&random, seed);
        for (unsigned k = 0; k < runs; k++) {
                struct stats_estimate e;
                unsigned hits = 0;

                for (int i = 0; i < 100; i++)
                        hits += stats_random_uniform(&random) < 0.23;
                e = stats_share(hits, 100);
                held += holds(&e, 0.23);
        }
        return (double)held / runs;
}

/* Who stays longer looks more: attention 0.3 of the first 10 seconds and 0.6 of the rest, with noise. */
static double ratio_80(unsigned runs, uint64_t seed)
{
        const double truth = (0.3 * 10 + 0.6 * 10) / 20; /* dwell is 10 s and an exponential with mean 10 s */
        struct stats_random random;
        unsigned held = 0;

        stats_random_seed(&random, seed);
        for (unsigned k = 0; k < runs; k++) {
                struct stats_pairs p = { 0 };
                struct stats_estimate e;

                for (int i = 0; i < 80; i++) {
                        double more = 10 * stats_random_gamma(&random, 1);
                        double noise = 2 * beta(&random, 4, 4); /* mean 1 */

                        stats_pairs_add(&p, 10 + more, noise * 3 + 0.6 * more);
                }
                e = stats_ratio(&p);
                held += holds(&e, truth);
        }
        return (double)held / runs;
}

/* Curves that wander, of viewers who come and go; the band must hold the truth at every point at once. */
static double band_120(unsigned runs, uint64_t seed)
{
        struct stats_random random;
        unsigned held = 0;

        stats_random_seed(&random, seed);
        for (unsigned k = 0; k < runs; k++) {
                double values[POINTS], mean[POINTS], half[POINTS];
                struct stats_curve c;
                int inside = 1;

                assert(stats_curve_init(&c, POINTS) == 0);
                for (int i = 0; i < 120; i++) {
                        double x = 0.15 * stats_random_normal(&random);
                        int from = (int)stats_random_below(&random, 8),
                            to = from + 5 + (int)stats_random_below(&random, 6);

                        for (int t = 0; t < POINTS; t++) {
                                x = 0.8 * x + 0.6 * 0.15 * stats_random_normal(&random);
                                values[t] = t >= from && t <= to ? 0.2 + 0.1 * sin(t / 3.0) + x : NAN;
                        }
                        stats_curve_add(&c, values);
                }
                assert(stats_curve_band(&c, 5, &random, mean, half) == 0);
                for (int t = 0; t < POINTS; t++)
                        inside = inside && (isnan(mean[t]) || fabs(mean[t] - (0.2 + 0.1 * sin(t / 3.0))) <= half[t]);
                held += (unsigned)inside;
                stats_curve_done(&c);
        }
        return (double)held / runs;
}

/* How often each class (anger, disgust, fear, happiness, neutral, sadness, surprise) is decided as which, and unsure. */
static const double confusion[CLASSES][DECISIONS] = {
        { .52, .05, .08, .03, .11, .08, .03, .10 }, { .16, .48, .06, .05, .08, .07, .02, .08 },
        { .09, .03, .42, .04, .08, .14, .10, .10 }, { .01, .01, .02, .86, .04, .01, .02, .03 },
        { .06, .02, .05, .04, .62, .11, .02, .08 }, { .07, .02, .10, .03, .20, .45, .02, .11 },
        { .02, .01, .08, .05, .04, .02, .71, .07 },
};
static const double crowd_shares[CLASSES] = { .02, .01, .01, .08, .85, .01, .02 };

static size_t pick(struct stats_random *r, const double *shares, size_t n)
{
        double u = stats_random_uniform(r);

        for (size_t i = 0; i + 1 < n; i++) {
                if (u < shares[i])
                        return i;
                u -= shares[i];
        }
        return n - 1;
}

/* A viewer of 20 looks of a second each; their own shares are spread about the crowd's. */
static void add_viewer(struct stats_random *random, struct stats_times *t)
{
        double a[CLASSES], mine[CLASSES], times[DECISIONS] = { 0 };

        for (int c = 0; c < CLASSES; c++)
                a[c] = crowd_shares[c] * 12;
        stats_random_dirichlet(random, a, CLASSES, mine);
        for (int i = 0; i < 20; i++)
                times[pick(random, confusion[pick(random, mine, CLASSES)], DECISIONS)] += 1000;
        stats_times_add(t, times, DECISIONS);
}

/* The least share of runs over the classes, so that the worst one speaks. */
static double mixture_of(unsigned runs, uint64_t seed, unsigned viewers)
{
        unsigned held[CLASSES] = { 0 }, least = runs;
        struct stats_random random;

        stats_random_seed(&random, seed);
        for (unsigned k = 0; k < runs; k++) {
                double counts[CLASSES * DECISIONS] = { 0 };
                struct stats_decisions d = { CLASSES, DECISIONS, counts };
                struct stats_estimate e[CLASSES];
                struct stats_times t = { 0 };

                for (int c = 0; c < CLASSES; c++)
                        for (int i = 0; i < 500; i++)
                                counts[c * DECISIONS + (int)pick(&random, confusion[c], DECISIONS)]++;
                for (unsigned i = 0; i < viewers; i++)
                        add_viewer(&random, &t);
                assert(stats_mixture(&t, &d, &random, e) == 0);
                for (int c = 0; c < CLASSES; c++)
                        held[c] += (unsigned)holds(&e[c], crowd_shares[c]);
        }
        for (int c = 0; c < CLASSES; c++)
                least = MIN(least, held[c]);
        return (double)least / runs;
}

static double mixture_200(unsigned runs, uint64_t seed)
{
        return mixture_of(runs, seed, 200);
}

/* A against A over 20 blocks whose crowds differ: how often is a difference found? */
static double same_against_same(unsigned runs, uint64_t seed)
{
        double values[CELLS];
        struct stats_random random;
        unsigned found = 0;

        stats_random_seed(&random, seed);
        for (int i = 0; i < CELLS; i++)
                values[i] = (i + 0.5) / CELLS;
        for (unsigned k = 0; k < runs; k++) {
                uint64_t a[20][CELLS] = { 0 }, b[20][CELLS] = { 0 };
                struct stats_block blocks[20];
                struct stats_comparison c;

                for (int i = 0; i < 20; i++) {
                        blocks[i] = (struct stats_block){ a[i], b[i] };
                        for (int j = 0; j < 8; j++) { /* evenings laugh more, and show a more often */
                                double x = MIN(smile(&random) + i * 0.01, 0.999);

                                if (stats_random_uniform(&random) < 0.2 + i * 0.03)
                                        a[i][(size_t)(x * CELLS)]++;
                                else
                                        b[i][(size_t)(x * CELLS)]++;
                        }
                }
                assert(stats_compare(values, CELLS, blocks, 20, &random, &c) == 0);
                found += c.p <= 0.05;
        }
        return (double)found / runs;
}

const struct stats_proof stats_proofs[] = {
        { "Wilson's interval of a share, 100 viewers", share_100, 0.93, 0.97 },
        { "bootstrap interval of a mean, 60 viewers", mean_60, 0.93, 0.97 },
        { "bootstrap interval of a mean, 400 viewers", mean_400, 0.93, 0.97 },
        { "ratio of attention to dwell, 80 viewers", ratio_80, 0.93, 0.97 },
        { "simultaneous band of a curve, 120 viewers", band_120, 0.93, 0.97 },
        { "corrected shares, 200 viewers, the worst class", mixture_200, 0.93, 1 },
        { "A against A: a difference is found", same_against_same, 0, 0.065 },
};
const size_t stats_n_proofs = ARRAY_LEN(stats_proofs);
