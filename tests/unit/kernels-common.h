/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the tests of the kernels share: seeded numbers, guarded buffers, comparison, layouts. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "basic/macro.h"
#include "nn/kernels/conv.h"
#include "nn/kernels/fc.h"
#include "nn/kernels/kernels.h"
#include "nn/pool.h"

#define FOR_EACH_ISA(isa)                                               \
        for (enum nn_isa isa = NN_ISA_PORTABLE; isa < NN_N_ISAS; isa++) \
                if (nn_isa_runs(isa))

/* The same numbers in every run: a linear congruential generator. */
static inline uint32_t random_bits(uint32_t *state)
{
        *state = *state * 1664525u + 1013904223u;
        return *state >> 8;
}

/* Uniform in -1..1. */
static inline float random_float(uint32_t *state)
{
        return (float)random_bits(state) * (2.f / 16777216.f) - 1.f;
}

static inline unsigned random_below(uint32_t *state, unsigned n)
{
        return random_bits(state) % n;
}

/* Exactly @n floats on a 64-byte boundary, so that a sanitizer sees the first read beyond them. */
static inline float *floats(size_t n)
{
        void *p = NULL;

        assert_int_equal(posix_memalign(&p, 64, MAX(n, (size_t)1) * sizeof(float)), 0);
        for (size_t i = 0; i < n; i++)
                ((float *)p)[i] = NAN;
        return p;
}

static inline float *random_floats(size_t n, uint32_t *state)
{
        float *p = floats(n);

        for (size_t i = 0; i < n; i++)
                p[i] = random_float(state);
        return p;
}

/* |a - b| <= absolute + relative * |b|; NaN only equals NaN */
static inline void assert_close(const float *a, const float *b, size_t n, float relative, float absolute,
                                const char *what)
{
        for (size_t i = 0; i < n; i++) {
                if (isnan(b[i]) ? isnan(a[i]) : a[i] == b[i] || fabsf(a[i] - b[i]) <= absolute + relative * fabsf(b[i]))
                        continue;
                fail_msg("%s: value %zu of %zu is %.9g, expected %.9g", what, i, n, (double)a[i], (double)b[i]);
        }
}

/* Plain to the given layout in a new buffer. The lanes that mean nothing become @filler. */
static inline float *in_layout(enum nn_isa isa, enum nn_layout layout, size_t n, size_t c, size_t hw, const float *x,
                               float filler)
{
        size_t b = nn_isa_block(isa), nb = (c + b - 1) / b;
        float *y;

        if (layout == NN_PLAIN) {
                y = floats(n * c * hw);
                memcpy(y, x, n * c * hw * sizeof(*y));
                return y;
        }
        y = floats(n * nb * b * hw);
        for (size_t i = 0; i < n * nb * b * hw; i++) {
                size_t lane = i % b, p = i / b % hw, k = i / b / hw % nb * b + lane, image = i / b / hw / nb;

                y[i] = k < c ? x[(image * c + k) * hw + p] : filler;
        }
        return y;
}

/* The reverse; frees @y. */
static inline float *to_plain(enum nn_isa isa, enum nn_layout layout, size_t n, size_t c, size_t hw, float *y)
{
        size_t b = nn_isa_block(isa), nb = (c + b - 1) / b;
        float *x;

        if (layout == NN_PLAIN)
                return y;
        x = floats(n * c * hw);
        for (size_t image = 0; image < n; image++)
                for (size_t k = 0; k < c; k++)
                        for (size_t p = 0; p < hw; p++)
                                x[(image * c + k) * hw + p] = y[((image * nb + k / b) * hw + p) * b + k % b];
        free(y);
        return x;
}

static inline size_t layout_floats(enum nn_isa isa, enum nn_layout layout, size_t n, size_t c, size_t hw)
{
        return layout == NN_PLAIN ? n * c * hw : nn_blocked_floats(isa, n, c, hw, 1);
}

/* The activation in double precision. */
static inline double naive_act(const struct nn_act *act, size_t channel, double x)
{
        switch (act->kind) {
        case NN_ACT_NONE:
                return x;
        case NN_ACT_RELU:
                return x > 0 ? x : isnan(x) ? x : 0;
        case NN_ACT_CLIP:
                return x < (double)act->a ? (double)act->a : x > (double)act->b ? (double)act->b : x;
        case NN_ACT_LEAKY:
                return x < 0 ? (double)act->a * x : x;
        case NN_ACT_PRELU:
                return x < 0 ? (double)act->slopes[channel] * x : x;
        case NN_ACT_SIGMOID:
                return 1 / (1 + exp(-x));
        case NN_ACT_TANH:
                return tanh(x);
        case NN_ACT_HARD_SIGMOID:
                return isnan(x) ? x : fmin(fmax((double)act->a * x + (double)act->b, 0), 1);
        case NN_ACT_HARD_SWISH:
                return isnan(x) ? x : x * fmin(fmax(x / 6 + 0.5, 0), 1);
        case NN_ACT_SILU:
                return x / (1 + exp(-x));
        case NN_ACT_ELU:
                return x < 0 ? (double)act->a * (exp(x) - 1) : x;
        }
        return x;
}

/* One of each kind, with parameters; @slopes are borrowed. */
static inline struct nn_act nth_act(unsigned i, const float *slopes)
{
        struct nn_act act = { .kind = (enum nn_act_kind)(i % NN_N_ACTS), .slopes = slopes };

        switch (act.kind) {
        case NN_ACT_CLIP:
                act.a = -0.25f;
                act.b = 0.5f;
                break;
        case NN_ACT_HARD_SIGMOID:
                act.a = 0.2f;
                act.b = 0.5f;
                break;
        case NN_ACT_ELU:
        case NN_ACT_LEAKY:
                act.a = 0.3f;
                break;
        default:
                break;
        }
        return act;
}
