/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Quantised networks: the steps on bytes against the plain operators of the file, which keep_all runs one by one. */
#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "nn/plan.h"
#include "tests/unit/nn-net.h"

static void bytes(struct onnx_writer *w, const char *name, enum nn_type type, uint32_t seed, unsigned n_dims,
                  const int64_t *dims)
{
        struct nn_tensor t = { .type = type, .n_dims = n_dims };
        int64_t n = 1;

        for (unsigned i = 0; i < n_dims; i++)
                n *= t.dims[i] = dims[i];
        t.data = malloc((size_t)n);
        for (int64_t i = 0; i < n; i++)
                ((int8_t *)t.data)[i] = (int8_t)(net_random(&seed) * 127);
        onnx_writer_initializer(w, name, &t);
        free(t.data);
}

static void scalar(struct onnx_writer *w, const char *name, enum nn_type type, const void *value)
{
        onnx_writer_initializer(w, name, &(struct nn_tensor){ .type = type, .data = (void *)value });
}

/* @name to "@name q" to "@name dq" */
static void quantized(struct onnx_writer *w, const char *name, float scale, int zero, bool is_signed)
{
        char s[4][40];
        int8_t z = (int8_t)zero;

        snprintf(s[0], 40, "%s s", name);
        snprintf(s[1], 40, "%s z", name);
        snprintf(s[2], 40, "%s q", name);
        snprintf(s[3], 40, "%s dq", name);
        scalar(w, s[0], NN_FLOAT32, &scale);
        scalar(w, s[1], is_signed ? NN_INT8 : NN_UINT8, &z);
        onnx_writer_node(w, "QuantizeLinear", NAMES(name, s[0], s[1]), NAMES(s[2]), NULL);
        onnx_writer_node(w, "DequantizeLinear", NAMES(s[2], s[0], s[1]), NAMES(s[3]), NULL);
}

/* Weights [k, c, r, r] of "@name w dq", with a scale for each of @n_scales outputs. */
static void weights(struct onnx_writer *w, const char *name, unsigned n_dims, const int64_t *dims, int64_t axis,
                    int64_t n_scales, bool with_zero)
{
        const struct onnx_attribute attributes[] = { { .name = "axis", .kind = ONNX_INT, .i = axis }, { 0 } };
        struct nn_tensor scales = { .type = NN_FLOAT32, .n_dims = n_scales > 1, .dims = { n_scales } };
        struct nn_tensor zeros = { .type = NN_INT8, .n_dims = n_scales > 1, .dims = { n_scales } };
        char s[4][40];
        uint32_t seed = 11;

        snprintf(s[0], 40, "%s w", name);
        snprintf(s[1], 40, "%s w s", name);
        snprintf(s[2], 40, "%s w z", name);
        snprintf(s[3], 40, "%s w dq", name);
        scales.data = calloc((size_t)n_scales, sizeof(float));
        zeros.data = calloc((size_t)n_scales, 1);
        for (int64_t i = 0; i < n_scales; i++)
                ((float *)scales.data)[i] = 0.002f * (1.5f + net_random(&seed));
        bytes(w, s[0], NN_INT8, 3, n_dims, dims);
        onnx_writer_initializer(w, s[1], &scales);
        onnx_writer_initializer(w, s[2], &zeros);
        onnx_writer_node(w, "DequantizeLinear", with_zero ? NAMES(s[0], s[1], s[2]) : NAMES(s[0], s[1]), NAMES(s[3]),
                         n_scales > 1 ? attributes : NULL);
        free(scales.data);
        free(zeros.data);
}

static void conv(struct onnx_writer *w, const char *x, const char *y, int64_t k, int64_t c, int64_t r, int64_t group,
                 int64_t stride, bool one_scale)
{
        const int64_t pads[] = { r / 2, r / 2, r / 2, r / 2 }, strides[] = { stride, stride };
        const struct onnx_attribute attributes[] = { { .name = "pads", .kind = ONNX_INTS, .ints = pads, .n = 4 },
                                                     { .name = "strides", .kind = ONNX_INTS, .ints = strides, .n = 2 },
                                                     { .name = "group", .kind = ONNX_INT, .i = group },
                                                     { 0 } };
        char name[40], bias[40];

        snprintf(name, sizeof(name), "%s w dq", y);
        snprintf(bias, sizeof(bias), "%s b", y);
        weights(w, y, 4, (const int64_t[]){ k, c / group, r, r }, 0, one_scale ? 1 : k, k % 2);
        net_weights(w, bias, 5, 0, 1, &k);
        onnx_writer_node(w, "Conv", NAMES(x, name, bias), NAMES(y), attributes);
}

static unsigned count_steps(const struct nn_plan *p, const struct nn_op *op)
{
        unsigned n = 0;

        for (size_t i = 0; i < p->n_steps; i++)
                n += p->steps[i].call.op == op;
        return n;
}

static void fill(struct nn_plan *p)
{
        struct nn_tensor *t = nn_plan_input(p, 0);
        uint32_t seed = 9;

        for (int64_t i = 0; i < nn_tensor_n_elements(t); i++)
                ((float *)t->data)[i] = 2 * net_random(&seed);
}

/* The writer's net, fused and plain, gives the same within @tolerance; @ret: the fused plan's counts of steps. */
struct counts {
        unsigned conv, max_pool, global_pool, add, quantize, dequantize;
};

static struct counts compare(struct onnx_writer *w, unsigned batch, unsigned threads, double tolerance)
{
        struct nn_plan_options options = { .batch = batch, .threads = threads };
        struct nn_error error = { { 0 } };
        struct nn_model *m = NULL;
        struct nn_plan *fused = NULL, *plain = NULL;
        struct counts n = { 0 };

        if (net_load(w, &m, &error) < 0)
                fail_msg("%s", error.text);
        onnx_writer_free(w);
        if (nn_plan_new(m, &options, &fused, &error) < 0)
                fail_msg("%s", error.text);
        options.keep_all = true;
        assert_int_equal(nn_plan_new(m, &options, &plain, &error), 0);
        for (int run = 0; run < 2; run++) {
                fill(fused);
                assert_int_equal(nn_plan_run(fused), 0);
        }
        fill(plain);
        assert_int_equal(nn_plan_run(plain), 0);
        for (size_t o = 0; o < nn_model_n_outputs(m); o++) {
                const struct nn_tensor *a = nn_plan_output(fused, o), *b = nn_plan_output(plain, o);

                assert_true(nn_tensor_same_shape(a, b) && a->type == b->type);
                for (int64_t i = 0; i < nn_tensor_n_elements(a); i++) {
                        double x = a->type == NN_FLOAT32 ? (double)nn_f32(a)[i] : ((uint8_t *)a->data)[i];
                        double y = b->type == NN_FLOAT32 ? (double)nn_f32(b)[i] : ((uint8_t *)b->data)[i];

                        if (!(fabs(x - y) <= tolerance))
                                fail_msg("output %zu value %ld is %g, plainly %g", o, (long)i, x, y);
                }
        }
        n.conv = count_steps(fused, &nn_op_conv8);
        n.max_pool = count_steps(fused, &nn_op_max_pool8);
        n.global_pool = count_steps(fused, &nn_op_global_pool8);
        n.add = count_steps(fused, &nn_op_add8);
        for (size_t i = 0; i < fused->n_steps; i++) {
                n.quantize += fused->steps[i].call.op->kind == NN_KIND_QUANTIZE;
                n.dequantize += fused->steps[i].call.op->kind == NN_KIND_DEQUANTIZE;
        }
        nn_plan_free(fused);
        nn_plan_free(plain);
        nn_model_free(m);
        return n;
}

static struct onnx_writer *net(int64_t c, int64_t h, int64_t width, unsigned n_out)
{
        struct onnx_writer *w;

        assert_int_equal(onnx_writer_new("net", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(-1, c, h, width));
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(-1, n_out, -1, -1));
        return w;
}

static const struct onnx_attribute two_by_two[] = {
        { .name = "kernel_shape", .kind = ONNX_INTS, .ints = (const int64_t[]){ 2, 2 }, .n = 2 },
        { .name = "strides", .kind = ONNX_INTS, .ints = (const int64_t[]){ 2, 2 }, .n = 2 },
        { 0 },
};

/* One convolution, all kinds; a step of the output is 0.05, and rounding may fall either way. */
static void test_conv(void **state)
{
        for (unsigned i = 0; i < 48; i++) {
                int64_t c = (const int64_t[]){ 1, 3, 8, 20 }[i % 4], k = 5 + (int64_t)i % 3 * 12;
                int64_t group = c == 20 && i % 3 == 2 ? 20 : 1;
                struct onnx_writer *w = net(c, 7, 5, 1);
                struct counts n;

                if (group > 1)
                        k = c;
                quantized(w, "x", 0.02f, i % 2 ? -10 : 100, i % 2);
                conv(w, "x dq", "c", k, c, i % 2 ? 3 : 1, group, 1 + i / 24, i % 5 == 0);
                if (i % 3)
                        onnx_writer_node(w, "Relu", NAMES("c"), NAMES("r"), NULL);
                quantized(w, i % 3 ? "r" : "c", 0.05f, i % 7 ? 3 : 0, i % 4 == 1);
                onnx_writer_node(w, "Identity", NAMES(i % 3 ? "r dq" : "c dq"), NAMES("y"), NULL);
                n = compare(w, 1 + i % 2, 1 + i % 2, 0.0501);
                assert_int_equal(n.conv, 1);
                assert_int_equal(n.quantize, 1);
                assert_int_equal(n.dequantize, 1);
        }
}

/* The sum with an earlier value goes into the convolution; here that value also leaves the network as floats. */
static void test_residual(void **state)
{
        struct onnx_writer *w = net(6, 9, 9, 1);
        struct counts n;

        onnx_writer_output(w, "z", NN_FLOAT32, DIMS(-1, -1, -1, -1));
        quantized(w, "x", 0.02f, 100, false);
        conv(w, "x dq", "c", 20, 6, 3, 1, 1, false);
        onnx_writer_node(w, "Relu", NAMES("c"), NAMES("a"), NULL);
        quantized(w, "a", 0.02f, 0, false);
        conv(w, "a dq", "d", 20, 20, 3, 1, 1, false);
        onnx_writer_node(w, "Add", NAMES("d", "a dq"), NAMES("e"), NULL);
        onnx_writer_node(w, "Relu", NAMES("e"), NAMES("f"), NULL);
        quantized(w, "f", 0.05f, 0, false);
        onnx_writer_node(w, "MaxPool", NAMES("f dq"), NAMES("p"), two_by_two);
        quantized(w, "p", 0.05f, 0, false);
        onnx_writer_node(w, "GlobalAveragePool", NAMES("p dq"), NAMES("y"), NULL);
        onnx_writer_node(w, "Identity", NAMES("a dq"), NAMES("z"), NULL);
        n = compare(w, 3, 1, 0.06);
        assert_int_equal(n.conv, 2);
        assert_int_equal(n.max_pool, 1);
        assert_int_equal(n.global_pool, 1);
        assert_int_equal(n.dequantize, 1);
}

/* As other tools write it: both operands of a sum are quantised. */
static void test_add(void **state)
{
        for (unsigned i = 0; i < 2; i++) {
                struct onnx_writer *w = net(19, 5, 5, 1);
                struct counts n;

                quantized(w, "x", 0.02f, 100, i);
                conv(w, "x dq", "c", 19, 19, 1, 1, 1, false);
                quantized(w, "c", 0.04f, -20, true);
                onnx_writer_node(w, "Add", NAMES("c dq", "x dq"), NAMES("a"), NULL);
                if (i)
                        onnx_writer_node(w, "Relu", NAMES("a"), NAMES("r"), NULL);
                quantized(w, i ? "r" : "a", 0.05f, 5, false);
                onnx_writer_node(w, "Identity", NAMES(i ? "r dq" : "a dq"), NAMES("y"), NULL);
                n = compare(w, 1, 1, 0.1);
                assert_int_equal(n.conv, 1);
                assert_int_equal(n.add, 1);
        }
}

/* Sums of halves, quantised to whole numbers: a half goes to even before the zero point is added, whether that is odd or
 * not, as QuantizeLinear has it. All numbers are exact, so there is no other way to round. */
static void test_ties(void **state)
{
        for (unsigned i = 0; i < 32; i++) {
                bool is_signed = i % 2, residual = i / 2 % 2, relu = i / 4 % 2, sum = i / 8 % 2;
                int64_t c = i / 16 ? 16 : 3, group = i % 3 ? 1 : c;
                const struct onnx_attribute attributes[] = { { .name = "group", .kind = ONNX_INT, .i = group }, { 0 } };
                struct nn_tensor t = { .type = NN_INT8, .n_dims = 4, .dims = { c, c / group, 1, 1 } };
                const char *last = residual ? "d" : "c";
                const float one = 1;
                int8_t data[256];
                struct onnx_writer *w = net(c, 6, 6, 1);
                struct counts n;

                t.data = data;
                for (int64_t k = 0; k < c * c / group; k++)
                        data[k] = (int8_t)(k * 7 % 3 - 1);
                quantized(w, "x", 0.5f, is_signed ? 3 : 131, is_signed);
                onnx_writer_initializer(w, "w", &t);
                scalar(w, "one", NN_FLOAT32, &one);
                onnx_writer_node(w, "DequantizeLinear", NAMES("w", "one"), NAMES("w dq"), NULL);
                onnx_writer_node(w, "Conv", NAMES("x dq", "w dq"), NAMES("c"), attributes);
                if (sum) {
                        quantized(w, "c", 0.5f, is_signed ? -2 : 127, is_signed);
                        onnx_writer_node(w, "Add", NAMES("c dq", "x dq"), NAMES("d"), NULL);
                        last = "d";
                } else if (residual) {
                        onnx_writer_node(w, "Add", NAMES("c", "x dq"), NAMES("d"), NULL);
                }
                if (relu) {
                        onnx_writer_node(w, "Relu", NAMES(last), NAMES("r"), NULL);
                        last = "r";
                }
                quantized(w, last, 1, is_signed ? -5 : 7, is_signed);
                onnx_writer_node(w, "Identity",
                                 strcmp(last, "r") == 0   ? NAMES("r dq")
                                 : strcmp(last, "d") == 0 ? NAMES("d dq")
                                                          : NAMES("c dq"),
                                 NAMES("y"), NULL);
                n = compare(w, 1, 1, 0);
                assert_int_equal(n.conv, 1);
                assert_int_equal(n.add, sum);
        }
}

/* What looks alike and is not: the floats or the bytes are read elsewhere, scales differ, weights are unsigned. */
static void test_left_alone(void **state)
{
        struct onnx_writer *w;
        struct counts n;

        /* the convolution's floats leave the network */
        w = net(8, 5, 5, 1);
        quantized(w, "x", 0.02f, 100, false);
        conv(w, "x dq", "y", 8, 8, 3, 1, 1, false);
        quantized(w, "y", 0.05f, 5, false);
        onnx_writer_output(w, "y dq", NN_FLOAT32, DIMS(-1, -1, -1, -1));
        assert_int_equal(compare(w, 1, 1, 0.0501).conv, 0);

        /* the bytes leave it */
        w = net(8, 5, 5, 1);
        quantized(w, "x", 0.02f, 100, false);
        conv(w, "x dq", "c", 8, 8, 3, 1, 1, false);
        quantized(w, "c", 0.05f, 5, false);
        onnx_writer_output(w, "c q", NN_UINT8, DIMS(-1, -1, -1, -1));
        onnx_writer_node(w, "Identity", NAMES("c dq"), NAMES("y"), NULL);
        assert_int_equal(compare(w, 1, 1, 1).conv, 0);

        /* pooling that changes the scale */
        w = net(8, 6, 6, 1);
        quantized(w, "x", 0.02f, 100, false);
        conv(w, "x dq", "c", 8, 8, 3, 1, 1, false);
        quantized(w, "c", 0.05f, 5, false);
        onnx_writer_node(w, "MaxPool", NAMES("c dq"), NAMES("p"), two_by_two);
        quantized(w, "p", 0.04f, 5, false);
        conv(w, "p dq", "d", 8, 8, 3, 1, 1, false);
        quantized(w, "d", 0.05f, 5, false);
        onnx_writer_node(w, "Identity", NAMES("d dq"), NAMES("y"), NULL);
        n = compare(w, 2, 1, 0.11);
        assert_int_equal(n.conv, 2);
        assert_int_equal(n.max_pool, 0);

        /* an activation without a kernel, groups, and a float convolution that takes the bytes' floats */
        w = net(8, 6, 6, 1);
        quantized(w, "x", 0.02f, 100, false);
        conv(w, "x dq", "c", 8, 8, 3, 2, 1, false);
        quantized(w, "c", 0.05f, 5, false);
        conv(w, "c dq", "d", 24, 8, 3, 1, 1, false);
        onnx_writer_node(w, "Sigmoid", NAMES("d"), NAMES("e"), NULL);
        quantized(w, "e", 0.01f, 5, false);
        conv(w, "e dq", "f", 24, 24, 3, 1, 1, false);
        quantized(w, "f", 0.05f, 0, false);
        net_weights(w, "w", 3, 0, 4, (const int64_t[]){ 4, 24, 1, 1 });
        onnx_writer_node(w, "Conv", NAMES("f dq", "w"), NAMES("y"), NULL);
        n = compare(w, 1, 1, 0.3);
        assert_int_equal(n.conv, 1);
}

/* Fully connected layers with 8-bit weights, whole and turned, and what weight_bits makes of floats. */
static void test_layers(void **state)
{
        for (unsigned i = 0; i < 4; i++) {
                bool trans = i % 2, one = i / 2;
                const struct onnx_attribute turned[] = { { .name = "transB", .kind = ONNX_INT, .i = trans },
                                                         { .name = "alpha", .kind = ONNX_FLOAT, .f = 0.5f },
                                                         { 0 } };
                int64_t n = 37, k = 129;
                struct onnx_writer *w;
                struct nn_plan_options options = { .batch = 2 };
                struct nn_model *m = NULL;
                struct nn_plan *p = NULL;

                for (unsigned pass = 0; pass < 2; pass++) {
                        assert_int_equal(onnx_writer_new("net", &w), 0);
                        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(-1, k));
                        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(-1, n));
                        weights(w, "g", 2, trans ? (const int64_t[]){ n, k } : (const int64_t[]){ k, n }, trans ? 0 : 1,
                                one ? 1 : n, i != 1);
                        net_weights(w, "b", 5, 0, 1, &n);
                        onnx_writer_node(w, "Gemm", NAMES("x", "g w dq", "b"), NAMES("g"), turned);
                        onnx_writer_node(w, "Relu", NAMES("g"), NAMES("y"), NULL);
                        if (pass == 0) {
                                compare(w, 3, 2, 1e-3);
                                continue;
                        }
                        assert_int_equal(net_load(w, &m, NULL), 0);
                        onnx_writer_free(w);
                }
                assert_int_equal(nn_plan_new(m, &options, &p, NULL), 0);
                assert_string_equal(p->steps[0].call.kernel, "fc int8 weights");
                nn_plan_free(p);
                nn_model_free(m);
        }
}

/* Products and convolutions of constants are computed at once, from 8-bit weights too, which then have to be floats. */
static void test_constant_layer(void **state)
{
        static const char *const ops[] = { "MatMul", "Gemm" };
        struct onnx_writer *w;

        for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
                assert_int_equal(onnx_writer_new("net", &w), 0);
                onnx_writer_input(w, "x", NN_FLOAT32, DIMS(3, 40));
                onnx_writer_output(w, "y", NN_FLOAT32, DIMS(3, 40));
                net_weights(w, "a", 3, 0, 2, (const int64_t[]){ 3, 70 });
                weights(w, "g", 2, (const int64_t[]){ 70, 40 }, 1, 40, true);
                onnx_writer_node(w, ops[i], NAMES("a", "g w dq"), NAMES("c"), NULL);
                onnx_writer_node(w, "Add", NAMES("x", "c"), NAMES("y"), NULL);
                compare(w, 1, 1, 1e-4);
        }
        assert_int_equal(onnx_writer_new("net", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 9, 4, 4));
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, 9, 4, 4));
        net_weights(w, "a", 3, 0, 4, (const int64_t[]){ 1, 5, 4, 4 });
        conv(w, "a", "c", 9, 5, 3, 1, 1, false);
        onnx_writer_node(w, "Add", NAMES("x", "c"), NAMES("y"), NULL);
        compare(w, 1, 1, 1e-4);
}

/* 1 MiB of bytes that many nodes want as floats, which is not done before something reads them: still bounded. */
static void test_floats_of_weights_are_bounded(void **state)
{
        const struct onnx_attribute axis[] = { { .name = "axis", .kind = ONNX_INT, .i = 0 }, { 0 } };
        const float scale = 1;
        const char *parts[17] = { NULL };
        struct nn_error error = { { 0 } };
        struct nn_model *m = NULL;
        struct nn_plan *p = NULL;
        struct onnx_writer *w = net(1, 2, 2, 1);

        mallopt(M_PERTURB, 0); /* memory that is not read is not to be written either */
        bytes(w, "b", NN_INT8, 1, 2, (const int64_t[]){ 64, 1024 });
        scalar(w, "s", NN_FLOAT32, &scale);
        for (unsigned i = 0; i < 16; i++)
                parts[i] = "b";
        onnx_writer_node(w, "Concat", parts, NAMES("w"), axis);
        for (unsigned i = 0; i < 513; i++) {
                char name[16];

                snprintf(name, sizeof(name), "w%u", i);
                onnx_writer_node(w, "DequantizeLinear", NAMES("w", "s"), NAMES(name), NULL);
        }
        onnx_writer_node(w, "Identity", NAMES("x"), NAMES("y"), NULL);
        assert_int_equal(net_load(w, &m, &error), 0);
        onnx_writer_free(w);
        assert_int_equal(nn_plan_new(m, NULL, &p, &error), -EFBIG);
        nn_model_free(m);
}

static void test_weight_bits(void **state)
{
        static const struct {
                unsigned bits;
                const char *kernel;
                double tolerance;
        } kinds[] = { { 0, "fc float32", 0 },
                      { 32, "fc float32", 0 },
                      { 16, "fc bfloat16", 0.03 },
                      { 8, "fc int8 weights", 0.06 } };
        struct nn_plan_options options = { .batch = 2 };
        struct onnx_writer *w;
        struct nn_model *m = NULL;
        float first[2 * 30];

        assert_int_equal(onnx_writer_new("net", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(-1, 100));
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(-1, 30));
        net_weights(w, "w", 3, 0, 2, (const int64_t[]){ 100, 30 });
        onnx_writer_node(w, "MatMul", NAMES("x", "w"), NAMES("y"), NULL);
        assert_int_equal(net_load(w, &m, NULL), 0);
        onnx_writer_free(w);
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                struct nn_plan *p = NULL;

                options.weight_bits = kinds[i].bits;
                assert_int_equal(nn_plan_new(m, &options, &p, NULL), 0);
                assert_string_equal(p->steps[0].call.kernel, kinds[i].kernel);
                fill(p);
                assert_int_equal(nn_plan_run(p), 0);
                for (size_t k = 0; k < ARRAY_LEN(first); k++)
                        if (i == 0)
                                first[k] = nn_f32(nn_plan_output(p, 0))[k];
                        else
                                assert_true(fabs((double)(nn_f32(nn_plan_output(p, 0))[k] - first[k])) <=
                                            kinds[i].tolerance);
                nn_plan_free(p);
        }
        options.weight_bits = 7;
        struct nn_plan *p = NULL;
        assert_int_equal(nn_plan_new(m, &options, &p, NULL), -EINVAL);
        nn_model_free(m);
}

/* The state is the name of the instruction set. */
static int use_isa(void **state)
{
        return setenv("EMOTION_NN_ISA", *state, true);
}

#define N_TESTS 9

int main(void)
{
        const struct CMUnitTest once[N_TESTS] = {
                cmocka_unit_test(test_conv),
                cmocka_unit_test(test_residual),
                cmocka_unit_test(test_add),
                cmocka_unit_test(test_left_alone),
                cmocka_unit_test(test_layers),
                cmocka_unit_test(test_weight_bits),
                cmocka_unit_test(test_ties),
                cmocka_unit_test(test_constant_layer),
                cmocka_unit_test(test_floats_of_weights_are_bounded),
        };
        struct CMUnitTest tests[NN_N_ISAS * N_TESTS] = { 0 };
        static char names[NN_N_ISAS * N_TESTS][64];
        size_t n = 0;

        /* floats come in blocks of different widths, and bytes are multiplied in different ways */
        for (enum nn_isa isa = NN_ISA_PORTABLE; isa < NN_N_ISAS; isa++)
                for (size_t i = 0; i < N_TESTS && nn_isa_runs(isa); i++, n++) {
                        snprintf(names[n], sizeof(names[n]), "%s %s", nn_isa_name(isa), once[i].name);
                        tests[n] = once[i];
                        tests[n].name = names[n];
                        tests[n].setup_func = use_isa;
                        tests[n].initial_state = (void *)(uintptr_t)nn_isa_name(isa);
                }
        return _cmocka_run_group_tests("quantised networks", tests, n, NULL, NULL);
}
