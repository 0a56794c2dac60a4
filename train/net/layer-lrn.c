/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Local response normalisation across channels (Krizhevsky et al. 2012, section 3.3), in ONNX's form:
 *     y[k] = x[k] * s[k]^-beta,  s[k] = bias + alpha / size * sum of x[j]^2 over the window of k */
#include <math.h>

#include "basic/macro.h"
#include "train/net/layer-export.h"
#include "train/net/net.h"

struct lrn {
        unsigned size;
        double alpha, beta, bias;
        float *s; /* [batch, in]: the sums of the last forward pass */
};

static int configure(struct net *net, struct layer *l, config_setting_t *s, struct recipe_error *error)
{
        struct lrn *n = l->state = calloc(1, sizeof(*n));
        int r;

        if (!n)
                return -ENOMEM;
        *n = (struct lrn){ .size = 5, .alpha = 1e-4, .beta = 0.75, .bias = 1 };
        l->out = l->in;
        net_need_scratch(net, 0, 2 * (size_t)l->in.c);
        r = recipe_unsigned(s, "size", 1, 255, &n->size, error);
        if (r >= 0)
                r = recipe_real(s, "alpha", 0, 100, &n->alpha, error);
        if (r >= 0)
                r = recipe_real(s, "beta", 0.01, 10, &n->beta, error);
        if (r >= 0)
                r = recipe_real(s, "bias", 1e-3, 100, &n->bias, error);
        return r;
}

static int prepare(struct net *net, struct layer *l)
{
        struct lrn *n = l->state;

        n->s = floats_new(net->max_batch * shape_size(l->in));
        return n->s ? 0 : -ENOMEM;
}

/* Channels j of the window of channel k; of an even window the larger half lies above. */
static void window(const struct layer *l, const struct lrn *n, unsigned k, unsigned *ret_from, unsigned *ret_to)
{
        unsigned below = (n->size - 1) / 2, above = n->size - 1 - below;

        *ret_from = k > below ? k - below : 0;
        *ret_to = MIN(k + above + 1, l->in.c);
}

static void forward_part(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        struct lrn *n = l->state;
        size_t from, to, plane = (size_t)l->in.h * l->in.w, image = shape_size(l->in);
        float scale = (float)(n->alpha / n->size), bias = (float)n->bias, beta = (float)n->beta;

        net_part(net->n, NET_PARTS, part, &from, &to);
        for (; from < to; from++)
                for (unsigned k = 0; k < l->in.c; k++) {
                        const float *x = l->inputs[0]->y + from * image;
                        float *s = n->s + from * image + k * plane, *y = l->y + from * image + k * plane;
                        unsigned a, b;

                        window(l, n, k, &a, &b);
                        for (size_t p = 0; p < plane; p++)
                                s[p] = 0;
                        for (unsigned j = a; j < b; j++)
                                for (size_t p = 0; p < plane; p++)
                                        s[p] += x[j * plane + p] * x[j * plane + p];
                        for (size_t p = 0; p < plane; p++) {
                                s[p] = bias + scale * s[p];
                                y[p] = x[k * plane + p] * powf(s[p], -beta);
                        }
                }
}

static void forward(struct net *net, struct layer *l)
{
        net_parallel(net, l, NET_PARTS, forward_part);
}

/* dx[k] = dy[k] * s[k]^-beta - 2 * scale * beta * x[k] * sum of dy[i] * x[i] * s[i]^(-beta - 1) over the i whose
 * window holds k */
static void gradient_part(struct net *net, struct layer *l, unsigned part, unsigned thread, bool add)
{
        struct lrn *n = l->state;
        size_t from, to, plane = (size_t)l->in.h * l->in.w, image = shape_size(l->in);
        float beta = (float)n->beta, factor = (float)(2 * n->alpha / n->size * n->beta);
        float *term = net->scratch[thread], *sum = term + l->in.c;

        net_part(net->n, NET_PARTS, part, &from, &to);
        for (; from < to; from++)
                for (size_t p = 0; p < plane; p++) {
                        const float *x = l->inputs[0]->y + from * image + p, *s = n->s + from * image + p;
                        const float *y = l->y + from * image + p, *dy = l->dy + from * image + p;
                        float *dx = l->inputs[0]->dy + from * image + p;

                        for (unsigned k = 0; k < l->in.c; k++) {
                                term[k] = dy[k * plane] * y[k * plane] / s[k * plane];
                                sum[k] = 0;
                        }
                        for (unsigned i = 0; i < l->in.c; i++) {
                                unsigned a, b;

                                window(l, n, i, &a, &b);
                                for (; a < b; a++)
                                        sum[a] += term[i];
                        }
                        for (unsigned k = 0; k < l->in.c; k++) {
                                float g = dy[k * plane] * powf(s[k * plane], -beta) - factor * x[k * plane] * sum[k];

                                dx[k * plane] = add ? dx[k * plane] + g : g;
                        }
                }
}

static void gradient_set(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        gradient_part(net, l, part, thread, false);
}

static void gradient_add(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        gradient_part(net, l, part, thread, true);
}

static void backward(struct net *net, struct layer *l)
{
        bool add;

        if (net_begin_gradient(l, 0, &add))
                net_parallel(net, l, NET_PARTS, add ? gradient_add : gradient_set);
}

static int export_node(struct export *e, struct net *net, struct layer *l)
{
        const struct lrn *n = l->state;
        const struct onnx_attribute attributes[] = {
                { .name = "alpha", .kind = ONNX_FLOAT, .f = (float)n->alpha },
                { .name = "beta", .kind = ONNX_FLOAT, .f = (float)n->beta },
                { .name = "bias", .kind = ONNX_FLOAT, .f = (float)n->bias },
                { .name = "size", .kind = ONNX_INT, .i = n->size },
                { 0 },
        };

        export_simple(e, l, "LRN", attributes);
        return 0;
}

static void lrn_free(struct layer *l)
{
        struct lrn *n = l->state;

        if (n)
                free(n->s);
}

const struct layer_ops layer_lrn = {
        .type = "lrn",
        .min_inputs = 1,
        .max_inputs = 1,
        .reads_output = true,
        .configure = configure,
        .prepare = prepare,
        .forward = forward,
        .backward = backward,
        .export = export_node,
        .free = lrn_free,
};
