/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The filter of the landmarks: calm where a face is still, at hand where it moves. */
#undef NDEBUG
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/vision/one-euro.h"

#define FRAME_SEC (1 / 30.)
#define SIZE_PX 80.

/* About normal, standard deviation 1: the sum of four uniform ones. */
static double noise(uint32_t *s)
{
        double sum = 0;

        for (int i = 0; i < 4; i++) {
                *s = *s * 1664525u + 1013904223u;
                sum += (double)(*s >> 8) / (1 << 24) - 0.5;
        }
        return sum * sqrt(3);
}

static void feed(struct point_filter *f, double x, double y, double dt_sec, float (*ret)[2])
{
        for (unsigned i = 0; i < EMO_MAX_LANDMARKS; i++) {
                ret[i][0] = (float)(x + i);
                ret[i][1] = (float)(y + 2 * i);
        }
        point_filter_update(f, ret, EMO_MAX_LANDMARKS, SIZE_PX, dt_sec);
}

static void test_first_sample(void **state)
{
        static const struct one_euro_params p = { 1, 0, 1 };
        struct one_euro f = { 0 };

        assert_float_equal(one_euro_update(&f, &p, 7, 0.1), 7, 0);
        assert_float_equal(one_euro_update(&f, &p, 9, 0), 7, 0);
        assert_float_equal(one_euro_update(&f, &p, 9, NAN), 7, 0);
        assert_true(one_euro_update(&f, &p, 9, 0.1) > 7);
}

/* With beta 0 it is a plain low-pass: after one time constant a step has come through by as much as its formula says. */
static void test_plain_low_pass(void **state)
{
        static const struct one_euro_params p = { 1 / (2 * M_PI), 0, 1 }; /* time constant 1 s */
        struct one_euro f = { 0 };

        one_euro_update(&f, &p, 0, 0.001);
        for (int i = 0; i < 1000; i++)
                one_euro_update(&f, &p, 1, 0.001);
        assert_float_equal(f.value, 1 - exp(-1), 1e-3);
}

static void test_still_face_jitters_less(void **state)
{
        struct point_filter f = { 0 };
        float p[EMO_MAX_LANDMARKS][2];
        double raw = 0, smooth = 0, last_raw = 0, last_smooth = 0;
        uint32_t seed = 7;

        for (unsigned i = 0; i < 600; i++) {
                double x = 200 + noise(&seed);

                feed(&f, x, 100, FRAME_SEC, p);
                if (i > 30) {
                        raw += pow(x - last_raw, 2);
                        smooth += pow((double)p[0][0] - last_smooth, 2);
                }
                last_raw = x;
                last_smooth = (double)p[0][0];
        }
        print_message("# jitter from frame to frame: %.2f of the raw one\n", sqrt(smooth / raw));
        assert_true(sqrt(smooth / raw) < 0.5);
}

/* Frames that the filter is behind at @speed face widths a second. */
static double lag_frames(double speed)
{
        struct point_filter f = { 0 };
        float p[EMO_MAX_LANDMARKS][2];
        double v = speed * SIZE_PX, x = 0;

        for (unsigned i = 0; i < 60; i++) {
                x = v * i * FRAME_SEC;
                feed(&f, x, 100, FRAME_SEC, p);
        }
        return (x - (double)p[0][0]) / (v * FRAME_SEC);
}

static void test_moving_face_lags_under_a_frame(void **state)
{
        for (double speed = 0.5; speed <= 8; speed *= 2)
                assert_true(lag_frames(speed) < 1);
        print_message("# lag: %.2f frames at half a width a second, %.2f at two\n", lag_frames(0.5), lag_frames(2));
        assert_true(lag_frames(2) < 0.3);
        /* what lags longer moves so slowly that it is not seen: under half a pixel of a face of 80 */
        for (double speed = 0.01; speed < 0.5; speed *= 2)
                assert_true(lag_frames(speed) * speed * SIZE_PX * FRAME_SEC < 1.3);
}

/* A head that starts to turn at once is followed within two frames by more than half of the way. */
static void test_step_comes_through(void **state)
{
        struct point_filter f = { 0 };
        float p[EMO_MAX_LANDMARKS][2];

        for (unsigned i = 0; i < 30; i++)
                feed(&f, 100, 100, FRAME_SEC, p);
        for (unsigned i = 0; i < 3; i++)
                feed(&f, 130, 100, FRAME_SEC, p);
        assert_true(p[0][0] > 115 && p[0][0] <= 130.01f);
}

static void test_starts_anew(void **state)
{
        struct point_filter f = { 0 };
        float p[EMO_MAX_LANDMARKS][2];

        feed(&f, 100, 100, FRAME_SEC, p);
        feed(&f, 500, 100, 1, p); /* after a pause */
        assert_float_equal(p[0][0], 500, 1e-3);
        point_filter_update(&f, p, 0, SIZE_PX, FRAME_SEC); /* no points between */
        feed(&f, 100, 100, FRAME_SEC, p);
        assert_float_equal(p[0][0], 100, 1e-3);
        assert_float_equal(p[67][1], 100 + 2 * 67, 1e-3);
        point_filter_update(&f, p, EMO_MAX_LANDMARKS + 1, SIZE_PX, FRAME_SEC); /* nothing is written past the end */
        assert_int_equal(f.n_points, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_first_sample),
                cmocka_unit_test(test_plain_low_pass),
                cmocka_unit_test(test_still_face_jitters_less),
                cmocka_unit_test(test_moving_face_lags_under_a_frame),
                cmocka_unit_test(test_step_comes_through),
                cmocka_unit_test(test_starts_anew),
        };

        return cmocka_run_group_tests_name("one-euro", tests, NULL, NULL);
}
