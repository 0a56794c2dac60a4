/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operands of one shape, and what compares or picks number by number: Equal and
 * its kin, And, Or, Xor, Where. */
#include <errno.h>
#include <string.h>

#include "nn/op-broadcast.h"

/* The common length of dim @i, counted from the last one. Return: -1 if there
 * is none. */
static int64_t common_length(const struct nn_call *c, unsigned n, unsigned i)
{
        int64_t length = 1;

        for (unsigned k = 0; k < n; k++) {
                const struct nn_tensor *t = c->in[k];
                int64_t d = i < t->n_dims ? t->dims[t->n_dims - 1 - i] : 1;

                if (d != 1 && length != 1 && d != length)
                        return -1;
                length = d == 1 ? length : d;
        }
        return length;
}

static int no_common_shape(struct nn_call *c, unsigned n)
{
        if (n > 2)
                return nn_call_fail(c, -EINVAL, "shapes %s, %s and %s do not broadcast", NN_SHAPE_STRING(c->in[0]),
                                    NN_SHAPE_STRING(c->in[1]), NN_SHAPE_STRING(c->in[2]));
        return nn_call_fail(c, -EINVAL, "shapes %s and %s do not broadcast", NN_SHAPE_STRING(c->in[0]),
                            NN_SHAPE_STRING(c->in[1]));
}

/* Whether a dim with @step continues the dim before it for every operand. */
static bool continues(const struct nn_broadcast *b, unsigned n, const int64_t *step)
{
        if (b->n_dims == 0)
                return false;
        for (unsigned k = 0; k < n; k++)
                if (step[k] != b->stride[k][b->n_dims - 1] * b->dims[b->n_dims - 1])
                        return false;
        return true;
}

int nn_broadcast_init(struct nn_call *c, unsigned n, struct nn_broadcast *ret, struct nn_tensor *ret_shape)
{
        int64_t size[NN_BROADCAST_MAX] = { 1, 1, 1 }, step[NN_BROADCAST_MAX];
        unsigned rank = 0;

        *ret = (struct nn_broadcast){ 0 };
        for (unsigned k = 0; k < n; k++)
                rank = MAX(rank, c->in[k]->n_dims);
        /* from the last dim to the first: merged dims come out innermost first */
        for (unsigned i = 0; i < rank; i++) {
                int64_t length = common_length(c, n, i);

                if (length < 0)
                        return no_common_shape(c, n);
                for (unsigned k = 0; k < n; k++) {
                        const struct nn_tensor *t = c->in[k];
                        int64_t d = i < t->n_dims ? t->dims[t->n_dims - 1 - i] : 1;

                        step[k] = d == 1 ? 0 : size[k];
                        size[k] *= d;
                }
                ret_shape->dims[rank - 1 - i] = length;
                if (length == 1)
                        continue;
                if (continues(ret, n, step)) {
                        ret->dims[ret->n_dims - 1] *= length;
                        continue;
                }
                for (unsigned k = 0; k < n; k++)
                        ret->stride[k][ret->n_dims] = step[k];
                ret->dims[ret->n_dims++] = length;
        }
        if (ret->n_dims == 0) {
                for (unsigned k = 0; k < n; k++)
                        ret->stride[k][0] = 1;
                ret->dims[0] = ret->n_dims = 1;
        }
        ret_shape->n_dims = rank;
        return 0;
}

bool nn_broadcast_next(const struct nn_broadcast *b, unsigned n, int64_t *index, int64_t *at)
{
        for (unsigned i = 1; i < b->n_dims; i++) {
                for (unsigned k = 0; k < n; k++)
                        at[k] += b->stride[k][i];
                if (++index[i] < b->dims[i])
                        return true;
                for (unsigned k = 0; k < n; k++)
                        at[k] -= b->stride[k][i] * b->dims[i];
                index[i] = 0;
        }
        return false;
}

/* Operands that change must have the output's rank: only then is their first
 * dim the batch. */
bool nn_batched_broadcast(const struct nn_call *c)
{
        unsigned rank = c->out[0]->n_dims;

        for (unsigned i = 0; i < c->n_in; i++) {
                const struct nn_tensor *t = c->in[i];

                if (!t->data && t->n_dims != rank)
                        return false;
                if (t->data && t->n_dims == rank && (rank == 0 || t->dims[0] != 1))
                        return false;
        }
        return true;
}

int nn_shape_compare(struct nn_call *c)
{
        bool logic = c->op->variant >= NN_AND;
        enum nn_type type = c->in[0]->type;
        struct nn_tensor shape = { 0 };
        int r;

        if (type != c->in[1]->type)
                return nn_call_fail(c, -EINVAL, "element types %s and %s", nn_type_name((int)type),
                                    nn_type_name((int)c->in[1]->type));
        if (logic && type != NN_BOOL)
                return nn_call_fail(c, -EINVAL, "element type %s is no bool", nn_type_name((int)type));
        r = nn_broadcast_init(c, 2, &c->p.binary.b, &shape);
        return r < 0 ? r : nn_call_set_output(c, 0, NN_BOOL, shape.n_dims, shape.dims);
}

static bool compare_ints(int what, int64_t a, int64_t b)
{
        switch (what) {
        case NN_EQUAL:
                return a == b;
        case NN_LESS:
                return a < b;
        case NN_LESS_OR_EQUAL:
                return a <= b;
        case NN_GREATER:
                return a > b;
        case NN_GREATER_OR_EQUAL:
                return a >= b;
        case NN_AND:
                return a && b;
        case NN_OR:
                return a || b;
        default:
                return a != b; /* of two bools: either, not both */
        }
}

static bool compare_floats(int what, float a, float b)
{
        switch (what) {
        case NN_EQUAL:
                return a == b;
        case NN_LESS:
                return a < b;
        case NN_LESS_OR_EQUAL:
                return a <= b;
        case NN_GREATER:
                return a > b;
        default:
                return a >= b;
        }
}

int nn_run_compare(struct nn_call *c)
{
        const struct nn_broadcast *b = &c->p.binary.b;
        int64_t index[NN_MAX_DIMS] = { 0 }, at[2] = { 0 }, sa = b->stride[0][0], sb = b->stride[1][0];
        const struct nn_tensor *x = c->in[0], *z = c->in[1];
        uint8_t *y = c->out[0]->data;
        int what = c->op->variant;

        if (nn_tensor_n_elements(c->out[0]) == 0)
                return 0;
        do {
                for (int64_t i = 0; i < b->dims[0]; i++)
                        if (x->type == NN_FLOAT32)
                                *y++ = compare_floats(what, nn_f32(x)[at[0] + i * sa], nn_f32(z)[at[1] + i * sb]);
                        else
                                *y++ = compare_ints(what, nn_tensor_int(x, at[0] + i * sa),
                                                    nn_tensor_int(z, at[1] + i * sb));
        } while (nn_broadcast_next(b, 2, index, at));
        return 0;
}

int nn_shape_where(struct nn_call *c)
{
        enum nn_type type = c->in[1]->type;
        struct nn_tensor shape = { 0 };
        int r;

        if (c->in[0]->type != NN_BOOL || type != c->in[2]->type)
                return nn_call_fail(c, -EINVAL, "element types %s, %s and %s", nn_type_name((int)c->in[0]->type),
                                    nn_type_name((int)type), nn_type_name((int)c->in[2]->type));
        r = nn_broadcast_init(c, 3, &c->p.binary.b, &shape);
        return r < 0 ? r : nn_call_set_output(c, 0, type, shape.n_dims, shape.dims);
}

int nn_run_where(struct nn_call *c)
{
        const struct nn_broadcast *b = &c->p.binary.b;
        int64_t index[NN_MAX_DIMS] = { 0 }, at[3] = { 0 };
        size_t item = nn_type_size(c->out[0]->type);
        uint8_t *y = c->out[0]->data;

        if (nn_tensor_n_elements(c->out[0]) == 0)
                return 0;
        do {
                for (int64_t i = 0; i < b->dims[0]; i++, y += item) {
                        bool yes = ((const uint8_t *)c->in[0]->data)[at[0] + i * b->stride[0][0]];
                        unsigned k = yes ? 1 : 2;

                        memcpy(y, (const uint8_t *)c->in[k]->data + (size_t)(at[k] + i * b->stride[k][0]) * item, item);
                }
        } while (nn_broadcast_next(b, 3, index, at));
        return 0;
}
