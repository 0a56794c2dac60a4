/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From an alignment to the classifier's input. */
#undef NDEBUG
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/vision/crop.h"

/* Where the map carries pixel (@x, @y) of the crop. */
static void apply(const struct nn_affine *m, double x, double y, double *ret_x, double *ret_y)
{
        *ret_x = m->m[0] * x + m->m[1] * y + m->m[2];
        *ret_y = m->m[3] * x + m->m[4] * y + m->m[5];
}

static void test_square(void **state)
{
        struct emo_alignment a = { .x = 100, .y = 50, .side_px = 96, .confidence = 1 };
        struct nn_affine m;
        double x, y;

        assert_int_equal(crop_map(&face_template_fer2013, &a, 48, 48, &m), 0);
        apply(&m, 23.5, 23.5, &x, &y);
        assert_float_equal(x, 100, 1e-9);
        assert_float_equal(y, 50, 1e-9);
        apply(&m, -0.5, -0.5, &x, &y); /* outer corner of the first pixel */
        assert_float_equal(x, 52, 1e-9);
        assert_float_equal(y, 2, 1e-9);
        /* an oblong input keeps the centre and the scale */
        assert_int_equal(crop_map(&face_template_fer2013, &a, 64, 48, &m), 0);
        apply(&m, 31.5, 23.5, &x, &y);
        assert_float_equal(x, 100, 1e-9);
        assert_float_equal(y, 50, 1e-9);
        assert_float_equal(m.m[0], 2, 1e-9);
}

/* Landmarks whose eyes and mouth are the corners of a triangle, turned by @roll about (@x, @y). */
static struct emo_alignment face_at(double x, double y, double side, double roll)
{
        static const double where[3][2] = { { -0.192, -0.12 }, { 0.192, -0.12 }, { 0, 0.29 } };
        struct emo_alignment a = { .n_points = EMO_MAX_LANDMARKS, .confidence = 1 };

        for (size_t i = 36; i < EMO_MAX_LANDMARKS; i++) {
                const double *p = where[i < 42 ? 0 : i < 48 ? 1 : 2];

                a.points[i][0] = (float)(x + side * (p[0] * cos(roll) - p[1] * sin(roll)));
                a.points[i][1] = (float)(y + side * (p[0] * sin(roll) + p[1] * cos(roll)));
        }
        return a;
}

static void test_landmarks(void **state)
{
        static const double rolls[] = { 0, 0.5, -0.5, 2 };

        for (size_t i = 0; i < ARRAY_LEN(rolls); i++) {
                struct emo_alignment a = face_at(200, 120, 150, rolls[i]);
                struct nn_affine m;
                double x, y;

                assert_int_equal(crop_map(&face_template_fer2013, &a, 48, 48, &m), 0);
                apply(&m, 23.5, 23.5, &x, &y);
                assert_float_equal(x, 200, 0.01);
                assert_float_equal(y, 120, 0.01);
                assert_float_equal(hypot(m.m[0], m.m[3]), 150 / 48., 0.01);
                assert_float_equal(atan2(m.m[3], m.m[0]), rolls[i], 0.001);
        }
        struct emo_alignment same = { .n_points = EMO_MAX_LANDMARKS, .confidence = 1 };
        struct nn_affine m;

        assert_int_equal(crop_map(&face_template_fer2013, &same, 48, 48, &m), -EINVAL);
}

static void test_pixels(void **state)
{
        uint8_t pixels[64 * 64];
        struct frame f = { .width_px = 64, .height_px = 64, .gray = pixels, .gray_stride_bytes = 64 };
        struct emo_alignment a = { .x = 31.5, .y = 31.5, .side_px = 16, .confidence = 1 };
        float crop[16 * 16];

        for (unsigned i = 0; i < sizeof(pixels); i++)
                pixels[i] = (uint8_t)(i % 64 * 2 + i / 64);
        assert_int_equal(crop_face(&face_template_fer2013, &f, &a, 16, 16, crop, NULL), 0);
        assert_float_equal(crop[0], 24 * 2 + 24, 1e-3);
        assert_float_equal(crop[255], 39 * 2 + 39, 1e-3);
        /* beyond the border its pixels repeat */
        a.x = a.y = -100;
        assert_int_equal(crop_face(&face_template_fer2013, &f, &a, 16, 16, crop, NULL), 0);
        assert_float_equal(crop[100], pixels[0], 1e-3);
        f.gray = NULL;
        assert_int_equal(crop_face(&face_template_fer2013, &f, &a, 16, 16, crop, NULL), -EINVAL);
}

/* Three planes, red first, at the same places as the gray one; shrunk by three they are means. */
static void test_colours(void **state)
{
        uint8_t gray[64 * 64], bgr[64 * 64 * 3];
        struct frame f = { .width_px = 64,
                           .height_px = 64,
                           .gray = gray,
                           .gray_stride_bytes = 64,
                           .bgr = bgr,
                           .bgr_stride_bytes = 192 };
        struct emo_alignment a = { .x = 31.5, .y = 31.5, .confidence = 1 };
        float crop[16 * 16], planes[3 * 16 * 16];

        for (unsigned i = 0; i < sizeof(gray); i++) {
                gray[i] = (uint8_t)(i % 64 * 2 + i / 64);
                bgr[3 * i] = (uint8_t)(255 - gray[i]);
                bgr[3 * i + 1] = 7;
                bgr[3 * i + 2] = gray[i];
        }
        for (unsigned k = 0; k < 3; k++) {
                a.side_px = k == 1 ? 48 : 16;
                a.x = a.y = k == 2 ? 60 : 31.5f; /* the last reaches beyond the border */
                assert_int_equal(crop_face(&face_template_fer2013, &f, &a, 16, 16, crop, NULL), 0);
                assert_int_equal(crop_colour(&face_template_fer2013, &f, &a, 16, 16, planes), 0);
                for (unsigned i = 0; i < 256; i++) {
                        assert_float_equal(planes[i], crop[i], 1e-2);
                        assert_float_equal(planes[256 + i], 7, 1e-3);
                        assert_float_equal(planes[512 + i], 255 - crop[i], 1e-2);
                }
        }
        f.bgr_stride_bytes = 191;
        assert_int_equal(crop_colour(&face_template_fer2013, &f, &a, 16, 16, planes), -EINVAL);
        f.bgr = NULL;
        assert_int_equal(crop_colour(&face_template_fer2013, &f, &a, 16, 16, planes), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_square),
                cmocka_unit_test(test_landmarks),
                cmocka_unit_test(test_pixels),
                cmocka_unit_test(test_colours),
        };

        return cmocka_run_group_tests_name("crop", tests, NULL, NULL);
}
