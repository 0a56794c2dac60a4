/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a model to steps: shapes of all values, constants computed, one step for each node that is left. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nn/memory.h"
#include "nn/plan.h"

/* Constants computed at plan time may take this much in all; a larger result is computed in every run instead. */
#define MAX_FOLDED_BYTES ((size_t)256 << 20)
/* Nor may one of them take longer than a fraction of a second. */
#define MAX_FOLDED_WORK 1e8

/* Shape of input @i: what the caller asks for, held against what the file declares. */
static int input_shape(struct nn_plan *p, size_t i, unsigned batch, struct nn_error *error)
{
        struct nn_plan_value *v = &p->values[p->model->inputs[i]];
        const struct nn_tensor *decl = &p->model->input_decls[i], *asked = p->options.inputs;
        bool ok;

        v->t = *decl;
        v->persistent = true;
        if (asked) {
                asked += i;
                if (asked->n_dims > NN_MAX_DIMS || (decl->n_dims && asked->n_dims != decl->n_dims))
                        return nn_fail(error, -EINVAL, "input '%s' has %u dims, not %u", v->name, decl->n_dims,
                                       asked->n_dims);
                if (asked->type && asked->type != decl->type)
                        return nn_fail(error, -EINVAL, "input '%s' has type %s, not %s", v->name,
                                       nn_type_name(decl->type), nn_type_name(asked->type));
                v->t.n_dims = asked->n_dims;
                for (unsigned k = 0; k < asked->n_dims; k++) {
                        if (decl->n_dims && decl->dims[k] >= 0 && decl->dims[k] != asked->dims[k] &&
                            !p->options.free_sizes)
                                return nn_fail(error, -EINVAL, "input '%s' has shape %s, not %s", v->name,
                                               NN_SHAPE_STRING(decl), NN_SHAPE_STRING(asked));
                        v->t.dims[k] = asked->dims[k];
                }
        } else if (decl->n_dims && (decl->dims[0] < 0 || (decl->dims[0] == 1 && batch > 1))) {
                v->t.dims[0] = batch;
        } else if (batch > 1 && (decl->n_dims == 0 || decl->dims[0] != batch)) {
                return nn_fail(error, -EINVAL, "input '%s' has shape %s and cannot take a batch of %u", v->name,
                               NN_SHAPE_STRING(decl), batch);
        }
        v->t.data = NULL;
        for (unsigned k = 0; k < v->t.n_dims; k++)
                if (v->t.dims[k] < 0)
                        return nn_fail(error, -EINVAL, "input '%s' has shape %s: say which sizes to plan for", v->name,
                                       NN_SHAPE_STRING(&v->t));
        nn_tensor_bytes(&v->t, &ok);
        return ok ? 0 : nn_fail(error, -EFBIG, "input '%s' is too large: %s", v->name, NN_SHAPE_STRING(&v->t));
}

static int new_step(struct nn_plan *p, const struct nn_node *n, unsigned promoted, struct nn_step *s,
                    struct nn_error *error)
{
        *s = (struct nn_step){ .residual = NN_NO_VALUE, .bias = NN_NO_VALUE, .slopes = NN_NO_VALUE };
        s->call = (struct nn_call){
                .op = n->op,
                .node = n,
                .opset = p->model->opset,
                .batch = promoted,
                .n_in = n->n_in,
                .n_out = n->n_out,
                .error = error,
                .isa = p->isa,
                .threads = p->options.threads ? p->options.threads : 1,
                .dot = p->dot,
                .weight_bits = p->options.weight_bits,
                .measure = p->options.measure,
        };
        s->call.in = calloc(n->n_in + 2, sizeof(*s->call.in));
        s->call.out = calloc(n->n_out, sizeof(*s->call.out));
        s->in = calloc(n->n_in + 2, sizeof(*s->in));
        s->out = calloc(n->n_out, sizeof(*s->out));
        if (!s->call.in || !s->call.out || !s->in || !s->out)
                return nn_no_memory(error);
        memcpy(s->in, n->in, n->n_in * sizeof(*s->in));
        memcpy(s->out, n->out, n->n_out * sizeof(*s->out));
        nn_step_bind(p, s);
        return 0;
}

double nn_step_work(const struct nn_step *s)
{
        double work = s->macs;

        for (unsigned i = 0; i < s->call.n_in; i++)
                if (s->call.in[i])
                        work += (double)nn_tensor_n_elements(s->call.in[i]);
        if (s->call.op->work)
                return work + s->call.op->work(&s->call);
        for (unsigned i = 0; i < s->call.n_out; i++)
                if (s->call.out[i])
                        work += (double)nn_tensor_n_elements(s->call.out[i]);
        return work;
}

static bool can_fold(const struct nn_plan *p, const struct nn_step *s)
{
        size_t bytes = 0;
        bool ok;

        if (s->call.op->flags & NN_OP_SHAPE_ONLY)
                return true;
        for (unsigned i = 0; i < s->call.n_in; i++)
                if (s->in[i] != NN_NO_VALUE && !p->values[s->in[i]].constant)
                        return false;
        for (unsigned i = 0; i < s->call.n_out; i++)
                if (s->call.out[i])
                        bytes += nn_tensor_bytes(s->call.out[i], &ok);
        /* shapes are folded in any case, also beyond the limit */
        return p->folded_bytes + bytes <= MAX_FOLDED_BYTES && nn_step_work(s) <= MAX_FOLDED_WORK;
}

/* prepare() and what follows it, with memory for this one run */
static int run_once(struct nn_step *s)
{
        struct nn_call *c = &s->call;
        size_t store_bytes;
        void *base = NULL;
        uint8_t *memory;
        int r = nn_step_prepare(s);

        if (r < 0)
                return r;
        if (__builtin_add_overflow(c->store_bytes, 64 + c->scratch_bytes, &store_bytes))
                return nn_no_memory(c->error);
        memory = nn_alloc_zeros(store_bytes, &base);
        if (!memory)
                return nn_no_memory(c->error);
        nn_alloc_fetch(memory, store_bytes);
        c->store = memory;
        c->scratch = memory + (c->store_bytes + 63) / 64 * 64;
        if (c->op->load && c->op->load(c) < 0)
                r = nn_no_memory(c->error);
        if (r == 0)
                r = c->op->run(c);
        free(base);
        return r;
}

/* Weights that are stored as bytes: convolutions and layers may take them as they are. */
static int defer(struct nn_plan *p, struct nn_step *s)
{
        struct nn_plan_value *v = &p->values[s->out[0]];
        bool ok;
        size_t bytes = nn_tensor_bytes(&v->t, &ok);

        p->deferred_bytes += bytes;
        if (p->deferred_bytes > NN_MAX_TENSOR_BYTES)
                return nn_call_fail(&s->call, -EFBIG, "weights take more than %zu bytes as floats",
                                    NN_MAX_TENSOR_BYTES);
        v->t.data = aligned_alloc(64, (bytes + 64) / 64 * 64);
        if (!v->t.data)
                return nn_no_memory(s->call.error);
        v->owned = v->constant = v->deferred = true;
        return 0;
}

static bool can_defer(const struct nn_plan *p, const struct nn_step *s)
{
        const struct nn_tensor *w = nn_call_in(&s->call, 0);

        if (s->call.op->kind != NN_KIND_DEQUANTIZE || p->options.keep_all || w->type != NN_INT8 || w->n_dims < 2)
                return false;
        for (unsigned i = 0; i < s->call.n_in; i++)
                if (s->in[i] != NN_NO_VALUE && (!p->values[s->in[i]].constant || p->values[s->in[i]].deferred))
                        return false;
        return true;
}

const struct nn_node *nn_plan_node_of(const struct nn_plan *p, uint32_t v)
{
        for (size_t i = 0; i < p->model->n_nodes; i++)
                for (unsigned k = 0; k < p->model->nodes[i].n_out; k++)
                        if (p->model->nodes[i].out[k] == v)
                                return &p->model->nodes[i];
        return NULL;
}

int nn_plan_fill(struct nn_plan *p, uint32_t v, struct nn_error *error)
{
        const struct nn_node *n;
        struct nn_step s;
        int r;

        if (v == NN_NO_VALUE || !p->values[v].deferred || !(n = nn_plan_node_of(p, v)))
                return 0;
        r = new_step(p, n, 0, &s, error);
        if (r == 0)
                r = s.call.op->shape(&s.call);
        if (r == 0)
                r = s.call.op->run(&s.call);
        nn_step_done(&s);
        p->values[v].deferred = r < 0;
        return r;
}

int nn_step_fill_inputs(struct nn_plan *p, const struct nn_step *s, struct nn_error *error)
{
        for (unsigned i = 0; i < s->call.n_in; i++) {
                int r = i == 1 && s->call.weights8 ? 0 : nn_plan_fill(p, s->in[i], error);

                if (r < 0)
                        return r;
        }
        return 0;
}

static bool outputs_empty(const struct nn_step *s)
{
        for (unsigned i = 0; i < s->call.n_out; i++)
                if (s->call.out[i] && nn_tensor_n_elements(s->call.out[i]) > 0)
                        return false;
        return true;
}

/* Runs the step once and makes its outputs constants. */
static int fold(struct nn_plan *p, struct nn_step *s, struct nn_error *error)
{
        bool ok;
        int r;

        for (unsigned i = 0; i < s->call.n_out; i++) {
                struct nn_plan_value *v = s->out[i] == NN_NO_VALUE ? NULL : &p->values[s->out[i]];
                size_t bytes;

                if (!v)
                        continue;
                bytes = nn_tensor_bytes(&v->t, &ok);
                v->t.data = aligned_alloc(64, (bytes + 64) / 64 * 64);
                if (!v->t.data)
                        return nn_no_memory(s->call.error);
                v->owned = v->constant = true;
                p->folded_bytes += bytes;
        }
        /* kernels may walk along the other dims of what is empty, which can be of any length */
        if (outputs_empty(s))
                return 0;
        r = nn_step_fill_inputs(p, s, error);
        return r < 0 ? r : run_once(s);
}

/* Shapes of everything; constants computed; one step per node that is left. @promoted: see nn_call.batch. */
static int infer(struct nn_plan *p, unsigned batch, unsigned promoted, struct nn_error *error)
{
        const struct nn_model *m = p->model;
        int r;

        for (size_t i = 0; i < m->n_values; i++) {
                struct nn_plan_value *v = &p->values[i];

                *v = (struct nn_plan_value){ .t = m->values[i].t, .name = m->values[i].name };
                /* empty constants have no data to point at */
                if (v->t.type && !v->t.data)
                        v->t.data = (void *)&m->values[i];
                v->constant = v->t.type != 0;
        }
        p->n_values = m->n_values;
        for (size_t i = 0; i < m->n_inputs; i++)
                if ((r = input_shape(p, i, batch, error)) < 0)
                        return r;
        for (size_t i = 0; i < m->n_nodes; i++) {
                struct nn_step *s = &p->steps[p->n_steps++];

                r = new_step(p, &m->nodes[i], promoted, s, error);
                if (r == 0 && !(s->call.op->flags & NN_OP_TAKES_ACT))
                        r = nn_step_fill_inputs(p, s, error);
                if (r == 0)
                        r = s->call.op->shape(&s->call);
                if (r < 0)
                        return r;
                s->macs = s->call.op->macs ? s->call.op->macs(&s->call) : 0;
                if (can_defer(p, s) || can_fold(p, s)) {
                        r = can_defer(p, s) ? defer(p, s) : fold(p, s, error);
                        nn_step_done(s);
                        p->n_steps--;
                        if (r < 0)
                                return r;
                } else if (outputs_empty(s)) {
                        nn_step_done(s);
                        p->n_steps--;
                }
        }
        for (size_t i = 0; i < m->n_outputs; i++) {
                p->values[m->outputs[i]].persistent = true;
                r = nn_plan_fill(p, m->outputs[i], error);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Whether the plan for a batch does for each image what the plan for one does. */
static int check_batch(const struct nn_plan *one, const struct nn_plan *p, unsigned batch, struct nn_error *error)
{
        for (size_t i = 0; i < p->n_steps; i++) {
                const struct nn_step *s = &p->steps[i];

                if (!s->call.op->batched || !s->call.op->batched(&s->call))
                        return nn_fail(error, -EINVAL, "node '%s' (%s) mixes the images of a batch: plan for one",
                                       s->call.node->name, s->call.op->name);
        }
        for (size_t i = 0; i < p->model->n_values; i++) {
                const struct nn_plan_value *a = &one->values[i], *b = &p->values[i];
                bool same = a->constant == b->constant && a->t.n_dims == b->t.n_dims;

                /* constants that were computed from shapes may hold the batch */
                if (same && a->constant)
                        continue;
                if (!a->t.type && !b->t.type)
                        continue;
                for (unsigned k = 0; same && k < a->t.n_dims; k++)
                        same = k == 0 ? a->t.dims[k] == 1 && b->t.dims[k] == batch : a->t.dims[k] == b->t.dims[k];
                if (!same || a->t.n_dims == 0)
                        return nn_fail(error, -EINVAL, "'%s' cannot hold a batch of %u: plan for one", b->name, batch);
        }
        return 0;
}

/* A file made for one image, asked to take several. */
static bool wants_promotion(const struct nn_model *m, const struct nn_plan_options *o)
{
        bool fixed = false;

        if (o->inputs || o->batch <= 1)
                return false;
        for (size_t i = 0; i < m->n_inputs; i++)
                fixed |= m->input_decls[i].n_dims && m->input_decls[i].dims[0] == 1;
        return fixed;
}

static int infer_promoted(struct nn_plan *p, struct nn_error *error)
{
        struct nn_plan_options single = p->options;
        struct nn_plan *one;
        int r;

        single.batch = 1;
        r = nn_plan_alloc(p->model, &single, &one, error);
        if (r < 0)
                return r;
        r = infer(one, 1, 0, error);
        if (r == 0)
                r = infer(p, p->options.batch, p->options.batch, error);
        if (r == 0)
                r = check_batch(one, p, p->options.batch, error);
        nn_plan_free(one);
        return r;
}

int nn_plan_infer(struct nn_plan *p, struct nn_error *error)
{
        if (wants_promotion(p->model, &p->options))
                return infer_promoted(p, error);
        return infer(p, p->options.batch ? p->options.batch : 1, 0, error);
}
