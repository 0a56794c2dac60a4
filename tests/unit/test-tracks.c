/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Matching and tracks. */
#undef NDEBUG
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/vision/assignment.h"
#include "daemon/vision/tracks.h"

static uint32_t next_random(uint32_t *s)
{
        *s = *s * 1664525u + 1013904223u;
        return *s >> 8;
}

/* The best by trying all: most pairs first, then the least cost. */
static void try_all(const float *cost, size_t rows, size_t columns, size_t i, unsigned taken, double sum, int pairs,
                    double *best_sum, int *best_pairs)
{
        if (i == rows) {
                if (pairs > *best_pairs || (pairs == *best_pairs && sum < *best_sum)) {
                        *best_pairs = pairs;
                        *best_sum = sum;
                }
                return;
        }
        try_all(cost, rows, columns, i + 1, taken, sum, pairs, best_sum, best_pairs);
        for (size_t j = 0; j < columns; j++) {
                float c = cost[i * 8 + j];

                if (!(taken & 1u << j) && c < ASSIGNMENT_FORBIDDEN)
                        try_all(cost, rows, columns, i + 1, taken | 1u << j, sum + (double)c, pairs + 1, best_sum,
                                best_pairs);
        }
}

static void test_assignment_is_optimal(void **state)
{
        uint32_t seed = 1;

        for (int round = 0; round < 400; round++) {
                size_t rows = next_random(&seed) % 6, columns = next_random(&seed) % 6;
                float cost[8 * 8];
                double sum = 0, best_sum = 0;
                int ret[8], pairs = 0, best_pairs = 0;
                unsigned taken = 0;

                for (size_t i = 0; i < ARRAY_LEN(cost); i++) {
                        cost[i] = (float)(next_random(&seed) % 1000) / 100;
                        if (next_random(&seed) % 4 == 0)
                                cost[i] = next_random(&seed) % 2 ? ASSIGNMENT_FORBIDDEN : NAN;
                }
                assignment_solve(cost, 8, rows, columns, ret);
                for (size_t i = 0; i < rows; i++) {
                        if (ret[i] < 0)
                                continue;
                        assert_in_range(ret[i], 0, columns - 1);
                        assert_false(taken & 1u << ret[i]);
                        taken |= 1u << ret[i];
                        assert_true(cost[i * 8 + (size_t)ret[i]] < ASSIGNMENT_FORBIDDEN);
                        sum += (double)cost[i * 8 + (size_t)ret[i]];
                        pairs++;
                }
                try_all(cost, rows, columns, 0, 0, 0, 0, &best_sum, &best_pairs);
                assert_int_equal(pairs, best_pairs);
                assert_float_equal(sum, best_sum, 1e-3);
        }
}

static void test_assignment_at_its_limit(void **state)
{
        static float cost[ASSIGNMENT_MAX * ASSIGNMENT_MAX];
        int ret[ASSIGNMENT_MAX];

        for (size_t i = 0; i < ASSIGNMENT_MAX; i++)
                for (size_t j = 0; j < ASSIGNMENT_MAX; j++)
                        cost[i * ASSIGNMENT_MAX + j] = fabsf((float)i - (float)(ASSIGNMENT_MAX - 1 - j));
        assignment_solve(cost, ASSIGNMENT_MAX, ASSIGNMENT_MAX, ASSIGNMENT_MAX, ret);
        for (int i = 0; i < ASSIGNMENT_MAX; i++)
                assert_int_equal(ret[i], ASSIGNMENT_MAX - 1 - i);
}

static struct emo_box box_at(double x, double y, double side)
{
        return (struct emo_box){ (float)(x - side / 2), (float)(y - side / 2), (float)side, (float)side, 1 };
}

static void step(struct tracks *t, uint64_t now, const struct emo_box *boxes, size_t n)
{
        tracks_predict(t, now);
        assert_int_equal(tracks_match(t, boxes, n, now, true, 1), 0);
}

static const struct track *track_of(const struct tracks *t, uint32_t id)
{
        for (size_t i = 0; i < ARRAY_LEN(t->items); i++)
                if (t->items[i].used && t->items[i].face.id == id)
                        return &t->items[i];
        return NULL;
}

static void test_ids(void **state)
{
        struct tracks *t = calloc(1, sizeof(*t));
        uint32_t seen[64];

        t->max = PIPELINE_MAX_FACES;
        for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
                assert_int_equal(tracks_new_id(t, &seen[i]), 0);
                assert_int_not_equal(seen[i], 0);
                for (size_t k = 0; k < i; k++)
                        assert_int_not_equal(seen[i], seen[k]);
        }
        free(t);
}

/* Two people pass each other, each at a steady pace: the ids go with the people. */
static void test_two_people_cross(void **state)
{
        struct tracks *t = calloc(1, sizeof(*t));
        uint32_t left = 0, right = 0;

        t->max = 8;
        for (unsigned i = 0; i <= 60; i++) {
                /* they swap the order in which the detector names them, too */
                struct emo_box a = box_at(100 + 5.0 * i, 200, 80), b = box_at(400 - 5.0 * i, 215, 80);
                struct emo_box boxes[2] = { i % 2 ? a : b, i % 2 ? b : a };

                step(t, 1000000 + i * 33333u, boxes, 2);
                if (i == 0) {
                        for (size_t k = 0; k < ARRAY_LEN(t->items); k++)
                                if (t->items[k].used)
                                        *(t->items[k].x.value < 250 ? &left : &right) = t->items[k].face.id;
                }
        }
        assert_int_equal(tracks_count(t), 2);
        assert_non_null(track_of(t, left));
        assert_non_null(track_of(t, right));
        assert_float_equal(track_of(t, left)->x.value, 400, 15);
        assert_float_equal(track_of(t, right)->x.value, 100, 15);
        free(t);
}

/* While they overlap only one of them is found. */
static void test_two_people_cross_and_hide(void **state)
{
        struct tracks *t = calloc(1, sizeof(*t));
        uint32_t left = 0;

        t->max = 8;
        for (unsigned i = 0; i <= 60; i++) {
                struct emo_box boxes[2] = { box_at(100 + 5.0 * i, 200, 80), box_at(400 - 5.0 * i, 200, 80) };
                double gap = fabs(300 - 10.0 * i);

                step(t, 1000000 + i * 33333u, boxes, gap < 40 ? 1 : 2);
                if (i == 0)
                        left = t->items[0].x.value < 250 ? t->items[0].face.id : t->items[1].face.id;
        }
        assert_int_equal(tracks_count(t), 2);
        assert_float_equal(track_of(t, left)->x.value, 400, 15);
        free(t);
}

/* Noise of a detector: uniform, half a width of @most. */
static double noise(uint32_t *seed, double most)
{
        return ((double)(next_random(seed) % 2001) / 1000 - 1) * most;
}

static uint32_t id_near(const struct tracks *t, double x)
{
        const struct track *best = NULL;

        for (size_t i = 0; i < ARRAY_LEN(t->items); i++)
                if (t->items[i].used && (!best || fabs(t->items[i].x.value - x) < fabs(best->x.value - x)))
                        best = &t->items[i];
        return best ? best->face.id : 0;
}

/* Two people with boxes of 80 px pass each other @speed widths a second; for @hidden_usec about the moment when they
 * meet, the one from the left is not found. Return: true if both ids stayed. */
static bool ids_stay(double speed, double fps, uint64_t hidden_usec, uint32_t seed)
{
        struct tracks *t = calloc(1, sizeof(*t));
        double half_sec = 1.2 + 1 / speed, v = 80 * speed;
        uint32_t left = 0, right = 0, ids[2];

        t->max = 8;
        for (unsigned i = 0; i / fps <= 2 * half_sec; i++) {
                double at_sec = i / fps - half_sec;
                struct emo_box a = box_at(v * at_sec + noise(&seed, 2), 200 + noise(&seed, 2), 80 + noise(&seed, 2));
                struct emo_box b = box_at(-v * at_sec + noise(&seed, 2), 208 + noise(&seed, 2), 84 + noise(&seed, 2));
                bool hidden = fabs(at_sec) * 2e6 < (double)hidden_usec;
                struct emo_box boxes[2] = { b, a };

                step(t, 1000000 + (uint64_t)(i * 1e6 / fps), boxes, hidden ? 1 : 2);
                if (i == 3) {
                        left = id_near(t, v * at_sec);
                        right = id_near(t, -v * at_sec);
                }
        }
        ids[0] = id_near(t, v * half_sec);
        ids[1] = id_near(t, -v * half_sec);
        bool stay = tracks_count(t) == 2 && left != right && ids[0] == left && ids[1] == right;

        free(t);
        return stay;
}

/* From a stroll to a run close to the camera, at slow and fast cameras. */
static void test_ids_stay_when_people_cross(void **state)
{
        static const double speeds[] = { 0.5, 1, 2, 4, 8 }, rates[] = { 15, 30 };

        for (size_t k = 0; k < ARRAY_LEN(speeds); k++)
                for (size_t r = 0; r < ARRAY_LEN(rates); r++)
                        for (uint32_t seed = 1; seed <= 20; seed++)
                                for (uint64_t hidden = 0; hidden <= 1000000; hidden += 250000)
                                        if (!ids_stay(speeds[k], rates[r], hidden, seed))
                                                fail_msg(
                                                        "%g widths a second at %g frames a second, hidden for %u ms, seed %u",
                                                        speeds[k], rates[r], (unsigned)(hidden / 1000), seed);
}

/* Somebody walks behind a person who stands still, and is not seen for a second. */
static void test_hidden_behind_one_who_stands(void **state)
{
        for (uint32_t seed = 1; seed <= 20; seed++) {
                struct tracks *t = calloc(1, sizeof(*t));
                uint32_t walker = 0, stander = 0, noises = seed;

                t->max = 8;
                for (unsigned i = 0; i <= 60; i++) {
                        double at_sec = i / 15. - 2;
                        struct emo_box w = box_at(300 + 120 * at_sec + noise(&noises, 2), 200 + noise(&noises, 2), 70);
                        struct emo_box s = box_at(300 + noise(&noises, 2), 204 + noise(&noises, 2), 90);
                        struct emo_box boxes[2] = { s, w };

                        step(t, 1000000 + (uint64_t)i * 66667u, boxes, fabs(at_sec) <= 0.5 ? 1 : 2);
                        if (i == 5) {
                                walker = id_near(t, 300 + 120 * at_sec);
                                stander = id_near(t, 300);
                        }
                }
                assert_int_equal(tracks_count(t), 2);
                assert_int_equal(id_near(t, 540), walker);
                assert_int_equal(id_near(t, 300), stander);
                free(t);
        }
}

static void test_jitter_is_calmed(void **state)
{
        struct tracks *t = calloc(1, sizeof(*t));
        uint32_t seed = 3;
        double raw = 0, smooth = 0, last_raw = 200, last_smooth = 200;

        t->max = 8;
        for (unsigned i = 0; i < 200; i++) {
                double jitter = (double)(next_random(&seed) % 1000) / 1000 * 6 - 3;
                struct emo_box b = box_at(200 + jitter, 200, 80);

                step(t, 1000000 + i * 33333u, &b, 1);
                raw += fabs(200 + jitter - last_raw);
                smooth += fabs(t->items[0].x.value - last_smooth);
                last_raw = 200 + jitter;
                last_smooth = t->items[0].x.value;
        }
        assert_int_equal(tracks_count(t), 1);
        assert_true(smooth < 0.7 * raw);
        free(t);
}

/* A face that is not found goes on a little and stops: it does not fly away. */
static void test_coasting_ends(void **state)
{
        struct tracks *t = calloc(1, sizeof(*t));
        uint64_t now = 1000000;

        t->max = 8;
        for (unsigned i = 0; i < 30; i++, now += 33333) {
                struct emo_box b = box_at(100 + 4.0 * i, 200, 80);

                step(t, now, &b, 1);
        }
        double x = t->items[0].x.value;

        for (unsigned i = 0; i < 150; i++, now += 33333)
                step(t, now, NULL, 0);
        assert_true(t->items[0].x.value > x);
        assert_true(t->items[0].x.value < x + 80);
        free(t);
}

static void test_far_box_is_another_face(void **state)
{
        struct tracks *t = calloc(1, sizeof(*t));
        struct emo_box a = box_at(100, 100, 60), b = box_at(300, 100, 60), larger = box_at(100, 100, 200);

        t->max = 8;
        step(t, 1000, &a, 1);
        step(t, 34000, &b, 1);
        assert_int_equal(tracks_count(t), 2);
        /* a much larger box there is a new face, while the old one is not found */
        step(t, 67000, &larger, 1);
        assert_int_equal(tracks_count(t), 3);
        free(t);
}

static void test_box_over_a_found_face_is_no_new_one(void **state)
{
        struct tracks *t = calloc(1, sizeof(*t));
        struct emo_box boxes[2] = { box_at(100, 100, 60), box_at(108, 104, 64) };

        t->max = 8;
        step(t, 1000, boxes, 2);
        step(t, 34000, boxes, 2);
        assert_int_equal(tracks_count(t), 1);
        free(t);
}

static void test_no_more_than_max(void **state)
{
        struct tracks *t = calloc(1, sizeof(*t));
        struct emo_box boxes[ASSIGNMENT_MAX];

        for (size_t i = 0; i < ARRAY_LEN(boxes); i++)
                boxes[i] = box_at(100 + 90.0 * (double)(i % 8), 100 + 90.0 * (double)(i / 8), 60);
        t->max = 5;
        step(t, 1000, boxes, ARRAY_LEN(boxes));
        assert_int_equal(tracks_count(t), 5);
        t->max = PIPELINE_MAX_FACES;
        step(t, 34000, boxes, ARRAY_LEN(boxes));
        assert_int_equal(tracks_count(t), PIPELINE_MAX_FACES);
        free(t);
}

static void test_overlap(void **state)
{
        struct emo_box a = { 0, 0, 10, 10, 1 }, b = { 5, 0, 10, 10, 1 }, c = { 2, 2, 4, 4, 1 }, d = { 20, 0, 5, 5, 1 };

        assert_float_equal(box_overlap(&a, &b), 0.5, 1e-9);
        assert_float_equal(box_overlap(&a, &c), 1, 1e-9);
        assert_float_equal(box_overlap(&a, &d), 0, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_assignment_is_optimal),
                cmocka_unit_test(test_assignment_at_its_limit),
                cmocka_unit_test(test_ids),
                cmocka_unit_test(test_two_people_cross),
                cmocka_unit_test(test_two_people_cross_and_hide),
                cmocka_unit_test(test_ids_stay_when_people_cross),
                cmocka_unit_test(test_hidden_behind_one_who_stands),
                cmocka_unit_test(test_jitter_is_calmed),
                cmocka_unit_test(test_coasting_ends),
                cmocka_unit_test(test_far_box_is_another_face),
                cmocka_unit_test(test_box_over_a_found_face_is_no_new_one),
                cmocka_unit_test(test_no_more_than_max),
                cmocka_unit_test(test_overlap),
        };

        return cmocka_run_group_tests_name("tracks", tests, NULL, NULL);
}
