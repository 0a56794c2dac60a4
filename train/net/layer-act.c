/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Activations, and dropout: element by element. */
#include <math.h>
#include <string.h>

#include "basic/macro.h"
#include "train/net/layer-export.h"
#include "train/net/net.h"
#include "train/net/vec.h"

struct act {
        float slope; /* of leakyrelu below 0 */
        double rate; /* of dropout: the share that is dropped */
};

enum act_kind {
        ACT_RELU,
        ACT_LEAKYRELU,
        ACT_SIGMOID,
        ACT_TANH,
        ACT_HARDSWISH,
        ACT_HARDSIGMOID,
};

static enum act_kind kind_of(const struct layer *l)
{
        return l->ops == &layer_leakyrelu     ? ACT_LEAKYRELU
               : l->ops == &layer_sigmoid     ? ACT_SIGMOID
               : l->ops == &layer_tanh        ? ACT_TANH
               : l->ops == &layer_hardswish   ? ACT_HARDSWISH
               : l->ops == &layer_hardsigmoid ? ACT_HARDSIGMOID
                                              : ACT_RELU;
}

static int configure(struct net *net, struct layer *l, config_setting_t *s, struct recipe_error *error)
{
        struct act *a = l->state = calloc(1, sizeof(*a));
        double slope = 0.01;
        int r = 0;

        if (!a)
                return -ENOMEM;
        if (l->ops == &layer_leakyrelu)
                r = recipe_real(s, "slope", 0, 1, &slope, error);
        a->slope = (float)slope;
        l->out = l->in;
        return r;
}

static float value(enum act_kind kind, float slope, float x)
{
        switch (kind) {
        case ACT_RELU:
                return x > 0 ? x : 0;
        case ACT_LEAKYRELU:
                return x > 0 ? x : slope * x;
        case ACT_SIGMOID:
                return 1 / (1 + expf(-x));
        case ACT_TANH:
                return tanhf(x);
        case ACT_HARDSWISH:
                return x <= -3 ? 0 : x >= 3 ? x : x * (x + 3) / 6;
        case ACT_HARDSIGMOID:
                return CLAMP(x / 6 + 0.5f, 0.f, 1.f);
        }
        return x;
}

static float slope_at(enum act_kind kind, float slope, float x, float y)
{
        switch (kind) {
        case ACT_RELU:
                return x > 0;
        case ACT_LEAKYRELU:
                return x > 0 ? 1 : slope;
        case ACT_SIGMOID:
                return y * (1 - y);
        case ACT_TANH:
                return 1 - y * y;
        case ACT_HARDSWISH:
                return x <= -3 ? 0 : x >= 3 ? 1 : (2 * x + 3) / 6;
        case ACT_HARDSIGMOID:
                return y > 0 && y < 1 ? 1.0f / 6 : 0;
        }
        return 1;
}

static void forward_part(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        const float *x = l->inputs[0]->y;
        struct act *a = l->state;
        enum act_kind kind = kind_of(l);
        size_t from, to;

        net_part(net->n * shape_size(l->out), NET_PARTS, part, &from, &to);
        if (kind == ACT_RELU)
                vec_affine(x + from, to - from, 1, 0, true, l->y + from);
        else
                for (; from < to; from++)
                        l->y[from] = value(kind, a->slope, x[from]);
}

static void forward(struct net *net, struct layer *l)
{
        net_parallel(net, l, NET_PARTS, forward_part);
}

static void gradient_part(struct net *net, struct layer *l, unsigned part, bool add)
{
        const float *x = l->inputs[0]->y; /* of one sign with l->y, which may have been written over it */
        float *dx = l->inputs[0]->dy;
        struct act *a = l->state;
        enum act_kind kind = kind_of(l);
        size_t from, to;

        net_part(net->n * shape_size(l->out), NET_PARTS, part, &from, &to);
        if (kind == ACT_RELU)
                vec_relu_gradient(l->dy + from, l->y + from, to - from, add, dx + from);
        else
                for (; from < to; from++)
                        dx[from] = (add ? dx[from] : 0) + l->dy[from] * slope_at(kind, a->slope, x[from], l->y[from]);
}

static void gradient_set(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        gradient_part(net, l, part, false);
}

static void gradient_add(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        gradient_part(net, l, part, true);
}

static void backward(struct net *net, struct layer *l)
{
        bool add;

        if (net_begin_gradient(l, 0, &add))
                net_parallel(net, l, NET_PARTS, add ? gradient_add : gradient_set);
}

static int export_node(struct export *e, struct net *net, struct layer *l)
{
        static const char *const names[] = { "Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid" };
        const struct act *a = l->state;
        const struct onnx_attribute alpha[] = { { .name = "alpha", .kind = ONNX_FLOAT, .f = a->slope }, { 0 } };
        const struct onnx_attribute sixth[] = { { .name = "alpha", .kind = ONNX_FLOAT, .f = 1.0f / 6 },
                                                { .name = "beta", .kind = ONNX_FLOAT, .f = 0.5f },
                                                { 0 } };
        enum act_kind kind = kind_of(l);

        if (kind == ACT_HARDSWISH) {
                /* HardSwish came with opset 14: x * HardSigmoid(x) says the same */
                const char *in = e->values[l->inputs[0]->index];
                char gate[64];

                snprintf(gate, sizeof(gate), "%s.gate", l->name);
                onnx_writer_node(e->writer, "HardSigmoid", (const char *[]){ in, NULL }, (const char *[]){ gate, NULL },
                                 sixth);
                onnx_writer_node(e->writer, "Mul", (const char *[]){ in, gate, NULL },
                                 (const char *[]){ l->name, NULL }, NULL);
                snprintf(e->values[l->index], sizeof(e->values[0]), "%s", l->name);
                return 0;
        }
        export_simple(e, l, names[kind], kind == ACT_LEAKYRELU ? alpha : kind == ACT_HARDSIGMOID ? sixth : NULL);
        return 0;
}

#define ACTIVATION(kind, may_share)             \
        const struct layer_ops layer_##kind = { \
                .type = #kind,                  \
                .min_inputs = 1,                \
                .max_inputs = 1,                \
                .reads_output = true,           \
                .in_place = may_share,          \
                .configure = configure,         \
                .forward = forward,             \
                .backward = backward,           \
                .export = export_node,          \
        }

ACTIVATION(relu, true);
ACTIVATION(leakyrelu, true);
ACTIVATION(sigmoid, true);
ACTIVATION(tanh, true);
ACTIVATION(hardswish, false); /* its slope cannot be told by its value */
ACTIVATION(hardsigmoid, true);

static int dropout_configure(struct net *net, struct layer *l, config_setting_t *s, struct recipe_error *error)
{
        struct act *a = l->state = calloc(1, sizeof(*a));

        if (!a)
                return -ENOMEM;
        a->rate = 0.5;
        l->out = l->in;
        return recipe_real(s, "rate", 0, 0.99, &a->rate, error);
}

/* The mask is drawn again in the backward pass rather than kept. One stream a picture: the parts do not matter. */
static void dropout_apply(struct net *net, struct layer *l, unsigned image, const float *from, bool add, float *to)
{
        struct act *a = l->state;
        size_t n = shape_size(l->out);
        float keep = (float)(1 / (1 - a->rate));
        struct rng rng;

        rng_seed_stream(&rng, net->seed ^ (UINT64_C(0xd809) << 32 | l->index), net->step, image);
        from += image * n;
        to += image * n;
        for (size_t i = 0; i < n; i++)
                to[i] = (add ? to[i] : 0) + (rng_uniform(&rng) < a->rate ? 0 : from[i] * keep);
}

static void dropout_forward_part(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        size_t n = shape_size(l->out), from, to;

        net_part(net->n, NET_PARTS, part, &from, &to);
        if (!net->training)
                memcpy(l->y + from * n, l->inputs[0]->y + from * n, (to - from) * n * sizeof(float));
        else
                for (; from < to; from++)
                        dropout_apply(net, l, (unsigned)from, l->inputs[0]->y, false, l->y);
}

static void dropout_forward(struct net *net, struct layer *l)
{
        net_parallel(net, l, NET_PARTS, dropout_forward_part);
}

static void dropout_gradient(struct net *net, struct layer *l, unsigned part, bool add)
{
        size_t from, to;

        net_part(net->n, NET_PARTS, part, &from, &to);
        for (; from < to; from++)
                dropout_apply(net, l, (unsigned)from, l->dy, add, l->inputs[0]->dy);
}

static void dropout_gradient_set(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        dropout_gradient(net, l, part, false);
}

static void dropout_gradient_add(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        dropout_gradient(net, l, part, true);
}

static void dropout_backward(struct net *net, struct layer *l)
{
        bool add;

        if (net_begin_gradient(l, 0, &add))
                net_parallel(net, l, NET_PARTS, add ? dropout_gradient_add : dropout_gradient_set);
}

static int dropout_export(struct export *e, struct net *net, struct layer *l)
{
        export_pass(e, l);
        return 0;
}

const struct layer_ops layer_dropout = {
        .type = "dropout",
        .min_inputs = 1,
        .max_inputs = 1,
        .configure = dropout_configure,
        .forward = dropout_forward,
        .backward = dropout_backward,
        .export = dropout_export,
};
