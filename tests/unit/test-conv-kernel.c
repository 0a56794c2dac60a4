/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernels of this CPU and the portable ones against plain sums in double. */
#undef NDEBUG
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "basic/macro.h"
#include "train/net/net.h"
#include "train/net/vec.h"

/* relative to the sum of magnitudes, so a constant times the rounding of one float */
#define TOLERANCE 2e-6

static float *random_floats(struct rng *rng, size_t n)
{
        float *p = floats_new(n);

        assert_non_null(p);
        for (size_t i = 0; i < n; i++)
                p[i] = (float)rng_normal(rng);
        return p;
}

static void forward(const struct conv_kernels *k, size_t n_taps, size_t run)
{
        struct rng rng;
        float *x, *w, *y = floats_new(CONV_K * run);
        size_t offset[64];

        rng_seed(&rng, n_taps * 1000 + run);
        x = random_floats(&rng, 400 + run);
        w = random_floats(&rng, n_taps * CONV_K);
        for (size_t j = 0; j < n_taps; j++)
                offset[j] = rng_below(&rng, 400);
        k->forward(x, offset, n_taps, w, run, y, run);
        for (size_t c = 0; c < CONV_K; c++)
                for (size_t p = 0; p < run; p++) {
                        double s = 0, size = 0;

                        for (size_t j = 0; j < n_taps; j++) {
                                double t = (double)w[j * CONV_K + c] * (double)x[offset[j] + p];

                                s += t;
                                size += fabs(t);
                        }
                        assert_true(fabs(s - (double)y[c * run + p]) <= TOLERANCE * size);
                }
        free(x);
        free(w);
        free(y);
}

/* A single channel is a row of eight. */
static void one(const struct conv_kernels *k, size_t n_taps, size_t run)
{
        enum { IMAGES = 2 };
        struct rng rng;
        size_t offset[64], image = 400 + run;
        float *x, *w, *dy, *y = floats_new(run), *acc = floats_new(n_taps * CONV_P);

        rng_seed(&rng, n_taps * 1002 + run);
        x = random_floats(&rng, IMAGES * image);
        w = random_floats(&rng, n_taps);
        dy = random_floats(&rng, IMAGES * run);
        for (size_t j = 0; j < n_taps; j++)
                offset[j] = rng_below(&rng, 400);
        k->forward_one(x, offset, n_taps, w, run, y);
        for (size_t p = 0; p < run; p++) {
                double s = 0, size = 0;

                for (size_t j = 0; j < n_taps; j++) {
                        s += (double)w[j] * (double)x[offset[j] + p];
                        size += fabs((double)w[j] * (double)x[offset[j] + p]);
                }
                assert_true(fabs(s - (double)y[p]) <= TOLERANCE * size);
        }
        k->weight_gradient_one(dy, run, x, image, offset, n_taps, run, IMAGES, acc);
        for (size_t j = 0; j < n_taps; j++) {
                double want = 0, size = 0, got = 0;

                for (size_t i = 0; i < IMAGES; i++)
                        for (size_t p = 0; p < run; p++) {
                                double t = (double)dy[i * run + p] * (double)x[i * image + offset[j] + p];

                                want += t;
                                size += fabs(t);
                        }
                for (size_t lane = 0; lane < CONV_P; lane++)
                        got += (double)acc[j * CONV_P + lane];
                assert_true(fabs(want - got) <= TOLERANCE * size);
        }
        free(x);
        free(w);
        free(dy);
        free(y);
        free(acc);
}

static void gradient(const struct conv_kernels *k, size_t n_taps, size_t run)
{
        enum { IMAGES = 3 };
        struct rng rng;
        float *x, *dy, *acc = floats_new((n_taps + CONV_J) * CONV_K * CONV_P);
        size_t offset[64], image = 400 + run;

        rng_seed(&rng, n_taps * 1001 + run);
        x = random_floats(&rng, IMAGES * image);
        dy = random_floats(&rng, IMAGES * CONV_K * run);
        for (size_t j = 0; j < n_taps; j++)
                offset[j] = rng_below(&rng, 400);
        k->weight_gradient(dy, run, CONV_K * run, x, image, offset, n_taps, run, IMAGES, acc);
        for (size_t j = 0; j < n_taps; j++)
                for (size_t c = 0; c < CONV_K; c++) {
                        double want = 0, size = 0, got = 0;

                        for (size_t i = 0; i < IMAGES; i++)
                                for (size_t p = 0; p < run; p++) {
                                        double t = (double)dy[(i * CONV_K + c) * run + p] *
                                                   (double)x[i * image + offset[j] + p];

                                        want += t;
                                        size += fabs(t);
                                }
                        for (size_t lane = 0; lane < CONV_P; lane++)
                                got += (double)acc[(j * CONV_K + c) * CONV_P + lane];
                        assert_true(fabs(want - got) <= TOLERANCE * size);
                }
        free(x);
        free(dy);
        free(acc);
}

static void outer(const struct conv_kernels *k, size_t n_a, size_t n_b, size_t n)
{
        struct rng rng;
        float *a, *b, *sums, *before;

        rng_seed(&rng, n_a * 1003 + n_b * 17 + n);
        a = random_floats(&rng, n * n_a);
        b = random_floats(&rng, n * n_b);
        sums = random_floats(&rng, n_a * n_b);
        before = floats_new(n_a * n_b);
        assert_non_null(before);
        memcpy(before, sums, n_a * n_b * sizeof(*sums));
        k->outer_products(a, n_a, b, n_b, n, sums);
        for (size_t i = 0; i < n_a * n_b; i++) {
                double s = (double)before[i], size = fabs(s);

                for (size_t row = 0; row < n; row++) {
                        double t = (double)a[row * n_a + i / n_b] * (double)b[row * n_b + i % n_b];

                        s += t;
                        size += fabs(t);
                }
                assert_true(fabs(s - (double)sums[i]) <= TOLERANCE * size);
        }
        free(a);
        free(b);
        free(sums);
        free(before);
}

static void test_kernels(void **state)
{
        const struct conv_kernels *sets[] = { conv_kernels_get(), conv_kernels_portable() };
        const size_t taps[] = { 1, 2, 3, 9, 13, 63 };

        for (size_t s = 0; s < ARRAY_LEN(sets); s++)
                for (size_t t = 0; t < ARRAY_LEN(taps); t++)
                        for (size_t run = CONV_P; run <= 8 * CONV_P; run += CONV_P) {
                                forward(sets[s], taps[t], run);
                                gradient(sets[s], taps[t], run);
                                one(sets[s], taps[t], run);
                                outer(sets[s], run, 9 * CONV_P - run, taps[t]);
                        }
        for (size_t s = 0; s < ARRAY_LEN(sets); s++)
                outer(sets[s], CONV_P, CONV_P, 2 * CONV_ROWS + 3);
}

static void check_vec(size_t n)
{
        struct rng rng;
        float *x, *dy, *y = floats_new(n + 1), *dx = floats_new(n + 1);
        double sum = 0, squares = 0, s, q;

        rng_seed(&rng, n);
        x = random_floats(&rng, n + 1);
        dy = random_floats(&rng, n + 1);
        for (size_t i = 0; i < n; i++) {
                sum += (double)x[i];
                squares += (double)x[i] * (double)x[i];
        }
        vec_sums(x, n, 1, 0, &s, &q);
        assert_float_equal(s, sum, 1e-4);
        assert_float_equal(q, squares, 1e-4);
        vec_affine(x, n, 2, 0.5f, true, y);
        for (size_t i = 0; i < n; i++)
                assert_float_equal(y[i], MAX(2 * x[i] + 0.5f, 0.0f), 1e-6);
        vec_affine_gradient(dy, x, n, 2, 0.5f, true, 3, 4, 5, false, dx);
        vec_affine_gradient(dy, x, n, 2, 0.5f, true, 3, 4, 5, true, dx);
        sum = squares = 0;
        for (size_t i = 0; i < n; i++) {
                double d = 2 * x[i] + 0.5f > 0 ? (double)dy[i] : 0;

                sum += d;
                squares += d * (double)x[i];
                assert_float_equal(dx[i], 2 * (3 * d + 4 * (double)x[i] + 5), 1e-4);
        }
        vec_affine_sums(dy, x, n, 1, 0, 2, 0.5f, true, &s, &q);
        assert_float_equal(s, sum, 1e-4);
        assert_float_equal(q, squares, 1e-4);
        vec_add(x, n, false, y);
        vec_add(dy, n, true, y);
        vec_relu_gradient(dy, x, n, false, dx);
        for (size_t i = 0; i < n; i++) {
                assert_float_equal(y[i], x[i] + dy[i], 1e-6);
                assert_true(dx[i] == (x[i] > 0 ? dy[i] : 0));
        }
        vec_split(x, n, y, dx);
        for (size_t i = 0; i < n; i++)
                assert_true((i % 2 ? dx : y)[i / 2] == x[i]);
        vec_join(y, dx, n, false, dy);
        vec_join(y, dx, n, true, dy);
        for (size_t i = 0; i < n; i++)
                assert_true(dy[i] == 2 * x[i]);
        vec_split(x, n, NULL, dx);
        vec_split(x, n, y, NULL);
        /* nothing is written past the end */
        assert_true(y[n] == 0 && dx[n] == 0);
        free(x);
        free(dy);
        free(y);
        free(dx);
}

static void check_runs(size_t n, size_t n_runs)
{
        size_t stride = n + 3, all = n_runs * stride;
        double sum = 0, squares = 0, d_sum = 0, products = 0, s, q;
        struct rng rng;
        float *x, *dy;

        rng_seed(&rng, n);
        x = random_floats(&rng, all);
        dy = random_floats(&rng, all);
        for (size_t i = 0; i < all; i++) {
                double d = x[i] - 0.5f > 0 ? (double)dy[i] : 0;

                if (i % stride >= n)
                        continue;
                sum += (double)x[i];
                squares += (double)x[i] * (double)x[i];
                d_sum += d;
                products += d * (double)x[i];
        }
        vec_sums(x, n, n_runs, stride, &s, &q);
        assert_float_equal(s, sum, TOLERANCE * squares);
        assert_float_equal(q, squares, TOLERANCE * squares);
        vec_affine_sums(dy, x, n, n_runs, stride, 1, -0.5f, true, &s, &q);
        assert_float_equal(s, d_sum, TOLERANCE * squares);
        assert_float_equal(q, products, TOLERANCE * squares);
        free(x);
        free(dy);
}

static void test_vec(void **state)
{
        for (size_t n = 1; n < 70; n++)
                check_vec(n);
        check_runs(36, 64);
        check_runs(36, 300);
        check_runs(5000, 3);
        check_runs(1, 5000);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_kernels), cmocka_unit_test(test_vec) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
