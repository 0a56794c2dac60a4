/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Places for the values: those that never live at one time share memory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "nn/plan.h"

#define ALIGNMENT 64

static void use(struct nn_plan *p, uint32_t i, int step)
{
        struct nn_plan_value *v;

        if (i == NN_NO_VALUE)
                return;
        v = &p->values[i];
        if (v->first < 0)
                v->first = step;
        v->last = MAX(v->last, step);
}

/* From the step that makes a value to the last that reads it; for ever if the caller sees it. */
static void find_lifetimes(struct nn_plan *p)
{
        for (size_t i = 0; i < p->n_values; i++) {
                struct nn_plan_value *v = &p->values[i];

                v->root = (uint32_t)i;
                v->first = v->last = -1;
        }
        for (size_t i = 0; i < p->n_steps; i++) {
                const struct nn_step *s = &p->steps[i];

                for (unsigned k = 0; k < s->call.n_in; k++)
                        use(p, s->in[k], (int)i);
                for (unsigned k = 0; k < s->call.n_out; k++)
                        use(p, s->out[k], (int)i);
                use(p, s->residual, (int)i);
        }
        for (size_t i = 0; i < p->n_values; i++) {
                struct nn_plan_value *v = &p->values[i];

                if (v->persistent || p->options.keep_all) {
                        v->first = 0;
                        v->last = (int)p->n_steps;
                }
        }
}

static uint32_t root_of(const struct nn_plan *p, uint32_t i)
{
        while (p->values[i].root != i)
                i = p->values[i].root;
        return i;
}

static size_t within_root(const struct nn_plan *p, uint32_t i)
{
        size_t at = 0;

        for (; p->values[i].root != i; i = p->values[i].root)
                at += p->values[i].within;
        return at;
}

/* Root @i moves into the memory of root @root, @at bytes from its start. */
static void move_into(struct nn_plan *p, uint32_t root, uint32_t i, size_t at)
{
        struct nn_plan_value *r = &p->values[root], *v = &p->values[i];

        v->root = root;
        v->within = at;
        r->last = MAX(r->last, v->last);
        r->first = MIN(r->first, v->first);
}

static void share(struct nn_plan *p, uint32_t in, uint32_t out)
{
        move_into(p, root_of(p, in), out, within_root(p, in));
}

/* Bytes without the padding to the next aligned address. */
static size_t exact_bytes(const struct nn_plan *p, const struct nn_tensor *t, enum nn_layout layout)
{
        bool ok;

        if (layout == NN_PLAIN)
                return nn_tensor_bytes(t, &ok);
        if (t->type != NN_FLOAT32)
                return nn_byte_blocks((size_t)t->dims[0], (size_t)t->dims[1], (size_t)t->dims[2], (size_t)t->dims[3]);
        return sizeof(float) * nn_blocked_floats(p->isa, (size_t)t->dims[0], (size_t)t->dims[1], (size_t)t->dims[2],
                                                 (size_t)t->dims[3]);
}

/* Whether each input of the concatenation is one piece of its output. */
static bool parts_are_whole(const struct nn_plan *p, const struct nn_step *s)
{
        const struct nn_plan_value *y = &p->values[s->out[0]];

        if (y->layout == NN_BLOCKED)
                return y->t.dims[0] == 1;
        return nn_product(y->t.dims, 0, (unsigned)s->call.p.reduce.axis) == 1;
}

/* Whether what makes @in may write it as @bytes bytes from byte @at of a concatenation on. */
static bool can_be_part(const struct nn_plan *p, uint32_t in, size_t at, size_t bytes)
{
        const struct nn_plan_value *v = &p->values[in], *r = &p->values[root_of(p, in)];

        /* vectors should not straddle more cache lines than elsewhere */
        if (at % (nn_isa_block(p->isa) * sizeof(float)))
                return false;
        /* a root that is a concatenation itself is larger, so a value that has its part already gets no second one */
        return !v->constant && !v->persistent && !r->persistent && exact_bytes(p, &v->t, v->layout) == bytes &&
               exact_bytes(p, &r->t, r->layout) == bytes;
}

/* The inputs of a concatenation are made where they belong in its output; it copies only those that cannot be, and is
 * no step where there are none. A part may be read by others as well: the memory lives as long as any value in it, and
 * nobody writes over it before. */
static void share_parts(struct nn_plan *p, struct nn_step *s)
{
        uint32_t out = s->out[0];
        unsigned n_copied = 0;
        size_t at = 0;

        if (!parts_are_whole(p, s))
                return;
        for (unsigned i = 0; i < s->call.n_in; i++) {
                size_t bytes = exact_bytes(p, s->call.in[i], p->values[out].layout);

                if (bytes > 0 && can_be_part(p, s->in[i], at, bytes))
                        move_into(p, root_of(p, out), root_of(p, s->in[i]), within_root(p, out) + at);
                else
                        n_copied += bytes > 0;
                at += bytes;
        }
        if (n_copied == 0)
                s->call.op = NULL;
        else if (n_copied < s->call.n_in)
                snprintf(s->fused, sizeof(s->fused), " %u of %u parts", n_copied, s->call.n_in);
}

/* Whether values @a and @b, if they begin at one address, have each of their numbers at the same place. A smaller one
 * that is broadcast may take as much memory, which is given in whole cache lines. */
static bool same_form(const struct nn_plan *p, uint32_t a, uint32_t b)
{
        const struct nn_plan_value *x = &p->values[a], *y = &p->values[b];

        return nn_tensor_same_shape(&x->t, &y->t) && nn_type_size(x->t.type) == nn_type_size(y->t.type) &&
               x->layout == y->layout;
}

/* Whether step @i may write its output over value @in. */
static bool dies_here(const struct nn_plan *p, uint32_t in, uint32_t out, int step)
{
        const struct nn_plan_value *root;

        if (in == NN_NO_VALUE || p->values[in].constant)
                return false;
        root = &p->values[root_of(p, in)];
        return same_form(p, in, out) && !root->persistent && root->last <= step;
}

/* Whether a step may add into its residual: not if it still reads that memory, as a convolution does that is added to
 * its own input. */
static bool may_sum_in_place(const struct nn_plan *p, const struct nn_step *s, int step)
{
        if (!dies_here(p, s->residual, s->out[0], step))
                return false;
        for (unsigned k = 0; k < s->call.n_in; k++)
                if (s->in[k] != NN_NO_VALUE && root_of(p, s->in[k]) == root_of(p, s->residual))
                        return false;
        return true;
}

/* Whether a step that writes over its input @k still finds its other inputs: each lies elsewhere, or is read number by
 * number as @k is. One may be a part of the concatenation that another is. */
static bool may_work_in_place(const struct nn_plan *p, const struct nn_step *s, unsigned k, int step)
{
        uint32_t in = s->in[k];

        if (!dies_here(p, in, s->out[0], step))
                return false;
        for (unsigned i = 0; i < s->call.n_in; i++) {
                uint32_t other = s->in[i];

                if (other != NN_NO_VALUE && root_of(p, other) == root_of(p, in) &&
                    !(same_form(p, other, in) && within_root(p, other) == within_root(p, in)))
                        return false;
        }
        return true;
}

static void share_memory(struct nn_plan *p)
{
        for (size_t i = 0; i < p->n_steps && !p->options.keep_all; i++) {
                struct nn_step *s = &p->steps[i];
                unsigned flags = s->call.op->flags;
                uint32_t out = s->out[0];

                if (out == NN_NO_VALUE)
                        continue;
                if (flags & NN_OP_VIEW) {
                        /* a value that the caller reads must not be one that he writes */
                        if (!p->values[s->in[0]].constant &&
                            !(p->values[root_of(p, s->in[0])].persistent && p->values[out].persistent))
                                share(p, s->in[0], out);
                } else if (s->call.op->kind == NN_KIND_CONCAT) {
                        share_parts(p, s);
                } else if (may_sum_in_place(p, s, (int)i)) {
                        share(p, s->residual, out);
                } else if (flags & NN_OP_IN_PLACE) {
                        for (unsigned k = 0; k < MIN(s->call.n_in, 2u); k++)
                                if (may_work_in_place(p, s, k, (int)i)) {
                                        share(p, s->in[k], out);
                                        break;
                                }
                }
        }
}

static int by_size(const void *a, const void *b)
{
        const struct nn_plan_value *x = *(struct nn_plan_value *const *)a, *y = *(struct nn_plan_value *const *)b;

        if (x->bytes != y->bytes)
                return x->bytes < y->bytes ? 1 : -1;
        return x < y ? -1 : x > y;
}

static int by_offset(const void *a, const void *b)
{
        const struct nn_plan_value *x = *(struct nn_plan_value *const *)a, *y = *(struct nn_plan_value *const *)b;

        return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The lowest gap between the values placed before (sorted by offset) that live at the same time. */
static size_t find_gap(struct nn_plan_value *const *placed, size_t n, const struct nn_plan_value *v)
{
        size_t at = 0;

        for (size_t i = 0; i < n; i++) {
                const struct nn_plan_value *o = placed[i];

                if (o->last < v->first || o->first > v->last)
                        continue;
                if (o->offset >= at + v->bytes)
                        break;
                at = MAX(at, o->offset + o->bytes);
        }
        return at;
}

/* Greedy by size: large values first, each as low as it can lie (Pisarchyk & Lee 2020, arXiv:2001.03288). */
static int place(struct nn_plan *p, struct nn_plan_value **roots, size_t n, struct nn_error *error)
{
        qsort(roots, n, sizeof(*roots), by_size);
        for (size_t i = 0; i < n; i++) {
                struct nn_plan_value *v = roots[i];
                size_t at;

                v->offset = find_gap(roots, i, v);
                if (v->offset + v->bytes > NN_MAX_TENSOR_BYTES)
                        return nn_fail(error, -EFBIG, "the plan needs more than %zu bytes", NN_MAX_TENSOR_BYTES);
                p->arena_bytes = MAX(p->arena_bytes, v->offset + v->bytes);
                /* into its place among those sorted by offset */
                for (at = i; at > 0 && by_offset(&roots[at - 1], &v) > 0; at--)
                        roots[at] = roots[at - 1];
                roots[at] = v;
        }
        return 0;
}

int nn_plan_memory(struct nn_plan *p, struct nn_error *error)
{
        struct nn_plan_value **roots = calloc(p->n_values + 1, sizeof(*roots));
        size_t n = 0;
        int r;

        if (!roots)
                return nn_no_memory(error);
        for (size_t i = 0; i < p->n_values; i++) {
                struct nn_plan_value *v = &p->values[i];

                if (v->constant || !v->t.type)
                        continue;
                v->bytes = exact_bytes(p, &v->t, v->layout);
                v->bytes = (MAX(v->bytes, (size_t)1) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        }
        find_lifetimes(p);
        share_memory(p);
        for (size_t i = 0; i < p->n_values; i++) {
                struct nn_plan_value *v = &p->values[i];

                if (!v->constant && v->t.type && v->root == i && v->last >= 0)
                        roots[n++] = v;
        }
        r = place(p, roots, n, error);
        for (size_t i = 0; i < p->n_values && r == 0; i++)
                if (p->values[i].root != i)
                        p->values[i].offset = p->values[root_of(p, (uint32_t)i)].offset + within_root(p, (uint32_t)i);
        if (r == 0)
                nn_plan_compact(p);
        free(roots);
        return r;
}
