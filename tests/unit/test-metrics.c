/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "train/model/metrics.h"

#define ASSERT_NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-6)

static void test_empty(void **state)
{
        struct metrics m;

        metrics_init(&m, 3);
        ASSERT_NEAR(metrics_accuracy(&m), 0);
        ASSERT_NEAR(metrics_ece(&m), 0);
        for (unsigned i = 0; i < 3; i++) {
                assert_true(isnan(metrics_precision(&m, i)));
                assert_true(isnan(metrics_recall(&m, i)));
                assert_true(isnan(metrics_f1(&m, i)));
        }
}

static void test_counts(void **state)
{
        struct metrics m;
        const float p0[3] = { 0.8f, 0.1f, 0.1f }, p1[3] = { 0.2f, 0.5f, 0.3f };

        metrics_init(&m, 3);
        metrics_add(&m, 0, p0); /* right */
        metrics_add(&m, 0, p1); /* wrong: 1 */
        metrics_add(&m, 1, p1); /* right */
        metrics_add(&m, 2, p1); /* wrong: 1 */
        assert_int_equal(m.count, 4);
        assert_int_equal(m.confusion[0][1], 1);
        assert_int_equal(m.confusion[2][1], 1);
        ASSERT_NEAR(metrics_accuracy(&m), 0.5);
        ASSERT_NEAR(metrics_precision(&m, 1), 1.0 / 3);
        ASSERT_NEAR(metrics_recall(&m, 0), 0.5);
        ASSERT_NEAR(metrics_f1(&m, 1), 0.5); /* 2 * 1 / (3 + 1) */
        assert_true(isnan(metrics_precision(&m, 2)));
        ASSERT_NEAR(metrics_f1(&m, 2), 0);
        assert_true(fabs(m.loss - -(log(0.8) + log(0.2) + log(0.5) + log(0.3)) / 4) < 1e-6);
        /* confidences 0.8 (right) and 3 x 0.5 (one right): |0.8 - 1| + |1.5 - 1| over 4 */
        assert_true(fabs(metrics_ece(&m) - 0.7 / 4) < 1e-6);
        assert_true(isnan(metrics_recall(&m, 3)));
}

static void test_not_a_number_is_wrong(void **state)
{
        struct metrics m;
        const float bad[3] = { 0.5f, NAN, 0.5f }, infinite[3] = { INFINITY, 0, 0 };

        metrics_init(&m, 3);
        metrics_add(&m, 0, bad);
        metrics_add(&m, 0, infinite);
        assert_int_equal(m.count, 2);
        assert_int_equal(m.n_invalid, 2);
        assert_int_equal(m.correct, 0);
        assert_int_equal(m.confusion[0][0], 0);
        assert_true(isfinite(m.loss));
        assert_true(isfinite(metrics_ece(&m)));
        ASSERT_NEAR(metrics_accuracy(&m), 0);
}

static void test_certain_and_impossible(void **state)
{
        struct metrics m;
        const float p[2] = { 1, 0 };

        metrics_init(&m, 2);
        metrics_add(&m, 0, p);
        ASSERT_NEAR(metrics_ece(&m), 0);
        assert_int_equal(m.bin_count[METRICS_ECE_BINS - 1], 1);
        metrics_add(&m, 1, p); /* probability 0 for the truth: a large loss, not an infinite one */
        assert_true(m.loss > 5 && m.loss < 50);
        metrics_add(&m, 2, p); /* no such class */
        assert_int_equal(m.count, 2);
}

/* Against the figures that R's prop.test(k, n, correct = FALSE) gives. */
static void test_intervals(void **state)
{
        static const struct {
                uint64_t k, n;
                double lo, hi;
        } cases[] = {
                { 10, 100, 0.0552291, 0.1743657 }, { 0, 10, 0, 0.2775328 }, { 10, 10, 0.7224672, 1 },
                { 1, 5, 0.0362241, 0.6244654 },    { 0, 0, 0, 1 },
        };
        const float p[2] = { 0.9f, 0.1f };
        struct metrics m;
        double v[2];

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                metrics_interval(cases[i].k, cases[i].n, v);
                assert_true(fabs(v[0] - cases[i].lo) < 1e-6 && fabs(v[1] - cases[i].hi) < 1e-6);
        }
        metrics_init(&m, 2);
        for (size_t i = 0; i < 15; i++)
                metrics_add(&m, i < 10 ? 0 : 1, p); /* all of the first class are right, none of the second */
        metrics_recall_interval(&m, 0, v);
        assert_true(fabs(v[0] - 0.7224672) < 1e-6 && v[1] >= 1);
        metrics_recall_interval(&m, 1, v);
        assert_true(v[0] <= 0 && v[1] < 0.44);
        metrics_recall_interval(&m, 2, v);
        assert_true(v[0] <= 0 && v[1] >= 1);
        assert_true(fabs(metrics_macro_f1(&m) - (0.8 + 0) / 2) < 1e-9);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_counts),
                cmocka_unit_test(test_not_a_number_is_wrong),
                cmocka_unit_test(test_certain_and_impossible),
                cmocka_unit_test(test_intervals),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
