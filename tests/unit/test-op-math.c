/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Functions of numbers: unary ones, comparisons, Where, arithmetic of several
 * inputs, reductions, normalisations. */
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
#define I(shape, ...)                                        \
        {                                                    \
                .type = NN_INT64, shape, VALUES(__VA_ARGS__) \
        }
#define B(shape, ...)                                       \
        {                                                   \
                .type = NN_BOOL, shape, VALUES(__VA_ARGS__) \
        }
#define AXES(...)                                 \
        {                                         \
                .name = "axes", INTS(__VA_ARGS__) \
        }
#define KEEP(k)                                                \
        {                                                      \
                .name = "keepdims", .kind = ONNX_INT, .i = (k) \
        }
#define ALPHA(a)                                              \
        {                                                     \
                .name = "alpha", .kind = ONNX_FLOAT, .f = (a) \
        }
#define UNARY(o, op, ...)                                                                             \
        {                                                                                             \
                op, op, o, { F(S(3), -1.5, 0, 2.5) }, {}, { F(S(3), __VA_ARGS__) }, .tolerance = 1e-6 \
        }

static const struct op_case unaries[] = {
        UNARY(13, "Abs", 1.5, 0, 2.5),
        UNARY(13, "Ceil", -1, 0, 3),
        UNARY(13, "Floor", -2, 0, 2),
        UNARY(13, "Round", -2, 0, 2),
        UNARY(13, "Neg", 1.5, 0, -2.5),
        UNARY(13, "Sign", -1, 0, 1),
        UNARY(13, "Erf", -0.9661051465, 0, 0.9995930480),
        UNARY(13, "Sin", -0.9974949866, 0, 0.5984721441),
        UNARY(13, "Cos", 0.0707372017, 1, -0.8011436155),
        UNARY(13, "Softplus", 0.2014132780, 0.6931471806, 2.5788897106),
        UNARY(13, "Softsign", -0.6, 0, 0.7142857143),
        UNARY(13, "Elu", -0.7768698398, 0, 2.5),
        UNARY(13, "Selu", -1.3658142, 0, 2.6267525),
        UNARY(13, "Celu", -0.7768698398, 0, 2.5),
        UNARY(18, "Mish", -0.2980997, 0, 2.4713923),
        UNARY(20, "Gelu", -0.1002108, 0, 2.4844758),
        UNARY(13, "ThresholdedRelu", 0, 0, 2.5),
        { "Log", "Log", 13, { F(S(2), 1, 2) }, {}, { F(S(2), 0, 0.6931471806) }, .tolerance = 1e-6 },
        { "Sqrt", "Sqrt", 13, { F(S(2), 4, 2.25) }, {}, { F(S(2), 2, 1.5) } },
        { "Reciprocal", "Reciprocal", 13, { F(S(2), 4, -0.5) }, {}, { F(S(2), 0.25, -2) } },
        { "Elu with alpha", "Elu", 13, { F(S(1), -1) }, { ALPHA(2) }, { F(S(1), -1.2642411) }, .tolerance = 1e-6 },
        { "Gelu by tanh",
          "Gelu",
          20,
          { F(S(1), 1) },
          { { .name = "approximate", .kind = ONNX_STRING, .s = "tanh" } },
          { F(S(1), 0.8411919906) },
          .tolerance = 1e-6 },
        { "Softplus of much", "Softplus", 13, { F(S(1), 100) }, {}, { F(S(1), 100) } },
        { "Not", "Not", 13, { B(S(2), 0, 1) }, {}, { B(S(2), 1, 0) } },
        { "Neg of integers", "Neg", 13, { I(S(2), -3, 4) }, {}, { I(S(2), 3, -4) } },
        { "Abs of integers", "Abs", 13, { I(S(2), -3, 4) }, {}, { I(S(2), 3, 4) } },
        { "Sign of int32",
          "Sign",
          13,
          { { .type = NN_INT32, S(3), VALUES(-3, 0, 4) } },
          {},
          { { .type = NN_INT32, S(3), VALUES(-1, 0, 1) } } },
        { "Erf of integers", "Erf", 13, { I(S(1), 1) }, {}, { I(S(1), 1) }, .code = -EOPNOTSUPP, .says = "int64" },
        { "Not of numbers", "Not", 13, { I(S(1), 1) }, {}, { I(S(1), 1) }, .code = -EOPNOTSUPP, .says = "int64" },
        {},
};

#define COMPARE(op, ...)                                          \
        {                                                         \
                op, op, 13, { F(S(3), 1, 2, 3), F(S(1), 2) }, {}, \
                {                                                 \
                        B(S(3), __VA_ARGS__)                      \
                }                                                 \
        }

static const struct op_case comparisons[] = {
        COMPARE("Equal", 0, 1, 0),
        COMPARE("Less", 1, 0, 0),
        COMPARE("LessOrEqual", 1, 1, 0),
        COMPARE("Greater", 0, 0, 1),
        COMPARE("GreaterOrEqual", 0, 1, 1),
        { "Equal of integers beyond doubles",
          "Equal",
          13,
          { I(S(1), 9007199254740992.), { .type = NN_INT64, .constant = true, S(1), VALUES(9007199254740992.) } },
          {},
          { B(S(1), 1) } },
        { "rows and columns",
          "Less",
          13,
          { I(S(2, 1), 1, 2), I(S(1, 3), 1, 2, 3) },
          {},
          { B(S(2, 3), 0, 1, 1, 0, 0, 1) } },
        { "And", "And", 13, { B(S(4), 0, 0, 1, 1), B(S(4), 0, 1, 0, 1) }, {}, { B(S(4), 0, 0, 0, 1) } },
        { "Or", "Or", 13, { B(S(4), 0, 0, 1, 1), B(S(4), 0, 1, 0, 1) }, {}, { B(S(4), 0, 1, 1, 1) } },
        { "Xor", "Xor", 13, { B(S(4), 0, 0, 1, 1), B(S(4), 0, 1, 0, 1) }, {}, { B(S(4), 0, 1, 1, 0) } },
        { "And of numbers",
          "And",
          13,
          { F(S(1), 1), F(S(1), 1) },
          {},
          { B(S(1), 1) },
          .code = -EINVAL,
          .says = "bool" },
        { "two types", "Equal", 13, { F(S(1), 1), I(S(1), 1) }, {}, { B(S(1), 1) }, .code = -EINVAL, .says = "int64" },
        { "shapes that do not fit",
          "Equal",
          13,
          { F(S(2), 1), F(S(3), 1) },
          {},
          { B(S(3), 1) },
          .code = -EINVAL,
          .says = "broadcast" },
        { "Where", "Where", 13, { B(S(2, 1), 1, 0), F(S(1, 2), 1, 2), F(S(1), -1) }, {}, { F(S(2, 2), 1, 2, -1, -1) } },
        { "Where of numbers",
          "Where",
          13,
          { F(S(1), 1), F(S(1), 1), F(S(1), 1) },
          {},
          { F(S(1), 1) },
          .code = -EINVAL,
          .says = "element types" },
        {},
};

static const struct op_case sums[] = {
        { "Sum", "Sum", 13, { F(S(2), 1, 2), F(S(2), 3, 4), F(S(1), 10) }, {}, { F(S(2), 14, 16) } },
        { "Sum of one", "Sum", 13, { F(S(2), 1, 2) }, {}, { F(S(2), 1, 2) } },
        { "Mean", "Mean", 13, { F(S(2), 1, 2), F(S(2), 3, 6) }, {}, { F(S(2), 2, 4) } },
        { "Max", "Max", 13, { F(S(2, 1), 1, 5), F(S(2), 3, 4) }, {}, { F(S(2, 2), 3, 4, 5, 5) } },
        { "Min", "Min", 13, { F(S(2), 1, 5), F(S(2), 3, 4), F(S(1), 2) }, {}, { F(S(2), 1, 2) } },
        { "Max of integers", "Max", 13, { I(S(2), 1, 5), I(S(1), 3) }, {}, { I(S(2), 3, 5) } },
        { "Sum of shapes that do not fit",
          "Sum",
          13,
          { F(S(2), 1), F(S(3), 1) },
          {},
          { F(S(3), 1) },
          .code = -EINVAL,
          .says = "broadcast" },
        { "Sum of two types",
          "Sum",
          13,
          { F(S(1), 1), I(S(1), 1) },
          {},
          { F(S(1), 1) },
          .code = -EINVAL,
          .says = "input 1" },
        { "Mean of integers", "Mean", 13, { I(S(1), 1) }, {}, { I(S(1), 1) }, .code = -EOPNOTSUPP, .says = "int64" },
        { "Pow", "Pow", 13, { F(S(3), 2, 3, 4), F(S(3), 3, 2, 0.5) }, {}, { F(S(3), 8, 9, 2) }, .tolerance = 1e-6 },
        { "Pow of integers",
          "Pow",
          13,
          { I(S(4), 2, -3, 1, -1), I(S(4), 10, 3, -5, -3) },
          {},
          { I(S(4), 1024, -27, 1, -1) } },
        { "Pow by integers", "Pow", 13, { F(S(1), 1.5), I(S(1), 2) }, {}, { F(S(1), 2.25) } },
        { "Pow of integers by halves", "Pow", 13, { I(S(1), 9), F(S(1), 0.5) }, {}, { I(S(1), 3) } },
        { "Mod", "Mod", 13, { I(S(3), -7, 7, 7), I(S(3), 3, -3, -1) }, {}, { I(S(3), 2, -2, 0) } },
        { "Mod of floats",
          "Mod",
          13,
          { F(S(1), -7.5), F(S(1), 2) },
          { { .name = "fmod", .kind = ONNX_INT, .i = 1 } },
          { F(S(1), -1.5) } },
        { "Mod by zero", "Mod", 13, { I(S(1), 7), I(S(1), 0) }, {}, { I(S(1), 0) }, .run_code = -EINVAL },
        { "Mod of floats without a way",
          "Mod",
          13,
          { F(S(1), 1), F(S(1), 1) },
          {},
          { F(S(1), 1) },
          .code = -EINVAL,
          .says = "fmod" },
        { "Add of one number", "Add", 13, { F(S(3), 1, 2, 3), F(S(1), 0.5) }, {}, { F(S(3), 1.5, 2.5, 3.5) } },
        { "one number less three", "Sub", 13, { F(S(1), 1), F(S(3), 1, 2, 3) }, {}, { F(S(3), 0, -1, -2) } },
        { "a column times a row",
          "Mul",
          13,
          { F(S(2, 1), 2, 3), F(S(1, 2), 5, 7) },
          {},
          { F(S(2, 2), 10, 14, 15, 21) } },
        { "Div of integers by zero", "Div", 13, { I(S(1), 7), I(S(1), 0) }, {}, { I(S(1), 0) }, .run_code = -EINVAL },
        {},
};

#define REDUCE(op, ...)                                                                                  \
        {                                                                                                \
                op, op, 11, { F(S(2, 2), 1, 2, 3, -4) }, { AXES(1), KEEP(0) }, { F(S(2), __VA_ARGS__) }, \
                        .tolerance = 1e-6                                                                \
        }

static const struct op_case reductions[] = {
        REDUCE("ReduceMean", 1.5, -0.5),
        REDUCE("ReduceSum", 3, -1),
        REDUCE("ReduceMax", 2, 3),
        REDUCE("ReduceMin", 1, -4),
        REDUCE("ReduceProd", 2, -12),
        REDUCE("ReduceL1", 3, 7),
        REDUCE("ReduceL2", 2.2360680, 5),
        REDUCE("ReduceSumSquare", 5, 25),
        REDUCE("ReduceLogSumExp", 2.3132617, 3.0009115),
        { "ReduceLogSum", "ReduceLogSum", 11, { F(S(2), 1, 2) }, {}, { F(S(1), 1.0986123) }, .tolerance = 1e-6 },
        { "logarithms of what is too large for exp",
          "ReduceLogSumExp",
          11,
          { F(S(2), 1000, 1000) },
          {},
          { F(S(1), 1000.6931472) },
          .tolerance = 1e-6 },
        { "all dims, kept", "ReduceSum", 11, { F(S(2, 2), 1, 2, 3, 4) }, {}, { F(S(1, 1), 10) } },
        { "the first and the last of three",
          "ReduceSum",
          11,
          { F(S(2, 2, 2), 1, 2, 3, 4, 5, 6, 7, 8) },
          { AXES(0, -1), KEEP(0) },
          { F(S(2), 14, 22) } },
        { "axes as an input",
          "ReduceMax",
          18,
          { F(S(2, 2), 1, 2, 3, 4), { .type = NN_INT64, .constant = true, S(1), VALUES(0) } },
          { KEEP(0) },
          { F(S(2), 3, 4) } },
        { "no axes, nothing to do",
          "ReduceSum",
          13,
          { F(S(2), 1, 2) },
          { { .name = "noop_with_empty_axes", .kind = ONNX_INT, .i = 1 } },
          { F(S(2), 1, 2) } },
        { "integers", "ReduceProd", 11, { I(S(3), 2, 3, -4) }, { KEEP(0) }, { { .type = NN_INT64, VALUES(-24) } } },
        { "the least of int32",
          "ReduceMin",
          11,
          { { .type = NN_INT32, S(3), VALUES(2, -3, 4) } },
          { KEEP(0) },
          { { .type = NN_INT32, VALUES(-3) } } },
        { "means of integers",
          "ReduceMean",
          11,
          { I(S(1), 1) },
          {},
          { I(S(1), 1) },
          .code = -EOPNOTSUPP,
          .says = "int64" },
        { "no such axis",
          "ReduceSum",
          11,
          { F(S(1), 1) },
          { AXES(1) },
          { F(S(1), 1) },
          .code = -EINVAL,
          .says = "axis 1" },
        {},
};

#define EPSILON(e)                                              \
        {                                                       \
                .name = "epsilon", .kind = ONNX_FLOAT, .f = (e) \
        }

static const struct op_case norms[] = {
        { "a layer",
          "LayerNormalization",
          17,
          { F(S(2, 2), 1, 3, 10, 20), F(S(2), 1, 2), F(S(2), 0, 1) },
          { EPSILON(0) },
          { F(S(2, 2), -1, 3, -1, 3), F(S(2, 1), 2, 15), F(S(2, 1), 1, 0.2) },
          .tolerance = 1e-6 },
        { "all of it, without a bias",
          "LayerNormalization",
          17,
          { F(S(1, 2), 1, 3), F(S(1, 2), 1, 1) },
          { EPSILON(0), { .name = "axis", .kind = ONNX_INT, .i = 0 } },
          { F(S(1, 2), -1, 1) },
          .tolerance = 1e-6 },
        { "a scale that does not fit",
          "LayerNormalization",
          17,
          { F(S(2, 2), 1), F(S(3), 1) },
          {},
          { F(S(2, 2), 1) },
          .code = -EINVAL,
          .says = "scale" },
        { "each channel",
          "InstanceNormalization",
          13,
          { F(S(1, 2, 2), 1, 3, 10, 20), F(S(2), 1, 2), F(S(2), 5, 0) },
          { EPSILON(0) },
          { F(S(1, 2, 2), 4, 6, -2, 2) },
          .tolerance = 1e-6 },
        { "parameters that do not fit",
          "InstanceNormalization",
          13,
          { F(S(1, 2, 2), 1), F(S(3), 1), F(S(2), 1) },
          {},
          { F(S(1, 2, 2), 1) },
          .code = -EINVAL,
          .says = "parameter" },
        { "a batch with parameters that are inputs",
          "BatchNormalization",
          13,
          { F(S(1, 2, 1), 3, 4), F(S(2), 1, 2), F(S(2), 0, 1), F(S(2), 1, 2), F(S(2), 4, 1) },
          { EPSILON(0) },
          { F(S(1, 2, 1), 1, 5) },
          .tolerance = 1e-6 },
        { "bounds that are inputs",
          "Clip",
          13,
          { F(S(3), -5, 1, 5), F(.n_dims = 0, -1), F(.n_dims = 0, 2) },
          {},
          { F(S(3), -1, 1, 2) } },
        { "logarithms of shares",
          "LogSoftmax",
          13,
          { F(S(1, 2), 1000, 1000) },
          {},
          { F(S(1, 2), -0.6931472) },
          .tolerance = 1e-6 },
        { "along the first axis",
          "LogSoftmax",
          13,
          { F(S(2, 1), 0, 0) },
          { { .name = "axis", .kind = ONNX_INT, .i = 0 } },
          { F(S(2, 1), -0.6931472) },
          .tolerance = 1e-6 },
        {},
};

static void test_unary(void **state)
{
        run_cases(unaries);
}

static void test_compare(void **state)
{
        run_cases(comparisons);
}

static void test_sum(void **state)
{
        run_cases(sums);
}

static void test_reduce(void **state)
{
        run_cases(reductions);
}

static void test_norm(void **state)
{
        run_cases(norms);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_unary),  cmocka_unit_test(test_compare), cmocka_unit_test(test_sum),
                cmocka_unit_test(test_reduce), cmocka_unit_test(test_norm),
        };

        return cmocka_run_group_tests_name("op math", tests, NULL, NULL);
}
