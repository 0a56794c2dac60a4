/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernels that need no preparation: the walk over images, channels and blocks; the arithmetic is in vec.c and
 * map.c. */
#include "config.h"

#include <math.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/kernels/ops.h"

size_t nn_blocked_floats(enum nn_isa isa, size_t n, size_t c, size_t h, size_t w)
{
        size_t b = nn_isa_block(isa), r;

        if (__builtin_add_overflow(c, b - 1, &r))
                return 0;
        r -= r % b;
        if (__builtin_mul_overflow(r, n, &r) || __builtin_mul_overflow(r, h, &r) || __builtin_mul_overflow(r, w, &r))
                return 0;
        return r;
}

static size_t n_blocks(enum nn_isa isa, size_t c)
{
        size_t b = nn_isa_block(isa);

        return (c + b - 1) / b;
}

/* The values of block @i out of @c values: in place where the block is full, else in @tail padded with zeros. */
static const float *block_values(size_t b, size_t i, size_t c, const float *values, float *tail)
{
        if ((i + 1) * b <= c)
                return values + i * b;
        memset(tail, 0, b * sizeof(*tail));
        memcpy(tail, values + i * b, (c - i * b) * sizeof(*tail));
        return tail;
}

bool nn_act_is_clamp(const struct nn_act *act, float *ret_lo, float *ret_hi)
{
        switch (act->kind) {
        case NN_ACT_NONE:
                *ret_lo = -INFINITY;
                *ret_hi = INFINITY;
                return true;
        case NN_ACT_RELU:
                *ret_lo = 0;
                *ret_hi = INFINITY;
                return true;
        case NN_ACT_CLIP:
                *ret_lo = act->a;
                *ret_hi = act->b;
                return true;
        default:
                return false;
        }
}

void nn_act_run(enum nn_isa isa, const struct nn_act *act, enum nn_layout layout, size_t n, size_t c, size_t hw,
                const float *x, float *y)
{
        const struct nn_vec_ops *ops = nn_kernel_ops(isa)->vec;
        size_t b = nn_isa_block(isa), nb = n_blocks(isa, c);
        float tail[NN_MAX_BLOCK];

        if (act->kind != NN_ACT_PRELU) {
                ops->act(act, 0, layout == NN_BLOCKED ? n * nb * b * hw : n * c * hw, x, y);
                return;
        }
        for (size_t i = 0; i < n; i++)
                if (layout == NN_PLAIN)
                        for (size_t j = 0; j < c; j++, x += hw, y += hw)
                                ops->act(act, act->slopes[j], hw, x, y);
                else
                        for (size_t j = 0; j < nb; j++, x += hw * b, y += hw * b)
                                ops->act_block(act, block_values(b, j, c, act->slopes, tail), hw, x, y);
}

void nn_vec_exp(enum nn_isa isa, size_t n, const float *x, float *y)
{
        nn_kernel_ops(isa)->vec->exp(n, x, y);
}

void nn_vec_binary(enum nn_isa isa, enum nn_binary op, bool relu, size_t n, const float *a, const float *b, float *y)
{
        nn_kernel_ops(isa)->vec->binary(op, relu, n, a, b, y);
}

void nn_vec_binary_scalar(enum nn_isa isa, enum nn_binary op, bool swap, size_t n, const float *a, float s, float *y)
{
        nn_kernel_ops(isa)->vec->binary_scalar(op, swap, n, a, s, y);
}

void nn_scale_channels(enum nn_isa isa, enum nn_binary op, enum nn_layout layout, bool per_image, size_t n, size_t c,
                       size_t hw, const float *x, const float *s, float *y)
{
        const struct nn_vec_ops *ops = nn_kernel_ops(isa)->vec;
        size_t b = nn_isa_block(isa), nb = n_blocks(isa, c);

        for (size_t i = 0; i < n; i++)
                if (layout == NN_PLAIN) {
                        const float *values = s + (per_image ? i * c : 0);

                        for (size_t j = 0; j < c; j++, x += hw, y += hw)
                                ops->binary_scalar(op, false, hw, x, values[j], y);
                } else {
                        const float *values = s + (per_image ? i * nb * b : 0);

                        for (size_t j = 0; j < nb; j++, x += hw * b, y += hw * b)
                                ops->binary_block(op, hw, x, values + j * b, y);
                }
}

void nn_pool2d_run(enum nn_isa isa, const struct nn_pool2d_desc *d, const float *x, float *y)
{
        const struct nn_map_ops *ops = nn_kernel_ops(isa)->map;
        size_t b = d->layout == NN_BLOCKED ? nn_isa_block(isa) : 1;
        size_t planes = (size_t)d->n * (d->layout == NN_BLOCKED ? n_blocks(isa, d->c) : d->c);
        size_t in = (size_t)d->h * d->w * b, out = (size_t)d->out_h * d->out_w * b;

        for (size_t i = 0; i < planes; i++, x += in, y += out)
                if (d->layout == NN_BLOCKED)
                        ops->pool2d_block(d, x, y);
                else
                        ops->pool2d_plain(d, x, y);
}

void nn_global_pool(enum nn_isa isa, bool average, enum nn_layout layout, size_t n, size_t c, size_t hw, const float *x,
                    float *y)
{
        const struct nn_map_ops *ops = nn_kernel_ops(isa)->map;
        size_t b = nn_isa_block(isa);

        if (layout == NN_PLAIN)
                for (size_t i = 0; i < n * c; i++, x += hw)
                        y[i] = ops->reduce(average, hw, x);
        else
                for (size_t i = 0; i < n * n_blocks(isa, c); i++, x += hw * b)
                        ops->reduce_block(average, hw, x, y + i * b);
}

void nn_upsample(enum nn_isa isa, enum nn_layout layout, size_t n, size_t c, size_t h, size_t w, size_t factor_h,
                 size_t factor_w, const float *x, float *y)
{
        size_t b = layout == NN_BLOCKED ? nn_isa_block(isa) : 1;
        size_t planes = n * (layout == NN_BLOCKED ? n_blocks(isa, c) : c);

        for (size_t i = 0; i < planes; i++, x += h * w * b, y += h * factor_h * w * factor_w * b)
                if (layout == NN_BLOCKED)
                        nn_kernel_ops(isa)->map->upsample_block(h, w, factor_h, factor_w, x, y);
                else
                        nn_kernel_ops(isa)->map->upsample_plain(h, w, factor_h, factor_w, x, y);
}

size_t nn_resize_scratch_bytes(enum nn_isa isa, const struct nn_resize_desc *d)
{
        return d->rows->second ? 2 * d->out_w * (d->layout == NN_BLOCKED ? nn_isa_block(isa) : 1) * sizeof(float) : 0;
}

/* Input row @row of plane @x, spread */
static void spread_row(enum nn_isa isa, const struct nn_resize_desc *d, size_t row, const float *x, float *y)
{
        const struct nn_resize_ops *ops = nn_kernel_ops(isa)->resize;

        if (d->layout == NN_BLOCKED)
                ops->spread_block(d->columns, d->out_w, x + row * d->w * nn_isa_block(isa), y);
        else
                ops->spread(d->columns, d->out_w, d->w, x + row * d->w, y);
}

static void nearest_plane(enum nn_isa isa, const struct nn_resize_desc *d, size_t width, const float *x, float *y)
{
        const int32_t *first = d->rows->first;

        for (size_t i = 0; i < d->out_h; i++, y += width)
                if (i > 0 && first[i] == first[i - 1])
                        memcpy(y, y - width, width * sizeof(*y));
                else
                        spread_row(isa, d, (size_t)first[i], x, y);
}

/* Each input row is spread once, and kept while the output lies between it and the next. */
static void linear_plane(enum nn_isa isa, const struct nn_resize_desc *d, size_t width, const float *x, float *y,
                         float *room)
{
        int32_t held[2] = { -1, -1 };

        for (size_t i = 0; i < d->out_h; i++, y += width) {
                int32_t wanted[2] = { d->rows->first[i], d->rows->second[i] };
                float weight = d->rows->weight[i], *row[2];

                for (unsigned k = 0; k < 2; k++) {
                        unsigned slot = (unsigned)(wanted[k] % 2); /* neighbours share none */

                        row[k] = room + slot * width;
                        if (held[slot] != wanted[k] && !(k == 1 && weight == 0))
                                spread_row(isa, d, (size_t)(held[slot] = wanted[k]), x, row[k]);
                }
                if (weight == 0)
                        memcpy(y, row[0], width * sizeof(*y));
                else
                        nn_kernel_ops(isa)->resize->blend(width, row[0], row[1], weight, y);
        }
}

void nn_resize_planes(enum nn_isa isa, const struct nn_resize_desc *d, const float *x, float *y, void *scratch)
{
        size_t b = d->layout == NN_BLOCKED ? nn_isa_block(isa) : 1;
        size_t planes = d->n * (d->layout == NN_BLOCKED ? n_blocks(isa, d->c) : d->c);

        for (size_t i = 0; i < planes; i++, x += d->h * d->w * b, y += d->out_h * d->out_w * b)
                if (d->rows->second)
                        linear_plane(isa, d, d->out_w * b, x, y, scratch);
                else
                        nearest_plane(isa, d, d->out_w * b, x, y);
}

void nn_softmax_rows(enum nn_isa isa, size_t rows, size_t columns, const float *x, float *y)
{
        nn_kernel_ops(isa)->vec->softmax_rows(rows, columns, x, y);
}

void nn_to_blocked(enum nn_isa isa, size_t n, size_t c, size_t hw, const float *x, float *y)
{
        size_t b = nn_isa_block(isa);

        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < c; j += b, y += b * hw) {
                        nn_kernel_ops(isa)->map->turn(MIN(b, c - j), hw, x, hw, y, b);
                        x += MIN(b, c - j) * hw;
                }
}

void nn_from_blocked(enum nn_isa isa, size_t n, size_t c, size_t hw, const float *x, float *y)
{
        size_t b = nn_isa_block(isa);

        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < c; j += b, x += b * hw) {
                        nn_kernel_ops(isa)->map->from_block(MIN(b, c - j), hw, x, y);
                        y += MIN(b, c - j) * hw;
                }
}

void nn_lrn(enum nn_isa isa, const struct nn_lrn_desc *d, const float *x, float *y)
{
        const struct nn_lrn_ops *ops = nn_kernel_ops(isa)->lrn;
        size_t image = d->layout == NN_BLOCKED ? nn_blocked_floats(isa, 1, d->c, d->hw, 1) : d->c * d->hw;

        for (size_t i = 0; i < d->n; i++, x += image, y += image)
                if (d->layout == NN_BLOCKED)
                        ops->block(d, x, y);
                else
                        ops->plain(d, x, y);
}
