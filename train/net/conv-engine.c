/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "basic/macro.h"
#include "nn/kernels/conv.h"
#include "train/net/conv.h"
#include "train/net/vec.h"

/* Pixels of one run, at least, where the batch has them: small maps fill the kernels' tiles only together. */
#define RUN_PIXELS 512u

struct conv_engine {
        struct nn_conv *conv;
        unsigned images; /* of one run; divides the batch */
        size_t in, out;  /* floats of one picture */
        size_t scratch;  /* floats of one run, without the sums that are added afterwards */
        size_t packed;   /* floats of the packed weights: in net->shared, as every run packs them anew */
};

/* Grouped convolutions are left to the planes, which have a way of their own for groups of few channels. */
static bool is_possible(const struct conv *c)
{
        return c->groups == 1;
}

/* @d: of one picture */
static int new_engine(struct net *net, struct nn_conv_desc d, struct conv_engine **ret)
{
        struct conv_engine *e = calloc(1, sizeof(*e));
        unsigned pixels = nn_conv_out_h(&d) * nn_conv_out_w(&d);
        int r;

        if (!e)
                return -ENOMEM;
        for (e->images = 1; e->images * pixels < RUN_PIXELS && net->max_batch % (2 * e->images) == 0;)
                e->images *= 2;
        d.n = e->images;
        r = nn_conv_new(nn_isa_best(), &d, &e->conv);
        if (r < 0) {
                conv_engine_free(e);
                return r;
        }
        e->in = (size_t)d.c * d.h * d.w;
        e->out = (size_t)d.k * pixels;
        e->packed = nn_conv_packed_bytes(e->conv) / sizeof(float);
        e->scratch = (nn_conv_scratch_bytes(e->conv, 1) / sizeof(float) + 15) / 16 * 16;
        *ret = e;
        return 0;
}

int conv_engine_new_output(struct net *net, const struct layer *l, struct conv_engine **ret)
{
        const struct conv *c = l->state;
        struct nn_conv_desc d = {
                .n = 1,
                .c = l->in.c,
                .h = l->in.h,
                .w = l->in.w,
                .k = c->filters,
                .r = c->kernel_h,
                .s = c->kernel_w,
                .stride = { c->stride, c->stride },
                .pad = { c->pad_top, c->pad_left, c->pad_bottom, c->pad_right },
                .dilation = { c->dilation, c->dilation },
                .groups = c->groups,
        };
        int r;

        *ret = NULL;
        if (!is_possible(c))
                return 0;
        r = new_engine(net, d, ret);
        if (r >= 0)
                net_need_scratch(net, (*ret)->packed, (*ret)->scratch);
        return r;
}

/* The turned weights lie in net->shared before the packed ones. */
static size_t turned_floats(const struct layer *l)
{
        return (l->weight.n + 15) / 16 * 16;
}

int conv_engine_new_input_gradient(struct net *net, const struct layer *l, struct conv_engine **ret)
{
        const struct conv *c = l->state;
        unsigned reach_h = (c->kernel_h - 1) * c->dilation, reach_w = (c->kernel_w - 1) * c->dilation;
        struct nn_conv_desc d = {
                .n = 1,
                .c = l->out.c,
                .h = l->out.h,
                .w = l->out.w,
                .k = l->in.c,
                .r = c->kernel_h,
                .s = c->kernel_w,
                .stride = { 1, 1 },
                .pad = { reach_h - c->pad_top, reach_w - c->pad_left, reach_h - c->pad_bottom, reach_w - c->pad_right },
                .dilation = { c->dilation, c->dilation },
                .groups = 1,
        };
        int r;

        *ret = NULL;
        if (!is_possible(c) || c->stride != 1 || c->pad_top > reach_h || c->pad_bottom > reach_h ||
            c->pad_left > reach_w || c->pad_right > reach_w)
                return 0;
        r = new_engine(net, d, ret);
        if (r >= 0)
                net_need_scratch(net, turned_floats(l) + (*ret)->packed,
                                 (*ret)->scratch + (*ret)->images * (*ret)->out);
        return r;
}

struct conv_engine *conv_engine_free(struct conv_engine *e)
{
        if (!e)
                return NULL;
        nn_conv_free(e->conv);
        free(e);
        return NULL;
}

struct run {
        const struct conv_engine *e;
        struct net *net;
        const float *x;
        float *y;
        bool add;
};

static void run_part(void *userdata, unsigned part, unsigned thread)
{
        const struct run *run = userdata;
        const struct conv_engine *e = run->e;
        const float *x = run->x + (size_t)part * e->images * e->in;
        float *y = run->y + (size_t)part * e->images * e->out, *scratch = run->net->scratch[thread];
        float *sums = scratch + e->scratch;

        nn_conv_run(e->conv, x, NULL, run->add ? sums : y, scratch, NULL);
        if (run->add)
                vec_add(sums, e->images * e->out, true, y);
}

/* A batch that is not full is rounded up to whole runs: what lies behind its pictures is memory of the batch. */
static void run_batch(const struct conv_engine *e, struct net *net, const float *x, bool add, float *y)
{
        struct run run = { .e = e, .net = net, .x = x, .y = y, .add = add };

        nn_pool_run(net->pool, (net->n + e->images - 1) / e->images, run_part, &run);
}

void conv_engine_forward(struct conv_engine *e, struct net *net, const struct layer *l)
{
        nn_conv_load(e->conv, net->shared, net->w + l->weight.at, l->bias.n ? net->w + l->bias.at : NULL, net->pool);
        run_batch(e, net, l->inputs[0]->y, false, l->y);
}

/* The kernels of one channel of the input, turned by 180 degrees: [out channels, kernel_h, kernel_w]. */
static void turn_part(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        const struct conv *c = l->state;
        size_t taps = (size_t)c->kernel_h * c->kernel_w, channel, end;

        net_part(l->in.c, NET_PARTS, part, &channel, &end);
        for (; channel < end; channel++) {
                float *to = net->shared + channel * c->filters * taps;
                const float *w = net->w + l->weight.at + channel * taps;

                for (unsigned k = 0; k < c->filters; k++, to += taps, w += c->n_taps)
                        for (size_t t = 0; t < taps; t++)
                                to[t] = w[taps - 1 - t];
        }
}

void conv_engine_input_gradient(struct conv_engine *e, struct net *net, struct layer *l, bool add)
{
        net_parallel(net, l, NET_PARTS, turn_part);
        nn_conv_load(e->conv, net->shared + turned_floats(l), net->shared, NULL, net->pool);
        run_batch(e, net, l->dy, add, l->inputs[0]->dy);
}
