/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From steps to a plan that runs: the passes in their order, preparation, memory, runs. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nn/memory.h"
#include "nn/plan.h"
#include "nn/pool.h"

/* Hours on one core: no network that is meant to run, but a small file can ask for it. */
#define MAX_WORK 1e14
#define MAX_BATCH 4096
#define MAX_THREADS 64

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

int nn_plan_alloc(const struct nn_model *m, const struct nn_plan_options *o, struct nn_plan **ret,
                  struct nn_error *error)
{
        struct nn_plan *p = calloc(1, sizeof(*p));

        if (!p)
                return nn_no_memory(error);
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
                return nn_no_memory(error);
        }
        *ret = p;
        return 0;
}

int nn_step_prepare(struct nn_step *s)
{
        struct nn_call *c = &s->call;
        int r = c->op->prepare ? c->op->prepare(c) : 0;

        /* release() must also see what a failed prepare() left */
        s->prepared = true;
        if (r == -ENOMEM)
                return nn_no_memory(c->error);
        if (r == 0 && c->scratch_bytes > NN_MAX_TENSOR_BYTES)
                return nn_call_fail(c, -EFBIG, "needs %zu bytes of scratch", c->scratch_bytes);
        if (r == 0 && c->packed_bytes > NN_MAX_TENSOR_BYTES)
                return nn_call_fail(c, -EFBIG, "needs %zu bytes for its weights", c->packed_bytes);
        return r;
}

/* Steps whose results nobody reads. */
static int drop_unused(struct nn_plan *p, struct nn_error *error)
{
        unsigned *uses = calloc(p->n_values + 1, sizeof(*uses));

        if (!uses)
                return nn_no_memory(error);
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
                r = nn_step_fill_inputs(p, s, error);
                if (r == 0)
                        r = nn_step_prepare(s);
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
                        return nn_no_memory(error);
        at = nn_alloc_zeros(bytes, &p->memory);
        if (!at)
                return nn_no_memory(error);
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
                                return nn_no_memory(error);
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
                return nn_no_memory(error);
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
        int r = nn_plan_infer(p, error);

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
        r = nn_plan_alloc(m, options, &p, error);
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
