/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* emotion-nn show: what is in a model, what it costs, how it is run. */
#include <errno.h>
#include <string.h>

#include "basic/clock.h"
#include "nn/plan.h"
#include "train/cmd/cmd.h"
#include "train/cmd/shapes.h"
#include "train/model/model-size.h"

struct show {
        unsigned batch;
        bool plan, timed, measure, operators;
        struct shapes shapes;
};

#define AT(member) .at = offsetof(struct show, member)

static const struct cmd_option rows[] = {
        { .name = "batch",
          .kind = CMD_COUNT,
          .value = "N",
          AT(batch),
          1,
          65536,
          .help = "first dimension of inputs that leave it open (default 1)" },
        { .name = "shape",
          .kind = CMD_OTHER,
          .value = "NAME=SHAPE",
          AT(shapes),
          .read = shapes_read,
          .help = "shape of an input, such as input=1x3x480x640, also instead of one that the file fixes; once for each "
                  "input" },
        { .name = "plan",
          AT(plan),
          .help = "list the steps after fusion, with the kernel of each, instead of the layers" },
        { .name = "time", AT(timed), .help = "the same, with microseconds and GFLOP/s of each step, best of 20 runs" },
        { .name = "measure",
          AT(measure),
          .help = "with --plan: try all ways to compute each convolution and keep the fastest, instead of the one that "
                  "is expected to be" },
        { .name = "operators", AT(operators), .help = "list the operators that the engine runs, as Markdown" },
        { 0 },
};

/* Attributes of a row that are not in the row before of the same operator are of no interest here. */
static void show_operators(void)
{
        printf("# Operators\n\n"
               "What `libemotion-nn` runs of ONNX's default domain, opsets 1 to %d, and of `com.microsoft`. A model that\n"
               "uses anything else is refused when it is loaded or planned, with the node and the operator in the\n"
               "message. The table is written by `emotion-nn show --operators` from the one in the code; a test holds\n"
               "them equal.\n\n"
               "| operator | opsets | attributes | restrictions |\n|---|---|---|---|\n",
               NN_OPSET_MAX);
        for (const struct nn_op *op = nn_op_table; op->name; op++) {
                const struct nn_attribute_spec *a = op->attributes;

                printf("| %s | %u-%u | ", op->name, op->since, op->until);
                for (; a && a->name; a++)
                        printf("%s%s", a == op->attributes ? "" : ", ", a->name);
                printf(" | %s |\n", op->restrictions ? op->restrictions : "");
        }
}

/* Least time of each step over 20 runs. */
static int time_steps(struct nn_plan *p, double *ret)
{
        for (size_t i = 0; i < p->n_steps; i++)
                ret[i] = 1e30;
        for (int k = 0; k < 20; k++)
                for (size_t i = 0; i < p->n_steps; i++) {
                        double start = 1e6 * clock_seconds();
                        int r = p->steps[i].call.op->run(&p->steps[i].call);

                        if (r < 0)
                                return r;
                        ret[i] = MIN(ret[i], 1e6 * clock_seconds() - start);
                }
        return 0;
}

static void show_step(const struct nn_plan *p, size_t i, const double *us)
{
        const struct nn_step *s = &p->steps[i];
        const struct nn_call *c = &s->call;
        const struct nn_plan_value *out = s->out[0] == NN_NO_VALUE ? NULL : &p->values[s->out[0]];
        char kernel[64];

        snprintf(kernel, sizeof(kernel), "%s%s", c->kernel ? c->kernel : "", s->fused);
        printf("%-4zu %-18s %-28s %-16s %-16s %9.3f %9zu", i, c->op->name, kernel,
               c->n_in && c->in[0] ? NN_SHAPE_STRING(c->in[0]) : "", out ? NN_SHAPE_STRING(&out->t) : "", s->macs / 1e6,
               c->packed_bytes);
        if (us)
                printf(" %9.1f %9.1f", us[i], us[i] > 0 ? 2 * s->macs / us[i] / 1e3 : 0);
        printf("  %s\n", c->node->name);
}

static int show_plan(struct nn_plan *p, bool timed)
{
        _cleanup_(freep) double *us = timed ? calloc(p->n_steps + 1, sizeof(*us)) : NULL;
        double macs = 0, total_us = 0;
        size_t packed = 0;
        int r;

        if (timed && !us)
                return -ENOMEM;
        if (timed && (r = time_steps(p, us)) < 0)
                return r;
        printf("%-4s %-18s %-28s %-16s %-16s %9s %9s%s  node\n", "step", "operator", "kernel", "input", "output",
               "MMAC", "weights", timed ? "        us   GFLOP/s" : "");
        for (size_t i = 0; i < p->n_steps; i++) {
                show_step(p, i, us);
                macs += p->steps[i].macs;
                packed += p->steps[i].call.packed_bytes;
                total_us += us ? us[i] : 0;
        }
        printf("\n%zu steps, %.3f MMAC, arena %zu bytes, scratch %zu bytes, packed weights %zu bytes, %s\n", p->n_steps,
               macs / 1e6, p->arena_bytes, p->scratch_bytes, packed, nn_isa_name(p->isa));
        if (timed)
                printf("%.1f us, %.1f GFLOP/s\n", total_us, 2 * macs / total_us / 1e3);
        return 0;
}

static void show_head(const struct nn_model *m, const struct nn_plan *p)
{
        size_t parameters = 0, bytes = 0;

        for (size_t i = 0; i < m->n_values; i++) {
                bool ok;

                if (!m->values[i].t.data)
                        continue;
                bytes += nn_tensor_bytes(&m->values[i].t, &ok);
                parameters += (size_t)nn_tensor_n_elements(&m->values[i].t);
        }
        printf("graph '%s', opset %u, %zu nodes, %zu parameters, %zu bytes\n", m->graph_name, m->opset, m->n_nodes,
               parameters, bytes);
        for (size_t i = 0; i < m->n_inputs; i++)
                printf("input  %s %s %s\n", nn_model_input_name(m, i), nn_type_name((int)m->input_decls[i].type),
                       NN_SHAPE_STRING(&m->input_decls[i]));
        for (size_t i = 0; i < m->n_outputs; i++)
                printf("output %s %s %s\n", nn_model_output_name(m, i),
                       nn_type_name((int)p->values[m->outputs[i]].t.type),
                       NN_SHAPE_STRING(&p->values[m->outputs[i]].t));
        for (size_t i = 0; i < m->n_metadata; i++)
                printf("%s = %s\n", m->metadata[2 * i], m->metadata[2 * i + 1]);
        printf("\n");
}

static int show(const char *path, struct show *how)
{
        bool plan = how->plan || how->timed || how->measure;
        struct nn_plan_options options = { .batch = how->batch, .keep_all = !plan, .measure = how->measure };
        struct nn_error error = { { 0 } };
        struct nn_model *m = NULL;
        struct nn_plan *p = NULL;
        struct nn_tensor size;
        int r = nn_model_load(path, &m, &error);

        if (r == 0 && model_size(m, how->batch, &size))
                options.inputs = &size;
        if (r == 0 && shapes_apply(&cmd_show, &how->shapes, m, &options) < 0) {
                nn_model_free(m);
                return -EINVAL;
        }
        if (r == 0)
                r = nn_plan_new(m, &options, &p, &error);
        if (r == 0) {
                show_head(m, p);
                r = show_plan(p, how->timed);
        }
        if (r < 0)
                cmd_fail(&cmd_show, "%s: %s", path, *error.text ? error.text : strerror(-r));
        nn_plan_free(p);
        nn_model_free(m);
        return r;
}

static int run(int argc, char **argv)
{
        struct cmd_operands model;
        struct show how = { 0 };
        int r = cmd_parse(&cmd_show, argc, argv, &how, &model);

        if (r)
                return r < 0;
        if (how.operators) {
                show_operators();
                return 0;
        }
        if (model.n != 1)
                return cmd_fail(&cmd_show, "MODEL is needed; see emotion-nn show --help");
        return show(model.at[0], &how);
}

const struct cmd cmd_show = {
        .name = "show",
        .summary = "list the layers, shapes, MACs and memory of a model",
        .synopsis = "MODEL [OPTION...]\n--operators",
        .about = "Lists the layers of a model with their shapes, multiply-accumulates (MACs) and memory.",
        .operand = "MODEL",
        .max_operands = 1,
        .options = rows,
        .run = run,
};
