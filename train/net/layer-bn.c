/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Batch normalisation (Ioffe & Szegedy 2015, arXiv:1502.03167) with an optional ReLU in the same passes. Channels are
 * independent, so each belongs to one thread, which sums over the whole batch in order. */
#include <math.h>

#include "basic/macro.h"
#include "train/net/batchnorm.h"
#include "train/net/layer-export.h"
#include "train/net/net.h"
#include "train/net/vec.h"

struct batchnorm {
        double momentum, epsilon, gamma;
        bool relu;
        struct param mean, variance; /* running */
        float *a, *b;                /* [channels]: y = a * x + b of this batch */
        float *batch_mean, *inverse; /* [channels]: 1 / sqrt(variance + epsilon) */
};

static int configure(struct net *net, struct layer *l, config_setting_t *s, struct recipe_error *error)
{
        static const char *const activations[] = { "none", "relu", NULL };
        struct batchnorm *bn = l->state = calloc(1, sizeof(*bn));
        int r, activation = 0;

        if (!bn)
                return -ENOMEM;
        bn->momentum = 0.1;
        bn->epsilon = 1e-5;
        bn->gamma = 1;
        r = recipe_real(s, "momentum", 0, 1, &bn->momentum, error);
        if (r >= 0)
                r = recipe_real(s, "epsilon", 1e-8, 1, &bn->epsilon, error);
        if (r >= 0)
                r = recipe_real(s, "gamma", 0, 10, &bn->gamma, error);
        if (r >= 0)
                r = recipe_choice(s, "activation", activations, &activation, error);
        if (r < 0)
                return r;
        bn->relu = activation == 1;
        l->out = l->in;
        r = net_add_param(net, l, "gamma", l->in.c, true, false, &l->weight, error);
        if (r >= 0)
                r = net_add_param(net, l, "beta", l->in.c, true, false, &l->bias, error);
        if (r >= 0)
                r = net_add_param(net, l, "mean", l->in.c, false, false, &bn->mean, error);
        if (r >= 0)
                r = net_add_param(net, l, "variance", l->in.c, false, false, &bn->variance, error);
        return r;
}

static int prepare(struct net *net, struct layer *l)
{
        struct batchnorm *bn = l->state;

        bn->a = floats_new(l->in.c);
        bn->b = floats_new(l->in.c);
        bn->batch_mean = floats_new(l->in.c);
        bn->inverse = floats_new(l->in.c);
        return bn->a && bn->b && bn->batch_mean && bn->inverse ? 0 : -ENOMEM;
}

static void reset(struct net *net, struct layer *l, struct rng *rng)
{
        struct batchnorm *bn = l->state;

        for (unsigned k = 0; k < l->in.c; k++) {
                net->w[l->weight.at + k] = (float)bn->gamma;
                net->w[bn->variance.at + k] = 1;
        }
}

void batchnorm_affine(const struct net *net, const struct layer *l, unsigned k, double *ret_scale, double *ret_shift)
{
        const struct batchnorm *bn = l->state;
        double scale = net->w[l->weight.at + k] / sqrt(net->w[bn->variance.at + k] + bn->epsilon);

        *ret_scale = scale;
        *ret_shift = net->w[l->bias.at + k] - scale * net->w[bn->mean.at + k];
}

void batchnorm_identity(const struct net *net, const struct layer *l)
{
        const struct batchnorm *bn = l->state;

        for (unsigned k = 0; k < l->in.c; k++) {
                net->w[l->weight.at + k] = 1;
                net->w[l->bias.at + k] = 0;
                net->w[bn->mean.at + k] = 0;
                net->w[bn->variance.at + k] = (float)(1 - bn->epsilon);
        }
}

void batchnorm_adopt(const struct net *net, const struct layer *l, unsigned k, double mean, double variance)
{
        const struct batchnorm *bn = l->state;

        net->w[l->weight.at + k] = (float)sqrt(variance + bn->epsilon);
        net->w[l->bias.at + k] += (float)mean;
        net->w[bn->mean.at + k] = (float)mean;
        net->w[bn->variance.at + k] = (float)variance;
}

/* Statistics of the batch, and the running ones moved towards them. */
static void measure(struct net *net, struct layer *l, unsigned k)
{
        struct batchnorm *bn = l->state;
        size_t plane = (size_t)l->in.h * l->in.w;
        double sum, squares, n = (double)net->n * (double)plane, mean, variance;
        float *running_mean = net->w + bn->mean.at + k, *running_variance = net->w + bn->variance.at + k;

        vec_sums(l->inputs[0]->y + k * plane, plane, net->n, l->in.c * plane, &sum, &squares);
        mean = sum / n;
        variance = MAX(squares / n - mean * mean, 0.0);
        bn->batch_mean[k] = (float)mean;
        bn->inverse[k] = (float)(1 / sqrt(variance + bn->epsilon));
        bn->a[k] = net->w[l->weight.at + k] * bn->inverse[k];
        bn->b[k] = net->w[l->bias.at + k] - bn->a[k] * bn->batch_mean[k];
        *running_mean += (float)(bn->momentum * (mean - *running_mean));
        *running_variance += (float)(bn->momentum * (variance * n / MAX(n - 1, 1.0) - *running_variance));
}

static void forward_channel(struct net *net, struct layer *l, unsigned k, unsigned thread)
{
        struct batchnorm *bn = l->state;
        size_t plane = (size_t)l->in.h * l->in.w;

        if (net->training) {
                measure(net, l, k);
        } else {
                double a, b;

                batchnorm_affine(net, l, k, &a, &b);
                bn->a[k] = (float)a;
                bn->b[k] = (float)b;
        }
        for (unsigned i = 0; i < net->n; i++) {
                size_t at = ((size_t)i * l->in.c + k) * plane;

                vec_affine(l->inputs[0]->y + at, plane, bn->a[k], bn->b[k], bn->relu, l->y + at);
        }
}

static void forward(struct net *net, struct layer *l)
{
        net_parallel(net, l, l->in.c, forward_channel);
}

static void backward_channel(struct net *net, struct layer *l, unsigned k, bool add, float *dx)
{
        struct batchnorm *bn = l->state;
        size_t plane = (size_t)l->in.h * l->in.w;
        double sum, products, n = (double)net->n * (double)plane, p, q, dgamma;

        vec_affine_sums(l->dy + k * plane, l->inputs[0]->y + k * plane, plane, net->n, l->in.c * plane, bn->a[k],
                        bn->b[k], bn->relu, &sum, &products);
        dgamma = (products - sum * bn->batch_mean[k]) * bn->inverse[k];
        net->g[l->weight.at + k] = (float)dgamma;
        net->g[l->bias.at + k] = (float)sum;
        if (!dx)
                return;
        p = bn->a[k];
        q = -p * bn->inverse[k] * dgamma / n;
        for (unsigned i = 0; i < net->n; i++) {
                size_t at = ((size_t)i * l->in.c + k) * plane;

                vec_affine_gradient(l->dy + at, l->inputs[0]->y + at, plane, bn->a[k], bn->b[k], bn->relu, (float)p,
                                    (float)q, (float)(-p * sum / n - q * bn->batch_mean[k]), add, dx + at);
        }
}

static void backward_set(struct net *net, struct layer *l, unsigned k, unsigned thread)
{
        backward_channel(net, l, k, false, l->inputs[0]->dy);
}

static void backward_add(struct net *net, struct layer *l, unsigned k, unsigned thread)
{
        backward_channel(net, l, k, true, l->inputs[0]->dy);
}

static void backward(struct net *net, struct layer *l)
{
        bool add = false;

        net_begin_gradient(l, 0, &add);
        net_parallel(net, l, l->in.c, add ? backward_add : backward_set);
}

static int export_node(struct export *e, struct net *net, struct layer *l)
{
        struct batchnorm *bn = l->state;

        if (export_is_folded(l)) {
                export_pass(e, l);
        } else {
                const struct onnx_attribute attributes[] = {
                        { .name = "epsilon", .kind = ONNX_FLOAT, .f = (float)bn->epsilon }, { 0 }
                };
                const int64_t dims[] = { l->in.c };
                const struct param *params[] = { &l->weight, &l->bias, &bn->mean, &bn->variance };
                const char *suffixes[] = { "gamma", "beta", "mean", "variance" }, *inputs[6] = { NULL };
                char names[4][80];

                inputs[0] = e->values[l->inputs[0]->index];
                for (unsigned i = 0; i < 4; i++) {
                        snprintf(names[i], sizeof(names[i]), "%s.%s", l->name, suffixes[i]);
                        export_floats(e, names[i], net->w + params[i]->at, dims, 1);
                        inputs[i + 1] = names[i];
                }
                onnx_writer_node(e->writer, "BatchNormalization", inputs, (const char *[]){ l->name, NULL },
                                 attributes);
                snprintf(e->values[l->index], sizeof(e->values[0]), "%s", l->name);
        }
        if (bn->relu)
                export_relu(e, l);
        return 0;
}

static void batchnorm_free(struct layer *l)
{
        struct batchnorm *bn = l->state;

        if (!bn)
                return;
        free(bn->a);
        free(bn->b);
        free(bn->batch_mean);
        free(bn->inverse);
}

const struct layer_ops layer_batchnorm = {
        .type = "batchnorm",
        .min_inputs = 1,
        .max_inputs = 1,
        .configure = configure,
        .reset = reset,
        .prepare = prepare,
        .forward = forward,
        .backward = backward,
        .export = export_node,
        .free = batchnorm_free,
};
