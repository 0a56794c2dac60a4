/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "basic/macro.h"
#include "reactions/stats-band.h"
#include "reactions/stats-compare.h"
#include "reactions/stats-mixture.h"
#include "reactions/stats-normal.h"
#include "reactions/stats-power.h"
#include "reactions/stats-sample.h"

/*
 * The functions against values that other programs computed: SciPy 1.10.1 (named by its function) and R 4.2.2. Where a
 * value is from drawing, so many were drawn there that the tolerance is that of ours.
 */

static void near(double is, double should, double tolerance)
{
        if (!(fabs(is - should) <= tolerance))
                fail_msg("%.12g is not %.12g within %g", is, should, tolerance);
}

/* scipy.stats.norm.ppf */
static void test_normal_quantile(void **state)
{
        static const double known[][2] = {
                { 1e-10, -6.361340902404056 },
                { 0.001, -3.090232306167813 },
                { 0.025, -1.9599639845400545 },
                { 0.3, -0.5244005127080409 },
                { 0.5, 0 },
                { 0.8, 0.8416212335729143 },
                { 0.975, 1.959963984540054 },
                { 0.999999, 4.753424308817087 },
        };

        for (size_t i = 0; i < ARRAY_LEN(known); i++)
                near(stats_normal_quantile(known[i][0]), known[i][1], 1e-10);
        assert_true(isnan(stats_normal_quantile(0)) && isnan(stats_normal_quantile(1)));
        near(stats_normal_cdf(-3), 0.0013498980316300933, 1e-15);
        near(stats_normal_cdf(1.2), 0.8849303297782918, 1e-15);
}

/* scipy.stats.t.ppf and .cdf */
static void test_t(void **state)
{
        static const double known[][3] = {
                { 0.975, 1, 12.706204736432095 },  { 0.975, 2.5, 3.5746548420118773 },
                { 0.975, 9, 2.2621571627409915 },  { 0.995, 30, 2.7499956535670305 },
                { 0.1, 4, -1.5332062737131438 },   { 0.975, 10000, 1.960201239890626 },
                { 0.975, 1e9, 1.959963984540054 },
        };

        for (size_t i = 0; i < ARRAY_LEN(known); i++)
                near(stats_t_quantile(known[i][0], known[i][1]), known[i][2], 1e-7);
        near(stats_t_cdf(-0.5, 5), 0.3191494358204645, 1e-12);
        near(stats_t_cdf(1.2, 5), 0.8580544716469489, 1e-12);
}

/* scipy.stats.binomtest(k, n).proportion_ci(method='wilson') */
static void test_share(void **state)
{
        static const struct {
                unsigned hits, n;
                double low, high;
        } known[] = {
                { 0, 10, 0, 0.27753279986288926 },
                { 3, 10, 0.10779126740630102, 0.6032218525388546 },
                { 10, 10, 0.7224672001371109, 1 },
                { 61, 500, 0.09615927831509372, 0.1536047230738398 },
                { 999, 1000, 0.9943574414020421, 0.9998234536293739 },
        };

        for (size_t i = 0; i < ARRAY_LEN(known); i++) {
                struct stats_estimate e = stats_share(known[i].hits, known[i].n);

                near(e.value, (double)known[i].hits / known[i].n, 1e-15);
                near(e.low, known[i].low, 1e-12);
                near(e.high, known[i].high, 1e-12);
        }
        assert_true(isnan(stats_share(0, 0).value) && isnan(stats_share(2, 1).low));
}

static const double crowd_values[] = { 0.05, 0.15, 0.35, 0.75, 0.95 };

/* numpy: quantiles of 200,000 resampled means at the widened levels (n = 40): 0.1375 and 0.305 */
static void test_mean(void **state)
{
        static const uint64_t counts[] = { 20, 9, 6, 3, 2 }, many[] = { 20000, 9000, 6000, 3000, 2000 };
        static const uint64_t one[] = { 0, 1, 0, 0, 0 }, none[5];
        struct stats_sample s = { crowd_values, counts, 5 };
        struct stats_estimate e;
        struct stats_random random;

        stats_random_seed(&random, 1);
        near(stats_sample_variance(&s), 0.06746153846153846, 1e-14);
        assert_int_equal(stats_mean(&s, &random, &e), 0);
        near(e.value, 0.215, 1e-14);
        near(e.low, 0.1375, 0.006);
        near(e.high, 0.305, 0.006);
        s.counts = many; /* 1,000 times the crowd: the t interval is 1.96 * sd / sqrt(n) */
        assert_int_equal(stats_mean(&s, &random, &e), 0);
        near(e.high - e.low, 2 * 1.96001 * sqrt(0.06746153846153846 * 39 / 40 * 40000 / 39999) / 200, 1e-6);
        s.counts = one;
        assert_int_equal(stats_mean(&s, &random, &e), 0);
        near(e.value, 0.15, 1e-15);
        assert_true(isnan(e.low) && isnan(e.high));
        s.counts = none;
        assert_int_equal(stats_mean(&s, &random, &e), 0);
        assert_true(isnan(e.value));
}

/* numpy: linearisation written out, scipy.stats.t for the quantile */
static void test_ratio(void **state)
{
        static const double x[] = { 10, 20, 15, 30, 25, 5 }, y[] = { 4, 15, 3, 22, 11, 5 };
        struct stats_pairs p = { 0 };
        struct stats_estimate e;

        assert_true(isnan(stats_ratio(&p).value));
        for (size_t i = 0; i < ARRAY_LEN(x); i++)
                stats_pairs_add(&p, x[i], y[i]);
        e = stats_ratio(&p);
        near(e.value, 0.5714285714285714, 1e-14);
        near(e.low, 0.3231384941322524, 1e-9);
        near(e.high, 0.8197186487248904, 1e-9);
}

static const double matrix[] = { 70, 10, 15, 5, 12, 60, 20, 8, 8, 4, 80, 8 };

/* scipy.optimize.minimize (BFGS, Nelder-Mead) of the negative log likelihood over softmax shares */
static void test_mixture_fit(void **state)
{
        static const double inside[] = { 250, 120, 560, 70 }, edge[] = { 700, 100, 150, 50 };
        double rows[12], shares[3];

        for (int i = 0; i < 12; i++)
                rows[i] = matrix[i] / 100;
        assert_true(stats_mixture_fit(inside, rows, 3, 4, shares) > 0);
        near(shares[0], 0.26642587, 1e-6);
        near(shares[1], 0.11374428, 1e-6);
        near(shares[2], 0.61982985, 1e-6);
        assert_true(stats_mixture_fit(edge, rows, 3, 4, shares) > 0);
        near(shares[0], 1, 0.002); /* where inverting would leave 0..1 */
        for (int i = 0; i < 3; i++)
                assert_true(shares[i] >= 0 && shares[i] <= 1);
        assert_int_equal(stats_mixture_fit((double[4]){ 0 }, rows, 3, 4, shares), -EINVAL);
        assert_int_equal(stats_mixture_fit(edge, rows, 17, 4, shares), -EINVAL);
}

static void test_mixture_refuses(void **state)
{
        struct stats_decisions d = { 3, 4, matrix };
        struct stats_times t = { 0 };
        struct stats_estimate e[3];
        struct stats_random random;

        stats_random_seed(&random, 1);
        stats_times_add(&t, (double[]){ 1000, 0, 500, 0 }, 4);
        assert_int_equal(stats_mixture(&t, &d, &random, e), -EINVAL); /* one viewer is no crowd */
        stats_times_add(&t, (double[]){ 1000, 0, 0, 500 }, 4);
        assert_int_equal(stats_mixture(&t, &d, &random, e), 0);
        near(t.product[0][2], 500000, 1e-9);
}

/* all 35 * 56 arrangements of both blocks, counted by itertools.combinations: p = 0.0821428571 */
static void test_compare(void **state)
{
        static const double values[] = { .1, .3, .5, .7 };
        static const uint64_t a1[] = { 2, 1, 1, 0 }, b1[] = { 0, 1, 1, 1 }, a2[] = { 1, 2, 0, 0 },
                              b2[] = { 1, 1, 2, 1 }, only_a[] = { 5, 5, 0, 0 }, none[] = { 0, 0, 0, 0 };
        const struct stats_block blocks[] = { { a1, b1 }, { only_a, none }, { a2, b2 } };
        struct stats_comparison c;
        struct stats_random random;

        stats_random_seed(&random, 3);
        assert_int_equal(stats_compare(values, 4, blocks, 3, &random, &c), 0);
        near(c.difference.value, 0.21691542288557217, 1e-12);
        near(c.p, 0.08214285714285714, 0.02); /* 3 standard errors of 1,999 permutations */
        assert_int_equal(c.n_a, 7);           /* who saw it in an hour without the other is not compared */
        assert_int_equal(c.n_b, 8);
        assert_true(c.difference.low < c.difference.value && c.difference.value < c.difference.high);
        assert_int_equal(stats_compare(values, 4, blocks + 1, 1, &random, &c), 0);
        assert_true(isnan(c.p) && isnan(c.difference.value));
}

/* Beyond 5,000 viewers p is from the limit: it must continue what permutations say below. */
static void test_compare_limit(void **state)
{
        static const double values[] = { 0, 1 };
        uint64_t a[] = { 2250, 240 }, b[] = { 2220, 280 };
        struct stats_block block = { a, b };
        struct stats_comparison drawn, limit;
        struct stats_random random;

        stats_random_seed(&random, 3);
        assert_int_equal(stats_compare(values, 2, &block, 1, &random, &drawn), 0);
        a[0] += 18; /* 4,990 and 5,008 viewers */
        assert_int_equal(stats_compare(values, 2, &block, 1, &random, &limit), 0);
        near(drawn.p, limit.p, 0.03);
        assert_true(limit.p > 0.03 && limit.p < 0.12);
}

/* R: p.adjust(c(0.01, 0.04, 0.03, 0.005, 0.5, 0.2), "holm") */
static void test_holm(void **state)
{
        static const double known[] = { 0.05, 0.12, 0.12, 0.03, 0.5, 0.4 };
        double p[] = { 0.01, 0.04, 0.03, 0.005, 0.5, 0.2 }, with_nan[] = { NAN, 0.02, NAN };

        assert_int_equal(stats_holm(p, 6), 0);
        for (int i = 0; i < 6; i++)
                near(p[i], known[i], 1e-12);
        assert_int_equal(stats_holm(with_nan, 3), 0);
        near(with_nan[1], 0.02, 1e-15);
        assert_int_equal(stats_holm(p, 5000), -EINVAL);
}

/* R: power.prop.test(p1 = .1, p2 = .15, power = .8) n = 685.5969; p2 = .2: 198.9634. numpy for the means */
static void test_power(void **state)
{
        near(stats_power_viewers(.1, .15), 686, 0);
        near(stats_power_viewers(.1, .2), 199, 0);
        assert_true(isinf(stats_power_viewers(.1, .1)));
        near(stats_power_least(.25, 100, 150), 0.09042077410610333, 1e-12);
        near(stats_power_viewers_mean(.25, .05), 393, 0);
}

/* Independent points: the 95 % quantile of the largest of 30 |z| is 3.1336 (numpy, 400,000 draws). */
static void test_band(void **state)
{
        enum { POINTS = 30, VIEWERS = 4000 };
        struct stats_curve c;
        struct stats_random random;
        double values[POINTS], mean[POINTS], half[POINTS];

        stats_random_seed(&random, 5);
        assert_int_equal(stats_curve_init(&c, POINTS), 0);
        for (int i = 0; i < VIEWERS; i++) {
                for (int t = 0; t < POINTS; t++)
                        values[t] = 0.01 * t + stats_random_normal(&random);
                if (i >= 3)
                        values[POINTS - 1] = NAN; /* three saw the last second */
                stats_curve_add(&c, values);
        }
        assert_int_equal(stats_curve_band(&c, 5, &random, mean, half), 0);
        for (int t = 0; t < POINTS - 1; t++) {
                near(mean[t], 0.01 * t, 0.07);
                near(half[t] * sqrt(VIEWERS), 3.12, 0.25);
        }
        assert_true(isnan(mean[POINTS - 1]) && isnan(half[POINTS - 1]));
        assert_int_equal(stats_curve_band(&c, VIEWERS + 1, &random, mean, half), 0);
        assert_true(isnan(mean[0]));
        stats_curve_done(&c);
        assert_int_equal(stats_curve_init(&c, 0), -EINVAL);
}

static void test_random(void **state)
{
        struct stats_random a, b;
        double sum = 0, squares = 0, gamma = 0, shares[3];

        stats_random_seed(&a, 7);
        stats_random_seed(&b, 7);
        for (int i = 0; i < 100000; i++) {
                double x = stats_random_normal(&a);

                near(x, stats_random_normal(&b), 0);
                sum += x;
                squares += x * x;
                gamma += stats_random_gamma(&a, 2.5);
                (void)stats_random_gamma(&b, 2.5);
        }
        near(sum / 1e5, 0, 0.015);
        near(squares / 1e5, 1, 0.02);
        near(gamma / 1e5, 2.5, 0.025);
        stats_random_dirichlet(&a, (double[]){ 1, 2, 0.5 }, 3, shares);
        near(shares[0] + shares[1] + shares[2], 1, 1e-12);
        for (int i = 0; i < 1000; i++)
                assert_true(stats_random_below(&a, 3) < 3);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_normal_quantile), cmocka_unit_test(test_t),
                cmocka_unit_test(test_share),           cmocka_unit_test(test_mean),
                cmocka_unit_test(test_ratio),           cmocka_unit_test(test_mixture_fit),
                cmocka_unit_test(test_mixture_refuses), cmocka_unit_test(test_compare),
                cmocka_unit_test(test_compare_limit),   cmocka_unit_test(test_holm),
                cmocka_unit_test(test_power),           cmocka_unit_test(test_band),
                cmocka_unit_test(test_random),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
