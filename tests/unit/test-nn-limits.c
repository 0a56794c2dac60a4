/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file of a few bytes may ask for any amount of work and memory: what the planner refuses, or leaves for later. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "nn/plan.h"
#include "tests/unit/nn-expect.h"

/* x + LRN(constant): the constant is computed at once unless that takes long. */
static size_t steps_with_lrn(int64_t size)
{
        const struct onnx_attribute lrn[] = { { .name = "size", .kind = ONNX_INT, .i = size }, { 0 } };
        struct nn_model *m = NULL;
        struct nn_plan *p = NULL;
        struct onnx_writer *w;
        size_t n;

        assert_int_equal(onnx_writer_new("fold", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 2, 30, 30));
        net_weights(w, "c", 1, 0, 4, (const int64_t[]){ 1, 2, 30, 30 });
        onnx_writer_node(w, "LRN", NAMES("c"), NAMES("n"), lrn);
        onnx_writer_node(w, "Add", NAMES("x", "n"), NAMES("y"), NULL);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, 2, 30, 30));
        assert_int_equal(net_load(w, &m, NULL), 0);
        onnx_writer_free(w);
        assert_int_equal(nn_plan_new(m, NULL, &p, NULL), 0);
        assert_int_equal(nn_plan_run(p), 0);
        n = p->n_steps;
        nn_plan_free(p);
        nn_model_free(m);
        return n;
}

static void test_folding_is_bounded(void **state)
{
        assert_int_equal(steps_with_lrn(5), 1);
        assert_int_equal(steps_with_lrn(1 << 20), 2);
}

/* @out: @n times @in, one after the other */
static void repeat(struct onnx_writer *w, const char *in, const char *out, unsigned n)
{
        const struct onnx_attribute axis[] = { { .name = "axis", .kind = ONNX_INT, .i = 0 }, { 0 } };
        const char *list[17] = { NULL };

        assert_true(n < ARRAY_LEN(list));
        for (unsigned i = 0; i < n; i++)
                list[i] = in;
        onnx_writer_node(w, "Concat", list, NAMES(out), axis);
}

/* Constants up to 8 bytes below the limit, then a shape, which is always folded: no room for more is found after it. */
static void test_folding_past_the_limit(void **state)
{
        enum { N = 7681, REST = 3823 }; /* 8 * (N * (16 + 256 + 4096) + REST) is 2^28 - 8 */
        struct nn_tensor t = { .type = NN_INT64, .n_dims = 1, .dims = { N } };
        struct nn_error error = { { 0 } };
        struct nn_model *m = NULL;
        struct onnx_writer *w;
        struct nn_plan *p;

        t.data = calloc(N, sizeof(int64_t));
        assert_int_equal(onnx_writer_new("limit", &w), 0);
        onnx_writer_initializer(w, "a", &t);
        t.dims[0] = REST;
        onnx_writer_initializer(w, "r", &t);
        free(t.data);
        net_weights(w, "c", 1, 0, 3, (const int64_t[]){ 1, 2, 3 });
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 2, 3));
        repeat(w, "a", "a2", 16);
        repeat(w, "a2", "a3", 16);
        repeat(w, "a3", "a4", 16);
        onnx_writer_node(w, "Identity", NAMES("r"), NAMES("r2"), NULL);
        onnx_writer_node(w, "Shape", NAMES("x"), NAMES("s"), NULL);
        onnx_writer_node(w, "Relu", NAMES("c"), NAMES("d"), NULL);
        onnx_writer_node(w, "Add", NAMES("x", "d"), NAMES("y"), NULL);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, 2, 3));
        p = net_plan(w, 0, &m, &error);
        assert_int_equal(p->folded_bytes, ((size_t)1 << 28) - 8 + 3 * sizeof(int64_t));
        assert_int_equal(p->n_steps, 2);
        nn_plan_free(p);
        nn_model_free(m);
}

/* Weights of 16 MiB in a file of a few bytes, packed by each of many steps. */
static void test_packed_weights_are_bounded(void **state)
{
        struct nn_tensor scales = {
                .type = NN_FLOAT32, .n_dims = 1, .dims = { 4 }, .data = (float[]){ 2048, 2048, 1, 1 }
        };
        char names[2][16] = { "x" };
        struct nn_error error = { { 0 } };
        struct nn_model *m = NULL;
        struct onnx_writer *w;

        assert_int_equal(onnx_writer_new("packed", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 2048, 1, 1));
        onnx_writer_initializer(w, "scales", &scales);
        net_weights(w, "one", 1, 0, 4, (const int64_t[]){ 1, 1, 1, 1 });
        onnx_writer_node(w, "Resize", NAMES("one", "", "scales"), NAMES("w"), NULL);
        for (unsigned i = 0; i < 130; i++) {
                snprintf(names[(i + 1) % 2], sizeof(names[0]), "c%u", i);
                onnx_writer_node(w, "Conv", NAMES(names[i % 2], "w"), NAMES(names[(i + 1) % 2]), NULL);
        }
        onnx_writer_output(w, names[0], NN_FLOAT32, DIMS(1, 2048, 1, 1));
        assert_null(net_plan(w, -EFBIG, &m, &error));
        assert_non_null(strstr(error.text, "packed weights"));
        nn_model_free(m);
}

/* A layer of one output is packed as one of a whole vector: refused by its shape, before its weights are read. */
static void test_few_outputs_are_bounded(void **state)
{
        const int64_t k = 1 << 28;
        struct nn_tensor x = { .type = NN_FLOAT32, .n_dims = 2, .dims = { 1, k } },
                         y = { .n_dims = 2, .dims = { 1, 1 } };
        struct nn_tensor w = { .type = NN_FLOAT32, .n_dims = 2, .dims = { k, 1 }, .data = &w };
        struct nn_node node = { .name = (char[]){ "wide" } };
        struct nn_tensor *in[] = { &x, &w }, *out[] = { &y };
        struct nn_error error = { { 0 } };
        struct nn_call c = { .op = nn_op_find("MatMul", 13),
                             .node = &node,
                             .n_in = 2,
                             .n_out = 1,
                             .in = in,
                             .out = out,
                             .error = &error,
                             .isa = nn_isa_best(),
                             .dot = nn_dot_best(nn_isa_best()),
                             .threads = 1 };

        assert_int_equal(c.op->shape(&c), 0);
        assert_int_equal(c.op->prepare(&c), -EFBIG);
        assert_non_null(strstr(error.text, "wide"));
}

static size_t packed_bytes_of(struct onnx_writer *w)
{
        struct nn_error error = { { 0 } };
        struct nn_model *m = NULL;
        struct nn_plan *p = net_plan(w, 0, &m, &error);
        size_t n = p->packed_bytes;

        nn_plan_free(p);
        nn_model_free(m);
        return n;
}

/* What counts as packed weights beside those: the factors of a batch norm, merged or not, and the tables of Resize. */
static void test_packed_bytes_are_counted(void **state)
{
        struct nn_tensor scales = {
                .type = NN_FLOAT32, .n_dims = 1, .dims = { 4 }, .data = (float[]){ 1, 1, 1.5f, 2 }
        };
        size_t alone = 0;
        struct onnx_writer *w;

        for (int merged = -1; merged < 2; merged++) {
                assert_int_equal(onnx_writer_new("counted", &w), 0);
                onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 20, 4, 4));
                if (merged)
                        net_conv(w, "x", "c", 20, 20, 1, 1, 1);
                if (merged >= 0)
                        net_batch_norm(w, merged ? "c" : "x", "b", 20);
                onnx_writer_output(w, merged < 0 ? "c" : "b", NN_FLOAT32, DIMS(1, 20, 4, 4));
                if (merged < 0)
                        alone = packed_bytes_of(w);
                else
                        assert_int_equal(packed_bytes_of(w), (merged ? alone : 0) + 2 * 20 * sizeof(float));
        }
        assert_int_equal(onnx_writer_new("counted", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 3, 4, 4));
        onnx_writer_initializer(w, "scales", &scales);
        onnx_writer_node(w, "Resize", NAMES("x", "", "scales"), NAMES("y"), NULL);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, 3, 6, 8));
        assert_int_equal(packed_bytes_of(w), (1 + 3 + 6 + 8) * sizeof(int32_t));
}

/* The tables of Resize are larger than what it makes. */
static void test_resize_tables_are_bounded(void **state)
{
        struct nn_tensor scales = { .type = NN_FLOAT32, .n_dims = 1, .dims = { 1 }, .data = (float[]){ 80e6f } };
        struct nn_error error = { { 0 } };
        struct nn_model *m = NULL;
        struct onnx_writer *w;

        assert_int_equal(onnx_writer_new("tables", &w), 0);
        onnx_writer_input(w, "x", NN_UINT8, DIMS(1));
        onnx_writer_initializer(w, "scales", &scales);
        onnx_writer_node(w, "Resize", NAMES("x", "", "scales"), NAMES("y"), NULL);
        onnx_writer_output(w, "y", NN_UINT8, DIMS(80000000));
        assert_null(net_plan(w, -EFBIG, &m, &error));
        nn_model_free(m);
}

/* One number, padded to a picture of 40001 x 40001, of which a convolution computes one: constant, so at once. */
static void test_scratch_of_constants_is_bounded(void **state)
{
        const struct onnx_attribute attributes[] = {
                { .name = "pads", .kind = ONNX_INTS, .n = 4, .ints = (const int64_t[]){ 20000, 20000, 20000, 20000 } },
                { .name = "strides", .kind = ONNX_INTS, .n = 2, .ints = (const int64_t[]){ 40001, 40001 } },
                { 0 },
        };
        struct nn_error error = { { 0 } };
        struct nn_model *m = NULL;
        struct onnx_writer *w;

        assert_int_equal(onnx_writer_new("scratch", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 1, 1, 1));
        net_weights(w, "c", 1, 0, 4, (const int64_t[]){ 1, 1, 1, 1 });
        onnx_writer_node(w, "Conv", NAMES("c", "c"), NAMES("d"), attributes);
        onnx_writer_node(w, "Add", NAMES("x", "d"), NAMES("y"), NULL);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, 1, 1, 1));
        assert_null(net_plan(w, -EFBIG, &m, &error));
        assert_non_null(strstr(error.text, "scratch"));
        nn_model_free(m);
}

/* The system starts no thread, here for want of room for its stack: an error with its text. */
static void test_threads_that_do_not_start(void **state)
{
        struct nn_error error = { { 0 } };
        struct nn_model *m = NULL;
        struct nn_plan *p = NULL;
        pthread_attr_t before, huge;
        struct onnx_writer *w;
        int r;

        assert_int_equal(onnx_writer_new("threads", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 4, 8, 8));
        net_conv(w, "x", "y", 4, 4, 3, 1, 1);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, 4, 8, 8));
        assert_int_equal(net_load(w, &m, &error), 0);
        onnx_writer_free(w);
        assert_int_equal(pthread_getattr_default_np(&before), 0);
        assert_int_equal(pthread_getattr_default_np(&huge), 0);
        assert_int_equal(pthread_attr_setstacksize(&huge, SIZE_MAX / 4 + 1), 0);
        assert_int_equal(pthread_setattr_default_np(&huge), 0);
        r = nn_plan_new(m, &(struct nn_plan_options){ .threads = 2 }, &p, &error);
        assert_int_equal(pthread_setattr_default_np(&before), 0);
        assert_int_equal(r, -EAGAIN);
        assert_non_null(strstr(error.text, "threads"));
        assert_int_equal(nn_plan_new(m, &(struct nn_plan_options){ .threads = 2 }, &p, &error), 0);
        pthread_attr_destroy(&before);
        pthread_attr_destroy(&huge);
        nn_plan_free(p);
        nn_model_free(m);
}

/* A few bytes that ask for days of work */
static void test_work_is_bounded(void **state)
{
        const struct onnx_attribute window[] = {
                { .name = "kernel_shape", .kind = ONNX_INTS, .n = 2, .ints = (const int64_t[]){ 2000, 2000 } },
                { 0 },
        };
        struct nn_error error = { { 0 } };
        struct nn_model *m = NULL;
        struct nn_plan *p = NULL;
        struct onnx_writer *w;

        assert_int_equal(onnx_writer_new("work", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 1, 20000, 20000));
        onnx_writer_node(w, "MaxPool", NAMES("x"), NAMES("y"), window);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, 1, 18001, 18001));
        assert_int_equal(net_load(w, &m, &error), 0);
        onnx_writer_free(w);
        assert_int_equal(nn_plan_new(m, NULL, &p, &error), -EFBIG);
        assert_non_null(strstr(error.text, "operations"));
        nn_model_free(m);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_folding_is_bounded),
                cmocka_unit_test(test_folding_past_the_limit),
                cmocka_unit_test(test_packed_weights_are_bounded),
                cmocka_unit_test(test_packed_bytes_are_counted),
                cmocka_unit_test(test_few_outputs_are_bounded),
                cmocka_unit_test(test_resize_tables_are_bounded),
                cmocka_unit_test(test_scratch_of_constants_is_bounded),
                cmocka_unit_test(test_work_is_bounded),
                cmocka_unit_test(test_threads_that_do_not_start),
        };

        return cmocka_run_group_tests_name("nn limits", tests, NULL, NULL);
}
