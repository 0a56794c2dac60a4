/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Softmax; ReduceMean and its kin */
#include <errno.h>
#include <math.h>

#include "nn/op.h"

int nn_shape_softmax(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int64_t axis = nn_node_int(c->node, "axis", c->opset < 13 ? 1 : -1);
        int r = nn_call_need_float(c, 0);

        if (r < 0)
                return r;
        /* up to opset 12 axis may equal the rank: rows of one value */
        if (c->opset >= 13 || axis != (int64_t)x->n_dims) {
                r = nn_call_axis(c, &axis, x->n_dims);
                if (r < 0)
                        return r;
        }
        c->p.reduce.axis = axis;
        /* up to opset 12 all dims from the axis on are normalised together */
        c->p.reduce.keep = c->opset < 13;
        c->p.reduce.axes = axis == 0 ? 1 : 0;
        return nn_call_set_output(c, 0, NN_FLOAT32, x->n_dims, x->dims);
}

int nn_run_softmax(struct nn_call *c)
{
        const struct nn_tensor *t = c->in[0];
        unsigned axis = (unsigned)c->p.reduce.axis;
        int64_t outer = nn_product(t->dims, 0, axis);
        int64_t n = c->p.reduce.keep ? nn_product(t->dims, axis, t->n_dims) : t->dims[axis];
        int64_t inner = c->p.reduce.keep ? 1 : nn_product(t->dims, axis + 1, t->n_dims);

        if (inner == 1 && n > 0) {
                nn_softmax_rows(c->isa, (size_t)outer, (size_t)n, nn_f32(t), nn_f32(c->out[0]));
                return 0;
        }
        for (int64_t o = 0; o < outer; o++)
                for (int64_t i = 0; i < inner; i++) {
                        const float *x = nn_f32(t) + o * n * inner + i;
                        float *y = nn_f32(c->out[0]) + o * n * inner + i, most = -INFINITY, sum = 0;

                        for (int64_t k = 0; k < n; k++)
                                most = x[k * inner] > most ? x[k * inner] : most;
                        for (int64_t k = 0; k < n; k++)
                                sum += y[k * inner] = expf(x[k * inner] - most);
                        for (int64_t k = 0; k < n; k++)
                                y[k * inner] /= sum;
                }
        return 0;
}

static bool takes_ints(int what)
{
        return what == NN_REDUCE_SUM || what == NN_REDUCE_MAX || what == NN_REDUCE_MIN || what == NN_REDUCE_PROD;
}

int nn_shape_reduce(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int64_t dims[NN_MAX_DIMS];
        unsigned n = 0;
        int r = 0;

        if (!takes_ints(c->op->variant) || (x->type != NN_INT64 && x->type != NN_INT32))
                r = nn_call_need_float(c, 0);
        if (r == 0)
                r = nn_call_axes(c, 1, x->n_dims, &c->p.reduce.axes);
        if (r < 0)
                return r;
        if (!c->p.reduce.axes && nn_node_int(c->node, "noop_with_empty_axes", 0) == 0)
                c->p.reduce.axes = (1u << x->n_dims) - 1;
        if (nn_tensor_n_elements(x) == 0)
                return nn_call_fail(c, -EINVAL, "nothing to reduce: shape %s", NN_SHAPE_STRING(x));
        c->p.reduce.keep = nn_node_int(c->node, "keepdims", 1) != 0;
        for (unsigned i = 0; i < x->n_dims; i++)
                if (!(c->p.reduce.axes & 1u << i))
                        dims[n++] = x->dims[i];
                else if (c->p.reduce.keep)
                        dims[n++] = 1;
        return nn_call_set_output(c, 0, x->type, n, dims);
}

/* One more value of the input to what is reduced so far. */
static double leaf(int what, double v)
{
        switch (what) {
        case NN_REDUCE_L1:
                return fabs(v);
        case NN_REDUCE_L2:
        case NN_REDUCE_SUM_SQUARE:
                return v * v;
        default:
                return v;
        }
}

static double join(int what, double a, double b)
{
        switch (what) {
        case NN_REDUCE_MAX:
                return b > a || isnan(b) ? b : a;
        case NN_REDUCE_MIN:
                return b < a || isnan(b) ? b : a;
        case NN_REDUCE_PROD:
                return a * b;
        default:
                return a + b;
        }
}

/* The reduced dims from @dim on of the sub-tensor at @x. */
static double reduce_over(const struct nn_tensor *t, int what, uint32_t axes, unsigned dim, const float *x)
{
        int64_t step;
        double sum;

        while (dim < t->n_dims && !(axes & 1u << dim))
                dim++;
        if (dim >= t->n_dims)
                return leaf(what, (double)*x);
        step = nn_product(t->dims, dim + 1, t->n_dims);
        sum = reduce_over(t, what, axes, dim + 1, x);
        for (int64_t i = 1; i < t->dims[dim]; i++)
                sum = join(what, sum, reduce_over(t, what, axes, dim + 1, x + i * step));
        return sum;
}

/* The logarithm of a sum of exponentials, without one that is out of range. */
static double log_sum_exp(const struct nn_tensor *t, uint32_t axes, unsigned dim, const float *x, double most)
{
        int64_t step;
        double sum = 0;

        while (dim < t->n_dims && !(axes & 1u << dim))
                dim++;
        if (dim >= t->n_dims)
                return exp((double)*x - most);
        step = nn_product(t->dims, dim + 1, t->n_dims);
        for (int64_t i = 0; i < t->dims[dim]; i++)
                sum += log_sum_exp(t, axes, dim + 1, x + i * step, most);
        return sum;
}

static float reduce_floats(const struct nn_call *c, const float *x, int64_t count)
{
        const struct nn_tensor *t = c->in[0];
        uint32_t axes = c->p.reduce.axes;
        int what = c->op->variant;
        double v;

        if (what == NN_REDUCE_LOG_SUM_EXP) {
                v = reduce_over(t, NN_REDUCE_MAX, axes, 0, x);
                return (float)(isfinite(v) ? v + log(log_sum_exp(t, axes, 0, x, v)) : v);
        }
        v = reduce_over(t, what, axes, 0, x);
        if (what == NN_REDUCE_MEAN)
                v /= (double)count;
        else if (what == NN_REDUCE_L2)
                v = sqrt(v);
        else if (what == NN_REDUCE_LOG_SUM)
                v = log(v);
        return (float)v;
}

static int64_t join_ints(int what, int64_t a, int64_t b)
{
        switch (what) {
        case NN_REDUCE_MAX:
                return MAX(a, b);
        case NN_REDUCE_MIN:
                return MIN(a, b);
        case NN_REDUCE_PROD:
                return (int64_t)((uint64_t)a * (uint64_t)b);
        default:
                return (int64_t)((uint64_t)a + (uint64_t)b);
        }
}

static int64_t reduce_ints(const struct nn_tensor *t, int what, uint32_t axes, unsigned dim, int64_t at)
{
        int64_t step, sum;

        while (dim < t->n_dims && !(axes & 1u << dim))
                dim++;
        if (dim >= t->n_dims)
                return nn_tensor_int(t, at);
        step = nn_product(t->dims, dim + 1, t->n_dims);
        sum = reduce_ints(t, what, axes, dim + 1, at);
        for (int64_t i = 1; i < t->dims[dim]; i++)
                sum = join_ints(what, sum, reduce_ints(t, what, axes, dim + 1, at + i * step));
        return sum;
}

int nn_run_reduce(struct nn_call *c)
{
        const struct nn_tensor *t = c->in[0];
        int64_t n_out = nn_tensor_n_elements(c->out[0]), count = nn_tensor_n_elements(t) / n_out;

        for (int64_t o = 0; o < n_out; o++) {
                int64_t rest = o, at = 0, stride = 1;

                for (unsigned i = t->n_dims; i-- > 0; stride *= t->dims[i]) {
                        if (c->p.reduce.axes & 1u << i)
                                continue;
                        at += rest % t->dims[i] * stride;
                        rest /= t->dims[i];
                }
                if (t->type == NN_FLOAT32)
                        nn_f32(c->out[0])[o] = reduce_floats(c, nn_f32(t) + at, count);
                else
                        nn_tensor_put_int(c->out[0], o, reduce_ints(t, c->op->variant, c->p.reduce.axes, 0, at));
        }
        return 0;
}

bool nn_batched_axis(const struct nn_call *c)
{
        return !(c->p.reduce.axes & 1);
}
