/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fully connected: y = x w' + b on the flattened input. */
#include <cblas.h>
#include <math.h>

#include "basic/macro.h"
#include "train/export.h"
#include "train/net.h"

#define FC_PARTS 8

struct fc {
        double gain; /* of the first weights */
};

int layer_fc_configure(struct net *net, struct layer *l, unsigned units, bool bias, struct recipe_error *error)
{
        int r;

        l->out = (struct shape) { units, 1, 1 };
        l->macs = units * shape_size(l->in);
        r = net_add_param(net, l, "weight", l->macs, true, true, &l->weight, error);
        if (r >= 0 && bias)
                r = net_add_param(net, l, "bias", units, true, false, &l->bias, error);
        return r;
}

static int configure(struct net *net, struct layer *l, config_setting_t *s, struct recipe_error *error)
{
        struct fc *fc = l->state = calloc(1, sizeof(*fc));
        unsigned units = 0;
        bool bias = true;
        double rate = 1;
        int r;

        if (!fc)
                return -ENOMEM;
        fc->gain = 1;
        r = recipe_unsigned(s, "units", 1, LAYER_MAX_UNITS, &units, error);
        if (r >= 0)
                r = recipe_bool(s, "bias", &bias, error);
        if (r >= 0)
                r = recipe_real(s, "gain", 0, 100, &fc->gain, error);
        if (r >= 0)
                r = recipe_real(s, "rate", 0, 100, &rate, error);
        if (r < 0)
                return r;
        if (!units)
                return recipe_fail(s, error, "units is missing");
        r = layer_fc_configure(net, l, units, bias, error);
        for (size_t i = net->n_params; r >= 0 && i-- > net->n_params - (bias ? 2 : 1);)
                net->params[i].rate = (float)rate;
        return r;
}

static void reset(struct net *net, struct layer *l, struct rng *rng)
{
        /* half the variance of a layer before a ReLU: what follows is a softmax or has its own scale */
        const struct fc *fc = l->state; /* NULL: a head, which no recipe has configured */
        double sd = (fc ? fc->gain : 1) * sqrt(1.0 / (double)shape_size(l->in));

        for (size_t i = 0; i < l->weight.n; i++)
                net->w[l->weight.at + i] = (float)(sd * rng_normal(rng));
}

/* Units are divided among the parts, so no two write to one place. */
static void forward_part(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        size_t from, to, n_in = shape_size(l->in);

        net_part(l->out.c, FC_PARTS, part, &from, &to);
        if (from == to)
                return;
        for (unsigned i = 0; i < net->n; i++)
                for (size_t k = from; k < to; k++)
                        l->y[i * l->out.c + k] = l->bias.n ? net->w[l->bias.at + k] : 0;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)net->n, (int)(to - from), (int)n_in, 1,
                    l->inputs[0]->y, (int)n_in, net->w + l->weight.at + from * n_in, (int)n_in, 1, l->y + from,
                    (int)l->out.c);
}

static void forward(struct net *net, struct layer *l)
{
        net_parallel(net, l, FC_PARTS, forward_part);
}

static void weight_gradient(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        size_t from, to, n_in = shape_size(l->in);

        net_part(l->out.c, FC_PARTS, part, &from, &to);
        if (from == to)
                return;
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)(to - from), (int)n_in, (int)net->n, 1,
                    l->dy + from, (int)l->out.c, l->inputs[0]->y, (int)n_in, 0,
                    net->g + l->weight.at + from * n_in, (int)n_in);
        for (size_t k = from; k < to && l->bias.n; k++) {
                double s = 0;

                for (unsigned i = 0; i < net->n; i++)
                        s += (double)l->dy[i * l->out.c + k];
                net->g[l->bias.at + k] = (float)s;
        }
}

static void input_gradient(struct net *net, struct layer *l, unsigned part, bool add)
{
        size_t from, to, n_in = shape_size(l->in);

        net_part(n_in, FC_PARTS, part, &from, &to);
        if (from < to)
                cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)net->n, (int)(to - from), (int)l->out.c,
                            1, l->dy, (int)l->out.c, net->w + l->weight.at + from, (int)n_in, add,
                            l->inputs[0]->dy + from, (int)n_in);
}

static void input_gradient_set(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        input_gradient(net, l, part, false);
}

static void input_gradient_add(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        input_gradient(net, l, part, true);
}

static void backward(struct net *net, struct layer *l)
{
        bool add;

        net_parallel(net, l, FC_PARTS, weight_gradient);
        if (net_begin_gradient(l, 0, &add))
                net_parallel(net, l, FC_PARTS, add ? input_gradient_add : input_gradient_set);
}

static int export_node(struct export *e, struct net *net, struct layer *l)
{
        return export_fc_node(e, net, l, l->out.c, shape_size(l->in));
}

const struct layer_ops layer_fc = {
        .type = "fc",
        .min_inputs = 1,
        .max_inputs = 1,
        .configure = configure,
        .reset = reset,
        .forward = forward,
        .backward = backward,
        .export = export_node,
};
