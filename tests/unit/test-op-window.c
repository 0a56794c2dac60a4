/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What slides over one or two axes: how many places a window has, and the attributes that say so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/nn-case.h"

#define S(...) SHAPE(__VA_ARGS__)
#define X(...)                                         \
        {                                              \
                .type = NN_FLOAT32, SHAPE(__VA_ARGS__) \
        }
#define Y(shape, ...)                                          \
        {                                                      \
                .type = NN_FLOAT32, shape, VALUES(__VA_ARGS__) \
        }
#define KERNEL(...)                                       \
        {                                                 \
                .name = "kernel_shape", INTS(__VA_ARGS__) \
        }
#define STRIDES(...)                                 \
        {                                            \
                .name = "strides", INTS(__VA_ARGS__) \
        }
#define PADS(...)                                 \
        {                                         \
                .name = "pads", INTS(__VA_ARGS__) \
        }
#define CEIL                                                  \
        {                                                     \
                .name = "ceil_mode", .kind = ONNX_INT, .i = 1 \
        }
#define AUTO(v)                                                   \
        {                                                         \
                .name = "auto_pad", .kind = ONNX_STRING, .s = (v) \
        }

static const struct op_case pools[] = {
        { "one axis", "MaxPool", 12, { X(1, 1, 4) }, { KERNEL(2), STRIDES(2) }, { Y(S(1, 1, 2), 1, 3) } },
        { "two axes", "MaxPool", 12, { X(1, 1, 2, 3) }, { KERNEL(2, 2) }, { Y(S(1, 1, 1, 2), 4, 5) } },
        { "the rest is dropped", "MaxPool", 12, { X(1, 1, 5) }, { KERNEL(2), STRIDES(2) }, { Y(S(1, 1, 2), 1, 3) } },
        { "the rest counts",
          "MaxPool",
          12,
          { X(1, 1, 5) },
          { KERNEL(2), STRIDES(2), CEIL },
          { Y(S(1, 1, 3), 1, 3, 4) } },
        { "no window in the padding alone",
          "MaxPool",
          12,
          { X(1, 1, 4) },
          { KERNEL(1), STRIDES(4), PADS(0, 1), CEIL },
          { Y(S(1, 1, 1), 0) } },
        { "the same size, what is over comes last",
          "MaxPool",
          12,
          { X(1, 1, 3) },
          { KERNEL(2), AUTO("SAME_UPPER") },
          { Y(S(1, 1, 3), 1, 2, 2) } },
        { "the same size, what is over comes first",
          "MaxPool",
          12,
          { X(1, 1, 3) },
          { KERNEL(2), AUTO("SAME_LOWER") },
          { Y(S(1, 1, 3), 0, 1, 2) } },
        { "no padding", "MaxPool", 12, { X(1, 1, 3) }, { KERNEL(2), AUTO("VALID") }, { Y(S(1, 1, 2), 1, 2) } },
        { "with gaps",
          "MaxPool",
          12,
          { X(1, 1, 4) },
          { KERNEL(2), { .name = "dilations", INTS(2) } },
          { Y(S(1, 1, 2), 2, 3) } },
        { "means without the padding",
          "AveragePool",
          11,
          { X(1, 1, 2) },
          { KERNEL(2), PADS(1, 1) },
          { Y(S(1, 1, 3), 0, 0.5, 1) } },
        { "means with the padding",
          "AveragePool",
          11,
          { X(1, 1, 2) },
          { KERNEL(2), PADS(1, 1), { .name = "count_include_pad", .kind = ONNX_INT, .i = 1 } },
          { Y(S(1, 1, 3), 0, 0.5, 0.5) } },
        { "the whole", "GlobalAveragePool", 13, { X(1, 2, 3) }, {}, { Y(S(1, 2, 1), 1, 4) } },
        { "the largest of all", "GlobalMaxPool", 13, { X(1, 2, 2, 3) }, {}, { Y(S(1, 2, 1, 1), 5, 11) } },
        {},
};

#define W(shape, ...)                                                            \
        {                                                                        \
                .type = NN_FLOAT32, .constant = true, shape, VALUES(__VA_ARGS__) \
        }

static const struct op_case convolutions[] = {
        { "one axis with a bias",
          "Conv",
          13,
          { X(1, 1, 3), W(S(1, 1, 2), 1, 2), W(S(1), 10) },
          {},
          { Y(S(1, 1, 2), 12, 15) } },
        { "two groups",
          "Conv",
          13,
          { X(1, 2, 1, 2), W(S(2, 1, 1, 1), 1, -1) },
          { { .name = "group", .kind = ONNX_INT, .i = 2 } },
          { Y(S(1, 2, 1, 2), 0, 1, -2, -3) } },
        { "groups that do not divide",
          "Conv",
          13,
          { X(1, 3, 1, 1), W(S(2, 1, 1, 1), 1) },
          { { .name = "group", .kind = ONNX_INT, .i = 2 } },
          { X(1, 2, 1, 1) },
          .code = -EINVAL,
          .says = "group 2" },
        { "weights of another rank",
          "Conv",
          13,
          { X(1, 1, 2), W(S(1, 1, 1, 1), 1) },
          {},
          { X(1, 1, 2) },
          .code = -EINVAL,
          .says = "weights" },
        { "a kernel_shape that is not the weights'",
          "Conv",
          13,
          { X(1, 1, 2), W(S(1, 1, 1), 1) },
          { KERNEL(2) },
          { X(1, 1, 2) },
          .code = -EINVAL,
          .says = "kernel_shape" },
        { "weights that are an input",
          "Conv",
          13,
          { X(1, 1, 3), Y(S(1, 1, 2), 1, 2), Y(S(1), 10) },
          {},
          { Y(S(1, 1, 2), 12, 15) } },
        {},
};

static const struct op_case transposed[] = {
        { "taps between the pixels",
          "ConvTranspose",
          13,
          { Y(S(1, 1, 1, 2), 1, 2), Y(S(1, 1, 1, 2), 10, 1) },
          { STRIDES(1, 2) },
          { Y(S(1, 1, 1, 4), 10, 1, 20, 2) } },
        { "taps that meet, with a bias",
          "ConvTranspose",
          13,
          { Y(S(1, 1, 2), 1, 2), Y(S(1, 1, 2), 10, 1), Y(S(1), 5) },
          {},
          { Y(S(1, 1, 3), 15, 26, 7) } },
        { "cut off by pads",
          "ConvTranspose",
          13,
          { Y(S(1, 1, 2), 1, 2), Y(S(1, 1, 2), 10, 1) },
          { PADS(1, 0) },
          { Y(S(1, 1, 2), 21, 2) } },
        { "made longer",
          "ConvTranspose",
          13,
          { Y(S(1, 1, 2), 1, 2), Y(S(1, 1, 1), 3) },
          { STRIDES(2), { .name = "output_padding", INTS(1) } },
          { Y(S(1, 1, 4), 3, 0, 6, 0) } },
        { "as long as is asked",
          "ConvTranspose",
          13,
          { Y(S(1, 1, 2), 1, 2), Y(S(1, 1, 3), 1, 1, 1) },
          { STRIDES(2), { .name = "output_shape", INTS(4) }, AUTO("SAME_UPPER") },
          { Y(S(1, 1, 4), 1, 1, 3, 2) } },
        { "in two groups",
          "ConvTranspose",
          13,
          { Y(S(1, 2, 1), 2, 3), Y(S(2, 1, 1), 5, 7) },
          { { .name = "group", .kind = ONNX_INT, .i = 2 } },
          { Y(S(1, 2, 1), 10, 21) } },
        { "from two channels to two",
          "ConvTranspose",
          13,
          { Y(S(1, 2, 1), 1, 2), Y(S(2, 2, 1), 1, 10, 100, 1000) },
          {},
          { Y(S(1, 2, 1), 201, 2010) } },
        { "pads of more than there is",
          "ConvTranspose",
          13,
          { Y(S(1, 1, 2), 1), Y(S(1, 1, 1), 1) },
          { PADS(1, 1) },
          { X(1, 1, 1) },
          .code = -EINVAL,
          .says = "length 0" },
        { "weights of other channels",
          "ConvTranspose",
          13,
          { Y(S(1, 2, 2), 1), Y(S(1, 1, 1), 1) },
          {},
          { X(1, 1, 1) },
          .code = -EINVAL,
          .says = "weights" },
        {},
};

static const struct op_case refused[] = {
        { "no kernel", "MaxPool", 12, { X(1, 1, 4) }, {}, { X(1, 1, 4) }, .code = -EBADMSG, .says = "kernel_shape" },
        { "a kernel of two axes for one",
          "MaxPool",
          12,
          { X(1, 1, 4) },
          { KERNEL(2, 2) },
          { X(1, 1, 4) },
          .code = -EINVAL,
          .says = "kernel_shape has 2" },
        { "a stride of 0",
          "MaxPool",
          12,
          { X(1, 1, 4) },
          { KERNEL(2), STRIDES(0) },
          { X(1, 1, 4) },
          .code = -EINVAL,
          .says = "strides of 0" },
        { "a negative pad",
          "MaxPool",
          12,
          { X(1, 1, 4) },
          { KERNEL(2), PADS(-1, 0) },
          { X(1, 1, 4) },
          .code = -EINVAL,
          .says = "pads of -1" },
        { "a window that is too large",
          "MaxPool",
          12,
          { X(1, 1, 4) },
          { KERNEL(5) },
          { X(1, 1, 4) },
          .code = -EINVAL,
          .says = "does not fit" },
        { "gaps beyond all lengths",
          "MaxPool",
          12,
          { X(1, 1, 4) },
          { KERNEL(1000000), { .name = "dilations", INTS(1000) } },
          { X(1, 1, 4) },
          .code = -EINVAL,
          .says = "dilations" },
        { "an unknown auto_pad",
          "MaxPool",
          12,
          { X(1, 1, 4) },
          { KERNEL(2), AUTO("HALF") },
          { X(1, 1, 4) },
          .code = -EOPNOTSUPP,
          .says = "HALF" },
        { "three axes",
          "MaxPool",
          12,
          { X(1, 1, 2, 2, 2) },
          { KERNEL(1, 1, 1) },
          { X(1, 1, 2, 2, 2) },
          .code = -EOPNOTSUPP,
          .says = "3 spatial" },
        { "no axis", "MaxPool", 12, { X(1, 1) }, { KERNEL(1) }, { X(1, 1) }, .code = -EINVAL, .says = "1x1" },
        {},
};

static void test_pools(void **state)
{
        run_cases(pools);
}

static void test_convolutions(void **state)
{
        run_cases(convolutions);
        run_cases(transposed);
}

static void test_refused(void **state)
{
        run_cases(refused);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pools),
                cmocka_unit_test(test_convolutions),
                cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests_name("op window", tests, NULL, NULL);
}
