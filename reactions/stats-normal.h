/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** Distributions that intervals and tests are read from. */

/* P(Z <= x) of the standard normal distribution. */
double stats_normal_cdf(double x);
/* Its inverse, 0 < p < 1: algorithm AS 241, PPND16 (Wichura 1988), relative error about 1e-16. Else NaN. */
double stats_normal_quantile(double p);
/* P(T <= x) of Student's t, @df > 0: by the incomplete beta function as a continued fraction (Lentz). */
double stats_t_cdf(double x, double df);
/* Its inverse, 0 < p < 1, by bisection to 1e-12. Else NaN. */
double stats_t_quantile(double p, double df);
