/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernels on bytes against naive twins, on every way to multiply bytes that this CPU has. */
#undef NDEBUG
#include "tests/unit/kernels-common.h"

#include <errno.h>

#include "nn/kernels/int8.h"

#define FOR_EACH_DOT(dot)                                               \
        for (enum nn_dot dot = NN_DOT_PORTABLE; dot < NN_N_DOTS; dot++) \
                if (nn_dot_runs(dot))

/* Exactly @n bytes, so that a sanitizer sees the first read beyond them. */
static uint8_t *bytes(size_t n, uint32_t *seed)
{
        uint8_t *p = NULL;

        assert_int_equal(posix_memalign((void **)&p, 64, MAX(n, (size_t)1)), 0);
        for (size_t i = 0; i < n; i++)
                p[i] = (uint8_t)random_bits(seed);
        return p;
}

static size_t blocked_at(size_t c, size_t hw, size_t n, size_t k, size_t p)
{
        size_t nb = (c + 15) / 16;

        return ((n * nb + k / 16) * hw + p) * 16 + k % 16;
}

static uint8_t *to_blocks(size_t n, size_t c, size_t hw, const uint8_t *x)
{
        uint8_t *y = NULL;

        assert_int_equal(posix_memalign((void **)&y, 64, nn_byte_blocks(n, c, hw, 1)), 0);
        memset(y, 0xa5, nn_byte_blocks(n, c, hw, 1));
        for (size_t i = 0; i < n * c * hw; i++)
                y[blocked_at(c, hw, i / (c * hw), i / hw % c, i % hw)] = x[i];
        return y;
}

/* The real value of one output. */
static double naive_conv(const struct nn_conv8_desc *q, const uint8_t *x, const int8_t *w, size_t n, size_t k, size_t i,
                         size_t j)
{
        const struct nn_conv_desc *d = &q->d;
        unsigned per = d->c / d->groups, first = (unsigned)k / (d->k / d->groups) * per;
        int64_t sum = 0;

        for (unsigned c = 0; c < per; c++)
                for (unsigned r = 0; r < d->r; r++)
                        for (unsigned s = 0; s < d->s; s++) {
                                int64_t y = (int64_t)i * d->stride[0] + r * d->dilation[0] - d->pad[0];
                                int64_t v = (int64_t)j * d->stride[1] + s * d->dilation[1] - d->pad[1];

                                if (y < 0 || v < 0 || y >= d->h || v >= d->w)
                                        continue;
                                sum += (int64_t)(x[((n * d->c + first + c) * d->h + (size_t)y) * d->w + (size_t)v] -
                                                 q->x.zero) *
                                       w[((k * per + c) * d->r + r) * d->s + s];
                        }
        return (double)sum * (double)q->x.scale * (double)q->w_scales[k];
}

static void check_conv(enum nn_dot dot, struct nn_conv8_desc q, struct nn_pool *pool, uint32_t *seed)
{
        struct nn_conv_desc *d = &q.d;
        size_t hw = (size_t)d->h * d->w, oh = nn_conv_out_h(d), ow = nn_conv_out_w(d), ohw = oh * ow;
        size_t taps = (size_t)d->c / d->groups * d->r * d->s;
        uint8_t *x = bytes(d->n * d->c * hw, seed), *r = bytes(d->n * d->k * ohw, seed);
        uint8_t *xb = d->in == NN_BLOCKED ? to_blocks(d->n, d->c, hw, x) : NULL, *rb = to_blocks(d->n, d->k, ohw, r);
        uint8_t *y = bytes(nn_byte_blocks(d->n, d->k, oh, ow), seed), *signed_x = bytes(d->n * d->c * hw, seed);
        int8_t *w = (int8_t *)bytes(d->k * taps, seed);
        float *scales = floats(d->k), *bias = random_floats(d->k, seed);
        struct nn_conv8 *c = NULL;
        void *scratch = NULL;

        for (size_t k = 0; k < d->k; k++)
                scales[k] = 0.001f * (1.5f + random_float(seed));
        for (size_t i = 0; i < d->n * d->c * hw; i++)
                signed_x[i] = x[i] ^ 0x80;
        q.w_scales = scales;
        q.y.scale = 0.01f * sqrtf((float)taps);
        assert_int_equal(nn_conv8_prepare(dot, &q, w, bias, &c), 0);
        assert_int_equal(posix_memalign(&scratch, 64, nn_conv8_scratch_bytes(c) + 1), 0);
        nn_conv8_run(c, xb ? xb : q.x_signed ? signed_x : x, rb, y, scratch, pool);
        for (size_t i = 0; i < d->n * d->k * ohw; i++) {
                size_t n = i / (d->k * ohw), k = i / ohw % d->k, p = i % ohw;
                double v = naive_conv(&q, x, w, n, k, p / ow, p % ow) + (double)bias[k], exact;
                uint8_t got = y[blocked_at(d->k, ohw, n, k, p)];

                if (d->residual)
                        v += (double)q.residual.scale * (r[i] - q.residual.zero);
                exact = fmin(fmax(naive_act(&d->act, k, v) / (double)q.y.scale + q.y.zero, 0), 255);
                if (fabs(got - exact) > 0.502)
                        fail_msg("%s %s: output %zu is %u, exactly %g", nn_dot_name(dot), nn_conv8_name(c), i, got,
                                 exact);
        }
        assert_true(nn_conv8_packed_bytes(c) >= d->k * taps);
        nn_conv8_free(c);
        free(x);
        free(r);
        free(xb);
        free(rb);
        free(y);
        free(signed_x);
        free(w);
        free(scales);
        free(bias);
        free(scratch);
}

static void test_conv(void **state)
{
        static const unsigned channels[] = { 1, 3, 4, 16, 17, 24, 33, 70 }, filters[] = { 1, 8, 16, 24, 33, 48 };
        static const unsigned sizes[] = { 1, 5, 6, 7, 12, 13, 24, 29 };
        struct nn_pool *pool = NULL;

        assert_int_equal(nn_pool_new(2, &pool), 0);
        FOR_EACH_DOT(dot)
        {
                uint32_t seed = 5;

                for (unsigned i = 0; i < 240; i++) {
                        struct nn_conv8_desc q = { .x = { 0.02f, (int)random_below(&seed, 256) } };
                        struct nn_conv_desc *d = &q.d;

                        d->n = 1 + i % 2;
                        d->c = channels[random_below(&seed, ARRAY_LEN(channels))];
                        d->k = filters[random_below(&seed, ARRAY_LEN(filters))];
                        d->h = sizes[random_below(&seed, ARRAY_LEN(sizes))];
                        d->w = sizes[random_below(&seed, ARRAY_LEN(sizes))];
                        d->r = 1 + random_below(&seed, 5);
                        d->s = 1 + random_below(&seed, 5);
                        d->groups = 1;
                        d->out = NN_BLOCKED;
                        d->in = d->c > NN_CONV8_PLAIN_CHANNELS || i % 3 ? NN_BLOCKED : NN_PLAIN;
                        q.x_signed = d->in == NN_PLAIN && i % 2;
                        for (unsigned a = 0; a < 2; a++) {
                                d->stride[a] = 1 + random_below(&seed, 3);
                                d->dilation[a] = i % 5 ? 1 : 1 + random_below(&seed, 2);
                                d->pad[a] = random_below(&seed, 3);
                                d->pad[2 + a] = random_below(&seed, 3);
                        }
                        if (i % 8 == 7) {
                                d->groups = d->k = d->c;
                                d->in = NN_BLOCKED;
                                q.x_signed = false;
                        }
                        if (d->c == 1 && d->in == NN_BLOCKED && i % 8 == 7)
                                continue;
                        if (i % 6 == 5) { /* flat */
                                d->r = d->s = d->stride[0] = d->stride[1] = 1;
                                memset(d->pad, 0, sizeof(d->pad));
                        }
                        if (!nn_conv_out_h(d) || !nn_conv_out_w(d))
                                continue;
                        d->residual = i % 3 == 1;
                        q.residual = (struct nn_quant){ 0.03f, 100 };
                        q.y.zero = (int)random_below(&seed, 200);
                        d->act = nth_act(i % 4 == 3 ? NN_ACT_NONE : i % 4 % 3, NULL);
                        check_conv(dot, q, i % 4 ? NULL : pool, &seed);
                }
        }
        nn_pool_free(pool);
}

static void test_conv_refusals(void **state)
{
        const float scale = 1;
        struct nn_conv8_desc good = { .d = { .n = 1,
                                             .c = 8,
                                             .h = 2,
                                             .w = 2,
                                             .k = 8,
                                             .r = 1,
                                             .s = 1,
                                             .stride = { 1, 1 },
                                             .dilation = { 1, 1 },
                                             .groups = 1,
                                             .in = NN_BLOCKED,
                                             .out = NN_BLOCKED },
                                      .w_scales = &scale },
                             q;
        struct nn_conv8 *c = NULL;

        q = good, q.d.out = NN_PLAIN;
        assert_int_equal(nn_conv8_prepare(NN_DOT_PORTABLE, &q, NULL, NULL, &c), -EINVAL);
        q = good, q.d.in = NN_PLAIN;
        assert_int_equal(nn_conv8_prepare(NN_DOT_PORTABLE, &q, NULL, NULL, &c), -EINVAL);
        q = good, q.d.groups = 2;
        assert_int_equal(nn_conv8_prepare(NN_DOT_PORTABLE, &q, NULL, NULL, &c), -EINVAL);
        q = good, q.d.act.kind = NN_ACT_TANH;
        assert_int_equal(nn_conv8_prepare(NN_DOT_PORTABLE, &q, NULL, NULL, &c), -EINVAL);
        q = good, q.d.c = NN_CONV8_MAX_TAPS + 1;
        assert_int_equal(nn_conv8_prepare(NN_DOT_PORTABLE, &q, NULL, NULL, &c), -EINVAL);
        assert_null(nn_conv8_free(NULL));
}

static void test_quantize(void **state)
{
        const float x[] = { 0,      0.5f,  1.5f,  2.5f,     -0.5f,     -1.5f, 1000, -1000, NAN, 1e30f,
                            -1e30f, 3.49f, 3.51f, INFINITY, -INFINITY, 7,     8,    9,     10 };
        static const uint8_t to[] = { 10, 10, 12, 12, 10, 8, 255, 0, 0, 255, 0, 13, 14, 255, 0, 17, 18, 19, 20 };
        static const int8_t to_signed[] = { -10,  -10, -8, -8,  -10,  -12, 127, -128, -128, 127,
                                            -128, -7,  -6, 127, -128, -3,  -2,  -1,   0 };
        uint8_t y[ARRAY_LEN(x)];
        float back[ARRAY_LEN(x)];

        FOR_EACH_DOT(dot) for (size_t n = 1; n <= ARRAY_LEN(x); n++)
        {
                nn_quantize(dot, n, x, 1, 10, false, y);
                assert_memory_equal(y, to, n);
                nn_dequantize(dot, n, y, 0.5f, 10, false, back);
                for (size_t i = 0; i < n; i++)
                        assert_true(back[i] == 0.5f * (float)(to[i] - 10));
                nn_quantize(dot, n, x, 1, -10, true, y);
                assert_memory_equal(y, to_signed, n);
                nn_dequantize(dot, n, y, 2, -10, true, back);
                for (size_t i = 0; i < n; i++)
                        assert_true(back[i] == 2 * (float)(to_signed[i] + 10));
        }
}

static void test_add(void **state)
{
        struct nn_quant qa = { 0.5f, 3 }, qb = { 0.25f, 128 }, qy = { 1, 40 };
        uint32_t seed = 3;

        FOR_EACH_DOT(dot) for (unsigned relu = 0; relu < 2; relu++)
        {
                uint8_t *a = bytes(48, &seed), *b = bytes(48, &seed), *y = bytes(48, &seed);

                nn_add8(dot, 48, a, qa, b, qb, qy, relu, y);
                for (size_t i = 0; i < 48; i++) {
                        double v = 0.5 * (a[i] - 3) + 0.25 * (b[i] - 128);

                        v = fmin(fmax((relu && v < 0 ? 0 : v) + 40, 0), 255);
                        assert_true(fabs(y[i] - v) <= 0.5);
                }
                free(a);
                free(b);
                free(y);
        }
}

static uint8_t rounded(double v, int zero)
{
        return (uint8_t)fmin(fmax(nearbyint(v) + zero, 0), 255);
}

/* Halves go to even before the zero is added, so that an odd zero makes no difference. NaN becomes the least. */
static void test_ties(void **state)
{
        enum { C = 16, HW = 25 };
        const float scales[C] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
        const float bias[C] = { NAN };
        static const int zeros[] = { 0, 1, 40, 127, 200, 255 };
        uint32_t seed = 6;

        FOR_EACH_DOT(dot) for (unsigned i = 0; i < 8 * ARRAY_LEN(zeros); i++)
        {
                int zero = zeros[i / 8];
                struct nn_conv8_desc q = {
                        .d = { .n = 1,
                               .c = C,
                               .h = 5,
                               .w = 5,
                               .k = C,
                               .r = 1,
                               .s = 1,
                               .stride = { 1, 1 },
                               .dilation = { 1, 1 },
                               .groups = i % 2 ? C : 1,
                               .residual = i / 2 % 2,
                               .in = NN_BLOCKED,
                               .out = NN_BLOCKED },
                        .x = { 0.5f, 128 },
                        .residual = { 0.5f, 30 },
                        .y = { 1, zero },
                        .w_scales = scales,
                };
                uint8_t *x = bytes(C * HW, &seed), *r = bytes(C * HW, &seed), *y = bytes(C * HW, &seed);
                int8_t w[C * C] = { 0 };
                struct nn_conv8 *c = NULL;

                if (i / 4 % 2)
                        q.d.act = (struct nn_act){ .kind = NN_ACT_CLIP, .a = -20.5f, .b = 90.5f };
                for (unsigned k = 0; k < C; k++)
                        w[i % 2 ? k : k * C + k] = 1;
                assert_int_equal(nn_conv8_prepare(dot, &q, w, i % 8 < 2 ? bias : NULL, &c), 0);
                nn_conv8_run(c, x, r, y, NULL, NULL);
                nn_conv8_free(c);
                for (size_t k = 0; k < C * HW; k++) {
                        double v = 0.5 * (x[k] - 128) + (q.d.residual ? 0.5 * (r[k] - 30) : 0);

                        v = q.d.act.kind ? fmin(fmax(v, -20.5), 90.5) : v;
                        assert_int_equal(y[k], i % 8 < 2 && k % C == 0 ? 0 : rounded(v, zero));
                }
                nn_add8(dot, C * HW, x, q.x, r, q.residual, q.y, i % 2, y);
                for (size_t k = 0; k < C * HW; k++) {
                        double v = 0.5 * (x[k] - 128) + 0.5 * (r[k] - 30);

                        assert_int_equal(y[k], rounded(i % 2 ? fmax(v, 0) : v, zero));
                }
                free(x);
                free(r);
                free(y);
        }
}

static void test_pools(void **state)
{
        uint32_t seed = 4;

        FOR_EACH_DOT(dot) for (unsigned i = 0; i < 20; i++)
        {
                struct nn_pool2d_desc d = { .n = 2,
                                            .c = 1 + i * 3,
                                            .h = 4 + i % 5,
                                            .w = 3 + i % 4,
                                            .kernel = { 2 + i % 2, 2 },
                                            .stride = { 1 + i % 2, 2 },
                                            .pad = { i % 2, i % 3 % 2 },
                                            .dilation = { 1, 1 } };
                size_t hw = (size_t)d.h * d.w;
                uint8_t *x = bytes(d.n * d.c * hw, &seed), *xb = to_blocks(d.n, d.c, hw, x), *y;
                float *mean = floats(d.n * d.c);

                d.out_h = (d.h + d.pad[0] - d.kernel[0]) / d.stride[0] + 1;
                d.out_w = (d.w + 2 * d.pad[1] - d.kernel[1]) / d.stride[1] + 1;
                y = bytes(nn_byte_blocks(d.n, d.c, d.out_h, d.out_w), &seed);
                nn_max_pool8(dot, &d, xb, y);
                for (size_t k = 0; k < (size_t)d.n * d.c; k++)
                        for (unsigned a = 0; a < d.out_h; a++)
                                for (unsigned b = 0; b < d.out_w; b++) {
                                        uint8_t most = 0;

                                        for (unsigned r = 0; r < d.kernel[0]; r++)
                                                for (unsigned s = 0; s < d.kernel[1]; s++) {
                                                        int u = (int)(a * d.stride[0] + r) - (int)d.pad[0];
                                                        int v = (int)(b * d.stride[1] + s) - (int)d.pad[1];

                                                        if (u >= 0 && v >= 0 && u < (int)d.h && v < (int)d.w)
                                                                most = MAX(most,
                                                                           x[k * hw + (size_t)u * d.w + (size_t)v]);
                                                }
                                        assert_int_equal(y[blocked_at(d.c, (size_t)d.out_h * d.out_w, k / d.c, k % d.c,
                                                                      a * d.out_w + b)],
                                                         most);
                                }
                nn_global_pool8(dot, d.n, d.c, hw, xb, (struct nn_quant){ 0.5f, 7 }, mean);
                for (size_t k = 0; k < (size_t)d.n * d.c; k++) {
                        double sum = 0;

                        for (size_t p = 0; p < hw; p++)
                                sum += 0.5 * (x[k * hw + p] - 7);
                        assert_true(fabs((double)mean[k] - sum / (double)hw) < 1e-4);
                }
                free(x);
                free(xb);
                free(y);
                free(mean);
        }
}

static void check_fc(enum nn_isa isa, enum nn_dot dot, struct nn_fc_desc d, struct nn_pool *pool, uint32_t *seed)
{
        size_t m = d.m, n = d.n, k = d.k;
        float *x = random_floats(m * k, seed), *bias = random_floats(n, seed), *slopes = random_floats(n, seed);
        float *scales = random_floats(n, seed), *y = floats(m * n), *expected = floats(m * n);
        int8_t *w = (int8_t *)bytes(n * k, seed);
        struct nn_fc8 *f = NULL;
        void *scratch = NULL;
        char what[100];

        d.act.slopes = slopes;
        for (size_t j = 0; j < n; j++)
                scales[j] = (scales[j] + 1.5f) / 127;
        for (size_t i = 0; i < m * k; i++)
                x[i] *= 3;
        for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < n; j++) {
                        double sum = 0;

                        for (size_t a = 0; a < k; a++)
                                sum += (double)x[i * k + a] * (d.weights_k_n ? w[a * n + j] : w[j * k + a]);
                        expected[i * n + j] = (float)naive_act(&d.act, j, sum * (double)scales[j] + (double)bias[j]);
                }
        assert_int_equal(nn_fc8_prepare(isa, dot, &d, w, scales, bias, &f), 0);
        assert_int_equal(posix_memalign(&scratch, 64, nn_fc8_scratch_bytes(f)), 0);
        nn_fc8_run(f, x, y, scratch, pool);
        snprintf(what, sizeof(what), "%s fc m %zu k %zu n %zu", nn_dot_name(dot), m, k, n);
        /* half a unit of x, 3 / 65534, times the weights, which random signs shrink to about the root */
        assert_close(y, expected, m * n, 1e-4f, 3e-4f * sqrtf((float)k), what);
        nn_fc8_free(f);
        free(x);
        free(bias);
        free(slopes);
        free(scales);
        free(y);
        free(expected);
        free(w);
        free(scratch);
}

static void test_fc(void **state)
{
        static const unsigned ns[] = { 1, 7, 16, 33, 64, 100, 130 }, ks[] = { 1, 3, 64, 257, 1100 };
        static const unsigned ms[] = { 1, 2, 3, 8 };
        struct nn_pool *pool = NULL;

        assert_int_equal(nn_pool_new(2, &pool), 0);
        FOR_EACH_DOT(dot)
        {
                uint32_t seed = 1;
                unsigned i = 0;

                for (size_t a = 0; a < ARRAY_LEN(ns); a++)
                        for (size_t b = 0; b < ARRAY_LEN(ks); b++, i++)
                                check_fc(i % 3 ? nn_isa_best() : NN_ISA_PORTABLE, dot,
                                         (struct nn_fc_desc){ .m = ms[i % 4],
                                                              .k = ks[b],
                                                              .n = ns[a],
                                                              .weights_k_n = i % 2,
                                                              .act = nth_act(i / 2, NULL) },
                                         i % 4 ? NULL : pool, &seed);
        }
        nn_pool_free(pool);
}

/* The largest weight of an output is exact; what is not finite is told; a row of zeros is its bias. */
static void test_fc_edges(void **state)
{
        const float w[2][3] = { { 0, 1, -0.5f }, { 0, 0, NAN } }, bias[2] = { 3, 4 };
        const float x[4][3] = { { 5, 2, 0 }, { 0, 0, 0 }, { NAN, 0, 0 }, { INFINITY, 0, 0 } };
        struct nn_fc_desc d = { .m = 4, .k = 3, .n = 2 };
        unsigned char scratch[1024] __attribute__((aligned(64)));
        float y[4][2];

        FOR_EACH_DOT(dot)
        {
                struct nn_fc8 *f = NULL;

                assert_int_equal(nn_fc8_prepare_floats(NN_ISA_PORTABLE, dot, &d, w[0], bias, &f), 0);
                assert_true(nn_fc8_scratch_bytes(f) <= sizeof(scratch));
                nn_fc8_run(f, x[0], y[0], scratch, NULL);
                assert_true(fabsf(y[0][0] - 5) < 1e-3f && y[0][1] == 4 && y[1][0] == 3 && y[1][1] == 4);
                assert_true(isnan(y[2][0]) && isnan(y[3][1]));
                nn_fc8_free(f);
        }
        d.k = NN_FC8_MAX_K + 1;
        struct nn_fc8 *f = NULL;
        assert_int_equal(nn_fc8_prepare(NN_ISA_PORTABLE, NN_DOT_PORTABLE, &d, NULL, NULL, NULL, &f), -EINVAL);
        assert_null(nn_fc8_free(NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_conv),     cmocka_unit_test(test_conv_refusals), cmocka_unit_test(test_quantize),
                cmocka_unit_test(test_add),      cmocka_unit_test(test_pools),         cmocka_unit_test(test_fc),
                cmocka_unit_test(test_fc_edges), cmocka_unit_test(test_ties),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
