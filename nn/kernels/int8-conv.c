/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Convolution on bytes. As conv-direct.c: padding is made real in a copy of the input, filled with the byte that
 * stands for zero, so that the products with that byte are one constant for each output.
 */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/kernels/conv-priv.h"
#include "nn/kernels/int8-ops.h"

struct nn_conv8 {
        struct nn_conv_desc d;
        const struct nn_int8_ops *ops;
        bool depthwise, x_signed, copied;
        uint8_t x_zero;
        unsigned out_h, out_w, n_kb;
        unsigned rows, columns; /* of the output as the tiles see it: 1x1 kernels see one long row */
        unsigned tile_rows, tile_columns;
        enum nn_step8 step;
        size_t frame_h, frame_w, pixel, planes;
        struct nn_tile8 tile; /* what all tiles share */
        size_t unit_bytes;    /* weights of nn_int8_ops.max_blocks output blocks */
        unsigned char *weights;
        size_t weight_bytes;
        int32_t *start;
        float *mul, *add;
        char name[48];
};

static bool desc_is_valid(const struct nn_conv8_desc *q)
{
        const struct nn_conv_desc *d = &q->d;
        bool depthwise = d->groups > 1 && d->groups == d->c && d->groups == d->k;
        size_t taps, r;

        if (!d->n || !d->c || !d->h || !d->w || !d->k || !d->r || !d->s || !d->dilation[0] || !d->dilation[1] ||
            !nn_conv_out_h(d) || !nn_conv_out_w(d) || (d->groups != 1 && !depthwise) || d->out != NN_BLOCKED)
                return false;
        if (d->in == NN_PLAIN && (d->c > NN_CONV8_PLAIN_CHANNELS || depthwise))
                return false;
        if (d->act.kind != NN_ACT_NONE && d->act.kind != NN_ACT_RELU && d->act.kind != NN_ACT_CLIP)
                return false;
        if (__builtin_mul_overflow((size_t)d->r, (size_t)d->s, &taps) ||
            __builtin_mul_overflow(taps, (size_t)d->c / d->groups, &taps) || taps > NN_CONV8_MAX_TAPS)
                return false;
        return !__builtin_mul_overflow((size_t)d->h + d->pad[0] + d->pad[2], (size_t)d->w + d->pad[1] + d->pad[3] + 4,
                                       &r) &&
               nn_byte_blocks(1, d->c, r, 1) && nn_byte_blocks(d->n, d->k, nn_conv_out_h(d), nn_conv_out_w(d)) &&
               nn_byte_blocks(d->n, d->c, d->h, d->w) && !__builtin_mul_overflow(taps, ((size_t)d->k + 32) * 16, &r);
}

/* The order of the sums, and how the tiles walk over the input. */
static void set_walk(struct nn_conv8 *c)
{
        const struct nn_conv_desc *d = &c->d;
        struct nn_tile8 *t = &c->tile;
        size_t row = c->frame_w * c->pixel;

        t->n_r = d->r;
        t->x_outer = c->frame_h * row;
        t->x_r = d->dilation[0] * row;
        t->x_row = d->stride[0] * row;
        t->x_step = d->stride[1] * c->pixel;
        t->y_block = (size_t)c->out_h * c->out_w * NN_BYTE_BLOCK;
        if (d->in == NN_BLOCKED) {
                t->n_outer = (unsigned)c->planes;
                t->groups = NN_BYTE_BLOCK / 4;
                t->last_groups = (d->c - (t->n_outer - 1) * NN_BYTE_BLOCK + 3) / 4;
                t->n_s = d->s;
                t->x_s = d->dilation[1] * NN_BYTE_BLOCK;
                c->step = d->stride[1] == 1 ? NN_STEP8_BLOCK : d->stride[1] == 2 ? NN_STEP8_2_BLOCKS : NN_STEP8_ANY;
        } else {
                /* four taps of a row at a time, where they lie beside each other */
                t->n_outer = d->c;
                t->groups = t->last_groups = 1;
                t->n_s = d->dilation[1] == 1 ? (d->s + 3) / 4 : d->s;
                t->x_s = d->dilation[1] == 1 ? 4 : d->dilation[1];
                c->step = d->stride[1] == 1 ? NN_STEP8_1 : d->stride[1] == 2 ? NN_STEP8_2 : NN_STEP8_ANY;
        }
}

static int8_t weight_at(const struct nn_conv8 *c, const int8_t *w, unsigned k, unsigned ch, unsigned r, unsigned s)
{
        const struct nn_conv_desc *d = &c->d;

        return k < d->k && ch < d->c && s < d->s ? w[(((size_t)k * d->c + ch) * d->r + r) * d->s + s] : 0;
}

static void pack_unit(struct nn_conv8 *c, const int8_t *weights, unsigned block, unsigned n_blocks, int8_t *to)
{
        const struct nn_tile8 *t = &c->tile;
        unsigned width = n_blocks * NN_BYTE_BLOCK, first = block * NN_BYTE_BLOCK;
        bool blocked = c->d.in == NN_BLOCKED, beside = c->d.dilation[1] == 1;

        for (unsigned o = 0; o < t->n_outer; o++)
                for (unsigned r = 0; r < t->n_r; r++)
                        for (unsigned s = 0; s < t->n_s; s++)
                                for (unsigned g = 0; g < (o + 1 < t->n_outer ? t->groups : t->last_groups); g++)
                                        for (unsigned i = 0; i < width * 4; i++) {
                                                unsigned k = first + i / 4, b = i % 4;

                                                if (blocked)
                                                        *to++ = weight_at(c, weights, k, o * NN_BYTE_BLOCK + g * 4 + b,
                                                                          r, s);
                                                else if (beside)
                                                        *to++ = weight_at(c, weights, k, o, r, s * 4 + b);
                                                else
                                                        *to++ = b ? 0 : weight_at(c, weights, k, o, r, s);
                                        }
}

static int pack(struct nn_conv8 *c, const int8_t *weights)
{
        const struct nn_tile8 *t = &c->tile;
        unsigned max = c->ops->max_blocks;
        size_t groups = (size_t)(t->n_outer - 1) * t->groups + t->last_groups;

        if (c->depthwise) {
                int32_t *w = (int32_t *)(void *)nn_conv_floats((size_t)c->n_kb * NN_BYTE_BLOCK * c->d.r * c->d.s);
                size_t taps = (size_t)c->d.r * c->d.s;

                if (!w)
                        return -ENOMEM;
                c->weights = (unsigned char *)w;
                c->unit_bytes = taps * NN_BYTE_BLOCK * sizeof(*w);
                c->weight_bytes = c->n_kb * c->unit_bytes;
                for (unsigned k = 0; k < c->d.k; k++)
                        for (size_t i = 0; i < taps; i++)
                                w[(k / NN_BYTE_BLOCK * taps + i) * NN_BYTE_BLOCK + k % NN_BYTE_BLOCK] =
                                        weights[k * taps + i];
                return 0;
        }
        c->unit_bytes = groups * t->n_r * t->n_s * max * NN_BYTE_BLOCK * 4;
        c->weight_bytes = (c->n_kb + max - 1) / max * c->unit_bytes;
        c->weights = (unsigned char *)nn_conv_floats(c->weight_bytes / sizeof(float) + 1);
        if (!c->weights)
                return -ENOMEM;
        for (unsigned block = 0; block < c->n_kb; block += max)
                pack_unit(c, weights, block, MIN(max, c->n_kb - block),
                          (int8_t *)c->weights + block / max * c->unit_bytes);
        return 0;
}

/* What turns sums into bytes, for each output. */
static int set_outputs(struct nn_conv8 *c, const struct nn_conv8_desc *q, const int8_t *weights, const float *bias)
{
        size_t n = (size_t)c->n_kb * NN_BYTE_BLOCK, per_k = (size_t)c->d.c / c->d.groups * c->d.r * c->d.s;
        /* the depthwise kernel reads bytes as they are */
        int offset = c->depthwise ? 0 : c->ops->offset;
        float base = 0, least = (float)-q->y.zero, most = (float)(255 - q->y.zero);

        c->start = (int32_t *)(void *)nn_conv_floats(n);
        c->mul = nn_conv_floats(n);
        c->add = nn_conv_floats(n);
        if (!c->start || !c->mul || !c->add)
                return -ENOMEM;
        if (c->d.residual) {
                c->tile.r_mul = q->residual.scale / q->y.scale;
                base = -(float)q->residual.zero * c->tile.r_mul;
        }
        for (unsigned k = 0; k < c->d.k; k++) {
                int32_t sum = 0;

                for (size_t i = 0; i < per_k; i++)
                        sum += weights[k * per_k + i];
                c->start[k] = (offset - q->x.zero) * sum;
                c->mul[k] = q->x.scale * q->w_scales[k] / q->y.scale;
                c->add[k] = base + (bias ? bias[k] / q->y.scale : 0);
        }
        c->tile.zero = q->y.zero;
        c->tile.lo = least;
        c->tile.hi = most;
        if (c->d.act.kind == NN_ACT_RELU)
                c->tile.lo = 0;
        if (c->d.act.kind == NN_ACT_CLIP) {
                c->tile.lo = fminf(fmaxf(c->d.act.a / q->y.scale, least), most);
                c->tile.hi = fminf(fmaxf(c->d.act.b / q->y.scale, c->tile.lo), most);
        }
        return 0;
}

/* The widest tile of at most @want pixels of @rows rows; 0 if there is none. */
static unsigned widest(const struct nn_conv8 *c, unsigned rows, unsigned blocks, unsigned want)
{
        unsigned n = MIN(want, (unsigned)NN_TILE8_MAX_PIXELS);

        while (n && !c->ops->tile[c->step][rows - 1][blocks - 1][n - 1])
                n--;
        return n;
}

/* Loads and products of all tiles of a unit, tiles of @rows rows and at most @columns pixels a row. */
static size_t tiles_cost(const struct nn_conv8 *c, unsigned rows, unsigned columns)
{
        unsigned blocks = MIN(c->ops->max_blocks, c->n_kb);
        size_t cost = 0;

        for (unsigned i = 0; i < c->rows; i += rows)
                for (unsigned j = 0, r = MIN(rows, c->rows - i), n; j < c->columns; j += n) {
                        n = widest(c, r, blocks, MIN(columns, c->columns - j));
                        if (!n)
                                return SIZE_MAX;
                        /* a short tile waits for its own sums */
                        cost += MAX((size_t)r * n * (blocks + 1) + blocks, (size_t)12);
                }
        return cost;
}

static void choose_tile(struct nn_conv8 *c)
{
        const struct nn_conv_desc *d = &c->d;
        size_t best = SIZE_MAX;

        c->rows = c->out_h;
        c->columns = c->out_w;
        if (d->r == 1 && d->s == 1 && d->stride[0] == 1 && d->stride[1] == 1 && !c->copied && d->in == NN_BLOCKED) {
                c->columns *= c->rows;
                c->rows = 1;
        }
        c->tile.y_row = (size_t)c->columns * NN_BYTE_BLOCK;
        for (unsigned r = NN_TILE8_MAX_ROWS; r >= 1; r--)
                for (unsigned n = NN_TILE8_MAX_PIXELS; n >= 1; n--) {
                        size_t cost = widest(c, r, 1, n) == n ? tiles_cost(c, r, n) : SIZE_MAX;

                        if (cost < best) {
                                best = cost;
                                c->tile_rows = r;
                                c->tile_columns = n;
                        }
                        /* a large picture costs the same a row */
                        if (c->rows > 64)
                                break;
                }
        if (best == SIZE_MAX) {
                c->tile_rows = 1;
                c->tile_columns = NN_TILE8_MAX_PIXELS;
        }
}

int nn_conv8_prepare(enum nn_dot dot, const struct nn_conv8_desc *q, const int8_t *weights, const float *bias,
                     struct nn_conv8 **ret)
{
        const struct nn_conv_desc *d = &q->d;
        struct nn_conv8 *c;
        int r;

        if (!nn_int8_ops(dot) || !desc_is_valid(q))
                return -EINVAL;
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->d = *d;
        c->ops = nn_int8_ops(dot);
        c->depthwise = d->groups > 1;
        c->x_signed = q->x_signed;
        c->x_zero = (uint8_t)q->x.zero;
        c->out_h = nn_conv_out_h(d);
        c->out_w = nn_conv_out_w(d);
        c->n_kb = (unsigned)(nn_round_up(d->k, NN_BYTE_BLOCK) / NN_BYTE_BLOCK);
        /* plain rows are read four bytes at a time: a copy leaves room behind them */
        c->copied = d->pad[0] || d->pad[1] || d->pad[2] || d->pad[3] || d->in == NN_PLAIN;
        c->frame_h = (size_t)d->h + d->pad[0] + d->pad[2];
        c->frame_w = (size_t)d->w + d->pad[1] + d->pad[3];
        c->pixel = d->in == NN_BLOCKED ? NN_BYTE_BLOCK : 1;
        c->planes = d->in == NN_BLOCKED ? nn_round_up(d->c, NN_BYTE_BLOCK) / NN_BYTE_BLOCK : d->c;
        set_walk(c);
        r = pack(c, weights);
        if (r == 0)
                r = set_outputs(c, q, weights, bias);
        if (r < 0) {
                nn_conv8_free(c);
                return r;
        }
        choose_tile(c);
        snprintf(c->name, sizeof(c->name), "int8 %s%ux%u%s", c->depthwise ? "depthwise " : "", d->r, d->s,
                 d->in == NN_PLAIN ? " plain" : "");
        *ret = c;
        return 0;
}

struct nn_conv8 *nn_conv8_free(struct nn_conv8 *c)
{
        if (!c)
                return NULL;
        free(c->weights);
        free(c->start);
        free(c->mul);
        free(c->add);
        free(c);
        return NULL;
}

const char *nn_conv8_name(const struct nn_conv8 *c)
{
        return c->name;
}

size_t nn_conv8_packed_bytes(const struct nn_conv8 *c)
{
        return c->weight_bytes + 3 * sizeof(float) * c->n_kb * NN_BYTE_BLOCK;
}

static size_t frame_bytes(const struct nn_conv8 *c)
{
        return c->copied ? nn_round_up(c->planes * c->frame_h * c->frame_w * c->pixel + 4, 64) : 0;
}

size_t nn_conv8_scratch_bytes(const struct nn_conv8 *c)
{
        return frame_bytes(c);
}

struct image {
        const struct nn_conv8 *c;
        const uint8_t *x, *residual;
        uint8_t *y, *frame;
        unsigned n_units, n_chunks;
};

static void copy_part(void *userdata, unsigned part, unsigned thread)
{
        const struct image *im = userdata;
        const struct nn_conv8 *c = im->c;
        const struct nn_conv_desc *d = &c->d;
        size_t row = d->w * c->pixel, full = c->frame_w * c->pixel, left = d->pad[1] * c->pixel;
        const uint8_t *x = im->x + part * d->h * row;
        uint8_t *to = im->frame + part * c->frame_h * full;

        memset(to, c->x_zero, d->pad[0] * full);
        to += d->pad[0] * full;
        for (unsigned i = 0; i < d->h; i++, x += row, to += full) {
                memset(to, c->x_zero, left);
                memcpy(to + left, x, row);
                for (size_t j = 0; c->x_signed && j < row; j++)
                        to[left + j] ^= 0x80;
                memset(to + left + row, c->x_zero, full - left - row);
        }
        /* and what a plain row's last reads go past the end */
        memset(to, c->x_zero, d->pad[2] * full + (part + 1 == c->planes ? 4 : 0));
}

static void depthwise_rows(const struct image *im, unsigned block, struct nn_tile8 *t, const uint8_t *x, unsigned row,
                           unsigned end)
{
        const struct nn_conv8 *c = im->c;

        x += block * t->x_outer;
        for (; row < end; row++) {
                size_t at = block * t->y_block + row * t->y_row;

                t->x = x + row * t->x_row;
                t->y = im->y + at;
                t->residual = im->residual ? im->residual + at : NULL;
                c->ops->depthwise(t, c->columns);
        }
}

static void tile_rows(const struct image *im, unsigned block, unsigned blocks, struct nn_tile8 *t, const uint8_t *x,
                      unsigned row, unsigned end)
{
        const struct nn_conv8 *c = im->c;

        for (unsigned rows; row < end; row += rows) {
                rows = MIN(c->tile_rows, end - row);
                for (unsigned j = 0, n; j < c->columns; j += n) {
                        size_t at = block * t->y_block + row * t->y_row + (size_t)j * NN_BYTE_BLOCK;

                        n = widest(c, rows, blocks, MIN(c->tile_columns, c->columns - j));
                        t->x = x + row * t->x_row + j * t->x_step;
                        t->y = im->y + at;
                        t->residual = im->residual ? im->residual + at : NULL;
                        c->ops->tile[c->step][rows - 1][blocks - 1][n - 1](t);
                }
        }
}

static void run_part(void *userdata, unsigned part, unsigned thread)
{
        const struct image *im = userdata;
        const struct nn_conv8 *c = im->c;
        unsigned unit = part / im->n_chunks, chunk = part % im->n_chunks, max = c->depthwise ? 1 : c->ops->max_blocks;
        unsigned block = unit * max, strips = (c->rows + c->tile_rows - 1) / c->tile_rows;
        unsigned row = strips * chunk / im->n_chunks * c->tile_rows;
        unsigned end = MIN(strips * (chunk + 1) / im->n_chunks * c->tile_rows, c->rows);
        struct nn_tile8 t = c->tile;
        const uint8_t *x = c->copied ? im->frame : im->x;

        t.w = c->weights + unit * c->unit_bytes;
        t.start = c->start + block * NN_BYTE_BLOCK;
        t.mul = c->mul + block * NN_BYTE_BLOCK;
        t.add = c->add + block * NN_BYTE_BLOCK;
        if (c->depthwise)
                depthwise_rows(im, block, &t, x, row, end);
        else
                tile_rows(im, block, MIN(max, c->n_kb - block), &t, x, row, end);
}

void nn_conv8_run(const struct nn_conv8 *c, const uint8_t *x, const uint8_t *residual, uint8_t *y, void *scratch,
                  struct nn_pool *pool)
{
        unsigned max = c->depthwise ? 1 : c->ops->max_blocks, threads = nn_pool_threads(pool);
        size_t in = c->planes * c->d.h * c->d.w * c->pixel;
        size_t out = (size_t)c->n_kb * NN_BYTE_BLOCK * c->out_h * c->out_w;
        struct image im = { .c = c, .frame = scratch, .n_units = (c->n_kb + max - 1) / max, .n_chunks = 1 };
        unsigned strips = (c->rows + c->tile_rows - 1) / c->tile_rows;

        if (threads > 1 && im.n_units < 4 * threads)
                im.n_chunks = MAX(MIN(4 * threads / im.n_units, strips), 1u);
        for (unsigned i = 0; i < c->d.n; i++) {
                im.x = x + i * in;
                im.y = y + i * out;
                im.residual = c->d.residual ? residual + i * out : NULL;
                if (c->copied)
                        nn_pool_run(pool, (unsigned)c->planes, copy_part, &im);
                nn_pool_run(pool, im.n_units * im.n_chunks, run_part, &im);
        }
}
