/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Conv */
#include <errno.h>
#include <inttypes.h>

#include "nn/memory.h"
#include "nn/op-window.h"

static const struct nn_tensor *weights(const struct nn_call *c)
{
        return c->fused_weights ? c->fused_weights : c->in[1];
}

static const struct nn_tensor *bias(const struct nn_call *c)
{
        return c->fused_bias ? c->fused_bias : nn_call_in(c, 2);
}

int nn_shape_conv(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0], *w = c->in[1], *b = nn_call_in(c, 2);
        struct nn_conv_desc *d = &c->p.conv.d;
        struct nn_window win;
        int64_t groups, dims[4];
        int r;

        for (unsigned i = 0; i < 3; i++)
                if ((r = nn_call_need_float(c, i)) < 0)
                        return r;
        r = nn_window_read_conv(c, x, w, &win, &groups);
        if (r < 0)
                return r;
        if (b && (b->n_dims != 1 || b->dims[0] != w->dims[0]))
                return nn_call_fail(c, -EINVAL, "bias of shape %s", NN_SHAPE_STRING(b));
        *d = (struct nn_conv_desc){
                .n = (unsigned)x->dims[0],
                .c = (unsigned)x->dims[1],
                .h = win.n_axes == 2 ? (unsigned)x->dims[2] : 1,
                .w = (unsigned)x->dims[x->n_dims - 1],
                .k = (unsigned)w->dims[0],
                .r = win.kernel[0],
                .s = win.kernel[1],
                .stride = { win.stride[0], win.stride[1] },
                .pad = { win.pad[0], win.pad[1], win.pad[2], win.pad[3] },
                .dilation = { win.dilation[0], win.dilation[1] },
                .groups = (unsigned)groups,
        };
        c->p.conv.open = !nn_call_constant_from(c, 1);
        dims[0] = x->dims[0];
        dims[1] = w->dims[0];
        dims[2] = win.out[2 - win.n_axes];
        dims[3] = win.out[1];
        return nn_call_set_output(c, 0, NN_FLOAT32, x->n_dims, dims);
}

/* The filters times their factors. Return: memory of the caller's, or NULL if there is none. */
static float *scaled_weights(const struct nn_call *c)
{
        const struct nn_tensor *w = weights(c);
        int64_t k = w->dims[0], per_filter = nn_tensor_n_elements(w) / k;
        float *to = nn_alloc((size_t)(k * per_filter) * sizeof(*to));

        for (int64_t i = 0; to && i < k; i++)
                for (int64_t j = 0; j < per_filter; j++)
                        to[i * per_filter + j] = nn_f32(w)[i * per_filter + j] * nn_f32(c->fused_scale)[i];
        return to;
}

int nn_prepare_conv(struct nn_call *c)
{
        struct nn_conv_desc *d = &c->p.conv.d;
        int r;

        d->act = c->act;
        d->residual = c->residual != NULL;
        d->in = c->layout_in;
        d->out = c->layout_out;
        c->p.conv.prepared = NULL;
        if (c->measure && (r = nn_conv_measure(c->isa, d, c->pool, &d->way)) == -ENOMEM)
                return r;
        r = nn_conv_new(c->isa, d, &c->p.conv.prepared);
        if (r < 0)
                return r == -ENOMEM ? r : nn_call_fail(c, r, "the convolution cannot be prepared");
        c->kernel = nn_conv_name(c->p.conv.prepared);
        c->packed_bytes = c->store_bytes = nn_conv_packed_bytes(c->p.conv.prepared);
        c->scratch_bytes = nn_conv_scratch_bytes(c->p.conv.prepared, c->threads);
        return 0;
}

int nn_load_conv(struct nn_call *c)
{
        const struct nn_tensor *b = bias(c);
        _cleanup_(freep) float *scaled = c->fused_scale ? scaled_weights(c) : NULL;

        if (c->p.conv.open)
                return 0;
        if (c->fused_scale && !scaled)
                return -ENOMEM;
        nn_conv_load(c->p.conv.prepared, c->store, scaled ? scaled : nn_f32(weights(c)), b ? nn_f32(b) : NULL, c->pool);
        c->took_weights = true;
        return 0;
}

int nn_run_conv(struct nn_call *c)
{
        const struct nn_tensor *b = bias(c);

        if (c->p.conv.open)
                nn_conv_load(c->p.conv.prepared, c->store, nn_f32(c->in[1]), b ? nn_f32(b) : NULL, c->pool);
        nn_conv_run(c->p.conv.prepared, nn_f32(c->in[0]), c->residual ? nn_f32(c->residual) : NULL, nn_f32(c->out[0]),
                    c->scratch, c->pool);
        return 0;
}

void nn_release_conv(struct nn_call *c)
{
        c->p.conv.prepared = nn_conv_free(c->p.conv.prepared);
}

bool nn_batched_conv(const struct nn_call *c)
{
        return !c->in[0]->data && !c->p.conv.open;
}

double nn_macs_conv(const struct nn_call *c)
{
        const struct nn_conv_desc *d = &c->p.conv.d;

        return (double)nn_tensor_n_elements(c->out[0]) * (d->c / d->groups) * d->r * d->s;
}
