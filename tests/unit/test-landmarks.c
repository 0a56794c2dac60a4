/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Landmarks from a network that the test writes: it finds two white dots. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "nn/face-template.h"
#include "nn/landmarks.h"
#include "tests/unit/face-nets.h"

#define WIDTH 320
#define HEIGHT 240

static char path[] = "/tmp/emotiond-test-landmarks-XXXXXX";
static uint8_t pixels[HEIGHT][WIDTH];
static const struct nn_image image = { &pixels[0][0], WIDTH, HEIGHT, WIDTH };

static void draw_face(const struct landmarks_square *s, double crop)
{
        memset(pixels, 0, sizeof(pixels));
        face_net_draw(&pixels[0][0], WIDTH, HEIGHT, WIDTH, s->x, s->y, s->side_px, s->roll_rad, crop);
}

static struct landmarks *load(const struct face_points_net *net)
{
        struct nn_error error = { "" };
        struct landmarks *l = NULL;

        assert_int_equal(face_net_write_points(path, net), 0);
        if (landmarks_new(path, &l, &error) < 0)
                fail_msg("%s", error.text);
        return l;
}

static void expect(const struct landmarks_face *f, const struct landmarks_square *s, double tolerance_px)
{
        double c = cos(s->roll_rad), t = sin(s->roll_rad);
        float template[68][2];

        face_net_template(template);
        for (size_t i = 0; i < 68; i++) {
                double u = ((double)template[i][0] - 0.5) * s->side_px, v = ((double)template[i][1] - 0.5) * s->side_px;

                assert_float_equal(f->points[i][0], s->x + c * u - t * v, tolerance_px);
                assert_float_equal(f->points[i][1], s->y + t * u + c * v, tolerance_px);
        }
}

static void test_one_pass(void **state)
{
        static const double crops[] = { 1, 1.3 };

        for (size_t i = 0; i < ARRAY_LEN(crops); i++) {
                struct landmarks *l = load(&(struct face_points_net){ .crop = crops[i] });
                struct landmarks_square s = { 150.3, 121.7, 96, 0.2 };
                struct landmarks_face f;

                draw_face(&s, crops[i]);
                assert_int_equal(landmarks_run(l, &image, &s, &f), 0);
                expect(&f, &s, 1.5);
                assert_true(f.confidence > 0.9f);
                /* the crop need not be where the face is */
                struct landmarks_square off = { 155, 118, 96, 0.15 };

                assert_int_equal(landmarks_run(l, &image, &off, &f), 0);
                expect(&f, &s, 1.5);
                off.side_px = 0;
                assert_int_equal(landmarks_run(l, &image, &off, &f), -EINVAL);
                off.side_px = NAN;
                assert_int_equal(landmarks_run(l, &image, &off, &f), -EINVAL);
                landmarks_free(l);
        }
}

static void test_square_of(void **state)
{
        static const double rolls[] = { 0, 0.4, -1.2, 3 };
        float template[68][2], points[68][2];
        struct landmarks_square s;

        face_net_template(template);
        for (size_t i = 0; i < ARRAY_LEN(rolls); i++) {
                for (size_t k = 0; k < 68; k++) {
                        double u = ((double)template[k][0] - 0.5) * 80, v = ((double)template[k][1] - 0.5) * 80;

                        points[k][0] = (float)(50 + cos(rolls[i]) * u - sin(rolls[i]) * v);
                        points[k][1] = (float)(60 + sin(rolls[i]) * u + cos(rolls[i]) * v);
                }
                assert_true(landmarks_square_of(points, &s));
                assert_float_equal(s.x, 50, 0.01);
                assert_float_equal(s.y, 60, 0.01);
                assert_float_equal(s.side_px, 80, 0.01);
                assert_float_equal(s.roll_rad, rolls[i], 1e-4);
        }
        memset(points, 0, sizeof(points));
        assert_false(landmarks_square_of(points, &s));
        points[40][0] = NAN;
        assert_false(landmarks_square_of(points, &s));
}

/* A face whose eyes and mouth lie where FER2013 has them fills the square that is begun with. */
static void test_square_of_crop(void **state)
{
        const struct face_template *t = &face_template_fer2013;
        struct landmarks_square crop = landmarks_square_of_crop(48), face;
        float points[68][2] = { { 0 } };

        for (unsigned i = 0; i < t->n; i++)
                for (unsigned k = t->parts[i].first; k <= t->parts[i].last; k++) {
                        points[k][0] = t->parts[i].x * 48 - 0.5f;
                        points[k][1] = t->parts[i].y * 48 - 0.5f;
                }
        assert_true(landmarks_square_of(points, &face));
        assert_float_equal(crop.side_px, face.side_px, 0.05 * 48);
        assert_float_equal(crop.x, face.x, 0.02 * 48);
        assert_float_equal(crop.y, face.y, 0.02 * 48);
        assert_float_equal(crop.roll_rad, 0, 0);
        /* twice the picture, the same place */
        assert_float_equal(landmarks_square_of_crop(96).side_px, 2 * crop.side_px, 1e-9);
        assert_float_equal(landmarks_square_of_crop(96).x, 2 * crop.x + 0.5, 1e-9);
}

/* From crops that the network has not been made for, pass by pass to the one that it has. */
static void test_convergence(void **state)
{
        static const struct {
                double dx, dy, grown, roll; /* shares of the side, factor, of the face against the start */
        } cases[] = { { 0.08, 0.15, 1, 0 }, { -0.05, -0.15, 1, 0.1 }, { 0, 0, 1, 0.5 }, { 0, -0.05, 1, -0.55 } };
        struct landmarks *l = load(&(struct face_points_net){ .crop = 1.3 });

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct landmarks_square start = { 160, 120, 80, 0 }, end;
                struct landmarks_square s = { 160 + cases[i].dx * 80, 120 + cases[i].dy * 80, 80 * cases[i].grown,
                                              cases[i].roll };
                struct landmarks_face f;

                draw_face(&s, 1.3);
                assert_int_equal(landmarks_find(l, &image, &start, 3, &f), 0);
                expect(&f, &s, 1.5);
                assert_true(landmarks_square_of(f.points, &end));
                assert_float_equal(end.roll_rad, cases[i].roll, 0.03);
        }
        landmarks_free(l);
}

/* A network that always says "turned a little more" is asked a bounded number of times; an empty picture once. */
static void test_bounds(void **state)
{
        struct landmarks_square start = { 160, 120, 80, 0 };
        struct landmarks *l = load(&(struct face_points_net){ .sure = true });
        struct landmarks_face f;

        memset(pixels, 255, sizeof(pixels));
        assert_int_equal(landmarks_find(l, &image, &start, 3, &f), 0);
        landmarks_free(l);
        l = load(&(struct face_points_net){ 0 });
        memset(pixels, 0, sizeof(pixels));
        assert_int_equal(landmarks_find(l, &image, &start, 3, &f), 0);
        assert_true(f.confidence < 0.01f);
        landmarks_free(l);
        l = load(&(struct face_points_net){ .nan = true });
        assert_int_equal(landmarks_find(l, &image, &start, 3, &f), -EBADMSG);
        landmarks_free(l);
}

static void refuse(const struct face_points_net *net, const char *reason)
{
        struct nn_error error = { "" };
        struct landmarks *l = NULL;

        assert_int_equal(face_net_write_points(path, net), 0);
        assert_int_equal(landmarks_new(path, &l, &error), -EINVAL);
        assert_null(l);
        print_message("# %s\n", error.text);
        assert_non_null(strstr(error.text, reason));
}

static void test_refusals(void **state)
{
        struct nn_error error = { "" };
        struct landmarks *l = NULL;

        refuse(&(struct face_points_net){ .task = "detect" }, "'detect'");
        refuse(&(struct face_points_net){ .crop_text = "wide" }, "wide");
        refuse(&(struct face_points_net){ .crop_text = "9" }, "emotiond.crop");
        refuse(&(struct face_points_net){ .crop_text = "nan" }, "emotiond.crop");
        refuse(&(struct face_points_net){ .normalisation = "strange" }, "strange");
        refuse(&(struct face_points_net){ .n_points = 10 }, "points");
        refuse(&(struct face_points_net){ .side = { 32, 16 } }, "S, S");
        assert_int_equal(landmarks_new("/nonexistent/x.onnx", &l, &error), -ENOENT);
        assert_int_equal(landmarks_new("/dev/null", &l, &error), -EINVAL);
        assert_null(landmarks_free(NULL));
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_one_pass),    cmocka_unit_test(test_square_of),
                cmocka_unit_test(test_convergence), cmocka_unit_test(test_square_of_crop),
                cmocka_unit_test(test_bounds),      cmocka_unit_test(test_refusals),
        };
        int fd = mkstemp(path), r;

        close(fd);
        r = cmocka_run_group_tests_name("landmarks", tests, NULL, NULL);
        unlink(path);
        return r;
}
