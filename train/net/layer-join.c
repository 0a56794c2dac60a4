/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Layers with several inputs: sum (residual, with an optional ReLU), concatenation of channels, and scaling of
 * channels by a [C, 1, 1] input (squeeze and excite, Hu et al. 2017, arXiv:1709.01507). */
#include <string.h>

#include "basic/macro.h"
#include "train/net/layer-export.h"
#include "train/net/net.h"
#include "train/net/vec.h"

struct join {
        bool relu;
};

static int add_configure(struct net *net, struct layer *l, config_setting_t *s, struct recipe_error *error)
{
        static const char *const activations[] = { "none", "relu", NULL };
        struct join *j = l->state = calloc(1, sizeof(*j));
        int r, activation = 0;

        if (!j)
                return -ENOMEM;
        r = recipe_choice(s, "activation", activations, &activation, error);
        if (r < 0)
                return r;
        j->relu = activation == 1;
        for (unsigned i = 1; i < l->n_inputs; i++)
                if (memcmp(&l->inputs[i]->out, &l->in, sizeof(l->in)) != 0)
                        return recipe_fail(s, error, "%s gives %u x %u x %u, %s %u x %u x %u", l->inputs[0]->name,
                                           l->in.c, l->in.h, l->in.w, l->inputs[i]->name, l->inputs[i]->out.c,
                                           l->inputs[i]->out.h, l->inputs[i]->out.w);
        l->out = l->in;
        return 0;
}

static void add_forward_part(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        struct join *j = l->state;
        size_t from, to;

        net_part(net->n * shape_size(l->out), NET_PARTS, part, &from, &to);
        for (unsigned i = 0; i < l->n_inputs; i++)
                vec_add(l->inputs[i]->y + from, to - from, i > 0, l->y + from);
        if (j->relu)
                vec_affine(l->y + from, to - from, 1, 0, true, l->y + from);
}

static void add_forward(struct net *net, struct layer *l)
{
        net_parallel(net, l, NET_PARTS, add_forward_part);
}

struct add_job {
        struct net *net;
        struct layer *layer;
        float *dx[LAYER_MAX_INPUTS]; /* gradient of each input; NULL: not wanted */
        bool add[LAYER_MAX_INPUTS];  /* to what stands there */
};

static void add_backward_part(void *userdata, unsigned part, unsigned thread)
{
        struct add_job *job = userdata;
        struct layer *l = job->layer;
        struct join *j = l->state;
        size_t from, to;

        net_part(job->net->n * shape_size(l->out), NET_PARTS, part, &from, &to);
        for (unsigned i = 0; i < l->n_inputs; i++) {
                if (!job->dx[i])
                        continue;
                if (j->relu)
                        vec_relu_gradient(l->dy + from, l->y + from, to - from, job->add[i], job->dx[i] + from);
                else
                        vec_add(l->dy + from, to - from, job->add[i], job->dx[i] + from);
        }
}

static void add_backward(struct net *net, struct layer *l)
{
        struct add_job job = { .net = net, .layer = l };

        for (unsigned i = 0; i < l->n_inputs; i++)
                job.dx[i] = net_begin_gradient(l, i, &job.add[i]);
        nn_pool_run(net->pool, NET_PARTS, add_backward_part, &job);
}

static int add_export(struct export *e, struct net *net, struct layer *l)
{
        struct join *j = l->state;
        char partial[64];

        memcpy(e->values[l->index], e->values[l->inputs[0]->index], sizeof(e->values[0]));
        for (unsigned i = 1; i < l->n_inputs; i++) {
                snprintf(partial, sizeof(partial), "%s.%u", l->name, i);
                onnx_writer_node(e->writer, "Add",
                                 (const char *[]){ e->values[l->index], e->values[l->inputs[i]->index], NULL },
                                 (const char *[]){ partial, NULL }, NULL);
                memcpy(e->values[l->index], partial, sizeof(partial));
        }
        if (j->relu)
                export_relu(e, l);
        return 0;
}

const struct layer_ops layer_add = {
        .type = "add",
        .min_inputs = 2,
        .max_inputs = LAYER_MAX_INPUTS,
        .reads_output = true,
        .configure = add_configure,
        .forward = add_forward,
        .backward = add_backward,
        .export = add_export,
};

static int concat_configure(struct net *net, struct layer *l, config_setting_t *s, struct recipe_error *error)
{
        l->out = l->in;
        for (unsigned i = 1; i < l->n_inputs; i++) {
                if (l->inputs[i]->out.h != l->in.h || l->inputs[i]->out.w != l->in.w)
                        return recipe_fail(s, error, "%s and %s differ in height or width", l->inputs[0]->name,
                                           l->inputs[i]->name);
                l->out.c += l->inputs[i]->out.c;
        }
        return 0;
}

static void concat_forward(struct net *net, struct layer *l)
{
        float *y = l->y;

        for (unsigned n = 0; n < net->n; n++)
                for (unsigned i = 0; i < l->n_inputs; i++) {
                        size_t size = shape_size(l->inputs[i]->out);

                        vec_add(l->inputs[i]->y + n * size, size, false, y);
                        y += size;
                }
}

static void concat_backward(struct net *net, struct layer *l)
{
        size_t at = 0;

        for (unsigned i = 0; i < l->n_inputs; i++) {
                size_t size = shape_size(l->inputs[i]->out);
                bool add;
                float *dx = net_begin_gradient(l, i, &add);

                for (unsigned n = 0; dx && n < net->n; n++)
                        vec_add(l->dy + n * shape_size(l->out) + at, size, add, dx + n * size);
                at += size;
        }
}

static int concat_export(struct export *e, struct net *net, struct layer *l)
{
        const struct onnx_attribute axis[] = { { .name = "axis", .kind = ONNX_INT, .i = 1 }, { 0 } };

        export_simple(e, l, "Concat", axis);
        return 0;
}

const struct layer_ops layer_concat = {
        .type = "concat",
        .min_inputs = 2,
        .max_inputs = LAYER_MAX_INPUTS,
        .configure = concat_configure,
        .forward = concat_forward,
        .backward = concat_backward,
        .export = concat_export,
};

struct scale {
        float *dx, *dk; /* of this backward pass */
        bool add_x, add_k;
};

static int scale_configure(struct net *net, struct layer *l, config_setting_t *s, struct recipe_error *error)
{
        struct shape k = l->inputs[1]->out;

        if (k.c != l->in.c || k.h != 1 || k.w != 1)
                return recipe_fail(s, error, "%s must give one number for each of %u channels", l->inputs[1]->name,
                                   l->in.c);
        l->out = l->in;
        l->state = calloc(1, sizeof(struct scale));
        return l->state ? 0 : -ENOMEM;
}

static void scale_forward_part(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        size_t from, to, plane = (size_t)l->in.h * l->in.w;

        net_part((size_t)net->n * l->in.c, NET_PARTS, part, &from, &to);
        for (; from < to; from++)
                vec_affine(l->inputs[0]->y + from * plane, plane, l->inputs[1]->y[from], 0, false, l->y + from * plane);
}

static void scale_forward(struct net *net, struct layer *l)
{
        net_parallel(net, l, NET_PARTS, scale_forward_part);
}

static void scale_backward_part(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        const struct scale *s = l->state;
        size_t i, to, plane = (size_t)l->in.h * l->in.w;

        net_part((size_t)net->n * l->in.c, NET_PARTS, part, &i, &to);
        for (; i < to; i++) {
                const float *dy = l->dy + i * plane, *x = l->inputs[0]->y + i * plane;

                if (s->dx)
                        vec_affine_gradient(dy, x, plane, 0, 0, false, l->inputs[1]->y[i], 0, 0, s->add_x,
                                            s->dx + i * plane);
                if (s->dk) {
                        double sum, products;

                        vec_affine_sums(dy, x, plane, 1, 0, 0, 0, false, &sum, &products);
                        s->dk[i] = (s->add_k ? s->dk[i] : 0) + (float)products;
                }
        }
}

static void scale_backward(struct net *net, struct layer *l)
{
        struct scale *s = l->state;

        s->dx = net_begin_gradient(l, 0, &s->add_x);
        s->dk = net_begin_gradient(l, 1, &s->add_k);
        net_parallel(net, l, NET_PARTS, scale_backward_part);
}

/* In the file the value is [N, units] rather than [N, units, 1, 1]: it comes from a fully connected layer. */
static bool is_flat(const struct layer *l)
{
        while (l->n_inputs == 1 && l->ops != &layer_fc && l->out.c == l->in.c && l->out.h == l->in.h)
                l = l->inputs[0];
        return l->ops == &layer_fc;
}

static int scale_export(struct export *e, struct net *net, struct layer *l)
{
        const struct layer *gate = l->inputs[1];
        const int64_t shape[] = { 0, gate->out.c, 1, 1 }, four = 4; /* 0: as it is */
        struct nn_tensor t = { .type = NN_INT64, .n_dims = 1, .dims = { four }, .data = (void *)(uintptr_t)shape };
        char names[2][64];

        if (!is_flat(gate)) {
                export_simple(e, l, "Mul", NULL);
                return 0;
        }
        snprintf(names[0], sizeof(names[0]), "%s.shape", l->name);
        snprintf(names[1], sizeof(names[1]), "%s.gate", l->name);
        onnx_writer_initializer(e->writer, names[0], &t);
        onnx_writer_node(e->writer, "Reshape", (const char *[]){ e->values[gate->index], names[0], NULL },
                         (const char *[]){ names[1], NULL }, NULL);
        onnx_writer_node(e->writer, "Mul", (const char *[]){ e->values[l->inputs[0]->index], names[1], NULL },
                         (const char *[]){ l->name, NULL }, NULL);
        snprintf(e->values[l->index], sizeof(e->values[0]), "%s", l->name);
        return 0;
}

const struct layer_ops layer_scale = {
        .type = "scale",
        .min_inputs = 2,
        .max_inputs = 2,
        .configure = scale_configure,
        .forward = scale_forward,
        .backward = scale_backward,
        .export = scale_export,
};
