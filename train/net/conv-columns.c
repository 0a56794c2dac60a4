/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The gradient of a kernel's weights as a product of two matrices, at any stride and dilation (im2col; Chellapilla,
 * Puri & Simard 2006): a row for each pixel of the output, of its gradient, [filters], and of what all taps see of the
 * input there, [taps, channels]. Channels are taken CONV_P at a time, and rows are laid out as many at a time as the
 * products handle together, so that they are read from the cache.
 */
#include <stdlib.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/kernels/ops.h"
#include "train/net/conv.h"

struct conv_columns {
        enum nn_isa isa;
        size_t filters;  /* rounded up for the products */
        size_t h, w;     /* of the padded input */
        size_t row;      /* floats of what the taps see of one slice: taps * CONV_P */
        unsigned slices; /* of the channels of the input, CONV_P in each */
        unsigned chunks; /* of the batch, each with its own sums: as many parts as keep all threads busy */
};

/* Where vectors would mostly hold nothing, planes are the way. */
static bool is_possible(const struct layer *l, const struct conv *c)
{
        return c->groups == 1 && conv_round_up(l->in.c) <= 2 * l->in.c && conv_round_up(l->out.c) <= 2 * l->out.c;
}

/* Floats of the output's gradient of one picture; of the sums of one slice and chunk. */
static size_t gradient_floats(const struct layer *l, const struct conv_columns *cc)
{
        return (size_t)l->out.h * l->out.w * cc->filters;
}

static size_t sums_floats(const struct conv_columns *cc)
{
        return cc->filters * cc->row;
}

/* Of one slice of a picture. */
static size_t padded_floats(const struct conv_columns *cc)
{
        return cc->h * cc->w * CONV_P;
}

int conv_columns_new(struct net *net, const struct layer *l, struct conv_columns **ret)
{
        const struct conv *c = l->state;
        struct conv_columns *cc;

        *ret = NULL;
        if (!is_possible(l, c))
                return 0;
        cc = calloc(1, sizeof(*cc));
        if (!cc)
                return -ENOMEM;
        cc->isa = nn_isa_best();
        cc->filters = conv_round_up(l->out.c);
        cc->h = l->in.h + c->pad_top + c->pad_bottom;
        cc->w = l->in.w + c->pad_left + c->pad_right;
        cc->row = (size_t)c->kernel_h * c->kernel_w * CONV_P;
        cc->slices = (unsigned)(conv_round_up(l->in.c) / CONV_P);
        cc->chunks = MAX(NET_PARTS / cc->slices, 1u);
        net_need_scratch(net, net->max_batch * gradient_floats(l, cc) + cc->chunks * cc->slices * sums_floats(cc),
                         padded_floats(cc) + CONV_P * (size_t)l->in.h * l->in.w + CONV_ROWS * cc->row);
        *ret = cc;
        return 0;
}

struct conv_columns *conv_columns_free(struct conv_columns *cc)
{
        free(cc);
        return NULL;
}

struct job {
        const struct conv_columns *cc;
        struct net *net;
        const struct layer *layer;
        float *dy;   /* [picture][pixel][filter] */
        float *sums; /* [chunk][slice][filter][tap][channel of the slice] */
};

/* @channels <= CONV_P planes of @n values, @plane apart, to n pixels @pixel apart; channels up to CONV_P become 0. */
static void turn(const struct conv_columns *cc, size_t channels, size_t n, const float *x, size_t plane, float *to,
                 size_t pixel)
{
        size_t block = nn_isa_block(cc->isa);

        for (size_t i = 0; i < CONV_P; i += block, x += block * plane)
                nn_kernel_ops(cc->isa)->map->turn(i < channels ? MIN(block, channels - i) : 0, n, x, plane, to + i,
                                                  pixel);
}

/* Part: the output's gradient of one picture. */
static void gradient_part(void *userdata, unsigned image, unsigned thread)
{
        const struct job *j = userdata;
        struct shape out = j->layer->out;
        size_t pixels = (size_t)out.h * out.w;
        const float *dy = j->layer->dy + image * shape_size(out);
        float *to = j->dy + image * gradient_floats(j->layer, j->cc);

        for (size_t k = 0; k < out.c; k += CONV_P)
                turn(j->cc, MIN((size_t)CONV_P, out.c - k), pixels, dy + k * pixels, pixels, to + k, j->cc->filters);
}

/* One slice of a picture's channels by way of @flat, as padded pixels of CONV_P values. The padding of @to is zero. */
static void lay_out_input(const struct job *j, size_t image, size_t slice, float *flat, float *to)
{
        const struct conv *c = j->layer->state;
        struct shape in = j->layer->in;
        size_t plane = (size_t)in.h * in.w, first = slice * CONV_P;
        const float *x = j->layer->inputs[0]->y + image * shape_size(in) + first * plane;

        turn(j->cc, MIN((size_t)CONV_P, in.c - first), plane, x, plane, flat, CONV_P);
        to += (c->pad_top * j->cc->w + c->pad_left) * CONV_P;
        for (unsigned y = 0; y < in.h; y++, flat += in.w * CONV_P, to += j->cc->w * CONV_P)
                memcpy(to, flat, in.w * CONV_P * sizeof(*to));
}

/* What the taps see of the padded input @x for @n pixels of the output from @pixel on. */
static void lay_out_columns(const struct job *j, const float *x, size_t pixel, size_t n, float *to)
{
        const struct conv *c = j->layer->state;
        size_t line = j->cc->w * CONV_P, step = c->dilation * CONV_P, width = j->layer->out.w;

        for (; n > 0; n--, pixel++) {
                const float *from = x + pixel / width * c->stride * line + pixel % width * c->stride * CONV_P;

                for (unsigned r = 0; r < c->kernel_h; r++, from += c->dilation * line)
                        for (unsigned s = 0; s < c->kernel_w; s++, to += CONV_P)
                                memcpy(to, from + s * step, CONV_P * sizeof(float));
        }
}

/* Part: one slice of the channels of one chunk of the batch. */
static void sum_part(void *userdata, unsigned part, unsigned thread)
{
        const struct job *j = userdata;
        const struct conv_columns *cc = j->cc;
        size_t pixels = (size_t)j->layer->out.h * j->layer->out.w, image, end;
        float *x = j->net->scratch[thread], *columns = x + padded_floats(cc);
        float *flat = columns + CONV_ROWS * cc->row;
        float *sums = j->sums + part * sums_floats(cc);

        memset(sums, 0, sums_floats(cc) * sizeof(*sums));
        memset(x, 0, padded_floats(cc) * sizeof(*x));
        net_part(j->net->n, cc->chunks, part / cc->slices, &image, &end);
        for (; image < end; image++) {
                const float *dy = j->dy + image * gradient_floats(j->layer, cc);

                lay_out_input(j, image, part % cc->slices, flat, x);
                for (size_t p = 0; p < pixels; p += CONV_ROWS) {
                        size_t n = MIN((size_t)CONV_ROWS, pixels - p);

                        lay_out_columns(j, x, p, n, columns);
                        j->net->kernels->outer_products(dy + p * cc->filters, cc->filters, columns, cc->row, n, sums);
                }
        }
}

/* The taps of one filter for one channel, from all chunks. */
static void add_up(const struct job *j, size_t filter, size_t channel, float *dw)
{
        const struct conv_columns *cc = j->cc;
        const float *sums = j->sums + (channel / CONV_P * cc->filters + filter) * cc->row + channel % CONV_P;

        for (size_t tap = 0; tap < cc->row / CONV_P; tap++, sums += CONV_P) {
                float sum = 0;

                for (size_t chunk = 0; chunk < cc->chunks; chunk++)
                        sum += sums[chunk * cc->slices * sums_floats(cc)];
                dw[tap] = sum;
        }
}

static void write_part(void *userdata, unsigned part, unsigned thread)
{
        const struct job *j = userdata;
        size_t channels = j->layer->in.c, taps = j->cc->row / CONV_P, filter, end;

        net_part(j->layer->out.c, NET_PARTS, part, &filter, &end);
        for (; filter < end; filter++)
                for (size_t channel = 0; channel < channels; channel++)
                        add_up(j, filter, channel,
                               j->net->g + j->layer->weight.at + (filter * channels + channel) * taps);
}

void conv_columns_weight_gradient(const struct conv_columns *cc, struct net *net, const struct layer *l)
{
        struct job j = { .cc = cc, .net = net, .layer = l, .dy = net->shared };

        j.sums = j.dy + net->max_batch * gradient_floats(l, cc);
        nn_pool_run(net->pool, net->n, gradient_part, &j);
        nn_pool_run(net->pool, cc->chunks * cc->slices, sum_part, &j);
        nn_pool_run(net->pool, NET_PARTS, write_part, &j);
}
