/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Heads turned by known angles, projected, and found again; and when a turned head counts as facing the camera. */
#undef NDEBUG
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/vision/attention.h"
#include "daemon/vision/pose.h"

static double noise(uint32_t *s)
{
        double sum = 0;

        for (int i = 0; i < 4; i++) {
                *s = *s * 1664525u + 1013904223u;
                sum += (double)(*s >> 8) / (1 << 24) - 0.5;
        }
        return sum * sqrt(3);
}

/* How a head is shown */
struct view {
        double yaw, pitch, roll; /* degrees */
        double distance;         /* of the camera in the model's units; 0: from infinity */
        double nose;             /* length of the nose in the model's */
        double noise_px;
};

/* Turns by roll about the line of sight, then pitch (up), then yaw (to the picture's right): each as one sees it on a
 * head, without the matrices that the fit uses. */
static void turn(const struct view *v, double x[3])
{
        double r = v->roll * M_PI / 180, p = v->pitch * M_PI / 180, y = v->yaw * M_PI / 180, a, b;

        a = x[0];
        b = x[1];
        x[0] = cos(r) * a - sin(r) * b;
        x[1] = sin(r) * a + cos(r) * b;
        /* up: what is in front (z < 0) rises (y falls) */
        a = x[1];
        b = x[2];
        x[1] = cos(p) * a + sin(p) * b;
        x[2] = -sin(p) * a + cos(p) * b;
        /* to the right: what is in front goes right */
        a = x[0];
        b = x[2];
        x[0] = cos(y) * a - sin(y) * b;
        x[2] = sin(y) * a + cos(y) * b;
}

/* 45 pixels between the outer eye corners, at (300, 200). */
static void project(const struct view *v, uint32_t *seed, float points[EMO_MAX_LANDMARKS][2])
{
        memset(points, 0, EMO_MAX_LANDMARKS * sizeof(points[0]));
        for (unsigned i = 0; i < EMO_MAX_LANDMARKS; i++) {
                const double *at = pose_model_point(i);
                double x[3], scale;

                if (!at)
                        continue;
                memcpy(x, at, sizeof(x));
                x[2] *= i == 30 && v->nose > 0 ? v->nose : 1;
                turn(v, x);
                scale = 0.5 * (v->distance > 0 ? v->distance / (v->distance + x[2]) : 1);
                points[i][0] = (float)(300 + scale * x[0] + v->noise_px * noise(seed));
                points[i][1] = (float)(200 + scale * x[1] + v->noise_px * noise(seed));
        }
}

/* The largest error of yaw and pitch over all turns up to @yaw and @pitch, and of roll. */
static void worst(struct view v, double yaw, double pitch, double *ret_turn, double *ret_roll)
{
        float points[EMO_MAX_LANDMARKS][2];
        struct face_pose p;
        uint32_t seed = 5;

        *ret_turn = *ret_roll = 0;
        for (v.yaw = -yaw; v.yaw <= yaw; v.yaw += 10)
                for (v.pitch = -pitch; v.pitch <= pitch; v.pitch += 10)
                        for (v.roll = -40; v.roll <= 40; v.roll += 20) {
                                project(&v, &seed, points);
                                assert_int_equal(pose_fit(points, EMO_MAX_LANDMARKS, &p), 0);
                                assert_true(p.known);
                                *ret_turn = fmax(*ret_turn, fmax(fabs((double)p.yaw_deg - v.yaw),
                                                                 fabs((double)p.pitch_deg - v.pitch)));
                                *ret_roll = fmax(*ret_roll, fabs((double)p.roll_deg - v.roll));
                        }
}

static void test_model_is_symmetric(void **state)
{
        static const unsigned pairs[][2] = { { 36, 45 }, { 39, 42 }, { 31, 35 }, { 48, 54 },
                                             { 27, 27 }, { 30, 30 }, { 33, 33 } };

        for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
                const double *a = pose_model_point(pairs[i][0]), *b = pose_model_point(pairs[i][1]);

                assert_non_null(a);
                assert_non_null(b);
                assert_float_equal(a[0], -b[0], 0);
                assert_float_equal(a[1], b[1], 0);
                assert_float_equal(a[2], b[2], 0);
        }
        assert_null(pose_model_point(8));
        assert_null(pose_model_point(68));
}

static void test_exact(void **state)
{
        double turned, roll;

        worst((struct view){ 0 }, 70, 50, &turned, &roll);
        assert_true(turned < 0.01 && roll < 0.01);
}

static void test_signs(void **state)
{
        struct view v = { .yaw = 30, .pitch = 10, .roll = 20 };
        float points[EMO_MAX_LANDMARKS][2], eyes[2], nose;
        struct face_pose p;
        uint32_t seed = 1;

        project(&v, &seed, points);
        eyes[0] = (points[36][0] + points[45][0]) / 2;
        nose = points[30][0];
        assert_true(nose > eyes[0]);                /* it points to the right */
        assert_true(points[45][1] > points[36][1]); /* the right eye is lower */
        assert_int_equal(pose_fit(points, EMO_MAX_LANDMARKS, &p), 0);
        assert_true(p.yaw_deg > 25 && p.pitch_deg > 5 && p.roll_deg > 15);
}

/* One pixel of error in each point, of 45 between the outer eye corners; a camera at arm's length; another nose. */
static void test_what_is_not_exact(void **state)
{
        double turned, roll;

        worst((struct view){ .noise_px = 1 }, 40, 30, &turned, &roll);
        print_message("# noise of a pixel: up to %.1f degrees of turn, %.1f of roll\n", turned, roll);
        assert_true(turned < 12 && roll < 8);
        worst((struct view){ .distance = 600 }, 40, 30, &turned, &roll);
        print_message("# a camera 60 cm away: %.1f, %.1f\n", turned, roll);
        assert_true(turned < 8 && roll < 5);
        worst((struct view){ .nose = 1.2 }, 40, 30, &turned, &roll);
        print_message("# a nose longer by a fifth: %.1f, %.1f\n", turned, roll);
        assert_true(turned < 8 && roll < 4);
        worst((struct view){ .nose = 0.8 }, 40, 30, &turned, &roll);
        assert_true(turned < 8 && roll < 4);
}

static void test_bad_points(void **state)
{
        float points[EMO_MAX_LANDMARKS][2] = { { 0 } };
        struct face_pose p = { .yaw_deg = 7 };
        uint32_t seed = 1;

        assert_int_equal(pose_fit(points, EMO_MAX_LANDMARKS, &p), -EINVAL); /* all in one place */
        for (unsigned i = 0; i < EMO_MAX_LANDMARKS; i++)
                points[i][0] = points[i][1] = (float)i;
        assert_int_equal(pose_fit(points, EMO_MAX_LANDMARKS, &p), -EINVAL); /* on a line */
        project(&(struct view){ 0 }, &seed, points);
        assert_int_equal(pose_fit(points, 5, &p), -EINVAL);
        points[30][0] = NAN;
        assert_int_equal(pose_fit(points, EMO_MAX_LANDMARKS, &p), -EINVAL);
        points[30][0] = INFINITY;
        assert_int_equal(pose_fit(points, EMO_MAX_LANDMARKS, &p), -EINVAL);
        points[30][0] = 1e38f;
        (void)pose_fit(points, EMO_MAX_LANDMARKS, &p);
        assert_false(p.known && !isfinite(p.yaw_deg));
}

/* One hand-marked face of landmarks/train.csv: name, width, height, x0, y0, ... Return: false at a line of another form. */
static bool read_face(char *line, float points[EMO_MAX_LANDMARKS][2])
{
        char *save, *word = strtok_r(line, ",", &save);

        for (unsigned i = 0; i < 2 * EMO_MAX_LANDMARKS + 2 && word; i++) {
                char *end;

                word = strtok_r(NULL, ",", &save);
                if (!word)
                        return false;
                float value = strtof(word, &end);

                if (end == word)
                        return false;
                if (i >= 2)
                        points[(i - 2) / 2][i % 2] = value;
        }
        return word;
}

/* The same face in a mirror: what was left is right, point by point. */
static void mirror(const float points[EMO_MAX_LANDMARKS][2], float ret[EMO_MAX_LANDMARKS][2])
{
        static const unsigned pairs[][2] = { { 36, 45 }, { 39, 42 }, { 31, 35 }, { 48, 54 } };

        for (unsigned i = 0; i < EMO_MAX_LANDMARKS; i++) {
                ret[i][0] = -points[i][0];
                ret[i][1] = points[i][1];
        }
        for (size_t k = 0; k < ARRAY_LEN(pairs); k++)
                for (int j = 0; j < 2; j++) {
                        unsigned from = pairs[k][j], to = pairs[k][!j];

                        ret[to][0] = -points[from][0];
                        ret[to][1] = points[from][1];
                }
}

/* Thousands of real faces, by people who looked at a camera more or less: no side is preferred, a mirror turns the sign of
 * yaw and roll, and roll is what the line between the eyes says where the face is not turned. */
static void test_real_faces(void **state)
{
        char path[600], line[4096];
        double yaw = 0, pitch = 0, roll_off = 0;
        unsigned n = 0, n_frontal = 0;

        snprintf(path, sizeof(path), "%s/data/landmarks/train.csv", getenv("EMO_SHARED") ?: "../shared");
        FILE *f = fopen(path, "re");

        if (!f)
                skip();
        while (fgets(line, sizeof(line), f)) {
                float points[EMO_MAX_LANDMARKS][2], mirrored[EMO_MAX_LANDMARKS][2];
                struct face_pose p, q;

                if (!read_face(line, points))
                        continue;
                mirror(points, mirrored);
                assert_int_equal(pose_fit(points, EMO_MAX_LANDMARKS, &p), 0);
                assert_int_equal(pose_fit(mirrored, EMO_MAX_LANDMARKS, &q), 0);
                assert_float_equal(q.yaw_deg, -p.yaw_deg, 0.01);
                assert_float_equal(q.roll_deg, -p.roll_deg, 0.01);
                assert_float_equal(q.pitch_deg, p.pitch_deg, 0.01);
                n++;
                yaw += (double)p.yaw_deg;
                pitch += (double)p.pitch_deg;
                if (fabs((double)p.yaw_deg) > 15 || fabs((double)p.pitch_deg) > 15)
                        continue;
                double eyes = atan2((double)(points[45][1] - points[36][1]), (double)(points[45][0] - points[36][0]));

                roll_off += fabs((double)p.roll_deg - eyes * 180 / M_PI);
                n_frontal++;
        }
        fclose(f);
        assert_true(n > 3000 && n_frontal > 500);
        print_message(
                "# %u faces: mean yaw %.1f, mean pitch %.1f; roll is off the line of the eyes by %.1f in the mean\n", n,
                yaw / n, pitch / n, roll_off / n_frontal);
        assert_true(fabs(yaw / n) < 4 && fabs(pitch / n) < 5 && roll_off / n_frontal < 2);
}

/* === Attention === */

static const struct attention_rules rules = { .max_yaw_deg = 25, .max_pitch_deg = 20, .hold_usec = 300000 };

/* Shows a pose for @usec at 20 frames a second. Return: how many changes came. */
static unsigned look(struct attention *a, uint64_t *now_usec, double yaw, double pitch, uint64_t usec)
{
        struct face_pose p = { .known = true, .yaw_deg = (float)yaw, .pitch_deg = (float)pitch };
        unsigned n = 0;

        for (uint64_t end = *now_usec + usec; *now_usec < end; *now_usec += 50000)
                n += attention_update(a, &rules, &p, *now_usec);
        return n;
}

static void test_attention_limits(void **state)
{
        struct attention a = { 0 };
        uint64_t now = 1000000;

        assert_int_equal(look(&a, &now, 26, 0, 1000000), 0);
        assert_int_equal(look(&a, &now, 0, -21, 1000000), 0);
        assert_false(a.facing);
        assert_int_equal(look(&a, &now, -24, 19, 1000000), 1);
        assert_true(a.facing);
        /* within the margin it stays */
        assert_int_equal(look(&a, &now, 29, 24, 1000000), 0);
        assert_int_equal(look(&a, &now, 31, 0, 1000000), 1);
        assert_false(a.facing);
        assert_int_equal(look(&a, &now, 29, 0, 1000000), 0);
}

static void test_attention_hold(void **state)
{
        struct attention a = { 0 };
        uint64_t now = 1000000;

        assert_int_equal(look(&a, &now, 0, 0, 300000), 0);
        assert_int_equal(look(&a, &now, 0, 0, 50000), 1); /* 300 ms after it began */
        /* a glance aside, and another: none lasts */
        for (int i = 0; i < 20; i++) {
                assert_int_equal(look(&a, &now, 60, 0, 250000), 0);
                assert_int_equal(look(&a, &now, 0, 0, 100000), 0);
        }
        assert_true(a.facing);
        /* landmarks that are lost for a moment say nothing, for longer that it looks away */
        struct face_pose unknown = { 0 };

        assert_false(attention_update(&a, &rules, &unknown, now));
        assert_false(attention_update(&a, &rules, &unknown, now + 200000));
        assert_true(attention_update(&a, &rules, &unknown, now + 300000));
        assert_false(a.facing);
}

/* Whatever a head does, a face announces at most one change in the time of the hold. */
static void test_attention_does_not_flood(void **state)
{
        struct attention a = { 0 };
        uint64_t now = 1000000;
        uint32_t seed = 9;
        unsigned n = 0;

        for (int i = 0; i < 3000; i++) /* 100 s at 30 frames a second */
                n += look(&a, &now, 25 + 8 * noise(&seed), 20 + 8 * noise(&seed), 33333);
        assert_true(n <= 100000 / 300);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_model_is_symmetric),
                cmocka_unit_test(test_exact),
                cmocka_unit_test(test_signs),
                cmocka_unit_test(test_what_is_not_exact),
                cmocka_unit_test(test_bad_points),
                cmocka_unit_test(test_real_faces),
                cmocka_unit_test(test_attention_limits),
                cmocka_unit_test(test_attention_hold),
                cmocka_unit_test(test_attention_does_not_flood),
        };

        return cmocka_run_group_tests_name("pose", tests, NULL, NULL);
}
