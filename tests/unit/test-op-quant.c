/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operators on quantised numbers, as ONNX defines them. Expected values are worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/nn-case.h"

#define S(...) SHAPE(__VA_ARGS__)
#define F(shape, ...)                                          \
        {                                                      \
                .type = NN_FLOAT32, shape, VALUES(__VA_ARGS__) \
        }
#define U8(shape, ...)                                       \
        {                                                    \
                .type = NN_UINT8, shape, VALUES(__VA_ARGS__) \
        }
#define I8(shape, ...)                                      \
        {                                                   \
                .type = NN_INT8, shape, VALUES(__VA_ARGS__) \
        }
#define I32(shape, ...)                                      \
        {                                                    \
                .type = NN_INT32, shape, VALUES(__VA_ARGS__) \
        }
#define SCALAR .n_dims = 0
#define CONST .constant = true
#define AXIS(a)                                                    \
        {                                                          \
                {                                                  \
                        .name = "axis", .kind = ONNX_INT, .i = (a) \
                }                                                  \
        }

static const struct op_case linears[] = {
        { "to uint8, without a zero",
          "QuantizeLinear",
          13,
          { F(S(4), 0, 1, 300, -5), F(SCALAR, 2) },
          {},
          { U8(S(4), 0, 0, 150, 0) } },
        { "to int8, clamped",
          "QuantizeLinear",
          13,
          { F(S(4), 0.6, 1000, -1000, -1.4), F(SCALAR, 1), I8(SCALAR, 1) },
          {},
          { I8(S(4), 2, 127, -128, 0) } },
        { "a scale for each column",
          "QuantizeLinear",
          13,
          { F(S(2, 2), 2, 2, 4, 4), F(S(2), 1, 2), U8(S(2), 0, 10) },
          AXIS(-1),
          { U8(S(2, 2), 2, 11, 4, 12) } },
        { "uint8 to floats",
          "DequantizeLinear",
          13,
          { U8(S(3), 0, 128, 255), F(SCALAR, 0.5), U8(SCALAR, 128) },
          {},
          { F(S(3), -64, 0, 63.5) } },
        { "int32 to floats",
          "DequantizeLinear",
          13,
          { I32(S(2), -7, 9), F(SCALAR, 0.25) },
          {},
          { F(S(2), -1.75, 2.25) } },
        { "a scale for each row",
          "DequantizeLinear",
          13,
          { I8(S(2, 2), -1, 1, -1, 1), F(S(2), 1, 3), I8(S(2), 0, 1) },
          AXIS(0),
          { F(S(2, 2), -1, 1, -6, 0) } },
        { "constant weights",
          "DequantizeLinear",
          13,
          { { .type = NN_INT8, S(2, 2), CONST, VALUES(-2, 0, 1, 3) }, { .type = NN_FLOAT32, CONST, VALUES(0.5) } },
          {},
          { F(S(2, 2), -1, 0, 0.5, 1.5) } },
        { "a sum of bytes, one broadcast",
          "com.microsoft.QLinearAdd",
          13,
          { U8(S(2, 3), 10, 20, 30, 40, 50, 255), F(SCALAR, 0.5), U8(SCALAR, 10), U8(S(3), 1, 2, 9), F(SCALAR, 2),
            U8(SCALAR, 1), F(SCALAR, 0.25), U8(SCALAR, 3) },
          {},
          /* 0 5 10 / 15 20 122.5, and 0 2 16: times 4, and 3 */
          { U8(S(2, 3), 3, 31, 107, 63, 91, 255) } },
        { "a sum below the least",
          "com.microsoft.QLinearAdd",
          13,
          { I8(S(2), -128, 3), F(SCALAR, 1), I8(SCALAR, 0), I8(S(1), -9), F(SCALAR, 1), I8(SCALAR, 0), F(SCALAR, 1) },
          {},
          { I8(S(2), -128, -6) } },
        { "a product of bytes",
          "com.microsoft.QLinearMul",
          13,
          { U8(S(2, 1), 3, 5), F(SCALAR, 0.5), U8(SCALAR, 1), U8(S(1, 2), 4, 6), F(SCALAR, 1), U8(SCALAR, 0),
            F(SCALAR, 2), U8(SCALAR, 7) },
          {},
          { U8(S(2, 2), 9, 10, 11, 13) } },
        { "a mean of bytes",
          "com.microsoft.QLinearGlobalAveragePool",
          13,
          { U8(S(1, 2, 1, 3), 1, 2, 6, 250, 251, 255), F(SCALAR, 2), U8(SCALAR, 1), F(SCALAR, 1), U8(SCALAR, 4) },
          {},
          { U8(S(1, 2, 1, 1), 8, 255) } },
        { "a product of matrices, with a bias and a scale for each column",
          "com.microsoft.QGemm",
          13,
          { U8(S(2, 2), 1, 2, 3, 4), F(SCALAR, 0.5), U8(SCALAR, 1), I8(S(2, 2), 1, -2, 3, 4), F(S(2), 2, 1),
            I8(S(2), 0, 1), I32(S(2), 10, -4), F(SCALAR, 1), U8(SCALAR, 100) },
          {},
          /* a - 1: 0 1 / 2 3; b less its zeros: 1 -3 / 3 3; sums 3 3 / 11 3, with bias 13 -1 / 21 -1 */
          { U8(S(2, 2), 113, 100, 121, 100) } },
        { "the same turned, to floats",
          "com.microsoft.QGemm",
          13,
          { U8(S(2, 2), 1, 3, 2, 4), F(SCALAR, 0.5), U8(SCALAR, 1), I8(S(2, 2), 1, 3, -2, 4), F(S(2), 2, 1),
            I8(S(2), 0, 1) },
          { { .name = "transA", .kind = ONNX_INT, .i = 1 },
            { .name = "transB", .kind = ONNX_INT, .i = 1 },
            { .name = "alpha", .kind = ONNX_FLOAT, .f = 2 } },
          { F(S(2, 2), 6, 3, 22, 3) } },
        { "sums of shapes that do not fit",
          "com.microsoft.QLinearAdd",
          13,
          { U8(S(2), 1, 2), F(SCALAR, 1), U8(SCALAR, 0), U8(S(3), 1, 2, 3), F(SCALAR, 1), U8(SCALAR, 0), F(SCALAR, 1) },
          {},
          { U8(S(2), 0, 0) },
          .code = -EINVAL,
          .says = "inputs 2 and 3" },
        { "matrices that do not fit",
          "com.microsoft.QGemm",
          13,
          { U8(S(2, 3), 1, 2, 3, 4, 5, 6), F(SCALAR, 1), U8(SCALAR, 0), U8(S(2, 2), 1, 2, 3, 4), F(SCALAR, 1),
            U8(SCALAR, 0) },
          {},
          { F(S(2, 2), 0, 0, 0, 0) },
          .code = -EINVAL,
          .says = "inputs 2x3 and 2x2" },
        { "floats that are none",
          "DequantizeLinear",
          13,
          { F(S(1), 1), F(SCALAR, 1) },
          {},
          { F(S(1), 1) },
          .code = -EOPNOTSUPP,
          .says = "float32" },
        { "bytes that are quantised",
          "QuantizeLinear",
          13,
          { U8(S(1), 1), F(SCALAR, 1) },
          {},
          { U8(S(1), 1) },
          .code = -EOPNOTSUPP,
          .says = "uint8" },
        { "a zero of another type",
          "DequantizeLinear",
          13,
          { U8(S(1), 1), F(SCALAR, 1), I8(SCALAR, 1) },
          {},
          { F(S(1), 1) },
          .code = -EINVAL,
          .says = "zero point" },
        { "a number of scales that fits nothing",
          "DequantizeLinear",
          13,
          { U8(S(2, 3), 1), F(S(2), 1, 1) },
          {},
          { F(S(2, 3), 1) },
          .code = -EINVAL,
          .says = "scale of shape" },
        { "no such axis",
          "DequantizeLinear",
          13,
          { U8(S(2), 1), F(S(2), 1, 1) },
          AXIS(1),
          { F(S(2), 1) },
          .code = -EINVAL,
          .says = "axis 1" },
        {},
};

static const struct op_case dynamics[] = {
        { "the range decides",
          "DynamicQuantizeLinear",
          13,
          { F(S(3), -1, 0, 1.55) },
          {},
          { U8(S(3), 0, 100, 255), F(SCALAR, 0.01), U8(SCALAR, 100) },
          .tolerance = 1e-6 },
        { "nothing but zeros",
          "DynamicQuantizeLinear",
          13,
          { F(S(2), 0) },
          {},
          { U8(S(2), 0), F(SCALAR, 0), U8(SCALAR, 0) } },
        {},
};

static const struct op_case convolutions[] = {
        { "ConvInteger with padding and a zero",
          "ConvInteger",
          13,
          { U8(S(1, 1, 2, 2), 2, 3, 4, 5), U8(S(1, 1, 2, 2), 1, 1, 1, 1), U8(SCALAR, 1) },
          { { .name = "pads", INTS(1, 1, 0, 0) } },
          { I32(S(1, 1, 2, 2), 1, 3, 4, 10) } },
        { "ConvInteger on one axis, signed weights with a zero",
          "ConvInteger",
          13,
          { U8(S(1, 1, 3), 1, 2, 3), I8(S(1, 1, 2), -1, 1), { 0 }, I8(SCALAR, 1) },
          {},
          { I32(S(1, 1, 2), -2, -4) } },
        { "ConvInteger in groups",
          "ConvInteger",
          13,
          { U8(S(1, 2, 1, 1), 3, 5), I8(S(2, 1, 1, 1), 2, -1) },
          { { .name = "group", .kind = ONNX_INT, .i = 2 } },
          { I32(S(1, 2, 1, 1), 6, -5) } },
        { "QLinearConv with a bias",
          "QLinearConv",
          13,
          { U8(S(1, 1, 1, 2), 10, 20), F(SCALAR, 0.5), U8(SCALAR, 0), I8(S(1, 1, 1, 1), 4), F(SCALAR, 0.25),
            I8(SCALAR, 0), F(SCALAR, 1), U8(SCALAR, 3), I32(S(1), 8) },
          {},
          { U8(S(1, 1, 1, 2), 9, 14) } },
        { "QLinearConv, clamped, a scale for each filter",
          "QLinearConv",
          13,
          { U8(S(1, 1, 1, 1), 100), F(SCALAR, 1), U8(SCALAR, 0), I8(S(2, 1, 1, 1), 100, -100), F(S(2), 1, 0.5),
            I8(S(2), 0, 0), F(SCALAR, 1), I8(SCALAR, 0) },
          {},
          { I8(S(1, 2, 1, 1), 127, -128) } },
        { "floats",
          "ConvInteger",
          13,
          { F(S(1, 1, 2, 2), 1), U8(S(1, 1, 2, 2), 1) },
          {},
          { I32(S(1, 1, 1, 1), 1) },
          .code = -EOPNOTSUPP,
          .says = "float32" },
        { "a bias of another length",
          "QLinearConv",
          13,
          { U8(S(1, 1, 1, 1), 1), F(SCALAR, 1), U8(SCALAR, 0), I8(S(1, 1, 1, 1), 1), F(SCALAR, 1), I8(SCALAR, 0),
            F(SCALAR, 1), U8(SCALAR, 0), I32(S(2), 1) },
          {},
          { U8(S(1, 1, 1, 1), 1) },
          .code = -EINVAL,
          .says = "bias" },
        { "a zero of another type",
          "ConvInteger",
          13,
          { U8(S(1, 1, 1, 1), 1), U8(S(1, 1, 1, 1), 1), I8(SCALAR, 1) },
          {},
          { I32(S(1, 1, 1, 1), 1) },
          .code = -EINVAL,
          .says = "zero points" },
        {},
};

static const struct op_case products[] = {
        { "MatMulInteger",
          "MatMulInteger",
          13,
          { U8(S(2, 2), 1, 2, 3, 4), I8(S(2, 1), 1, -1) },
          {},
          { I32(S(2, 1), -1, -1) } },
        { "MatMulInteger with zeros",
          "MatMulInteger",
          13,
          { U8(S(1, 2), 5, 6), U8(S(2, 2), 1, 2, 3, 4), U8(SCALAR, 5), U8(S(2), 1, 2) },
          {},
          { I32(S(1, 2), 2, 2) } },
        { "MatMulInteger of stacks",
          "MatMulInteger",
          13,
          { U8(S(2, 1, 1), 2, 3), U8(S(2, 1, 1), 4, 5) },
          {},
          { I32(S(2, 1, 1), 8, 15) } },
        { "QLinearMatMul",
          "QLinearMatMul",
          13,
          { U8(S(1, 2), 10, 20), F(SCALAR, 0.5), U8(SCALAR, 10), U8(S(2, 1), 1, 5), F(SCALAR, 2), U8(SCALAR, 1),
            F(SCALAR, 4), U8(SCALAR, 7) },
          {},
          { U8(S(1, 1), 17) } },
        { "shapes that do not fit",
          "MatMulInteger",
          13,
          { U8(S(1, 2), 1), U8(S(3, 1), 1) },
          {},
          { I32(S(1, 1), 1) },
          .code = -EINVAL,
          .says = "1x2 and 3x1" },
        { "stacks that would be broadcast",
          "MatMulInteger",
          13,
          { U8(S(1, 2), 1), U8(S(2, 2, 1), 1) },
          {},
          { I32(S(1, 1), 1) },
          .code = -EOPNOTSUPP,
          .says = "2x2x1" },
        { "numbers that are no bytes",
          "MatMulInteger",
          13,
          { I32(S(1, 1), 1), U8(S(1, 1), 1) },
          {},
          { I32(S(1, 1), 1) },
          .code = -EOPNOTSUPP,
          .says = "int32" },
        { "zeros that do not fit",
          "MatMulInteger",
          13,
          { U8(S(1, 1), 1), U8(S(1, 1), 1), U8(S(3), 1) },
          {},
          { I32(S(1, 1), 1) },
          .code = -EINVAL,
          .says = "zero points" },
        {},
};

static void test_linear(void **state)
{
        run_cases(linears);
}

static void test_dynamic(void **state)
{
        run_cases(dynamics);
}

static void test_convolution(void **state)
{
        run_cases(convolutions);
}

static void test_product(void **state)
{
        run_cases(products);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_linear),
                cmocka_unit_test(test_dynamic),
                cmocka_unit_test(test_convolution),
                cmocka_unit_test(test_product),
        };

        return cmocka_run_group_tests_name("op quant", tests, NULL, NULL);
}
