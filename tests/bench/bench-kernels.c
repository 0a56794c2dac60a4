/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * bench-kernels [ISA] [THREADS]: microseconds and GFLOP/s (of the direct sum) of each kernel on typical shapes, the
 * least of several short runs, and what preparing it took.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "basic/macro.h"
#include "nn/kernels/conv.h"
#include "nn/kernels/fc.h"
#include "nn/pool.h"

#define RUNS 7u
#define RUN_USEC 3000.

struct bench {
        enum nn_isa isa;
        struct nn_pool *pool;
};

static double now_usec(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static double least_usec(void (*fn)(void *userdata), void *userdata)
{
        double start = now_usec(), best = 1e30;

        fn(userdata);
        double once = MAX(now_usec() - start, 1.);
        unsigned repeat = (unsigned)(RUN_USEC / once) + 1;

        for (unsigned i = 0; i < RUNS; i++) {
                start = now_usec();
                for (unsigned j = 0; j < repeat; j++)
                        fn(userdata);
                best = MIN(best, (now_usec() - start) / repeat);
        }
        return best;
}

static float *numbers(size_t n)
{
        float *p = aligned_alloc(64, (n * sizeof(float) + 127) / 64 * 64);

        if (!p)
                exit(1);
        for (size_t i = 0; i < n; i++)
                p[i] = (float)(i * 7919 % 1024) / 1024.f - 0.5f;
        return p;
}

static void report(const char *what, const char *name, double flop, double usec, double prepare_usec)
{
        printf("%-44s %-22s %9.1f us %7.1f GFLOP/s  prepared in %.0f us\n", what, name, usec, flop / usec * 1e-3,
               prepare_usec);
}

struct conv_job {
        struct nn_conv *c;
        float *x, *y, *scratch;
        struct nn_pool *pool;
};

static void run_conv(void *userdata)
{
        struct conv_job *j = userdata;

        nn_conv_run(j->c, j->x, NULL, j->y, j->scratch, j->pool);
}

static void bench_conv(const struct bench *b, unsigned n, unsigned c, unsigned size, unsigned k, unsigned r,
                       unsigned stride, unsigned groups)
{
        unsigned pad = r / 2;
        struct nn_conv_desc d = { .n = n,
                                  .c = c,
                                  .h = size,
                                  .w = size,
                                  .k = k,
                                  .r = r,
                                  .s = r,
                                  .stride = { stride, stride },
                                  .pad = { pad, pad, pad, pad },
                                  .dilation = { 1, 1 },
                                  .groups = groups,
                                  .act.kind = NN_ACT_RELU };
        struct conv_job j = { .pool = b->pool };
        float *w = numbers((size_t)k * c / groups * r * r);
        char what[100];

        nn_conv_layouts(b->isa, &d, &d.in, &d.out);
        double start = now_usec();
        if (nn_conv_prepare(b->isa, &d, w, NULL, &j.c) < 0)
                exit(1);
        double prepare_usec = now_usec() - start;
        j.x = numbers(nn_blocked_floats(b->isa, n, c, size, size));
        j.y = numbers(nn_blocked_floats(b->isa, n, k, nn_conv_out_h(&d), nn_conv_out_w(&d)));
        j.scratch = numbers(nn_conv_scratch_bytes(j.c, nn_pool_threads(b->pool)) / sizeof(float));
        snprintf(what, sizeof(what), "conv n %u c %u k %u %ux%u/%u on %ux%u groups %u", n, c, k, r, r, stride, size,
                 size, groups);
        report(what, nn_conv_name(j.c), 2. * n * k * (c / groups) * r * r * nn_conv_out_h(&d) * nn_conv_out_w(&d),
               least_usec(run_conv, &j), prepare_usec);
        free(w);
        free(j.x);
        free(j.y);
        free(j.scratch);
        nn_conv_free(j.c);
}

struct fc_job {
        struct nn_fc *f;
        float *x, *y;
        struct nn_pool *pool;
};

static void run_fc(void *userdata)
{
        struct fc_job *j = userdata;

        nn_fc_run(j->f, j->x, j->y, j->pool);
}

static void bench_fc(const struct bench *b, unsigned m, unsigned k, unsigned n, enum nn_fc_storage storage)
{
        struct nn_fc_desc d = { .m = m, .k = k, .n = n, .storage = storage };
        struct fc_job j = { .x = numbers((size_t)m * k), .y = numbers((size_t)m * n), .pool = b->pool };
        float *w = numbers((size_t)n * k);
        char what[100];

        double start = now_usec();
        if (nn_fc_prepare(b->isa, &d, w, NULL, &j.f) < 0)
                exit(1);
        double prepare_usec = now_usec() - start;
        snprintf(what, sizeof(what), "fc m %u k %u n %u", m, k, n);
        report(what, nn_fc_name(j.f), 2. * m * k * n, least_usec(run_fc, &j), prepare_usec);
        free(w);
        free(j.x);
        free(j.y);
        nn_fc_free(j.f);
}

struct gemm_job {
        enum nn_isa isa;
        unsigned m, n, k;
        float *a, *b, *y, *scratch;
};

static void run_gemm(void *userdata)
{
        struct gemm_job *j = userdata;

        nn_gemm(j->isa, false, false, j->m, j->n, j->k, 1, j->a, j->b, 0, j->y, j->scratch);
}

static void bench_gemm(const struct bench *b, unsigned m, unsigned n, unsigned k)
{
        struct gemm_job j = { b->isa,
                              m,
                              n,
                              k,
                              numbers((size_t)m * k),
                              numbers((size_t)n * k),
                              numbers((size_t)m * n),
                              numbers(nn_gemm_scratch_bytes(b->isa, m, n, k) / sizeof(float)) };
        char what[100];

        snprintf(what, sizeof(what), "gemm m %u n %u k %u", m, n, k);
        report(what, "gemm", 2. * m * n * k, least_usec(run_gemm, &j), 0);
        free(j.a);
        free(j.b);
        free(j.y);
        free(j.scratch);
}

struct resize_job {
        enum nn_isa isa;
        struct nn_resize_desc d;
        float *x, *y, *scratch;
        size_t bytes;
};

static void run_resize(void *userdata)
{
        struct resize_job *j = userdata;

        nn_resize_planes(j->isa, &j->d, j->x, j->y, j->scratch);
}

static void run_copy(void *userdata)
{
        struct resize_job *j = userdata;

        memcpy(j->y, j->x, j->bytes);
}

/* 16 planes of @size x @size made @out x @out by linear interpolation, beside a copy of as many bytes as come out. */
static void bench_resize(const struct bench *b, enum nn_layout layout, size_t size, size_t out)
{
        size_t floats = nn_blocked_floats(b->isa, 1, 16, MAX(size, out), MAX(size, out));
        struct nn_resize_axis a = { calloc(out, sizeof(int32_t)), calloc(out, sizeof(int32_t)),
                                    (float *)calloc(out, sizeof(float)) };
        struct resize_job j = { .isa = b->isa,
                                .d = { 1, 16, size, size, out, out, &a, &a, layout },
                                .x = numbers(floats),
                                .y = numbers(floats),
                                .bytes = 16 * out * out * sizeof(float) };
        double usec, copy;

        if (!a.first || !a.second || !a.weight)
                exit(1);
        for (size_t i = 0; i < out; i++) {
                double at = (double)i * (double)(size - 1) / (double)(out - 1);

                a.first[i] = (int32_t)at;
                a.second[i] = (int32_t)MIN((size_t)at + 1, size - 1);
                a.weight[i] = (float)(at - (double)a.first[i]);
        }
        j.scratch = numbers(nn_resize_scratch_bytes(b->isa, &j.d) / sizeof(float));
        usec = least_usec(run_resize, &j);
        copy = least_usec(run_copy, &j);
        printf("resize 16 x %3zu^2 to %3zu^2, %-7s %*s %9.1f us, %4.1f of a copy\n", size, out,
               layout == NN_BLOCKED ? "blocked" : "plain", 27, "", usec, usec / copy);
        free(a.first);
        free(a.second);
        free(a.weight);
        free(j.x);
        free(j.y);
        free(j.scratch);
}

int main(int argc, char **argv)
{
        struct bench b = { .isa = nn_isa_best() };

        if (argc > 1 && setenv("EMOTION_NN_ISA", argv[1], 1) == 0)
                b.isa = nn_isa_best();
        if (argc > 2 && atoi(argv[2]) > 1 && nn_pool_new((unsigned)atoi(argv[2]), &b.pool) < 0)
                return 1;
        printf("%s, %u threads\n", nn_isa_name(b.isa), nn_pool_threads(b.pool));

        static const unsigned convs[][7] = {
                /* n, c, size, k, r, stride, groups */
                { 1, 1, 48, 32, 3, 1, 1 },    { 1, 3, 112, 32, 3, 2, 1 },     { 1, 1, 48, 64, 5, 1, 1 },
                { 1, 32, 24, 32, 3, 1, 1 },   { 1, 64, 24, 64, 3, 1, 1 },     { 1, 32, 24, 64, 3, 2, 1 },
                { 1, 64, 12, 64, 3, 1, 1 },   { 1, 64, 12, 128, 3, 2, 1 },    { 1, 128, 12, 128, 3, 1, 1 },
                { 1, 128, 6, 128, 3, 1, 1 },  { 1, 256, 3, 256, 3, 1, 1 },    { 8, 64, 12, 64, 3, 1, 1 },
                { 8, 128, 6, 128, 3, 1, 1 },  { 1, 64, 24, 64, 5, 1, 1 },     { 1, 64, 24, 128, 1, 1, 1 },
                { 1, 128, 12, 128, 1, 1, 1 }, { 1, 96, 6, 576, 1, 1, 1 },     { 1, 8, 30, 8, 3, 1, 1 },
                { 1, 64, 24, 64, 3, 1, 64 },  { 1, 128, 12, 128, 3, 2, 128 }, { 1, 96, 12, 96, 5, 1, 96 },
                { 1, 64, 12, 64, 3, 1, 4 },
        };
        for (size_t i = 0; i < ARRAY_LEN(convs); i++)
                bench_conv(&b, convs[i][0], convs[i][1], convs[i][2], convs[i][3], convs[i][4], convs[i][5],
                           convs[i][6]);
        for (unsigned s = NN_FC_FLOAT32; s <= NN_FC_INT8; s++) {
                bench_fc(&b, 1, 1024, 1024, (enum nn_fc_storage)s);
                bench_fc(&b, 1, 9216, 3072, (enum nn_fc_storage)s);
                bench_fc(&b, 8, 1024, 1024, (enum nn_fc_storage)s);
        }
        bench_fc(&b, 1, 3072, 7, NN_FC_FLOAT32);
        bench_gemm(&b, 64, 64, 64);
        bench_gemm(&b, 144, 64, 576);
        bench_gemm(&b, 512, 512, 512);
        for (unsigned i = 0; i < 2; i++) {
                bench_resize(&b, i ? NN_BLOCKED : NN_PLAIN, 64, 128);
                bench_resize(&b, i ? NN_BLOCKED : NN_PLAIN, 80, 100);
                bench_resize(&b, i ? NN_BLOCKED : NN_PLAIN, 128, 64);
                bench_resize(&b, i ? NN_BLOCKED : NN_PLAIN, 200, 60);
        }
        nn_pool_free(b.pool);
        return 0;
}
