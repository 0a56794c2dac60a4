/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "basic/macro.h"
#include "train/net/random.h"

/* The generator by its definition, from the state 1, 2, 3, 4: the first outputs can be computed by hand. */
static void test_known_outputs(void **state)
{
        struct rng r = { { 1, 2, 3, 4 } };

        assert_int_equal(rng_next(&r), 11520);
        assert_int_equal(rng_next(&r), 0);
        assert_int_equal(rng_next(&r), 1509978240);
        assert_int_equal(rng_next(&r), 1215971899390074240);
}

static void test_same_seed_same_stream(void **state)
{
        struct rng a, b;

        rng_seed(&a, 7);
        rng_seed(&b, 7);
        assert_memory_equal(&a, &b, sizeof(a));
        rng_seed(&b, 8);
        assert_memory_not_equal(&a, &b, sizeof(a));
}

static void test_streams_differ(void **state)
{
        struct rng r[5];
        static const uint64_t parts[5][3] = { { 1, 2, 3 }, { 1, 3, 2 }, { 2, 1, 3 }, { 1, 2, 4 }, { 0, 2, 3 } };

        for (size_t i = 0; i < 5; i++)
                rng_seed_stream(&r[i], parts[i][0], parts[i][1], parts[i][2]);
        for (size_t i = 0; i < 5; i++)
                for (size_t j = 0; j < i; j++)
                        assert_memory_not_equal(&r[i], &r[j], sizeof(r[i]));
}

static void test_moments(void **state)
{
        struct rng r;
        double sum = 0, normal = 0, squares = 0;
        enum { N = 100000 };

        rng_seed(&r, 1);
        for (size_t i = 0; i < N; i++) {
                double u = rng_uniform(&r), v = rng_range(&r, -3, -2), n = rng_normal(&r);

                assert_true(u >= 0 && u < 1);
                assert_true(v >= -3 && v < -2);
                sum += u;
                normal += n;
                squares += n * n;
        }
        assert_true(fabs(sum / N - 0.5) < 0.005); /* five standard errors */
        assert_true(fabs(normal / N) < 0.016);
        assert_true(fabs(squares / N - 1) < 0.023);
}

static void test_below_is_even(void **state)
{
        struct rng r;
        size_t counts[7] = { 0 };

        rng_seed(&r, 2);
        for (size_t i = 0; i < 70000; i++) {
                size_t k = rng_below(&r, 7);

                assert_true(k < 7);
                counts[k]++;
        }
        for (size_t k = 0; k < 7; k++)
                assert_true(counts[k] > 9500 && counts[k] < 10500);
        assert_int_equal(rng_below(&r, 1), 0);
}

static void test_shuffle_keeps_all(void **state)
{
        struct rng r;
        size_t x[100], moved = 0;
        bool seen[100] = { false };

        for (size_t i = 0; i < 100; i++)
                x[i] = i;
        rng_seed(&r, 3);
        rng_shuffle(&r, x, 100);
        for (size_t i = 0; i < 100; i++) {
                assert_false(seen[x[i]]);
                seen[x[i]] = true;
                moved += x[i] != i;
        }
        assert_true(moved > 80);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_known_outputs),  cmocka_unit_test(test_same_seed_same_stream),
                cmocka_unit_test(test_streams_differ), cmocka_unit_test(test_moments),
                cmocka_unit_test(test_below_is_even),  cmocka_unit_test(test_shuffle_keeps_all),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
