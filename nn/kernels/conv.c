/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Convolution: checks, the choice of a way, and reorders around it. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/kernels/conv-priv.h"
#include "nn/memory.h"

/* Inputs of fewer channels are read plain: blocks would be mostly empty. */
#define PLAIN_MAX_CHANNELS 4u

static unsigned out_size(unsigned size, unsigned before, unsigned after, unsigned kernel, unsigned dilation,
                         unsigned stride)
{
        uint64_t padded = (uint64_t)size + before + after, reach = (uint64_t)(kernel - 1) * dilation + 1;

        if (!kernel || !stride || padded < reach || padded > INT32_MAX)
                return 0;
        return (unsigned)((padded - reach) / stride + 1);
}

unsigned nn_conv_out_h(const struct nn_conv_desc *d)
{
        return out_size(d->h, d->pad[0], d->pad[2], d->r, d->dilation[0], d->stride[0]);
}

unsigned nn_conv_out_w(const struct nn_conv_desc *d)
{
        return out_size(d->w, d->pad[1], d->pad[3], d->s, d->dilation[1], d->stride[1]);
}

static bool is_depthwise(const struct nn_conv_desc *d)
{
        return d->groups > 1 && d->groups == d->c && d->groups == d->k;
}

static bool mul_fits(size_t a, size_t b, size_t c, size_t d)
{
        size_t r;

        return !__builtin_mul_overflow(a, b, &r) && !__builtin_mul_overflow(r, c, &r) &&
               !__builtin_mul_overflow(r, d, &r) && r <= SIZE_MAX / 64;
}

bool nn_conv_is_valid(enum nn_isa isa, const struct nn_conv_desc *d)
{
        if (!nn_kernel_ops(isa) || !d->n || !d->c || !d->h || !d->w || !d->k || !d->r || !d->s || !d->groups ||
            !d->dilation[0] || !d->dilation[1] || d->c % d->groups || d->k % d->groups)
                return false;
        if (d->c > INT32_MAX || d->k > INT32_MAX || !nn_conv_out_h(d) || !nn_conv_out_w(d))
                return false;
        return mul_fits(d->n, (size_t)d->c + NN_MAX_BLOCK, (size_t)d->h + d->pad[0] + d->pad[2],
                        (size_t)d->w + d->pad[1] + d->pad[3]) &&
               mul_fits(d->n, (size_t)d->k + NN_MAX_BLOCK, nn_conv_out_h(d), nn_conv_out_w(d)) &&
               mul_fits((size_t)d->k + NN_MAX_BLOCK, (size_t)d->c + NN_MAX_BLOCK, d->r, d->s) &&
               (d->act.kind != NN_ACT_PRELU || d->act.slopes) &&
               (d->way <= NN_CONV_DIRECT || (!is_depthwise(d) && nn_conv_winograd_can(d, d->way)));
}

void nn_conv_layouts(enum nn_isa isa, const struct nn_conv_desc *d, enum nn_layout *ret_in, enum nn_layout *ret_out)
{
        *ret_in = d->c <= PLAIN_MAX_CHANNELS && !is_depthwise(d) ? NN_PLAIN : NN_BLOCKED;
        *ret_out = NN_BLOCKED;
}

float *nn_conv_floats(size_t n)
{
        float *p;

        if (n > SIZE_MAX / 64)
                return NULL;
        n = nn_round_up(MAX(n, (size_t)1), 16);
        p = nn_alloc(n * sizeof(float));
        if (p)
                memset(p, 0, n * sizeof(float));
        return p;
}

static const struct nn_conv_way *choose(struct nn_conv *c)
{
        const struct nn_conv_desc *d = &c->d;

        c->out = NN_BLOCKED;
        if (is_depthwise(d)) {
                c->in = NN_BLOCKED;
                return &nn_conv_depthwise;
        }
        if (d->way == NN_CONV_EXPECTED)
                c->tile = nn_conv_winograd_tile(c->isa, d);
        else
                c->tile = d->way == NN_CONV_DIRECT ? 0 : d->way;
        if (c->tile) {
                c->in = NN_BLOCKED;
                return &nn_conv_winograd;
        }
        /* the direct way reads either layout, but a plain one of many channels so slowly that a reorder pays */
        c->in = d->c <= PLAIN_MAX_CHANNELS ? d->in : NN_BLOCKED;
        return &nn_conv_direct;
}

struct pack {
        struct nn_conv *c;
        const float *weights;
};

static void pack_part(void *userdata, unsigned part, unsigned thread)
{
        struct pack *p = userdata;

        p->c->way->pack(p->c, part, p->weights);
}

unsigned nn_conv_ways(enum nn_isa isa, const struct nn_conv_desc *d, unsigned ret[NN_CONV_MAX_WAYS])
{
        unsigned n = 0, expected = is_depthwise(d) ? 0 : nn_conv_winograd_tile(isa, d);

        ret[n++] = expected ? expected : NN_CONV_DIRECT;
        if (is_depthwise(d))
                return n;
        if (expected)
                ret[n++] = NN_CONV_DIRECT;
        for (unsigned tile = NN_WINOGRAD_MIN_TILE; tile <= NN_WINOGRAD_MAX_TILE; tile++)
                if (tile != expected && nn_conv_winograd_can(d, tile))
                        ret[n++] = tile;
        return n;
}

int nn_conv_new(enum nn_isa isa, const struct nn_conv_desc *d, struct nn_conv **ret)
{
        struct nn_conv *c;
        int r;

        if (!nn_conv_is_valid(isa, d))
                return -EINVAL;
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->d = *d;
        c->isa = isa;
        c->ops = nn_kernel_ops(isa);
        c->b = nn_isa_block(isa);
        c->out_h = nn_conv_out_h(d);
        c->out_w = nn_conv_out_w(d);
        c->n_kb = (unsigned)(nn_round_up(d->k, c->b) / c->b);
        c->half_tail = d->k - (c->n_kb - 1) * c->b <= c->b / 2;
        c->clamp = nn_act_is_clamp(&d->act, &c->lo, &c->hi);
        c->way = choose(c);
        r = c->way->prepare(c);
        if (r == 0 && c->n_weights > SIZE_MAX / 64)
                r = -ENOMEM;
        if (r < 0) {
                nn_conv_free(c);
                return r;
        }
        *ret = c;
        return 0;
}

/* Of the packed weights, of one value a channel: whole cache lines. */
static size_t weights_floats(const struct nn_conv *c)
{
        return nn_round_up(c->n_weights, 16);
}

static size_t channel_floats(const struct nn_conv *c)
{
        return nn_round_up((size_t)c->n_kb * c->b, 16);
}

void nn_conv_place(struct nn_conv *c, void *memory)
{
        c->weights = memory;
        c->bias = c->weights + weights_floats(c);
        if (c->d.act.kind == NN_ACT_PRELU)
                c->slopes = c->bias + channel_floats(c);
}

/* One value a channel, and zeros to whole blocks. @from: NULL for zeros alone. */
static void load_channels(const struct nn_conv *c, const float *from, float *to)
{
        memset(to, 0, channel_floats(c) * sizeof(*to));
        if (from)
                memcpy(to, from, c->d.k * sizeof(*to));
}

void nn_conv_load(struct nn_conv *c, void *memory, const float *weights, const float *bias, struct nn_pool *pool)
{
        struct pack p = { .c = c, .weights = weights };

        nn_conv_place(c, memory);
        if (c->sparse)
                memset(c->weights, 0, weights_floats(c) * sizeof(float));
        load_channels(c, bias, c->bias);
        if (c->slopes)
                load_channels(c, c->d.act.slopes, c->slopes);
        c->d.act.slopes = NULL;
        nn_pool_run(pool, c->n_packs, pack_part, &p);
}

int nn_conv_prepare(enum nn_isa isa, const struct nn_conv_desc *d, const float *weights, const float *bias,
                    struct nn_conv **ret)
{
        struct nn_conv *c;
        int r = nn_conv_new(isa, d, &c);

        if (r < 0)
                return r;
        c->owned = nn_conv_floats(nn_conv_packed_bytes(c) / sizeof(float));
        if (!c->owned) {
                nn_conv_free(c);
                return -ENOMEM;
        }
        nn_conv_load(c, c->owned, weights, bias, NULL);
        *ret = c;
        return 0;
}

struct nn_conv *nn_conv_free(struct nn_conv *c)
{
        if (!c)
                return NULL;
        free(c->units);
        free(c->owned);
        free(c);
        return NULL;
}

const char *nn_conv_name(const struct nn_conv *c)
{
        return c->name;
}

size_t nn_conv_packed_bytes(const struct nn_conv *c)
{
        return (weights_floats(c) + (c->d.act.kind == NN_ACT_PRELU ? 2 : 1) * channel_floats(c)) * sizeof(float);
}

void nn_conv_finish(const struct nn_conv *c, unsigned block, size_t pixels, float *y)
{
        if (!c->clamp)
                c->ops->vec->act_block(&c->d.act, c->slopes ? c->slopes + (size_t)block * c->b : NULL, pixels, y, y);
}

/* Floats of the caller's tensors in the way's layout, if they need a reorder; else 0. */
static size_t reorder_in(const struct nn_conv *c)
{
        const struct nn_conv_desc *d = &c->d;

        if (c->in == d->in)
                return 0;
        return nn_round_up(c->in == NN_BLOCKED ? nn_blocked_floats(c->isa, d->n, d->c, d->h, d->w)
                                               : (size_t)d->n * d->c * d->h * d->w,
                           16);
}

static size_t reorder_out(const struct nn_conv *c)
{
        return c->out == c->d.out ? 0 : nn_round_up(nn_blocked_floats(c->isa, c->d.n, c->d.k, c->out_h, c->out_w), 16);
}

size_t nn_conv_scratch_bytes(const struct nn_conv *c, unsigned threads)
{
        return (reorder_in(c) + reorder_out(c)) * sizeof(float) + c->way->scratch_bytes(c, MAX(threads, 1u));
}

void nn_conv_run(const struct nn_conv *c, const float *x, const float *residual, float *y, void *scratch,
                 struct nn_pool *pool)
{
        const struct nn_conv_desc *d = &c->d;
        size_t in = reorder_in(c), out = reorder_out(c), out_hw = (size_t)c->out_h * c->out_w;
        float *x2 = scratch, *y2 = x2 + in;
        struct nn_conv_call call = { .x = x, .y = y, .scratch = y2 + out, .pool = pool };

        if (in) {
                if (c->in == NN_BLOCKED)
                        nn_to_blocked(c->isa, d->n, d->c, (size_t)d->h * d->w, x, x2);
                else
                        nn_from_blocked(c->isa, d->n, d->c, (size_t)d->h * d->w, x, x2);
                call.x = x2;
        }
        if (d->residual)
                call.residual = residual;
        if (out) {
                call.y = y2;
                if (d->residual) {
                        nn_to_blocked(c->isa, d->n, d->k, out_hw, residual, y2);
                        call.residual = y2;
                }
        }
        c->way->run(c, &call);
        if (out)
                nn_from_blocked(c->isa, d->n, d->k, out_hw, y2, y);
}
