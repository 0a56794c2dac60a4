/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The quantised network as a file. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/kernels/int8.h"
#include "nn/onnx-write.h"
#include "nn/op.h"
#include "train/model/quantize.h"

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

struct output {
        const struct quantizer *z;
        struct onnx_writer *w;
        bool *written; /* per value: weights or bias that have their bytes already, or that stand as they are */
        int error;
};

/* "NAME_SUFFIX"; freed by the caller, NULL and o->error without memory. */
static char *suffixed(struct output *o, const char *name, const char *suffix)
{
        char *s;

        if (asprintf(&s, "%s_%s", name, suffix) >= 0)
                return s;
        o->error = -ENOMEM;
        return NULL;
}

static const char *name_of(const struct output *o, uint32_t v)
{
        return o->z->m->values[v].name;
}

static void initializer(struct output *o, const char *name, enum nn_type type, unsigned n_dims, const int64_t *dims,
                        const void *data)
{
        struct nn_tensor t = { .type = type, .n_dims = n_dims, .data = (void *)data };

        if (n_dims)
                memcpy(t.dims, dims, n_dims * sizeof(*dims));
        if (name)
                onnx_writer_initializer(o->w, name, &t);
}

/* NAME_q, NAME_scale and, if @zeros, NAME_zero become NAME_dq; scales along @axis. */
static void dequantized(struct output *o, const char *name, const struct nn_tensor *bytes, int64_t n_scales,
                        int64_t axis, const float *scales, const void *zeros)
{
        const struct onnx_attribute attributes[] = { { .name = "axis", .kind = ONNX_INT, .i = axis }, { 0 } };
        _cleanup_(freep) char *q = suffixed(o, name, "q"), *scale = suffixed(o, name, "scale");
        _cleanup_(freep) char *zero = suffixed(o, name, "zero"), *dq = suffixed(o, name, "dq");

        if (o->error)
                return;
        onnx_writer_initializer(o->w, q, bytes);
        initializer(o, scale, NN_FLOAT32, 1, &n_scales, scales);
        if (zeros)
                initializer(o, zero, bytes->type, 1, &n_scales, zeros);
        onnx_writer_node(o->w, "DequantizeLinear", zeros ? NAMES(q, scale, zero) : NAMES(q, scale), NAMES(dq),
                         attributes);
}

/* The largest weight of each of @n outputs becomes 127. @step: from one weight of an output to the next; @stride: from
 * one output to the next. */
static void round_weights(const float *w, size_t n, size_t per_output, size_t stride, size_t step, float *scales,
                          int8_t *q)
{
        for (size_t k = 0; k < n; k++) {
                float largest = 0;

                for (size_t i = 0; i < per_output; i++)
                        largest = fmaxf(largest, fabsf(w[k * stride + i * step]));
                scales[k] = largest > 1e-30f && isfinite(largest) ? largest / 127 : 1;
                for (size_t i = 0; i < per_output; i++)
                        q[k * stride + i * step] = nn_weight_to_int8(w[k * stride + i * step] / scales[k]);
        }
}

/* The weights of node @n as bytes with a scale per output along @axis. @ret_scales: malloc()ed. */
static void weights(struct output *o, const struct nn_node *n, unsigned axis, float **ret_scales)
{
        const struct nn_tensor *w = &o->z->m->values[n->in[1]].t;
        size_t outputs = (size_t)w->dims[axis], per = (size_t)nn_tensor_n_elements(w) / outputs;
        float *scales = calloc(outputs, sizeof(*scales));
        _cleanup_(freep) int8_t *q = malloc(outputs * per + 1), *zeros = calloc(outputs, 1);
        struct nn_tensor bytes = *w;

        *ret_scales = scales;
        if (!scales || !q || !zeros) {
                o->error = -ENOMEM;
                return;
        }
        if (axis == 0)
                round_weights(w->data, outputs, per, per, 1, scales, q);
        else
                round_weights(w->data, outputs, per, 1, outputs, scales, q);
        bytes.type = NN_INT8;
        bytes.data = q;
        if (!o->written[n->in[1]])
                dequantized(o, name_of(o, n->in[1]), &bytes, (int64_t)outputs, axis, scales, zeros);
        o->written[n->in[1]] = true;
}

static const struct quantized_value *quant_of(const struct output *o, uint32_t v)
{
        return &o->z->values[o->z->values[v].like];
}

/* The bias in units of the sums. */
static void bias(struct output *o, const struct nn_node *n, float *scales)
{
        const struct nn_tensor *b = &o->z->m->values[n->in[2]].t;
        struct nn_tensor whole = *b;
        size_t count = (size_t)nn_tensor_n_elements(b);
        _cleanup_(freep) int32_t *q = malloc(count * sizeof(*q) + 1);
        /* two convolutions may share a bias, but not its scale */
        const char *name = name_of(o, n->out[0]);
        _cleanup_(freep) char *own = suffixed(o, name, "bias");

        if (!q || o->error) {
                o->error = -ENOMEM;
                return;
        }
        for (size_t k = 0; k < count; k++) {
                scales[k] *= quant_of(o, n->in[0])->scale;
                q[k] = (int32_t)fmin(fmax(rint((double)((float *)b->data)[k] / (double)scales[k]), -2147483520.),
                                     2147483520.);
        }
        whole.type = NN_INT32;
        whole.data = q;
        dequantized(o, own, &whole, (int64_t)count, 0, scales, NULL);
}

/* QuantizeLinear and DequantizeLinear behind value @v, if it is wanted. */
static void activation(struct output *o, uint32_t v)
{
        const char *name = name_of(o, v);
        _cleanup_(freep) char *q = NULL, *dq = NULL, *scale = NULL, *zero = NULL;
        uint8_t byte;

        if (!o->z->values[v].wanted)
                return;
        q = suffixed(o, name, "q");
        dq = suffixed(o, name, "dq");
        scale = suffixed(o, name, "scale");
        zero = suffixed(o, name, "zero");
        if (o->error)
                return;
        byte = (uint8_t)quant_of(o, v)->zero;
        initializer(o, scale, NN_FLOAT32, 0, NULL, &quant_of(o, v)->scale);
        initializer(o, zero, NN_UINT8, 0, NULL, &byte);
        onnx_writer_node(o->w, "QuantizeLinear", NAMES(name, scale, zero), NAMES(q), NULL);
        onnx_writer_node(o->w, "DequantizeLinear", NAMES(q, scale, zero), NAMES(dq), NULL);
}

static void copy_attributes(const struct nn_node *n, struct onnx_attribute *to, int *ret_error)
{
        for (size_t i = 0; i < n->n_attributes; i++) {
                const struct nn_attribute *a = &n->attributes[i];

                to[i] = (struct onnx_attribute){ .name = a->name,
                                                 .i = a->i,
                                                 .f = a->f,
                                                 .s = a->s,
                                                 .ints = a->ints,
                                                 .floats = a->floats,
                                                 .n = a->n };
                switch (a->kind) {
                case NN_ATTRIBUTE_INT:
                        to[i].kind = ONNX_INT;
                        break;
                case NN_ATTRIBUTE_FLOAT:
                        to[i].kind = ONNX_FLOAT;
                        break;
                case NN_ATTRIBUTE_STRING:
                        to[i].kind = ONNX_STRING;
                        break;
                case NN_ATTRIBUTE_INTS:
                        to[i].kind = ONNX_INTS;
                        break;
                case NN_ATTRIBUTE_FLOATS:
                        to[i].kind = ONNX_FLOATS;
                        break;
                case NN_ATTRIBUTE_TENSOR: /* of Constant, which reading made an initializer */
                        *ret_error = -EOPNOTSUPP;
                        break;
                }
        }
}

/* The name under which node @i reads its input @k; freed by the caller. */
static char *input_name(struct output *o, size_t i, unsigned k)
{
        const struct nn_node *n = &o->z->m->nodes[i];
        uint32_t v = n->in[k];
        _cleanup_(freep) char *own = NULL;
        char *s;

        if (v == NN_NO_VALUE)
                s = strdup("");
        else if (o->z->values[v].wanted || (k == 1 && o->z->nodes[i] != QUANTIZE_NOT))
                s = suffixed(o, name_of(o, v), "dq");
        else if (k == 2 && o->z->nodes[i] == QUANTIZE_CONV)
                s = (own = suffixed(o, name_of(o, n->out[0]), "bias")) ? suffixed(o, own, "dq") : NULL;
        else {
                if (o->z->m->values[v].t.data && !o->written[v]) {
                        onnx_writer_initializer(o->w, name_of(o, v), &o->z->m->values[v].t);
                        o->written[v] = true;
                }
                s = strdup(name_of(o, v));
        }
        if (!s)
                o->error = -ENOMEM;
        return s;
}

static void node(struct output *o, size_t i)
{
        const struct nn_node *n = &o->z->m->nodes[i];
        struct onnx_attribute *attributes = calloc(n->n_attributes + 1, sizeof(*attributes));
        char **in = calloc(n->n_in + 1, sizeof(*in));
        const char **out = calloc(n->n_out + 1, sizeof(*out));
        float *scales = NULL;

        if (!attributes || !in || !out) {
                o->error = -ENOMEM;
        } else {
                if (o->z->nodes[i] != QUANTIZE_NOT)
                        weights(o, n, o->z->nodes[i] == QUANTIZE_CONV || nn_node_int(n, "transB", 0) ? 0 : 1, &scales);
                if (o->z->nodes[i] == QUANTIZE_CONV && n->n_in > 2 && n->in[2] != NN_NO_VALUE && scales)
                        bias(o, n, scales);
                copy_attributes(n, attributes, &o->error);
                for (unsigned k = 0; k < n->n_in; k++)
                        in[k] = input_name(o, i, k);
                for (unsigned k = 0; k < n->n_out; k++)
                        out[k] = n->out[k] == NN_NO_VALUE ? "" : name_of(o, n->out[k]);
                if (!o->error)
                        onnx_writer_node(o->w, n->op->name, (const char *const *)in, out, attributes);
                for (unsigned k = 0; k < n->n_out && !o->error; k++)
                        if (n->out[k] != NN_NO_VALUE)
                                activation(o, n->out[k]);
        }
        for (unsigned k = 0; in && k < n->n_in; k++)
                free(in[k]);
        free(in);
        free(out);
        free(attributes);
        free(scales);
}

static void writerp(struct onnx_writer **w)
{
        onnx_writer_free(*w);
}

int quantize_write(const struct quantizer *z, const char *out)
{
        const struct nn_model *m = z->m;
        _cleanup_(writerp) struct onnx_writer *w = NULL;
        _cleanup_(freep) bool *written = calloc(m->n_values + 1, sizeof(*written));
        struct output o = { .z = z, .written = written };
        int r = onnx_writer_new(m->graph_name, &w);

        if (r < 0 || !written)
                return r < 0 ? r : -ENOMEM;
        o.w = w;
        onnx_writer_opset(w, m->opset);
        for (size_t i = 0; i < m->n_inputs; i++) {
                const struct nn_tensor *t = &m->input_decls[i];

                onnx_writer_input(w, name_of(&o, m->inputs[i]), t->type, t->dims, t->n_dims);
                activation(&o, m->inputs[i]);
        }
        for (size_t i = 0; i < m->n_nodes && !o.error; i++)
                node(&o, i);
        for (size_t i = 0; i < m->n_outputs; i++) {
                const struct nn_tensor *t = &m->output_decls[i];

                onnx_writer_output(w, name_of(&o, m->outputs[i]), t->type ? t->type : NN_FLOAT32, t->dims, t->n_dims);
        }
        for (size_t i = 0; i < m->n_metadata; i++)
                onnx_writer_metadata(w, m->metadata[2 * i], m->metadata[2 * i + 1]);
        return o.error ? o.error : onnx_writer_save(w, out);
}
