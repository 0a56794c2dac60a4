/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Networks of one operator, with what they must give: a table of them is a test. To be included after cmocka.h. */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "nn/graph.h"
#include "tests/unit/nn-net.h"

#define CASE_MAX_IN 9
#define CASE_MAX_OUT 3

/* An input or output. Values are written as doubles whatever the type is. */
struct case_value {
        enum nn_type type; /* 0: omitted */
        unsigned n_dims;
        int64_t dims[NN_MAX_DIMS];
        const double *values;
        size_t n;
        bool constant; /* of an input: an initializer of the file */
};
#define SHAPE(...) .n_dims = sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t), .dims = { __VA_ARGS__ }
#define VALUES(...) \
        .values = (const double[]){ __VA_ARGS__ }, .n = sizeof((const double[]){ __VA_ARGS__ }) / sizeof(double)
#define INTS(...)                                                    \
        .kind = ONNX_INTS, .ints = (const int64_t[]){ __VA_ARGS__ }, \
        .n = sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)

struct op_case {
        const char *what; /* NULL ends the table */
        const char *op;
        unsigned opset;
        struct case_value in[CASE_MAX_IN];
        struct onnx_attribute attributes[8];
        struct case_value out[CASE_MAX_OUT];
        double tolerance; /* relative and absolute */
        int code;         /* not 0: planning fails with it, and says @says; run_code: the run does */
        int run_code;
        const char *says;
};

static inline void case_put(struct nn_tensor *t, int64_t i, double v)
{
        switch (t->type) {
        case NN_FLOAT32:
                ((float *)t->data)[i] = (float)v;
                break;
        case NN_INT64:
                ((int64_t *)t->data)[i] = (int64_t)v;
                break;
        case NN_INT32:
                ((int32_t *)t->data)[i] = (int32_t)v;
                break;
        case NN_INT8:
                ((int8_t *)t->data)[i] = (int8_t)v;
                break;
        default:
                ((uint8_t *)t->data)[i] = (uint8_t)v;
        }
}

static inline double case_get(const struct nn_tensor *t, int64_t i)
{
        switch (t->type) {
        case NN_FLOAT32:
                return (double)((const float *)t->data)[i];
        case NN_INT64:
                return (double)((const int64_t *)t->data)[i];
        case NN_INT32:
                return ((const int32_t *)t->data)[i];
        case NN_INT8:
                return ((const int8_t *)t->data)[i];
        default:
                return ((const uint8_t *)t->data)[i];
        }
}

static inline void case_fill(struct nn_tensor *t, const struct case_value *v)
{
        for (int64_t i = 0; i < nn_tensor_n_elements(t); i++)
                case_put(t, i, v->n ? v->values[(size_t)i % v->n] : (double)i);
}

static inline void case_initializer(struct onnx_writer *w, const char *name, const struct case_value *v)
{
        struct nn_tensor t = { .type = v->type, .n_dims = v->n_dims };

        memcpy(t.dims, v->dims, sizeof(t.dims));
        t.data = calloc((size_t)nn_tensor_n_elements(&t) + 1, sizeof(double));
        assert_non_null(t.data);
        case_fill(&t, v);
        onnx_writer_initializer(w, name, &t);
        free(t.data);
}

static inline struct nn_model *case_load(const struct op_case *c)
{
        const char *in[CASE_MAX_IN + 1] = { 0 }, *out[CASE_MAX_OUT + 1] = { 0 };
        char names[CASE_MAX_IN + CASE_MAX_OUT][16];
        struct nn_error error = { { 0 } };
        struct nn_model *m = NULL;
        struct onnx_writer *w;
        unsigned n_in = 0;

        assert_int_equal(onnx_writer_new("case", &w), 0);
        onnx_writer_opset(w, c->opset ? c->opset : 13);
        for (unsigned i = 0; i < CASE_MAX_IN; i++)
                n_in = c->in[i].type ? i + 1 : n_in;
        for (unsigned i = 0; i < n_in; i++) {
                const struct case_value *v = &c->in[i];

                snprintf(names[i], sizeof(names[i]), "i%u", i);
                in[i] = v->type ? names[i] : "";
                if (v->type && v->constant)
                        case_initializer(w, names[i], v);
                else if (v->type)
                        onnx_writer_input(w, names[i], v->type, v->dims, v->n_dims);
        }
        for (unsigned i = 0; i < CASE_MAX_OUT && c->out[i].type; i++) {
                snprintf(names[CASE_MAX_IN + i], sizeof(names[0]), "o%u", i);
                out[i] = names[CASE_MAX_IN + i];
                onnx_writer_output(w, out[i], c->out[i].type, c->out[i].dims, c->out[i].n_dims);
        }
        onnx_writer_node(w, c->op, in, out, c->attributes);
        if (net_load(w, &m, &error) < 0 && !c->code)
                fail_msg("%s: %s", c->what, error.text);
        if (!m && c->code && c->says && !strstr(error.text, c->says))
                fail_msg("%s: '%s' says nothing of '%s'", c->what, error.text, c->says);
        onnx_writer_free(w);
        return m;
}

static inline void case_check(const struct op_case *c, const struct nn_plan *p)
{
        for (unsigned i = 0; i < CASE_MAX_OUT && c->out[i].type; i++) {
                const struct case_value *v = &c->out[i];
                const struct nn_tensor *t = nn_plan_output(p, i);
                struct nn_tensor shape = { .n_dims = v->n_dims };

                memcpy(shape.dims, v->dims, sizeof(shape.dims));
                if (t->type != v->type || !nn_tensor_same_shape(t, &shape))
                        fail_msg("%s: output %u is %s %s", c->what, i, nn_type_name((int)t->type), NN_SHAPE_STRING(t));
                for (int64_t k = 0; k < nn_tensor_n_elements(t); k++) {
                        double a = case_get(t, k), b = v->n ? v->values[(size_t)k % v->n] : (double)k;

                        if (isnan(b) ? !isnan(a) : a != b && !(fabs(a - b) <= c->tolerance * (1 + fabs(b))))
                                fail_msg("%s: output %u, value %d is %.9g instead of %.9g", c->what, i, (int)k, a, b);
                }
        }
}

static inline void case_run(const struct op_case *c, struct nn_model *m, bool keep_all)
{
        struct nn_plan_options options = { .keep_all = keep_all };
        struct nn_error error = { { 0 } };
        struct nn_plan *p = NULL;
        int r = nn_plan_new(m, &options, &p, &error);

        if (r != c->code)
                fail_msg("%s: %d instead of %d: %s", c->what, r, c->code, error.text);
        if (r < 0 && c->says && !strstr(error.text, c->says))
                fail_msg("%s: '%s' says nothing of '%s'", c->what, error.text, c->says);
        if (r < 0)
                return;
        for (unsigned i = 0, at = 0; i < CASE_MAX_IN; i++)
                if (c->in[i].type && !c->in[i].constant)
                        case_fill(nn_plan_input(p, at++), &c->in[i]);
        r = nn_plan_run(p);
        if (r != c->run_code)
                fail_msg("%s: the run gives %d instead of %d", c->what, r, c->run_code);
        if (r == 0)
                case_check(c, p);
        nn_plan_free(p);
}

/* Every case as a plan of the usual kind and one with keep_all. */
static inline void run_cases(const struct op_case *cases)
{
        for (const struct op_case *c = cases; c->what; c++) {
                struct nn_model *m = case_load(c);

                if (!m)
                        continue;
                case_run(c, m, false);
                case_run(c, m, true);
                nn_model_free(m);
        }
}
