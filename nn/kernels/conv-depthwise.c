/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Depthwise convolution: one filter per channel. */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "basic/macro.h"
#include "nn/kernels/conv-priv.h"

static int depthwise_prepare(struct nn_conv *c)
{
        c->n_weights = (size_t)c->n_kb * c->d.r * c->d.s * c->b;
        c->n_packs = c->n_kb;
        c->sparse = true;
        snprintf(c->name, sizeof(c->name), "depthwise %ux%u", c->d.r, c->d.s);
        return 0;
}

static void depthwise_pack(struct nn_conv *c, unsigned part, const float *weights)
{
        size_t taps = (size_t)c->d.r * c->d.s;

        for (unsigned k = part * c->b; k < MIN((part + 1) * c->b, c->d.k); k++)
                for (size_t t = 0; t < taps; t++)
                        c->weights[(part * taps + t) * c->b + k % c->b] = weights[k * taps + t];
}

static size_t depthwise_scratch_bytes(const struct nn_conv *c, unsigned threads)
{
        return 0;
}

struct job {
        const struct nn_conv *c;
        const struct nn_conv_call *call;
};

static void run_part(void *userdata, unsigned part, unsigned thread)
{
        const struct job *job = userdata;
        const struct nn_conv *c = job->c;
        unsigned block = part % c->n_kb;
        size_t in = (size_t)c->d.h * c->d.w * c->b, out = (size_t)c->out_h * c->out_w * c->b;
        struct nn_depthwise p = {
                .d = &c->d,
                .out_h = c->out_h,
                .out_w = c->out_w,
                .w = c->weights + (size_t)block * c->d.r * c->d.s * c->b,
                .bias = c->bias + (size_t)block * c->b,
                .clamp = c->clamp && c->d.act.kind != NN_ACT_NONE,
                .lo = c->lo,
                .hi = c->hi,
        };
        const float *residual = job->call->residual ? job->call->residual + part * out : NULL;
        float *y = job->call->y + part * out;

        c->ops->depthwise->rows(&p, 0, c->out_h, job->call->x + part * in, residual, y);
        nn_conv_finish(c, block, (size_t)c->out_h * c->out_w, y);
}

static void depthwise_run(const struct nn_conv *c, const struct nn_conv_call *call)
{
        struct job job = { .c = c, .call = call };

        nn_pool_run(call->pool, c->d.n * c->n_kb, run_part, &job);
}

const struct nn_conv_way nn_conv_depthwise = {
        .prepare = depthwise_prepare,
        .pack = depthwise_pack,
        .scratch_bytes = depthwise_scratch_bytes,
        .run = depthwise_run,
};
