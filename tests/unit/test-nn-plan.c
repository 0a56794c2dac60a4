/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reader and planner: files that lie, batches, memory; fused against unfused plans. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "nn/plan.h"
#include "tests/unit/nn-expect.h"

static size_t n_allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

void *__wrap_malloc(size_t size)
{
        n_allocations++;
        return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
        n_allocations++;
        return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
        n_allocations++;
        return __real_realloc(p, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
        n_allocations++;
        return __real_aligned_alloc(alignment, size);
}

/* Everything that the planner merges: batch norm, activations, sums, a squeeze-and-excite block, concatenation. */
static struct onnx_writer *rich_net(int64_t batch)
{
        const struct onnx_attribute window[] = {
                { .name = "kernel_shape", .kind = ONNX_INTS, .n = 2, .ints = (const int64_t[]){ 3, 3 } },
                { .name = "strides", .kind = ONNX_INTS, .n = 2, .ints = (const int64_t[]){ 2, 2 } },
                { .name = "pads", .kind = ONNX_INTS, .n = 4, .ints = (const int64_t[]){ 0, 0, 1, 1 } },
                { 0 },
        };
        const struct onnx_attribute axis[] = { { .name = "axis", .kind = ONNX_INT, .i = 1 }, { 0 } };
        struct nn_tensor shape = { .type = NN_INT64, .n_dims = 1, .dims = { 2 }, .data = (int64_t[]){ 1, 40 } };
        struct onnx_writer *w;

        assert_int_equal(onnx_writer_new("rich", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(batch, 1, 20, 20));
        net_conv(w, "x", "c1", 20, 1, 3, 1, 1);
        net_batch_norm(w, "c1", "b1", 20);
        onnx_writer_node(w, "Relu", NAMES("b1"), NAMES("r1"), NULL);
        onnx_writer_node(w, "MaxPool", NAMES("r1"), NAMES("p1"), window);
        net_conv(w, "p1", "c2", 20, 20, 3, 20, 1);
        onnx_writer_node(w, "LeakyRelu", NAMES("c2"), NAMES("h2"), NULL);
        net_conv(w, "h2", "c3", 20, 20, 1, 1, 1);
        net_batch_norm(w, "c3", "b3", 20);
        onnx_writer_node(w, "Add", NAMES("p1", "b3"), NAMES("s3"), NULL);
        onnx_writer_node(w, "Relu", NAMES("s3"), NAMES("r3"), NULL);
        /* squeeze and excite */
        onnx_writer_node(w, "GlobalAveragePool", NAMES("r3"), NAMES("g"), NULL);
        net_conv(w, "g", "e1", 8, 20, 1, 1, 1);
        onnx_writer_node(w, "Relu", NAMES("e1"), NAMES("er"), NULL);
        net_conv(w, "er", "e2", 20, 8, 1, 1, 1);
        onnx_writer_node(w, "Sigmoid", NAMES("e2"), NAMES("es"), NULL);
        onnx_writer_node(w, "Mul", NAMES("r3", "es"), NAMES("m"), NULL);
        net_conv(w, "m", "c4", 20, 20, 3, 1, 1);
        onnx_writer_node(w, "Sigmoid", NAMES("c4"), NAMES("sg"), NULL);
        onnx_writer_node(w, "Mul", NAMES("c4", "sg"), NAMES("silu"), NULL);
        net_weights(w, "slope", 9, 0, 3, (const int64_t[]){ 20, 1, 1 });
        onnx_writer_node(w, "PRelu", NAMES("silu", "slope"), NAMES("pr"), NULL);
        onnx_writer_node(w, "Concat", NAMES("pr", "m"), NAMES("cat"), axis);
        onnx_writer_node(w, "GlobalAveragePool", NAMES("cat"), NAMES("gap"), NULL);
        onnx_writer_initializer(w, "shape", &shape);
        onnx_writer_node(w, "Reshape", NAMES("gap", "shape"), NAMES("flat"), NULL);
        net_weights(w, "fc", 11, 0, 2, (const int64_t[]){ 40, 7 });
        net_weights(w, "fcb", 12, 0, 1, (const int64_t[]){ 7 });
        onnx_writer_node(w, "MatMul", NAMES("flat", "fc"), NAMES("mm"), NULL);
        onnx_writer_node(w, "Add", NAMES("mm", "fcb"), NAMES("logits"), NULL);
        onnx_writer_node(w, "Softmax", NAMES("logits"), NAMES("y"), axis);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(batch, 7));
        onnx_writer_output(w, "silu", NN_FLOAT32, DIMS(batch, 20, 10, 10));
        return w;
}

static void fill(struct nn_tensor *t, uint32_t seed)
{
        for (int64_t i = 0; i < nn_tensor_n_elements(t); i++)
                nn_f32(t)[i] = net_random(&seed);
}

static void assert_close(const float *a, const float *b, int64_t n, double tolerance)
{
        for (int64_t i = 0; i < n; i++)
                if (!(fabs(a[i] - b[i]) <= tolerance * (1 + fabs(b[i])))) {
                        print_error("value %ld: %g, expected %g\n", (long)i, (double)a[i], (double)b[i]);
                        fail();
                }
}

/* Every output of the planned network is that of its nodes one by one. @inputs: shapes, or NULL. Frees the model. */
static void assert_equals_unfused(struct nn_model *m, const struct nn_tensor *inputs, double tolerance)
{
        struct nn_plan_options options = { .inputs = inputs, .keep_all = true };
        struct nn_plan *plain, *p;
        struct nn_error error = { { 0 } };

        assert_int_equal(nn_plan_new(m, &options, &plain, &error), 0);
        options.keep_all = false;
        for (unsigned threads = 1; threads <= 3; threads += 2) {
                options.threads = threads;
                assert_int_equal(nn_plan_new(m, &options, &p, &error), 0);
                fill(nn_plan_input(plain, 0), 1);
                fill(nn_plan_input(p, 0), 1);
                for (int k = 0; k < 3; k++) {
                        assert_int_equal(nn_plan_run(plain), 0);
                        assert_int_equal(nn_plan_run(p), 0);
                        for (size_t i = 0; i < nn_model_n_outputs(m); i++)
                                assert_close(nn_plan_output(p, i)->data, nn_plan_output(plain, i)->data,
                                             nn_tensor_n_elements(nn_plan_output(p, i)), tolerance);
                }
                nn_plan_free(p);
        }
        nn_plan_free(plain);
        nn_model_free(m);
}

static void test_fused_equals_unfused(void **state)
{
        struct onnx_writer *w = rich_net(1);
        struct nn_model *m;
        struct nn_error error = { { 0 } };

        assert_int_equal(net_load(w, &m, &error), 0);
        assert_equals_unfused(m, NULL, 1e-4);
        onnx_writer_free(w);
}

/* A sum may be made in the memory of what is added, but not while the convolution still reads its input there: by
 * itself, or under another name. */
static void test_added_to_its_input(void **state)
{
        static const int64_t sizes[] = { 6, 8, 16, 33 };

        for (unsigned i = 0; i < 2 * ARRAY_LEN(sizes); i++) {
                int64_t size = sizes[i / 2];
                struct nn_tensor shape = {
                        .type = NN_INT64, .n_dims = 1, .dims = { 4 }, .data = (int64_t[]){ 1, 24, size, size }
                };
                struct nn_error error = { { 0 } };
                struct onnx_writer *w;
                struct nn_model *m;

                assert_int_equal(onnx_writer_new("own input", &w), 0);
                onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 1, size, size));
                onnx_writer_initializer(w, "shape", &shape);
                net_conv(w, "x", "c1", 24, 1, 3, 1, 1);
                onnx_writer_node(w, "Relu", NAMES("c1"), NAMES("r1"), NULL);
                onnx_writer_node(w, "Reshape", NAMES("r1", "shape"), NAMES("again"), NULL);
                net_conv(w, i % 2 ? "again" : "r1", "c2", 24, 24, 3, 1, 1);
                onnx_writer_node(w, "Add", NAMES("c2", "r1"), NAMES("s2"), NULL);
                onnx_writer_node(w, "Relu", NAMES("s2"), NAMES("r2"), NULL);
                onnx_writer_node(w, "GlobalAveragePool", NAMES("r2"), NAMES("y"), NULL);
                onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, 24, 1, 1));
                assert_int_equal(net_load(w, &m, &error), 0);
                assert_equals_unfused(m, NULL, 1e-4);
                onnx_writer_free(w);
        }
}

static void test_shipped_models(void **state)
{
        static const char *const names[] = { "landmarks", "detect", "emotion-default", "emotion-tiny" };
        static const struct nn_tensor picture = { .type = NN_FLOAT32, .n_dims = 4, .dims = { 1, 1, 96, 128 } };

        for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
                struct nn_error error = { { 0 } };
                struct nn_model *m;
                char path[600];

                snprintf(path, sizeof(path), "%s/models/%s.onnx", getenv("EMO_SRCDIR") ?: ".", names[i]);
                if (nn_model_load(path, &m, &error) < 0)
                        fail_msg("%s: %s", path, error.text);
                assert_equals_unfused(m, strcmp(names[i], "detect") ? NULL : &picture, 1e-3);
        }
}

static const struct nn_tensor *weights_of(const struct nn_model *m, const char *name)
{
        for (size_t i = 0; i < m->n_values; i++)
                if (strcmp(m->values[i].name, name) == 0)
                        return &m->values[i].t;
        return NULL;
}

/* A network whose layers have weights of several pages: one convolution by itself, two that share their weights. */
static struct onnx_writer *heavy_net(void)
{
        struct onnx_writer *w;

        assert_int_equal(onnx_writer_new("heavy", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 64, 6, 6));
        net_conv(w, "x", "alone", 64, 64, 3, 1, 1);
        net_weights(w, "shared", 3, 0.05f, 4, (const int64_t[]){ 64, 64, 1, 1 });
        onnx_writer_node(w, "Conv", NAMES("alone", "shared"), NAMES("a"), NULL);
        onnx_writer_node(w, "Conv", NAMES("a", "shared"), NAMES("b"), NULL);
        onnx_writer_node(w, "GlobalAveragePool", NAMES("b"), NAMES("g"), NULL);
        onnx_writer_node(w, "Flatten", NAMES("g"), NAMES("f"), NULL);
        net_weights(w, "layer", 4, 0.05f, 2, (const int64_t[]){ 64, 300 });
        onnx_writer_node(w, "MatMul", NAMES("f", "layer"), NAMES("y"), NULL);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, 300));
        return w;
}

static bool is_given_back(const struct nn_model *m, const char *name)
{
        const struct nn_tensor *t = weights_of(m, name);
        int64_t n = nn_tensor_n_elements(t), n_zeros = 0;

        for (int64_t i = 0; i < n; i++)
                n_zeros += nn_f32(t)[i] == 0;
        assert_true(n_zeros == 0 || n_zeros > n / 2);
        return n_zeros > 0;
}

/* The last plan of a model is the same plan, and takes the weights' memory. */
static void test_last(void **state)
{
        struct onnx_writer *w = heavy_net();
        struct nn_error error = { { 0 } };
        struct nn_plan *a, *b, *c = NULL;
        struct nn_model *m, *spent;

        assert_int_equal(net_load(w, &m, &error), 0);
        assert_int_equal(net_load(w, &spent, &error), 0);
        assert_int_equal(nn_plan_new(m, NULL, &a, &error), 0);
        assert_int_equal(nn_plan_new_last(spent, NULL, &b, &error), 0);
        fill(nn_plan_input(a, 0), 1);
        fill(nn_plan_input(b, 0), 1);
        for (int k = 0; k < 2; k++) {
                assert_int_equal(nn_plan_run(a), 0);
                assert_int_equal(nn_plan_run(b), 0);
                assert_memory_equal(nn_plan_output(a, 0)->data, nn_plan_output(b, 0)->data, 300 * sizeof(float));
        }
        assert_false(is_given_back(m, "alone.w"));
        assert_true(is_given_back(spent, "alone.w"));
        assert_true(is_given_back(spent, "layer"));
        assert_false(is_given_back(spent, "shared")); /* two would have to be done with them */
        assert_int_equal(nn_plan_new(spent, NULL, &c, &error), -EINVAL);
        assert_non_null(strstr(error.text, "last plan"));
        assert_int_equal(nn_plan_new_last(spent, NULL, &c, &error), -EINVAL);
        assert_null(c);
        assert_string_equal(nn_model_input_name(spent, 0), "x");
        nn_plan_free(a);
        nn_plan_free(b);
        nn_model_free(m);
        nn_model_free(spent);
        onnx_writer_free(w);
}

/* Weights that another step has as its bias, or as the slopes of its activation: plain and last plans agree. */
static void assert_last_is_same(struct onnx_writer *w, size_t n_inputs)
{
        struct nn_error error = { { 0 } };
        struct nn_plan *a, *b;
        struct nn_model *m, *spent;
        unsigned n_merged = 0;

        assert_int_equal(net_load(w, &m, &error), 0);
        assert_int_equal(net_load(w, &spent, &error), 0);
        assert_int_equal(nn_plan_new(m, NULL, &a, &error), 0);
        assert_int_equal(nn_plan_new_last(spent, NULL, &b, &error), 0);
        for (size_t i = 0; i < a->n_steps; i++)
                n_merged += a->steps[i].bias != NN_NO_VALUE || a->steps[i].slopes != NN_NO_VALUE;
        assert_int_equal(n_merged, 1);
        for (size_t i = 0; i < n_inputs; i++) {
                fill(nn_plan_input(a, i), (uint32_t)i);
                fill(nn_plan_input(b, i), (uint32_t)i);
        }
        assert_int_equal(nn_plan_run(a), 0);
        assert_int_equal(nn_plan_run(b), 0);
        assert_memory_equal(nn_plan_output(a, 0)->data, nn_plan_output(b, 0)->data,
                            (size_t)nn_tensor_n_elements(nn_plan_output(a, 0)) * sizeof(float));
        nn_plan_free(a);
        nn_plan_free(b);
        nn_model_free(m);
        nn_model_free(spent);
        onnx_writer_free(w);
}

static void test_last_with_two_readers(void **state)
{
        const int64_t n = 8192;
        const struct onnx_attribute depthwise[] = { { .name = "group", .kind = ONNX_INT, .i = n }, { 0 } };
        struct onnx_writer *w;

        assert_int_equal(onnx_writer_new("bias", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 2));
        onnx_writer_input(w, "u", NN_FLOAT32, DIMS(1, 1));
        net_weights(w, "w", 1, 0, 2, (const int64_t[]){ 2, n });
        net_weights(w, "b", 2, 2, 2, (const int64_t[]){ 1, n });
        onnx_writer_node(w, "MatMul", NAMES("u", "b"), NAMES("t"), NULL);
        onnx_writer_node(w, "MatMul", NAMES("x", "w"), NAMES("m"), NULL);
        onnx_writer_node(w, "Add", NAMES("m", "b"), NAMES("k"), NULL);
        onnx_writer_node(w, "Add", NAMES("t", "k"), NAMES("y"), NULL);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, n));
        assert_last_is_same(w, 2);

        assert_int_equal(onnx_writer_new("slopes", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, n, 1, 1));
        net_weights(w, "w", 1, 0, 4, (const int64_t[]){ n, 1, 1, 1 });
        net_weights(w, "s", 2, 2, 4, (const int64_t[]){ 1, n, 1, 1 });
        onnx_writer_node(w, "Conv", NAMES("x", "s"), NAMES("t"), NULL);
        onnx_writer_node(w, "Conv", NAMES("x", "w"), NAMES("d"), depthwise);
        onnx_writer_node(w, "PRelu", NAMES("d", "s"), NAMES("k"), NULL);
        onnx_writer_node(w, "Add", NAMES("k", "t"), NAMES("y"), NULL);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, n, 1, 1));
        assert_last_is_same(w, 1);
}

/* Convolutions chosen by trying: the same network. */
static void test_measured(void **state)
{
        const struct nn_plan_options options = { .measure = true, .threads = 2 };
        struct onnx_writer *w = rich_net(1);
        struct nn_model *m;
        struct nn_plan *a, *b;

        assert_int_equal(net_load(w, &m, NULL), 0);
        assert_int_equal(nn_plan_new(m, NULL, &a, NULL), 0);
        assert_int_equal(nn_plan_new(m, &options, &b, NULL), 0);
        fill(nn_plan_input(a, 0), 3);
        fill(nn_plan_input(b, 0), 3);
        assert_int_equal(nn_plan_run(a), 0);
        assert_int_equal(nn_plan_run(b), 0);
        assert_close(nn_f32(nn_plan_output(b, 1)), nn_f32(nn_plan_output(a, 1)),
                     nn_tensor_n_elements(nn_plan_output(a, 1)), 1e-4);
        nn_plan_free(a);
        nn_plan_free(b);
        nn_model_free(m);
        onnx_writer_free(w);
}

/* A file made for one image, planned for five: each image as by itself. */
static void test_batch(void **state)
{
        struct onnx_writer *w = rich_net(1);
        struct nn_model *m;
        struct nn_plan *one, *many;
        struct nn_error error = { { 0 } };

        assert_int_equal(net_load(w, &m, &error), 0);
        assert_int_equal(nn_plan_new(m, NULL, &one, &error), 0);
        if (nn_plan_new(m, &(struct nn_plan_options){ .batch = 5 }, &many, &error) < 0)
                fail_msg("%s", error.text);
        assert_int_equal(nn_plan_output(many, 0)->dims[0], 5);
        fill(nn_plan_input(many, 0), 2);
        assert_int_equal(nn_plan_run(many), 0);
        for (int i = 0; i < 5; i++) {
                memcpy(nn_plan_input(one, 0)->data, nn_f32(nn_plan_input(many, 0)) + i * 400, 400 * sizeof(float));
                assert_int_equal(nn_plan_run(one), 0);
                assert_close(nn_f32(nn_plan_output(many, 0)) + i * 7, nn_plan_output(one, 0)->data, 7, 1e-5);
        }
        nn_plan_free(one);
        nn_plan_free(many);
        assert_int_equal(nn_plan_new(m, &(struct nn_plan_options){ .batch = 5000 }, &many, &error), -EINVAL);
        nn_model_free(m);
        onnx_writer_free(w);
}

static void test_batch_that_mixes(void **state)
{
        const struct onnx_attribute perm[] = {
                { .name = "perm", .kind = ONNX_INTS, .n = 2, .ints = (const int64_t[]){ 1, 0 } },
                { 0 },
        };
        struct onnx_writer *w;
        struct nn_model *m;
        struct nn_plan *p;
        struct nn_error error = { { 0 } };

        assert_int_equal(onnx_writer_new("t", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 3));
        onnx_writer_node(w, "Transpose", NAMES("x"), NAMES("y"), perm);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(3, 1));
        assert_int_equal(net_load(w, &m, &error), 0);
        assert_int_equal(nn_plan_new(m, NULL, &p, &error), 0);
        nn_plan_free(p);
        assert_int_equal(nn_plan_new(m, &(struct nn_plan_options){ .batch = 2 }, &p, &error), -EINVAL);
        assert_non_null(strstr(error.text, "Transpose"));
        nn_model_free(m);
        onnx_writer_free(w);
}

static void test_run_allocates_nothing(void **state)
{
        struct onnx_writer *w = rich_net(1);
        struct nn_model *m;
        struct nn_plan *p;
        size_t before;

        assert_int_equal(net_load(w, &m, NULL), 0);
        assert_int_equal(nn_plan_new(m, &(struct nn_plan_options){ .batch = 2 }, &p, NULL), 0);
        assert_int_equal(nn_plan_run(p), 0);
        before = n_allocations;
        for (int i = 0; i < 10; i++)
                assert_int_equal(nn_plan_run(p), 0);
        assert_int_equal(n_allocations, before);
        assert_true(before > 0);
        nn_plan_free(p);
        nn_model_free(m);
        onnx_writer_free(w);
}

/* Cut anywhere, and with any one byte changed: an error or a plan, never a crash. */
static void test_damaged_files(void **state)
{
        struct onnx_writer *w = rich_net(1);
        size_t size = 0, step;
        uint8_t *data = net_bytes(w, &size), *copy = malloc(size);
        uint32_t seed = 5;

        assert_non_null(data);
        step = size / 400 + 1;
        for (size_t n = 0; n < size; n += step) {
                struct nn_model *m = NULL;
                struct nn_error error = { { 0 } };
                /* exactly as long as said, so that a sanitizer sees a read past the end */
                uint8_t *cut = malloc(n ? n : 1);

                memcpy(cut, data, n);
                if (nn_model_load_memory(cut, n, &m, &error) < 0)
                        assert_true(*error.text);
                nn_model_free(m);
                free(cut);
        }
        for (unsigned i = 0; i < 1500; i++) {
                struct nn_model *m = NULL;
                struct nn_plan *p = NULL;

                memcpy(copy, data, size);
                for (unsigned k = 0; k < 1 + i % 3; k++) {
                        net_random(&seed);
                        /* the bytes of structure lie before and after the weights: prefer the ends */
                        copy[(i % 2 ? seed >> 8 : seed % 3000) % size] = (uint8_t)(seed >> 20);
                }
                if (nn_model_load_memory(copy, size, &m, NULL) == 0 && nn_plan_new(m, NULL, &p, NULL) == 0 &&
                    p->arena_bytes < 1 << 20)
                        nn_plan_run(p);
                nn_plan_free(p);
                nn_model_free(m);
        }
        free(copy);
        free(data);
        onnx_writer_free(w);
}

/* TypeProto inside TypeProto inside ...: without a limit the unpacker would recurse until the stack ends. */
static void test_deep_nesting(void **state)
{
        enum { DEPTH = 3000 };
        uint8_t *data = malloc(16 * DEPTH), *at = data + 16 * DEPTH;
        struct nn_model *m = NULL;
        struct nn_error error;
        size_t inner = 0;

        for (int i = 0; i < 2 * DEPTH + 3; i++) {
                /* model.graph 7, graph.input 11, value.type 2, type.sequence_type 4, sequence.elem_type 1 */
                int field = i == 2 * DEPTH + 2 ? 7 : i == 2 * DEPTH + 1 ? 11 : i == 2 * DEPTH ? 2 : i % 2 ? 4 : 1;

                *--at = (uint8_t)(inner >> 14);
                *--at = (uint8_t)(inner >> 7 | 0x80);
                *--at = (uint8_t)(inner | 0x80);
                *--at = (uint8_t)(field << 3 | 2);
                inner += 4;
        }
        assert_int_equal(nn_model_load_memory(at, inner, &m, &error), -EFBIG);
        free(data);
}

static int load_single(const char *op, const char *in, const struct onnx_attribute *attributes, const int64_t *dims,
                       size_t n_dims, struct nn_error *error)
{
        struct onnx_writer *w;
        struct nn_model *m = NULL;
        struct nn_plan *p = NULL;
        int r;

        assert_int_equal(onnx_writer_new("t", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, dims, n_dims);
        onnx_writer_node(w, op, NAMES(in), NAMES("y"), attributes);
        onnx_writer_output(w, "y", NN_FLOAT32, dims, n_dims);
        r = net_load(w, &m, error);
        if (r == 0)
                r = nn_plan_new(m, NULL, &p, error);
        nn_plan_free(p);
        nn_model_free(m);
        onnx_writer_free(w);
        return r;
}

static void test_refused_by_name(void **state)
{
        const struct onnx_attribute unknown[] = { { .name = "sharpness", .kind = ONNX_INT, .i = 1 }, { 0 } };
        const struct onnx_attribute wrong[] = { { .name = "axis", .kind = ONNX_FLOAT, .f = 1 }, { 0 } };
        const struct onnx_attribute huge[] = {
                { .name = "kernel_shape", .kind = ONNX_INTS, .n = 2, .ints = (const int64_t[]){ 1, 1 } },
                { .name = "pads",
                  .kind = ONNX_INTS,
                  .n = 4,
                  .ints = (const int64_t[]){ INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX } },
                { 0 },
        };
        struct nn_error error;

        assert_int_equal(load_single("Frobnicate", "x", NULL, DIMS(1, 2), &error), -EOPNOTSUPP);
        assert_non_null(strstr(error.text, "Frobnicate"));
        /* known since opset 14, the file says 13 */
        assert_int_equal(load_single("HardSwish", "x", NULL, DIMS(1, 2), &error), -EOPNOTSUPP);
        assert_non_null(strstr(error.text, "opset 13"));
        assert_int_equal(load_single("Relu", "x", unknown, DIMS(1, 2), &error), -EOPNOTSUPP);
        assert_non_null(strstr(error.text, "sharpness"));
        assert_int_equal(load_single("Softmax", "x", wrong, DIMS(1, 2), &error), -EBADMSG);
        assert_int_equal(load_single("Relu", "nothing", NULL, DIMS(1, 2), &error), -EBADMSG);
        assert_int_equal(load_single("Relu", "y", NULL, DIMS(1, 2), &error), -EBADMSG);
        assert_int_equal(load_single("MaxPool", "x", huge, DIMS(1, 1, 2, 2), &error), -EINVAL);
        assert_int_equal(load_single("Relu", "x", NULL, DIMS(1, INT64_MAX, INT64_MAX), &error), -EFBIG);
        assert_int_equal(load_single("Relu", "x", NULL, DIMS(1, 1 << 30, 4), &error), -EFBIG);
        assert_int_equal(load_single("Relu", "x", NULL, DIMS(1, 2), &error), 0);
}

static void test_empty_tensors(void **state)
{
        struct nn_tensor shape = { .type = NN_FLOAT32, .n_dims = 2, .dims = { 0, 4 } };
        struct onnx_writer *w;
        struct nn_model *m;
        struct nn_plan *p;

        assert_int_equal(onnx_writer_new("t", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(-1, 4));
        onnx_writer_node(w, "Relu", NAMES("x"), NAMES("r"), NULL);
        onnx_writer_node(w, "Add", NAMES("r", "x"), NAMES("y"), NULL);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(-1, 4));
        assert_int_equal(net_load(w, &m, NULL), 0);
        assert_int_equal(nn_plan_new(m, &(struct nn_plan_options){ .inputs = &shape }, &p, NULL), 0);
        assert_int_equal(nn_plan_run(p), 0);
        assert_int_equal(nn_plan_output(p, 0)->dims[0], 0);
        nn_plan_free(p);
        shape.dims[1] = 5;
        assert_int_equal(nn_plan_new(m, &(struct nn_plan_options){ .inputs = &shape }, &p, NULL), -EINVAL);
        nn_model_free(m);
        onnx_writer_free(w);
}

/* A constant without values may have other dims of any length, and nothing walks along them. */
static void test_empty_constants(void **state)
{
        const int64_t many = (int64_t)1 << 62;
        const struct onnx_attribute axis[] = { { .name = "axis", .kind = ONNX_INT, .i = 1 }, { 0 } };
        const struct onnx_attribute size[] = { { .name = "size", .kind = ONNX_INT, .i = 3 }, { 0 } };
        struct nn_tensor index = { .type = NN_INT64, .n_dims = 1, .dims = { 1 }, .data = (int64_t[]){ 0 } };
        static const char *const ops[] = { "Gather", "Softmax", "BatchNormalization", "LRN", "MatMul" };

        alarm(600); /* rather than for ever */
        for (unsigned i = 0; i < ARRAY_LEN(ops); i++) {
                struct nn_error error = { { 0 } };
                struct nn_model *m = NULL;
                struct onnx_writer *w;

                assert_int_equal(onnx_writer_new("empty", &w), 0);
                net_weights(w, "none", 1, 0, 3, (const int64_t[]){ many, 1, 0 });
                net_weights(w, "one", 1, 1, 1, (const int64_t[]){ 1 });
                net_weights(w, "rows", 1, 1, 3, (const int64_t[]){ 0, 3, 4 });
                net_weights(w, "b", 1, 1, 2, (const int64_t[]){ 4, 5 });
                onnx_writer_initializer(w, "first", &index);
                onnx_writer_node(w, ops[i],
                                 i == 0   ? NAMES("none", "first")
                                 : i == 2 ? NAMES("none", "one", "one", "one", "one")
                                 : i == 4 ? NAMES("rows", "b")
                                          : NAMES("none"),
                                 NAMES("y"),
                                 i < 2    ? axis
                                 : i == 3 ? size
                                          : NULL);
                onnx_writer_output(w, "y", NN_FLOAT32, DIMS(-1, -1, -1));
                struct nn_plan *p = net_plan(w, 0, &m, &error);
                assert_int_equal(nn_plan_run(p), 0);
                assert_int_equal(nn_tensor_n_elements(nn_plan_output(p, 0)), 0);
                nn_plan_free(p);
                nn_model_free(m);
        }
        alarm(0);
}

/* Twice as high and wide, and a scale of channels that leaves their number but not which they are. */
static void test_resize_of_channels(void **state)
{
        const struct onnx_attribute how[] = {
                { .name = "coordinate_transformation_mode", .kind = ONNX_STRING, .s = "asymmetric" },
                { .name = "nearest_mode", .kind = ONNX_STRING, .s = "floor" },
                { 0 },
        };
        static const int64_t from[] = { 0, 0, 1, 2 };
        struct nn_tensor scales = {
                .type = NN_FLOAT32, .n_dims = 1, .dims = { 4 }, .data = (float[]){ 1, 1.2f, 2, 2 }
        };
        struct nn_error error = { { 0 } };
        struct nn_model *m = NULL;
        struct onnx_writer *w;
        struct nn_plan *p;

        assert_int_equal(onnx_writer_new("resize", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 4, 1, 1));
        onnx_writer_initializer(w, "scales", &scales);
        onnx_writer_node(w, "Resize", NAMES("x", "", "scales"), NAMES("y"), how);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, 4, 2, 2));
        p = net_plan(w, 0, &m, &error);
        fill(nn_plan_input(p, 0), 1);
        assert_int_equal(nn_plan_run(p), 0);
        for (size_t i = 0; i < 16; i++)
                assert_true(nn_f32(nn_plan_output(p, 0))[i] == nn_f32(nn_plan_input(p, 0))[from[i / 4]]);
        nn_plan_free(p);
        nn_model_free(m);
}

static void test_nan_weights(void **state)
{
        float nan_weights[27];
        struct nn_tensor t = { .type = NN_FLOAT32, .n_dims = 4, .dims = { 3, 1, 3, 3 }, .data = nan_weights };
        struct onnx_writer *w;
        struct nn_model *m;
        struct nn_plan *p;

        for (size_t i = 0; i < ARRAY_LEN(nan_weights); i++)
                nan_weights[i] = i % 2 ? NAN : INFINITY;
        assert_int_equal(onnx_writer_new("t", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 1, 5, 5));
        onnx_writer_initializer(w, "w", &t);
        onnx_writer_node(w, "Conv", NAMES("x", "w"), NAMES("c"), NULL);
        onnx_writer_node(w, "Sigmoid", NAMES("c"), NAMES("s"), NULL);
        onnx_writer_node(w, "Softmax", NAMES("s"), NAMES("y"), NULL);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, 3, 3, 3));
        assert_int_equal(net_load(w, &m, NULL), 0);
        assert_int_equal(nn_plan_new(m, NULL, &p, NULL), 0);
        fill(nn_plan_input(p, 0), 1);
        assert_int_equal(nn_plan_run(p), 0);
        assert_true(isnan(nn_f32(nn_plan_output(p, 0))[0]));
        nn_plan_free(p);
        nn_model_free(m);
        onnx_writer_free(w);
}

static void test_not_a_model(void **state)
{
        struct nn_model *m = NULL;
        struct nn_error error;

        assert_int_equal(nn_model_load("/", &m, &error), -EISDIR);
        assert_int_equal(nn_model_load("/dev/zero", &m, &error), -EINVAL);
        assert_int_equal(nn_model_load("/nonexistent", &m, &error), -ENOENT);
        assert_int_equal(nn_model_load_memory("hello, world", 12, &m, &error), -EBADMSG);
        assert_int_equal(nn_model_load_memory("", 0, &m, &error), -EBADMSG);
        assert_null(m);
}

/* Sizes that the file fixes, although the graph does not depend on them. */
static void test_free_sizes(void **state)
{
        const struct nn_tensor shape = { .n_dims = 4, .dims = { 1, 1, 24, 28 } };
        const struct nn_tensor channels = { .n_dims = 4, .dims = { 1, 3, 20, 20 } };
        struct onnx_writer *w = rich_net(1);
        struct nn_error error = { "" };
        struct nn_model *m = NULL;
        struct nn_plan *p = NULL;

        assert_int_equal(net_load(w, &m, &error), 0);
        assert_int_equal(nn_plan_new(m, &(struct nn_plan_options){ .inputs = &shape }, &p, &error), -EINVAL);
        assert_int_equal(nn_plan_new(m, &(struct nn_plan_options){ .inputs = &shape, .free_sizes = true }, &p, &error),
                         0);
        assert_int_equal(nn_tensor_n_elements(nn_plan_input(p, 0)), 24 * 28);
        assert_int_equal(nn_plan_run(p), 0);
        nn_plan_free(p);
        /* the weights of the first layer have one channel */
        assert_int_equal(
                nn_plan_new(m, &(struct nn_plan_options){ .inputs = &channels, .free_sizes = true }, &p, &error),
                -EINVAL);
        nn_model_free(m);
        onnx_writer_free(w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fused_equals_unfused),
                cmocka_unit_test(test_batch),
                cmocka_unit_test(test_added_to_its_input),
                cmocka_unit_test(test_shipped_models),
                cmocka_unit_test(test_last),
                cmocka_unit_test(test_last_with_two_readers),
                cmocka_unit_test(test_measured),
                cmocka_unit_test(test_batch_that_mixes),
                cmocka_unit_test(test_run_allocates_nothing),
                cmocka_unit_test(test_damaged_files),
                cmocka_unit_test(test_deep_nesting),
                cmocka_unit_test(test_refused_by_name),
                cmocka_unit_test(test_empty_tensors),
                cmocka_unit_test(test_nan_weights),
                cmocka_unit_test(test_not_a_model),
                cmocka_unit_test(test_free_sizes),
                cmocka_unit_test(test_empty_constants),
                cmocka_unit_test(test_resize_of_channels),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
