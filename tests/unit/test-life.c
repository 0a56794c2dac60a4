/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/vision/life.h"

#define PERIOD_USEC 66667u
#define SIZE_PX 28.0 /* of landmarks of a face of 80 pixels */

static uint32_t seed;

/* About normal, deviation 1. */
static double noise(void)
{
        double sum = 0;

        for (int i = 0; i < 12; i++) {
                seed = seed * 1664525u + 1013904223u;
                sum += (seed >> 8) / 16777216.0 - 0.5;
        }
        return sum;
}

struct scene {
        struct life life;
        uint64_t now_usec;
        double x, y, size, roll_deg, eyes; /* as they are; @eyes: height by width */
        double noise_px;
        unsigned n_changes;
};

static struct scene *scene_new(double noise_px)
{
        struct scene *s = calloc(1, sizeof(*s));

        s->now_usec = 1000000;
        s->x = 200;
        s->y = 150;
        s->size = SIZE_PX;
        s->eyes = 0.3;
        s->noise_px = noise_px;
        seed = 5;
        return s;
}

static void show_frame(struct scene *s)
{
        float p[EMO_MAX_LANDMARKS][2];
        double step = 0.4 * s->size / 3;

        for (unsigned i = 0; i < EMO_MAX_LANDMARKS; i++) {
                p[i][0] = (float)(s->x + s->size * cos(i * 0.7));
                p[i][1] = (float)(s->y + s->size * sin(i * 0.7));
        }
        for (unsigned first = 36; first <= 42; first += 6) /* the eyes: six points around each */
                for (unsigned k = 0; k < 6; k++) {
                        double along[] = { 0, 1, 2, 3, 2, 1 }, up[] = { 0, -0.5, -0.5, 0, 0.5, 0.5 };

                        p[first + k][0] = (float)(s->x + (first == 36 ? -0.6 : 0.2) * s->size + along[k] * step);
                        p[first + k][1] = (float)(s->y + up[k] * s->eyes * 3 * step);
                }
        for (unsigned i = 0; i < EMO_MAX_LANDMARKS; i++) {
                p[i][0] += (float)(s->noise_px * noise());
                p[i][1] += (float)(s->noise_px * noise());
        }
        s->n_changes += life_update(&s->life, p, EMO_MAX_LANDMARKS, s->roll_deg, s->now_usec);
        s->now_usec += PERIOD_USEC;
}

static void show(struct scene *s, double sec)
{
        for (uint64_t end = s->now_usec + (uint64_t)(sec * 1e6); s->now_usec < end;)
                show_frame(s);
}

static void test_still(void **state)
{
        struct scene *s = scene_new(0.3);

        show(s, LIFE_WINDOW_SEC - 1);
        assert_false(s->life.is_static);
        show(s, 3);
        assert_true(s->life.is_static);
        show(s, 600);
        assert_int_equal(s->n_changes, 1);
        free(s);
}

/* Somebody stands and looks, as still as people stand: the head sways by some millimetres within seconds, of a face of
 * 150 mm: by 2 % of its width. */
static void test_standing_person(void **state)
{
        struct scene *s = scene_new(0.3);
        double width_px = 80;

        for (int i = 0; i < 15 * 120; i++) {
                double t = s->now_usec * 1e-6;

                s->x = 200 + 0.01 * width_px * (sin(t * 1.3) + sin(t * 0.41 + 1));
                show_frame(s);
                assert_false(s->life.is_static);
        }
        free(s);
}

/* On a chin rest: nothing moves but the eyelids, every six seconds. */
static void test_blink(void **state)
{
        struct scene *s = scene_new(0.1);

        for (int i = 0; i < 15 * 120; i++) {
                s->eyes = i % 90 < 3 ? 0.08 : 0.3;
                show_frame(s);
                assert_false(s->life.is_static);
        }
        free(s);
}

static void test_first_sign_of_life(void **state)
{
        const struct {
                double dx, size, roll_deg, eyes;
        } signs[] = { { 5, 1, 0, 0.3 }, { 0, 1.1, 0, 0.3 }, { 0, 1, 4, 0.3 }, { 0, 1, 0, 0.1 } };

        for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
                struct scene *s = scene_new(0.2);

                show(s, LIFE_WINDOW_SEC + 2);
                assert_true(s->life.is_static);
                s->x += signs[i].dx;
                s->size *= signs[i].size;
                s->roll_deg += signs[i].roll_deg;
                s->eyes = signs[i].eyes;
                show(s, 1.2);
                assert_false(s->life.is_static);
                /* and it takes the whole time again */
                s->eyes = 0.3;
                show(s, LIFE_WINDOW_SEC - 2);
                assert_false(s->life.is_static);
                show(s, 6);
                assert_true(s->life.is_static);
                free(s);
        }
}

static void test_assumed(void **state)
{
        struct scene *s = scene_new(0.2);

        life_assume_static(&s->life);
        show(s, 10);
        assert_true(s->life.is_static);
        s->x += 8;
        show(s, 1.2);
        assert_false(s->life.is_static);
        free(s);
}

/* Without landmarks nothing can be told. */
static void test_no_landmarks(void **state)
{
        struct life l = { 0 };

        for (uint64_t now = 0; now < 60000000; now += PERIOD_USEC)
                assert_false(life_update(&l, NULL, 0, 0, now));
        assert_false(l.is_static);
}

static void test_places(void **state)
{
        struct life_places p = { 0 };
        struct emo_box a = { 100, 100, 50, 50, 1 }, near = { 104, 98, 52, 50, 1 }, far = { 130, 100, 50, 50, 1 };

        assert_false(life_places_hold(&p, &a));
        life_places_add(&p, &a);
        life_places_add(&p, &near);
        assert_int_equal(p.n, 1);
        assert_true(life_places_hold(&p, &near));
        assert_false(life_places_hold(&p, &far));
        life_places_add(&p, &far);
        life_places_drop(&p, &near);
        assert_int_equal(p.n, 1);
        assert_false(life_places_hold(&p, &a));
        assert_true(life_places_hold(&p, &far));
        for (int i = 0; i < 100; i++) {
                struct emo_box b = { (float)(i * 60), 300, 50, 50, 1 };

                life_places_add(&p, &b);
                assert_true(life_places_hold(&p, &b));
        }
        assert_int_equal(p.n, LIFE_MAX_PLACES);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_still),   cmocka_unit_test(test_standing_person),
                cmocka_unit_test(test_blink),   cmocka_unit_test(test_first_sign_of_life),
                cmocka_unit_test(test_assumed), cmocka_unit_test(test_no_landmarks),
                cmocka_unit_test(test_places),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
