/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "basic/macro.h"
#include "reactions/stats-normal.h"
#include "reactions/stats-sample.h"

static const struct stats_estimate nothing = { NAN, NAN, NAN };

uint64_t stats_sample_size(const struct stats_sample *s)
{
        uint64_t n = 0;

        for (size_t i = 0; i < s->n_values; i++)
                n += s->counts[i];
        return n;
}

double stats_sample_mean(const struct stats_sample *s)
{
        double sum = 0, n = 0;

        for (size_t i = 0; i < s->n_values; i++) {
                sum += (double)s->counts[i] * s->values[i];
                n += (double)s->counts[i];
        }
        return n > 0 ? sum / n : NAN;
}

double stats_sample_variance(const struct stats_sample *s)
{
        double mean = stats_sample_mean(s), sum = 0, n = (double)stats_sample_size(s);

        if (n < 2)
                return NAN;
        for (size_t i = 0; i < s->n_values; i++)
                sum += (double)s->counts[i] * (s->values[i] - mean) * (s->values[i] - mean);
        return sum / (n - 1);
}

struct stats_estimate stats_share(uint64_t hits, uint64_t n)
{
        double z = stats_normal_quantile(0.5 + STATS_LEVEL / 2), p, m = (double)n, middle, half, scale;

        if (!n || hits > n)
                return nothing;
        p = (double)hits / m;
        scale = 1 + z * z / m;
        middle = (p + z * z / (2 * m)) / scale;
        half = z / scale * sqrt(p * (1 - p) / m + z * z / (4 * m * m));
        return (struct stats_estimate){ p, hits ? middle - half : 0, hits < n ? middle + half : 1 };
}

static int by_value(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

void stats_sort(double *values, size_t n)
{
        qsort(values, n, sizeof(*values), by_value);
}

/* The mean of each of STATS_DRAWS resamplings, sorted. @viewers: the value of each viewer. */
static void resample(const double *viewers, size_t n, struct stats_random *random, double *ret)
{
        for (size_t b = 0; b < STATS_DRAWS; b++) {
                double sum = 0;

                for (size_t i = 0; i < n; i++)
                        sum += viewers[stats_random_below(random, n)];
                ret[b] = sum / (double)n;
        }
        stats_sort(ret, STATS_DRAWS);
}

static double sorted_quantile(const double *sorted, size_t n, double p)
{
        double at = CLAMP(p, 0.0, 1.0) * (double)(n - 1);
        size_t i = (size_t)at, next = MIN(i + 1, n - 1);

        return sorted[i] + (at - (double)i) * (sorted[next] - sorted[i]);
}

static struct stats_estimate t_interval(const struct stats_sample *s, size_t n)
{
        double mean = stats_sample_mean(s), half;

        half = stats_t_quantile(0.5 + STATS_LEVEL / 2, (double)n - 1) * sqrt(stats_sample_variance(s) / (double)n);
        return (struct stats_estimate){ mean, mean - half, mean + half };
}

int stats_mean(const struct stats_sample *s, struct stats_random *random, struct stats_estimate *ret)
{
        _cleanup_(freep) double *viewers = NULL, *means = NULL;
        size_t n = stats_sample_size(s), k = 0;
        double wide;

        *ret = nothing;
        if (n > STATS_BOOTSTRAP_MAX) {
                *ret = t_interval(s, n);
                return 0;
        }
        if (n < 2) {
                ret->value = stats_sample_mean(s);
                return 0;
        }
        viewers = malloc(n * sizeof(*viewers));
        means = malloc(STATS_DRAWS * sizeof(*means));
        if (!viewers || !means)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_values; i++)
                for (uint64_t j = 0; j < s->counts[i]; j++)
                        viewers[k++] = s->values[i];
        resample(viewers, n, random, means);
        wide = sqrt((double)n / (double)(n - 1)) * stats_t_quantile(0.5 + STATS_LEVEL / 2, (double)n - 1);
        *ret = (struct stats_estimate){ stats_sample_mean(s),
                                        sorted_quantile(means, STATS_DRAWS, stats_normal_cdf(-wide)),
                                        sorted_quantile(means, STATS_DRAWS, stats_normal_cdf(wide)) };
        return 0;
}

void stats_pairs_add(struct stats_pairs *p, double x, double y)
{
        p->n++;
        p->x += x;
        p->y += y;
        p->xx += x * x;
        p->xy += x * y;
        p->yy += y * y;
}

struct stats_estimate stats_ratio(const struct stats_pairs *p)
{
        double r, residual, half;

        if (!(p->x > 0))
                return nothing;
        r = p->y / p->x;
        if (p->n < 2)
                return (struct stats_estimate){ r, NAN, NAN };
        residual = MAX(p->yy - 2 * r * p->xy + r * r * p->xx, 0.0);
        half = stats_t_quantile(0.5 + STATS_LEVEL / 2, p->n - 1) * sqrt(residual * p->n / (p->n - 1)) / p->x;
        return (struct stats_estimate){ r, MAX(r - half, 0.0), r + half };
}
