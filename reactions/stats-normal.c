/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "basic/macro.h"
#include "reactions/stats-normal.h"

double stats_normal_cdf(double x)
{
        return 0.5 * erfc(-x * M_SQRT1_2);
}

/* a[7] r^7 + ... + a[0] */
static double polynomial(const double *a, double r)
{
        double y = a[7];

        for (int i = 6; i >= 0; i--)
                y = y * r + a[i];
        return y;
}

static double central(double q)
{
        static const double a[] = { 3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                                    1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                                    3.3430575583588128105e4, 2.5090809287301226727e3 };
        static const double b[] = { 1.0,
                                    4.2313330701600911252e1,
                                    6.8718700749205790830e2,
                                    5.3941960214247511077e3,
                                    2.1213794301586595867e4,
                                    3.9307895800092710610e4,
                                    2.8729085735721942674e4,
                                    5.2264952788528545610e3 };
        double r = 0.180625 - q * q;

        return q * polynomial(a, r) / polynomial(b, r);
}

static double tail(double p)
{
        static const double c[] = { 1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                                    3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                                    2.27238449892691845833e-2, 7.74545014278341407640e-4 };
        static const double d[] = { 1.0,
                                    2.05319162663775882187e0,
                                    1.67638483018380384940e0,
                                    6.89767334985100004550e-1,
                                    1.48103976427480074590e-1,
                                    1.51986665636164571966e-2,
                                    5.47593808499534494600e-4,
                                    1.05075007164441684324e-9 };
        static const double e[] = { 6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                                    2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                    2.71155556874348757815e-5, 2.01033439929228813265e-7 };
        static const double f[] = { 1.0,
                                    5.99832206555887937690e-1,
                                    1.36929880922735805310e-1,
                                    1.48753612908506148525e-2,
                                    7.86869131145613259100e-4,
                                    1.84631831751005468180e-5,
                                    1.42151175831644588870e-7,
                                    2.04426310338993978564e-15 };
        double r = sqrt(-log(p));

        return r <= 5 ? polynomial(c, r - 1.6) / polynomial(d, r - 1.6) : polynomial(e, r - 5) / polynomial(f, r - 5);
}

double stats_normal_quantile(double p)
{
        double q = p - 0.5;

        if (!(p > 0 && p < 1))
                return NAN;
        if (fabs(q) <= 0.425)
                return central(q);
        return q < 0 ? -tail(p) : tail(1 - p);
}

/* The continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), by Lentz's method. */
static double beta_fraction(double a, double b, double x)
{
        const double tiny = 1e-300;
        double c = 1, d = 1 - (a + b) * x / (a + 1), h;

        d = 1 / (fabs(d) < tiny ? tiny : d);
        h = d;
        for (int m = 1; m < 1000; m++) {
                double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
                double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), step;

                d = 1 + even * d;
                c = 1 + even / c;
                d = 1 / (fabs(d) < tiny ? tiny : d);
                h *= d * (fabs(c) < tiny ? tiny : c);
                d = 1 + odd * d;
                c = 1 + odd / c;
                d = 1 / (fabs(d) < tiny ? tiny : d);
                step = d * (fabs(c) < tiny ? tiny : c);
                h *= step;
                if (fabs(step - 1) < 1e-15)
                        break;
        }
        return h;
}

static double incomplete_beta(double a, double b, double x)
{
        double front;

        if (x <= 0 || x >= 1)
                return x >= 1;
        front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
        return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
                                         : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double stats_t_cdf(double x, double df)
{
        double half = 0.5 * incomplete_beta(df / 2, 0.5, df / (df + x * x));

        return x > 0 ? 1 - half : half;
}

double stats_t_quantile(double p, double df)
{
        double lo = -1e8, hi = 1e8;

        if (!(p > 0 && p < 1) || !(df > 0))
                return NAN;
        if (df > 1e7)
                return stats_normal_quantile(p);
        for (int i = 0; i < 200 && hi - lo > 1e-12 * MAX(1.0, fabs(lo)); i++) {
                double mid = (lo + hi) / 2;

                if (stats_t_cdf(mid, df) < p)
                        lo = mid;
                else
                        hi = mid;
        }
        return (lo + hi) / 2;
}
