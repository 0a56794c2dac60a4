/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Arithmetic beside that of op-math.c: Sum, Mean, Max, Min of any number of inputs; Pow, Mod */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "nn/op-broadcast.h"
#include "nn/op-move.h"

static enum nn_binary binary_of(int what)
{
        return what == NN_ARITH_MAX ? NN_MAX : what == NN_ARITH_MIN ? NN_MIN : NN_ADD;
}

static bool is_number(enum nn_type type)
{
        return type == NN_FLOAT32 || type == NN_INT64 || type == NN_INT32;
}

/* *@shape becomes that to which both it and @t are broadcast. */
static int widen(struct nn_call *c, struct nn_tensor *shape, const struct nn_tensor *t)
{
        unsigned rank = MAX(shape->n_dims, t->n_dims);
        int64_t dims[NN_MAX_DIMS];

        for (unsigned i = 0; i < rank; i++) {
                int64_t a = i < shape->n_dims ? shape->dims[shape->n_dims - 1 - i] : 1;
                int64_t b = i < t->n_dims ? t->dims[t->n_dims - 1 - i] : 1;

                if (a != b && a != 1 && b != 1)
                        return nn_call_fail(c, -EINVAL, "shapes %s and %s do not broadcast", NN_SHAPE_STRING(shape),
                                            NN_SHAPE_STRING(t));
                dims[rank - 1 - i] = a == 1 ? b : a;
        }
        shape->n_dims = rank;
        memcpy(shape->dims, dims, rank * sizeof(*dims));
        return 0;
}

int nn_shape_many(struct nn_call *c)
{
        struct nn_tensor shape = { 0 };
        enum nn_type type = c->in[0]->type;
        int r = 0;

        if (!is_number(type) || (c->op->variant == NN_ARITH_MEAN && type != NN_FLOAT32))
                return nn_call_fail(c, -EOPNOTSUPP, "element type %s is not supported", nn_type_name((int)type));
        for (unsigned i = 0; i < c->n_in && r == 0; i++) {
                if (!c->in[i] || c->in[i]->type != type)
                        return nn_call_fail(c, -EINVAL, "input %u does not match input 0", i);
                r = widen(c, &shape, c->in[i]);
        }
        return r < 0 ? r : nn_call_set_output(c, 0, type, shape.n_dims, shape.dims);
}

/* Room for an input in the shape of the output. */
int nn_prepare_many(struct nn_call *c)
{
        bool ok;

        c->scratch_bytes = nn_tensor_bytes(c->out[0], &ok);
        return 0;
}

/* Input @i as it is, or spread over the output's shape in @room. */
static const void *spread(struct nn_call *c, unsigned i, void *room)
{
        const struct nn_tensor *x = c->in[i];
        struct nn_tensor out = *c->out[0];
        int64_t stride[NN_MAX_DIMS], step[NN_MAX_DIMS];

        if (nn_tensor_same_shape(x, &out))
                return x->data;
        nn_move_strides(x, stride);
        for (unsigned k = 0; k < out.n_dims; k++) {
                unsigned own = k + x->n_dims - out.n_dims;

                step[k] = k < out.n_dims - x->n_dims || x->dims[own] == 1 ? 0 : stride[own];
        }
        out.data = room;
        nn_move_gather(&out, x->data, 0, step);
        return room;
}

static void join(struct nn_call *c, int64_t n, const void *x)
{
        struct nn_tensor *y = c->out[0], other = { .type = y->type, .data = (void *)(uintptr_t)x };
        enum nn_binary op = binary_of(c->op->variant);

        if (y->type == NN_FLOAT32) {
                nn_vec_binary(c->isa, op, false, (size_t)n, nn_f32(y), x, nn_f32(y));
                return;
        }
        for (int64_t i = 0; i < n; i++) {
                int64_t a = nn_tensor_int(y, i), b = nn_tensor_int(&other, i);

                nn_tensor_put_int(y, i,
                                  op == NN_MAX   ? MAX(a, b)
                                  : op == NN_MIN ? MIN(a, b)
                                                 : (int64_t)((uint64_t)a + (uint64_t)b));
        }
}

int nn_run_many(struct nn_call *c)
{
        int64_t n = nn_tensor_n_elements(c->out[0]);
        size_t bytes = (size_t)n * nn_type_size(c->out[0]->type);

        if (n == 0)
                return 0;
        memmove(c->out[0]->data, spread(c, 0, c->scratch), bytes);
        for (unsigned i = 1; i < c->n_in; i++)
                join(c, n, spread(c, i, c->scratch));
        if (c->op->variant == NN_ARITH_MEAN)
                nn_vec_binary_scalar(c->isa, NN_MUL, false, (size_t)n, nn_f32(c->out[0]), 1 / (float)c->n_in,
                                     nn_f32(c->out[0]));
        return 0;
}

/* The base says what comes out; the exponent may be of another type. */
int nn_shape_pow(struct nn_call *c)
{
        struct nn_tensor shape = { 0 };
        int r;

        for (unsigned i = 0; i < 2; i++)
                if (!is_number(c->in[i]->type))
                        return nn_call_fail(c, -EOPNOTSUPP, "element type %s is not supported",
                                            nn_type_name((int)c->in[i]->type));
        r = nn_broadcast_init(c, 2, &c->p.binary.b, &shape);
        return r < 0 ? r : nn_call_set_output(c, 0, c->in[0]->type, shape.n_dims, shape.dims);
}

static int64_t power(int64_t a, int64_t e)
{
        uint64_t v = 1, square = (uint64_t)a;

        if (e < 0)
                return a == 1 ? 1 : a == -1 ? (e % 2 ? -1 : 1) : 0;
        for (; e; e >>= 1, square *= square)
                v *= e & 1 ? square : 1;
        return (int64_t)v;
}

static void pow_one(const struct nn_tensor *a, int64_t at_a, const struct nn_tensor *e, int64_t at_e,
                    struct nn_tensor *y, int64_t at)
{
        double v;

        if (y->type == NN_FLOAT32 && e->type == NN_FLOAT32) {
                float x = nn_f32(a)[at_a], p = nn_f32(e)[at_e];

                nn_f32(y)[at] = p == 2 ? x * x : p == 0.5f ? sqrtf(x) : powf(x, p);
        } else if (y->type == NN_FLOAT32) {
                nn_f32(y)[at] = (float)pow((double)nn_f32(a)[at_a], (double)nn_tensor_int(e, at_e));
        } else if (e->type != NN_FLOAT32) {
                nn_tensor_put_int(y, at, power(nn_tensor_int(a, at_a), nn_tensor_int(e, at_e)));
        } else {
                v = pow((double)nn_tensor_int(a, at_a), (double)nn_f32(e)[at_e]);
                nn_tensor_put_int(y, at, fabs(v) < 9e18 ? (int64_t)v : 0);
        }
}

int nn_run_pow(struct nn_call *c)
{
        const struct nn_broadcast *b = &c->p.binary.b;
        int64_t index[NN_MAX_DIMS] = { 0 }, at[2] = { 0 }, to = 0;

        if (nn_tensor_n_elements(c->out[0]) == 0)
                return 0;
        do {
                for (int64_t i = 0; i < b->dims[0]; i++)
                        pow_one(c->in[0], at[0] + i * b->stride[0][0], c->in[1], at[1] + i * b->stride[1][0], c->out[0],
                                to++);
        } while (nn_broadcast_next(b, 2, index, at));
        return 0;
}

int nn_shape_mod(struct nn_call *c)
{
        bool fmod_way = nn_node_int(c->node, "fmod", 0) != 0;
        enum nn_type type = c->in[0]->type;

        if (type != c->in[1]->type)
                return nn_call_fail(c, -EINVAL, "element types %s and %s", nn_type_name((int)type),
                                    nn_type_name((int)c->in[1]->type));
        if (type == NN_FLOAT32 && !fmod_way)
                return nn_call_fail(c, -EINVAL, "of floats only with fmod=1");
        return nn_shape_pow(c);
}

/* The sign of the divisor, or with @like_c that of the dividend. */
static int64_t modulo(int64_t a, int64_t b, bool like_c)
{
        int64_t m = b == -1 ? 0 : a % b;

        return m && !like_c && (m < 0) != (b < 0) ? m + b : m;
}

int nn_run_mod(struct nn_call *c)
{
        bool like_c = nn_node_int(c->node, "fmod", 0) != 0;
        const struct nn_broadcast *w = &c->p.binary.b;
        int64_t index[NN_MAX_DIMS] = { 0 }, at[2] = { 0 }, to = 0;

        if (nn_tensor_n_elements(c->out[0]) == 0)
                return 0;
        do {
                for (int64_t i = 0; i < w->dims[0]; i++, to++) {
                        int64_t a = at[0] + i * w->stride[0][0], b = at[1] + i * w->stride[1][0];

                        if (c->out[0]->type == NN_FLOAT32)
                                nn_f32(c->out[0])[to] = fmodf(nn_f32(c->in[0])[a], nn_f32(c->in[1])[b]);
                        else if (nn_tensor_int(c->in[1], b) == 0)
                                return nn_call_fail(c, -EINVAL, "division by zero");
                        else
                                nn_tensor_put_int(
                                        c->out[0], to,
                                        modulo(nn_tensor_int(c->in[0], a), nn_tensor_int(c->in[1], b), like_c));
                }
        } while (nn_broadcast_next(w, 2, index, at));
        return 0;
}
