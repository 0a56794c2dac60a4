/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LayerNormalization, InstanceNormalization, LogSoftmax */
#include <errno.h>
#include <math.h>

#include "nn/op.h"

/* Mean and 1 / deviation of @n values. */
static void moments(const float *x, int64_t n, float epsilon, float *ret_mean, float *ret_factor)
{
        double sum = 0, squares = 0;

        for (int64_t i = 0; i < n; i++)
                sum += (double)x[i];
        sum /= (double)n;
        for (int64_t i = 0; i < n; i++)
                squares += ((double)x[i] - sum) * ((double)x[i] - sum);
        *ret_mean = (float)sum;
        *ret_factor = (float)(1 / sqrt(squares / (double)n + (double)epsilon));
}

int nn_shape_layer_norm(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0], *scale = c->in[1], *bias = nn_call_in(c, 2);
        int64_t axis = nn_node_int(c->node, "axis", -1), dims[NN_MAX_DIMS], inner;
        int r = nn_call_axis(c, &axis, x->n_dims);

        for (unsigned i = 0; r == 0 && i < 3; i++)
                r = nn_call_need_float(c, i);
        if (r < 0)
                return r;
        inner = nn_product(x->dims, (unsigned)axis, x->n_dims);
        if (inner == 0 || nn_tensor_n_elements(scale) != inner || (bias && nn_tensor_n_elements(bias) != inner))
                return nn_call_fail(c, -EINVAL, "scale of shape %s for %s", NN_SHAPE_STRING(scale), NN_SHAPE_STRING(x));
        if (nn_node_int(c->node, "stash_type", 1) != 1)
                return nn_call_fail(c, -EOPNOTSUPP, "stash_type other than 1 is not supported");
        for (unsigned i = 0; i < x->n_dims; i++)
                dims[i] = i < axis ? x->dims[i] : 1;
        c->p.reduce.axis = axis;
        c->p.reduce.axes = axis == 0 ? 1 : 0;
        r = nn_call_set_output(c, 0, NN_FLOAT32, x->n_dims, x->dims);
        if (r == 0)
                r = nn_call_set_output(c, 1, NN_FLOAT32, x->n_dims, dims);
        return r < 0 ? r : nn_call_set_output(c, 2, NN_FLOAT32, x->n_dims, dims);
}

int nn_run_layer_norm(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0], *bias = nn_call_in(c, 2);
        int64_t inner = nn_product(x->dims, (unsigned)c->p.reduce.axis, x->n_dims);
        int64_t outer = nn_tensor_n_elements(x) / inner;
        float epsilon = nn_node_float(c->node, "epsilon", 1e-5f), mean, factor;

        for (int64_t o = 0; o < outer; o++) {
                const float *from = nn_f32(x) + o * inner;
                float *y = nn_f32(c->out[0]) + o * inner;

                moments(from, inner, epsilon, &mean, &factor);
                for (int64_t i = 0; i < inner; i++)
                        y[i] = (from[i] - mean) * factor * nn_f32(c->in[1])[i] + (bias ? nn_f32(bias)[i] : 0);
                if (c->n_out > 1 && c->out[1])
                        nn_f32(c->out[1])[o] = mean;
                if (c->n_out > 2 && c->out[2])
                        nn_f32(c->out[2])[o] = factor;
        }
        return 0;
}

int nn_shape_instance_norm(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int r = 0;

        for (unsigned i = 0; r == 0 && i < 3; i++)
                r = nn_call_need_float(c, i);
        if (r < 0)
                return r;
        if (x->n_dims < 3 || nn_tensor_n_elements(x) == 0)
                return nn_call_fail(c, -EINVAL, "input of shape %s", NN_SHAPE_STRING(x));
        for (unsigned i = 1; i < 3; i++)
                if (c->in[i]->n_dims != 1 || c->in[i]->dims[0] != x->dims[1])
                        return nn_call_fail(c, -EINVAL, "parameter of shape %s", NN_SHAPE_STRING(c->in[i]));
        return nn_call_set_output(c, 0, NN_FLOAT32, x->n_dims, x->dims);
}

int nn_run_instance_norm(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int64_t hw = nn_product(x->dims, 2, x->n_dims), nc = x->dims[0] * x->dims[1];
        float epsilon = nn_node_float(c->node, "epsilon", 1e-5f), mean, factor;

        for (int64_t k = 0; k < nc; k++) {
                const float *from = nn_f32(x) + k * hw;
                float *y = nn_f32(c->out[0]) + k * hw, shift = nn_f32(c->in[2])[k % x->dims[1]];

                moments(from, hw, epsilon, &mean, &factor);
                factor *= nn_f32(c->in[1])[k % x->dims[1]];
                for (int64_t i = 0; i < hw; i++)
                        y[i] = (from[i] - mean) * factor + shift;
        }
        return 0;
}

int nn_run_log_softmax(struct nn_call *c)
{
        const struct nn_tensor *t = c->in[0];
        unsigned axis = (unsigned)c->p.reduce.axis;
        int64_t outer = nn_product(t->dims, 0, axis);
        int64_t n = c->p.reduce.keep ? nn_product(t->dims, axis, t->n_dims) : t->dims[axis];
        int64_t inner = c->p.reduce.keep ? 1 : nn_product(t->dims, axis + 1, t->n_dims);

        for (int64_t o = 0; o < outer; o++)
                for (int64_t i = 0; i < inner; i++) {
                        const float *x = nn_f32(t) + o * n * inner + i;
                        float *y = nn_f32(c->out[0]) + o * n * inner + i, most = -INFINITY;
                        double sum = 0;

                        for (int64_t k = 0; k < n; k++)
                                most = fmaxf(most, x[k * inner]);
                        for (int64_t k = 0; k < n; k++)
                                sum += exp((double)(x[k * inner] - most));
                        for (int64_t k = 0; k < n; k++)
                                y[k * inner] = (float)((double)(x[k * inner] - most) - log(sum));
                }
        return 0;
}
