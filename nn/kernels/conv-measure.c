/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which way of a convolution is the fastest here: by trying. */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "basic/macro.h"
#include "nn/kernels/conv-priv.h"
#include "nn/memory.h"

/* Runs of a way: some at least, more if they are short. */
#define MIN_RUNS 5u
#define MAX_RUNS 50u
#define MIN_SECONDS 3e-4
/* What takes the place of the expected way must be faster than this share of it. */
#define CLEARLY 0.95

static double now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static size_t tensor_floats(enum nn_isa isa, enum nn_layout layout, unsigned n, unsigned c, unsigned h, unsigned w)
{
        return nn_round_up(layout == NN_BLOCKED ? nn_blocked_floats(isa, n, c, h, w) : (size_t)n * c * h * w, 16);
}

/* The least time of a run, on zeros: what the values are does not matter. */
static double least_time(const struct nn_conv *c, float *memory, size_t x_floats, size_t y_floats, struct nn_pool *pool)
{
        float *x = memory, *residual = x + x_floats, *y = residual + y_floats, *scratch = y + y_floats;
        double least = INFINITY, start = now();

        for (unsigned i = 0; i < MAX_RUNS && (i < MIN_RUNS || now() < start + MIN_SECONDS); i++) {
                double t = now();

                nn_conv_run(c, x, residual, y, scratch, pool);
                least = fmin(least, now() - t);
        }
        return least;
}

static int time_way(enum nn_isa isa, const struct nn_conv_desc *d, struct nn_pool *pool, double *ret)
{
        size_t x_floats = tensor_floats(isa, d->in, d->n, d->c, d->h, d->w);
        size_t y_floats = tensor_floats(isa, d->out, d->n, d->k, nn_conv_out_h(d), nn_conv_out_w(d));
        size_t packed, bytes;
        void *base = NULL;
        struct nn_conv *c;
        float *memory;
        int r = nn_conv_new(isa, d, &c);

        if (r < 0)
                return r;
        packed = nn_conv_packed_bytes(c);
        memory = NULL;
        if (!__builtin_add_overflow(packed, nn_conv_scratch_bytes(c, nn_pool_threads(pool)), &bytes) &&
            !__builtin_add_overflow(bytes, (x_floats + 2 * y_floats) * sizeof(float), &bytes))
                memory = nn_alloc_zeros(bytes, &base);
        if (memory) {
                nn_alloc_fetch(memory, bytes);
                nn_conv_place(c, memory);
                *ret = least_time(c, memory + packed / sizeof(float), x_floats, y_floats, pool);
        }
        free(base);
        nn_conv_free(c);
        return memory ? 0 : -ENOMEM;
}

int nn_conv_measure(enum nn_isa isa, const struct nn_conv_desc *d, struct nn_pool *pool, unsigned *ret_way)
{
        struct nn_conv_desc each = *d;
        unsigned ways[NN_CONV_MAX_WAYS], n, best = 0;
        double limit = INFINITY;

        each.way = NN_CONV_EXPECTED;
        if (!nn_conv_is_valid(isa, &each))
                return -EINVAL;
        n = nn_conv_ways(isa, d, ways);
        for (unsigned i = 0; i < n && n > 1; i++) {
                double t;
                int r;

                each.way = ways[i];
                r = time_way(isa, &each, pool, &t);
                if (r < 0)
                        return r;
                if (i == 0)
                        limit = t * CLEARLY;
                else if (t < limit) {
                        limit = t;
                        best = i;
                }
        }
        *ret_way = ways[best];
        return 0;
}
