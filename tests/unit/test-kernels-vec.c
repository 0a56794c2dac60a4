/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Activations, element-wise arithmetic, softmax, pooling, enlargement, layouts: against naive twins. */
#undef NDEBUG
#include "tests/unit/kernels-common.h"

#include <float.h>

static const size_t sizes[] = { 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 33, 64, 100 };

/* A few roundings, and exp()'s 3e-7 where there is one. */
#define ACT_RELATIVE 1e-6f
#define ACT_ABSOLUTE 5e-7f

static void check_act(enum nn_isa isa, const struct nn_act *act, enum nn_layout layout, size_t n, size_t c, size_t hw,
                      const float *x)
{
        float *in = in_layout(isa, layout, n, c, hw, x, 0.5f), *expected = floats(n * c * hw), *y;
        size_t total = layout_floats(isa, layout, n, c, hw);
        char what[64];

        for (size_t i = 0; i < n * c * hw; i++)
                expected[i] = (float)naive_act(act, i / hw % c, (double)x[i]);
        snprintf(what, sizeof(what), "%s act %d layout %d", nn_isa_name(isa), (int)act->kind, (int)layout);
        y = floats(total);
        nn_act_run(isa, act, layout, n, c, hw, in, y);
        nn_act_run(isa, act, layout, n, c, hw, in, in);
        y = to_plain(isa, layout, n, c, hw, y);
        in = to_plain(isa, layout, n, c, hw, in);
        assert_close(y, expected, n * c * hw, ACT_RELATIVE, ACT_ABSOLUTE, what);
        assert_memory_equal(y, in, n * c * hw * sizeof(*y));
        free(y);
        free(in);
        free(expected);
}

static void test_activations(void **state)
{
        uint32_t seed = 1;

        FOR_EACH_ISA(isa)
                for (unsigned i = 0; i < NN_N_ACTS; i++)
                        for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
                                size_t n = 2, c = sizes[k], hw = sizes[(k * 5 + i) % ARRAY_LEN(sizes)];
                                float *x = random_floats(n * c * hw, &seed), *slopes = random_floats(c, &seed);
                                struct nn_act act = nth_act(i, slopes);

                                for (size_t j = 0; j < n * c * hw; j++)
                                        x[j] *= j % 3 ? 1 : 20;
                                x[0] = NAN;
                                check_act(isa, &act, NN_PLAIN, n, c, hw, x);
                                check_act(isa, &act, NN_BLOCKED, n, c, hw, x);
                                free(slopes);
                                free(x);
                        }
}

static void test_exp(void **state)
{
        enum { N = 20001 };
        float *x = floats(N), *y = floats(N), *expected = floats(N);

        for (size_t i = 0; i < N; i++) {
                x[i] = (float)i * 0.0087f - 87.f;
                expected[i] = (float)exp((double)x[i]);
        }
        x[7] = expected[7] = NAN;
        x[8] = -INFINITY;
        expected[8] = 0;
        x[9] = expected[9] = INFINITY;
        x[10] = 89.f;
        expected[10] = INFINITY;
        x[11] = -200.f;
        expected[11] = 0;
        FOR_EACH_ISA(isa) {
                nn_vec_exp(isa, N, x, y);
                assert_close(y, expected, N, 3e-7f, 0.f, nn_isa_name(isa));
        }
        free(x);
        free(y);
        free(expected);
}

static float naive_binary(enum nn_binary op, float a, float b)
{
        switch (op) {
        case NN_ADD:
                return a + b;
        case NN_SUB:
                return a - b;
        case NN_MUL:
                return a * b;
        case NN_DIV:
                return a / b;
        case NN_MAX:
                return fmaxf(a, b);
        default:
                return fminf(a, b);
        }
}

static void check_binary(enum nn_isa isa, enum nn_binary op, size_t n, const float *a, const float *b)
{
        float *y = floats(n), *expected = floats(n);
        const char *what = nn_isa_name(isa);

        /* each operation is one correctly rounded one: equal to the bit */
        for (size_t i = 0; i < n; i++)
                expected[i] = naive_binary(op, a[i], b[i]);
        nn_vec_binary(isa, op, false, n, a, b, y);
        assert_close(y, expected, n, 0, 0, what);
        memcpy(y, a, n * sizeof(*y));
        nn_vec_binary(isa, op, false, n, y, b, y);
        assert_close(y, expected, n, 0, 0, what);
        memcpy(y, b, n * sizeof(*y));
        nn_vec_binary(isa, op, false, n, a, y, y);
        assert_close(y, expected, n, 0, 0, what);
        for (size_t i = 0; i < n; i++)
                expected[i] = fmaxf(expected[i], 0);
        nn_vec_binary(isa, op, true, n, a, b, y);
        assert_close(y, expected, n, 0, 0, what);
        for (size_t i = 0; i < n; i++)
                expected[i] = naive_binary(op, a[i], 0.75f);
        nn_vec_binary_scalar(isa, op, false, n, a, 0.75f, y);
        assert_close(y, expected, n, 0, 0, what);
        for (size_t i = 0; i < n; i++)
                expected[i] = naive_binary(op, 0.75f, a[i]);
        nn_vec_binary_scalar(isa, op, true, n, a, 0.75f, y);
        assert_close(y, expected, n, 0, 0, what);
        free(y);
        free(expected);
}

static void test_binary(void **state)
{
        uint32_t seed = 2;

        FOR_EACH_ISA(isa)
                for (size_t k = 0; k < ARRAY_LEN(sizes); k++)
                        for (unsigned op = NN_ADD; op <= NN_MIN; op++) {
                                float *a = random_floats(sizes[k], &seed), *b = random_floats(sizes[k], &seed);

                                check_binary(isa, (enum nn_binary)op, sizes[k], a, b);
                                free(a);
                                free(b);
                        }
}

static void check_scale(enum nn_isa isa, enum nn_binary op, enum nn_layout layout, bool per_image, size_t c, size_t hw,
                        uint32_t *seed)
{
        size_t n = 3;
        float *x = random_floats(n * c * hw, seed), *s = random_floats(n * c, seed), *expected = floats(n * c * hw);
        float *in = in_layout(isa, layout, n, c, hw, x, 0), *y = floats(layout_floats(isa, layout, n, c, hw));
        float *scale = in_layout(isa, layout, per_image ? n : 1, c, 1, s, 0);

        for (size_t i = 0; i < n * c * hw; i++)
                expected[i] = naive_binary(op, x[i], s[i / hw % c + (per_image ? i / hw / c * c : 0)]);
        nn_scale_channels(isa, op, layout, per_image, n, c, hw, in, scale, y);
        y = to_plain(isa, layout, n, c, hw, y);
        assert_close(y, expected, n * c * hw, 0, 0, "scale");
        free(x);
        free(s);
        free(expected);
        free(in);
        free(y);
        free(scale);
}

static void test_scale_channels(void **state)
{
        uint32_t seed = 3;

        FOR_EACH_ISA(isa)
                for (unsigned i = 0; i < 8; i++)
                        for (size_t c = 1; c < 40; c += 6)
                                check_scale(isa, i & 1 ? NN_ADD : NN_MUL, i & 2 ? NN_PLAIN : NN_BLOCKED, i & 4, c,
                                            1 + c % 7, &seed);
}

static void test_softmax(void **state)
{
        uint32_t seed = 4;

        FOR_EACH_ISA(isa)
                for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
                        size_t rows = 3 + 5 * k, n = sizes[k];
                        float *x = random_floats(rows * n, &seed), *y = floats(rows * n), *expected = floats(rows * n);

                        for (size_t r = 0; r < rows; r++) {
                                double sum = 0;

                                for (size_t i = 0; i < n; i++) {
                                        x[r * n + i] = x[r * n + i] * 5 + (float)r * 200;
                                        sum += exp((double)x[r * n + i] - 200. * (double)r);
                                }
                                for (size_t i = 0; i < n; i++)
                                        expected[r * n + i] =
                                                (float)(exp((double)x[r * n + i] - 200. * (double)r) / sum);
                        }
                        nn_softmax_rows(isa, rows, n, x, y);
                        /* exp()'s error twice, and the rounding of the sum */
                        assert_close(y, expected, rows * n, 2e-6f, 1e-9f, nn_isa_name(isa));
                        nn_softmax_rows(isa, rows, n, x, x);
                        assert_memory_equal(x, y, rows * n * sizeof(*x));
                        free(x);
                        free(y);
                        free(expected);
                }
}

static float naive_window(const struct nn_pool2d_desc *d, const float *x, unsigned i, unsigned j)
{
        double sum = 0;
        float largest = -FLT_MAX;
        unsigned n = 0, n_padded = 0;

        for (unsigned a = 0; a < d->kernel[0]; a++)
                for (unsigned b = 0; b < d->kernel[1]; b++) {
                        long r = (long)(i * d->stride[0] + a * d->dilation[0]) - (long)d->pad[0];
                        long c = (long)(j * d->stride[1] + b * d->dilation[1]) - (long)d->pad[1];

                        if (r < (long)(d->h + d->pad_end[0]) && c < (long)(d->w + d->pad_end[1]))
                                n_padded++;
                        if (r < 0 || c < 0 || r >= (long)d->h || c >= (long)d->w)
                                continue;
                        n++;
                        sum += (double)x[(size_t)r * d->w + (size_t)c];
                        largest = fmaxf(largest, x[(size_t)r * d->w + (size_t)c]);
                }
        if (!d->average)
                return largest;
        if (d->count_include_pad)
                n = n_padded;
        return n ? (float)(sum / n) : 0;
}

static void check_pool(enum nn_isa isa, const struct nn_pool2d_desc *d, uint32_t *seed)
{
        size_t planes = (size_t)d->n * d->c, hw = (size_t)d->h * d->w, out = (size_t)d->out_h * d->out_w;
        float *x = random_floats(planes * hw, seed), *expected = floats(planes * out);
        float *in = in_layout(isa, d->layout, d->n, d->c, hw, x, 1e30f);
        float *y = floats(layout_floats(isa, d->layout, d->n, d->c, out));

        for (size_t i = 0; i < planes; i++)
                for (unsigned a = 0; a < d->out_h; a++)
                        for (unsigned b = 0; b < d->out_w; b++)
                                expected[i * out + a * d->out_w + b] = naive_window(d, x + i * hw, a, b);
        nn_pool2d_run(isa, d, in, y);
        y = to_plain(isa, d->layout, d->n, d->c, out, y);
        assert_close(y, expected, planes * out, 1e-6f, 1e-6f, "pool");
        free(x);
        free(expected);
        free(in);
        free(y);
}

static void test_pool(void **state)
{
        uint32_t seed = 5;

        FOR_EACH_ISA(isa)
                for (unsigned i = 0; i < 150; i++) {
                        struct nn_pool2d_desc d = {
                                .n = 1 + i % 2,
                                .c = 1 + random_below(&seed, 35),
                                .h = 1 + random_below(&seed, 13),
                                .w = 1 + random_below(&seed, 13),
                                .kernel = { 1 + random_below(&seed, 4), 1 + random_below(&seed, 4) },
                                .stride = { 1 + random_below(&seed, 3), 1 + random_below(&seed, 3) },
                                .pad = { random_below(&seed, 3), random_below(&seed, 3) },
                                .pad_end = { random_below(&seed, 3), random_below(&seed, 3) },
                                .dilation = { 1 + random_below(&seed, 2), 1 + random_below(&seed, 2) },
                                .average = random_below(&seed, 2),
                                .count_include_pad = random_below(&seed, 2),
                                .layout = random_below(&seed, 2) ? NN_BLOCKED : NN_PLAIN,
                        };

                        /* one window more than fits, as ceil_mode makes */
                        d.out_h = (d.h + d.pad[0] + d.pad_end[0]) / d.stride[0] + 1;
                        d.out_w = (d.w + d.pad[1] + d.pad_end[1]) / d.stride[1] + 1;
                        check_pool(isa, &d, &seed);
                }
}

static void check_global_pool(enum nn_isa isa, bool average, enum nn_layout layout, size_t c, size_t hw, uint32_t *seed)
{
        size_t n = 2;
        float *x = random_floats(n * c * hw, seed), *in = in_layout(isa, layout, n, c, hw, x, 0);
        float *y = floats(layout_floats(isa, layout, n, c, 1)), *expected = floats(n * c);

        for (size_t i = 0; i < n * c; i++) {
                double sum = 0, largest = -INFINITY;

                for (size_t p = 0; p < hw; p++) {
                        sum += (double)x[i * hw + p];
                        largest = fmax(largest, (double)x[i * hw + p]);
                }
                expected[i] = (float)(average ? sum / (double)hw : largest);
        }
        nn_global_pool(isa, average, layout, n, c, hw, in, y);
        y = to_plain(isa, layout, n, c, 1, y);
        assert_close(y, expected, n * c, 1e-6f, 1e-6f, "global pool");
        free(x);
        free(in);
        free(y);
        free(expected);
}

static void check_upsample(enum nn_isa isa, enum nn_layout layout, size_t c, size_t h, size_t w, size_t fh, size_t fw,
                           uint32_t *seed)
{
        size_t n = 2, out = h * fh * w * fw;
        float *x = random_floats(n * c * h * w, seed), *in = in_layout(isa, layout, n, c, h * w, x, 0);
        float *y = floats(layout_floats(isa, layout, n, c, out));

        nn_upsample(isa, layout, n, c, h, w, fh, fw, in, y);
        y = to_plain(isa, layout, n, c, out, y);
        for (size_t i = 0; i < n * c * out; i++) {
                size_t plane = i / out, row = i % out / (w * fw), column = i % (w * fw);

                assert_true(y[i] == x[(plane * h + row / fh) * w + column / fw]);
        }
        free(x);
        free(in);
        free(y);
}

static void test_global_pool_and_upsample(void **state)
{
        uint32_t seed = 6;

        FOR_EACH_ISA(isa)
                for (unsigned i = 0; i < 4; i++)
                        for (size_t c = 1; c < 40; c += 5) {
                                enum nn_layout layout = i & 2 ? NN_PLAIN : NN_BLOCKED;

                                check_global_pool(isa, i & 1, layout, c, 1 + c * 3 % 37, &seed);
                                check_upsample(isa, layout, c, 3, 1 + c % 5, 1 + i, 1 + c % 3, &seed);
                        }
}

/* Where @out values lie in @in, for nearest or linear, at half pixels. */
static struct nn_resize_axis resize_axis(bool linear, size_t in, size_t out)
{
        struct nn_resize_axis a = { .first = malloc(out * sizeof(*a.first)) };

        a.second = linear ? malloc(out * sizeof(*a.second)) : NULL;
        a.weight = linear ? malloc(out * sizeof(*a.weight)) : NULL;
        assert_true(a.first && (!linear || (a.second && a.weight)));
        for (size_t i = 0; i < out; i++) {
                double at = fmin(fmax(((double)i + 0.5) * (double)in / (double)out - 0.5, 0), (double)(in - 1));

                a.first[i] = (int32_t)(linear ? floor(at) : floor(at + 0.5));
                if (linear) {
                        a.second[i] = (int32_t)fmin(a.first[i] + 1, (double)(in - 1));
                        a.weight[i] = (float)(at - a.first[i]);
                }
        }
        return a;
}

static void free_axis(struct nn_resize_axis *a)
{
        free(a->first);
        free(a->second);
        free(a->weight);
}

static double resized(const struct nn_resize_axis *rows, const struct nn_resize_axis *columns, size_t w, size_t i,
                      size_t j, const float *x)
{
        size_t r[2] = { (size_t)rows->first[i], (size_t)(rows->second ? rows->second[i] : 0) };
        size_t c[2] = { (size_t)columns->first[j], (size_t)(columns->second ? columns->second[j] : 0) };
        double wr = rows->weight ? (double)rows->weight[i] : 0, wc = columns->weight ? (double)columns->weight[j] : 0;
        double y = 0;

        /* what has no weight is not looked at: it may be infinite */
        for (unsigned k = 0; k < 4; k++) {
                double weight = (k & 2 ? wr : 1 - wr) * (k & 1 ? wc : 1 - wc);

                y += weight == 0 ? 0 : weight * (double)x[r[k >> 1] * w + c[k & 1]];
        }
        return y;
}

static void check_resize(enum nn_isa isa, enum nn_layout layout, bool linear, size_t c, const size_t *size,
                         uint32_t *seed)
{
        size_t n = 2, in = size[0] * size[1], out = size[2] * size[3];
        struct nn_resize_axis rows = resize_axis(linear, size[0], size[2]),
                              columns = resize_axis(linear, size[1], size[3]);
        struct nn_resize_desc d = { n, c, size[0], size[1], size[2], size[3], &rows, &columns, layout };
        float *x = random_floats(n * c * in, seed), *expected = floats(n * c * out), *from, *y, *scratch;

        if (size[0] == size[2] && size[1] == size[3])
                x[in / 2] = INFINITY;
        for (size_t i = 0; i < n * c * out; i++)
                expected[i] =
                        (float)resized(&rows, &columns, size[1], i % out / size[3], i % size[3], x + i / out * in);
        from = in_layout(isa, layout, n, c, in, x, 0);
        y = floats(layout_floats(isa, layout, n, c, out));
        scratch = floats(nn_resize_scratch_bytes(isa, &d) / sizeof(float));
        nn_resize_planes(isa, &d, from, y, scratch);
        y = to_plain(isa, layout, n, c, out, y);
        assert_close(y, expected, n * c * out, linear ? 1e-6f : 0, linear ? 1e-6f : 0, "resize");
        free(x);
        free(expected);
        free(from);
        free(y);
        free(scratch);
        free_axis(&rows);
        free_axis(&columns);
}

static void test_resize(void **state)
{
        /* narrower than a vector, than two, wider; to less than half, where two vectors are not enough */
        static const size_t planes[][4] = { { 3, 3, 6, 6 },     { 5, 7, 5, 7 },     { 4, 17, 7, 40 }, { 2, 33, 3, 70 },
                                            { 9, 65, 4, 33 },   { 8, 200, 3, 37 },  { 1, 1, 5, 20 },  { 6, 31, 6, 1 },
                                            { 3, 40, 12, 100 }, { 7, 129, 2, 128 }, { 2, 16, 2, 16 } };
        uint32_t seed = 8;

        FOR_EACH_ISA(isa)
                for (size_t i = 0; i < ARRAY_LEN(planes); i++)
                        for (unsigned k = 0; k < 4; k++)
                                check_resize(isa, k & 1 ? NN_BLOCKED : NN_PLAIN, k & 2, 1 + i * 5 % 19, planes[i],
                                             &seed);
}

static void test_layouts(void **state)
{
        uint32_t seed = 7;

        FOR_EACH_ISA(isa)
                for (size_t c = 1; c < 36; c += 3)
                        for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
                                size_t n = 2, hw = sizes[k], total = nn_blocked_floats(isa, n, c, hw, 1);
                                float *x = random_floats(n * c * hw, &seed), *y = floats(total),
                                      *back = floats(n * c * hw);
                                float *expected = in_layout(isa, NN_BLOCKED, n, c, hw, x, 0);

                                nn_to_blocked(isa, n, c, hw, x, y);
                                assert_memory_equal(y, expected, total * sizeof(*y));
                                nn_from_blocked(isa, n, c, hw, y, back);
                                assert_memory_equal(back, x, n * c * hw * sizeof(*x));
                                free(x);
                                free(y);
                                free(back);
                                free(expected);
                        }
}

static void test_isa(void **state)
{
        unsetenv("EMOTION_NN_ISA");
        enum nn_isa best = nn_isa_best();

        assert_true(nn_isa_runs(best));
        assert_true(nn_isa_runs(NN_ISA_PORTABLE));
        assert_false(nn_isa_runs(NN_N_ISAS));
        FOR_EACH_ISA(isa) {
                assert_int_equal(setenv("EMOTION_NN_ISA", nn_isa_name(isa), 1), 0);
                assert_int_equal(nn_isa_best(), isa);
        }
        assert_int_equal(setenv("EMOTION_NN_ISA", "sparc", 1), 0);
        assert_int_equal(nn_isa_best(), best);
        unsetenv("EMOTION_NN_ISA");
        assert_int_equal(nn_blocked_floats(best, SIZE_MAX / 2, 3, 1, 1), 0);
        assert_int_equal(nn_blocked_floats(best, 1, SIZE_MAX, 1, 1), 0);
        assert_int_equal(nn_blocked_floats(NN_ISA_PORTABLE, 2, 5, 3, 7), 2 * 8 * 3 * 7);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_isa),
                cmocka_unit_test(test_activations),
                cmocka_unit_test(test_exp),
                cmocka_unit_test(test_binary),
                cmocka_unit_test(test_scale_channels),
                cmocka_unit_test(test_softmax),
                cmocka_unit_test(test_pool),
                cmocka_unit_test(test_global_pool_and_upsample),
                cmocka_unit_test(test_resize),
                cmocka_unit_test(test_layouts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
