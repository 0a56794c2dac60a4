/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/macro.h"
#include "train/net/batchnorm.h"
#include "train/net/layer-export.h"

bool export_is_folded(const struct layer *l)
{
        const struct layer *in = l->inputs[0];

        return l->ops == &layer_batchnorm && in->n_consumers == 1 && (in->ops == &layer_conv || in->ops == &layer_fc);
}

void export_floats(struct export *e, const char *name, const float *x, const int64_t *dims, unsigned n_dims)
{
        struct nn_tensor t = { .type = NN_FLOAT32, .n_dims = n_dims, .data = (void *)(uintptr_t)x };

        for (unsigned i = 0; i < n_dims; i++)
                t.dims[i] = dims[i];
        onnx_writer_initializer(e->writer, name, &t);
}

void export_pass(struct export *e, struct layer *l)
{
        memcpy(e->values[l->index], e->values[l->inputs[0]->index], sizeof(e->values[0]));
}

void export_simple(struct export *e, struct layer *l, const char *op, const struct onnx_attribute *attributes)
{
        const char *inputs[LAYER_MAX_INPUTS + 1] = { NULL };

        for (unsigned i = 0; i < l->n_inputs; i++)
                inputs[i] = e->values[l->inputs[i]->index];
        onnx_writer_node(e->writer, op, inputs, (const char *[]){ l->name, NULL }, attributes);
        snprintf(e->values[l->index], sizeof(e->values[0]), "%s", l->name);
}

void export_relu(struct export *e, struct layer *l)
{
        char name[64];

        snprintf(name, sizeof(name), "%s.relu", l->name);
        onnx_writer_node(e->writer, "Relu", (const char *[]){ e->values[l->index], NULL },
                         (const char *[]){ name, NULL }, NULL);
        snprintf(e->values[l->index], sizeof(e->values[0]), "%s", name);
}

/* The batch norm that the layer's weights take in; NULL: none. */
static const struct layer *folded_norm(const struct layer *l)
{
        return l->n_consumers == 1 && export_is_folded(l->consumer) ? l->consumer : NULL;
}

/* Filters with what follows folded in. @rows filters of @n weights. */
static int folded_weights(struct export *e, const struct net *net, const struct layer *l, unsigned rows, size_t n,
                          float **ret_w, float **ret_b)
{
        const struct layer *bn = folded_norm(l);
        float *w = malloc(rows * n * sizeof(float)), *b = calloc(rows, sizeof(float));

        if (!w || !b) {
                free(w);
                free(b);
                return -ENOMEM;
        }
        for (unsigned k = 0; k < rows; k++) {
                double scale = 1, shift = 0; /* of what the layer gives now */

                if (bn)
                        batchnorm_affine(net, bn, k, &scale, &shift);
                if (!l->n_consumers && e->calibration) {
                        scale /= e->calibration->temperature;
                        shift += e->calibration->bias[k];
                }
                for (size_t i = 0; i < n; i++)
                        w[k * n + i] = (float)(scale * net->w[l->weight.at + k * n + i]);
                b[k] = (float)(shift + (l->bias.n ? scale * net->w[l->bias.at + k] : 0));
        }
        if (!l->n_consumers)
                e->calibration = NULL;
        *ret_w = w;
        *ret_b = b;
        return 0;
}

/* Writes weights and bias; the node's first input is left to the caller. */
static int write_weights(struct export *e, const struct net *net, const struct layer *l, unsigned rows, size_t n,
                         const int64_t *dims, unsigned n_dims, char (*names)[64])
{
        struct nn_tensor w = { .type = NN_FLOAT32, .n_dims = n_dims };
        struct nn_tensor b = { .type = NN_FLOAT32, .n_dims = 1, .dims = { rows } };
        float *weights, *bias;
        int r;

        for (unsigned i = 0; i < n_dims; i++)
                w.dims[i] = dims[i];
        snprintf(names[0], sizeof(names[0]), "%s.weight", l->name);
        snprintf(names[1], sizeof(names[1]), "%s.bias", l->name);
        /* weights can be most of the memory of a training: none is copied that need not be, or twice */
        if (l->bias.n && !folded_norm(l) && (l->n_consumers || !e->calibration)) {
                w.data = net->w + l->weight.at;
                b.data = net->w + l->bias.at;
                onnx_writer_lend_initializer(e->writer, names[0], &w);
                onnx_writer_lend_initializer(e->writer, names[1], &b);
                return 0;
        }
        r = folded_weights(e, net, l, rows, n, &weights, &bias);
        if (r < 0)
                return r;
        w.data = weights;
        b.data = bias;
        onnx_writer_take_initializer(e->writer, names[0], &w);
        onnx_writer_take_initializer(e->writer, names[1], &b);
        return 0;
}

int export_conv_node(struct export *e, struct net *net, struct layer *l, const struct export_conv *c)
{
        const int64_t dims[] = { c->filters, c->channels, c->kernel[0], c->kernel[1] };
        const int64_t strides[] = { c->stride, c->stride }, dilations[] = { c->dilation, c->dilation };
        const int64_t pads[] = { c->pads[0], c->pads[1], c->pads[2], c->pads[3] };
        const struct onnx_attribute attributes[] = {
                { .name = "kernel_shape", .kind = ONNX_INTS, .ints = dims + 2, .n = 2 },
                { .name = "strides", .kind = ONNX_INTS, .ints = strides, .n = 2 },
                { .name = "pads", .kind = ONNX_INTS, .ints = pads, .n = 4 },
                { .name = "dilations", .kind = ONNX_INTS, .ints = dilations, .n = 2 },
                { .name = "group", .kind = ONNX_INT, .i = c->groups },
                { 0 },
        };
        char names[2][64];
        int r;

        r = write_weights(e, net, l, c->filters, (size_t)c->channels * c->kernel[0] * c->kernel[1], dims, 4, names);
        if (r < 0)
                return r;
        onnx_writer_node(e->writer, "Conv",
                         (const char *[]){ e->values[l->inputs[0]->index], names[0], names[1], NULL },
                         (const char *[]){ l->name, NULL }, attributes);
        snprintf(e->values[l->index], sizeof(e->values[0]), "%s", l->name);
        return 0;
}

int export_fc_node(struct export *e, struct net *net, struct layer *l, unsigned units, size_t inputs)
{
        const int64_t dims[] = { units, (int64_t)inputs };
        const struct onnx_attribute attributes[] = { { .name = "transB", .kind = ONNX_INT, .i = 1 }, { 0 } };
        char names[2][64], flat[64];
        int r;

        r = write_weights(e, net, l, units, inputs, dims, 2, names);
        if (r < 0)
                return r;
        snprintf(flat, sizeof(flat), "%s.flat", l->name);
        onnx_writer_node(e->writer, "Flatten", (const char *[]){ e->values[l->inputs[0]->index], NULL },
                         (const char *[]){ flat, NULL }, NULL);
        onnx_writer_node(e->writer, "Gemm", (const char *[]){ flat, names[0], names[1], NULL },
                         (const char *[]){ l->name, NULL }, attributes);
        snprintf(e->values[l->index], sizeof(e->values[0]), "%s", l->name);
        return 0;
}

int export_layers(struct export *e, struct net *net)
{
        for (unsigned i = 1; i < net->n_layers; i++) {
                struct layer *l = net->layers[i];
                int r = l->ops->export ? l->ops->export(e, net, l) : -EOPNOTSUPP;

                if (r < 0)
                        return r;
        }
        return 0;
}
