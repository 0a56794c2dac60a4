/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pooling, enlargement and changes of layout, one plane of a plain tensor or one block of channels at a time. */
#include <float.h>

#include "nn/kernels/ops.h"
#include "nn/kernels/simd.h"

/* The taps of one axis that fall inside the input: first..end-1, at input positions origin + tap * dilation. */
struct taps {
        unsigned first, end;
        long origin;
};

static struct taps taps_of(unsigned out, unsigned stride, unsigned pad, unsigned kernel, unsigned dilation,
                           unsigned size)
{
        struct taps t = { .origin = (long)out * stride - (long)pad };

        if (t.origin < 0)
                t.first = ((unsigned)-t.origin + dilation - 1) / dilation;
        if (t.origin < (long)size)
                t.end = MIN(kernel, (unsigned)(((long)size - t.origin + dilation - 1) / dilation));
        t.first = MIN(t.first, t.end);
        return t;
}

/* Taps of one axis that fall inside the input and its padding: what an average that counts padding divides by. */
static unsigned taps_padded(unsigned out, unsigned stride, unsigned pad, unsigned pad_end, unsigned kernel,
                            unsigned dilation, unsigned size)
{
        long start = (long)out * stride, limit = (long)size + pad + pad_end;
        long n = start < limit ? (limit - start + dilation - 1) / dilation : 0;

        return (unsigned)MIN(n, (long)kernel);
}

static float divisor_of(const struct nn_pool2d_desc *d, unsigned i, unsigned j, struct taps r, struct taps s)
{
        unsigned n = (r.end - r.first) * (s.end - s.first);

        if (d->count_include_pad)
                n = taps_padded(i, d->stride[0], d->pad[0], d->pad_end[0], d->kernel[0], d->dilation[0], d->h) *
                    taps_padded(j, d->stride[1], d->pad[1], d->pad_end[1], d->kernel[1], d->dilation[1], d->w);
        return n ? 1.f / (float)n : 0.f;
}

static void pool2d_plain(const struct nn_pool2d_desc *d, const float *x, float *y)
{
        for (unsigned i = 0; i < d->out_h; i++) {
                struct taps r = taps_of(i, d->stride[0], d->pad[0], d->kernel[0], d->dilation[0], d->h);

                for (unsigned j = 0; j < d->out_w; j++) {
                        struct taps s = taps_of(j, d->stride[1], d->pad[1], d->kernel[1], d->dilation[1], d->w);
                        float v = d->average ? 0.f : -FLT_MAX;

                        for (unsigned a = r.first; a < r.end; a++) {
                                const float *row = x + (size_t)(r.origin + (long)(a * d->dilation[0])) * d->w;

                                for (unsigned b = s.first; b < s.end; b++) {
                                        float xv = row[s.origin + (long)(b * d->dilation[1])];

                                        v = d->average ? v + xv : v > xv ? v : xv;
                                }
                        }
                        y[(size_t)i * d->out_w + j] = d->average ? v * divisor_of(d, i, j, r, s) : v;
                }
        }
}

NN_INLINE vf window(bool average, const float *x, unsigned rows, unsigned columns, size_t row_step, size_t step)
{
        vf v = v_set1(average ? 0.f : -FLT_MAX);

        for (unsigned a = 0; a < rows; a++)
                for (unsigned b = 0; b < columns; b++) {
                        vf xv = v_load(x + a * row_step + b * step);

                        v = average ? v + xv : v_max(v, xv);
                }
        return v;
}

static void pool2d_block(const struct nn_pool2d_desc *d, const float *x, float *y)
{
        size_t row_step = (size_t)d->dilation[0] * d->w * V, step = (size_t)d->dilation[1] * V;

        for (unsigned i = 0; i < d->out_h; i++) {
                struct taps r = taps_of(i, d->stride[0], d->pad[0], d->kernel[0], d->dilation[0], d->h);

                for (unsigned j = 0; j < d->out_w; j++, y += V) {
                        struct taps s = taps_of(j, d->stride[1], d->pad[1], d->kernel[1], d->dilation[1], d->w);
                        unsigned rows = r.end - r.first, columns = s.end - s.first;
                        const float *p = x;

                        if (rows && columns)
                                p += ((size_t)(r.origin + (long)(r.first * d->dilation[0])) * d->w +
                                      (size_t)(s.origin + (long)(s.first * d->dilation[1]))) *
                                     V;
                        if (d->average)
                                v_store(y, window(true, p, rows, columns, row_step, step) *
                                                   v_set1(divisor_of(d, i, j, r, s)));
                        else if (rows == 2 && columns == 2)
                                v_store(y, window(false, p, 2, 2, row_step, step));
                        else if (rows == 3 && columns == 3)
                                v_store(y, window(false, p, 3, 3, row_step, step));
                        else
                                v_store(y, window(false, p, rows, columns, row_step, step));
                }
        }
}

static float reduce(bool average, size_t n, const float *x)
{
        vf v = v_set1(average ? 0.f : -FLT_MAX);
        size_t i = 0;
        float r;

        for (; i + V <= n; i += V)
                v = average ? v + v_load(x + i) : v_max(v, v_load(x + i));
        r = average ? v_sum(v) : v_largest(v);
        for (; i < n; i++)
                r = average ? r + x[i] : r > x[i] ? r : x[i];
        return average && n ? r / (float)n : r;
}

static void reduce_block(bool average, size_t pixels, const float *x, float *y)
{
        vf v = v_set1(average ? 0.f : -FLT_MAX), v2 = v;
        size_t i = 0;

        for (; i + 2 <= pixels; i += 2, x += 2 * V) {
                v = average ? v + v_load(x) : v_max(v, v_load(x));
                v2 = average ? v2 + v_load(x + V) : v_max(v2, v_load(x + V));
        }
        if (i < pixels)
                v = average ? v + v_load(x) : v_max(v, v_load(x));
        v = average ? v + v2 : v_max(v, v2);
        v_store(y, average && pixels ? v * v_set1(1.f / (float)pixels) : v);
}

static void upsample_block(size_t h, size_t w, size_t factor_h, size_t factor_w, const float *x, float *y)
{
        size_t row = w * factor_w * V;

        for (size_t i = 0; i < h; i++, x += w * V, y += factor_h * row) {
                for (size_t j = 0; j < w; j++)
                        for (size_t f = 0; f < factor_w; f++)
                                v_store(y + (j * factor_w + f) * V, v_load(x + j * V));
                for (size_t f = 1; f < factor_h; f++)
                        memcpy(y + f * row, y, row * sizeof(float));
        }
}

/* Each value twice */
static void double_row(size_t n, const float *x, float *y)
{
        size_t i = 0;

        for (; i + V <= n; i += V) {
                vf v = v_load(x + i);

                v_store(y + 2 * i, v_zip_low(v, v));
                v_store(y + 2 * i + V, v_zip_high(v, v));
        }
        for (; i < n; i++)
                y[2 * i] = y[2 * i + 1] = x[i];
}

static void upsample_plain(size_t h, size_t w, size_t factor_h, size_t factor_w, const float *x, float *y)
{
        size_t row = w * factor_w;

        for (size_t i = 0; i < h; i++, x += w, y += factor_h * row) {
                if (factor_w == 2)
                        double_row(w, x, y);
                for (size_t j = 0; factor_w != 2 && j < w; j++)
                        for (size_t f = 0; f < factor_w; f++)
                                y[j * factor_w + f] = x[j];
                for (size_t f = 1; f < factor_h; f++)
                        memcpy(y + f * row, y, row * sizeof(float));
        }
}

static void turn(size_t c, size_t n, const float *x, size_t x_row, float *y, size_t y_row)
{
        /* the last square overlaps the one before it */
        for (size_t p = 0; n >= V && p < n; p += V) {
                size_t at = MIN(p, n - V);
                vf t[V];

                NN_UNROLL for (unsigned i = 0; i < V; i++) t[i] = i < c ? v_load(x + i * x_row + at) : v_zero();
                v_turn(t);
                NN_UNROLL for (unsigned i = 0; i < V; i++) v_store(y + (at + i) * y_row, t[i]);
        }
        for (size_t p = 0; n < V && p < n; p++, y += y_row) {
                v_store(y, v_zero());
                for (size_t i = 0; i < c; i++)
                        y[i] = x[i * x_row + p];
        }
}

static void from_block(size_t c, size_t hw, const float *x, float *y)
{
        for (size_t p = 0; hw >= V && p < hw; p += V) {
                size_t at = MIN(p, hw - V);
                vf t[V];

                NN_UNROLL for (unsigned i = 0; i < V; i++) t[i] = v_load(x + (at + i) * V);
                v_turn(t);
                NN_UNROLL for (unsigned i = 0; i < V; i++) if (i < c) v_store(y + i * hw + at, t[i]);
        }
        for (size_t p = 0; hw < V && p < hw; p++, x += V)
                for (size_t i = 0; i < c; i++)
                        y[i * hw + p] = x[i];
}

const struct nn_map_ops ISA(nn_map_ops) = {
        .pool2d_plain = pool2d_plain,
        .pool2d_block = pool2d_block,
        .reduce = reduce,
        .reduce_block = reduce_block,
        .upsample_block = upsample_block,
        .upsample_plain = upsample_plain,
        .turn = turn,
        .from_block = from_block,
};
