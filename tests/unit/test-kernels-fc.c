/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fully connected layers and the general product against naive twins. */
#undef NDEBUG
#include "tests/unit/kernels-common.h"

#include <errno.h>

/* A sum of k products in -1..1: its rounding, and with narrow weights k times the error of a weight (2^-9 relative
 * for bfloat16, half a step of 1/127 for int8), which random signs shrink to about its root. */
static float tolerance(enum nn_fc_storage storage, size_t k)
{
        float per_weight = storage == NN_FC_INT8 ? 1.f / 254 : storage == NN_FC_BFLOAT16 ? 1.f / 512 : 4e-7f;

        return 4 * per_weight * sqrtf((float)k) + 1e-6f;
}

static void check_fc(enum nn_isa isa, struct nn_fc_desc d, bool with_bias, struct nn_pool *pool, uint32_t *seed)
{
        size_t m = d.m, n = d.n, k = d.k;
        float *x = random_floats(m * k, seed), *w = random_floats(n * k, seed), *bias = random_floats(n, seed);
        float *slopes = random_floats(n, seed), *y = floats(m * n), *expected = floats(m * n);
        struct nn_fc *f = NULL;
        char what[100];

        d.act.slopes = slopes;
        for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < n; j++) {
                        double sum = with_bias ? (double)bias[j] : 0;

                        for (size_t a = 0; a < k; a++)
                                sum += (double)x[i * k + a] * (double)(d.weights_k_n ? w[a * n + j] : w[j * k + a]);
                        expected[i * n + j] = (float)naive_act(&d.act, j, sum);
                }
        assert_int_equal(nn_fc_prepare(isa, &d, w, with_bias ? bias : NULL, &f), 0);
        snprintf(what, sizeof(what), "%s %s m %zu k %zu n %zu", nn_isa_name(isa), nn_fc_name(f), m, k, n);
        nn_fc_run(f, x, y, pool);
        assert_close(y, expected, m * n, 1e-5f, tolerance(d.storage, k), what);
        assert_true(nn_fc_packed_bytes(f) >= n * k);
        nn_fc_free(f);
        free(x);
        free(w);
        free(bias);
        free(slopes);
        free(y);
        free(expected);
}

static void test_fc(void **state)
{
        static const unsigned ns[] = { 1, 7, 16, 33, 64, 100, 130 }, ks[] = { 1, 3, 64, 257, 1100 };
        struct nn_pool *pool = NULL;
        uint32_t seed = 1;
        unsigned i = 0;

        assert_int_equal(nn_pool_new(2, &pool), 0);
        FOR_EACH_ISA(isa)
                for (size_t a = 0; a < ARRAY_LEN(ns); a++)
                        for (size_t b = 0; b < ARRAY_LEN(ks); b++, i++) {
                                static const unsigned ms[] = { 1, 2, 5, 8, 35 };
                                struct nn_fc_desc d = {
                                        .m = ms[i % ARRAY_LEN(ms)],
                                        .k = ks[b],
                                        .n = ns[a],
                                        .weights_k_n = i % 2,
                                        .act = nth_act(i / 2, NULL),
                                };

                                for (unsigned s = NN_FC_FLOAT32; s <= NN_FC_INT8; s++) {
                                        d.storage = (enum nn_fc_storage)s;
                                        check_fc(isa, d, i % 3, i % 4 ? NULL : pool, &seed);
                                        d.m = 1;
                                }
                        }
        nn_pool_free(pool);
}

static void test_fc_refusals(void **state)
{
        struct nn_fc_desc d = { .m = 1, .k = 1, .n = 0 };
        struct nn_fc *f = NULL;
        float w = 1;

        assert_int_equal(nn_fc_prepare(NN_ISA_PORTABLE, &d, &w, NULL, &f), -EINVAL);
        d = (struct nn_fc_desc){ .m = 1, .k = 0, .n = 1 };
        assert_int_equal(nn_fc_prepare(NN_ISA_PORTABLE, &d, &w, NULL, &f), -EINVAL);
        d = (struct nn_fc_desc){ .m = 1, .k = 1, .n = 1, .act.kind = NN_ACT_PRELU };
        assert_int_equal(nn_fc_prepare(NN_ISA_PORTABLE, &d, &w, NULL, &f), -EINVAL);
        assert_null(nn_fc_free(NULL));
}

/* bfloat16 and int8 keep zeros, and int8 the largest weight of a row, exactly; a row of zeros has no scale. */
static void test_fc_exact(void **state)
{
        const float w[2][3] = { { 0, 0.5f, -0.25f }, { 0, 0, 0 } }, x[3] = { 1e6f, 2, 0 };
        float y[2];

        FOR_EACH_ISA(isa)
                for (unsigned s = NN_FC_FLOAT32; s <= NN_FC_INT8; s++) {
                        struct nn_fc_desc d = { .m = 1, .k = 3, .n = 2, .storage = (enum nn_fc_storage)s };
                        struct nn_fc *f = NULL;

                        assert_int_equal(nn_fc_prepare(isa, &d, w[0], NULL, &f), 0);
                        nn_fc_run(f, x, y, NULL);
                        assert_true(fabsf(y[0] - 1) < 1e-6f && y[1] == 0);
                        nn_fc_free(f);
                }
}

static void check_gemm(enum nn_isa isa, bool trans_a, bool trans_b, size_t m, size_t n, size_t k, float alpha,
                       float beta, uint32_t *seed)
{
        float *a = random_floats(m * k, seed), *b = random_floats(n * k, seed), *y = random_floats(m * n, seed);
        float *expected = floats(m * n), *scratch = floats(nn_gemm_scratch_bytes(isa, m, n, k) / sizeof(float));
        char what[100];

        for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < n; j++) {
                        double sum = 0;

                        for (size_t p = 0; p < k; p++)
                                sum += (double)(trans_a ? a[p * m + i] : a[i * k + p]) *
                                       (double)(trans_b ? b[j * k + p] : b[p * n + j]);
                        expected[i * n + j] = (float)((double)alpha * sum + (double)beta * (double)y[i * n + j]);
                }
        if (beta == 0)
                y[0] = NAN;
        snprintf(what, sizeof(what), "%s gemm %zu %zu %zu trans %d %d", nn_isa_name(isa), m, n, k, trans_a, trans_b);
        nn_gemm(isa, trans_a, trans_b, m, n, k, alpha, a, b, beta, y, scratch);
        assert_close(y, expected, m * n, 1e-5f, tolerance(NN_FC_FLOAT32, k), what);
        free(a);
        free(b);
        free(y);
        free(expected);
        free(scratch);
}

static void test_gemm(void **state)
{
        static const size_t dims[] = { 1, 2, 5, 13, 16, 31, 65, 129 };
        uint32_t seed = 2;

        FOR_EACH_ISA(isa)
                for (unsigned i = 0; i < 60; i++) {
                        size_t m = dims[random_below(&seed, ARRAY_LEN(dims))],
                               n = dims[random_below(&seed, ARRAY_LEN(dims))];
                        size_t k = i % 7 == 6 ? 1100 : i % 11 == 10 ? 0 : dims[random_below(&seed, ARRAY_LEN(dims))];

                        check_gemm(isa, i & 1, i & 2, m, n, k, i % 3 ? 1.f : 0.5f, (float)(i % 5 % 3), &seed);
                }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fc),
                cmocka_unit_test(test_fc_refusals),
                cmocka_unit_test(test_fc_exact),
                cmocka_unit_test(test_gemm),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
