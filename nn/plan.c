/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a model to steps, and running them. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nn/memory.h"
#include "nn/plan.h"
#include "nn/pool.h"

/* Constants computed at plan time may take this much in all; a larger result is computed in every run instead. */
#define MAX_FOLDED_BYTES ((size_t)256 << 20)
/* Nor may one of them take longer than a fraction of a second. */
#define MAX_FOLDED_WORK 1e8
/* Hours on one core: no network that is meant to run, but a small file can ask for it. */
#define MAX_WORK 1e14
#define MAX_BATCH 4096
#define MAX_THREADS 64

static int no_memory(struct nn_error *error)
{
        return nn_fail(error, -ENOMEM, "out of memory");
}

void nn_step_done(struct nn_step *s)
{
        if (s->prepared && s->call.op && s->call.op->release)
                s->call.op->release(&s->call);
        free(s->call.in);
        free(s->call.out);
        free(s->in);
        free(s->out);
        memset(s, 0, sizeof(*s));
}

struct nn_plan *nn_plan_free(struct nn_plan *p)
{
        if (!p)
                return NULL;
        for (size_t i = 0; i < p->n_steps; i++)
                nn_step_done(&p->steps[i]);
        for (size_t i = 0; i < p->n_values; i++)
                if (p->values[i].owned)
                        free(p->values[i].t.data);
        nn_pool_free(p->pool);
        free(p->steps);
        free(p->values);
        free(p->memory);
        free(p);
        return NULL;
}

uint32_t nn_plan_add_value(struct nn_plan *p, const struct nn_tensor *like)
{
        struct nn_plan_value *v;

        if (p->n_values == p->cap_values)
                return NN_NO_VALUE;
        v = &p->values[p->n_values];
        *v = (struct nn_plan_value){ .t = *like, .name = "" };
        v->t.data = NULL;
        return (uint32_t)p->n_values++;
}

void nn_plan_compact(struct nn_plan *p)
{
        size_t n = 0;

        for (size_t i = 0; i < p->n_steps; i++)
                if (p->steps[i].call.op)
                        p->steps[n++] = p->steps[i];
                else
                        nn_step_done(&p->steps[i]);
        p->n_steps = n;
}

void nn_step_bind(struct nn_plan *p, struct nn_step *s)
{
        for (unsigned i = 0; i < s->call.n_in; i++)
                s->call.in[i] = s->in[i] == NN_NO_VALUE ? NULL : &p->values[s->in[i]].t;
        for (unsigned i = 0; i < s->call.n_out; i++)
                s->call.out[i] = s->out[i] == NN_NO_VALUE ? NULL : &p->values[s->out[i]].t;
        s->call.residual = s->residual == NN_NO_VALUE ? NULL : &p->values[s->residual].t;
}

void nn_plan_count_uses(const struct nn_plan *p, unsigned *uses)
{
        memset(uses, 0, p->n_values * sizeof(*uses));
        for (size_t i = 0; i < p->n_steps; i++) {
                const struct nn_step *s = &p->steps[i];
                const uint32_t merged[] = { s->residual, s->bias, s->slopes };

                for (unsigned k = 0; s->call.op && k < s->call.n_in; k++)
                        if (s->in[k] != NN_NO_VALUE)
                                uses[s->in[k]]++;
                for (unsigned k = 0; s->call.op && k < ARRAY_LEN(merged); k++)
                        if (merged[k] != NN_NO_VALUE)
                                uses[merged[k]]++;
        }
        for (size_t i = 0; i < p->model->n_outputs; i++)
                uses[p->model->outputs[i]]++;
}

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
                return no_memory(error);
        memcpy(s->in, n->in, n->n_in * sizeof(*s->in));
        memcpy(s->out, n->out, n->n_out * sizeof(*s->out));
        nn_step_bind(p, s);
        return 0;
}

double nn_step_work(const struct nn_step *s)
{
        double work = s->macs, out = 0;

        for (unsigned i = 0; i < s->call.n_in; i++)
                if (s->call.in[i])
                        work += (double)nn_tensor_n_elements(s->call.in[i]);
        for (unsigned i = 0; i < s->call.n_out; i++)
                if (s->call.out[i])
                        out += (double)nn_tensor_n_elements(s->call.out[i]);
        if (s->call.op->shape == nn_shape_pool)
                out *= (double)s->call.p.pool.kernel[0] * s->call.p.pool.kernel[1];
        else if (s->call.op->shape == nn_shape_lrn)
                out *= (double)s->call.p.lrn.size;
        return work + out;
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

static int prepare(struct nn_step *s)
{
        struct nn_call *c = &s->call;
        int r = c->op->prepare ? c->op->prepare(c) : 0;

        /* release() must also see what a failed prepare() left */
        s->prepared = true;
        if (r == -ENOMEM)
                return no_memory(c->error);
        if (r == 0 && c->scratch_bytes > NN_MAX_TENSOR_BYTES)
                return nn_call_fail(c, -EFBIG, "needs %zu bytes of scratch", c->scratch_bytes);
        if (r == 0 && c->packed_bytes > NN_MAX_TENSOR_BYTES)
                return nn_call_fail(c, -EFBIG, "needs %zu bytes for its weights", c->packed_bytes);
        return r;
}

/* prepare() and what follows it, with memory for this one run */
static int run_once(struct nn_step *s)
{
        struct nn_call *c = &s->call;
        size_t store_bytes;
        void *base = NULL;
        uint8_t *memory;
        int r = prepare(s);

        if (r < 0)
                return r;
        if (__builtin_add_overflow(c->store_bytes, 64 + c->scratch_bytes, &store_bytes))
                return no_memory(c->error);
        memory = nn_alloc_zeros(store_bytes, &base);
        if (!memory)
                return no_memory(c->error);
        nn_alloc_fetch(memory, store_bytes);
        c->store = memory;
        c->scratch = memory + (c->store_bytes + 63) / 64 * 64;
        if (c->op->load && c->op->load(c) < 0)
                r = no_memory(c->error);
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
                return no_memory(s->call.error);
        v->owned = v->constant = v->deferred = true;
        return 0;
}

static bool can_defer(const struct nn_plan *p, const struct nn_step *s)
{
        const struct nn_tensor *w = nn_call_in(&s->call, 0);

        if (s->call.op->shape != nn_shape_dequantize || p->options.keep_all || w->type != NN_INT8 || w->n_dims < 2)
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

static int fill_inputs(struct nn_plan *p, const struct nn_step *s, struct nn_error *error)
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
                        return no_memory(s->call.error);
                v->owned = v->constant = true;
                p->folded_bytes += bytes;
        }
        /* kernels may walk along the other dims of what is empty, which can be of any length */
        if (outputs_empty(s))
                return 0;
        r = fill_inputs(p, s, error);
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
                        r = fill_inputs(p, s, error);
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

static int allocate(const struct nn_model *m, const struct nn_plan_options *o, struct nn_plan **ret,
                    struct nn_error *error)
{
        struct nn_plan *p = calloc(1, sizeof(*p));

        if (!p)
                return no_memory(error);
        p->model = m;
        p->options = *o;
        p->isa = nn_isa_best();
        p->dot = nn_dot_best(p->isa);
        /* a twin in the other layout for each, weights and bias made by merging */
        p->cap_values = 3 * m->n_values + 4 * m->n_nodes + 16;
        p->cap_steps = 4 * m->n_nodes + 16;
        p->values = calloc(p->cap_values, sizeof(*p->values));
        p->steps = calloc(p->cap_steps, sizeof(*p->steps));
        if (!p->values || !p->steps) {
                nn_plan_free(p);
                return no_memory(error);
        }
        *ret = p;
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
        r = allocate(p->model, &single, &one, error);
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

/* Steps whose results nobody reads. */
static int drop_unused(struct nn_plan *p, struct nn_error *error)
{
        unsigned *uses = calloc(p->n_values + 1, sizeof(*uses));

        if (!uses)
                return no_memory(error);
        nn_plan_count_uses(p, uses);
        for (size_t i = p->n_steps; i-- > 0;) {
                struct nn_step *s = &p->steps[i];
                bool used = false;

                for (unsigned k = 0; k < s->call.n_out; k++)
                        used |= s->out[k] != NN_NO_VALUE && uses[s->out[k]];
                if (used)
                        continue;
                for (unsigned k = 0; k < s->call.n_in; k++)
                        if (s->in[k] != NN_NO_VALUE)
                                uses[s->in[k]]--;
                nn_step_done(s);
        }
        nn_plan_compact(p);
        free(uses);
        return 0;
}

/* The step has its weights in a form of its own: those of the file may go, if no other step reads them. */
static void give_back(const struct nn_plan *p, const struct nn_step *s, const unsigned *uses)
{
        uint32_t v = s->call.n_in > 1 ? s->in[1] : NN_NO_VALUE;

        if (p->spend && s->call.took_weights && !p->options.keep_all && v != NN_NO_VALUE && uses[v] == 1)
                nn_model_give_back(p->spend, &p->values[v].t);
}

static int prepare_steps(struct nn_plan *p, const unsigned *uses, struct nn_error *error)
{
        for (size_t i = 0; i < p->n_steps; i++) {
                struct nn_step *s = &p->steps[i];
                int r;

                nn_step_bind(p, s);
                s->call.pool = p->pool;
                p->work += nn_step_work(s);
                if (p->work > MAX_WORK)
                        return nn_call_fail(&s->call, -EFBIG, "a run takes more than %g operations", MAX_WORK);
                r = fill_inputs(p, s, error);
                if (r == 0)
                        r = prepare(s);
                if (r < 0)
                        return r;
                p->packed_bytes += s->call.packed_bytes;
                if (p->packed_bytes > NN_MAX_TENSOR_BYTES)
                        return nn_call_fail(&s->call, -EFBIG, "the plan needs more than %zu bytes for packed weights",
                                            NN_MAX_TENSOR_BYTES);
                p->scratch_bytes = MAX(p->scratch_bytes, s->call.scratch_bytes);
                give_back(p, s, uses);
        }
        return 0;
}

static size_t align_up(size_t bytes)
{
        return (bytes + 63) / 64 * 64;
}

/* One allocation: packed weights of the steps, values, then the scratch that all steps share. Zeros, so that an input
 * which nobody fills gives the same result each time. */
static int bind_memory(struct nn_plan *p, struct nn_error *error)
{
        size_t bytes = align_up(p->arena_bytes) + align_up(p->scratch_bytes);
        uint8_t *at;

        for (size_t i = 0; i < p->n_steps; i++)
                if (p->steps[i].call.store_bytes > SIZE_MAX / 2 ||
                    __builtin_add_overflow(bytes, align_up(p->steps[i].call.store_bytes), &bytes))
                        return no_memory(error);
        at = nn_alloc_zeros(bytes, &p->memory);
        if (!at)
                return no_memory(error);
        if (!p->spend) /* else a piece at a time, while weights are given back */
                nn_alloc_fetch(at, bytes);
        for (size_t i = 0; i < p->n_steps; i++) {
                p->steps[i].call.store = at;
                at += align_up(p->steps[i].call.store_bytes);
        }
        for (size_t i = 0; i < p->n_values; i++)
                if (!p->values[i].constant && p->values[i].t.type)
                        p->values[i].t.data = at + p->values[i].offset;
        for (size_t i = 0; i < p->n_steps; i++)
                p->steps[i].call.scratch = at + align_up(p->arena_bytes);
        return 0;
}

static int load_steps(struct nn_plan *p, const unsigned *uses, struct nn_error *error)
{
        for (size_t i = 0; i < p->n_steps; i++) {
                struct nn_call *c = &p->steps[i].call;

                if (c->op->load) {
                        if (p->spend)
                                nn_alloc_fetch(c->store, c->store_bytes);
                        if (c->op->load(c) < 0)
                                return no_memory(error);
                        give_back(p, &p->steps[i], uses);
                }
                c->error = &p->error;
        }
        return 0;
}

/* From steps to a plan that can run. */
static int finish(struct nn_plan *p, struct nn_error *error)
{
        _cleanup_(freep) unsigned *uses = calloc(p->n_values + 1, sizeof(*uses));
        int r;

        if (!uses)
                return no_memory(error);
        nn_plan_count_uses(p, uses);
        r = prepare_steps(p, uses, error);
        if (r == 0)
                r = nn_plan_memory(p, error);
        if (r == 0)
                r = bind_memory(p, error);
        return r < 0 ? r : load_steps(p, uses, error);
}

static int start_threads(struct nn_plan *p, struct nn_error *error)
{
        int r = nn_pool_new(p->options.threads, &p->pool);

        return r < 0 ? nn_fail(error, r, "worker threads: %s", strerror(-r)) : 0;
}

static int build(struct nn_plan *p, struct nn_error *error)
{
        unsigned batch = p->options.batch ? p->options.batch : 1;
        int r;

        if (wants_promotion(p->model, &p->options))
                r = infer_promoted(p, error);
        else
                r = infer(p, batch, 0, error);
        if (r == 0 && !p->options.keep_all)
                r = drop_unused(p, error);
        if (r == 0 && p->options.threads > 1)
                r = start_threads(p, error);
        if (r == 0 && !p->options.keep_all)
                r = nn_plan_fuse(p, error);
        if (r == 0 && !p->options.keep_all)
                r = nn_plan_quant(p, error);
        if (r == 0 && !p->options.keep_all)
                r = drop_unused(p, error);
        if (r == 0 && !p->options.keep_all)
                r = nn_plan_layout(p, error);
        return r < 0 ? r : finish(p, error);
}

/* @spend: @m or NULL */
static int new_plan(const struct nn_model *m, struct nn_model *spend, const struct nn_plan_options *options,
                    struct nn_plan **ret, struct nn_error *error)
{
        static const struct nn_plan_options none;
        struct nn_error ignored;
        struct nn_plan *p;
        int r;

        error = error ? error : &ignored;
        options = options ? options : &none;
        if (m->spent)
                return nn_fail(error, -EINVAL, "the last plan of this model was made: load it again");
        if (options->batch > MAX_BATCH || options->threads > MAX_THREADS)
                return nn_fail(error, -EINVAL, "batch is at most %d and threads at most %d", MAX_BATCH, MAX_THREADS);
        if (options->weight_bits != 0 && options->weight_bits != 8 && options->weight_bits != 16 &&
            options->weight_bits != 32)
                return nn_fail(error, -EINVAL, "weights have 8, 16 or 32 bits");
        r = allocate(m, options, &p, error);
        if (r < 0)
                return r;
        p->spend = spend;
        r = build(p, error);
        if (r < 0) {
                nn_plan_free(p);
                return r;
        }
        p->options.inputs = NULL; /* the caller's, and of no more use */
        p->spend = NULL;
        *ret = p;
        return 0;
}

int nn_plan_new(const struct nn_model *m, const struct nn_plan_options *options, struct nn_plan **ret,
                struct nn_error *error)
{
        return new_plan(m, NULL, options, ret, error);
}

int nn_plan_new_last(struct nn_model *m, const struct nn_plan_options *options, struct nn_plan **ret,
                     struct nn_error *error)
{
        int r = new_plan(m, m, options, ret, error);

        m->spent = true;
        return r;
}

bool nn_bytes_are_fast(void)
{
        return nn_dot_is_fast(nn_dot_best(nn_isa_best()));
}

struct nn_tensor *nn_plan_input(struct nn_plan *p, size_t i)
{
        return i < p->model->n_inputs ? &p->values[p->model->inputs[i]].t : NULL;
}

const struct nn_tensor *nn_plan_output(const struct nn_plan *p, size_t i)
{
        return i < p->model->n_outputs ? &p->values[p->model->outputs[i]].t : NULL;
}

int nn_plan_run(struct nn_plan *p)
{
        for (size_t i = 0; i < p->n_steps; i++) {
                struct nn_call *c = &p->steps[i].call;
                int r = c->op->run(c);

                if (r < 0)
                        return r;
        }
        return 0;
}

const struct nn_tensor *nn_plan_value_by_name(const struct nn_plan *p, const char *name)
{
        for (size_t i = 0; i < p->model->n_values; i++)
                if (strcmp(p->values[i].name, name) == 0)
                        return p->values[i].t.type ? &p->values[i].t : NULL;
        return NULL;
}
