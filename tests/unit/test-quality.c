/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pictures that are made worse in one way, and what the measure says of it. */
#undef NDEBUG
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/vision/quality.h"

#define SIDE 48u

struct crop {
        float x[SIDE * SIDE];
};

static const struct face_pose unknown = { 0 }, frontal = { .known = true };

/* Something like a face: a bright oval on a darker ground, with dark eyes and mouth of sharp edges. */
static void draw(struct crop *c)
{
        for (unsigned v = 0; v < SIDE; v++)
                for (unsigned u = 0; u < SIDE; u++) {
                        double x = (u + 0.5) / SIDE - 0.5, y = (v + 0.5) / SIDE - 0.5;
                        bool face = hypot(x * 1.3, y) < 0.45;
                        bool eye = hypot((fabs(x) - 0.19) * 1, (y + 0.12) * 1.6) < 0.08;
                        bool mouth = fabs(x) < 0.17 && fabs(y - 0.29) < 0.035;

                        c->x[v * SIDE + u] = eye || mouth ? 50 : face ? 170 : 90;
                }
}

static void blur(struct crop *c, double sigma)
{
        struct crop t = { { 0 } };
        int reach = (int)ceil(3 * sigma);

        for (int pass = 0; pass < 2; pass++) {
                for (int v = 0; v < (int)SIDE; v++)
                        for (int u = 0; u < (int)SIDE; u++) {
                                double sum = 0, weights = 0;

                                for (int k = -reach; k <= reach; k++) {
                                        int at = MIN(MAX((pass ? v : u) + k, 0), (int)SIDE - 1);
                                        double w = exp(-k * k / (2 * sigma * sigma));

                                        sum += w * (double)c->x[pass ? at * (int)SIDE + u : v * (int)SIDE + at];
                                        weights += w;
                                }
                                t.x[v * (int)SIDE + u] = (float)(sum / weights);
                        }
                *c = t;
        }
}

static struct quality measure(const struct crop *c, double side_px, const struct face_pose *pose)
{
        struct quality q;

        quality_measure(c->x, SIDE, SIDE, side_px, pose, &q);
        assert_true(q.size >= 0 && q.size <= 1 && q.turn >= 0 && q.turn <= 1 && q.light >= 0 && q.light <= 1 &&
                    q.sharpness >= 0 && q.sharpness <= 1);
        return q;
}

static void test_good_picture(void **state)
{
        struct crop c;
        struct quality q;

        draw(&c);
        q = measure(&c, 48, &frontal);
        assert_float_equal(quality_least(&q), 1, 1e-9);
        q = measure(&c, 48, &unknown);
        assert_float_equal(quality_least(&q), 1, 1e-9);
}

static void test_size(void **state)
{
        struct crop c;
        double last = 1;

        draw(&c);
        assert_float_equal(measure(&c, 8, &frontal).size, 0, 1e-9);
        for (double side = 24; side >= 8; side -= 4) {
                assert_true(measure(&c, side, &frontal).size <= last);
                last = measure(&c, side, &frontal).size;
        }
        assert_float_equal(measure(&c, NAN, &frontal).size, 0, 0);
}

static void test_turn(void **state)
{
        struct crop c;
        struct face_pose p = { .known = true, .yaw_deg = 30 };

        draw(&c);
        assert_float_equal(measure(&c, 48, &p).turn, 1, 1e-6);
        p.yaw_deg = -50;
        assert_float_equal(measure(&c, 48, &p).turn, 0.5, 1e-6);
        p.pitch_deg = 30;
        assert_true(measure(&c, 48, &p).turn < 0.4);
        p.yaw_deg = 80;
        assert_float_equal(measure(&c, 48, &p).turn, 0, 1e-9);
}

static void test_light(void **state)
{
        struct crop c;
        double last = 2;

        for (double gain = 1; gain > 0.01; gain /= 2) { /* ever darker */
                draw(&c);
                for (size_t i = 0; i < ARRAY_LEN(c.x); i++)
                        c.x[i] *= (float)gain;
                assert_true(measure(&c, 48, &frontal).light <= last);
                last = measure(&c, 48, &frontal).light;
                assert_float_equal(measure(&c, 48, &frontal).sharpness, 1, 0.01); /* dark is not blurred */
        }
        assert_float_equal(last, 0, 0);
        draw(&c); /* a fog: bright, without contrast */
        for (size_t i = 0; i < ARRAY_LEN(c.x); i++)
                c.x[i] = 200 + c.x[i] * 0.03f;
        assert_true(measure(&c, 48, &frontal).light < 0.3);
}

static void test_blur(void **state)
{
        double last = 1;
        struct crop c;

        draw(&c);
        blur(&c, 0.5);
        assert_true(measure(&c, 48, &frontal).sharpness > 0.9);
        for (double sigma = 1; sigma <= 5; sigma += 1) {
                draw(&c);
                blur(&c, sigma);
                double s = measure(&c, 48, &frontal).sharpness;

                print_message("# blurred by %.0f pixels: %.2f\n", sigma, s);
                assert_true(s <= last);
                last = s;
        }
        assert_true(last < 0.1);
}

static void test_no_picture(void **state)
{
        struct crop c = { { 0 } };
        struct quality q = measure(&c, 48, &frontal);

        assert_float_equal(quality_least(&q), 0, 0);
        for (size_t i = 0; i < ARRAY_LEN(c.x); i++)
                c.x[i] = 128;
        q = measure(&c, 48, &frontal);
        assert_float_equal(quality_least(&q), 0, 0);
        quality_measure(c.x, 1, 1, 48, &frontal, &q);
        assert_float_equal(quality_least(&q), 0, 0);
        quality_measure(c.x, 0, 0, 48, &frontal, &q);
        assert_float_equal(quality_least(&q), 0, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good_picture), cmocka_unit_test(test_size), cmocka_unit_test(test_turn),
                cmocka_unit_test(test_light),        cmocka_unit_test(test_blur), cmocka_unit_test(test_no_picture),
        };

        return cmocka_run_group_tests_name("quality", tests, NULL, NULL);
}
