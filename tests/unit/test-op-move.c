/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operators that move values: Transpose, Concat, Slice, Gather, Pad. */
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
#define Y(shape, ...)                                          \
        {                                                      \
                .type = NN_FLOAT32, shape, VALUES(__VA_ARGS__) \
        }
#define S(...) SHAPE(__VA_ARGS__)
#define ARGS(...) (sizeof((const double[]){ __VA_ARGS__ }) / sizeof(double))
#define LIST(...)                                                                                                   \
        {                                                                                                           \
                .type = NN_INT64, .constant = true, .n_dims = 1, .dims = { ARGS(__VA_ARGS__) }, VALUES(__VA_ARGS__) \
        }
#define AXIS(a)                                                    \
        {                                                          \
                {                                                  \
                        .name = "axis", .kind = ONNX_INT, .i = (a) \
                }                                                  \
        }

static const struct op_case transposes[] = {
        { "reversed", "Transpose", 13, { X(2, 3) }, {}, { Y(S(3, 2), 0, 3, 1, 4, 2, 5) } },
        { "a perm",
          "Transpose",
          13,
          { X(1, 2, 3) },
          { { .name = "perm", INTS(1, 0, 2) } },
          { Y(S(2, 1, 3), 0, 1, 2, 3, 4, 5) } },
        { "bytes",
          "Transpose",
          13,
          { { .type = NN_UINT8, SHAPE(2, 2) } },
          {},
          { { .type = NN_UINT8, SHAPE(2, 2), VALUES(0, 2, 1, 3) } } },
        { "int64",
          "Transpose",
          13,
          { { .type = NN_INT64, SHAPE(2, 2) } },
          {},
          { { .type = NN_INT64, SHAPE(2, 2), VALUES(0, 2, 1, 3) } } },
        { "a perm that is too short",
          "Transpose",
          13,
          { X(2, 3) },
          { { .name = "perm", INTS(0) } },
          { X(2, 3) },
          .code = -EINVAL,
          .says = "perm of 1" },
        { "an axis twice",
          "Transpose",
          13,
          { X(2, 3) },
          { { .name = "perm", INTS(1, 1) } },
          { X(2, 3) },
          .code = -EINVAL,
          .says = "perm holds 1" },
        {},
};

static const struct op_case concats[] = {
        { "rows", "Concat", 13, { X(1, 2), X(2, 2) }, AXIS(0), { Y(S(3, 2), 0, 1, 0, 1, 2, 3) } },
        { "columns", "Concat", 13, { X(2, 1), X(2, 2) }, AXIS(-1), { Y(S(2, 3), 0, 0, 1, 1, 2, 3) } },
        { "lengths that do not fit",
          "Concat",
          13,
          { X(2, 1), X(3, 2) },
          AXIS(1),
          { X(1) },
          .code = -EINVAL,
          .says = "input 1" },
        { "types that do not fit",
          "Concat",
          13,
          { X(2, 1), { .type = NN_INT64, SHAPE(2, 1) } },
          AXIS(1),
          { X(1) },
          .code = -EINVAL,
          .says = "match" },
        { "no axis", "Concat", 13, { X(2, 1) }, {}, { X(2, 1) }, .code = -EBADMSG, .says = "axis" },
        { "no such axis", "Concat", 13, { X(2, 1) }, AXIS(2), { X(2, 1) }, .code = -EINVAL, .says = "axis 2" },
        {},
};

static const struct op_case slices[] = {
        { "by attributes",
          "Slice",
          9,
          { X(3, 3) },
          { { .name = "starts", INTS(1, 0) }, { .name = "ends", INTS(3, 2) } },
          { Y(S(2, 2), 3, 4, 6, 7) } },
        { "an axis by attributes",
          "Slice",
          9,
          { X(2, 3) },
          { { .name = "starts", INTS(-1) }, { .name = "ends", INTS(9) }, { .name = "axes", INTS(1) } },
          { Y(S(2, 1), 2, 5) } },
        { "every second", "Slice", 13, { X(5), LIST(0), LIST(5), LIST(0), LIST(2) }, {}, { Y(S(3), 0, 2, 4) } },
        { "backwards", "Slice", 13, { X(4), LIST(-1), LIST(-9), LIST(0), LIST(-1) }, {}, { Y(S(4), 3, 2, 1, 0) } },
        { "backwards by two", "Slice", 13, { X(5), LIST(3), LIST(0), LIST(-1), LIST(-2) }, {}, { Y(S(2), 3, 1) } },
        { "from before the first", "Slice", 13, { X(3), LIST(-9), LIST(2) }, {}, { Y(S(2), 0, 1) } },
        { "a step of 0",
          "Slice",
          13,
          { X(3), LIST(0), LIST(2), LIST(0), LIST(0) },
          {},
          { X(3) },
          .code = -EINVAL,
          .says = "step of 0" },
        { "an axis twice",
          "Slice",
          13,
          { X(3, 3), LIST(0, 0), LIST(1, 1), LIST(1, -1) },
          {},
          { X(3) },
          .code = -EINVAL,
          .says = "twice" },
        { "lists of different lengths",
          "Slice",
          13,
          { X(3, 3), LIST(0, 0), LIST(1) },
          {},
          { X(3) },
          .code = -EINVAL,
          .says = "length" },
        { "no ends",
          "Slice",
          9,
          { X(3) },
          { { .name = "starts", INTS(0) } },
          { X(3) },
          .code = -EINVAL,
          .says = "ends" },
        { "starts that are an input",
          "Slice",
          13,
          { X(3), { .type = NN_INT64, SHAPE(1) }, LIST(1) },
          {},
          { X(3) },
          .code = -EOPNOTSUPP,
          .says = "starts" },
        {},
};

static const struct op_case gathers[] = {
        { "rows", "Gather", 13, { X(3, 2), LIST(2, -3) }, {}, { Y(S(2, 2), 4, 5, 0, 1) } },
        { "a column, by int32",
          "Gather",
          13,
          { X(2, 3), { .type = NN_INT32, .constant = true, VALUES(1) } },
          AXIS(1),
          { Y(S(2), 1, 4) } },
        { "an index of the input",
          "Gather",
          13,
          { X(3), { .type = NN_INT64, SHAPE(1), VALUES(2) } },
          {},
          { Y(S(1), 2) } },
        { "an index past the end",
          "Gather",
          13,
          { X(3), { .type = NN_INT64, SHAPE(1), VALUES(3) } },
          {},
          { Y(S(1), 2) },
          .run_code = -EINVAL },
        { "indices that are numbers",
          "Gather",
          13,
          { X(3), { .type = NN_FLOAT32, SHAPE(1) } },
          {},
          { X(1) },
          .code = -EINVAL,
          .says = "float32" },
        { "no such axis", "Gather", 13, { X(3), LIST(0) }, AXIS(1), { X(1) }, .code = -EINVAL, .says = "axis 1" },
        {},
};

#define MODE(m)                                               \
        {                                                     \
                .name = "mode", .kind = ONNX_STRING, .s = (m) \
        }

static const struct op_case pads[] = {
        { "zeros", "Pad", 13, { X(2, 2), LIST(0, 1, 1, 0) }, {}, { Y(S(3, 3), 0, 0, 1, 0, 2, 3, 0, 0, 0) } },
        { "a value",
          "Pad",
          13,
          { X(2), LIST(1, 2), { .type = NN_FLOAT32, .constant = true, VALUES(7) } },
          {},
          { Y(S(5), 7, 0, 1, 7, 7) } },
        { "by attributes",
          "Pad",
          10,
          { X(2) },
          { { .name = "pads", INTS(1, 0) }, { .name = "value", .kind = ONNX_FLOAT, .f = -1 } },
          { Y(S(3), -1, 0, 1) } },
        { "reflected", "Pad", 13, { X(3), LIST(2, 2) }, { MODE("reflect") }, { Y(S(7), 2, 1, 0, 1, 2, 1, 0) } },
        { "the edge",
          "Pad",
          13,
          { X(2, 2), LIST(1, 0, 0, 1) },
          { MODE("edge") },
          { Y(S(3, 3), 0, 1, 1, 0, 1, 1, 2, 3, 3) } },
        { "cut off", "Pad", 13, { X(4), LIST(-1, -1) }, {}, { Y(S(2), 1, 2) } },
        { "cut off and made longer",
          "Pad",
          13,
          { X(2, 3), LIST(0, -1, 0, 2) },
          {},
          { Y(S(2, 4), 1, 2, 0, 0, 4, 5, 0, 0) } },
        { "bytes",
          "Pad",
          13,
          { { .type = NN_UINT8, SHAPE(2) }, LIST(0, 1), { .type = NN_UINT8, .constant = true, VALUES(9) } },
          {},
          { { .type = NN_UINT8, SHAPE(3), VALUES(0, 1, 9) } } },
        { "in three dims",
          "Pad",
          13,
          { X(1, 2, 2), LIST(0, 1, 0, 1, 0, 1) },
          {},
          { Y(S(2, 3, 3), 0, 0, 0, 0, 1, 0, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) } },
        { "of some axes", "Pad", 18, { X(2, 2), LIST(1, 0), { 0 }, LIST(-1) }, {}, { Y(S(2, 3), 0, 0, 1, 0, 2, 3) } },
        { "channels, whose pixels stay together",
          "Pad",
          13,
          { X(1, 2, 2), LIST(0, 1, 0, 0, 1, 0), { .type = NN_FLOAT32, .constant = true, VALUES(9) } },
          {},
          { Y(S(1, 4, 2), 9, 9, 0, 1, 2, 3, 9, 9) } },
        { "reflected rows",
          "Pad",
          13,
          { X(3, 2), LIST(1, 0, 1, 0) },
          { MODE("reflect") },
          { Y(S(5, 2), 2, 3, 0, 1, 2, 3, 4, 5, 2, 3) } },
        { "reflected further than there is",
          "Pad",
          13,
          { X(2), LIST(2, 0) },
          { MODE("reflect") },
          { X(4) },
          .code = -EINVAL,
          .says = "pads of 2" },
        { "more cut off than there is",
          "Pad",
          13,
          { X(2), LIST(-2, -1) },
          {},
          { X(4) },
          .code = -EINVAL,
          .says = "pads of -2" },
        { "too few pads",
          "Pad",
          13,
          { X(2, 2), LIST(1, 1) },
          {},
          { X(4) },
          .code = -EINVAL,
          .says = "pads do not match" },
        { "an unknown mode",
          "Pad",
          13,
          { X(2), LIST(1, 1) },
          { MODE("mirror") },
          { X(4) },
          .code = -EOPNOTSUPP,
          .says = "mirror" },
        { "a value of another type",
          "Pad",
          13,
          { X(2), LIST(1, 1), LIST(7) },
          {},
          { X(4) },
          .code = -EINVAL,
          .says = "value" },
        { "a value that is an input",
          "Pad",
          13,
          { X(2), LIST(1, 1), { .type = NN_FLOAT32, SHAPE(1) } },
          {},
          { X(4) },
          .code = -EOPNOTSUPP,
          .says = "value" },
        {},
};

static void test_transpose(void **state)
{
        run_cases(transposes);
}

static void test_concat(void **state)
{
        run_cases(concats);
}

static void test_slice(void **state)
{
        run_cases(slices);
}

static void test_gather(void **state)
{
        run_cases(gathers);
}

static void test_pad(void **state)
{
        run_cases(pads);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_transpose), cmocka_unit_test(test_concat), cmocka_unit_test(test_slice),
                cmocka_unit_test(test_gather),    cmocka_unit_test(test_pad),
        };

        return cmocka_run_group_tests_name("op move", tests, NULL, NULL);
}
