/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "reactions/stats-random.h"

/**
 * Estimates with intervals. Nothing here knows a person: a sample is a histogram of how many viewers had which value,
 * and a resampling of viewers needs no more than that.
 */

#define STATS_LEVEL 0.95 /* of every interval */
#define STATS_DRAWS 1000 /* resamplings of a bootstrap */
/* above it the mean of so many is as good as normal, and nothing is drawn */
#define STATS_BOOTSTRAP_MAX 5000

/* An estimate and its interval; all NaN if there is nothing to estimate from. @low and @high are NaN where one value
 * does not make an interval. */
struct stats_estimate {
        double value, low, high;
};

/* @counts[i] viewers had the value @values[i]; borrowed */
struct stats_sample {
        const double *values;
        const uint64_t *counts;
        size_t n_values;
};

/* The smallest first; none is NaN. */
void stats_sort(double *values, size_t n);

uint64_t stats_sample_size(const struct stats_sample *s);
double stats_sample_mean(const struct stats_sample *s);
/* Unbiased (n - 1); NaN below two viewers. */
double stats_sample_variance(const struct stats_sample *s);

/* A share with the interval of Wilson (1927), without correction for continuity. @hits <= @n. */
struct stats_estimate stats_share(uint64_t hits, uint64_t n);

/**
 * stats_mean() - the mean over viewers with a bootstrap interval
 *
 * Percentile interval with the widening of Hesterberg (2015), "What teachers should know about the bootstrap", section
 * 5.3: the plain percentile is too narrow by sqrt((n-1)/n) and by normal instead of t quantiles. From
 * STATS_BOOTSTRAP_MAX viewers on the t interval.
 * Return: 0; -ENOMEM.
 */
int stats_mean(const struct stats_sample *s, struct stats_random *random, struct stats_estimate *ret);

/* Sums over n units of two numbers each, for a ratio of totals. */
struct stats_pairs {
        double n, x, y, xx, xy, yy;
};

void stats_pairs_add(struct stats_pairs *p, double x, double y);
/* sum(y) / sum(x) with the interval of linearisation (Cochran 1977, section 6.3) and t with n - 1 degrees. Bounds below
 * 0 are cut to 0: both are times. */
struct stats_estimate stats_ratio(const struct stats_pairs *p);
