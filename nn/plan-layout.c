/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which values are kept in blocks of channels. A step takes what its kernel likes best; where a value is needed in
 * the other layout, a reorder is put before the first step that needs it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nn/op-pad.h"
#include "nn/plan.h"

struct layouter {
        struct nn_plan *p;
        struct nn_error *error;
        uint32_t *twin; /* per value: the same in the other layout, or NN_NO_VALUE */
        struct nn_step *steps;
        size_t n_steps, cap_steps;
};

static int run_reorder(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        size_t n = (size_t)x->dims[0], channels = (size_t)x->dims[1], hw = (size_t)(x->dims[2] * x->dims[3]);

        if (c->layout_out == NN_BLOCKED)
                nn_to_blocked(c->isa, n, channels, hw, nn_f32(x), nn_f32(c->out[0]));
        else
                nn_from_blocked(c->isa, n, channels, hw, nn_f32(x), nn_f32(c->out[0]));
        return 0;
}

static const struct nn_op reorder = { .name = "Reorder", .max_in = 1, .max_out = 1, .run = run_reorder };

static bool can_block(const struct nn_tensor *t)
{
        return t->type == NN_FLOAT32 && t->n_dims == 4 && nn_tensor_n_elements(t) > 0;
}

/* One pixel an image: with one image, or whole blocks, both layouts are the same memory. */
static bool same_memory(const struct layouter *l, const struct nn_tensor *t)
{
        return t->dims[2] == 1 && t->dims[3] == 1 && (t->dims[0] == 1 || t->dims[1] % nn_isa_block(l->p->isa) == 0);
}

static int add_reorder(struct layouter *l, const struct nn_step *near, uint32_t from, uint32_t to)
{
        struct nn_step *s;

        if (l->n_steps == l->cap_steps)
                return -ENOMEM;
        s = &l->steps[l->n_steps++];
        *s = (struct nn_step){ .residual = NN_NO_VALUE, .bias = NN_NO_VALUE, .slopes = NN_NO_VALUE };
        s->call = near->call;
        s->call.op = &reorder;
        s->call.n_in = s->call.n_out = 1;
        s->call.residual = s->call.fused_weights = s->call.fused_bias = s->call.fused_scale = NULL;
        s->call.kernel = NULL;
        s->call.layout_in = l->p->values[from].layout;
        s->call.layout_out = l->p->values[to].layout;
        s->call.in = calloc(1, sizeof(*s->call.in));
        s->call.out = calloc(1, sizeof(*s->call.out));
        s->in = calloc(1, sizeof(*s->in));
        s->out = calloc(1, sizeof(*s->out));
        if (!s->call.in || !s->call.out || !s->in || !s->out)
                return -ENOMEM;
        s->in[0] = from;
        s->out[0] = to;
        return 0;
}

/* Makes *@value one in @layout. */
static int want(struct layouter *l, const struct nn_step *s, uint32_t *value, enum nn_layout layout)
{
        struct nn_plan *p = l->p;
        uint32_t v = *value, twin;

        if (v == NN_NO_VALUE || p->values[v].layout == layout)
                return 0;
        if (layout == NN_PLAIN && same_memory(l, &p->values[v].t))
                return 0;
        if (l->twin[v] == NN_NO_VALUE) {
                twin = nn_plan_add_value(p, &p->values[v].t);
                if (twin == NN_NO_VALUE)
                        return -ENOMEM;
                p->values[twin].layout = layout;
                l->twin[v] = twin;
                l->twin[twin] = v;
                if (add_reorder(l, s, v, twin) < 0)
                        return -ENOMEM;
        }
        *value = l->twin[v];
        return 0;
}

static int want_all(struct layouter *l, struct nn_step *s, enum nn_layout layout)
{
        for (unsigned i = 0; i < s->call.n_in; i++)
                if (want(l, s, &s->in[i], layout) < 0)
                        return -ENOMEM;
        return 0;
}

static bool blocked(const struct layouter *l, uint32_t v)
{
        return v != NN_NO_VALUE && l->p->values[v].layout == NN_BLOCKED;
}

/* Whether both operands are values of the output's shape, or the second a scale per channel of each image. */
static bool binary_can_block(const struct layouter *l, const struct nn_step *s, bool *ret_scale)
{
        const struct nn_tensor *a = s->call.in[0], *b = s->call.in[1], *y = s->call.out[0];

        *ret_scale = false;
        if (s->call.p.binary.op == NN_DIV || !can_block(y) || !nn_tensor_same_shape(a, y) || a->data || b->data)
                return false;
        if (nn_tensor_same_shape(b, y))
                return true;
        *ret_scale = true;
        return (s->call.p.binary.op == NN_MUL || s->call.p.binary.op == NN_ADD) && !s->call.p.binary.relu &&
               b->n_dims == 4 && b->dims[0] == y->dims[0] && b->dims[1] == y->dims[1] && b->dims[2] == 1 &&
               b->dims[3] == 1;
}

static bool concat_can_block(const struct layouter *l, const struct nn_step *s)
{
        if (s->call.p.reduce.axis != 1 || !can_block(s->call.out[0]))
                return false;
        for (unsigned i = 0; i < s->call.n_in; i++)
                if (!blocked(l, s->in[i]) || (i + 1 < s->call.n_in && s->call.in[i]->dims[1] % nn_isa_block(l->p->isa)))
                        return false;
        return true;
}

/* The layouts in which the step runs. */
static void choose(struct layouter *l, struct nn_step *s, enum nn_layout *in, enum nn_layout *out)
{
        const struct nn_op *op = s->call.op;
        bool scale;

        *in = *out = NN_PLAIN;
        if (op->kind == NN_KIND_CONV && can_block(s->call.in[0])) {
                nn_conv_layouts(l->p->isa, &s->call.p.conv.d, in, out);
        } else if (op->flags & NN_OP_ANY_LAYOUT) {
                if (blocked(l, s->in[0]) && can_block(s->call.out[0]))
                        *in = *out = NN_BLOCKED;
        } else if (op->kind == NN_KIND_RESIZE) {
                if (blocked(l, s->in[0]) && can_block(s->call.out[0]) &&
                    (s->call.p.resize.factor[0] || s->call.p.resize.planes))
                        *in = *out = NN_BLOCKED;
        } else if (op->kind == NN_KIND_PAD) {
                if (blocked(l, s->in[0]) && can_block(s->call.out[0]) && nn_pad_can_block(&s->call))
                        *in = *out = NN_BLOCKED;
        } else if (op->kind == NN_KIND_BINARY) {
                if (blocked(l, s->in[0]) && binary_can_block(l, s, &scale)) {
                        *in = *out = NN_BLOCKED;
                        s->call.p.binary.scale = scale;
                }
        } else if (op->kind == NN_KIND_CONCAT && concat_can_block(l, s)) {
                *in = *out = NN_BLOCKED;
        }
}

static int layout_step(struct layouter *l, struct nn_step s)
{
        struct nn_plan *p = l->p;
        enum nn_layout in, out;
        uint32_t made = s.out[0], inner;
        bool reorder_after = false, first_only;

        if (s.call.op->flags & NN_OP_BYTES) {
                /* floats to plain bytes, or anything to or from blocks */
                bool plain = p->values[made].layout == NN_PLAIN && p->values[s.in[0]].t.type == NN_FLOAT32;
                int r = plain ? want(l, &s, &s.in[0], NN_PLAIN) : 0;

                s.call.layout_in = plain ? NN_PLAIN : p->values[s.in[0]].layout;
                s.call.layout_out = p->values[made].layout;
                if (r < 0 || l->n_steps == l->cap_steps) {
                        nn_step_done(&s);
                        return -ENOMEM;
                }
                l->steps[l->n_steps++] = s;
                return 0;
        }
        choose(l, &s, &in, &out);
        s.call.layout_in = in;
        s.call.layout_out = out;
        /* weights and scales are constants, which have no layout */
        first_only =
                s.call.op->kind == NN_KIND_CONV || s.call.op->kind == NN_KIND_RESIZE || s.call.op->kind == NN_KIND_PAD;
        if ((first_only ? want(l, &s, &s.in[0], in) : want_all(l, &s, in)) < 0 || want(l, &s, &s.residual, out) < 0 ||
            l->n_steps == l->cap_steps) {
                nn_step_done(&s);
                return -ENOMEM;
        }
        if (out == NN_BLOCKED && p->values[made].persistent && !same_memory(l, &p->values[made].t)) {
                /* the caller reads plain values */
                inner = nn_plan_add_value(p, &p->values[made].t);
                if (inner == NN_NO_VALUE) {
                        nn_step_done(&s);
                        return -ENOMEM;
                }
                p->values[inner].layout = NN_BLOCKED;
                l->twin[made] = inner;
                l->twin[inner] = made;
                s.out[0] = inner;
                reorder_after = true;
        } else if (made != NN_NO_VALUE) {
                p->values[made].layout = out;
        }
        l->steps[l->n_steps++] = s;
        return reorder_after ? add_reorder(l, &s, s.out[0], made) : 0;
}

int nn_plan_layout(struct nn_plan *p, struct nn_error *error)
{
        struct layouter l = { .p = p, .error = error };
        size_t n = p->n_steps, i;
        int r = 0;

        l.cap_steps = 3 * n + 16;
        for (i = 0; i < n; i++)
                l.cap_steps += p->steps[i].call.n_in;
        l.steps = calloc(l.cap_steps, sizeof(*l.steps));
        l.twin = malloc(p->cap_values * sizeof(*l.twin));
        if (!l.steps || !l.twin) {
                free(l.steps);
                free(l.twin);
                return nn_no_memory(error);
        }
        memset(l.twin, 0xff, p->cap_values * sizeof(*l.twin));
        for (i = 0; i < n && r == 0; i++) {
                struct nn_step s = p->steps[i];

                /* owned by one of the two lists at any time */
                memset(&p->steps[i], 0, sizeof(p->steps[i]));
                r = layout_step(&l, s);
        }
        for (; i < n; i++)
                nn_step_done(&p->steps[i]);
        free(p->steps);
        free(l.twin);
        p->steps = l.steps;
        p->n_steps = l.n_steps;
        p->cap_steps = l.cap_steps;
        return r < 0 ? nn_no_memory(error) : 0;
}
