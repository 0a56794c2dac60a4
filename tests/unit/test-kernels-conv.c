/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Convolution against a naive twin in double precision. */
#undef NDEBUG
#include "tests/unit/kernels-common.h"

#include <errno.h>

/* Every value is a sum of c * r * s products in -1..1, about the root of their number large. Float rounding of the
 * direct sum stays under 1e-6 of that, Winograd's larger tiles under 2e-5. */
#define RELATIVE 1e-5f
#define ABSOLUTE(d) (2e-5f * sqrtf((float)(((d)->c / (d)->groups) * (d)->r * (d)->s + 8)))

static double at(const struct nn_conv_desc *d, const float *x, const float *w, unsigned i, unsigned k, unsigned y,
                 unsigned xo)
{
        unsigned per_c = d->c / d->groups, group = k / (d->k / d->groups);
        double sum = 0;

        for (unsigned c = 0; c < per_c; c++)
                for (unsigned r = 0; r < d->r; r++)
                        for (unsigned s = 0; s < d->s; s++) {
                                long row = (long)(y * d->stride[0] + r * d->dilation[0]) - (long)d->pad[0];
                                long column = (long)(xo * d->stride[1] + s * d->dilation[1]) - (long)d->pad[1];

                                if (row < 0 || column < 0 || row >= (long)d->h || column >= (long)d->w)
                                        continue;
                                sum += (double)x[(((size_t)i * d->c + group * per_c + c) * d->h + (size_t)row) * d->w +
                                                 (size_t)column] *
                                       (double)w[(((size_t)k * per_c + c) * d->r + r) * d->s + s];
                        }
        return sum;
}

static void naive(const struct nn_conv_desc *d, const float *x, const float *w, const float *bias,
                  const float *residual, float *y)
{
        unsigned out_h = nn_conv_out_h(d), out_w = nn_conv_out_w(d);
        size_t o = 0;

        for (unsigned i = 0; i < d->n; i++)
                for (unsigned k = 0; k < d->k; k++)
                        for (unsigned a = 0; a < out_h; a++)
                                for (unsigned b = 0; b < out_w; b++, o++) {
                                        double v = at(d, x, w, i, k, a, b) + (bias ? (double)bias[k] : 0);

                                        if (d->residual)
                                                v += (double)residual[o];
                                        y[o] = (float)naive_act(&d->act, k, v);
                                }
}

struct tensors {
        float *x, *w, *bias, *residual, *slopes, *expected;
        float *others; /* other weights */
        size_t n_out;
};

static struct tensors tensors_new(struct nn_conv_desc *d, bool with_bias, uint32_t *state)
{
        struct tensors t = { .n_out = (size_t)d->n * d->k * nn_conv_out_h(d) * nn_conv_out_w(d) };

        t.x = random_floats((size_t)d->n * d->c * d->h * d->w, state);
        t.w = random_floats((size_t)d->k * (d->c / d->groups) * d->r * d->s, state);
        t.others = random_floats((size_t)d->k * (d->c / d->groups) * d->r * d->s, state);
        t.bias = with_bias ? random_floats(d->k, state) : NULL;
        t.residual = random_floats(t.n_out, state);
        t.slopes = random_floats(d->k, state);
        t.expected = floats(t.n_out);
        d->act.slopes = t.slopes;
        naive(d, t.x, t.w, t.bias, t.residual, t.expected);
        return t;
}

static void tensors_done(struct tensors *t)
{
        free(t->x);
        free(t->w);
        free(t->others);
        free(t->bias);
        free(t->residual);
        free(t->slopes);
        free(t->expected);
}

static void describe(enum nn_isa isa, const struct nn_conv_desc *d, const char *name, char *ret, size_t size)
{
        snprintf(ret, size,
                 "%s %s [%u,%u,%u,%u] k %u %ux%u stride %u,%u pad %u,%u,%u,%u dilation %u,%u groups %u act %d "
                 "residual %d layouts %d %d",
                 nn_isa_name(isa), name, d->n, d->c, d->h, d->w, d->k, d->r, d->s, d->stride[0], d->stride[1],
                 d->pad[0], d->pad[1], d->pad[2], d->pad[3], d->dilation[0], d->dilation[1], d->groups,
                 (int)d->act.kind, d->residual, (int)d->in, (int)d->out);
}

static void run_one(enum nn_isa isa, const struct nn_conv_desc *d, const struct tensors *t, struct nn_pool *pool,
                    bool in_place, bool reload)
{
        size_t hw = (size_t)d->h * d->w, out_hw = (size_t)nn_conv_out_h(d) * nn_conv_out_w(d), scratch_bytes;
        struct nn_conv *c = NULL;
        float *x, *residual = NULL, *y, *scratch, *packed = NULL;
        char what[256];

        if (reload) {
                /* what is in the memory before must not matter */
                assert_int_equal(nn_conv_new(isa, d, &c), 0);
                packed = floats(nn_conv_packed_bytes(c) / sizeof(float));
                memset(packed, 0xff, nn_conv_packed_bytes(c));
                if (d->act.kind != NN_ACT_PRELU)
                        nn_conv_load(c, packed, t->others, t->slopes, pool);
                nn_conv_load(c, packed, t->w, t->bias, pool);
        } else {
                assert_int_equal(nn_conv_prepare(isa, d, t->w, t->bias, &c), 0);
        }
        describe(isa, d, nn_conv_name(c), what, sizeof(what));
        scratch_bytes = nn_conv_scratch_bytes(c, nn_pool_threads(pool));
        scratch = floats(scratch_bytes / sizeof(float));
        /* what the lanes past the last channel hold must not matter */
        x = in_layout(isa, d->in, d->n, d->c, hw, t->x, 1e30f);
        if (d->residual)
                residual = in_layout(isa, d->out, d->n, d->k, out_hw, t->residual, 0.f);
        y = in_place && residual ? residual : floats(layout_floats(isa, d->out, d->n, d->k, out_hw));
        nn_conv_run(c, x, residual, y, scratch, pool);
        if (d->out == NN_BLOCKED)
                for (size_t i = 0; i < layout_floats(isa, d->out, d->n, d->k, out_hw); i++)
                        if (!isfinite(y[i]))
                                fail_msg("%s: lane %zu is not finite", what, i);
        if (y != residual)
                free(residual);
        y = to_plain(isa, d->out, d->n, d->k, out_hw, y);
        assert_close(y, t->expected, t->n_out, RELATIVE, ABSOLUTE(d), what);
        assert_true(nn_conv_packed_bytes(c) > 0);
        free(y);
        free(x);
        free(scratch);
        free(packed);
        nn_conv_free(c);
}

static void check(struct nn_conv_desc d, bool with_bias, struct nn_pool *pool, uint32_t *state)
{
        struct tensors t = tensors_new(&d, with_bias, state);
        bool in_place = random_below(state, 2);

        FOR_EACH_ISA(isa) {
                nn_conv_layouts(isa, &d, &d.in, &d.out);
                run_one(isa, &d, &t, pool, in_place, false);
                d.in = random_below(state, 2) ? NN_BLOCKED : NN_PLAIN;
                d.out = random_below(state, 2) ? NN_BLOCKED : NN_PLAIN;
                run_one(isa, &d, &t, pool, in_place, true);
        }
        tensors_done(&t);
}

/* What a shape does not say is 1. */
static struct nn_conv_desc with_defaults(struct nn_conv_desc d)
{
        unsigned *const ones[] = { &d.n, &d.stride[0], &d.stride[1], &d.dilation[0], &d.dilation[1], &d.groups };

        for (size_t i = 0; i < ARRAY_LEN(ones); i++)
                *ones[i] = MAX(*ones[i], 1u);
        return d;
}

/* Shapes of real networks, and one for every branch: first layers, 1x1, strides, tails of channels, groups. */
static const struct nn_conv_desc shapes[] = {
        { .c = 1, .h = 48, .w = 48, .k = 32, .r = 3, .s = 3, .pad = { 1, 1, 1, 1 } },
        { .c = 1, .h = 48, .w = 48, .k = 40, .r = 11, .s = 11, .stride = { 4, 4 }, .pad = { 3, 3, 4, 4 } },
        { .c = 3, .h = 20, .w = 22, .k = 16, .r = 3, .s = 3, .stride = { 2, 2 }, .pad = { 0, 0, 1, 1 } },
        { .c = 1, .h = 9, .w = 9, .k = 5, .r = 3, .s = 3, .dilation = { 2, 2 } },
        { .c = 64, .h = 24, .w = 24, .k = 64, .r = 3, .s = 3, .pad = { 1, 1, 1, 1 } },
        { .c = 64, .h = 12, .w = 12, .k = 128, .r = 3, .s = 3, .stride = { 2, 2 }, .pad = { 1, 1, 1, 1 } },
        { .c = 128, .h = 6, .w = 6, .k = 128, .r = 3, .s = 3, .pad = { 1, 1, 1, 1 } },
        { .c = 37, .h = 7, .w = 13, .k = 41, .r = 3, .s = 3, .pad = { 1, 1, 1, 1 } },
        { .c = 96, .h = 1, .w = 1, .k = 24, .r = 1, .s = 1 },
        { .c = 50, .h = 12, .w = 12, .k = 100, .r = 1, .s = 1 },
        { .c = 32, .h = 13, .w = 11, .k = 64, .r = 1, .s = 1, .stride = { 2, 2 } },
        { .c = 16, .h = 15, .w = 15, .k = 16, .r = 5, .s = 5, .pad = { 2, 2, 2, 2 } },
        { .c = 24, .h = 12, .w = 12, .k = 32, .r = 4, .s = 4, .pad = { 1, 1, 2, 2 } },
        { .c = 16, .h = 18, .w = 18, .k = 20, .r = 3, .s = 3, .dilation = { 3, 3 }, .pad = { 3, 3, 3, 3 } },
        { .c = 17, .h = 10, .w = 9, .k = 33, .r = 1, .s = 7, .pad = { 0, 3, 0, 3 } },
        { .c = 17, .h = 10, .w = 9, .k = 33, .r = 7, .s = 1, .pad = { 3, 0, 3, 0 } },
        { .c = 32, .h = 10, .w = 10, .k = 32, .r = 3, .s = 3, .groups = 32, .pad = { 1, 1, 1, 1 } },
        { .c = 40, .h = 11, .w = 21, .k = 40, .r = 3, .s = 3, .groups = 40, .stride = { 2, 2 }, .pad = { 1, 1, 1, 1 } },
        { .c = 19, .h = 12, .w = 12, .k = 19, .r = 5, .s = 5, .groups = 19, .pad = { 2, 2, 2, 2 } },
        { .c = 8, .h = 7, .w = 7, .k = 8, .r = 7, .s = 7, .groups = 8 },
        { .c = 8, .h = 3, .w = 3, .k = 8, .r = 3, .s = 3, .groups = 8, .pad = { 4, 5, 4, 5 } },
        { .c = 12, .h = 9, .w = 9, .k = 12, .r = 3, .s = 3, .groups = 12, .dilation = { 2, 2 }, .pad = { 2, 2, 2, 2 } },
        { .c = 32, .h = 8, .w = 8, .k = 64, .r = 3, .s = 3, .groups = 32, .pad = { 1, 1, 1, 1 } },
        { .c = 64, .h = 8, .w = 8, .k = 64, .r = 3, .s = 3, .groups = 2, .pad = { 1, 1, 1, 1 } },
        { .c = 30, .h = 8, .w = 8, .k = 42, .r = 3, .s = 3, .groups = 3, .pad = { 1, 1, 1, 1 } },
        { .c = 48, .h = 8, .w = 8, .k = 6, .r = 1, .s = 1, .groups = 6 },
        { .c = 9, .h = 2, .w = 2, .k = 3, .r = 3, .s = 3, .pad = { 2, 0, 0, 1 } },
        { .c = 5, .h = 6, .w = 40, .k = 7, .r = 2, .s = 3, .stride = { 1, 3 }, .pad = { 0, 1, 1, 2 } },
        { .c = 32, .h = 24, .w = 24, .k = 32, .r = 3, .s = 3, .pad = { 1, 1, 1, 1 } },
        { .c = 17, .h = 26, .w = 25, .k = 17, .r = 3, .s = 3, .groups = 17, .pad = { 1, 1, 1, 1 } },
        { .c = 16, .h = 25, .w = 26, .k = 16, .r = 3, .s = 3, .groups = 16, .stride = { 2, 2 }, .pad = { 1, 1, 1, 1 } },
        { .c = 16, .h = 24, .w = 24, .k = 16, .r = 3, .s = 3, .groups = 16, .stride = { 2, 2 }, .pad = { 0, 0, 1, 1 } },
        { .c = 16, .h = 9, .w = 17, .k = 16, .r = 3, .s = 3, .groups = 16, .stride = { 2, 2 }, .pad = { 2, 2, 2, 2 } },
        { .c = 96, .h = 9, .w = 9, .k = 24, .r = 1, .s = 1 },
        { .c = 24, .h = 9, .w = 9, .k = 40, .r = 1, .s = 1 },
        { .c = 1, .h = 20, .w = 20, .k = 24, .r = 3, .s = 3, .pad = { 1, 1, 1, 1 } },
        { .c = 12, .h = 5, .w = 5, .k = 7, .r = 5, .s = 3, .pad = { 4, 1, 4, 1 }, .stride = { 1, 2 } },
        { .c = 5, .h = 3, .w = 3, .k = 16, .r = 3, .s = 3, .pad = { 5, 1, 5, 1 } },
};

static void test_shapes(void **state)
{
        uint32_t seed = 1;

        for (unsigned i = 0; i < ARRAY_LEN(shapes); i++) {
                struct nn_conv_desc d = with_defaults(shapes[i]);

                check(d, true, NULL, &seed);
                d.n = 2;
                d.residual = true;
                d.act = nth_act(1 + i % 10, NULL);
                check(d, i % 2, NULL, &seed);
        }
}

/* Not only the way that is expected to be the fastest. */
static void test_every_way(void **state)
{
        uint32_t seed = 9;
        unsigned n_ways = 0;

        for (unsigned i = 0; i < ARRAY_LEN(shapes); i++) {
                struct nn_conv_desc d = with_defaults(shapes[i]);
                struct tensors t = tensors_new(&d, true, &seed);

                FOR_EACH_ISA(isa) {
                        unsigned ways[NN_CONV_MAX_WAYS], n = nn_conv_ways(isa, &d, ways), measured;

                        nn_conv_layouts(isa, &d, &d.in, &d.out);
                        assert_in_range(n, 1, NN_CONV_MAX_WAYS);
                        n_ways = MAX(n_ways, n);
                        for (unsigned k = 0; k < n; k++) {
                                d.way = ways[k];
                                run_one(isa, &d, &t, NULL, false, false);
                        }
                        if (d.h > 12)
                                continue;
                        assert_int_equal(nn_conv_measure(isa, &d, NULL, &measured), 0);
                        d.way = measured;
                        run_one(isa, &d, &t, NULL, false, false);
                }
                tensors_done(&t);
        }
        assert_in_range(n_ways, 4, NN_CONV_MAX_WAYS);
}

static void test_ways_that_are_none(void **state)
{
        struct nn_conv_desc d =
                with_defaults((struct nn_conv_desc){ .c = 16, .h = 9, .w = 9, .k = 16, .r = 3, .s = 3, .way = 5 });
        struct nn_conv *c;

        /* outputs of 5x5 by 3x3 would need sides of 7 */
        assert_int_equal(nn_conv_new(NN_ISA_PORTABLE, &d, &c), -EINVAL);
        d.way = 4;
        assert_int_equal(nn_conv_new(NN_ISA_PORTABLE, &d, &c), 0);
        nn_conv_free(c);
        d.stride[0] = 3;
        assert_int_equal(nn_conv_new(NN_ISA_PORTABLE, &d, &c), -EINVAL);
        d.way = 77;
        assert_int_equal(nn_conv_new(NN_ISA_PORTABLE, &d, &c), -EINVAL);
}

/* Each size of Winograd's tile is really chosen for one of these, on every instruction set, and overhangs. */
static void test_winograd(void **state)
{
        static const struct {
                unsigned n, c, size, kernel, stride;
                const char *name;
        } cases[] = {
                { 8, 32, 2, 3, 1, "winograd 2x2" },           { 1, 32, 5, 3, 1, "winograd 3x3" },
                { 3, 37, 6, 3, 1, "winograd 3x3" },           { 1, 32, 24, 3, 1, "winograd 4x4" },
                { 2, 50, 15, 3, 1, "winograd 4x4" },          { 1, 50, 13, 5, 1, "winograd 2x2 of 5x5" },
                { 1, 64, 20, 2, 1, "winograd 5x5 of 2x2" },   { 1, 40, 12, 4, 1, "winograd 3x3 of 4x4" },
                { 1, 64, 24, 3, 2, "winograd 4x4 of 3x3/2" }, { 2, 72, 23, 5, 2, "winograd 4x4 of 5x5/2" },
        };
        uint32_t seed = 5;

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct nn_conv_desc d = { .n = cases[i].n,
                                          .c = cases[i].c,
                                          .h = cases[i].size,
                                          .w = cases[i].size,
                                          .k = cases[i].c,
                                          .r = cases[i].kernel,
                                          .s = cases[i].kernel,
                                          .stride = { cases[i].stride, cases[i].stride } };
                size_t n = (size_t)d.k * d.c * d.r * d.s;
                float *w = floats(n);

                for (unsigned k = 0; k < 4; k++)
                        d.pad[k] = (d.r - (k < 2)) / 2;
                d = with_defaults(d);
                memset(w, 0, n * sizeof(*w));
                FOR_EACH_ISA(isa) {
                        struct nn_conv *c = NULL;

                        assert_int_equal(nn_conv_prepare(isa, &d, w, NULL, &c), 0);
                        assert_string_equal(nn_conv_name(c), cases[i].name);
                        nn_conv_free(c);
                }
                free(w);
                check(d, true, NULL, &seed);
                d.residual = true;
                d.act = nth_act((unsigned)i + 4, NULL);
                check(d, true, NULL, &seed);
        }
}

static struct nn_conv_desc random_desc(uint32_t *seed)
{
        struct nn_conv_desc d = { 0 };

        do {
                unsigned groups = random_below(seed, 3) ? 1 : 1 + random_below(seed, 5);

                d = (struct nn_conv_desc){
                        .n = 1 + random_below(seed, 3),
                        .c = groups * (1 + random_below(seed, 36)),
                        .h = 1 + random_below(seed, 20),
                        .w = 1 + random_below(seed, 33),
                        .k = groups * (1 + random_below(seed, 36)),
                        .r = 1 + random_below(seed, 4),
                        .s = 1 + random_below(seed, 4),
                        .stride = { 1 + random_below(seed, 3), 1 + random_below(seed, 3) },
                        .pad = { random_below(seed, 3), random_below(seed, 3), random_below(seed, 3),
                                 random_below(seed, 3) },
                        .dilation = { 1 + random_below(seed, 2), 1 + random_below(seed, 2) },
                        .groups = groups,
                        .act = nth_act(random_below(seed, NN_N_ACTS), NULL),
                        .residual = random_below(seed, 2),
                };
                if (random_below(seed, 6) == 0)
                        d.groups = d.k = d.c;
        } while (!nn_conv_out_h(&d) || !nn_conv_out_w(&d));
        return d;
}

static void test_random(void **state)
{
        uint32_t seed = 2;

        for (unsigned i = 0; i < 60; i++)
                check(random_desc(&seed), random_below(&seed, 2), NULL, &seed);
}

static void test_activations(void **state)
{
        uint32_t seed = 3;

        for (unsigned i = 0; i < NN_N_ACTS; i++) {
                struct nn_conv_desc d = { .c = 20, .h = 9, .w = 9, .k = 20, .r = 3, .s = 3, .pad = { 1, 1, 1, 1 } };

                d = with_defaults(d);

                d.act = nth_act(i, NULL);
                check(d, true, NULL, &seed);
                d.groups = 20;
                check(d, true, NULL, &seed);
                d.groups = 1;
                d.c = 2;
                d.residual = true;
                check(d, true, NULL, &seed);
        }
}

static void test_threads(void **state)
{
        struct nn_pool *pool = NULL;
        uint32_t seed = 4;

        assert_int_equal(nn_pool_new(3, &pool), 0);
        for (unsigned i = 0; i < ARRAY_LEN(shapes); i++) {
                struct nn_conv_desc d = with_defaults(shapes[i]);

                check(d, true, pool, &seed);
                d.n = 4;
                if (d.h * d.w * d.c < 10000)
                        check(d, true, pool, &seed);
        }
        nn_pool_free(pool);
}

static void test_refusals(void **state)
{
        const struct nn_conv_desc good =
                with_defaults((struct nn_conv_desc){ .c = 4, .h = 8, .w = 8, .k = 4, .r = 3, .s = 3 });
        float w[144] = { 0 };
        struct nn_conv *c = NULL;

#define REFUSE(change)                                                                        \
        do {                                                                                  \
                struct nn_conv_desc d = good;                                                 \
                change;                                                                       \
                assert_int_equal(nn_conv_prepare(NN_ISA_PORTABLE, &d, w, NULL, &c), -EINVAL); \
        } while (0)
        REFUSE(d.n = 0);
        REFUSE(d.c = 0);
        REFUSE(d.k = 0);
        REFUSE(d.r = 0);
        REFUSE(d.r = 9);
        REFUSE(d.stride[0] = 0);
        REFUSE(d.dilation[1] = 0);
        REFUSE(d.dilation[1] = UINT32_MAX);
        REFUSE(d.groups = 3);
        REFUSE(d.groups = 0);
        REFUSE(d.pad[1] = UINT32_MAX);
        REFUSE(d.pad[0] = INT32_MAX; d.pad[1] = INT32_MAX; d.n = UINT32_MAX);
        REFUSE(d.act.kind = NN_ACT_PRELU);
#undef REFUSE
        assert_null(c);
        assert_null(nn_conv_free(NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_shapes),
                cmocka_unit_test(test_every_way),
                cmocka_unit_test(test_ways_that_are_none),
                cmocka_unit_test(test_winograd),
                cmocka_unit_test(test_random),
                cmocka_unit_test(test_activations),
                cmocka_unit_test(test_threads),
                cmocka_unit_test(test_refusals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
