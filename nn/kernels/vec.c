/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Activations, element-wise arithmetic, softmax. */
#include "nn/kernels/ops.h"
#include "nn/kernels/simd.h"

/* One activation on one vector. @kind is a constant wherever this is inlined; a, b are the activation's parameters,
 * or the slopes of PReLU in a. */
NN_INLINE vf act_one(enum nn_act_kind kind, vf a, vf b, vf x)
{
        const vf zero = v_zero(), one = v_set1(1.f);

        switch (kind) {
        case NN_ACT_NONE:
                return x;
        case NN_ACT_RELU:
                return v_max(zero, x);
        case NN_ACT_CLIP:
                return v_min(b, v_max(a, x));
        case NN_ACT_LEAKY:
        case NN_ACT_PRELU:
                return v_select_lt(x, zero, a * x, x);
        case NN_ACT_SIGMOID:
                return v_sigmoid(x);
        case NN_ACT_TANH:
                return v_tanh(x);
        case NN_ACT_HARD_SIGMOID:
                return v_min(one, v_max(zero, v_fma(a, x, b)));
        case NN_ACT_HARD_SWISH:
                return x * v_min(one, v_max(zero, v_fma(x, v_set1(1.f / 6.f), v_set1(0.5f))));
        case NN_ACT_SILU:
                return x / (one + v_exp(-x));
        case NN_ACT_ELU:
                return v_select_lt(x, zero, a * (v_exp(x) - one), x);
        }
        return x;
}

NN_INLINE void act_loop(enum nn_act_kind kind, vf a, vf b, size_t n, const float *x, float *y)
{
        size_t i = 0;

        for (; i + V <= n; i += V)
                v_store(y + i, act_one(kind, a, b, v_load(x + i)));
        if (i < n)
                v_store_n(y + i, act_one(kind, a, b, v_load_n(x + i, n - i)), n - i);
}

static void act_any(const struct nn_act *act, vf a, size_t n, const float *x, float *y)
{
        vf b = v_set1(act->b);

        if (act->kind == NN_ACT_NONE) {
                if (x != y)
                        memmove(y, x, n * sizeof(float));
                return;
        }
        switch (act->kind) {
#define ACT_CASE(name)                                  \
        case NN_ACT_##name:                             \
                act_loop(NN_ACT_##name, a, b, n, x, y); \
                break;
                NN_ACTS(ACT_CASE)
#undef ACT_CASE
        }
}

static void act(const struct nn_act *act, float slope, size_t n, const float *x, float *y)
{
        act_any(act, v_set1(act->kind == NN_ACT_PRELU ? slope : act->a), n, x, y);
}

static void act_block(const struct nn_act *act, const float *slopes, size_t pixels, const float *x, float *y)
{
        act_any(act, act->kind == NN_ACT_PRELU ? v_load(slopes) : v_set1(act->a), pixels * V, x, y);
}

static void vec_exp(size_t n, const float *x, float *y)
{
        size_t i = 0;

        for (; i + V <= n; i += V)
                v_store(y + i, v_exp(v_load(x + i)));
        if (i < n)
                v_store_n(y + i, v_exp(v_load_n(x + i, n - i)), n - i);
}

NN_INLINE vf binary_one(enum nn_binary op, vf a, vf b)
{
        switch (op) {
        case NN_ADD:
                return a + b;
        case NN_SUB:
                return a - b;
        case NN_MUL:
                return a * b;
        case NN_DIV:
                return a / b;
        case NN_MAX:
                return v_max(a, b);
        case NN_MIN:
                return v_min(a, b);
        }
        return a;
}

NN_INLINE void binary_loop(enum nn_binary op, bool relu, size_t n, const float *a, const float *b, float *y)
{
        const vf lo = relu ? v_zero() : v_set1(-__builtin_inff());
        size_t i = 0;

        for (; i + V <= n; i += V)
                v_store(y + i, v_max(lo, binary_one(op, v_load(a + i), v_load(b + i))));
        if (i < n)
                v_store_n(y + i, v_max(lo, binary_one(op, v_load_n(a + i, n - i), v_load_n(b + i, n - i))), n - i);
}

static void binary(enum nn_binary op, bool relu, size_t n, const float *a, const float *b, float *y)
{
        switch (op) {
#define BINARY_CASE(name)                                 \
        case NN_##name:                                   \
                binary_loop(NN_##name, relu, n, a, b, y); \
                break;
                NN_BINARIES(BINARY_CASE)
#undef BINARY_CASE
        }
}

NN_INLINE void scalar_loop(enum nn_binary op, bool swap, size_t n, const float *x, vf s, float *y)
{
        size_t i = 0;

        for (; i + V <= n; i += V) {
                vf a = v_load(x + i);

                v_store(y + i, swap ? binary_one(op, s, a) : binary_one(op, a, s));
        }
        if (i < n) {
                vf a = v_load_n(x + i, n - i);

                v_store_n(y + i, swap ? binary_one(op, s, a) : binary_one(op, a, s), n - i);
        }
}

static void scalar_any(enum nn_binary op, bool swap, size_t n, const float *x, vf s, float *y)
{
        switch (op) {
#define SCALAR_CASE(name)                                 \
        case NN_##name:                                   \
                scalar_loop(NN_##name, swap, n, x, s, y); \
                break;
                NN_BINARIES(SCALAR_CASE)
#undef SCALAR_CASE
        }
}

static void binary_scalar(enum nn_binary op, bool swap, size_t n, const float *a, float s, float *y)
{
        scalar_any(op, swap, n, a, v_set1(s), y);
}

static void binary_block(enum nn_binary op, size_t pixels, const float *x, const float *s, float *y)
{
        scalar_any(op, false, pixels * V, x, v_load(s), y);
}

static float row_max(size_t n, const float *x)
{
        float m = x[0];
        size_t i = 0;

        if (n >= V) {
                vf v = v_load(x);

                for (i = V; i + V <= n; i += V)
                        v = v_max(v, v_load(x + i));
                m = v_largest(v);
        }
        for (; i < n; i++)
                m = x[i] > m ? x[i] : m;
        return m;
}

#define NARROW 8

/* Up to V rows of a few columns: a vector has one column of all of them. */
static void softmax_narrow(size_t rows, size_t columns, const float *x, float *y)
{
        float t[NARROW * V] = { 0 };
        vf m, sum = v_zero();

        for (size_t i = 0; i < rows; i++)
                for (size_t j = 0; j < columns; j++)
                        t[j * V + i] = x[i * columns + j];
        m = v_load(t);
        for (size_t j = 1; j < columns; j++)
                m = v_max(m, v_load(t + j * V));
        for (size_t j = 0; j < columns; j++) {
                vf e = v_exp(v_load(t + j * V) - m);

                sum += e;
                v_store(t + j * V, e);
        }
        for (size_t j = 0; j < columns; j++)
                v_store(t + j * V, v_load(t + j * V) * (v_set1(1.f) / sum));
        for (size_t i = 0; i < rows; i++)
                for (size_t j = 0; j < columns; j++)
                        y[i * columns + j] = t[j * V + i];
}

static void softmax_rows(size_t rows, size_t columns, const float *x, float *y)
{
        if (!columns)
                return;
        if (columns <= NARROW && rows > 1) {
                for (size_t i = 0; i < rows; i += V)
                        softmax_narrow(MIN((size_t)V, rows - i), columns, x + i * columns, y + i * columns);
                return;
        }
        for (size_t row = 0; row < rows; row++, x += columns, y += columns) {
                vf m = v_set1(row_max(columns, x)), sum = v_zero();
                size_t i = 0;
                float s;

                for (; i + V <= columns; i += V) {
                        vf e = v_exp(v_load(x + i) - m);

                        sum += e;
                        v_store(y + i, e);
                }
                s = v_sum(sum);
                if (i < columns) {
                        float tail[V];

                        v_store(tail, v_exp(v_load_n(x + i, columns - i) - m));
                        for (size_t j = 0; i + j < columns; j++) {
                                y[i + j] = tail[j];
                                s += tail[j];
                        }
                }
                scalar_loop(NN_MUL, false, columns, y, v_set1(1.f / s), y);
        }
}

const struct nn_vec_ops ISA(nn_vec_ops) = {
        .act = act,
        .act_block = act_block,
        .exp = vec_exp,
        .binary = binary,
        .binary_scalar = binary_scalar,
        .binary_block = binary_block,
        .softmax_rows = softmax_rows,
};
