/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Response normalisation over channels. */
#include <math.h>

#include "nn/kernels/ops.h"
#include "nn/kernels/simd.h"

/* Channels and window that the blocked form holds for a few pixels at a time; what is larger goes one by one. */
#define MAX_PADDED 2048
#define MAX_PIXELS 4

/* x * base^-beta */
NN_INLINE vf divide(vf x, vf base, float beta)
{
        if (beta == 0.75f)
                return x / v_sqrt(base * v_sqrt(base));
        if (beta == 0.5f)
                return x / v_sqrt(base);
        for (size_t i = 0; i < V; i++)
                x[i] *= powf(base[i], -beta);
        return x;
}

static void plain(const struct nn_lrn_desc *d, const float *x, float *y)
{
        size_t before = (d->size - 1) / 2, after = d->size / 2;
        const vf scale = v_set1(d->alpha / (float)d->size), bias = v_set1(d->bias);

        for (size_t c = 0; c < d->c; c++) {
                size_t first = c > before ? c - before : 0, last = MIN(c + after, d->c - 1);

                for (size_t p = 0; p < d->hw; p += V) {
                        size_t n = MIN((size_t)V, d->hw - p);
                        vf sum = v_zero(), v;

                        for (size_t k = first; k <= last; k++) {
                                v = n == V ? v_load(x + k * d->hw + p) : v_load_n(x + k * d->hw + p, n);
                                sum = v_fma(v, v, sum);
                        }
                        v = n == V ? v_load(x + c * d->hw + p) : v_load_n(x + c * d->hw + p, n);
                        v = divide(v, v_fma(scale, sum, bias), d->beta);
                        if (n == V)
                                v_store(y + c * d->hw + p, v);
                        else
                                v_store_n(y + c * d->hw + p, v, n);
                }
        }
}

/* Any size, one value at a time. */
static void block_slow(const struct nn_lrn_desc *d, const float *x, float *y)
{
        size_t before = (d->size - 1) / 2, after = d->size / 2, blocks = (d->c + V - 1) / V;

        for (size_t p = 0; p < d->hw; p++)
                for (size_t c = 0; c < blocks * V; c++) {
                        size_t at = (c / V * d->hw + p) * V + c % V;
                        float sum = 0;

                        if (c >= d->c) {
                                y[at] = 0;
                                continue;
                        }
                        for (size_t k = c > before ? c - before : 0; k <= MIN(c + after, d->c - 1); k++) {
                                float v = x[(k / V * d->hw + p) * V + k % V];

                                sum += v * v;
                        }
                        y[at] = x[at] * powf(d->bias + d->alpha / (float)d->size * sum, -d->beta);
                }
}

/* The squares of all channels of a few pixels in a row each, with zeros around them; then sums at shifted places. */
static void block(const struct nn_lrn_desc *d, const float *x, float *y)
{
        size_t before = (d->size - 1) / 2, blocks = (d->c + V - 1) / V, padded = before + blocks * V + d->size / 2;
        const vf scale = v_set1(d->alpha / (float)d->size), bias = v_set1(d->bias);
        size_t last = d->c - (blocks - 1) * V;
        float squares[MAX_PIXELS][MAX_PADDED];

        if (padded > MAX_PADDED) {
                block_slow(d, x, y);
                return;
        }
        memset(squares, 0, sizeof(squares));
        for (size_t p = 0; p < d->hw; p += MAX_PIXELS) {
                size_t n = MIN((size_t)MAX_PIXELS, d->hw - p);

                for (size_t i = 0; i < n; i++)
                        for (size_t b = 0; b < blocks; b++) {
                                const float *from = x + (b * d->hw + p + i) * V;
                                vf v = b + 1 < blocks || last == V ? v_load(from) : v_load_n(from, last);

                                v_store(squares[i] + before + b * V, v * v);
                        }
                for (size_t i = 0; i < n; i++)
                        for (size_t b = 0; b < blocks; b++) {
                                size_t at = (b * d->hw + p + i) * V;
                                vf v = b + 1 < blocks || last == V ? v_load(x + at) : v_load_n(x + at, last);
                                vf sum = v_zero();

                                for (unsigned k = 0; k < d->size; k++)
                                        sum += v_load(squares[i] + b * V + k);
                                v_store(y + at, divide(v, v_fma(scale, sum, bias), d->beta));
                        }
        }
}

const struct nn_lrn_ops ISA(nn_lrn_ops) = { .plain = plain, .block = block };
