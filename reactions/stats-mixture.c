/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "basic/macro.h"
#include "reactions/stats-mixture.h"
#include "reactions/stats-normal.h"

#define FIT_STEPS_MAX 2000
#define FIT_TOLERANCE 1e-9  /* of the estimate */
#define DRAW_TOLERANCE 1e-5 /* of each draw, whose spread is far above it */
#define MIXTURE_DRAWS 500

/* One step of EM. Return: the largest change of a share. */
static double fit_step(const double *observed, double total, const double *rows, size_t n_classes, size_t n_decisions,
                       double *shares)
{
        double next[STATS_CLASSES_MAX] = { 0 }, change = 0;

        for (size_t d = 0; d < n_decisions; d++) {
                double sum = 0;

                for (size_t c = 0; c < n_classes; c++)
                        sum += shares[c] * rows[c * n_decisions + d];
                for (size_t c = 0; c < n_classes && sum > 0; c++)
                        next[c] += observed[d] / total * shares[c] * rows[c * n_decisions + d] / sum;
        }
        for (size_t c = 0; c < n_classes; c++) {
                change = MAX(change, fabs(next[c] - shares[c]));
                shares[c] = next[c];
        }
        return change;
}

static int fit(const double *observed, const double *rows, size_t n_classes, size_t n_decisions, double tolerance,
               double *shares)
{
        double total = 0;
        int steps = 0;

        for (size_t d = 0; d < n_decisions; d++)
                total += observed[d];
        if (!(total > 0) || n_classes > STATS_CLASSES_MAX || n_decisions > STATS_CLASSES_MAX || !n_classes)
                return -EINVAL;
        for (size_t c = 0; c < n_classes; c++)
                shares[c] = 1.0 / (double)n_classes;
        while (++steps < FIT_STEPS_MAX && fit_step(observed, total, rows, n_classes, n_decisions, shares) > tolerance)
                ;
        return steps;
}

int stats_mixture_fit(const double *observed, const double *rows, size_t n_classes, size_t n_decisions,
                      double *ret_shares)
{
        double shares[STATS_CLASSES_MAX];
        int steps = fit(observed, rows, n_classes, n_decisions, FIT_TOLERANCE, shares);

        if (steps >= 0)
                memcpy(ret_shares, shares, n_classes * sizeof(*shares));
        return steps;
}

void stats_times_add(struct stats_times *t, const double *times, size_t n_decisions)
{
        t->n++;
        for (size_t i = 0; i < n_decisions; i++) {
                t->sum[i] += times[i];
                for (size_t j = 0; j < n_decisions; j++)
                        t->product[i][j] += times[i] * times[j];
        }
}

/* The lower triangle of the covariance of the totals: n times that of one viewer. */
static void totals_triangle(const struct stats_times *t, size_t n, double (*ret)[STATS_CLASSES_MAX])
{
        double scale = t->n / (t->n - 1);

        for (size_t j = 0; j < n; j++)
                for (size_t i = j; i < n; i++) {
                        double sum = scale * (t->product[i][j] - t->sum[i] * t->sum[j] / t->n);

                        for (size_t k = 0; k < j; k++)
                                sum -= ret[i][k] * ret[j][k];
                        if (i == j)
                                ret[j][j] = sum > 1e-9 * (1 + t->product[j][j]) ? sqrt(sum) : 0;
                        else
                                ret[i][j] = ret[j][j] > 0 ? sum / ret[j][j] : 0;
                }
}

static void draw_totals(const struct stats_times *t, double (*l)[STATS_CLASSES_MAX], size_t n,
                        struct stats_random *random, double *ret)
{
        double z[STATS_CLASSES_MAX];

        for (size_t i = 0; i < n; i++) {
                z[i] = stats_random_normal(random);
                ret[i] = t->sum[i];
                for (size_t k = 0; k <= i; k++)
                        ret[i] += l[i][k] * z[k];
                ret[i] = MAX(ret[i], 0.0);
        }
}

static void draw_rows(const struct stats_decisions *d, struct stats_random *random, double *ret)
{
        double a[STATS_CLASSES_MAX];

        for (size_t c = 0; c < d->n_classes; c++) {
                for (size_t i = 0; i < d->n_decisions; i++)
                        a[i] = d->counts[c * d->n_decisions + i] + 0.5;
                stats_random_dirichlet(random, a, d->n_decisions, ret + c * d->n_decisions);
        }
}

static void mean_rows(const struct stats_decisions *d, double *ret)
{
        for (size_t c = 0; c < d->n_classes; c++) {
                const double *row = d->counts + c * d->n_decisions;
                double sum = 0;

                for (size_t i = 0; i < d->n_decisions; i++)
                        sum += row[i];
                for (size_t i = 0; i < d->n_decisions; i++)
                        ret[c * d->n_decisions + i] = sum > 0 ? row[i] / sum : 1.0 / (double)d->n_decisions;
        }
}

static double draw_at(const double *sorted, double level)
{
        return sorted[(size_t)CLAMP(level * MIXTURE_DRAWS, 0.0, (double)MIXTURE_DRAWS - 1)];
}

/* Shares that cannot be negative push down the others, in a draw more than in the estimate: of the percentile interval
 * and the one corrected for that bias (Efron 1987, BC), whatever reaches further. */
static struct stats_estimate interval(double *draws, double share)
{
        double z = stats_normal_quantile(0.5 + STATS_LEVEL / 2), below = 0.5, bias;

        stats_sort(draws, MIXTURE_DRAWS);
        for (size_t i = 0; i < MIXTURE_DRAWS; i++)
                below += draws[i] < share;
        bias = stats_normal_quantile(below / (MIXTURE_DRAWS + 1));
        return (struct stats_estimate){
                share,
                MIN(draw_at(draws, stats_normal_cdf(-z)), draw_at(draws, stats_normal_cdf(2 * bias - z))),
                MAX(draw_at(draws, stats_normal_cdf(z)), draw_at(draws, stats_normal_cdf(2 * bias + z))),
        };
}

int stats_mixture(const struct stats_times *times, const struct stats_decisions *d, struct stats_random *random,
                  struct stats_estimate *ret)
{
        _cleanup_(freep) double *draws = NULL;
        double rows[STATS_CLASSES_MAX * STATS_CLASSES_MAX], l[STATS_CLASSES_MAX][STATS_CLASSES_MAX] = { 0 };
        double shares[STATS_CLASSES_MAX], totals[STATS_CLASSES_MAX];
        int r;

        if (times->n < 2 || d->n_classes > STATS_CLASSES_MAX || d->n_decisions > STATS_CLASSES_MAX)
                return -EINVAL;
        draws = calloc(d->n_classes * MIXTURE_DRAWS, sizeof(*draws));
        if (!draws)
                return -ENOMEM;
        mean_rows(d, rows);
        r = stats_mixture_fit(times->sum, rows, d->n_classes, d->n_decisions, shares);
        if (r < 0)
                return r;
        totals_triangle(times, d->n_decisions, l);
        for (size_t b = 0; b < MIXTURE_DRAWS; b++) {
                double drawn[STATS_CLASSES_MAX] = { 0 };

                draw_totals(times, l, d->n_decisions, random, totals);
                draw_rows(d, random, rows);
                (void)fit(totals, rows, d->n_classes, d->n_decisions, DRAW_TOLERANCE, drawn);
                for (size_t c = 0; c < d->n_classes; c++)
                        draws[c * MIXTURE_DRAWS + b] = drawn[c];
        }
        for (size_t c = 0; c < d->n_classes; c++)
                ret[c] = interval(draws + c * MIXTURE_DRAWS, shares[c]);
        return 0;
}
