/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Plans from inside: for the planner's parts, and for tools that show and time the steps. Internal to the project.
 *
 * Order of the parts: plan-infer.c infers shapes and folds constants (one step per remaining node), plan-fuse.c merges
 * steps, plan-quant.c puts kernels on bytes in the place of quantised ones, plan-layout.c chooses layouts,
 * plan-memory.c places values in one arena, plan.c prepares and runs.
 */

#include "nn/op.h"

struct nn_plan_value {
        struct nn_tensor t;    /* data: the constant, or the place in the arena */
        const char *name;      /* borrowed from the model */
        bool constant, owned;  /* owned: the plan frees t.data */
        bool deferred;         /* a constant that is not computed yet: nn_plan_fill() */
        bool persistent;       /* input or output of the graph: lives as long as the plan */
        enum nn_layout layout; /* BLOCKED: t.dims are still those of ONNX */
        /* memory */
        uint32_t root; /* index of the value whose memory this one shares; its own if none */
        size_t within; /* the root's memory: where in it, for a part of a concatenation */
        size_t bytes, offset;
        int first, last; /* steps; of a root: over all that share it */
};

struct nn_step {
        struct nn_call call;
        uint32_t *in, *out; /* values, as call.in and call.out */
        /* values, or NN_NO_VALUE: what is added; constants that call.fused_bias and call.act.slopes point at */
        uint32_t residual, bias, slopes;
        char fused[32]; /* for people: what was merged into this step */
        double macs;
        bool prepared;
};

struct nn_plan {
        const struct nn_model *model;
        struct nn_model *spend; /* the same, while the plan is made, if its weights are to be given back; or NULL */
        struct nn_plan_options options;
        enum nn_isa isa;
        enum nn_dot dot;
        struct nn_pool *pool;
        size_t n_values, cap_values;
        struct nn_plan_value *values; /* never moved: calls point into it */
        size_t n_steps, cap_steps;
        struct nn_step *steps;
        size_t folded_bytes, deferred_bytes; /* of constants */
        double work;                         /* of a run, see nn_step_work() */
        size_t arena_bytes, scratch_bytes, packed_bytes;
        void *memory;          /* all of it: weights, values, scratch */
        struct nn_error error; /* of the last run */
};

/* Shapes of everything; constants computed; one step per node that is left. */
int nn_plan_infer(struct nn_plan *p, struct nn_error *error);
/* Merges steps: batch norm, activations, residual sums into the convolution or product before them. */
int nn_plan_fuse(struct nn_plan *p, struct nn_error *error);
/* Steps on bytes where the file has them between DequantizeLinear and QuantizeLinear; 8-bit weights of layers. */
int nn_plan_quant(struct nn_plan *p, struct nn_error *error);
/* Chooses BLOCKED where it pays and inserts reorders. */
int nn_plan_layout(struct nn_plan *p, struct nn_error *error);
/* Gives each value that is no constant its place in the arena. */
int nn_plan_memory(struct nn_plan *p, struct nn_error *error);

/* A plan without values and steps, with room for those of @m. */
int nn_plan_alloc(const struct nn_model *m, const struct nn_plan_options *o, struct nn_plan **ret,
                  struct nn_error *error);
/* A value for a constant or an intermediate result, of shape and type of @like. Return: its index or NN_NO_VALUE. */
uint32_t nn_plan_add_value(struct nn_plan *p, const struct nn_tensor *like);
/* Removes steps marked with call.op NULL. */
void nn_plan_compact(struct nn_plan *p);
/* About how many elementary operations a run of the step takes: what its kernel multiplies, compares or moves. */
double nn_step_work(const struct nn_step *s);
/* Dequantised weights are computed only when something wants them as floats: computes value @v if that is due. */
int nn_plan_fill(struct nn_plan *p, uint32_t v, struct nn_error *error);
/* The node of the model that makes value @v, or NULL. */
const struct nn_node *nn_plan_node_of(const struct nn_plan *p, uint32_t v);
/* nn_plan_fill() for what the step will read as floats. */
int nn_step_fill_inputs(struct nn_plan *p, const struct nn_step *s, struct nn_error *error);
/* The operator's prepare(), if it has one, held against what a step may ask for. */
int nn_step_prepare(struct nn_step *s);
/* Frees what a step holds. */
void nn_step_done(struct nn_step *s);
/* Sets the pointers of the call from the indices. */
void nn_step_bind(struct nn_plan *p, struct nn_step *s);
/* Steps that read each value, @n_values entries; an output of the graph counts as one more. What was merged into a step
 * is read by it. */
void nn_plan_count_uses(const struct nn_plan *p, unsigned *uses);
