/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operators that change only the shape, and those that make constants */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "nn/op.h"

int nn_run_view(struct nn_call *c)
{
        size_t n = (size_t)nn_tensor_n_elements(c->out[0]) * nn_type_size(c->out[0]->type);

        /* the planner usually makes them one memory */
        if (n && c->out[0]->data != c->in[0]->data)
                memcpy(c->out[0]->data, c->in[0]->data, n);
        return 0;
}

int nn_shape_identity(struct nn_call *c)
{
        return nn_call_set_output(c, 0, c->in[0]->type, c->in[0]->n_dims, c->in[0]->dims);
}

int nn_shape_dropout(struct nn_call *c)
{
        const struct nn_tensor *training = nn_call_in(c, 2);
        int r = nn_call_need_float(c, 0);

        if (r < 0)
                return r;
        if (training && (!training->data || training->type != NN_BOOL || nn_tensor_n_elements(training) != 1 ||
                         *(uint8_t *)training->data))
                return nn_call_fail(c, -EOPNOTSUPP, "training_mode is not supported");
        if (c->opset < 7 && nn_node_int(c->node, "is_test", 0) == 0)
                return nn_call_fail(c, -EOPNOTSUPP, "training is not supported");
        /* a mask was of the input's type once, and left open what it holds where nothing is dropped */
        r = nn_call_set_output(c, 1, c->opset < 10 ? NN_FLOAT32 : NN_BOOL, c->in[0]->n_dims, c->in[0]->dims);
        return r < 0 ? r : nn_shape_identity(c);
}

int nn_run_dropout(struct nn_call *c)
{
        int64_t n = c->n_out > 1 && c->out[1] ? nn_tensor_n_elements(c->out[1]) : 0;

        if (n && c->out[1]->type == NN_BOOL)
                memset(c->out[1]->data, 1, (size_t)n);
        for (int64_t i = 0; i < n && c->out[1]->type == NN_FLOAT32; i++)
                nn_f32(c->out[1])[i] = 1;
        return nn_run_view(c);
}

int nn_shape_reshape(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        bool allow_zero = nn_node_int(c->node, "allowzero", 0) != 0;
        int64_t dims[NN_MAX_DIMS], total = nn_tensor_n_elements(x), known = 1;
        int open = -1, r;
        unsigned n;

        r = nn_call_const_ints(c, 1, "shapes", dims, NN_MAX_DIMS, &n);
        if (r < 0)
                return r;
        /* the file was made for one image */
        if (c->batch && !x->data && n && dims[0] == 1 && x->n_dims && x->dims[0] == c->batch)
                dims[0] = c->batch;
        for (unsigned i = 0; i < n; i++) {
                if (dims[i] == 0 && !allow_zero) {
                        if (i >= x->n_dims)
                                return nn_call_fail(c, -EINVAL, "dim %u is copied from a shape of %u", i, x->n_dims);
                        dims[i] = x->dims[i];
                }
                if (dims[i] < -1 || (dims[i] == -1 && open >= 0))
                        return nn_call_fail(c, -EINVAL, "dim %u of the new shape is %" PRId64, i, dims[i]);
                if (dims[i] == -1)
                        open = (int)i;
                else if (__builtin_mul_overflow(known, dims[i], &known))
                        return nn_call_fail(c, -EFBIG, "the new shape is too large");
        }
        if (open >= 0) {
                if (known == 0 || total % known)
                        return nn_call_fail(c, -EINVAL, "%" PRId64 " values do not fill the new shape", total);
                dims[open] = total / known;
                known = total;
        }
        if (known != total)
                return nn_call_fail(c, -EINVAL, "%s has not the %" PRId64 " values of the new shape",
                                    NN_SHAPE_STRING(x), known);
        return nn_call_set_output(c, 0, x->type, n, dims);
}

int nn_shape_flatten(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int64_t axis = nn_node_int(c->node, "axis", 1), dims[2];
        int r;

        if (axis != (int64_t)x->n_dims && (r = nn_call_axis(c, &axis, x->n_dims)) < 0)
                return r;
        dims[0] = nn_product(x->dims, 0, (unsigned)axis);
        dims[1] = nn_product(x->dims, (unsigned)axis, x->n_dims);
        c->p.reduce.axes = axis == 1 ? 0 : 1;
        return nn_call_set_output(c, 0, x->type, 2, dims);
}

int nn_shape_squeeze(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int64_t dims[NN_MAX_DIMS];
        unsigned n = 0;
        uint32_t axes;
        bool all;
        int r = nn_call_axes(c, 1, x->n_dims, &axes);

        if (r < 0)
                return r;
        all = axes == 0;
        for (unsigned i = 0; all && i < x->n_dims; i++)
                if (x->dims[i] == 1)
                        axes |= 1u << i;
        for (unsigned i = 0; i < x->n_dims; i++) {
                if (!(axes & 1u << i))
                        dims[n++] = x->dims[i];
                else if (x->dims[i] != 1)
                        return nn_call_fail(c, -EINVAL, "dim %u of %s is not 1", i, NN_SHAPE_STRING(x));
        }
        c->p.reduce.axes = axes;
        return nn_call_set_output(c, 0, x->type, n, dims);
}

int nn_shape_unsqueeze(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        const struct nn_attribute *a = nn_node_attribute(c->node, "axes");
        const struct nn_tensor *t = nn_call_in(c, 1);
        int64_t n_axes = a ? (int64_t)a->n : t ? nn_tensor_n_elements(t) : 0, dims[NN_MAX_DIMS];
        unsigned rank, from = 0;
        uint32_t axes;
        int r;

        if (n_axes < 1 || n_axes + x->n_dims > NN_MAX_DIMS)
                return nn_call_fail(c, -EINVAL, "%" PRId64 " axes", n_axes);
        rank = x->n_dims + (unsigned)n_axes;
        r = nn_call_axes(c, 1, rank, &axes);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < rank; i++)
                dims[i] = axes & 1u << i ? 1 : x->dims[from++];
        c->p.reduce.axes = axes;
        return nn_call_set_output(c, 0, x->type, rank, dims);
}

int nn_shape_shape(struct nn_call *c)
{
        int64_t rank = c->in[0]->n_dims, start = nn_node_int(c->node, "start", 0), n;
        int64_t end = nn_node_int(c->node, "end", rank);

        start = CLAMP(start < -rank ? (int64_t)0 : start < 0 ? start + rank : start, (int64_t)0, rank);
        end = CLAMP(end < -rank ? (int64_t)0 : end < 0 ? end + rank : end, (int64_t)0, rank);
        c->p.range.start = start;
        c->p.range.end = MAX(start, end);
        n = c->p.range.end - start;
        return nn_call_set_output(c, 0, NN_INT64, 1, &n);
}

int nn_run_shape(struct nn_call *c)
{
        for (int64_t i = c->p.range.start; i < c->p.range.end; i++)
                ((int64_t *)c->out[0]->data)[i - c->p.range.start] = c->in[0]->dims[i];
        return 0;
}

int nn_shape_constant(struct nn_call *c)
{
        const struct nn_attribute *a = c->node->attributes;
        int64_t n;

        if (c->node->n_attributes != 1)
                return nn_call_fail(c, -EBADMSG, "%zu attributes instead of one", c->node->n_attributes);
        n = (int64_t)a->n;
        switch (a->kind) {
        case NN_ATTRIBUTE_INT:
                return nn_call_set_output(c, 0, NN_INT64, 0, NULL);
        case NN_ATTRIBUTE_FLOAT:
                return nn_call_set_output(c, 0, NN_FLOAT32, 0, NULL);
        case NN_ATTRIBUTE_INTS:
                return nn_call_set_output(c, 0, NN_INT64, 1, &n);
        case NN_ATTRIBUTE_FLOATS:
                return nn_call_set_output(c, 0, NN_FLOAT32, 1, &n);
        default: /* tensors became initializers when the file was read */
                return nn_call_fail(c, -EOPNOTSUPP, "attribute '%.32s' is not supported", a->name);
        }
}

int nn_run_constant(struct nn_call *c)
{
        const struct nn_attribute *a = c->node->attributes;
        size_t n = (size_t)nn_tensor_n_elements(c->out[0]) * nn_type_size(c->out[0]->type);
        const void *from = a->kind == NN_ATTRIBUTE_INT     ? (const void *)&a->i
                           : a->kind == NN_ATTRIBUTE_FLOAT ? (const void *)&a->f
                           : a->kind == NN_ATTRIBUTE_INTS  ? (const void *)a->ints
                                                           : (const void *)a->floats;

        if (n)
                memcpy(c->out[0]->data, from, n);
        return 0;
}
