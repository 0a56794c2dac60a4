/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pad and Resize between convolutions, where the planner runs them on blocks of channels or merges them: the results are
 * those of the plan that keeps every operator as it stands. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "nn/plan.h"
#include "tests/unit/nn-net.h"

struct move {
        const char *op;
        int64_t channels, pads[8];
        const char *mode, *coordinates;
        float value;
        int64_t height, width;   /* of a Resize of 9 x 11 */
        const char *absent, *is; /* an operator that is not in the plan; one that is, without Reorder beside it */
};

static void add_list(struct onnx_writer *w, const char *name, int64_t *values, int64_t n)
{
        struct nn_tensor t = { .type = NN_INT64, .n_dims = 1, .dims = { n }, .data = values };

        onnx_writer_initializer(w, name, &t);
}

static void add_pad(struct onnx_writer *w, const struct move *m)
{
        const struct onnx_attribute mode[] = { { .name = "mode", .kind = ONNX_STRING, .s = m->mode }, { 0 } };
        struct nn_tensor value = { .type = NN_FLOAT32, .data = (void *)&m->value };
        int64_t pads[8];

        memcpy(pads, m->pads, sizeof(pads));
        add_list(w, "pads", pads, 8);
        onnx_writer_initializer(w, "value", &value);
        onnx_writer_node(w, "Pad", NAMES("a", "pads", "value"), NAMES("b"), mode);
}

static void add_resize(struct onnx_writer *w, const struct move *m)
{
        const struct onnx_attribute attributes[] = {
                { .name = "mode", .kind = ONNX_STRING, .s = m->mode },
                { .name = "coordinate_transformation_mode", .kind = ONNX_STRING, .s = m->coordinates },
                { 0 },
        };
        int64_t sizes[4] = { 2, m->channels, m->height, m->width };

        add_list(w, "sizes", sizes, 4);
        onnx_writer_node(w, "Resize", NAMES("a", "", "", "sizes"), NAMES("b"), attributes);
}

/* A convolution to @m->channels, the operator, and one of 3 x 3 */
static struct nn_model *net_of(const struct move *m)
{
        int64_t channels = m->channels + m->pads[1] + m->pads[5];
        struct nn_error error = { { 0 } };
        struct nn_model *model;
        struct onnx_writer *w;

        assert_int_equal(onnx_writer_new("t", &w), 0);
        onnx_writer_opset(w, 13);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(2, 16, 9, 11));
        net_weights(w, "w0", 1, 0, 4, (const int64_t[]){ m->channels, 16, 1, 1 });
        onnx_writer_node(w, "Conv", NAMES("x", "w0"), NAMES("a"), NULL);
        if (strcmp(m->op, "Pad") == 0)
                add_pad(w, m);
        else
                add_resize(w, m);
        net_weights(w, "w1", 2, 0, 4, (const int64_t[]){ 16, channels, 3, 3 });
        onnx_writer_node(w, "Conv", NAMES("b", "w1"), NAMES("y"), NULL);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(2, 16, -1, -1));
        if (net_load(w, &model, &error) < 0)
                fail_msg("%s", error.text);
        onnx_writer_free(w);
        return model;
}

static struct nn_plan *run(const struct nn_model *model, bool keep_all)
{
        struct nn_plan_options options = { .keep_all = keep_all };
        struct nn_error error = { { 0 } };
        struct nn_plan *p;
        struct nn_tensor *x;
        uint32_t seed = 3;

        if (nn_plan_new(model, &options, &p, &error) < 0)
                fail_msg("%s", error.text);
        x = nn_plan_input(p, 0);
        for (int64_t i = 0; i < nn_tensor_n_elements(x); i++)
                nn_f32(x)[i] = net_random(&seed);
        assert_int_equal(nn_plan_run(p), 0);
        return p;
}

static const char *op_at(const struct nn_plan *p, size_t i)
{
        return i < p->n_steps ? p->steps[i].call.op->name : "";
}

static void check(const struct move *m, unsigned at)
{
        struct nn_model *model = net_of(m);
        struct nn_plan *p = run(model, false), *kept = run(model, true);
        const struct nn_tensor *y = nn_plan_output(p, 0), *expected = nn_plan_output(kept, 0);
        bool seen = false;

        assert_true(nn_tensor_same_shape(y, expected));
        for (int64_t i = 0; i < nn_tensor_n_elements(y); i++)
                if (!(fabsf(nn_f32(y)[i] - nn_f32(expected)[i]) <= 1e-4f))
                        fail_msg("%s %u: value %d is %g instead of %g", m->op, at, (int)i, (double)nn_f32(y)[i],
                                 (double)nn_f32(expected)[i]);
        for (size_t i = 0; i < p->n_steps; i++) {
                if (m->absent)
                        assert_string_not_equal(op_at(p, i), m->absent);
                if (m->is && strcmp(op_at(p, i), m->is) == 0) {
                        seen = true;
                        assert_string_equal(op_at(p, i - 1), "Conv");
                        assert_string_equal(op_at(p, i + 1), "Conv");
                }
        }
        assert_true(seen || !m->is);
        nn_plan_free(p);
        nn_plan_free(kept);
        nn_model_free(model);
}

static void test_pads(void **state)
{
        static const struct move moves[] = {
                { "Pad", 16, { 0, 0, 1, 2, 0, 0, 3, 1 }, "constant", .absent = "Pad" },
                { "Pad", 7, { 0, 0, 0, 0, 0, 0, 5, 9 }, "constant", .absent = "Pad" },
                { "Pad", 16, { 0, 0, 1, 2, 0, 0, 3, 1 }, "constant", .value = 0.5f, .is = "Pad" },
                { "Pad", 13, { 0, 0, 1, 2, 0, 0, 3, 1 }, "reflect", .is = "Pad" },
                { "Pad", 13, { 0, 0, 1, 2, 0, 0, 3, 1 }, "edge", .is = "Pad" },
                { "Pad", 16, { 0, 0, -1, 2, 0, 0, 3, -1 }, "constant", .is = "Pad" },
                { "Pad", 16, { 0, 0, 0, 0, 0, 5, 0, 0 }, "constant", .is = "Pad" },
                { "Pad", 13, { 0, 0, 0, 1, 0, 1, 0, 0 }, "constant", .value = 2, .is = "Pad" },
                { "Pad", 13, { 0, 0, 1, 0, 0, 40, 0, 1 }, "constant", .value = -1, .is = "Pad" },
                { "Pad", 16, { 0, 3, 0, 0, 0, 0, 0, 0 }, "constant" },
                { "Pad", 16, { 0, 0, 0, 0, 0, -3, 0, 0 }, "constant" },
                { "Pad", 16, { 0, 0, 0, 0, 0, 3, 0, 0 }, "edge" },
                { "Pad", 16, { 1, 0, 0, 0, 0, 0, 0, 0 }, "constant" },
        };

        for (unsigned i = 0; i < ARRAY_LEN(moves); i++)
                check(&moves[i], i);
}

static void test_resizes(void **state)
{
        static const struct move moves[] = {
                { "Resize", 16, { 0 }, "linear", "half_pixel", 0, 18, 22, .is = "Resize" },
                { "Resize", 13, { 0 }, "linear", "align_corners", 0, 20, 30, .is = "Resize" },
                { "Resize", 40, { 0 }, "linear", "asymmetric", 0, 4, 5, .is = "Resize" },
                { "Resize", 16, { 0 }, "linear", "pytorch_half_pixel", 0, 9, 40, .is = "Resize" },
                { "Resize", 16, { 0 }, "nearest", "half_pixel", 0, 13, 15, .is = "Resize" },
                { "Resize", 13, { 0 }, "nearest", "asymmetric", 0, 5, 6, .is = "Resize" },
                { "Resize", 16, { 0 }, "nearest", "half_pixel", 0, 27, 33, .is = "Resize" },
        };

        for (unsigned i = 0; i < ARRAY_LEN(moves); i++)
                check(&moves[i], i);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pads),
                cmocka_unit_test(test_resizes),
        };

        return cmocka_run_group_tests_name("nn moves", tests, NULL, NULL);
}
