/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "basic/macro.h"
#include "reactions/stats-band.h"
#include "reactions/stats-normal.h"
#include "reactions/stats-sample.h"

#define BAND_DRAWS 4000

int stats_curve_init(struct stats_curve *c, size_t n_points)
{
        size_t n;

        if (!n_points || __builtin_mul_overflow(n_points, n_points, &n))
                return -EINVAL;
        *c = (struct stats_curve){
                .n_points = n_points,
                .both = calloc(n, sizeof(double)),
                .product = calloc(n, sizeof(double)),
                .first = calloc(n, sizeof(double)),
        };
        if (c->both && c->product && c->first)
                return 0;
        stats_curve_done(c);
        return -ENOMEM;
}

void stats_curve_done(struct stats_curve *c)
{
        free(c->both);
        free(c->product);
        free(c->first);
        *c = (struct stats_curve){ 0 };
}

void stats_curve_add(struct stats_curve *c, const double *values)
{
        size_t n = c->n_points;

        for (size_t t = 0; t < n; t++)
                for (size_t s = 0; s < n && !isnan(values[t]); s++) {
                        if (isnan(values[s]))
                                continue;
                        c->both[t * n + s]++;
                        c->product[t * n + s] += values[t] * values[s];
                        c->first[t * n + s] += values[t];
                }
}

/* Covariance of the means at t and s: sum over viewers in view at both of (y_t - m_t) (y_s - m_s) / (n_t n_s). */
static double covariance(const struct stats_curve *c, const double *mean, size_t t, size_t s)
{
        size_t n = c->n_points, ts = t * n + s, st = s * n + t;
        double sum = c->product[ts] - mean[s] * c->first[ts] - mean[t] * c->first[st] + mean[t] * mean[s] * c->both[ts];
        double nt = c->both[t * n + t], ns = c->both[s * n + s];

        return sum / sqrt(nt * (nt - 1) * ns * (ns - 1));
}

/* The lower triangle of L with L L' = @a [n, n], in place. A pivot that rounding or viewers who come and go made negative
 * counts as 0. */
static void cholesky(double *a, size_t n)
{
        for (size_t j = 0; j < n; j++) {
                double pivot = a[j * n + j];

                for (size_t k = 0; k < j; k++)
                        pivot -= a[j * n + k] * a[j * n + k];
                pivot = pivot > 1e-10 ? sqrt(pivot) : 0;
                a[j * n + j] = pivot;
                for (size_t i = j + 1; i < n; i++) {
                        double sum = a[i * n + j];

                        for (size_t k = 0; k < j; k++)
                                sum -= a[i * n + k] * a[j * n + k];
                        a[i * n + j] = pivot > 0 ? sum / pivot : 0;
                }
        }
}

/* The 95 % quantile of max |z|, z normal with the correlation whose triangle is @l. Return: 0; -ENOMEM. */
static int critical_value(const double *l, size_t n, struct stats_random *random, double *ret)
{
        _cleanup_(freep) double *largest = malloc(BAND_DRAWS * sizeof(*largest)), *z = malloc(n * sizeof(*z));

        if (!largest || !z)
                return -ENOMEM;
        for (size_t b = 0; b < BAND_DRAWS; b++) {
                largest[b] = 0;
                for (size_t i = 0; i < n; i++) {
                        double x = 0;

                        z[i] = stats_random_normal(random);
                        for (size_t k = 0; k <= i; k++)
                                x += l[i * n + k] * z[k];
                        largest[b] = MAX(largest[b], fabs(x));
                }
        }
        stats_sort(largest, BAND_DRAWS);
        *ret = largest[(size_t)(STATS_LEVEL * BAND_DRAWS)];
        return 0;
}

/* The normal quantile @z as one of t with @df degrees that leaves as much outside. */
static double widen(double z, double df)
{
        return stats_t_quantile(MIN(stats_normal_cdf(z), 1 - 1e-12), df);
}

/* Points that are not blank, in order; @ret_mean of the others is NaN. Return: how many. */
static size_t choose_points(const struct stats_curve *c, uint64_t min_viewers, double *ret_mean, double *ret_half,
                            size_t *ret_points)
{
        size_t n = c->n_points, m = 0;

        for (size_t t = 0; t < n; t++) {
                double viewers = c->both[t * n + t];

                ret_mean[t] = ret_half[t] = NAN;
                if (viewers < (double)MAX(min_viewers, 2u))
                        continue;
                ret_mean[t] = c->first[t * n + t] / viewers;
                ret_points[m++] = t;
        }
        return m;
}

int stats_curve_band(const struct stats_curve *c, uint64_t min_viewers, struct stats_random *random, double *ret_mean,
                     double *ret_half)
{
        _cleanup_(freep) size_t *points = malloc(c->n_points * sizeof(*points));
        _cleanup_(freep) double *l = NULL;
        double z;
        size_t m;
        int r;

        if (!points)
                return -ENOMEM;
        m = choose_points(c, min_viewers, ret_mean, ret_half, points);
        if (!m)
                return 0;
        l = calloc(m * m, sizeof(*l));
        if (!l)
                return -ENOMEM;
        for (size_t i = 0; i < m; i++)
                ret_half[points[i]] = sqrt(MAX(covariance(c, ret_mean, points[i], points[i]), 0.0));
        for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < m; j++) {
                        double scale = ret_half[points[i]] * ret_half[points[j]];

                        l[i * m + j] = i == j      ? 1
                                       : scale > 0 ? covariance(c, ret_mean, points[i], points[j]) / scale
                                                   : 0;
                }
        cholesky(l, m);
        r = critical_value(l, m, random, &z);
        if (r < 0)
                return r;
        for (size_t i = 0; i < m; i++)
                ret_half[points[i]] *= widen(z, c->both[points[i] * (c->n_points + 1)] - 1);
        return 0;
}
