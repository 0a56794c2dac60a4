/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which face is which from frame to frame, where it looks, and which are worth a guess: the pipeline in a world of
 * variables. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/vision/pose.h"
#include "tests/unit/pipeline-world.h"

/* Shows a face, hides it for @hidden_usec, shows it again. Return: whether the id is the same. */
static bool survives(uint64_t hidden_usec)
{
        struct world *w = world_new(NULL);
        uint32_t id;
        bool same;

        put_face(w, 100, 100, 60, GRAY_OF(3));
        show(w, 2000000);
        id = w->result.faces[0].id;
        clear_faces(w);
        show(w, hidden_usec - PERIOD_USEC); /* from the last frame with it to the first with it again */
        put_face(w, 103, 100, 60, GRAY_OF(3));
        show(w, 500000);
        assert_int_equal(w->result.n_faces, 1);
        same = w->result.faces[0].id == id;
        assert_int_equal(count(w, FACE_VANISHED, 0), same ? 0 : 1);
        assert_int_equal(count(w, FACE_APPEARED, 0), same ? 1 : 2);
        /* the same face had its emotion all the time */
        assert_int_equal(count(w, FACE_EMOTION_CHANGED, 0), same ? 1 : 2);
        world_free(w);
        return same;
}

static void test_hidden_face(void **state)
{
        assert_true(survives(300000));
        assert_true(survives(900000));
        assert_false(survives(1100000));
}

static void test_two_people_cross(void **state)
{
        struct world *w = world_new(NULL);
        uint32_t happy = 0, sad = 0;

        for (int i = 0; i <= 80; i++) {
                clear_faces(w);
                put_face(w, 260 - 2.5 * i, 130, 50, GRAY_OF(4));
                put_face(w, 60 + 2.5 * i, 92, 50, GRAY_OF(3));
                show_frame(w);
                if (i == 10) {
                        happy = w->result.faces[w->result.faces[0].box.x < 140 ? 0 : 1].id;
                        sad = w->result.faces[w->result.faces[0].box.x < 140 ? 1 : 0].id;
                }
        }
        assert_int_equal(count(w, FACE_APPEARED, 0), 2);
        assert_int_equal(count(w, FACE_VANISHED, 0), 0);
        assert_int_equal(w->result.n_faces, 2);
        for (size_t i = 0; i < 2; i++) {
                const struct face *f = &w->result.faces[i];

                assert_int_equal(f->id, f->box.x > 140 ? happy : sad);
                assert_int_equal(f->emotion, f->box.x > 140 ? 3 : 4);
        }
        assert_int_equal(count(w, FACE_EMOTION_CHANGED, 0), 2);
        world_free(w);
}

static void test_landmarks_lead_without_detector(void **state)
{
        struct world *w = world_new(NULL);

        w->script->landmarks = 1;
        for (int i = 0; i < 80; i++) {
                clear_faces(w);
                put_face(w, 100 + i, 100, 60, GRAY_OF(3));
                show_frame(w);
        }
        assert_true(w->script->n_regions <= 2);
        assert_int_equal(w->result.n_faces, 1);
        assert_int_equal(w->result.faces[0].n_points, EMO_MAX_LANDMARKS);
        assert_float_equal(w->result.faces[0].box.x + 30, 179, 6);
        assert_int_equal(count(w, FACE_APPEARED, 0), 1);
        w->script->landmarks = 0;
        world_free(w);
}

/* Landmarks that are not sure ask for the detector, frame by frame; once they are sure they lead again, although the
 * detector found nothing. */
static void test_gate_asks_for_the_detector(void **state)
{
        struct pipeline_config config = defaults;

        config.detect_fps = 0.1;
        struct world *w = world_new(&config);
        unsigned before;

        w->script->landmarks = 1;
        put_face(w, 100, 100, 60, GRAY_OF(3));
        show(w, 1000000);
        before = w->script->n_regions;
        show(w, 1000000);
        assert_int_equal(w->script->n_regions, before);
        w->script->align_confidence = 0.4f;
        show(w, 10 * PERIOD_USEC);
        assert_in_range(w->script->n_regions, before + 9, before + 10);
        /* now the detector is blind, and the landmarks come back */
        before = w->script->n_regions;
        w->script->detect_nothing = 1;
        w->script->align_confidence = 0.6f;
        show(w, 2000000);
        assert_in_range(w->script->n_regions, before, before + 1);
        assert_int_equal(w->result.n_faces, 1);
        assert_int_equal(count(w, FACE_VANISHED, 0), 0);
        assert_int_equal(w->result.faces[0].n_points, EMO_MAX_LANDMARKS);
        /* sure of nothing, and not found: the face is lost in time, and its points at once */
        w->script->align_confidence = 0.4f;
        show_frame(w);
        assert_int_equal(w->result.faces[0].n_points, 0);
        show(w, 1500000);
        assert_int_equal(count(w, FACE_VANISHED, 0), 1);
        w->script->landmarks = w->script->detect_nothing = 0;
        w->script->align_confidence = 0;
        world_free(w);
}

/* An aligner without a measure has points for whatever is there: once the detector finds nothing, there is nobody. As
 * long as the detector cannot be asked they are believed. */
static void test_detector_has_the_last_word_on_sure_landmarks(void **state)
{
        struct world *w = world_new(NULL);

        w->script->landmarks = 1;
        w->script->align_confidence = 1;
        put_face(w, 100, 100, 60, GRAY_OF(3));
        show(w, 1000000);
        w->script->detect_result = -EIO;
        show(w, 3000000);
        assert_int_equal(w->result.n_faces, 1);
        w->script->align_confidence = 0.1f;
        show(w, 2 * PERIOD_USEC);
        w->script->align_confidence = 1;
        show(w, 3000000);
        assert_int_equal(w->result.n_faces, 1);
        w->script->detect_result = 0;
        show(w, 1000000);
        w->script->detect_nothing = 1;
        show(w, 900000);
        assert_int_equal(count(w, FACE_VANISHED, 0), 0);
        show(w, 500000);
        assert_int_equal(count(w, FACE_VANISHED, 0), 1);
        assert_int_equal(w->result.n_faces, 0);
        /* one look that misses it does not end a face */
        w->script->detect_nothing = 0;
        show(w, 1000000);
        w->script->detect_nothing = 1;
        show(w, 300000);
        w->script->detect_nothing = 0;
        show(w, 300000);
        w->script->n_regions = 0;
        show(w, 2000000);
        assert_int_equal(w->script->n_regions, 0);
        assert_int_equal(count(w, FACE_VANISHED, 0), 1);
        assert_int_equal(count(w, FACE_APPEARED, 0), 2);
        w->script->landmarks = 0;
        w->script->align_confidence = 0;
        world_free(w);
}

/* A face that walks on is led by such landmarks from look to look. */
static void test_sure_landmarks_lead(void **state)
{
        struct world *w = world_new(NULL);

        w->script->landmarks = 1;
        w->script->align_confidence = 1;
        for (int i = 0; i < 80; i++) {
                clear_faces(w);
                put_face(w, 100 + i, 100, 60, GRAY_OF(3));
                show_frame(w);
        }
        assert_true(w->script->n_regions <= 2);
        assert_int_equal(count(w, FACE_APPEARED, 0), 1);
        assert_int_equal(count(w, FACE_VANISHED, 0), 0);
        w->script->landmarks = 0;
        w->script->align_confidence = 0;
        world_free(w);
}

/* With few frames a second landmarks are too old to lead: the detector is asked in each. */
static void test_slow_landmarks_ask_for_the_detector(void **state)
{
        struct pipeline_config config = defaults;

        config.detect_fps = 0.2;
        struct world *w = world_new(&config);

        w->script->landmarks = 1;
        put_face(w, 100, 100, 60, GRAY_OF(3));
        for (int i = 0; i < 24; i++) {
                show_frame(w);
                w->now_usec += 250000 - PERIOD_USEC;
                if (i < 2)
                        continue;
                assert_int_equal(w->result.n_faces, 1);
                assert_int_equal(w->result.faces[0].n_points, EMO_MAX_LANDMARKS);
                assert_int_equal(w->result.faces[0].seen_usec, w->result.timestamp_usec);
        }
        assert_in_range(w->script->n_everywhere, 2, 3);
        w->script->landmarks = 0;
        world_free(w);
}

/* The aligner sees only the person in front, and finds her for both tracks: the hidden one keeps its id, on its way. */
static void test_hidden_face_does_not_take_the_other_ones_landmarks(void **state)
{
        struct world *w = world_new(NULL);
        uint32_t back = 0, front = 0;

        w->script->landmarks = 1;
        for (int i = 0; i <= 60; i++) {
                double x = 40 + 3.5 * i;

                clear_faces(w);
                put_face(w, 160, 120, 60, GRAY_OF(4));
                if (fabs(x - 160) > 30)
                        put_face(w, x, 125, 55, GRAY_OF(3));
                show_frame(w);
                if (i == 10) {
                        size_t left = w->result.faces[0].box.x < w->result.faces[1].box.x ? 0 : 1;

                        back = w->result.faces[left].id;
                        front = w->result.faces[1 - left].id;
                }
        }
        assert_int_equal(count(w, FACE_APPEARED, 0), 2);
        assert_int_equal(count(w, FACE_VANISHED, 0), 0);
        assert_int_equal(w->result.n_faces, 2);
        for (size_t i = 0; i < 2; i++)
                assert_int_equal(w->result.faces[i].id, w->result.faces[i].box.x > 180 ? back : front);
        w->script->landmarks = 0;
        world_free(w);
}

/* A head at (100, 100), turned by @yaw degrees to the picture's right. */
static void turn_head(struct world *w, double yaw)
{
        struct emo_alignment *a = &w->script->alignment;
        double s = sin(yaw * M_PI / 180), c = cos(yaw * M_PI / 180);

        memset(a, 0, sizeof(*a));
        a->n_points = EMO_MAX_LANDMARKS;
        a->confidence = 1;
        for (unsigned i = 0; i < EMO_MAX_LANDMARKS; i++) {
                const double *at = pose_model_point(i);

                /* those that the pose does not need are somewhere in the face */
                a->points[i][0] = at ? (float)(100 + 0.4 * (c * at[0] - s * at[2])) : 90 + (float)(i % 5) * 5;
                a->points[i][1] = at ? (float)(90 + 0.4 * at[1]) : 90 + (float)(i % 7) * 4;
        }
        w->script->use_alignment = 1;
}

static void test_attention_is_told(void **state)
{
        struct pipeline_config config = defaults;
        const struct face_event *e;

        config.attention = (struct attention_rules){ .max_yaw_deg = 25, .max_pitch_deg = 20, .hold_usec = 300000 };
        struct world *w = world_new(&config);

        put_face(w, 100, 100, 60, GRAY_OF(3));
        turn_head(w, 60);
        show(w, 1000000);
        assert_int_equal(count(w, FACE_ATTENTION_CHANGED, 0), 0);
        assert_true(w->result.faces[0].pose.known);
        assert_float_equal(w->result.faces[0].pose.yaw_deg, 60, 3);
        assert_false(w->result.faces[0].facing);
        turn_head(w, 10);
        show(w, 1500000);
        assert_int_equal(count(w, FACE_ATTENTION_CHANGED, 0), 1);
        assert_true(w->result.faces[0].facing);
        e = &w->events[w->n_events - 1];
        assert_int_equal(e->kind, FACE_ATTENTION_CHANGED);
        assert_true(e->facing && e->pose.known && fabs((double)e->pose.yaw_deg) < 25);
        assert_int_equal(e->face, w->result.faces[0].id);
        /* an aligner that gives no points knows of no pose, and so of nobody who looks */
        w->script->use_alignment = 0;
        show(w, 1000000);
        assert_int_equal(count(w, FACE_ATTENTION_CHANGED, 0), 2);
        assert_false(w->result.faces[0].facing || w->result.faces[0].pose.known);
        world_free(w);
}

/* Stripes, which are sharp and have contrast: the fake classifier reads their mean. */
static void stripe_face(struct world *w)
{
        for (size_t i = 0; i < sizeof(w->pixels); i++)
                if (w->pixels[i])
                        w->pixels[i] = (uint8_t)(w->pixels[i] + (i % WIDTH / 4 % 2 ? 20 : -20));
}

static void test_poor_picture_is_unsure(void **state)
{
        struct pipeline_config config = defaults;
        struct decision_rules eager = { .min_confidence = 0 };

        config.min_quality = 0.3;
        struct world *w = world_new(&config);

        assert_int_equal(pipeline_set_listener(w->pipeline, 1, &eager), 0);
        put_face(w, 100, 100, 60, GRAY_OF(3)); /* one colour: nothing to see */
        show(w, 1000000);
        assert_int_equal(w->result.n_faces, 1);
        assert_int_equal(w->result.faces[0].emotion, EMOTION_UNSURE);
        assert_float_equal(w->result.faces[0].quality, 0, 1e-9);
        assert_int_equal(w->classifier.n_faces, 0); /* and nothing is guessed */
        stripe_face(w);
        show(w, 1500000);
        assert_true(w->result.faces[0].quality > 0.9);
        assert_int_equal(w->result.faces[0].emotion, 3);
        assert_int_equal(last_change(w, 1)->to, 3);
        clear_faces(w);
        put_face(w, 100, 100, 60, GRAY_OF(3));
        show(w, 1500000);
        assert_int_equal(last_change(w, 0)->to, EMOTION_UNSURE);
        assert_int_equal(last_change(w, 1)->to, EMOTION_UNSURE); /* also for who takes any confidence */
        assert_true(w->result.faces[0].confidence < 0.2);
        world_free(w);
}

/* A face that may be anything is rather not neutral where that was asked for, in frames and in pictures. */
static void test_sensitivity(void **state)
{
        struct pipeline_config config = defaults;
        struct face still;

        config.sensitivity = 4;
        struct world *w = world_new(&config);
        struct frame f = { .width_px = WIDTH, .height_px = HEIGHT, .gray = w->pixels, .gray_stride_bytes = WIDTH };

        put_face(w, 100, 100, 60, GRAY_VAGUE);
        show(w, 1000000);
        assert_int_equal(w->result.n_faces, 1);
        assert_float_equal(w->result.faces[0].scores[1] / w->result.faces[0].scores[0], 4, 1e-3);
        assert_int_equal(pipeline_classify_image(w->pipeline, &f, &config.rules, &still, 1), 1);
        assert_float_equal(still.scores[1] / still.scores[0], 4, 1e-3);
        world_free(w);
}

/* The nearest are looked at in each frame, the others in turn, and none is forgotten. */
static void test_many_faces_take_turns(void **state)
{
        struct pipeline_config config = defaults;

        config.faces_per_frame = 2;
        struct world *w = world_new(&config);

        put_face(w, 40, 40, 30, GRAY_OF(1));
        put_face(w, 120, 60, 60, GRAY_OF(2));
        put_face(w, 220, 60, 56, GRAY_OF(3));
        put_face(w, 60, 180, 32, GRAY_OF(4));
        put_face(w, 150, 180, 34, GRAY_OF(5));
        show(w, 200000);
        w->classifier.n_runs = w->classifier.n_faces = 0;
        show(w, 2000000);
        assert_int_equal(w->classifier.n_runs, 40);
        assert_int_equal(w->classifier.n_faces, 3 * 40);
        assert_int_equal(w->result.n_faces, 5);
        for (size_t i = 0; i < 5; i++) {
                const struct face *f = &w->result.faces[i];
                int gray = w->pixels[(size_t)(f->box.y + f->box.height / 2) * WIDTH +
                                     (size_t)(f->box.x + f->box.width / 2)];

                assert_int_equal(GRAY_OF(f->emotion), gray);
        }
        world_free(w);
}

/* A face in a zone is never told of; one that walks into it vanishes there, also where landmarks lead it. */
static void walk_into_zone(int landmarks)
{
        struct pipeline_config config = defaults;
        struct zone right = { "till", 4, { { 0.5, 0 }, { 1, 0 }, { 1, 1 }, { 0.5, 1 } } };

        config.zones.n = 1;
        config.zones.items[0] = right;
        struct world *w = world_new(&config);

        w->script->landmarks = landmarks;
        clear_faces(w);
        put_face(w, WIDTH * 0.75, 100, 40, GRAY_OF(3));
        show(w, 1000000);
        assert_int_equal(w->result.n_faces, 0);
        assert_int_equal(w->classifier.n_faces, 0);
        for (double x = WIDTH * 0.25; x < WIDTH * 0.8; x += 1) {
                clear_faces(w);
                put_face(w, x, 100, 40, GRAY_OF(3));
                show_frame(w);
                for (size_t i = 0; i < w->result.n_faces; i++)
                        assert_true(w->result.faces[i].box.x + w->result.faces[i].box.width / 2 < WIDTH * 0.5f);
        }
        assert_int_equal(count(w, FACE_APPEARED, 0), 1);
        assert_int_equal(count(w, FACE_VANISHED, 0), 1);
        assert_int_equal(w->result.n_faces, 0);
        w->script->landmarks = 0;
        world_free(w);
}

static void test_zones(void **state)
{
        walk_into_zone(0);
        walk_into_zone(1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_zones),
                cmocka_unit_test(test_hidden_face),
                cmocka_unit_test(test_two_people_cross),
                cmocka_unit_test(test_landmarks_lead_without_detector),
                cmocka_unit_test(test_gate_asks_for_the_detector),
                cmocka_unit_test(test_detector_has_the_last_word_on_sure_landmarks),
                cmocka_unit_test(test_sure_landmarks_lead),
                cmocka_unit_test(test_slow_landmarks_ask_for_the_detector),
                cmocka_unit_test(test_hidden_face_does_not_take_the_other_ones_landmarks),
                cmocka_unit_test(test_attention_is_told),
                cmocka_unit_test(test_poor_picture_is_unsure),
                cmocka_unit_test(test_sensitivity),
                cmocka_unit_test(test_many_faces_take_turns),
        };

        return cmocka_run_group_tests_name("pipeline-faces", tests, NULL, NULL);
}
