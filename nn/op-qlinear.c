/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operators that onnxruntime's static quantisation adds to those of ONNX, as it documents them, plainly. */
#include <errno.h>
#include <math.h>

#include "nn/op-quant.h"

/* Of QLinearAdd and QLinearMul: a, scale, zero, b, scale, zero, y scale, zero. */
#define B 3u
#define Y 6u

/* Dim @k, counted from the last, of @t over a result of more dims; 1 where it has none. */
static int64_t dim_from_end(const struct nn_tensor *t, unsigned k)
{
        return k < t->n_dims ? t->dims[t->n_dims - 1 - k] : 1;
}

int nn_shape_qlinear_binary(struct nn_call *c)
{
        const struct nn_tensor *a = c->in[0], *b = c->in[B];
        unsigned n = MAX(a->n_dims, b->n_dims);
        int64_t dims[NN_MAX_DIMS];
        int r = nn_quant_need_byte(c, 0);

        if (r == 0 && a->type != b->type)
                r = nn_call_fail(c, -EINVAL, "inputs %s and %s", nn_type_name((int)a->type),
                                 nn_type_name((int)b->type));
        for (unsigned i = 0; i < 3 && r == 0; i++)
                r = nn_quant_check(c, i == 0 ? 1 : i == 1 ? B + 1 : Y, a->type, 1);
        for (unsigned k = 0; k < n && r == 0; k++) {
                int64_t x = dim_from_end(a, k), y = dim_from_end(b, k);

                if (x != y && x != 1 && y != 1)
                        r = nn_call_fail(c, -EINVAL, "inputs %s and %s", NN_SHAPE_STRING(a), NN_SHAPE_STRING(b));
                dims[n - 1 - k] = x == 1 ? y : x;
        }
        return r < 0 ? r : nn_call_set_output(c, 0, a->type, n, dims);
}

/* Where element @at of @y is in @t, which is broadcast to it. */
static int64_t place_in(const struct nn_tensor *t, const struct nn_tensor *y, int64_t at)
{
        int64_t place = 0, step = 1;

        for (unsigned k = 0; k < y->n_dims; k++) {
                int64_t n = y->dims[y->n_dims - 1 - k], own = dim_from_end(t, k);

                place += own == 1 ? 0 : at % n * step;
                step *= own;
                at /= n;
        }
        return place;
}

static int run_binary(struct nn_call *c, bool product)
{
        const struct nn_tensor *a = c->in[0], *b = c->in[B], *y = c->out[0];
        double sa = (double)nn_quant_scale(c->in[1], 0), sb = (double)nn_quant_scale(c->in[B + 1], 0);
        double sy = (double)nn_quant_scale(c->in[Y], 0);
        int32_t za = nn_quant_number(nn_call_in(c, 2), 0), zb = nn_quant_number(nn_call_in(c, B + 2), 0);
        int32_t zy = nn_quant_number(nn_call_in(c, Y + 1), 0);
        int64_t n = nn_tensor_n_elements(y), n_a = nn_tensor_n_elements(a), n_b = nn_tensor_n_elements(b);

        for (int64_t i = 0; i < n; i++) {
                int64_t at_a = n_a == 1 ? 0 : place_in(a, y, i), at_b = n_b == 1 ? 0 : place_in(b, y, i);
                /* the only number of a tensor is what nn_quant_number() gives for any place */
                double va = sa * (nn_quant_number(a, at_a) - za), vb = sb * (nn_quant_number(b, at_b) - zb);

                nn_quant_put(y, i, nearbyint((product ? va * vb : va + vb) / sy) + zy);
        }
        return 0;
}

int nn_run_qlinear_add(struct nn_call *c)
{
        return run_binary(c, false);
}

int nn_run_qlinear_mul(struct nn_call *c)
{
        return run_binary(c, true);
}

int nn_shape_qlinear_average(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int64_t dims[NN_MAX_DIMS];
        int r = nn_quant_need_byte(c, 0);

        if (r == 0 && nn_node_int(c->node, "channels_last", 0) != 0)
                r = nn_call_fail(c, -EOPNOTSUPP, "channels_last is not supported");
        if (r == 0 && x->n_dims < 3)
                r = nn_call_fail(c, -EINVAL, "input of shape %s", NN_SHAPE_STRING(x));
        if (r == 0)
                r = nn_quant_check(c, 1, x->type, 1);
        if (r == 0)
                r = nn_quant_check(c, 3, x->type, 1);
        for (unsigned k = 0; k < x->n_dims && r == 0; k++)
                dims[k] = k < 2 ? x->dims[k] : 1;
        return r < 0 ? r : nn_call_set_output(c, 0, x->type, x->n_dims, dims);
}

int nn_run_qlinear_average(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0], *y = c->out[0];
        double scale = (double)nn_quant_scale(c->in[1], 0) / (double)nn_quant_scale(c->in[3], 0);
        int32_t zx = nn_quant_number(nn_call_in(c, 2), 0), zy = nn_quant_number(nn_call_in(c, 4), 0);
        int64_t n = nn_tensor_n_elements(y), inner = n ? nn_tensor_n_elements(x) / n : 0;

        for (int64_t i = 0; i < n; i++) {
                int64_t sum = 0;

                for (int64_t k = 0; k < inner; k++)
                        sum += nn_quant_number(x, i * inner + k) - zx;
                nn_quant_put(y, i, nearbyint(scale * (inner ? (double)sum / (double)inner : 0)) + zy);
        }
        return 0;
}

/* QGemm: a, scale, zero, b, scale, zero, c, y scale, zero; a scale of b may be one for each column. */
static bool is_turned(const struct nn_call *c, const char *name)
{
        return nn_node_int(c->node, name, 0) != 0;
}

int nn_shape_qgemm(struct nn_call *c)
{
        const struct nn_tensor *a = c->in[0], *b = c->in[B], *bias = nn_call_in(c, 6), *scale = nn_call_in(c, 7);
        int64_t dims[2], k;
        int r = nn_quant_need_byte(c, 0);

        if (r == 0)
                r = nn_quant_need_byte(c, B);
        if (r < 0)
                return r;
        if (a->n_dims != 2 || b->n_dims != 2)
                return nn_call_fail(c, -EINVAL, "inputs %s and %s", NN_SHAPE_STRING(a), NN_SHAPE_STRING(b));
        dims[0] = a->dims[is_turned(c, "transA")];
        dims[1] = b->dims[!is_turned(c, "transB")];
        k = a->dims[!is_turned(c, "transA")];
        if (k != b->dims[is_turned(c, "transB")])
                return nn_call_fail(c, -EINVAL, "inputs %s and %s", NN_SHAPE_STRING(a), NN_SHAPE_STRING(b));
        if (bias &&
            (bias->type != NN_INT32 || nn_tensor_n_elements(bias) != dims[1] || dim_from_end(bias, 0) != dims[1]))
                return nn_call_fail(c, -EOPNOTSUPP, "bias of %s %s", nn_type_name((int)bias->type),
                                    NN_SHAPE_STRING(bias));
        r = nn_quant_check(c, 1, a->type, 1);
        if (r == 0)
                r = nn_quant_check(c, B + 1, b->type, dims[1]);
        if (r == 0 && scale)
                r = nn_quant_check(c, 7, a->type, 1);
        return r < 0 ? r : nn_call_set_output(c, 0, scale ? a->type : NN_FLOAT32, 2, dims);
}

int nn_run_qgemm(struct nn_call *c)
{
        const struct nn_tensor *a = c->in[0], *b = c->in[B], *y = c->out[0], *bias = nn_call_in(c, 6);
        const struct nn_tensor *scale = nn_call_in(c, 7);
        bool turn_a = is_turned(c, "transA"), turn_b = is_turned(c, "transB");
        int64_t m = y->dims[0], n = y->dims[1], depth = a->dims[!turn_a];
        double factor = (double)nn_node_float(c->node, "alpha", 1) * (double)nn_quant_scale(c->in[1], 0);
        int32_t za = nn_quant_number(nn_call_in(c, 2), 0);

        for (int64_t at = 0; at < m * n; at++) {
                int64_t i = at / n, j = at % n;
                int32_t zb = nn_quant_number(nn_call_in(c, B + 2), j);
                uint32_t sum = bias ? (uint32_t)nn_quant_number(bias, j) : 0;
                double v;

                for (int64_t l = 0; l < depth; l++)
                        sum += (uint32_t)((nn_quant_number(a, turn_a ? l * m + i : i * depth + l) - za) *
                                          (nn_quant_number(b, turn_b ? j * depth + l : l * n + j) - zb));
                v = (int32_t)sum * factor * (double)nn_quant_scale(c->in[B + 1], j);
                if (scale)
                        nn_quant_put(y, at,
                                     nearbyint(v / (double)nn_quant_scale(scale, 0)) +
                                             nn_quant_number(nn_call_in(c, 8), 0));
                else
                        nn_f32(y)[at] = (float)v;
        }
        return 0;
}

double nn_macs_qgemm(const struct nn_call *c)
{
        return (double)nn_tensor_n_elements(c->out[0]) * (double)c->in[0]->dims[!is_turned(c, "transA")];
}
