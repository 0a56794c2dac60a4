/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fully connected: y = x w' + b on the flattened input. */
#include <cblas.h>
#include <math.h>

#include "basic/macro.h"
#include "train/net/layer-export.h"
#include "train/net/net.h"

#define FC_PARTS 8

/* Of the gradient of the weights, where it is used piece by piece: a piece stays in the second cache. */
#define PIECE_ROWS 64u
#define PIECE_FLOATS 32768u

struct fc {
        double gain; /* of the first weights */
};

int layer_fc_configure(struct net *net, struct layer *l, unsigned units, bool bias, struct recipe_error *error)
{
        int r;

        l->out = (struct shape){ units, 1, 1 };
        l->macs = units * shape_size(l->in);
        r = net_add_param(net, l, "weight", l->macs, true, true, &l->weight, error);
        if (r < 0)
                return r;
        net->params[l->weight.index].in_pieces = true;
        net_need_scratch(net, 0, PIECE_FLOATS);
        if (bias)
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
        if (r < 0)
                return r;
        net->params[l->weight.index].rate = (float)rate;
        if (bias)
                net->params[l->bias.index].rate = (float)rate;
        return 0;
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

/* Of @n_rows units from @row on, and of @n inputs from @first on, to @g, whose rows are @stride apart. */
static void weight_gradient(const struct net *net, const struct layer *l, size_t row, size_t n_rows, size_t first,
                            size_t n, float *g, size_t stride)
{
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)n_rows, (int)n, (int)net->n, 1, l->dy + row,
                    (int)l->out.c, l->inputs[0]->y + first, (int)shape_size(l->in), 0, g, (int)stride);
}

static void bias_gradient(struct net *net, const struct layer *l, size_t from, size_t to)
{
        for (size_t k = from; k < to && l->bias.n; k++) {
                double s = 0;

                for (unsigned i = 0; i < net->n; i++)
                        s += (double)l->dy[i * l->out.c + k];
                net->g[l->bias.at + k] = (float)s;
        }
}

static void keep_part(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        size_t from, to, n_in = shape_size(l->in);

        net_part(l->out.c, FC_PARTS, part, &from, &to);
        if (from < to)
                weight_gradient(net, l, from, to - from, 0, n_in, net->g + l->weight.at + from * n_in, n_in);
        bias_gradient(net, l, from, to);
}

/* The layers with most weights are of this kind. Their gradient, written to memory and read again, would be a third of
 * what a training holds, and of the time of a batch. */
static void learn_part(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        size_t from, to, n_in = shape_size(l->in), rows, n;
        float *g = net->scratch[thread];

        net_part(l->out.c, FC_PARTS, part, &from, &to);
        bias_gradient(net, l, from, to);
        for (; from < to; from += rows) {
                rows = MIN(to - from, (size_t)PIECE_ROWS);
                for (size_t first = 0; first < n_in; first += n) {
                        n = MIN(n_in - first, PIECE_FLOATS / rows);
                        weight_gradient(net, l, from, rows, first, n, g, n);
                        for (size_t i = 0; i < rows; i++)
                                net->learn(net->learn_userdata, l->weight.index, (from + i) * n_in + first, n,
                                           g + i * n);
                }
        }
}

static void input_gradient(struct net *net, struct layer *l, unsigned part, bool add)
{
        size_t from, to, n_in = shape_size(l->in);

        net_part(n_in, FC_PARTS, part, &from, &to);
        if (from < to)
                cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)net->n, (int)(to - from), (int)l->out.c, 1,
                            l->dy, (int)l->out.c, net->w + l->weight.at + from, (int)n_in, add, l->inputs[0]->dy + from,
                            (int)n_in);
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

        /* first, as it wants the weights that gave the output */
        if (net_begin_gradient(l, 0, &add))
                net_parallel(net, l, FC_PARTS, add ? input_gradient_add : input_gradient_set);
        net_parallel(net, l, FC_PARTS, net->learn ? learn_part : keep_part);
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
