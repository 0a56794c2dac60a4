/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parametric ReLU, one slope a channel (He et al. 2015, arXiv:1502.01852). Channels are divided among the threads. */
#include "basic/macro.h"
#include "train/net/layer-export.h"
#include "train/net/net.h"

static int configure(struct net *net, struct layer *l, config_setting_t *s, struct recipe_error *error)
{
        l->out = l->in;
        return net_add_param(net, l, "slope", l->in.c, true, false, &l->weight, error);
}

static void reset(struct net *net, struct layer *l, struct rng *rng)
{
        for (unsigned k = 0; k < l->in.c; k++)
                net->w[l->weight.at + k] = 0.25f;
}

static void forward_channel(struct net *net, struct layer *l, unsigned k, unsigned thread)
{
        size_t plane = (size_t)l->in.h * l->in.w;
        float slope = net->w[l->weight.at + k];

        for (unsigned i = 0; i < net->n; i++) {
                size_t at = ((size_t)i * l->in.c + k) * plane;

                for (size_t p = at; p < at + plane; p++) {
                        float x = l->inputs[0]->y[p];

                        l->y[p] = x > 0 ? x : slope * x;
                }
        }
}

static void forward(struct net *net, struct layer *l)
{
        net_parallel(net, l, l->in.c, forward_channel);
}

static void gradient(struct net *net, struct layer *l, unsigned k, bool add)
{
        size_t plane = (size_t)l->in.h * l->in.w;
        float slope = net->w[l->weight.at + k], *dx = l->inputs[0]->dy;
        double sum = 0;

        for (unsigned i = 0; i < net->n; i++) {
                size_t at = ((size_t)i * l->in.c + k) * plane;

                for (size_t p = at; p < at + plane; p++) {
                        float x = l->inputs[0]->y[p], dy = l->dy[p];

                        if (x <= 0)
                                sum += (double)dy * (double)x;
                        if (dx)
                                dx[p] = (add ? dx[p] : 0) + (x > 0 ? dy : slope * dy);
                }
        }
        net->g[l->weight.at + k] = (float)sum;
}

static void gradient_set(struct net *net, struct layer *l, unsigned k, unsigned thread)
{
        gradient(net, l, k, false);
}

static void gradient_add(struct net *net, struct layer *l, unsigned k, unsigned thread)
{
        gradient(net, l, k, true);
}

static void backward(struct net *net, struct layer *l)
{
        bool add = false;

        net_begin_gradient(l, 0, &add);
        net_parallel(net, l, l->in.c, add ? gradient_add : gradient_set);
}

static int export_node(struct export *e, struct net *net, struct layer *l)
{
        char name[80];
        const int64_t dims[] = { l->in.c, 1, 1 };

        snprintf(name, sizeof(name), "%s.slope", l->name);
        export_floats(e, name, net->w + l->weight.at, dims, 3);
        onnx_writer_node(e->writer, "PRelu", (const char *[]){ e->values[l->inputs[0]->index], name, NULL },
                         (const char *[]){ l->name, NULL }, NULL);
        snprintf(e->values[l->index], sizeof(e->values[0]), "%s", l->name);
        return 0;
}

const struct layer_ops layer_prelu = {
        .type = "prelu",
        .min_inputs = 1,
        .max_inputs = 1,
        .configure = configure,
        .reset = reset,
        .forward = forward,
        .backward = backward,
        .export = export_node,
};
