/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Arithmetic value by value: activations, Add and its kin with broadcasting, BatchNormalization, PRelu */
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/op-broadcast.h"

static int same_shape(struct nn_call *c)
{
        return nn_call_set_output(c, 0, c->in[0]->type, c->in[0]->n_dims, c->in[0]->dims);
}

int nn_run_exp(struct nn_call *c)
{
        nn_vec_exp(c->isa, (size_t)nn_tensor_n_elements(c->in[0]), nn_f32(c->in[0]), nn_f32(c->out[0]));
        return 0;
}

/* A bound of Clip: an attribute before opset 11, then an optional constant scalar. */
static int clip_bound(struct nn_call *c, unsigned input, const char *attribute, float otherwise, float *ret)
{
        const struct nn_tensor *t = nn_call_in(c, input);

        *ret = nn_node_float(c->node, attribute, otherwise);
        if (!t)
                return 0;
        if (t->type != NN_FLOAT32 || nn_tensor_n_elements(t) != 1)
                return nn_call_fail(c, -EINVAL, "%s is no float32 scalar", attribute);
        if (t->data)
                *ret = nn_f32(t)[0];
        return 0;
}

int nn_shape_act(struct nn_call *c)
{
        struct nn_act *act = &c->p.act;
        int r = nn_call_need_float(c, 0);

        if (r < 0)
                return r;
        *act = (struct nn_act){ .kind = c->op->act };
        if (act->kind == NN_ACT_LEAKY)
                act->a = nn_node_float(c->node, "alpha", 0.01f);
        if (act->kind == NN_ACT_ELU)
                act->a = nn_node_float(c->node, "alpha", 1);
        if (act->kind == NN_ACT_HARD_SIGMOID) {
                act->a = nn_node_float(c->node, "alpha", 0.2f);
                act->b = nn_node_float(c->node, "beta", 0.5f);
        }
        if (act->kind == NN_ACT_CLIP) {
                r = clip_bound(c, 1, "min", -FLT_MAX, &act->a);
                if (r == 0)
                        r = clip_bound(c, 2, "max", FLT_MAX, &act->b);
                if (r < 0)
                        return r;
        }
        return same_shape(c);
}

int nn_run_act(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        size_t n = (size_t)nn_tensor_n_elements(x);

        /* bounds may be computed in each run */
        for (unsigned i = 1; i < c->n_in; i++)
                if (c->in[i])
                        *(i == 1 ? &c->p.act.a : &c->p.act.b) = nn_f32(c->in[i])[0];
        if (c->layout_in == NN_BLOCKED)
                nn_act_run(c->isa, &c->p.act, NN_BLOCKED, (size_t)x->dims[0], (size_t)x->dims[1],
                           (size_t)(x->dims[2] * x->dims[3]), nn_f32(x), nn_f32(c->out[0]));
        else if (n > 0)
                nn_act_run(c->isa, &c->p.act, NN_PLAIN, 1, 1, n, nn_f32(x), nn_f32(c->out[0]));
        return 0;
}

int nn_shape_binary(struct nn_call *c)
{
        struct nn_tensor shape = { 0 };
        enum nn_type type = c->in[0]->type;
        int r;

        if (type != c->in[1]->type)
                return nn_call_fail(c, -EINVAL, "element types %s and %s", nn_type_name(type),
                                    nn_type_name(c->in[1]->type));
        if (type != NN_FLOAT32 && type != NN_INT64 && type != NN_INT32)
                return nn_call_fail(c, -EOPNOTSUPP, "element type %s is not supported", nn_type_name(type));
        c->p.binary.op = c->op->binary;
        r = nn_broadcast_init(c, 2, &c->p.binary.b, &shape);
        if (r < 0)
                return r;
        return nn_call_set_output(c, 0, type, shape.n_dims, shape.dims);
}

static void row_f32(const struct nn_call *c, const float *a, const float *b, float *y)
{
        const struct nn_broadcast *w = &c->p.binary.b;
        int64_t n = w->dims[0], sa = w->stride[0][0], sb = w->stride[1][0];
        enum nn_binary op = c->p.binary.op;

        if (sa == 1 && sb == 1) {
                nn_vec_binary(c->isa, op, false, (size_t)n, a, b, y);
                return;
        }
        if (sa == 1 && sb == 0) {
                nn_vec_binary_scalar(c->isa, op, false, (size_t)n, a, *b, y);
                return;
        }
        if (sa == 0 && sb == 1) {
                nn_vec_binary_scalar(c->isa, op, true, (size_t)n, b, *a, y);
                return;
        }
        switch (op) {
        case NN_ADD:
                for (int64_t i = 0; i < n; i++)
                        y[i] = a[i * sa] + b[i * sb];
                break;
        case NN_SUB:
                for (int64_t i = 0; i < n; i++)
                        y[i] = a[i * sa] - b[i * sb];
                break;
        case NN_MUL:
                for (int64_t i = 0; i < n; i++)
                        y[i] = a[i * sa] * b[i * sb];
                break;
        case NN_DIV:
                for (int64_t i = 0; i < n; i++)
                        y[i] = a[i * sa] / b[i * sb];
                break;
        case NN_MAX:
                for (int64_t i = 0; i < n; i++)
                        y[i] = a[i * sa] > b[i * sb] ? a[i * sa] : b[i * sb];
                break;
        case NN_MIN:
                for (int64_t i = 0; i < n; i++)
                        y[i] = a[i * sa] < b[i * sb] ? a[i * sa] : b[i * sb];
                break;
        }
}

/* Wraps around as the hardware does; a division that has no result fails. */
static int one_int(enum nn_binary op, int64_t a, int64_t b, int64_t *ret)
{
        switch (op) {
        case NN_ADD:
                *ret = (int64_t)((uint64_t)a + (uint64_t)b);
                return 0;
        case NN_SUB:
                *ret = (int64_t)((uint64_t)a - (uint64_t)b);
                return 0;
        case NN_MUL:
                *ret = (int64_t)((uint64_t)a * (uint64_t)b);
                return 0;
        case NN_MAX:
                *ret = MAX(a, b);
                return 0;
        case NN_MIN:
                *ret = MIN(a, b);
                return 0;
        default:
                if (b == 0)
                        return -EINVAL;
                *ret = b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
                return 0;
        }
}

static int row_int(enum nn_binary op, enum nn_type type, int64_t n, const void *a, int64_t sa, const void *b,
                   int64_t sb, void *y)
{
        int64_t v;

        for (int64_t i = 0; i < n; i++) {
                if (type == NN_INT64) {
                        if (one_int(op, ((const int64_t *)a)[i * sa], ((const int64_t *)b)[i * sb], &v) < 0)
                                return -EINVAL;
                        ((int64_t *)y)[i] = v;
                } else {
                        if (one_int(op, ((const int32_t *)a)[i * sa], ((const int32_t *)b)[i * sb], &v) < 0)
                                return -EINVAL;
                        ((int32_t *)y)[i] = (int32_t)v;
                }
        }
        return 0;
}

static void run_blocked(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        size_t n = (size_t)x->dims[0], channels = (size_t)x->dims[1], h = (size_t)x->dims[2], w = (size_t)x->dims[3];

        if (c->p.binary.scale)
                nn_scale_channels(c->isa, c->p.binary.op, NN_BLOCKED, true, n, channels, h * w, nn_f32(x),
                                  nn_f32(c->in[1]), nn_f32(c->out[0]));
        else
                nn_vec_binary(c->isa, c->p.binary.op, c->p.binary.relu, nn_blocked_floats(c->isa, n, channels, h, w),
                              nn_f32(x), nn_f32(c->in[1]), nn_f32(c->out[0]));
}

int nn_run_binary(struct nn_call *c)
{
        const struct nn_broadcast *w = &c->p.binary.b;
        int64_t index[NN_MAX_DIMS] = { 0 }, from[2] = { 0 }, at = 0, n = w->dims[0];
        int64_t sa = w->stride[0][0], sb = w->stride[1][0];
        enum nn_type type = c->out[0]->type;
        size_t item = nn_type_size(type);

        if (nn_tensor_n_elements(c->out[0]) == 0)
                return 0;
        if (c->layout_in == NN_BLOCKED) {
                run_blocked(c);
                return 0;
        }
        if (type == NN_FLOAT32 && w->n_dims == 1 && sa == 1 && sb == 1) {
                nn_vec_binary(c->isa, c->p.binary.op, c->p.binary.relu, (size_t)n, nn_f32(c->in[0]), nn_f32(c->in[1]),
                              nn_f32(c->out[0]));
                return 0;
        }
        do {
                const uint8_t *pa = (const uint8_t *)c->in[0]->data + (size_t)from[0] * item;
                const uint8_t *pb = (const uint8_t *)c->in[1]->data + (size_t)from[1] * item;
                uint8_t *y = (uint8_t *)c->out[0]->data + (size_t)at * item;

                if (type == NN_FLOAT32)
                        row_f32(c, (const void *)pa, (const void *)pb, (void *)y);
                else if (row_int(c->p.binary.op, type, n, pa, sa, pb, sb, y) < 0)
                        return nn_call_fail(c, -EINVAL, "division by zero");
                at += n;
        } while (nn_broadcast_next(w, 2, index, from));
        if (c->p.binary.relu)
                for (int64_t i = 0; i < at; i++)
                        nn_f32(c->out[0])[i] = nn_f32(c->out[0])[i] < 0 ? 0 : nn_f32(c->out[0])[i];
        return 0;
}

int nn_shape_prelu(struct nn_call *c)
{
        struct nn_tensor shape = { 0 };
        int r;

        if ((r = nn_call_need_float(c, 0)) < 0 || (r = nn_call_need_float(c, 1)) < 0 ||
            (r = nn_broadcast_init(c, 2, &c->p.binary.b, &shape)) < 0)
                return r;
        if (!nn_tensor_same_shape(&shape, c->in[0]))
                return nn_call_fail(c, -EINVAL, "slope of shape %s for %s", NN_SHAPE_STRING(c->in[1]),
                                    NN_SHAPE_STRING(c->in[0]));
        return same_shape(c);
}

int nn_run_prelu(struct nn_call *c)
{
        const struct nn_broadcast *w = &c->p.binary.b;
        int64_t index[NN_MAX_DIMS] = { 0 }, at[2] = { 0 };
        float *y = nn_f32(c->out[0]);

        if (nn_tensor_n_elements(c->out[0]) == 0)
                return 0;
        do {
                const float *x = nn_f32(c->in[0]) + at[0], *slope = nn_f32(c->in[1]) + at[1];

                for (int64_t i = 0; i < w->dims[0]; i++) {
                        float v = x[i * w->stride[0][0]];

                        *y++ = v < 0 ? v * slope[i * w->stride[1][0]] : v;
                }
        } while (nn_broadcast_next(w, 2, index, at));
        return 0;
}

int nn_shape_batch_norm(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int r;

        for (unsigned i = 0; i < 5; i++)
                if ((r = nn_call_need_float(c, i)) < 0)
                        return r;
        if (x->n_dims < 2 || x->dims[1] < 1)
                return nn_call_fail(c, -EINVAL, "input of shape %s", NN_SHAPE_STRING(x));
        if (nn_node_int(c->node, "training_mode", 0) != 0 || nn_node_int(c->node, "spatial", 1) != 1 ||
            (c->opset < 7 && nn_node_int(c->node, "is_test", 0) == 0))
                return nn_call_fail(c, -EOPNOTSUPP, "training and spatial=0 are not supported");
        for (unsigned i = 1; i < 5; i++) {
                if (c->in[i]->n_dims != 1 || c->in[i]->dims[0] != x->dims[1])
                        return nn_call_fail(c, -EINVAL, "parameter of shape %s", NN_SHAPE_STRING(c->in[i]));
        }
        c->p.affine.owned = NULL;
        c->p.affine.open = !nn_call_constant_from(c, 1);
        return same_shape(c);
}

static void compute_affine(struct nn_call *c)
{
        size_t n = (size_t)c->in[0]->dims[1];
        float *scale = c->p.affine.owned, epsilon = nn_node_float(c->node, "epsilon", 1e-5f);

        for (size_t i = 0; i < n; i++) {
                scale[i] = nn_f32(c->in[1])[i] / sqrtf(nn_f32(c->in[4])[i] + epsilon);
                scale[n + i] = nn_f32(c->in[2])[i] - nn_f32(c->in[3])[i] * scale[i];
        }
}

int nn_prepare_batch_norm(struct nn_call *c)
{
        size_t n = (size_t)c->in[0]->dims[1];
        float *scale = malloc(2 * n * sizeof(float));

        if (!scale)
                return -ENOMEM;
        c->packed_bytes = 2 * n * sizeof(float);
        c->p.affine.owned = scale;
        c->p.affine.scale = scale;
        c->p.affine.shift = scale + n;
        if (!c->p.affine.open)
                compute_affine(c);
        return 0;
}

int nn_run_batch_norm(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int64_t hw = nn_product(x->dims, 2, x->n_dims), nc = x->dims[0] * x->dims[1];

        if (c->p.affine.open)
                compute_affine(c);
        for (int64_t i = 0; i < nc; i++) {
                float scale = c->p.affine.scale[i % x->dims[1]], shift = c->p.affine.shift[i % x->dims[1]];

                for (int64_t k = 0; k < hw; k++)
                        nn_f32(c->out[0])[i * hw + k] = nn_f32(x)[i * hw + k] * scale + shift;
        }
        return 0;
}

void nn_release_batch_norm(struct nn_call *c)
{
        free(c->p.affine.owned);
        c->p.affine.owned = NULL;
}

/* Parameters that change could hold a batch. */
bool nn_batched_parameters(const struct nn_call *c)
{
        return nn_call_constant_from(c, 1);
}
