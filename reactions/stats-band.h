/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "reactions/stats-random.h"

/**
 * The mean curve of a content over its time, with a band that holds the whole true curve in 95 % of cases.
 *
 * What is kept is sums over viewers, by pairs of points: how many were in view at both (@both), the sum of the product
 * of their values (@product), and the sum of the row's value over those (@first). All three are what the covariance of
 * the means needs, also where viewers come and go; none tells of a single one.
 */
struct stats_curve {
        size_t n_points;
        double *both;    /* [n, n], symmetric; the diagonal is the number of viewers at that point */
        double *product; /* [n, n], symmetric */
        double *first;   /* [n, n]; row t, column s: the sum of values at t over those in view at t and s */
};

/* Memory of all three. Return: 0; -ENOMEM; -EINVAL if there is no point. */
int stats_curve_init(struct stats_curve *c, size_t n_points);
void stats_curve_done(struct stats_curve *c);
/* A viewer: @values[n_points], NaN where not in view. */
void stats_curve_add(struct stats_curve *c, const double *values);

/**
 * stats_curve_band() - means and band
 * @min_viewers: a point with fewer is blank (NaN) and takes no part
 * @ret_mean, @ret_half: [n_points]; the band is mean - half .. mean + half
 *
 * Max-t: the critical value is the 95 % quantile of the largest |z| of a normal vector with the correlation of the
 * means (Montiel Olea and Plagborg-Moller 2019, "Simultaneous confidence bands", sup-t), which is what a bootstrap with
 * normal multipliers over viewers draws; widened at each point to t for the viewers there.
 * Return: 0; -ENOMEM.
 */
int stats_curve_band(const struct stats_curve *c, uint64_t min_viewers, struct stats_random *random, double *ret_mean,
                     double *ret_half);
