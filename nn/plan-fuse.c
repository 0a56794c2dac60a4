/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Merges steps: one that only rescales, bends or adds to the result of a convolution or product moves into it. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/memory.h"
#include "nn/op-pad.h"
#include "nn/plan.h"

#define NO_STEP SIZE_MAX

struct fuser {
        struct nn_plan *p;
        struct nn_error *error;
        unsigned *uses;   /* per value */
        size_t *producer; /* per value; NO_STEP for inputs and constants */
};

static bool is_kind(const struct nn_step *s, enum nn_op_kind kind)
{
        return s->call.op && s->call.op->kind == kind;
}

static bool is_binary(const struct nn_step *s, enum nn_binary binary)
{
        return is_kind(s, NN_KIND_BINARY) && s->call.op->binary == binary;
}

/* The step that makes @value and whose result only the asking step reads; NULL if there is no such step. */
static struct nn_step *sole_producer(const struct fuser *f, uint32_t value, unsigned n_uses)
{
        if (value == NN_NO_VALUE || f->producer[value] == NO_STEP || f->uses[value] != n_uses)
                return NULL;
        return &f->p->steps[f->producer[value]];
}

static bool takes_act(const struct nn_step *s)
{
        return s && s->call.op && (s->call.op->flags & NN_OP_TAKES_ACT) && s->call.act.kind == NN_ACT_NONE &&
               (is_kind(s, NN_KIND_CONV) || nn_gemm_is_layer(&s->call));
}

static bool plain_conv(const struct nn_step *s)
{
        return s && is_kind(s, NN_KIND_CONV) && !s->call.p.conv.open && s->call.act.kind == NN_ACT_NONE &&
               s->residual == NN_NO_VALUE;
}

static void note(struct nn_step *s, const char *what)
{
        strncat(s->fused, what, sizeof(s->fused) - strlen(s->fused) - 1);
}

/* @into makes what @gone made; @gone disappears. */
static void take_over(struct fuser *f, struct nn_step *into, struct nn_step *gone, const char *what)
{
        into->out[0] = gone->out[0];
        f->producer[into->out[0]] = (size_t)(into - f->p->steps);
        note(into, what);
        nn_step_done(gone);
}

static float *new_constant(struct nn_plan *p, const struct nn_tensor *like, struct nn_tensor **ret)
{
        uint32_t v = nn_plan_add_value(p, like);
        bool ok;

        if (v == NN_NO_VALUE)
                return NULL;
        p->values[v].t.data = nn_alloc(nn_tensor_bytes(like, &ok));
        p->values[v].constant = p->values[v].owned = true;
        *ret = &p->values[v].t;
        return p->values[v].t.data;
}

/* w' = w * scale per filter, which is left to the preparation: the filters are large. b' = b * scale + shift */
static int fold_batch_norm(struct fuser *f, struct nn_step *conv, struct nn_step *bn)
{
        const struct nn_tensor *b = conv->call.fused_bias ? conv->call.fused_bias : nn_call_in(&conv->call, 2);
        struct nn_tensor like = { .type = NN_FLOAT32, .n_dims = 1, .dims = { conv->call.in[1]->dims[0] } };
        struct nn_tensor *scale = conv->call.fused_scale, *new_scale, *new_b;
        size_t bytes = 2 * (size_t)like.dims[0] * sizeof(float);
        float *to_scale, *to_b;
        int r;

        if (f->p->packed_bytes + bytes > NN_MAX_TENSOR_BYTES)
                return 0;
        f->p->packed_bytes += bytes;
        to_scale = new_constant(f->p, &like, &new_scale);
        to_b = new_constant(f->p, &like, &new_b);
        if (!to_scale || !to_b)
                return -ENOMEM;
        r = bn->call.op->prepare(&bn->call);
        if (r < 0)
                return r;
        for (int64_t i = 0; i < like.dims[0]; i++) {
                to_scale[i] = bn->call.p.affine.scale[i] * (scale ? nn_f32(scale)[i] : 1);
                to_b[i] = (b ? nn_f32(b)[i] * bn->call.p.affine.scale[i] : 0) + bn->call.p.affine.shift[i];
        }
        bn->call.op->release(&bn->call);
        conv->call.fused_scale = new_scale;
        conv->call.fused_bias = new_b;
        take_over(f, conv, bn, " bn");
        return 0;
}

/* A slope per channel, or one for all. */
static bool prelu_act(const struct nn_step *s, struct nn_act *ret)
{
        const struct nn_tensor *x = s->call.in[0], *slope = s->call.in[1];
        unsigned at;

        if (!slope->data || x->n_dims < 3)
                return false;
        if (nn_tensor_n_elements(slope) == 1) {
                *ret = (struct nn_act){ .kind = NN_ACT_LEAKY, .a = nn_f32(slope)[0] };
                return true;
        }
        if (slope->n_dims != x->n_dims && slope->n_dims != x->n_dims - 1)
                return false;
        at = slope->n_dims - (x->n_dims - 1);
        if (slope->dims[at] != x->dims[1] || nn_tensor_n_elements(slope) != x->dims[1])
                return false;
        *ret = (struct nn_act){ .kind = NN_ACT_PRELU, .slopes = nn_f32(slope) };
        return true;
}

static bool fuse_act(struct fuser *f, struct nn_step *s)
{
        struct nn_step *into = sole_producer(f, s->in[0], 1);
        struct nn_act act;

        if (!into)
                return false;
        if (!nn_call_constant_from(&s->call, 1))
                return false;
        if (s->call.op->flags & NN_OP_ACT)
                act = s->call.p.act;
        else if (!is_kind(s, NN_KIND_PRELU) || !is_kind(into, NN_KIND_CONV) || !prelu_act(s, &act))
                return false;
        if (takes_act(into)) {
                into->call.act = act;
                if (act.kind == NN_ACT_PRELU)
                        into->slopes = s->in[1];
                take_over(f, into, s, " act");
                return true;
        }
        if (act.kind == NN_ACT_RELU && is_kind(into, NN_KIND_BINARY) && !into->call.p.binary.relu) {
                into->call.p.binary.relu = true;
                take_over(f, into, s, " relu");
                return true;
        }
        return false;
}

/* x * sigmoid(x) */
static bool fuse_silu(struct fuser *f, struct nn_step *mul)
{
        for (unsigned k = 0; k < 2; k++) {
                struct nn_step *sigmoid = sole_producer(f, mul->in[k], 1), *conv;

                if (!sigmoid || !is_kind(sigmoid, NN_KIND_ACT) || sigmoid->call.op->act != NN_ACT_SIGMOID ||
                    sigmoid->in[0] != mul->in[1 - k])
                        continue;
                conv = sole_producer(f, mul->in[1 - k], 2);
                if (!takes_act(conv))
                        continue;
                conv->call.act = (struct nn_act){ .kind = NN_ACT_SILU };
                nn_step_done(sigmoid);
                take_over(f, conv, mul, " silu");
                return true;
        }
        return false;
}

/* conv(x) + r: the convolution moves to where the sum was, when r is there. */
static bool fuse_residual(struct fuser *f, size_t i)
{
        struct nn_step *add = &f->p->steps[i], *best = NULL;
        unsigned best_k = 0;

        if (!nn_tensor_same_shape(add->call.in[0], add->call.in[1]) || add->in[0] == add->in[1])
                return false;
        for (unsigned k = 0; k < 2; k++) {
                struct nn_step *conv = sole_producer(f, add->in[k], 1);

                /* the later one: its input lives until here anyway */
                if (plain_conv(conv) && !f->p->values[add->in[1 - k]].constant && (!best || conv > best)) {
                        best = conv;
                        best_k = k;
                }
        }
        if (!best)
                return false;
        best->residual = add->in[1 - best_k];
        best->out[0] = add->out[0];
        note(best, " sum");
        nn_step_done(add);
        *add = *best;
        memset(best, 0, sizeof(*best));
        f->producer[add->out[0]] = i;
        return true;
}

/* A bias added to a product */
static bool fuse_bias(struct fuser *f, struct nn_step *add)
{
        for (unsigned k = 0; k < 2; k++) {
                struct nn_step *product = sole_producer(f, add->in[k], 1);
                struct nn_tensor *b = add->call.in[1 - k];

                if (!product || !is_kind(product, NN_KIND_MATMUL) || product->call.act.kind != NN_ACT_NONE ||
                    product->call.fused_bias || !nn_gemm_is_layer(&product->call) || !b->data || b->n_dims < 1 ||
                    !nn_tensor_same_shape(add->call.out[0], product->call.out[0]) ||
                    b->dims[b->n_dims - 1] != product->call.p.gemm.n ||
                    nn_tensor_n_elements(b) != product->call.p.gemm.n)
                        continue;
                product->call.fused_bias = b;
                product->bias = add->in[1 - k];
                take_over(f, product, add, " bias");
                return true;
        }
        return false;
}

/* Zeros around the input, which converters from TensorFlow write as an operator of their own. */
static void fuse_pad(struct fuser *f, struct nn_step *conv)
{
        struct nn_step *pad = sole_producer(f, conv->in[0], 1);
        struct nn_conv_desc *d = &conv->call.p.conv.d;
        unsigned pads[4];

        if (!pad || !is_kind(pad, NN_KIND_PAD) || !nn_pad_is_zeros(&pad->call, pads))
                return;
        d->h -= pads[0] + pads[2];
        d->w -= pads[1] + pads[3];
        for (unsigned i = 0; i < 4; i++)
                d->pad[i] += pads[i];
        conv->in[0] = pad->in[0];
        nn_step_bind(f->p, conv);
        note(conv, " pad");
        nn_step_done(pad);
}

static int fuse_step(struct fuser *f, size_t i)
{
        struct nn_step *s = &f->p->steps[i], *before;

        if (is_kind(s, NN_KIND_CONV))
                fuse_pad(f, s);
        if (is_kind(s, NN_KIND_BATCH_NORM)) {
                before = sole_producer(f, s->in[0], 1);
                return plain_conv(before) && !s->call.p.affine.open ? fold_batch_norm(f, before, s) : 0;
        }
        if ((s->call.op->flags & NN_OP_ACT) || is_kind(s, NN_KIND_PRELU)) {
                fuse_act(f, s);
                return 0;
        }
        if (s->call.out[0]->type != NN_FLOAT32)
                return 0;
        if (is_binary(s, NN_MUL))
                fuse_silu(f, s);
        else if (is_binary(s, NN_ADD) && !fuse_bias(f, s))
                fuse_residual(f, i);
        return 0;
}

int nn_plan_fuse(struct nn_plan *p, struct nn_error *error)
{
        struct fuser f = { .p = p, .error = error };
        size_t n = p->n_values;
        int r = 0;

        f.uses = calloc(n + 1, sizeof(*f.uses));
        f.producer = calloc(n + 1, sizeof(*f.producer));
        if (!f.uses || !f.producer)
                r = -ENOMEM;
        if (r == 0)
                nn_plan_count_uses(p, f.uses);
        for (size_t i = 0; i < n && r == 0; i++)
                f.producer[i] = NO_STEP;
        for (size_t i = 0; i < p->n_steps && r == 0; i++) {
                struct nn_step *s = &p->steps[i];

                for (unsigned k = 0; k < s->call.n_out; k++)
                        if (s->out[k] != NN_NO_VALUE)
                                f.producer[s->out[k]] = i;
                r = fuse_step(&f, i);
        }
        free(f.uses);
        free(f.producer);
        nn_plan_compact(p);
        for (size_t i = 0; i < p->n_steps; i++)
                nn_step_bind(p, &p->steps[i]);
        return r == -ENOMEM ? nn_no_memory(error) : r;
}
