/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cnn plugin's parts on networks that the test writes: the detector finds white cells, the aligner two dots. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "plugins/cnn/aligner.h"
#include "plugins/cnn/detector.h"
#include "tests/unit/face-nets.h"

#define MAX_SIDE 800

static char path[] = "/tmp/emotiond-test-cnn-XXXXXX";
static uint8_t pixels[MAX_SIDE * MAX_SIDE];

static struct emo_image picture(uint32_t width_px, uint32_t height_px)
{
        memset(pixels, 0, sizeof(pixels));
        return (struct emo_image){ .format = EMO_GRAY8,
                                   .width_px = width_px,
                                   .height_px = height_px,
                                   .stride_bytes = width_px + 5,
                                   .data = pixels };
}

static void draw(const struct emo_image *im, uint32_t x, uint32_t y, uint32_t width, uint32_t height)
{
        for (uint32_t row = y; row < MIN(y + height, im->height_px); row++)
                for (uint32_t column = x; column < MIN(x + width, im->width_px); column++)
                        pixels[row * im->stride_bytes + column] = 255;
}

static struct emo_box box(float x, float y, float width, float height, float confidence)
{
        return (struct emo_box){ x, y, width, height, confidence };
}

static const struct detector_config plain = {
        .threshold = 0.5, .overlap = 0.3, .min_face_px = 20, .face_px = 20, .max_side_px = 640
};

static struct detector *load(const struct face_detector_net *net, const struct detector_config *config)
{
        struct nn_error error = { "" };
        struct detector *d = NULL;

        assert_int_equal(face_net_write_detector(path, net), 0);
        if (detector_new(path, config, &d, &error) < 0)
                fail_msg("%s", error.text);
        return d;
}

static int find(struct detector *d, const struct emo_image *im, const struct emo_detect_hints *hints,
                struct emo_box *ret, size_t max)
{
        struct nn_error error = { "" };
        int n = detector_find(d, im, hints, ret, max, &error);

        if (n < 0)
                fail_msg("%d: %s", n, error.text);
        return n;
}

static void expect_box(const struct emo_box *b, double x, double y, double width, double height)
{
        assert_float_equal(b->x, x, 0.01);
        assert_float_equal(b->y, y, 0.01);
        assert_float_equal(b->width, width, 0.01);
        assert_float_equal(b->height, height, 0.01);
}

static const struct emo_detect_hints everywhere;

/* One white cell, at column 5 and row 3, of a picture as large as the input: both forms and all framings. */
static void test_forms(void **state)
{
        static const struct {
                struct face_detector_net net;
                double x, y, width, height;
        } cases[] = {
                { { .box = "face", .size = { 4, 5 } }, 44 - 16, 28 - 20, 32, 40 },
                { { .box = "face",
                    .task = "detect",
                    .normalisation = "unit",
                    .size = { 4, 4 },
                    .dx = 0.25,
                    .dy = -0.5 },
                  46 - 16,
                  24 - 16,
                  32,
                  32 },
                { { .box = "head", .size = { 4, 5 } }, 44 - 17.7, 28 - 17.7, 35.4, 35.4 },
                { { .size = { 4, 5 } }, 44 - 17.7, 28 - 17.7, 35.4, 35.4 },
                { { .yunet = true, .size = { 4, 5 } }, 44 - 17.7, 28 - 17.7, 35.4, 35.4 },
                { { .yunet = true, .width = 640, .height = 640, .size = { 4, 5 } }, 44 - 17.7, 28 - 17.7, 35.4, 35.4 },
                { { .yunet = true, .width = 320, .height = 160, .fixed_lists = true, .size = { 4, 5 } },
                  44 - 17.7,
                  28 - 17.7,
                  35.4,
                  35.4 },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct detector *d = load(&cases[i].net, &plain);
                struct emo_image im = picture(320, 160);
                struct emo_box b[4];

                assert_int_equal(find(d, &im, &everywhere, b, 4), 0);
                draw(&im, 40, 24, 8, 8);
                assert_int_equal(find(d, &im, &everywhere, b, 4), 1);
                expect_box(b, cases[i].x - 0.5, cases[i].y - 0.5, cases[i].width, cases[i].height);
                assert_true(b[0].confidence > 0.99f);
                detector_free(d);
        }
}

/* Faces of 40 pixels need half the picture; sides that are no multiple of 32 are filled up. */
static void test_scales(void **state)
{
        static const struct {
                uint32_t width, height, min_face_px, max_side;
                double scale; /* pixels of the picture in one of the input */
        } cases[] = {
                { 640, 480, 40, 640, 2 }, { 640, 480, 50, 640, 2.5 }, { 650, 490, 20, 640, 650 / 640. },
                { 320, 240, 20, 640, 1 }, { 200, 100, 10, 640, 1 },   { 640, 480, 20, 320, 2 },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct detector_config config = plain;
                struct emo_detect_hints hints = { .min_face_px = cases[i].min_face_px };
                double s = cases[i].scale;
                struct detector *d;
                struct emo_box b[4];

                config.max_side_px = cases[i].max_side;
                d = load(&(struct face_detector_net){ .box = "face", .size = { 8, 8 } }, &config);
                struct emo_image im = picture(cases[i].width, cases[i].height);

                draw(&im, (uint32_t)floor(32 * s), (uint32_t)floor(64 * s), (uint32_t)ceil(8 * s) + 1,
                     (uint32_t)ceil(8 * s) + 1);
                assert_int_equal(find(d, &im, &hints, b, 4), 1);
                assert_float_equal(b[0].x, (36 - 32) * s - 0.5, 0.6);
                assert_float_equal(b[0].y, (68 - 32) * s - 0.5, 0.6);
                assert_float_equal(b[0].width, 64 * s, 0.6);
                detector_free(d);
        }
}

static void test_hints(void **state)
{
        struct detector *d = load(&(struct face_detector_net){ .box = "face", .size = { 4, 4 } }, &plain);
        struct emo_image im = picture(640, 480);
        struct emo_detect_hints small = { .max_face_px = 31 }, large = { .min_face_px = 20 };
        struct emo_detect_hints outside = { .roi_x = 700, .roi_width = 50, .roi_height = 50 };
        struct emo_detect_hints roi = { .roi_x = 280, .roi_y = 170, .roi_width = 100, .roi_height = 90 };
        struct emo_box b[4];

        draw(&im, 320, 200, 16, 16);
        draw(&im, 80, 80, 16, 16);
        assert_int_equal(find(d, &im, &large, b, 4), 2);
        assert_int_equal(find(d, &im, &large, b, 1), 1);
        assert_int_equal(find(d, &im, &small, b, 4), 0);
        assert_int_equal(find(d, &im, &outside, b, 4), 0);
        /* about the region the picture is enlarged, and only what lies in it is told */
        roi.min_face_px = 12;
        int n = find(d, &im, &roi, b, 4);

        assert_in_range(n, 1, 2);
        assert_float_equal(b[0].x + b[0].width / 2, 327.5, 8);
        assert_float_equal(b[0].y + b[0].height / 2, 207.5, 8);
        assert_true(b[0].width < 32);
        roi.roi_x = 600;
        assert_int_equal(find(d, &im, &roi, b, 4), 0);
        roi.roi_x = UINT32_MAX;
        assert_int_equal(find(d, &im, &roi, b, 4), 0);
        roi.roi_x = 639;
        roi.roi_width = UINT32_MAX;
        roi.roi_height = UINT32_MAX;
        assert_int_equal(find(d, &im, &roi, b, 4), 0);
        struct nn_error error;

        im.width_px = 40000;
        assert_int_equal(detector_find(d, &im, &everywhere, b, 4, &error), -EFBIG);
        detector_free(d);
}

/* More sizes than are kept: each is planned again when it comes again. */
static void test_many_sizes(void **state)
{
        struct detector *d = load(&(struct face_detector_net){ .box = "face", .size = { 4, 4 } }, &plain);

        for (unsigned round = 0; round < 2; round++)
                for (uint32_t side = 64; side <= 640; side += 64) {
                        struct emo_image im = picture(side, side);
                        struct emo_box b[4];

                        draw(&im, 32, 32, 8, 8);
                        assert_int_equal(find(d, &im, &everywhere, b, 4), 1);
                        expect_box(b, 36 - 16 - 0.5, 36 - 16 - 0.5, 32, 32);
                }
        detector_free(d);
}

static void refuse(const struct face_detector_net *net, const char *reason)
{
        struct nn_error error = { "" };
        struct detector *d = NULL;

        assert_int_equal(face_net_write_detector(path, net), 0);
        assert_int_equal(detector_new(path, &plain, &d, &error), -EINVAL);
        assert_null(d);
        print_message("# %s\n", error.text);
        assert_non_null(strstr(error.text, reason));
}

static void test_refusals(void **state)
{
        struct nn_error error = { "" };
        struct detector *d = NULL;

        refuse(&(struct face_detector_net){ .task = "landmarks" }, "'landmarks'");
        refuse(&(struct face_detector_net){ .normalisation = "strange" }, "strange");
        refuse(&(struct face_detector_net){ .box = "round" }, "round");
        refuse(&(struct face_detector_net){ .no_boxes = true }, "bbox_16");
        refuse(&(struct face_detector_net){ .width = 100, .height = 100 }, "multiples of 32");
        assert_int_equal(face_net_write_points(path, &(struct face_points_net){ 0 }), 0);
        assert_true(detector_new(path, &plain, &d, &error) < 0);
        assert_int_equal(detector_new("/nonexistent/x.onnx", &plain, &d, &error), -ENOENT);
        assert_null(detector_free(NULL));
}

/* Aligner */

#define CROP 1.3

static void draw_eyes(const struct emo_image *im, double x, double y, double side, double roll)
{
        memset(pixels, 0, sizeof(pixels));
        face_net_draw(pixels, im->width_px, im->height_px, im->stride_bytes, x, y, side, roll, CROP);
}

static struct aligner *load_aligner(const struct face_points_net *net)
{
        struct nn_error error = { "" };
        struct aligner *a = NULL;

        assert_int_equal(face_net_write_points(path, net), 0);
        if (aligner_new(path, &a, &error) < 0)
                fail_msg("%s", error.text);
        return a;
}

/* A detector's box of the face of a square. */
static struct emo_box box_of(double x, double y, double side)
{
        side *= 0.885;
        return box((float)(x - side / 2), (float)(y - side / 2), (float)side, (float)side, 1);
}

static void test_align(void **state)
{
        struct aligner *a = load_aligner(&(struct face_points_net){ .crop = CROP });
        struct emo_image im = picture(320, 240);
        struct emo_box b = box_of(150, 130, 90);
        struct emo_alignment r;

        draw_eyes(&im, 150, 130, 90, 0);
        assert_int_equal(aligner_find(a, &im, &b, &r), 0);
        assert_int_equal(r.n_points, 68);
        assert_true(r.confidence > 0.9f);
        assert_float_equal(r.points[36][0], 150 - (0.5 - FACE_NET_EYE_X) * 90, 2);
        assert_float_equal(r.points[45][1], 130 - (0.5 - FACE_NET_EYE_Y) * 90, 2);
        assert_float_equal(r.x, 150, 2);
        assert_float_equal(r.y, 130, 2);
        assert_float_equal(r.side_px, 90, 3);
        assert_float_equal(r.roll_rad, 0, 0.03);
        /* nothing there: no face, and no error */
        b = box_of(60, 60, 40);
        assert_int_equal(aligner_find(a, &im, &b, &r), 0);
        assert_true(r.confidence < 0.1f);
        b = box(0, 0, 0, 0, 1);
        assert_int_equal(aligner_find(a, &im, &b, &r), -EINVAL);
        b = box(NAN, 0, 10, 10, 1);
        assert_int_equal(aligner_find(a, &im, &b, &r), -EINVAL);
        b = box(1e9f, 0, 10, 10, 1);
        assert_int_equal(aligner_find(a, &im, &b, &r), -EINVAL);
        aligner_free(a);
}

/* A face that turns on and on, further than one look from upright could tell, is followed by its last points. */
static void test_follow(void **state)
{
        struct aligner *a = load_aligner(&(struct face_points_net){ .crop = CROP });
        struct emo_image im = picture(320, 240);
        struct emo_alignment r;

        for (int i = 0; i <= 30; i++) {
                double x = 120 + 2 * i, y = 120 + i, roll = 0.1 * i;
                struct emo_box b = box_of(x, y, 80);

                draw_eyes(&im, x, y, 80, roll);
                assert_int_equal(aligner_find(a, &im, &b, &r), 0);
                assert_true(r.confidence > 0.9f);
                assert_float_equal(r.x, x, 1.5);
                assert_float_equal(r.y, y, 1.5);
                assert_float_equal(remainder(r.roll_rad - roll, 2 * M_PI), 0, 0.03);
        }
        /* it is gone, and another one, upright, is elsewhere */
        struct emo_box gone = box_of(182, 151, 80), b = box_of(90, 80, 80);

        draw_eyes(&im, 90, 80, 80, 0);
        assert_int_equal(aligner_find(a, &im, &gone, &r), 0);
        assert_true(r.confidence < 0.5f);
        assert_int_equal(aligner_find(a, &im, &b, &r), 0);
        assert_float_equal(r.roll_rad, 0, 0.03);
        aligner_free(a);
}

static void test_many_faces(void **state)
{
        struct aligner *a = load_aligner(&(struct face_points_net){ .crop = CROP, .sure = true });
        struct emo_image im = picture(640, 480);
        struct emo_alignment r;

        for (unsigned i = 0; i < 500; i++) {
                struct emo_box b = box_of(50 + i * 37 % 550, 50 + i * 53 % 380, 30);

                assert_int_equal(aligner_find(a, &im, &b, &r), 0);
        }
        aligner_free(a);
        assert_null(aligner_free(NULL));
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_forms),      cmocka_unit_test(test_scales),     cmocka_unit_test(test_hints),
                cmocka_unit_test(test_many_sizes), cmocka_unit_test(test_refusals),   cmocka_unit_test(test_align),
                cmocka_unit_test(test_follow),     cmocka_unit_test(test_many_faces),
        };
        int fd = mkstemp(path), r;

        close(fd);
        r = cmocka_run_group_tests_name("cnn", tests, NULL, NULL);
        unlink(path);
        return r;
}
