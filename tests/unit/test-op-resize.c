/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resize: each way to say where an output value lies in the input. Expected
 * values are worked out by hand. */
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
#define SCALES(...)                                                                                                   \
        {                                                                                                             \
                .type = NN_FLOAT32, .constant = true, .n_dims = 1, .dims = { ARGS(__VA_ARGS__) }, VALUES(__VA_ARGS__) \
        }
#define SIZES(...)                                                                                                  \
        {                                                                                                           \
                .type = NN_INT64, .constant = true, .n_dims = 1, .dims = { ARGS(__VA_ARGS__) }, VALUES(__VA_ARGS__) \
        }
#define NONE      \
        {         \
                0 \
        }
#define TEXT(n, v)                                         \
        {                                                  \
                .name = (n), .kind = ONNX_STRING, .s = (v) \
        }
#define LINEAR TEXT("mode", "linear")
#define COORDINATES(v) TEXT("coordinate_transformation_mode", v)
#define ROUNDING(v) TEXT("nearest_mode", v)

static const struct op_case nearests[] = {
        { "opset 10", "Resize", 10, { X(2), SCALES(2) }, {}, { Y(S(4), 0, 0, 1, 1) } },
        { "by sizes", "Resize", 13, { X(2), NONE, NONE, SIZES(4) }, {}, { Y(S(4), 0, 0, 1, 1) } },
        { "smaller", "Resize", 13, { X(4), NONE, SCALES(0.5) }, {}, { Y(S(2), 0, 2) } },
        { "ceil",
          "Resize",
          13,
          { X(4), NONE, SCALES(0.5) },
          { COORDINATES("asymmetric"), ROUNDING("ceil") },
          { Y(S(2), 0, 2) } },
        { "asymmetric, ceil, larger",
          "Resize",
          13,
          { X(2), NONE, SCALES(2) },
          { COORDINATES("asymmetric"), ROUNDING("ceil") },
          { Y(S(4), 0, 1, 1, 1) } },
        { "halves are rounded up",
          "Resize",
          13,
          { X(4), NONE, SCALES(0.5) },
          { ROUNDING("round_prefer_ceil") },
          { Y(S(2), 1, 3) } },
        { "tensorflow's way",
          "Resize",
          11,
          { X(4), NONE, SCALES(0.5) },
          { COORDINATES("tf_half_pixel_for_nn"), ROUNDING("floor") },
          { Y(S(2), 1, 3) } },
        { "whole factors on the last two of four",
          "Resize",
          13,
          { X(1, 1, 1, 2), NONE, SCALES(1, 1, 2, 2) },
          { COORDINATES("asymmetric"), ROUNDING("floor") },
          { Y(S(1, 1, 2, 4), 0, 0, 1, 1, 0, 0, 1, 1) } },
        { "bytes",
          "Resize",
          13,
          { { .type = NN_UINT8, SHAPE(2) }, NONE, SCALES(2) },
          {},
          { { .type = NN_UINT8, SHAPE(4), VALUES(0, 0, 1, 1) } } },
        {},
};

static const struct op_case linears[] = {
        { "half pixels",
          "Resize",
          13,
          { X(1, 1, 1, 2), NONE, SCALES(1, 1, 1, 2) },
          { LINEAR },
          { Y(S(1, 1, 1, 4), 0, 0.25, 0.75, 1) },
          .tolerance = 1e-6 },
        { "both axes",
          "Resize",
          13,
          { X(1, 1, 2, 2), NONE, SCALES(1, 1, 2, 2) },
          { LINEAR },
          { Y(S(1, 1, 4, 4), 0, 0.25, 0.75, 1, 0.5, 0.75, 1.25, 1.5, 1.5, 1.75, 2.25, 2.5, 2, 2.25, 2.75, 3) },
          .tolerance = 1e-6 },
        { "several channels and images",
          "Resize",
          13,
          { X(2, 2, 1, 2), NONE, SCALES(1, 1, 1, 1.5) },
          { LINEAR, COORDINATES("align_corners") },
          { Y(S(2, 2, 1, 3), 0, 0.5, 1, 2, 2.5, 3, 4, 4.5, 5, 6, 6.5, 7) },
          .tolerance = 1e-6 },
        { "corners on corners",
          "Resize",
          13,
          { X(3), NONE, NONE, SIZES(5) },
          { LINEAR, COORDINATES("align_corners") },
          { Y(S(5), 0, 0.5, 1, 1.5, 2) },
          .tolerance = 1e-6 },
        { "asymmetric",
          "Resize",
          13,
          { X(2, 2), NONE, SCALES(1, 2) },
          { LINEAR, COORDINATES("asymmetric") },
          { Y(S(2, 4), 0, 0.5, 1, 1, 2, 2.5, 3, 3) },
          .tolerance = 1e-6 },
        { "to one value as pytorch does",
          "Resize",
          13,
          { X(4), NONE, NONE, SIZES(1) },
          { LINEAR, COORDINATES("pytorch_half_pixel") },
          { Y(S(1), 0) } },
        { "smaller",
          "Resize",
          13,
          { X(1, 1, 4, 4), NONE, SCALES(1, 1, 0.5, 0.5) },
          { LINEAR },
          { Y(S(1, 1, 2, 2), 2.5, 4.5, 10.5, 12.5) },
          .tolerance = 1e-6 },
        { "the first axis, too",
          "Resize",
          13,
          { X(2, 2), NONE, SCALES(2, 1) },
          { LINEAR },
          { Y(S(4, 2), 0, 1, 0.5, 1.5, 1.5, 2.5, 2, 3) },
          .tolerance = 1e-6 },
        {},
};

static const struct op_case upsamples[] = {
        { "opset 9", "Upsample", 9, { X(2), SCALES(2) }, {}, { Y(S(4), 0, 0, 1, 1) } },
        { "opset 7",
          "Upsample",
          7,
          { X(2) },
          { { .name = "scales", .kind = ONNX_FLOATS, .floats = (const float[]){ 3 }, .n = 1 } },
          { Y(S(6), 0, 0, 0, 1, 1, 1) } },
        { "linear", "Upsample", 9, { X(2), SCALES(2) }, { LINEAR }, { Y(S(4), 0, 0.5, 1, 1) } },
        { "one of two axes",
          "Resize",
          18,
          { X(1, 2), NONE, SCALES(2) },
          { { .name = "axes", INTS(1) } },
          { Y(S(1, 4), 0, 0, 1, 1) } },
        { "antialias",
          "Resize",
          18,
          { X(2), NONE, SCALES(2) },
          { { .name = "antialias", .kind = ONNX_INT, .i = 1 } },
          { X(4) },
          .code = -EOPNOTSUPP,
          .says = "antialias" },
        { "an axis twice",
          "Resize",
          18,
          { X(1, 2), NONE, SCALES(2, 2) },
          { { .name = "axes", INTS(1, -1) } },
          { X(4) },
          .code = -EINVAL,
          .says = "twice" },
        {},
};

static const struct op_case refused[] = {
        { "cubic",
          "Resize",
          13,
          { X(2), NONE, SCALES(2) },
          { TEXT("mode", "cubic") },
          { X(4) },
          .code = -EOPNOTSUPP,
          .says = "cubic" },
        { "a crop",
          "Resize",
          13,
          { X(2), NONE, SCALES(2) },
          { COORDINATES("tf_crop_and_resize") },
          { X(4) },
          .code = -EOPNOTSUPP,
          .says = "tf_crop" },
        { "exclude_outside",
          "Resize",
          13,
          { X(2), NONE, SCALES(2) },
          { { .name = "exclude_outside", .kind = ONNX_INT, .i = 1 } },
          { X(4) },
          .code = -EOPNOTSUPP,
          .says = "exclude_outside" },
        { "scales and sizes",
          "Resize",
          13,
          { X(2), NONE, SCALES(2), SIZES(4) },
          {},
          { X(4) },
          .code = -EINVAL,
          .says = "both" },
        { "too few sizes",
          "Resize",
          13,
          { X(2, 2), NONE, NONE, SIZES(4) },
          {},
          { X(4) },
          .code = -EINVAL,
          .says = "1 sizes" },
        { "a size of 0",
          "Resize",
          13,
          { X(2), NONE, NONE, SIZES(0) },
          {},
          { X(4) },
          .code = -EINVAL,
          .says = "size of 0" },
        { "too few scales",
          "Resize",
          13,
          { X(2, 2), NONE, SCALES(2) },
          {},
          { X(4) },
          .code = -EINVAL,
          .says = "scales" },
        { "to nothing", "Resize", 13, { X(2), NONE, SCALES(0.1) }, {}, { X(4) }, .code = -EINVAL, .says = "scale of" },
        { "not a number",
          "Resize",
          13,
          { X(2), NONE, SCALES(NAN) },
          {},
          { X(4) },
          .code = -EINVAL,
          .says = "scale of" },
        { "scales that are an input",
          "Resize",
          13,
          { X(2), NONE, { .type = NN_FLOAT32, SHAPE(1) } },
          {},
          { X(4) },
          .code = -EOPNOTSUPP,
          .says = "scales" },
        { "a scalar",
          "Resize",
          13,
          { { .type = NN_FLOAT32 }, NONE, SCALES(2) },
          {},
          { X(4) },
          .code = -EINVAL,
          .says = "scalar" },
        { "linear bytes",
          "Resize",
          13,
          { { .type = NN_UINT8, SHAPE(2) }, NONE, SCALES(2) },
          { LINEAR },
          { X(4) },
          .code = -EOPNOTSUPP,
          .says = "uint8" },
        {},
};

static void test_nearest(void **state)
{
        run_cases(nearests);
        run_cases(upsamples);
}

static void test_linear(void **state)
{
        run_cases(linears);
}

static void test_refused(void **state)
{
        run_cases(refused);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nearest),
                cmocka_unit_test(test_linear),
                cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests_name("op resize", tests, NULL, NULL);
}
