/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * peer-onednn MODEL BATCH SECONDS: times oneDNN on the steps of our plan, one thread.
 *
 * oneDNN reads no models. It is given our fused graph: each step becomes a primitive with the activation and the sum
 * merged into it, every layout is left to the primitives, and a reorder goes where two of them disagree. The result
 * is held against ours, so that what is timed is the same network.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include <dnnl.h>

#include "nn/plan.h"
#include "tests/bench/timing.h"

#define MAX_PRIMITIVES 1024
#define MAX_ARGS 4
#define RESULT_TOLERANCE 1e-3f

struct task {
        dnnl_primitive_t primitive;
        dnnl_exec_arg_t args[MAX_ARGS];
        int n_args;
};

struct peer {
        struct nn_plan *plan;
        dnnl_engine_t engine;
        dnnl_stream_t stream;
        dnnl_memory_t *values; /* by index of the plan's value */
        struct task tasks[MAX_PRIMITIVES];
        int n_tasks;
};

static void check(dnnl_status_t status, const char *what)
{
        if (status == dnnl_success)
                return;
        fprintf(stderr, "oneDNN: %s: status %d\n", what, (int)status);
        exit(1);
}

/* A tensor of up to four dims. A 2-dim value may be asked for as four, the last two 1. */
static dnnl_memory_desc_t desc_of(const struct nn_tensor *t, bool any)
{
        static const dnnl_format_tag_t tags[] = { dnnl_a, dnnl_a, dnnl_ab, dnnl_abc, dnnl_abcd };
        dnnl_memory_desc_t md;
        dnnl_dims_t dims = { 1 };

        if (t->n_dims > 4)
                exit(1);
        for (unsigned i = 0; i < t->n_dims; i++)
                dims[i] = t->dims[i];
        check(dnnl_memory_desc_init_by_tag(&md, t->n_dims ? (int)t->n_dims : 1, dims, dnnl_f32,
                                           any ? dnnl_format_tag_any : tags[t->n_dims]),
              "memory descriptor");
        return md;
}

static dnnl_memory_t memory_of(struct peer *p, const dnnl_memory_desc_t *md, void *data)
{
        dnnl_memory_t m;

        check(dnnl_memory_create(&m, md, p->engine, data ? data : DNNL_MEMORY_ALLOCATE), "memory");
        return m;
}

static const dnnl_memory_desc_t *md_of(dnnl_memory_t m)
{
        const dnnl_memory_desc_t *md;

        check(dnnl_memory_get_memory_desc(m, &md), "memory descriptor");
        return md;
}

static void add_task(struct peer *p, dnnl_primitive_desc_t pd, const dnnl_exec_arg_t *args, int n_args)
{
        struct task *t = &p->tasks[p->n_tasks];

        if (p->n_tasks++ == MAX_PRIMITIVES)
                exit(1);
        check(dnnl_primitive_create(&t->primitive, pd), "primitive");
        memcpy(t->args, args, (size_t)n_args * sizeof(*args));
        t->n_args = n_args;
        dnnl_primitive_desc_destroy(pd);
}

static void run_task(struct peer *p, const struct task *t)
{
        check(dnnl_primitive_execute(t->primitive, p->stream, t->n_args, t->args), "execute");
}

/* @m in the form that @md asks for; the reorder becomes a task, or is done at once for weights. */
static dnnl_memory_t in_form(struct peer *p, dnnl_memory_t m, const dnnl_memory_desc_t *md, bool now)
{
        dnnl_primitive_desc_t pd;
        dnnl_memory_t to;

        if (dnnl_memory_desc_equal(md_of(m), md))
                return m;
        to = memory_of(p, md, NULL);
        check(dnnl_reorder_primitive_desc_create(&pd, md_of(m), p->engine, md, p->engine, NULL), "reorder");
        const dnnl_exec_arg_t args[] = { { DNNL_ARG_FROM, m }, { DNNL_ARG_TO, to } };
        add_task(p, pd, args, 2);
        if (now) {
                run_task(p, &p->tasks[--p->n_tasks]);
                dnnl_stream_wait(p->stream);
        }
        return to;
}

static dnnl_primitive_attr_t attr_of(const struct nn_step *s)
{
        const struct nn_act *act = &s->call.act;
        dnnl_primitive_attr_t attr;
        dnnl_post_ops_t ops;

        check(dnnl_primitive_attr_create(&attr), "attributes");
        check(dnnl_post_ops_create(&ops), "post operations");
        if (s->residual != NN_NO_VALUE)
                check(dnnl_post_ops_append_sum(ops, 1), "sum");
        switch (act->kind) {
        case NN_ACT_NONE:
                break;
        case NN_ACT_RELU:
                check(dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, 0, 0), "relu");
                break;
        case NN_ACT_CLIP:
                check(dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_clip, act->a, act->b), "clip");
                break;
        case NN_ACT_LEAKY:
                check(dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, act->a, 0), "leaky relu");
                break;
        case NN_ACT_TANH:
                check(dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_tanh, 0, 0), "tanh");
                break;
        default:
                fprintf(stderr, "oneDNN: activation %d is not made here\n", (int)act->kind);
                exit(3);
        }
        check(dnnl_primitive_attr_set_post_ops(attr, ops), "post operations");
        return attr;
}

static const dnnl_memory_desc_t *query(dnnl_primitive_desc_t pd, dnnl_query_t what)
{
        return dnnl_primitive_desc_query_md(pd, what, 0);
}

/* Convolution or product: source, weights, bias, destination. */
static void add_product(struct peer *p, const struct nn_step *s, dnnl_primitive_desc_t pd,
                        const dnnl_memory_desc_t *w_plain, const void *weights, const struct nn_tensor *bias)
{
        dnnl_memory_t src = in_form(p, p->values[s->in[0]], query(pd, dnnl_query_src_md), false);
        dnnl_memory_t w = in_form(p, memory_of(p, w_plain, (void *)weights), query(pd, dnnl_query_weights_md), true);
        dnnl_memory_t dst;

        if (s->residual != NN_NO_VALUE) /* the sum is made in place: the residual dies here in these networks */
                dst = in_form(p, p->values[s->residual], query(pd, dnnl_query_dst_md), false);
        else
                dst = memory_of(p, query(pd, dnnl_query_dst_md), NULL);
        dnnl_exec_arg_t args[MAX_ARGS] = { { DNNL_ARG_SRC, src }, { DNNL_ARG_WEIGHTS, w }, { DNNL_ARG_DST, dst } };
        if (bias) {
                dnnl_memory_desc_t b = desc_of(bias, false);

                args[3] = (dnnl_exec_arg_t){ DNNL_ARG_BIAS, memory_of(p, &b, bias->data) };
        }
        add_task(p, pd, args, bias ? 4 : 3);
        p->values[s->out[0]] = dst;
}

/* The filters with the batch normalisation in them. */
static float *filters_of(const struct nn_step *s, const struct nn_tensor *w)
{
        int64_t n = nn_tensor_n_elements(w), per_filter = n / w->dims[0];
        float *to = malloc((size_t)n * sizeof(*to));

        if (!to)
                exit(1);
        for (int64_t i = 0; i < n; i++)
                to[i] = nn_f32(w)[i] * (s->call.fused_scale ? nn_f32(s->call.fused_scale)[i / per_filter] : 1);
        return to;
}

static void add_conv(struct peer *p, const struct nn_step *s)
{
        const struct nn_conv_desc *d = &s->call.p.conv.d;
        const struct nn_tensor *w = s->call.fused_weights ? s->call.fused_weights : s->call.in[1];
        const struct nn_tensor *b = s->call.fused_bias ? s->call.fused_bias : nn_call_in(&s->call, 2);
        dnnl_memory_desc_t src = desc_of(s->call.in[0], true), dst = desc_of(s->call.out[0], true), w_any, w_plain,
                           bias;
        const dnnl_dims_t grouped = { d->groups, d->k / d->groups, d->c / d->groups, d->r, d->s };
        int first = d->groups == 1;
        const dnnl_dims_t stride = { d->stride[0], d->stride[1] }, pad = { d->pad[0], d->pad[1] };
        const dnnl_dims_t pad_end = { d->pad[2], d->pad[3] };
        const dnnl_dims_t dilation = { d->dilation[0] - 1, d->dilation[1] - 1 };
        dnnl_convolution_desc_t cd;
        dnnl_primitive_desc_t pd;

        check(dnnl_memory_desc_init_by_tag(&w_any, 5 - first, grouped + first, dnnl_f32, dnnl_format_tag_any),
              "weights");
        check(dnnl_memory_desc_init_by_tag(&w_plain, 5 - first, grouped + first, dnnl_f32,
                                           first ? dnnl_abcd : dnnl_abcde),
              "weights");
        if (b)
                bias = desc_of(b, true);
        check(dnnl_dilated_convolution_forward_desc_init(&cd, dnnl_forward_inference, dnnl_convolution_auto, &src,
                                                         &w_any, b ? &bias : NULL, &dst, stride, dilation, pad,
                                                         pad_end),
              "convolution");
        check(dnnl_primitive_desc_create(&pd, &cd, attr_of(s), p->engine, NULL), "convolution");
        add_product(p, s, pd, &w_plain, filters_of(s, w), b);
}

static void add_fc(struct peer *p, const struct nn_step *s)
{
        const struct nn_tensor *w = s->call.fused_weights ? s->call.fused_weights : s->call.in[1];
        const struct nn_tensor *b = s->call.fused_bias ? s->call.fused_bias : nn_call_in(&s->call, 2);
        const dnnl_memory_desc_t *from = md_of(p->values[s->in[0]]);
        int64_t n = s->call.p.gemm.n, k = s->call.p.gemm.k, hw = from->ndims == 4 ? from->dims[2] * from->dims[3] : 1;
        dnnl_dims_t w_dims = { n, k / hw, 1, 1 };
        dnnl_memory_desc_t src, dst = desc_of(s->call.out[0], true), bias, w_any, w_plain;
        dnnl_inner_product_desc_t id;
        dnnl_primitive_desc_t pd;
        struct nn_tensor flat_bias = b ? *b : (struct nn_tensor){ 0 };

        for (int i = 2; i < from->ndims; i++)
                w_dims[i] = from->dims[i];
        if (!s->call.p.gemm.trans_b && from->ndims != 2) {
                fprintf(stderr, "oneDNN: weights of this order behind a picture are not made here\n");
                exit(3);
        }
        check(dnnl_memory_desc_init_by_tag(&src, from->ndims, from->dims, dnnl_f32, dnnl_format_tag_any), "source");
        check(dnnl_memory_desc_init_by_tag(&w_any, from->ndims, w_dims, dnnl_f32, dnnl_format_tag_any), "weights");
        check(dnnl_memory_desc_init_by_tag(&w_plain, from->ndims, w_dims, dnnl_f32,
                                           from->ndims == 4         ? dnnl_abcd
                                           : s->call.p.gemm.trans_b ? dnnl_ab
                                                                    : dnnl_ba),
              "weights");
        if (b) {
                flat_bias.n_dims = 1;
                flat_bias.dims[0] = n;
                bias = desc_of(&flat_bias, true);
        }
        check(dnnl_inner_product_forward_desc_init(&id, dnnl_forward_inference, &src, &w_any, b ? &bias : NULL, &dst),
              "inner product");
        check(dnnl_primitive_desc_create(&pd, &id, attr_of(s), p->engine, NULL), "inner product");
        add_product(p, s, pd, &w_plain, w->data, b ? &flat_bias : NULL);
}

/* Primitives of one source and one destination. */
static void add_simple(struct peer *p, const struct nn_step *s, const void *op_desc, const char *what)
{
        dnnl_primitive_desc_t pd;

        check(dnnl_primitive_desc_create(&pd, op_desc, NULL, p->engine, NULL), what);
        dnnl_memory_t src = in_form(p, p->values[s->in[0]], query(pd, dnnl_query_src_md), false);
        dnnl_memory_t dst = memory_of(p, query(pd, dnnl_query_dst_md), NULL);
        const dnnl_exec_arg_t args[] = { { DNNL_ARG_SRC, src }, { DNNL_ARG_DST, dst } };
        add_task(p, pd, args, 2);
        p->values[s->out[0]] = dst;
}

static void add_pool(struct peer *p, const struct nn_step *s, bool global)
{
        const struct nn_pool2d_desc *d = &s->call.p.pool;
        const struct nn_tensor *x = s->call.in[0];
        const dnnl_memory_desc_t *src = md_of(p->values[s->in[0]]);
        dnnl_memory_desc_t dst = desc_of(s->call.out[0], true);
        dnnl_dims_t kernel = { x->dims[2], x->dims[3] }, stride = { 1, 1 }, dilation = { 0, 0 }, pad = { 0 },
                    end = { 0 };
        bool average = global ? strcmp(s->call.op->name, "GlobalAveragePool") == 0 : d->average;
        dnnl_pooling_v2_desc_t pool;

        if (!global)
                for (int i = 0; i < 2; i++) {
                        dnnl_dim_t size = i ? d->w : d->h, out = i ? d->out_w : d->out_h, reach;

                        kernel[i] = d->kernel[i];
                        stride[i] = d->stride[i];
                        dilation[i] = d->dilation[i] - 1;
                        pad[i] = d->pad[i];
                        reach = (out - 1) * stride[i] + (kernel[i] - 1) * d->dilation[i] + 1 - size - pad[i];
                        end[i] = reach > 0 ? reach : 0;
                }
        check(dnnl_pooling_v2_forward_desc_init(&pool, dnnl_forward_inference,
                                                !average                          ? dnnl_pooling_max
                                                : !global && d->count_include_pad ? dnnl_pooling_avg_include_padding
                                                                                  : dnnl_pooling_avg_exclude_padding,
                                                src, &dst, stride, kernel, dilation, pad, end),
              "pooling");
        add_simple(p, s, &pool, "pooling");
}

static void add_step(struct peer *p, const struct nn_step *s)
{
        const char *name = s->call.op->name;

        if (strcmp(name, "Conv") == 0) {
                add_conv(p, s);
        } else if (strcmp(name, "Gemm") == 0 || strcmp(name, "MatMul") == 0) {
                add_fc(p, s);
        } else if (strcmp(name, "MaxPool") == 0 || strcmp(name, "AveragePool") == 0) {
                add_pool(p, s, false);
        } else if (strncmp(name, "Global", 6) == 0) {
                add_pool(p, s, true);
        } else if (strcmp(name, "Softmax") == 0) {
                dnnl_softmax_v2_desc_t d;
                dnnl_memory_desc_t dst = desc_of(s->call.out[0], true);

                check(dnnl_softmax_v2_forward_desc_init(&d, dnnl_forward_inference, dnnl_softmax_accurate,
                                                        md_of(p->values[s->in[0]]), &dst, (int)s->call.p.reduce.axis),
                      "softmax");
                add_simple(p, s, &d, "softmax");
        } else if (strcmp(name, "LRN") == 0) {
                dnnl_lrn_desc_t d;

                check(dnnl_lrn_forward_desc_init(&d, dnnl_forward_inference, dnnl_lrn_across_channels,
                                                 md_of(p->values[s->in[0]]), s->call.p.lrn.size, s->call.p.lrn.alpha,
                                                 s->call.p.lrn.beta, s->call.p.lrn.bias),
                      "normalisation");
                add_simple(p, s, &d, "normalisation");
        } else if (strcmp(name, "Reorder") == 0 || (s->call.op->flags & NN_OP_VIEW)) {
                p->values[s->out[0]] = p->values[s->in[0]];
        } else {
                fprintf(stderr, "oneDNN: operator %s is not made here\n", name);
                exit(3);
        }
}

static void run(void *userdata)
{
        struct peer *p = userdata;

        for (int i = 0; i < p->n_tasks; i++)
                run_task(p, &p->tasks[i]);
        check(dnnl_stream_wait(p->stream), "wait");
}

/* The plan whose values the peer reads has the caller's layout of its inputs and outputs. */
static void build(struct peer *p, const struct nn_model *m)
{
        struct nn_plan *plan = p->plan;
        uint32_t last;

        p->values = calloc(plan->n_values, sizeof(*p->values));
        if (!p->values)
                exit(1);
        check(dnnl_engine_create(&p->engine, dnnl_cpu, 0), "engine");
        check(dnnl_stream_create(&p->stream, p->engine, dnnl_stream_default_flags), "stream");
        for (size_t i = 0; i < m->n_inputs; i++) {
                dnnl_memory_desc_t md = desc_of(nn_plan_input(plan, i), false);

                p->values[m->inputs[i]] = memory_of(p, &md, nn_plan_input(plan, i)->data);
        }
        for (size_t i = 0; i < plan->n_steps; i++)
                add_step(p, &plan->steps[i]);
        last = m->outputs[0];
        dnnl_memory_desc_t md = desc_of(nn_plan_output(plan, 0), false);
        p->values[last] = in_form(p, p->values[last], &md, false);
}

static void compare(struct peer *p, const struct nn_model *m)
{
        const struct nn_tensor *ours = nn_plan_output(p->plan, 0);
        void *theirs;

        check(dnnl_memory_get_data_handle(p->values[m->outputs[0]], &theirs), "data");
        for (int64_t i = 0; i < nn_tensor_n_elements(ours); i++)
                if (!(fabsf(nn_f32(ours)[i] - ((float *)theirs)[i]) < RESULT_TOLERANCE)) {
                        fprintf(stderr, "oneDNN: value %d is %g, ours %g\n", (int)i, (double)((float *)theirs)[i],
                                (double)nn_f32(ours)[i]);
                        exit(1);
                }
}

int main(int argc, char **argv)
{
        static struct peer p;
        struct nn_plan_options options = { .threads = 1 };
        struct nn_error error = { { 0 } };
        struct nn_model *m = NULL;
        const dnnl_version_t *v = dnnl_version();

        if (argc != 4) {
                fprintf(stderr, "usage: peer-onednn MODEL BATCH SECONDS\n");
                return 2;
        }
        options.batch = (unsigned)strtoul(argv[2], NULL, 10);
        if (nn_model_load(argv[1], &m, &error) < 0 || nn_plan_new(m, &options, &p.plan, &error) < 0) {
                fprintf(stderr, "%s: %s\n", argv[1], error.text);
                return 1;
        }
        for (size_t i = 0; nn_plan_input(p.plan, i); i++)
                timing_fill(nn_plan_input(p.plan, i)->data, (size_t)nn_tensor_n_elements(nn_plan_input(p.plan, i)));
        double start = timing_now_us();
        build(&p, m);
        run(&p);
        double load_ms = (timing_now_us() - start) / 1e3;
        if (nn_plan_run(p.plan) < 0)
                return 1;
        compare(&p, m);
        timing_report(run, &p, strtod(argv[3], NULL), load_ms);
        printf("version=%d.%d.%d\n", v->major, v->minor, v->patch);
        return 0;
}
