/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Quantised networks. In the file each operator works on floats between a DequantizeLinear and a QuantizeLinear; where
 * both stand around an operator that has a kernel on bytes, the three become one step, and the values between such
 * steps stay byte blocks.
 *
 * Runs after plan-fuse.c: activations and sums are then part of the convolution before them.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/plan.h"

#define NONE SIZE_MAX

struct quanter {
        struct nn_plan *p;
        unsigned *uses, *dq_uses;  /* per value: steps that read it, and those of them that dequantise it */
        size_t *producer, *reader; /* per value: the step that makes it, one that reads it; NONE */
        bool *touched;             /* per value: a step on bytes makes or reads it */
};

static bool is_dequantize(const struct nn_op *op)
{
        return op && op->kind == NN_KIND_DEQUANTIZE;
}

static bool is_quantize(const struct nn_op *op)
{
        return op && op->kind == NN_KIND_QUANTIZE;
}

/* Scale and zero of a step with one of each, both constant. */
static bool read_quant(const struct nn_call *c, const struct nn_tensor *bytes, struct nn_quant *ret)
{
        const struct nn_tensor *scale = c->in[1], *zero = nn_call_in(c, 2);

        if (!scale->data || nn_tensor_n_elements(scale) != 1 || (zero && !zero->data))
                return false;
        ret->scale = nn_f32(scale)[0];
        if (bytes->type == NN_INT8)
                ret->zero = 128 + (zero ? *(const int8_t *)zero->data : 0);
        else
                ret->zero = zero ? *(const uint8_t *)zero->data : 0;
        return isfinite(ret->scale) && ret->scale > 1e-30f;
}

/* A value that may be kept in byte blocks: made by QuantizeLinear, read by DequantizeLinear alone. */
static bool can_be_blocks(const struct quanter *z, uint32_t v)
{
        const struct nn_plan_value *value = &z->p->values[v];

        return value->t.n_dims == 4 && (value->t.type == NN_UINT8 || value->t.type == NN_INT8) && !value->persistent &&
               !value->constant && nn_tensor_n_elements(&value->t) > 0 && z->uses[v] == z->dq_uses[v] &&
               z->producer[v] != NONE;
}

/* The bytes behind the float value @v. Return: their value, NN_NO_VALUE if there are none. */
static uint32_t bytes_before(const struct quanter *z, uint32_t v, struct nn_quant *ret)
{
        const struct nn_step *dq;

        if (v == NN_NO_VALUE || z->producer[v] == NONE)
                return NN_NO_VALUE;
        dq = &z->p->steps[z->producer[v]];
        if (!is_dequantize(dq->call.op) || !can_be_blocks(z, dq->in[0]) || !read_quant(&dq->call, dq->call.in[0], ret))
                return NN_NO_VALUE;
        return dq->in[0];
}

/* The QuantizeLinear that alone reads the float value @v. */
static struct nn_step *quantize_after(const struct quanter *z, uint32_t v, struct nn_quant *ret)
{
        struct nn_step *q;

        if (z->uses[v] != 1 || z->reader[v] == NONE)
                return NULL;
        q = &z->p->steps[z->reader[v]];
        if (!is_quantize(q->call.op) || q->in[0] != v || !read_quant(&q->call, q->call.out[0], ret) ||
            !can_be_blocks(z, q->out[0]))
                return NULL;
        return q;
}

/* 8-bit weights that a DequantizeLinear of the file made @v from: scales along @axis or one, zeros of 0. */
static bool weights_before(const struct nn_plan *p, uint32_t v, int64_t axis, const struct nn_tensor **ret_weights,
                           const struct nn_tensor **ret_scales)
{
        const struct nn_node *n = nn_plan_node_of(p, v);
        const struct nn_tensor *w, *scales, *zero;
        int64_t n_scales, given;

        if (!n || !is_dequantize(n->op))
                return false;
        w = &p->values[n->in[0]].t;
        scales = &p->values[n->in[1]].t;
        zero = n->n_in > 2 && n->in[2] != NN_NO_VALUE ? &p->values[n->in[2]].t : NULL;
        if (!p->values[n->in[0]].constant || !p->values[n->in[1]].constant || w->type != NN_INT8)
                return false;
        n_scales = nn_tensor_n_elements(scales);
        given = nn_node_int(n, "axis", 1);
        given += given < 0 ? w->n_dims : 0;
        if (n_scales != 1 && (given != axis || n_scales != w->dims[axis]))
                return false;
        for (int64_t i = 0; i < n_scales; i++)
                if (!isfinite(nn_f32(scales)[i]))
                        return false;
        for (int64_t i = 0; zero && i < nn_tensor_n_elements(zero); i++)
                if (!zero->data || ((const int8_t *)zero->data)[i] != 0)
                        return false;
        *ret_weights = w;
        *ret_scales = scales;
        return true;
}

/* @s takes bytes and makes what @q makes. */
static void become(struct quanter *z, struct nn_step *s, const struct nn_op *op, struct nn_step *q)
{
        s->call.op = op;
        s->call.act = (struct nn_act){ 0 };
        if (q) {
                z->producer[q->out[0]] = (size_t)(s - z->p->steps);
                z->touched[q->out[0]] = true;
                s->out[0] = q->out[0];
                nn_step_done(q);
        }
        for (unsigned i = 0; i < s->call.n_in; i++)
                z->touched[s->in[i]] = true;
        if (s->residual != NN_NO_VALUE)
                z->touched[s->residual] = true;
        nn_step_bind(z->p, s);
}

static bool conv_fits(const struct nn_call *c)
{
        const struct nn_conv_desc *d = &c->p.conv.d;
        bool depthwise = d->groups > 1 && d->groups == d->c && d->groups == d->k;

        return c->in[0]->n_dims == 4 && !c->p.conv.open && (d->groups == 1 || depthwise) && !c->fused_scale &&
               !c->fused_bias &&
               (c->act.kind == NN_ACT_NONE || c->act.kind == NN_ACT_RELU || c->act.kind == NN_ACT_CLIP) &&
               (uint64_t)d->c / d->groups * d->r * d->s <= NN_CONV8_MAX_TAPS;
}

static void match_conv(struct quanter *z, struct nn_step *s)
{
        const struct nn_tensor *w, *scales, *bias = nn_call_in(&s->call, 2);
        struct nn_conv8_desc d = { .d = s->call.p.conv.d };
        uint32_t x = bytes_before(z, s->in[0], &d.x), residual = NN_NO_VALUE;
        struct nn_step *q = quantize_after(z, s->out[0], &d.y);

        if (x == NN_NO_VALUE || !q || !conv_fits(&s->call) || !weights_before(z->p, s->in[1], 0, &w, &scales))
                return;
        if (s->residual != NN_NO_VALUE) {
                residual = bytes_before(z, s->residual, &d.residual);
                if (residual == NN_NO_VALUE)
                        return;
        }
        d.d.act = s->call.act;
        d.w_scales = nn_f32(scales);
        s->in[0] = x;
        s->residual = residual;
        s->call.n_in = 1;
        memset(&s->call.p, 0, sizeof(s->call.p));
        s->call.p.conv8.q = d;
        s->call.p.conv8.weights = w->data;
        s->call.p.conv8.one_scale = nn_tensor_n_elements(scales) == 1;
        s->call.p.conv8.bias = bias ? nn_f32(bias) : NULL;
        become(z, s, &nn_op_conv8, q);
}

static void match_max_pool(struct quanter *z, struct nn_step *s)
{
        struct nn_quant x, y;
        uint32_t v = bytes_before(z, s->in[0], &x);
        struct nn_step *q = quantize_after(z, s->out[0], &y);

        if (v == NN_NO_VALUE || !q || s->call.p.pool.average || x.scale != y.scale || x.zero != y.zero)
                return;
        s->in[0] = v;
        become(z, s, &nn_op_max_pool8, q);
}

static void match_global_pool(struct quanter *z, struct nn_step *s)
{
        struct nn_quant x;
        uint32_t v = bytes_before(z, s->in[0], &x);

        if (v == NN_NO_VALUE)
                return;
        s->in[0] = v;
        memset(&s->call.p, 0, sizeof(s->call.p));
        s->call.p.bytes.a = x;
        become(z, s, &nn_op_global_pool8, NULL);
}

static void match_add(struct quanter *z, struct nn_step *s)
{
        bool relu = s->call.p.binary.relu;
        struct nn_quant a, b, y;
        uint32_t va = bytes_before(z, s->in[0], &a), vb = bytes_before(z, s->in[1], &b);
        struct nn_step *q = quantize_after(z, s->out[0], &y);

        if (va == NN_NO_VALUE || vb == NN_NO_VALUE || !q || s->call.p.binary.op != NN_ADD ||
            !nn_tensor_same_shape(s->call.in[0], s->call.in[1]))
                return;
        s->in[0] = va;
        s->in[1] = vb;
        memset(&s->call.p, 0, sizeof(s->call.p));
        s->call.p.bytes.a = a;
        s->call.p.bytes.b = b;
        s->call.p.bytes.y = y;
        s->call.p.bytes.relu = relu;
        become(z, s, &nn_op_add8, q);
}

/* Fully connected layers take floats; their weights stay bytes. */
static void match_layer(struct quanter *z, struct nn_step *s)
{
        const struct nn_tensor *w, *scales;
        int64_t axis = s->call.op->kind == NN_KIND_GEMM && s->call.p.gemm.trans_b ? 0 : 1;

        if (!nn_gemm_is_layer(&s->call) || s->call.fused_weights || s->call.p.gemm.k > NN_FC8_MAX_K ||
            !weights_before(z->p, s->in[1], axis, &w, &scales))
                return;
        s->call.weights8 = w;
        s->call.weights8_scales = scales;
}

/* A value is read as plain bytes if all its readers are first convolutions, of few channels. */
static bool stays_plain(const struct quanter *z, uint32_t v)
{
        const struct nn_plan *p = z->p;

        if (!is_quantize(p->steps[z->producer[v]].call.op))
                return false;
        for (size_t i = 0; i < p->n_steps; i++) {
                const struct nn_step *s = &p->steps[i];
                const struct nn_conv_desc *d = &s->call.p.conv8.q.d;

                if (is_dequantize(s->call.op) && !z->uses[s->out[0]])
                        continue; /* what it fed reads the bytes now */
                for (unsigned k = 0; s->call.op && k < s->call.n_in; k++)
                        if (s->in[k] == v &&
                            (s->call.op != &nn_op_conv8 || d->c > NN_CONV8_PLAIN_CHANNELS || d->groups != 1))
                                return false;
                if (s->call.op && s->residual == v)
                        return false;
        }
        return true;
}

static void set_layouts(struct quanter *z, size_t n_values)
{
        struct nn_plan *p = z->p;

        nn_plan_count_uses(p, z->uses);
        for (size_t v = 0; v < n_values; v++) {
                struct nn_plan_value *value = &p->values[v];

                if (z->touched[v] && !value->constant && value->t.type != NN_FLOAT32 && !stays_plain(z, (uint32_t)v))
                        value->layout = NN_BLOCKED;
        }
        /* what leaves the blocks: the next step takes it in blocks of floats, or a reorder follows */
        for (size_t i = 0; i < p->n_steps; i++) {
                const struct nn_step *s = &p->steps[i];

                if (is_dequantize(s->call.op) && p->values[s->in[0]].layout == NN_BLOCKED &&
                    !p->values[s->out[0]].persistent)
                        p->values[s->out[0]].layout = NN_BLOCKED;
        }
}

static void match_step(struct quanter *z, struct nn_step *s)
{
        switch (s->call.op ? s->call.op->kind : NN_KIND_OTHER) {
        case NN_KIND_CONV:
                match_conv(z, s);
                break;
        case NN_KIND_POOL:
                match_max_pool(z, s);
                break;
        case NN_KIND_GLOBAL_POOL:
                match_global_pool(z, s);
                break;
        case NN_KIND_BINARY:
                match_add(z, s);
                break;
        case NN_KIND_GEMM:
        case NN_KIND_MATMUL:
                match_layer(z, s);
                break;
        default:
                break;
        }
}

static void read_graph(struct quanter *z)
{
        struct nn_plan *p = z->p;

        nn_plan_count_uses(p, z->uses);
        for (size_t i = 0; i < p->n_values; i++)
                z->producer[i] = z->reader[i] = NONE;
        for (size_t i = 0; i < p->n_steps; i++) {
                const struct nn_step *s = &p->steps[i];

                for (unsigned k = 0; k < s->call.n_out; k++)
                        if (s->out[k] != NN_NO_VALUE)
                                z->producer[s->out[k]] = i;
                for (unsigned k = 0; k < s->call.n_in; k++)
                        if (s->in[k] != NN_NO_VALUE)
                                z->reader[s->in[k]] = i;
                if (is_dequantize(s->call.op) && nn_tensor_n_elements(s->call.in[1]) == 1)
                        z->dq_uses[s->in[0]]++;
        }
        /* another maker of bytes gives them as they are */
        for (size_t i = 0; i < p->n_values; i++) {
                const struct nn_step *s = z->producer[i] == NONE ? NULL : &p->steps[z->producer[i]];

                if (s && !(is_quantize(s->call.op) && nn_tensor_n_elements(s->call.in[1]) == 1))
                        z->dq_uses[i] = UINT32_MAX;
        }
}

int nn_plan_quant(struct nn_plan *p, struct nn_error *error)
{
        size_t n = p->n_values + 1;
        struct quanter z = { .p = p };
        int r = -ENOMEM;

        z.uses = calloc(n, sizeof(*z.uses));
        z.dq_uses = calloc(n, sizeof(*z.dq_uses));
        z.producer = calloc(n, sizeof(*z.producer));
        z.reader = calloc(n, sizeof(*z.reader));
        z.touched = calloc(n, sizeof(*z.touched));
        if (z.uses && z.dq_uses && z.producer && z.reader && z.touched) {
                read_graph(&z);
                for (size_t i = 0; i < p->n_steps; i++)
                        match_step(&z, &p->steps[i]);
                set_layouts(&z, n - 1);
                nn_plan_compact(p);
                r = 0;
        }
        free(z.uses);
        free(z.dq_uses);
        free(z.producer);
        free(z.reader);
        free(z.touched);
        return r < 0 ? nn_no_memory(error) : 0;
}
