/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operators that make, part and pick values: ConstantOfShape, Expand, Tile,
 * Range, Cast, Split, squares, TopK, ArgMax. */
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
#define F(shape, ...)                                          \
        {                                                      \
                .type = NN_FLOAT32, shape, VALUES(__VA_ARGS__) \
        }
#define I(shape, ...)                                        \
        {                                                    \
                .type = NN_INT64, shape, VALUES(__VA_ARGS__) \
        }
#define ARGS(...) (sizeof((const double[]){ __VA_ARGS__ }) / sizeof(double))
#define LIST(...)                                                                                                   \
        {                                                                                                           \
                .type = NN_INT64, .constant = true, .n_dims = 1, .dims = { ARGS(__VA_ARGS__) }, VALUES(__VA_ARGS__) \
        }
#define ONE(v)                                                \
        {                                                     \
                .type = NN_INT64, .constant = true, VALUES(v) \
        }
#define INT(n, v)                                       \
        {                                               \
                .name = (n), .kind = ONNX_INT, .i = (v) \
        }
#define AXIS(a) INT("axis", a)

static const struct op_case made[] = {
        { "zeros", "ConstantOfShape", 13, { LIST(2, 3) }, {}, { F(S(2, 3), 0) } },
        { "a negative dim", "ConstantOfShape", 13, { LIST(-1) }, {}, { F(S(1), 0) }, .code = -EINVAL, .says = "dim 0" },
        { "more than there is memory for",
          "ConstantOfShape",
          13,
          { LIST(1e9, 1e9) },
          {},
          { F(S(1), 0) },
          .code = -EFBIG,
          .says = "too large" },
        { "Expand",
          "Expand",
          13,
          { F(S(2, 1), 1, 2), LIST(2, 1, 3) },
          {},
          { F(S(2, 2, 3), 1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2) } },
        { "Expand to less", "Expand", 13, { X(3), LIST(1) }, {}, { X(3) } },
        { "Expand what is not 1",
          "Expand",
          13,
          { X(3), LIST(2) },
          {},
          { X(3) },
          .code = -EINVAL,
          .says = "does not become" },
        { "Tile", "Tile", 13, { F(S(1, 2), 1, 2), LIST(2, 2) }, {}, { F(S(2, 4), 1, 2, 1, 2, 1, 2, 1, 2) } },
        { "Tile to nothing is no step", "Tile", 13, { X(2), LIST(0) }, {}, { { .type = NN_FLOAT32, S(0) } } },
        { "Tile beyond all numbers",
          "Tile",
          13,
          { X(2), LIST(9e18) },
          {},
          { X(2) },
          .code = -EFBIG,
          .says = "repeats" },
        { "Tile to 2^40",
          "Tile",
          13,
          { X(2), LIST(1099511627776.) },
          {},
          { X(2) },
          .code = -EFBIG,
          .says = "too large" },
        { "too few repeats", "Tile", 13, { X(1, 2), LIST(2) }, {}, { X(2) }, .code = -EINVAL, .says = "1 repeats" },
        { "Range", "Range", 13, { ONE(1), ONE(8), ONE(3) }, {}, { I(S(3), 1, 4, 7) } },
        { "Range downwards", "Range", 13, { ONE(3), ONE(0), ONE(-2) }, {}, { I(S(2), 3, 1) } },
        { "an endless Range",
          "Range",
          13,
          { ONE(0), ONE(1), ONE(0) },
          {},
          { I(S(1), 0) },
          .code = -EINVAL,
          .says = "range" },
        { "a Range of inputs",
          "Range",
          13,
          { { .type = NN_INT64 }, ONE(1), ONE(1) },
          {},
          { I(S(1), 0) },
          .code = -EOPNOTSUPP,
          .says = "not constant" },
        {},
};

static const struct op_case casts[] = {
        { "towards zero", "Cast", 13, { F(S(3), -1.7, 1.7, NAN) }, { INT("to", NN_INT64) }, { I(S(3), -1, 1, 0) } },
        { "what no integer holds",
          "Cast",
          13,
          { F(S(2), 1e30, -1e30) },
          { INT("to", NN_INT64) },
          { { .type = NN_INT64, S(2), VALUES(9223372036854774784., -9223372036854775808.) } },
          .tolerance = 1e-9 },
        { "to floats", "Cast", 13, { I(S(2), -3, 4) }, { INT("to", NN_FLOAT32) }, { F(S(2), -3, 4) } },
        { "to bools",
          "Cast",
          13,
          { F(S(3), 0, 0.5, -2) },
          { INT("to", NN_BOOL) },
          { { .type = NN_BOOL, S(3), VALUES(0, 1, 1) } } },
        { "float16 stays float32",
          "Cast",
          13,
          { F(S(1), 0.1) },
          { INT("to", 10) },
          { F(S(1), 0.1) },
          .tolerance = 1e-7 },
        { "to strings",
          "Cast",
          13,
          { F(S(1), 1) },
          { INT("to", 8) },
          { F(S(1), 1) },
          .code = -EOPNOTSUPP,
          .says = "string" },
        { "to what is no type",
          "Cast",
          13,
          { F(S(1), 1) },
          { INT("to", -4) },
          { F(S(1), 1) },
          .code = -EOPNOTSUPP,
          .says = "unknown" },
        {},
};

static const struct op_case splits[] = {
        { "equal parts", "Split", 13, { X(4) }, {}, { F(S(2), 0, 1), F(S(2), 2, 3) } },
        { "by an attribute",
          "Split",
          11,
          { X(2, 3) },
          { AXIS(1), { .name = "split", INTS(1, 2) } },
          { F(S(2, 1), 0, 3), F(S(2, 2), 1, 2, 4, 5) } },
        { "by an input", "Split", 13, { X(3), LIST(2, 1) }, {}, { F(S(2), 0, 1), F(S(1), 2) } },
        { "the last part is shorter", "Split", 18, { X(3) }, { INT("num_outputs", 2) }, { F(S(2), 0, 1), F(S(1), 2) } },
        { "parts that are not equal",
          "Split",
          13,
          { X(3) },
          {},
          { X(1), X(1) },
          .code = -EINVAL,
          .says = "equal parts" },
        { "parts of more than all",
          "Split",
          13,
          { X(3), LIST(2, 2) },
          {},
          { X(1), X(1) },
          .code = -EINVAL,
          .says = "part 1" },
        { "parts of less",
          "Split",
          13,
          { X(3), LIST(1, 1) },
          {},
          { X(1), X(1) },
          .code = -EINVAL,
          .says = "in no part" },
        { "another number of lengths",
          "Split",
          13,
          { X(3), LIST(3) },
          {},
          { X(1), X(1) },
          .code = -EINVAL,
          .says = "outputs" },
        {},
};

static const struct op_case squares[] = {
        { "to space",
          "DepthToSpace",
          13,
          { X(1, 4, 1, 2) },
          { INT("blocksize", 2) },
          { F(S(1, 1, 2, 4), 0, 2, 1, 3, 4, 6, 5, 7) } },
        { "to space, channels first",
          "DepthToSpace",
          13,
          { X(1, 8, 1, 1) },
          { INT("blocksize", 2), { .name = "mode", .kind = ONNX_STRING, .s = "CRD" } },
          { F(S(1, 2, 2, 2), 0, 1, 2, 3, 4, 5, 6, 7) } },
        { "to space, squares first",
          "DepthToSpace",
          13,
          { X(1, 8, 1, 1) },
          { INT("blocksize", 2) },
          { F(S(1, 2, 2, 2), 0, 2, 4, 6, 1, 3, 5, 7) } },
        { "to depth",
          "SpaceToDepth",
          13,
          { X(1, 1, 2, 4) },
          { INT("blocksize", 2) },
          { F(S(1, 4, 1, 2), 0, 2, 1, 3, 4, 6, 5, 7) } },
        { "channels that make no square",
          "DepthToSpace",
          13,
          { X(1, 3, 1, 1) },
          { INT("blocksize", 2) },
          { X(1) },
          .code = -EINVAL,
          .says = "in blocks of 2" },
        { "no blocksize", "SpaceToDepth", 13, { X(1, 1, 2, 2) }, {}, { X(1) }, .code = -EINVAL, .says = "blocksize 0" },
        {},
};

static const struct op_case bests[] = {
        { "the largest", "TopK", 13, { F(S(4), 1, 4, 4, 2), LIST(3) }, {}, { F(S(3), 4, 4, 2), I(S(3), 1, 2, 3) } },
        { "the least",
          "TopK",
          13,
          { F(S(2, 3), 3, 1, 2, 6, 5, 4), LIST(2) },
          { INT("largest", 0) },
          { F(S(2, 2), 1, 2, 4, 5), I(S(2, 2), 1, 2, 2, 1) } },
        { "along the first axis",
          "TopK",
          9,
          { X(3, 2) },
          { AXIS(0), INT("k", 1) },
          { F(S(1, 2), 4, 5), I(S(1, 2), 2) } },
        { "integers", "TopK", 13, { I(S(3), 5, 9, 7), LIST(1) }, {}, { I(S(1), 9), I(S(1), 1) } },
        { "more than there are",
          "TopK",
          13,
          { X(2), LIST(3) },
          {},
          { X(2), X(2) },
          .code = -EINVAL,
          .says = "best 3 of 2" },
        { "ArgMax", "ArgMax", 13, { F(S(2, 3), 1, 3, 3, 9, 8, 7) }, { AXIS(1) }, { I(S(2, 1), 1, 0) } },
        { "the last of equals",
          "ArgMax",
          13,
          { F(S(1, 3), 1, 3, 3) },
          { AXIS(-1), INT("keepdims", 0), INT("select_last_index", 1) },
          { I(S(1), 2) } },
        { "ArgMin", "ArgMin", 13, { F(S(2, 2), 4, 1, 3, 2) }, { INT("keepdims", 0) }, { I(S(2), 1, 0) } },
        { "no such axis", "ArgMax", 13, { X(2) }, { AXIS(1) }, { X(1) }, .code = -EINVAL, .says = "axis 1" },
        {},
};

static void test_make(void **state)
{
        run_cases(made);
}

static void test_cast(void **state)
{
        run_cases(casts);
}

static void test_split(void **state)
{
        run_cases(splits);
        run_cases(squares);
}

static void test_best(void **state)
{
        run_cases(bests);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_make),
                cmocka_unit_test(test_cast),
                cmocka_unit_test(test_split),
                cmocka_unit_test(test_best),
        };

        return cmocka_run_group_tests_name("op make", tests, NULL, NULL);
}
