/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "nn/op.h"

const struct nn_op *nn_op_find(const char *name, unsigned opset)
{
        for (const struct nn_op *op = nn_op_table; op->name; op++)
                if (opset >= op->since && opset <= op->until && strcmp(op->name, name) == 0)
                        return op;
        return NULL;
}

bool nn_op_name_known(const char *name)
{
        for (const struct nn_op *op = nn_op_table; op->name; op++)
                if (strcmp(op->name, name) == 0)
                        return true;
        return false;
}

int nn_op_attribute_kind(const struct nn_op *op, const char *name)
{
        for (const struct nn_attribute_spec *a = op->attributes; a && a->name; a++)
                if (strcmp(a->name, name) == 0)
                        return (int)a->kind;
        return 0;
}

int nn_call_fail(struct nn_call *c, int code, const char *format, ...)
{
        char text[192];
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        return nn_fail(c->error, code, "node '%.80s' (%s): %s", c->node->name, c->op->name, text);
}

int nn_call_set_output(struct nn_call *c, unsigned i, enum nn_type type, unsigned n_dims, const int64_t *dims)
{
        struct nn_tensor *t = i < c->n_out ? c->out[i] : NULL;
        bool ok;

        if (!t)
                return 0;
        if (n_dims > NN_MAX_DIMS)
                return nn_call_fail(c, -EFBIG, "output of %u dims", n_dims);
        t->type = type;
        t->n_dims = n_dims;
        if (n_dims)
                memmove(t->dims, dims, n_dims * sizeof(*dims));
        nn_tensor_bytes(t, &ok);
        if (!ok)
                return nn_call_fail(c, -EFBIG, "output of shape %s is too large", NN_SHAPE_STRING(t));
        return 0;
}

int nn_call_need_float(struct nn_call *c, unsigned i)
{
        const struct nn_tensor *t = nn_call_in(c, i);

        if (t && t->type != NN_FLOAT32)
                return nn_call_fail(c, -EOPNOTSUPP, "element type %s is not supported", nn_type_name(t->type));
        return 0;
}

int nn_call_const_ints(struct nn_call *c, unsigned i, const char *what, int64_t *ret, unsigned max, unsigned *ret_n)
{
        const struct nn_tensor *t = nn_call_in(c, i);
        int64_t n = t ? nn_tensor_n_elements(t) : 0;

        if (!t || (n > 0 && !t->data))
                return nn_call_fail(c, -EOPNOTSUPP, "%s that are not constant are not supported", what);
        if (t->type != NN_INT64 && t->type != NN_INT32)
                return nn_call_fail(c, -EBADMSG, "%s have element type %s", what, nn_type_name(t->type));
        if (t->n_dims > 1 || n > max)
                return nn_call_fail(c, -EINVAL, "%s have shape %s", what, NN_SHAPE_STRING(t));
        for (int64_t k = 0; k < n; k++)
                ret[k] = t->type == NN_INT64 ? ((int64_t *)t->data)[k] : ((int32_t *)t->data)[k];
        *ret_n = (unsigned)n;
        return 0;
}

bool nn_call_constant_from(const struct nn_call *c, unsigned first)
{
        for (unsigned i = first; i < c->n_in; i++)
                if (c->in[i] && !c->in[i]->data)
                        return false;
        return true;
}

int nn_call_axis(struct nn_call *c, int64_t *axis, unsigned rank)
{
        if (*axis < -(int64_t)rank || *axis >= (int64_t)rank)
                return nn_call_fail(c, -EINVAL, "axis %" PRId64 " of a tensor of %u dims", *axis, rank);
        if (*axis < 0)
                *axis += rank;
        return 0;
}

int nn_call_axes(struct nn_call *c, unsigned i, unsigned rank, uint32_t *ret)
{
        const struct nn_attribute *a = nn_node_attribute(c->node, "axes");
        int64_t axes[NN_MAX_DIMS];
        unsigned n = 0;
        uint32_t mask = 0;
        int r;

        if (a) {
                if (a->n > NN_MAX_DIMS)
                        return nn_call_fail(c, -EINVAL, "%zu axes", a->n);
                n = (unsigned)a->n;
                if (n)
                        memcpy(axes, a->ints, n * sizeof(*axes));
        } else if (nn_call_in(c, i)) {
                r = nn_call_const_ints(c, i, "axes", axes, NN_MAX_DIMS, &n);
                if (r < 0)
                        return r;
        }
        for (unsigned k = 0; k < n; k++) {
                r = nn_call_axis(c, &axes[k], rank);
                if (r < 0)
                        return r;
                if (mask & 1u << axes[k])
                        return nn_call_fail(c, -EINVAL, "axis %" PRId64 " is given twice", axes[k]);
                mask |= 1u << axes[k];
        }
        *ret = mask;
        return 0;
}

bool nn_batched_yes(const struct nn_call *c)
{
        return true;
}
