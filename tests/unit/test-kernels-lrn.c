/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Response normalisation against a naive twin in double precision. */
#undef NDEBUG
#include "tests/unit/kernels-common.h"

static void naive(const struct nn_lrn_desc *d, const float *x, float *y)
{
        long before = ((long)d->size - 1) / 2, after = (long)d->size / 2;

        for (size_t i = 0; i < d->n; i++)
                for (long c = 0; c < (long)d->c; c++)
                        for (size_t p = 0; p < d->hw; p++) {
                                const float *image = x + i * d->c * d->hw;
                                double sum = 0;

                                for (long k = MAX(c - before, 0L); k <= MIN(c + after, (long)d->c - 1); k++)
                                        sum += (double)image[(size_t)k * d->hw + p] *
                                               (double)image[(size_t)k * d->hw + p];
                                y[(i * d->c + (size_t)c) * d->hw + p] =
                                        (float)((double)image[(size_t)c * d->hw + p] *
                                                pow((double)d->bias + (double)d->alpha / d->size * sum,
                                                    -(double)d->beta));
                        }
}

static void check(struct nn_lrn_desc d, uint32_t *seed)
{
        size_t n = d.n * d.c * d.hw;
        float *x = random_floats(n, seed), *expected = floats(n);

        naive(&d, x, expected);
        FOR_EACH_ISA(isa)
                for (unsigned layout = 0; layout < 2; layout++) {
                        char what[100];
                        float *in, *y;

                        d.layout = layout ? NN_BLOCKED : NN_PLAIN;
                        /* what the lanes past the last channel hold must not matter */
                        in = in_layout(isa, d.layout, d.n, d.c, d.hw, x, 1e30f);
                        y = floats(layout_floats(isa, d.layout, d.n, d.c, d.hw));
                        nn_lrn(isa, &d, in, y);
                        for (size_t i = 0; i < layout_floats(isa, d.layout, d.n, d.c, d.hw); i++)
                                assert_true(isfinite(y[i]));
                        y = to_plain(isa, d.layout, d.n, d.c, d.hw, y);
                        snprintf(what, sizeof(what), "%s layout %u c %zu hw %zu size %u", nn_isa_name(isa), layout, d.c,
                                 d.hw, d.size);
                        assert_close(y, expected, n, 1e-5f, 1e-6f, what);
                        free(y);
                        free(in);
                }
        free(x);
        free(expected);
}

static void test_shapes(void **state)
{
        static const struct nn_lrn_desc shapes[] = {
                { .n = 1, .c = 64, .hw = 50, .size = 11, .alpha = 1.1f, .beta = 0.75f, .bias = 1 },
                { .n = 2, .c = 19, .hw = 7, .size = 5, .alpha = 0.5f, .beta = 0.5f, .bias = 2 },
                { .n = 1, .c = 3, .hw = 33, .size = 4, .alpha = 2, .beta = 1.3f, .bias = 0.5f },
                { .n = 3, .c = 1, .hw = 1, .size = 1, .alpha = 1, .beta = 0.75f, .bias = 1 },
                { .n = 1, .c = 16, .hw = 5, .size = 3000, .alpha = 5, .beta = 0.75f, .bias = 1 },
                { .n = 1, .c = 2100, .hw = 2, .size = 3, .alpha = 5, .beta = 0.75f, .bias = 1 },
        };
        uint32_t seed = 1;

        for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
                check(shapes[i], &seed);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_shapes) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
