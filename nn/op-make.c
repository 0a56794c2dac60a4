/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operators that make values of few or none: ConstantOfShape, Expand, Tile,
 * Range, Cast */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "nn/op-move.h"

/* Item 0 of @data is there: it becomes @n items. */
static void repeat(uint8_t *data, size_t n, size_t item)
{
        size_t done = 1;

        while (done < n) {
                size_t more = MIN(done, n - done);

                memcpy(data + done * item, data, more * item);
                done += more;
        }
}

int nn_shape_constant_of_shape(struct nn_call *c)
{
        const struct nn_attribute *a = nn_node_attribute(c->node, "value");
        int64_t dims[NN_MAX_DIMS];
        unsigned n;
        int r = nn_call_const_ints(c, 0, "shapes", dims, NN_MAX_DIMS, &n);

        if (r < 0)
                return r;
        for (unsigned i = 0; i < n; i++)
                if (dims[i] < 0)
                        return nn_call_fail(c, -EINVAL, "dim %u is %" PRId64, i, dims[i]);
        if (a && nn_tensor_n_elements(&a->t) != 1)
                return nn_call_fail(c, -EBADMSG, "value of shape %s", NN_SHAPE_STRING(&a->t));
        return nn_call_set_output(c, 0, a ? a->t.type : NN_FLOAT32, n, dims);
}

int nn_run_constant_of_shape(struct nn_call *c)
{
        const struct nn_attribute *a = nn_node_attribute(c->node, "value");
        size_t n = (size_t)nn_tensor_n_elements(c->out[0]), item = nn_type_size(c->out[0]->type);
        uint8_t *y = c->out[0]->data;

        if (n == 0)
                return 0;
        memset(y, 0, item);
        if (a)
                memcpy(y, a->t.data, item);
        repeat(y, n, item);
        return 0;
}

int nn_shape_expand(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int64_t dims[NN_MAX_DIMS], stride[NN_MAX_DIMS];
        unsigned n, rank;
        int r = nn_call_const_ints(c, 1, "shapes", dims, NN_MAX_DIMS, &n);

        if (r < 0)
                return r;
        rank = MAX(n, x->n_dims);
        memmove(dims + (rank - n), dims, n * sizeof(*dims));
        for (unsigned i = 0; i < rank - n; i++)
                dims[i] = 1;
        nn_move_strides(x, stride);
        for (unsigned i = 0; i < rank; i++) {
                bool own = i >= rank - x->n_dims;
                int64_t d = own ? x->dims[i - (rank - x->n_dims)] : 1;

                if (dims[i] < 0 || (d != 1 && dims[i] != 1 && d != dims[i]))
                        return nn_call_fail(c, -EINVAL, "%s does not become %" PRId64 " at dim %u", NN_SHAPE_STRING(x),
                                            dims[i], i);
                dims[i] = d == 1 ? dims[i] : d;
                c->p.move.step[i] = d == 1 ? 0 : stride[i - (rank - x->n_dims)];
        }
        return nn_call_set_output(c, 0, x->type, rank, dims);
}

int nn_run_expand(struct nn_call *c)
{
        nn_move_gather(c->out[0], c->in[0]->data, 0, c->p.move.step);
        return 0;
}

int nn_shape_tile(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int64_t dims[NN_MAX_DIMS];
        unsigned n;
        int r = nn_call_const_ints(c, 1, "repeats", dims, NN_MAX_DIMS, &n);

        if (r < 0)
                return r;
        if (n != x->n_dims)
                return nn_call_fail(c, -EINVAL, "%u repeats for %u dims", n, x->n_dims);
        for (unsigned i = 0; i < n; i++)
                if (dims[i] < 0 || __builtin_mul_overflow(dims[i], x->dims[i], &dims[i]))
                        return nn_call_fail(c, -EFBIG, "repeats of %" PRId64 " at dim %u", dims[i], i);
        return nn_call_set_output(c, 0, x->type, n, dims);
}

/* From the last dim to the first: a row of the input's dims from @dim on
 * becomes one of the output's. */
static uint8_t *tile(const struct nn_call *c, unsigned dim, const uint8_t **x, uint8_t *y)
{
        const struct nn_tensor *in = c->in[0], *out = c->out[0];
        size_t item = nn_type_size(in->type);
        uint8_t *start = y;
        size_t part;

        if (dim == in->n_dims) {
                memcpy(y, *x, item);
                *x += item;
                return y + item;
        }
        for (int64_t i = 0; i < in->dims[dim]; i++)
                y = tile(c, dim + 1, x, y);
        part = (size_t)(y - start);
        if (part == 0)
                return y;
        repeat(start, (size_t)(out->dims[dim] / in->dims[dim]), part);
        return start + part * (size_t)(out->dims[dim] / in->dims[dim]);
}

int nn_run_tile(struct nn_call *c)
{
        const uint8_t *x = c->in[0]->data;

        if (nn_tensor_n_elements(c->out[0]) > 0)
                tile(c, 0, &x, c->out[0]->data);
        return 0;
}

/* start, limit, delta as doubles: their integers are exact up to 2^53, and no
 * range is as long */
static double number(const struct nn_tensor *t)
{
        return t->type == NN_FLOAT32 ? (double)nn_f32(t)[0] : (double)nn_tensor_int(t, 0);
}

int nn_shape_range(struct nn_call *c)
{
        enum nn_type type = c->in[0]->type;
        int64_t n;
        double length;

        for (unsigned i = 0; i < 3; i++) {
                if (!c->in[i]->data)
                        return nn_call_fail(c, -EOPNOTSUPP, "bounds that are not constant are not supported");
                if (c->in[i]->type != type || nn_tensor_n_elements(c->in[i]) != 1 ||
                    (type != NN_FLOAT32 && type != NN_INT64 && type != NN_INT32))
                        return nn_call_fail(c, -EINVAL, "bound %u is %s %s", i, nn_type_name((int)c->in[i]->type),
                                            NN_SHAPE_STRING(c->in[i]));
        }
        length = ceil((number(c->in[1]) - number(c->in[0])) / number(c->in[2]));
        if (isnan(length) || length > INT32_MAX)
                return nn_call_fail(c, -EINVAL, "a range from %g to %g by %g", number(c->in[0]), number(c->in[1]),
                                    number(c->in[2]));
        n = length > 0 ? (int64_t)length : 0;
        return nn_call_set_output(c, 0, type, 1, &n);
}

int nn_run_range(struct nn_call *c)
{
        struct nn_tensor *y = c->out[0];
        uint64_t first = 0, step = 0;

        if (y->type != NN_FLOAT32) {
                first = (uint64_t)nn_tensor_int(c->in[0], 0);
                step = (uint64_t)nn_tensor_int(c->in[2], 0);
        }
        for (int64_t i = 0; i < y->dims[0]; i++) {
                if (y->type == NN_FLOAT32)
                        nn_f32(y)[i] = nn_f32(c->in[0])[0] + (float)i * nn_f32(c->in[2])[0];
                else
                        nn_tensor_put_int(y, i, (int64_t)(first + (uint64_t)i * step));
        }
        return 0;
}

int nn_shape_cast(struct nn_call *c)
{
        int64_t to = nn_node_int(c->node, "to", 0);
        enum nn_type type = nn_type_kept(to > 0 && to < INT32_MAX ? (int)to : 0);

        if (nn_type_size(type) == 0)
                return nn_call_fail(c, -EOPNOTSUPP, "a cast to %s is not supported", nn_type_name((int)to));
        return nn_call_set_output(c, 0, type, c->in[0]->n_dims, c->in[0]->dims);
}

/* Towards zero; what the integers do not hold, and NaN, become the nearest and
 * 0. */
static int64_t to_int(float v)
{
        if (!(v > -9.2233720e18f))
                return isnan(v) ? 0 : INT64_MIN;
        return v < 9.2233715e18f ? (int64_t)v : INT64_MAX;
}

int nn_run_cast(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        struct nn_tensor *y = c->out[0];
        int64_t n = nn_tensor_n_elements(x);

        if (x->type == y->type) {
                if (n)
                        memmove(y->data, x->data, (size_t)n * nn_type_size(x->type));
                return 0;
        }
        for (int64_t i = 0; i < n; i++)
                if (y->type == NN_FLOAT32)
                        nn_f32(y)[i] = (float)nn_tensor_int(x, i);
                else if (y->type == NN_BOOL && x->type == NN_FLOAT32)
                        ((uint8_t *)y->data)[i] = nn_f32(x)[i] != 0;
                else
                        nn_tensor_put_int(y, i, x->type == NN_FLOAT32 ? to_int(nn_f32(x)[i]) : nn_tensor_int(x, i));
        return 0;
}
