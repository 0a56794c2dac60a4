/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Functions of one number that no layer takes into itself; those it does are
 * activations (op-math.c). */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "nn/op.h"

static float softplus(float x)
{
        return x > 20 ? x : log1pf(expf(x));
}

static float gelu(float x)
{
        return 0.5f * x * (1 + erff(x * 0.70710678f));
}

static float gelu_tanh(float x)
{
        return 0.5f * x * (1 + tanhf(0.7978845608f * (x + 0.044715f * x * x * x)));
}

static float selu(float x, float a, float b)
{
        return b * (x > 0 ? x : a * (expf(x) - 1));
}

static float celu(float x, float a)
{
        return fmaxf(x, 0) + fminf(0, a * (expf(x / a) - 1));
}

static bool takes_ints(int what)
{
        return what == NN_UNARY_ABS || what == NN_UNARY_NEG || what == NN_UNARY_SIGN;
}

int nn_shape_unary(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int what = c->op->variant;
        bool ints = x->type == NN_INT64 || x->type == NN_INT32;
        int r = 0;

        if (what == NN_UNARY_NOT ? x->type != NN_BOOL : !(ints && takes_ints(what)))
                r = nn_call_need_float(c, 0);
        if (r < 0)
                return r;
        if (what == NN_UNARY_NOT && x->type != NN_BOOL)
                return nn_call_fail(c, -EINVAL, "element type %s is no bool", nn_type_name((int)x->type));
        c->p.unary.a = nn_node_float(c->node, "alpha", what == NN_UNARY_SELU ? 1.67326319f : 1);
        c->p.unary.b = nn_node_float(c->node, "gamma", 1.05070102f);
        c->p.unary.what = what;
        if (what == NN_UNARY_GELU && strcmp(nn_node_string(c->node, "approximate", "none"), "tanh") == 0)
                c->p.unary.what = NN_UNARY_GELU_TANH;
        return nn_call_set_output(c, 0, x->type, x->n_dims, x->dims);
}

static void run_ints(int what, const struct nn_tensor *x, struct nn_tensor *y, int64_t n)
{
        for (int64_t i = 0; i < n; i++) {
                int64_t v = nn_tensor_int(x, i), minus = (int64_t)(0 - (uint64_t)v);

                if (what == NN_UNARY_SIGN)
                        v = v > 0 ? 1 : v < 0 ? -1 : 0;
                else if (what == NN_UNARY_NEG || v < 0)
                        v = minus;
                if (y->type == NN_INT64)
                        ((int64_t *)y->data)[i] = v;
                else
                        ((int32_t *)y->data)[i] = (int32_t)v;
        }
}

int nn_run_unary(struct nn_call *c)
{
        int64_t n = nn_tensor_n_elements(c->in[0]);
        const float *from = nn_f32(c->in[0]);
        float *y = nn_f32(c->out[0]), a = c->p.unary.a, b = c->p.unary.b;

        if (c->in[0]->type == NN_BOOL) {
                for (int64_t i = 0; i < n; i++)
                        ((uint8_t *)c->out[0]->data)[i] = !((const uint8_t *)c->in[0]->data)[i];
                return 0;
        }
        if (c->in[0]->type != NN_FLOAT32) {
                run_ints(c->p.unary.what, c->in[0], c->out[0], n);
                return 0;
        }
        switch ((enum nn_unary)c->p.unary.what) {
#define UNARY_CASE(name, formula)                 \
        case NN_UNARY_##name:                     \
                for (int64_t i = 0; i < n; i++) { \
                        float x = from[i];        \
                                                  \
                        y[i] = formula;           \
                }                                 \
                break;
                NN_UNARIES(UNARY_CASE)
#undef UNARY_CASE
        }
        (void)b;
        return 0;
}
