/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Depthwise convolution of one block of channels: every lane is a channel of its own. */
#include "nn/kernels/ops.h"
#include "nn/kernels/simd.h"

#define MAX_PIXELS 8

/* @n output pixels of a row whose taps in rows first..end-1 all lie inside the input. @x: the input under the first
 * pixel's tap (first, 0). */
NN_INLINE void pixels(const struct nn_depthwise *p, unsigned n, unsigned columns, unsigned first, unsigned end,
                      const float *x, const float *residual, float *y)
{
        const struct nn_conv_desc *d = p->d;
        const float *w = p->w + (size_t)first * columns * V;
        size_t step = (size_t)d->stride[1] * V, row = (size_t)d->dilation[0] * d->w * V, tap = (size_t)d->dilation[1] * V;
        vf acc[MAX_PIXELS];

        NN_UNROLL for (unsigned i = 0; i < n; i++)
                acc[i] = v_load(p->bias);
        for (unsigned r = first; r < end; r++, x += row)
                for (unsigned s = 0; s < columns; s++, w += V) {
                        vf wv = v_load(w);

                        NN_UNROLL for (unsigned i = 0; i < n; i++)
                                acc[i] = v_fma(wv, v_load(x + s * tap + i * step), acc[i]);
                }
        NN_UNROLL for (unsigned i = 0; i < n; i++) {
                if (residual)
                        acc[i] += v_load(residual + i * V);
                if (p->clamp)
                        acc[i] = v_min(v_set1(p->hi), v_max(v_set1(p->lo), acc[i]));
                v_store(y + i * V, acc[i]);
        }
}

/* The range of taps of one axis that fall inside the input when the first one is at @origin. */
static void inside(long origin, unsigned kernel, unsigned dilation, unsigned size, unsigned *ret_first, unsigned *ret_end)
{
        unsigned first = origin < 0 ? ((unsigned)-origin + dilation - 1) / dilation : 0;
        unsigned end = origin < (long)size ? (unsigned)(((long)size - origin + dilation - 1) / dilation) : 0;

        *ret_end = MIN(end, kernel);
        *ret_first = MIN(first, *ret_end);
}

static void border_pixel(const struct nn_depthwise *p, unsigned first, unsigned end, long origin_y, long origin_x,
                         const float *x, const float *residual, float *y)
{
        const struct nn_conv_desc *d = p->d;
        unsigned s_first, s_end;
        vf acc = v_load(p->bias);

        inside(origin_x, d->s, d->dilation[1], d->w, &s_first, &s_end);
        for (unsigned r = first; r < end; r++)
                for (unsigned s = s_first; s < s_end; s++) {
                        size_t at = (size_t)(origin_y + (long)(r * d->dilation[0])) * d->w +
                                    (size_t)(origin_x + (long)(s * d->dilation[1]));

                        acc = v_fma(v_load(p->w + ((size_t)r * d->s + s) * V), v_load(x + at * V), acc);
                }
        if (residual)
                acc += v_load(residual);
        if (p->clamp)
                acc = v_min(v_set1(p->hi), v_max(v_set1(p->lo), acc));
        v_store(y, acc);
}

/* The columns whose taps all lie inside the input: *ret_first..*ret_end-1. */
static void inner_columns(const struct nn_depthwise *p, unsigned *ret_first, unsigned *ret_end)
{
        const struct nn_conv_desc *d = p->d;
        size_t reach = (size_t)(d->s - 1) * d->dilation[1] + 1, span = (size_t)d->w + d->pad[1];
        unsigned first = (d->pad[1] + d->stride[1] - 1) / d->stride[1];
        unsigned end = span >= reach ? (unsigned)((span - reach) / d->stride[1] + 1) : 0;

        *ret_end = MIN(end, p->out_w);
        *ret_first = MIN(first, *ret_end);
}

NN_INLINE void rows_of(const struct nn_depthwise *p, unsigned columns, unsigned row, unsigned row_end, const float *x,
                       const float *residual, float *y)
{
        const struct nn_conv_desc *d = p->d;
        unsigned inner, inner_end;

        inner_columns(p, &inner, &inner_end);
        for (unsigned i = row; i < row_end; i++) {
                long origin = (long)i * d->stride[0] - (long)d->pad[0];
                unsigned first, end, j = 0;
                size_t at = (size_t)i * p->out_w;

                inside(origin, d->r, d->dilation[0], d->h, &first, &end);
                while (j < p->out_w) {
                        long column = (long)j * d->stride[1] - (long)d->pad[1];
                        const float *res = residual ? residual + (at + j) * V : NULL;

                        if (j < inner || j >= inner_end || first == end) {
                                border_pixel(p, first, end, origin, column, x, res, y + (at + j) * V);
                                j++;
                                continue;
                        }
                        const float *from = x + ((size_t)(origin + (long)(first * d->dilation[0])) * d->w +
                                                 (size_t)column) * V;
                        unsigned left = inner_end - j, n = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;

                        if (n == 8)
                                pixels(p, 8, columns, first, end, from, res, y + (at + j) * V);
                        else if (n == 4)
                                pixels(p, 4, columns, first, end, from, res, y + (at + j) * V);
                        else if (n == 2)
                                pixels(p, 2, columns, first, end, from, res, y + (at + j) * V);
                        else
                                pixels(p, 1, columns, first, end, from, res, y + (at + j) * V);
                        j += n;
                }
        }
}

static void rows(const struct nn_depthwise *p, unsigned row, unsigned end, const float *x, const float *residual,
                 float *y)
{
        if (p->d->s == 3)
                rows_of(p, 3, row, end, x, residual, y);
        else
                rows_of(p, p->d->s, row, end, x, residual, y);
}

const struct nn_depthwise_ops ISA(nn_depthwise_ops) = { .rows = rows };
