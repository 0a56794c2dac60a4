/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Depthwise convolution of one block of channels: every lane is a channel of its own. */
#include "nn/kernels/ops.h"
#include "nn/kernels/simd.h"

#define MAX_PIXELS 8

/* One run of output pixels in a row: the taps in rows first..end-1 and all columns lie inside the input, but that the
 * first pixel lacks its taps before @left and the last one those from @right on. @x: the input under the first
 * pixel's tap (first, 0). */
struct run {
        unsigned n, first, end, left, right;
        const float *x, *residual;
        float *y;
};

NN_INLINE void pixels(const struct nn_depthwise *p, unsigned n, unsigned columns, const struct run *run)
{
        const struct nn_conv_desc *d = p->d;
        const float *w = p->w + (size_t)run->first * columns * V, *x = run->x;
        size_t step = (size_t)d->stride[1] * V, row = (size_t)d->dilation[0] * d->w * V,
               tap = (size_t)d->dilation[1] * V;
        vf acc[MAX_PIXELS];

        NN_UNROLL for (unsigned i = 0; i < n; i++) acc[i] = v_load(p->bias);
        for (unsigned r = run->first; r < run->end; r++, x += row)
                for (unsigned s = 0; s < columns; s++, w += V) {
                        const vf wv = v_load(w);

                        if (s >= run->left && (n > 1 || s < run->right))
                                acc[0] = v_fma(wv, v_load(x + s * tap), acc[0]);
                        NN_UNROLL for (unsigned i = 1; i + 1 < n; i++) acc[i] =
                                v_fma(wv, v_load(x + s * tap + i * step), acc[i]);
                        if (n > 1 && s < run->right)
                                acc[n - 1] = v_fma(wv, v_load(x + s * tap + (n - 1) * step), acc[n - 1]);
                }
        if (run->residual)
                NN_UNROLL for (unsigned i = 0; i < n; i++) acc[i] += v_load(run->residual + i * V);
        if (p->clamp)
                NN_UNROLL for (unsigned i = 0; i < n; i++) acc[i] = v_min(v_set1(p->hi), v_max(v_set1(p->lo), acc[i]));
        NN_UNROLL for (unsigned i = 0; i < n; i++) v_store(run->y + i * V, acc[i]);
}

/* The @c-th input column of a run of @n pixels with three columns of taps; zeros where the first or last pixel lacks
 * its taps. */
NN_INLINE vf column_of(const struct run *run, const float *x, unsigned c, unsigned n, unsigned stride)
{
        if ((c < 2 && c < run->left) || (c > (n - 1) * stride && c - (n - 1) * stride >= run->right))
                return v_zero();
        return v_load(x + c * V);
}

/* The same as pixels() for three columns of taps without dilation: each input is loaded once for all the pixels that
 * it takes part in, and a row's taps stay in registers. */
NN_INLINE void pixels_3(const struct nn_depthwise *p, unsigned n, unsigned stride, const struct run *run)
{
        const struct nn_conv_desc *d = p->d;
        const float *w = p->w + (size_t)run->first * 3 * V, *x = run->x;
        size_t row = (size_t)d->dilation[0] * d->w * V;
        vf acc[MAX_PIXELS];

        NN_UNROLL for (unsigned i = 0; i < n; i++) acc[i] = v_load(p->bias);
        for (unsigned r = run->first; r < run->end; r++, x += row, w += 3 * V) {
                const vf w0 = v_load(w), w1 = v_load(w + V), w2 = v_load(w + 2 * V);

                NN_UNROLL for (unsigned c = 0; c < (n - 1) * stride + 3; c++)
                {
                        vf xv = column_of(run, x, c, n, stride);

                        /* under tap c - i * stride of pixel i */
                        if (c % stride == 0 && c / stride < n)
                                acc[c / stride] = v_fma(w0, xv, acc[c / stride]);
                        if (c >= 1 && (c - 1) % stride == 0 && (c - 1) / stride < n)
                                acc[(c - 1) / stride] = v_fma(w1, xv, acc[(c - 1) / stride]);
                        if (c >= 2 && (c - 2) % stride == 0 && (c - 2) / stride < n)
                                acc[(c - 2) / stride] = v_fma(w2, xv, acc[(c - 2) / stride]);
                }
        }
        if (run->residual)
                NN_UNROLL for (unsigned i = 0; i < n; i++) acc[i] += v_load(run->residual + i * V);
        if (p->clamp)
                NN_UNROLL for (unsigned i = 0; i < n; i++) acc[i] = v_min(v_set1(p->hi), v_max(v_set1(p->lo), acc[i]));
        NN_UNROLL for (unsigned i = 0; i < n; i++) v_store(run->y + i * V, acc[i]);
}

/* The range of taps of one axis that fall inside the input when the first one is at @origin. */
static void inside(long origin, unsigned kernel, unsigned dilation, unsigned size, unsigned *ret_first,
                   unsigned *ret_end)
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

/* @stride: 1 or 2 for pixels_3(), 0 for pixels() */
NN_INLINE void pixels_any(const struct nn_depthwise *p, unsigned columns, unsigned stride, const struct run *run)
{
        switch (run->n) {
#define PIXELS_CASE(n)                               \
        case n:                                      \
                if (stride)                          \
                        pixels_3(p, n, stride, run); \
                else                                 \
                        pixels(p, n, columns, run);  \
                break
                PIXELS_CASE(1);
                PIXELS_CASE(2);
                PIXELS_CASE(3);
                PIXELS_CASE(4);
                PIXELS_CASE(5);
                PIXELS_CASE(6);
                PIXELS_CASE(7);
                PIXELS_CASE(8);
#undef PIXELS_CASE
        }
}

NN_INLINE void rows_of(const struct nn_depthwise *p, unsigned columns, unsigned stride, unsigned row, unsigned row_end,
                       const float *x, const float *residual, float *y)
{
        const struct nn_conv_desc *d = p->d;
        unsigned inner, inner_end, unused;

        inner_columns(p, &inner, &inner_end);
        /* runs also take one pixel beyond on either side; what is farther out goes alone */
        unsigned start = inner_end > inner && inner > 0 ? inner - 1 : inner;
        unsigned stop = inner_end > inner && inner_end < p->out_w ? inner_end + 1 : inner_end;

        for (unsigned i = row; i < row_end; i++) {
                long origin = (long)i * d->stride[0] - (long)d->pad[0];
                struct run run;

                inside(origin, d->r, d->dilation[0], d->h, &run.first, &run.end);
                for (unsigned j = 0; j < p->out_w; j += run.n) {
                        long column = (long)j * d->stride[1] - (long)d->pad[1], last;
                        size_t at = ((size_t)i * p->out_w + j) * V;

                        run.residual = residual ? residual + at : NULL;
                        run.y = y + at;
                        if (j < start || j >= stop || run.first == run.end) {
                                border_pixel(p, run.first, run.end, origin, column, x, run.residual, run.y);
                                run.n = 1;
                                continue;
                        }
                        unsigned n_runs = (stop - j + MAX_PIXELS - 1) / MAX_PIXELS;
                        run.n = (stop - j + n_runs - 1) / n_runs;
                        last = column + (long)((run.n - 1) * d->stride[1]);
                        inside(column, columns, d->dilation[1], d->w, &run.left, &unused);
                        inside(last, columns, d->dilation[1], d->w, &unused, &run.right);
                        run.x = x + (origin + (long)(run.first * d->dilation[0])) * (long)(d->w * V) + column * (long)V;
                        pixels_any(p, columns, stride, &run);
                }
        }
}

static void rows(const struct nn_depthwise *p, unsigned row, unsigned end, const float *x, const float *residual,
                 float *y)
{
        bool three = p->d->s == 3 && p->d->dilation[1] == 1;

        if (three && p->d->stride[1] == 1)
                rows_of(p, 3, 1, row, end, x, residual, y);
        else if (three && p->d->stride[1] == 2)
                rows_of(p, 3, 2, row, end, x, residual, y);
        else
                rows_of(p, p->d->s, 0, row, end, x, residual, y);
}

const struct nn_depthwise_ops ISA(nn_depthwise_ops) = { .rows = rows };
