/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operators that change only the shape, and those that make constants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/nn-case.h"

#define X(...)                                         \
        {                                              \
                .type = NN_FLOAT32, SHAPE(__VA_ARGS__) \
        }
#define LIST(...)                                                                                                   \
        {                                                                                                           \
                .type = NN_INT64, .constant = true, .n_dims = 1, .dims = { ARGS(__VA_ARGS__) }, VALUES(__VA_ARGS__) \
        }
#define ARGS(...) (sizeof((const double[]){ __VA_ARGS__ }) / sizeof(double))

static const struct op_case reshapes[] = {
        { "a dim is found", "Reshape", 13, { X(2, 3, 4), LIST(0, -1) }, {}, { X(2, 12) } },
        { "all is given", "Reshape", 13, { X(2, 3, 4), LIST(4, 3, 2) }, {}, { X(4, 3, 2) } },
        { "to a scalar's list", "Reshape", 13, { X(1), LIST(1, 1) }, {}, { X(1, 1) } },
        { "allowzero",
          "Reshape",
          14,
          { { .type = NN_FLOAT32, .constant = true, SHAPE(0, 3) }, LIST(3, 0) },
          { { .name = "allowzero", .kind = ONNX_INT, .i = 1 } },
          { X(3, 0) } },
        { "two open dims", "Reshape", 13, { X(4), LIST(-1, -1) }, {}, { X(4) }, .code = -EINVAL, .says = "dim 1" },
        { "a dim copied from nowhere",
          "Reshape",
          13,
          { X(4), LIST(4, 0) },
          {},
          { X(4) },
          .code = -EINVAL,
          .says = "copied" },
        { "values are left over", "Reshape", 13, { X(5), LIST(2, -1) }, {}, { X(5) }, .code = -EINVAL, .says = "fill" },
        { "too few values", "Reshape", 13, { X(5), LIST(3, 2) }, {}, { X(5) }, .code = -EINVAL, .says = "values" },
        { "a shape beyond all numbers",
          "Reshape",
          13,
          { X(5), LIST(4611686018427387904., 4) },
          {},
          { X(5) },
          .code = -EFBIG,
          .says = "too large" },
        { "a shape that is an input",
          "Reshape",
          13,
          { X(5), { .type = NN_INT64, SHAPE(2) } },
          {},
          { X(5) },
          .code = -EOPNOTSUPP,
          .says = "not constant" },
        {},
};

static const struct op_case flattens[] = {
        { "axis 1", "Flatten", 13, { X(2, 3, 4) }, {}, { X(2, 12) } },
        { "axis 0", "Flatten", 13, { X(2, 3) }, { { .name = "axis", .kind = ONNX_INT } }, { X(1, 6) } },
        { "axis -1", "Flatten", 13, { X(2, 3, 4) }, { { .name = "axis", .kind = ONNX_INT, .i = -1 } }, { X(6, 4) } },
        { "behind the last axis",
          "Flatten",
          13,
          { X(2, 3) },
          { { .name = "axis", .kind = ONNX_INT, .i = 2 } },
          { X(6, 1) } },
        { "no such axis",
          "Flatten",
          13,
          { X(2, 3) },
          { { .name = "axis", .kind = ONNX_INT, .i = 3 } },
          { X(6, 1) },
          .code = -EINVAL,
          .says = "axis 3" },
        {},
};

static const struct op_case squeezes[] = {
        { "all", "Squeeze", 13, { X(1, 3, 1) }, {}, { X(3) } },
        { "one by attribute", "Squeeze", 11, { X(1, 3, 1) }, { { .name = "axes", INTS(-1) } }, { X(1, 3) } },
        { "one by input", "Squeeze", 13, { X(1, 3, 1), LIST(0) }, {}, { X(3, 1) } },
        { "not 1", "Squeeze", 13, { X(1, 3), LIST(1) }, {}, { X(1) }, .code = -EINVAL, .says = "not 1" },
        { "twice", "Squeeze", 13, { X(1, 3), LIST(0, -2) }, {}, { X(1) }, .code = -EINVAL, .says = "twice" },
        { "no such axis", "Squeeze", 13, { X(1, 3), LIST(2) }, {}, { X(1) }, .code = -EINVAL, .says = "axis 2" },
        { "axes of another type",
          "Squeeze",
          13,
          { X(1, 3), { .type = NN_FLOAT32, .constant = true, SHAPE(1) } },
          {},
          { X(1) },
          .code = -EBADMSG,
          .says = "float32" },
        { "more axes than there can be",
          "Squeeze",
          11,
          { X(1) },
          { { .name = "axes", INTS(0, 1, 2, 3, 4, 5, 6, 7, 8) } },
          { X(1) },
          .code = -EINVAL,
          .says = "9 axes" },
        {},
};

static const struct op_case unsqueezes[] = {
        { "by attribute", "Unsqueeze", 11, { X(3) }, { { .name = "axes", INTS(0, 2) } }, { X(1, 3, 1) } },
        { "by input, from the end", "Unsqueeze", 13, { X(3), LIST(-1) }, {}, { X(3, 1) } },
        { "too many",
          "Unsqueeze",
          13,
          { X(3), LIST(0, 1, 2, 3, 4, 5, 6, 7) },
          {},
          { X(3) },
          .code = -EINVAL,
          .says = "axes" },
        { "axes that are an input",
          "Unsqueeze",
          13,
          { X(3), { .type = NN_INT64, SHAPE(1) } },
          {},
          { X(3) },
          .code = -EOPNOTSUPP,
          .says = "not constant" },
        {},
};

#define INT64(...)                                                                                \
        {                                                                                         \
                .type = NN_INT64, .n_dims = 1, .dims = { ARGS(__VA_ARGS__) }, VALUES(__VA_ARGS__) \
        }

static const struct op_case shapes[] = {
        { "all", "Shape", 13, { X(2, 3, 4) }, {}, { INT64(2, 3, 4) } },
        { "a part",
          "Shape",
          15,
          { X(2, 3, 4) },
          { { .name = "start", .kind = ONNX_INT, .i = -2 }, { .name = "end", .kind = ONNX_INT, .i = 9 } },
          { INT64(3, 4) } },
        { "from before the first",
          "Shape",
          15,
          { X(2, 3, 4) },
          { { .name = "start", .kind = ONNX_INT, .i = -9 }, { .name = "end", .kind = ONNX_INT, .i = -1 } },
          { INT64(2, 3) } },
        { "nothing",
          "Shape",
          15,
          { X(2, 3) },
          { { .name = "start", .kind = ONNX_INT, .i = 2 } },
          { { .type = NN_INT64, SHAPE(0) } } },
        {},
};

static const struct op_case constants[] = {
        { "an integer",
          "Constant",
          13,
          {},
          { { .name = "value_int", .kind = ONNX_INT, .i = 7 } },
          { { .type = NN_INT64, VALUES(7) } } },
        { "a number",
          "Constant",
          13,
          {},
          { { .name = "value_float", .kind = ONNX_FLOAT, .f = 0.5f } },
          { { .type = NN_FLOAT32, VALUES(0.5) } } },
        { "integers", "Constant", 13, {}, { { .name = "value_ints", INTS(3, -4) } }, { INT64(3, -4) } },
        { "numbers",
          "Constant",
          13,
          {},
          { { .name = "value_floats", .kind = ONNX_FLOATS, .floats = (const float[]){ 1, 2.5f }, .n = 2 } },
          { { .type = NN_FLOAT32, SHAPE(2), VALUES(1, 2.5) } } },
        { "two values",
          "Constant",
          13,
          {},
          { { .name = "value_int", .kind = ONNX_INT }, { .name = "value_float", .kind = ONNX_FLOAT } },
          { { .type = NN_INT64 } },
          .code = -EBADMSG,
          .says = "2 attributes" },
        {},
};

static const struct op_case dropouts[] = {
        { "with its mask", "Dropout", 13, { X(3) }, {}, { X(3), { .type = NN_BOOL, SHAPE(3), VALUES(1) } } },
        { "training",
          "Dropout",
          13,
          { X(3), { 0 }, { .type = NN_BOOL, .constant = true, VALUES(1) } },
          {},
          { X(3) },
          .code = -EOPNOTSUPP,
          .says = "training" },
        { "training, by default", "Dropout", 6, { X(3) }, {}, { X(3) }, .code = -EOPNOTSUPP, .says = "training" },
        { "a mask of floats", "Dropout", 7, { X(3) }, {}, { X(3), { .type = NN_FLOAT32, SHAPE(3), VALUES(1, 1, 1) } } },
        { "identity", "Identity", 13, { X(2, 2) }, {}, { X(2, 2) } },
        {},
};

static void test_reshape(void **state)
{
        run_cases(reshapes);
        run_cases(flattens);
}

static void test_squeeze(void **state)
{
        run_cases(squeezes);
        run_cases(unsqueezes);
}

static void test_shape(void **state)
{
        run_cases(shapes);
}

static void test_constant(void **state)
{
        run_cases(constants);
}

static void test_dropout(void **state)
{
        run_cases(dropouts);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reshape),  cmocka_unit_test(test_squeeze), cmocka_unit_test(test_shape),
                cmocka_unit_test(test_constant), cmocka_unit_test(test_dropout),
        };

        return cmocka_run_group_tests_name("op shape", tests, NULL, NULL);
}
