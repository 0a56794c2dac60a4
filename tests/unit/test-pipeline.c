/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way of a frame: from its faces to events, what is refused, and what it costs. */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/pipeline-world.h"

/* Allocations of the pipeline's own objects, counted while @counting. */
static atomic_bool counting;
static atomic_uint n_allocations;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n)
{
        n_allocations += counting;
        return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
        n_allocations += counting;
        return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
        n_allocations += counting;
        return __real_realloc(p, n);
}

static void test_one_event_per_change(void **state)
{
        static const unsigned shown[] = { 3, 6, 4, 3, 0, 6 };
        struct world *w = world_new(NULL);
        int from = EMOTION_UNSURE;

        for (unsigned i = 0; i < ARRAY_LEN(shown); i++) {
                for (int k = 0; k < 40; k++) {
                        clear_faces(w);
                        put_face(w, 100 + k % 3, 100, 60, GRAY_OF(shown[i]));
                        show_frame(w);
                }
                assert_int_equal(count(w, FACE_EMOTION_CHANGED, 0), i + 1);
                assert_int_equal(last_change(w, 0)->from, from);
                assert_int_equal(last_change(w, 0)->to, (int)shown[i]);
                assert_int_equal(w->result.n_faces, 1);
                assert_int_equal(w->result.faces[0].emotion, (int)shown[i]);
                assert_float_equal(w->result.faces[0].confidence, 0.9, 0.05);
                from = (int)shown[i];
        }
        assert_int_equal(count(w, FACE_APPEARED, 0), 1);
        assert_int_equal(count(w, FACE_VANISHED, 0), 0);
        clear_faces(w);
        show(w, 1500000);
        assert_int_equal(count(w, FACE_VANISHED, 0), 1);
        assert_int_equal(w->events[w->n_events - 1].from, 6);
        assert_int_equal(w->result.n_faces, 0);
        world_free(w);
}

static void test_glitch_is_no_change(void **state)
{
        struct world *w = world_new(NULL);

        put_face(w, 100, 100, 60, GRAY_OF(6));
        show(w, 2000000);
        for (int i = 0; i < 10; i++) { /* one frame in ten is read wrongly */
                clear_faces(w);
                put_face(w, 100, 100, 60, GRAY_OF(5));
                show_frame(w);
                clear_faces(w);
                put_face(w, 100, 100, 60, GRAY_OF(6));
                show(w, 9 * PERIOD_USEC);
        }
        assert_int_equal(count(w, FACE_EMOTION_CHANGED, 0), 1);
        world_free(w);
}

static void test_unsure(void **state)
{
        struct world *w = world_new(NULL);

        put_face(w, 100, 100, 60, GRAY_VAGUE);
        show(w, 1000000);
        assert_int_equal(count(w, FACE_EMOTION_CHANGED, 0), 0);
        assert_int_equal(w->result.faces[0].emotion, EMOTION_UNSURE);
        assert_float_equal(w->result.faces[0].confidence, 1. / N_LABELS, 0.01);
        clear_faces(w);
        put_face(w, 100, 100, 60, GRAY_OF(2));
        show(w, 1500000);
        clear_faces(w);
        put_face(w, 100, 100, 60, GRAY_VAGUE);
        show(w, 1500000);
        assert_int_equal(count(w, FACE_EMOTION_CHANGED, 0), 2);
        assert_int_equal(last_change(w, 0)->from, 2);
        assert_int_equal(last_change(w, 0)->to, EMOTION_UNSURE);
        world_free(w);
}

/* The whole picture is looked at as often as the settings say, by the frames' clock; about known faces at each frame. */
static void test_pacing(void **state)
{
        struct pipeline_config config = defaults;

        config.idle_fps = 2;
        config.detect_fps = 4;
        struct world *w = world_new(&config);

        show(w, 5000000);
        assert_in_range(w->script->n_everywhere, 10, 11);
        assert_int_equal(w->script->n_regions, 0);
        put_face(w, 100, 100, 60, GRAY_OF(3));
        show(w, 1000000);
        w->script->n_everywhere = w->script->n_regions = 0;
        show(w, 5000000);
        assert_in_range(w->script->n_everywhere, 19, 21);
        assert_in_range(w->script->n_regions, 79, 81);
        assert_int_equal(pipeline_get_stats(w->pipeline).n_frames, 220);
        assert_true(pipeline_get_stats(w->pipeline).n_detections >= 30);
        world_free(w);
}

/* With nobody in view only the frames that are looked at are wanted; with somebody, or something that may be, all are. */
static void test_rests(void **state)
{
        struct pipeline_config config = defaults;

        config.idle_fps = 3;
        struct world *w = world_new(&config);

        assert_int_equal(pipeline_rests_until(w->pipeline), 0);
        for (unsigned i = 0; i < 60; i++) {
                uint64_t until = pipeline_rests_until(w->pipeline), now = w->now_usec;
                unsigned before = w->script->n_everywhere;

                show_frame(w);
                assert_int_equal(w->script->n_everywhere - before, now >= until);
        }
        assert_in_range(w->script->n_everywhere, 8, 10);
        put_face(w, 100, 100, 60, GRAY_OF(3));
        show(w, 1000000);
        assert_int_equal(pipeline_rests_until(w->pipeline), 0);
        clear_faces(w);
        show(w, 500000); /* remembered */
        assert_int_equal(pipeline_rests_until(w->pipeline), 0);
        show(w, 3000000);
        assert_true(pipeline_rests_until(w->pipeline) > w->now_usec - PERIOD_USEC);
        assert_int_equal(count(w, FACE_VANISHED, 0), 1);
        world_free(w);
}

static void test_false_alarm_is_not_told(void **state)
{
        struct world *w = world_new(NULL);

        for (int i = 0; i < 10; i++) {
                put_face(w, 100 + 5 * i, 100, 60, 100);
                show_frame(w);
                clear_faces(w);
                show(w, 950000);
        }
        assert_int_equal(w->n_events, 0);
        world_free(w);
}

/* A face that is found in each frame is there, however short faces are kept and however few frames there are. */
static void test_short_memory(void **state)
{
        static const struct {
                uint64_t keep_usec, period_usec;
        } cases[] = { { 0, PERIOD_USEC }, { 20000, PERIOD_USEC }, { 1000000, 1000000 }, { 0, 2000000 } };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct pipeline_config config = defaults;

                config.keep_usec = cases[i].keep_usec;
                struct world *w = world_new(&config);

                put_face(w, 100, 100, 60, GRAY_OF(3));
                for (unsigned k = 0; k < 30; k++) {
                        show_frame(w);
                        w->now_usec += cases[i].period_usec - PERIOD_USEC;
                        assert_int_equal(w->result.n_faces, k > 0);
                }
                assert_int_equal(count(w, FACE_APPEARED, 0), 1);
                assert_int_equal(count(w, FACE_EMOTION_CHANGED, 0), 1);
                assert_int_equal(count(w, FACE_VANISHED, 0), 0);
                /* not found in a frame: gone with the next */
                clear_faces(w);
                show_frame(w);
                w->now_usec += MAX(cases[i].keep_usec, cases[i].period_usec);
                show_frame(w);
                assert_int_equal(count(w, FACE_VANISHED, 0), 1);
                world_free(w);
        }
}

/* Who stands there after the stream stood still for long is somebody else. */
static void test_stall(void **state)
{
        struct world *w = world_new(NULL);

        put_face(w, 100, 100, 60, GRAY_OF(3));
        show(w, 1000000);
        w->now_usec += 4000000;
        show(w, 1000000);
        assert_int_equal(count(w, FACE_VANISHED, 0), 1);
        assert_int_equal(count(w, FACE_APPEARED, 0), 2);
        world_free(w);
}

static void test_listeners(void **state)
{
        static const struct decision_rules strict = { .min_confidence = 0.95 }, eager = { .min_confidence = 0.3 };
        struct decision_rules bad = { .min_confidence = NAN };
        struct world *w = world_new(NULL);

        assert_int_equal(pipeline_set_listener(w->pipeline, 0, &eager), -EINVAL);
        assert_int_equal(pipeline_set_listener(w->pipeline, PIPELINE_MAX_LISTENERS, &eager), -EINVAL);
        assert_int_equal(pipeline_set_listener(w->pipeline, 1, &bad), -EINVAL);
        put_face(w, 100, 100, 60, GRAY_OF(3));
        show(w, 1000000);
        assert_int_equal(pipeline_set_listener(w->pipeline, 1, &eager), 0);
        assert_int_equal(pipeline_set_listener(w->pipeline, 2, &strict), 0);
        show_frame(w); /* the known face is told at once */
        assert_int_equal(count(w, FACE_EMOTION_CHANGED, 1), 1);
        assert_int_equal(last_change(w, 1)->from, EMOTION_UNSURE);
        assert_int_equal(last_change(w, 1)->to, 3);
        clear_faces(w);
        put_face(w, 100, 100, 60, GRAY_OF(1));
        show(w, 1000000);
        assert_int_equal(count(w, FACE_EMOTION_CHANGED, 1), 2);
        assert_int_equal(count(w, FACE_EMOTION_CHANGED, 2), 0);
        assert_int_equal(count(w, FACE_EMOTION_CHANGED, 0), 2);
        pipeline_drop_listener(w->pipeline, 1);
        clear_faces(w);
        put_face(w, 100, 100, 60, GRAY_OF(3));
        show(w, 1000000);
        assert_int_equal(count(w, FACE_EMOTION_CHANGED, 1), 2);
        assert_int_equal(count(w, FACE_EMOTION_CHANGED, 0), 3);
        world_free(w);
}

/* 32 faces change for 33 listeners in one frame: what does not fit is told in the next ones. */
static void test_no_event_is_lost(void **state)
{
        struct decision_rules rules = { .min_confidence = 0.5 };
        struct pipeline_config config = defaults;
        unsigned n[PIPELINE_MAX_LISTENERS] = { 0 };

        config.smoothing_usec = 0;
        config.rules = rules;
        struct world *w = world_new(&config);

        for (unsigned i = 1; i < PIPELINE_MAX_LISTENERS; i++)
                assert_int_equal(pipeline_set_listener(w->pipeline, i, &rules), 0);
        for (unsigned i = 0; i < PIPELINE_MAX_FACES; i++)
                put_face(w, 20 + 38 * (i % 8), 30 + 50 * (i / 8), 30, GRAY_OF(3));
        for (int i = 0; i < 20; i++) {
                show_frame(w);
                for (size_t k = 0; k < w->result.n_events; k++)
                        if (w->result.events[k].kind == FACE_EMOTION_CHANGED)
                                n[w->result.events[k].listener]++;
        }
        for (unsigned i = 0; i < PIPELINE_MAX_LISTENERS; i++)
                assert_int_equal(n[i], PIPELINE_MAX_FACES);
        assert_int_equal(w->result.n_events_lost, 0);
        assert_int_equal(w->result.n_faces, PIPELINE_MAX_FACES);
        pipeline_flush(w->pipeline, w->now_usec, &w->result);
        assert_int_equal(w->result.n_events, PIPELINE_MAX_FACES);
        assert_int_equal(w->result.n_faces, 0);
        world_free(w);
}

static void test_flush_and_start_anew(void **state)
{
        struct world *w = world_new(NULL);
        uint32_t id;

        put_face(w, 100, 100, 60, GRAY_OF(3));
        show(w, 1000000);
        id = w->result.faces[0].id;
        pipeline_flush(w->pipeline, w->now_usec, &w->result);
        assert_int_equal(w->result.n_events, 1);
        assert_int_equal(w->result.events[0].kind, FACE_VANISHED);
        assert_int_equal(w->result.events[0].face, id);
        show(w, 200000);
        assert_int_equal(w->result.n_faces, 1);
        assert_int_not_equal(w->result.faces[0].id, id);
        world_free(w);
}

/* A replay that is opened again begins at its beginning. */
static void test_time_starts_anew(void **state)
{
        struct world *w = world_new(NULL);

        put_face(w, 100, 100, 60, GRAY_OF(3));
        show(w, 1000000);
        pipeline_flush(w->pipeline, w->now_usec + 100000000, &w->result);
        assert_int_equal(w->result.timestamp_usec, w->now_usec + 100000000);
        w->now_usec = 0;
        show(w, 1000000);
        assert_int_equal(count(w, FACE_APPEARED, 0), 2);
        assert_int_equal(count(w, FACE_EMOTION_CHANGED, 0), 2);
        world_free(w);
}

static void test_failures(void **state)
{
        struct world *w = world_new(NULL);
        struct emo_alignment nan = { .side_px = NAN, .confidence = 1 };

        put_face(w, 100, 100, 60, GRAY_OF(3));
        show(w, 1000000);
        w->script->detect_result = -EIO;
        show(w, 400000);
        w->script->detect_result = 0;
        w->script->align_result = -EIO;
        show(w, 400000);
        w->script->align_result = 0;
        w->script->use_alignment = 1;
        w->script->alignment = nan;
        show(w, 400000);
        w->script->use_alignment = 0;
        w->classifier.result = -EIO;
        show(w, 400000);
        w->classifier.result = 0;
        show(w, 400000);
        assert_int_equal(count(w, FACE_APPEARED, 0), 1);
        assert_int_equal(count(w, FACE_VANISHED, 0), 0);
        assert_int_equal(count(w, FACE_EMOTION_CHANGED, 0), 1);
        assert_true(pipeline_get_stats(w->pipeline).n_plugin_errors >= 20);
        world_free(w);
}

/* Shows frames for @usec. Return: the lines in the log that say "failed". */
static unsigned failures_logged(struct world *w, uint64_t usec)
{
        char text[4096] = "";
        int saved = dup(STDERR_FILENO), fds[2];
        unsigned n = 0;

        assert_int_equal(pipe(fds), 0);
        assert_true(saved >= 0 && dup2(fds[1], STDERR_FILENO) >= 0);
        show(w, usec);
        dup2(saved, STDERR_FILENO);
        close(saved);
        close(fds[1]);
        assert_true(read(fds[0], text, sizeof(text) - 1) >= 0);
        close(fds[0]);
        for (const char *at = text; (at = strstr(at, "failed")); at++)
                n++;
        return n;
}

/* Whatever else goes well, and however many faces there are, a plugin that fails in each frame is told of once. */
static void test_failures_are_told_once(void **state)
{
        struct world *w = world_new(NULL);

        put_face(w, 100, 100, 60, GRAY_OF(3));
        put_face(w, 200, 100, 60, GRAY_OF(3));
        show(w, 1000000);
        w->script->detect_result = -EIO;
        assert_int_equal(failures_logged(w, 500000), 1);
        w->script->detect_result = 0;
        assert_int_equal(failures_logged(w, 500000), 0);
        w->script->align_result = -EIO;
        assert_int_equal(failures_logged(w, 500000), 1);
        w->script->detect_result = -EIO;
        assert_int_equal(failures_logged(w, 100000), 1);
        w->script->detect_result = w->script->align_result = 0;
        assert_int_equal(failures_logged(w, 500000), 0);
        w->script->landmarks = 1; /* the detector is asked now and then */
        w->script->detect_result = -EIO;
        assert_int_equal(failures_logged(w, 2000000), 1);
        w->script->landmarks = w->script->detect_result = 0;
        assert_int_equal(failures_logged(w, 500000), 0);
        w->classifier.result = -EIO;
        assert_int_equal(failures_logged(w, 500000), 1);
        clear_faces(w);
        assert_int_equal(failures_logged(w, 500000), 0);
        put_face(w, 200, 100, 60, GRAY_OF(3)); /* it has had nothing to do meanwhile */
        assert_int_equal(failures_logged(w, 500000), 0);
        w->classifier.result = 0;
        assert_int_equal(failures_logged(w, 500000), 0);
        w->classifier.result = -EIO; /* news again */
        assert_int_equal(failures_logged(w, 500000), 1);
        world_free(w);
}

static void test_bad_frames(void **state)
{
        struct world *w = world_new(NULL);
        struct frame good = { .width_px = WIDTH,
                              .height_px = HEIGHT,
                              .gray = w->pixels,
                              .gray_stride_bytes = WIDTH,
                              .timestamp_usec = w->now_usec };
        struct frame bad[4] = { good, good, good, good };

        bad[0].gray = NULL;
        bad[1].width_px = 0;
        bad[2].height_px = 0;
        bad[3].gray_stride_bytes = WIDTH - 1;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(pipeline_process(w->pipeline, &bad[i], &w->result), -EINVAL);
        /* a clock that runs backwards is held */
        assert_int_equal(pipeline_process(w->pipeline, &good, &w->result), 0);
        good.timestamp_usec = 5;
        assert_int_equal(pipeline_process(w->pipeline, &good, &w->result), 0);
        assert_int_equal(w->result.timestamp_usec, w->now_usec);
        world_free(w);
}

static void test_bad_config(void **state)
{
        struct world *w = world_new(NULL);
        struct pipeline_config bad[10];
        struct pipeline *p;

        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                bad[i] = defaults;
        bad[0].detect_fps = 0;
        bad[1].idle_fps = NAN;
        bad[2].max_faces = 0;
        bad[3].max_faces = PIPELINE_MAX_FACES + 1;
        bad[4].rules.min_confidence = 2;
        bad[5].rules.hysteresis = NAN;
        bad[6].min_align_confidence = NAN;
        bad[7].min_quality = 1.5;
        bad[8].attention.max_yaw_deg = NAN;
        bad[9].sensitivity = 11;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(pipeline_new(&bad[i], w->host, &w->classifier, &p), -EINVAL);
        w->classifier.info.max_batch = 31;
        assert_int_equal(pipeline_new(&defaults, w->host, &w->classifier, &p), -EINVAL);
        world_free(w);
}

static void test_bgr(void **state)
{
        struct world *w = malloc(sizeof(*w));
        uint8_t *bgr = calloc(WIDTH * HEIGHT, 3);
        struct frame f = { .width_px = WIDTH, .height_px = HEIGHT, .gray_stride_bytes = WIDTH };

        world_init_with(w, "fake-bgr", &defaults);
        f.gray = w->pixels;
        assert_true(pipeline_wants_bgr(w->pipeline));
        assert_int_equal(pipeline_process(w->pipeline, &f, &w->result), -EINVAL);
        f.bgr = bgr;
        f.bgr_stride_bytes = 3 * WIDTH;
        assert_int_equal(pipeline_process(w->pipeline, &f, &w->result), 0);
        free(bgr);
        world_free(w);
        w = world_new(NULL);
        assert_false(pipeline_wants_bgr(w->pipeline));
        world_free(w);
}

/* A classifier for colours gets those of the face, red first, beside the gray picture; without them there is no frame. */
static void test_classifier_in_colour(void **state)
{
        struct world *w = world_new(NULL);
        uint8_t *bgr = calloc(WIDTH * HEIGHT, 3);
        struct frame f = { .width_px = WIDTH, .height_px = HEIGHT, .gray = w->pixels, .gray_stride_bytes = WIDTH };

        for (size_t i = 0; i < WIDTH * HEIGHT; i++) {
                bgr[3 * i] = 10;
                bgr[3 * i + 1] = 20;
                bgr[3 * i + 2] = 30;
        }
        assert_false(pipeline_wants_bgr(w->pipeline));
        w->classifier.info.colour = true;
        assert_true(pipeline_wants_bgr(w->pipeline));
        put_face(w, WIDTH / 2., HEIGHT / 2., 40, GRAY_OF(1));
        f.timestamp_usec = w->now_usec;
        assert_int_equal(pipeline_process(w->pipeline, &f, &w->result), -EINVAL);
        f.bgr = bgr;
        f.bgr_stride_bytes = 3 * WIDTH;
        for (unsigned i = 0; i < 8; i++) {
                f.timestamp_usec = w->now_usec += PERIOD_USEC;
                assert_int_equal(pipeline_process(w->pipeline, &f, &w->result), 0);
        }
        assert_true(w->classifier.n_faces > 0);
        for (unsigned c = 0; c < 3; c++)
                assert_float_equal(w->classifier.planes[0][c * SIDE * SIDE + 5], 30 - 10.f * (float)c, 1e-3);
        assert_float_equal(w->classifier.inputs[0][SIDE * SIDE / 2 + SIDE / 2], GRAY_OF(1), 1);
        free(bgr);
        world_free(w);
}

static void test_still_picture(void **state)
{
        static const struct decision_rules rules = { .min_confidence = 0.5 };
        struct world *w = world_new(NULL);
        struct frame f = { .width_px = WIDTH, .height_px = HEIGHT, .gray = w->pixels, .gray_stride_bytes = WIDTH };
        struct face faces[4];

        put_face(w, 200, 100, 60, GRAY_OF(6));
        show(w, 1000000);
        put_face(w, 80, 100, 60, GRAY_OF(3));
        put_face(w, 80, 190, 40, GRAY_VAGUE);
        assert_int_equal(pipeline_classify_image(w->pipeline, &f, &rules, faces, ARRAY_LEN(faces)), 3);
        assert_int_equal(faces[0].emotion, 6);
        assert_int_equal(faces[1].emotion, 3);
        assert_float_equal(faces[1].confidence, 0.9, 1e-6);
        assert_float_equal(faces[1].box.x, 50, 0);
        assert_int_equal(faces[2].emotion, EMOTION_UNSURE);
        assert_int_equal(faces[2].id, 0);
        assert_int_equal(pipeline_classify_image(w->pipeline, &f, &rules, faces, 1), 1);
        w->script->detect_result = -EIO;
        assert_int_equal(pipeline_classify_image(w->pipeline, &f, &rules, faces, 1), -EIO);
        w->script->detect_result = 0;
        f.gray = NULL;
        assert_int_equal(pipeline_classify_image(w->pipeline, &f, &rules, faces, 1), -EINVAL);
        /* the stream knows nothing of it */
        clear_faces(w);
        put_face(w, 200, 100, 60, GRAY_OF(6));
        show(w, 300000);
        assert_int_equal(w->result.n_faces, 1);
        assert_int_equal(count(w, FACE_APPEARED, 0), 1);
        world_free(w);
}

/* Plugins are told which pictures belong together: those of a stream do, a still picture stands alone. */
static void test_sequences(void **state)
{
        static const struct decision_rules rules = { .min_confidence = 0.5 };
        struct world *w = world_new(NULL);
        struct frame f = { .width_px = WIDTH, .height_px = HEIGHT, .gray = w->pixels, .gray_stride_bytes = WIDTH };
        uint64_t stream, still[2];
        struct face face;

        w->script->note_sequence = 1;
        put_face(w, 200, 100, 60, GRAY_OF(6));
        show(w, 500000);
        stream = w->script->sequence;
        assert_int_not_equal(stream, 0);
        for (size_t i = 0; i < ARRAY_LEN(still); i++) {
                assert_int_equal(pipeline_classify_image(w->pipeline, &f, &rules, &face, 1), 1);
                still[i] = w->script->sequence;
                show_frame(w);
                assert_int_equal(w->script->sequence, stream);
        }
        assert_int_not_equal(still[0], stream);
        assert_int_not_equal(still[1], stream);
        assert_int_not_equal(still[0], still[1]);
        w->script->align_result = -EIO;
        assert_int_equal(pipeline_classify_image(w->pipeline, &f, &rules, &face, 1), 0);
        w->script->align_result = 0;
        show_frame(w);
        assert_int_equal(w->script->sequence, stream);
        pipeline_flush(w->pipeline, w->now_usec, &w->result);
        show(w, 500000);
        assert_int_not_equal(w->script->sequence, stream);
        assert_int_not_equal(w->script->sequence, still[0]);
        assert_int_not_equal(w->script->sequence, still[1]);
        world_free(w);
}

static void test_no_allocation_per_frame(void **state)
{
        struct world *w = world_new(NULL);

        put_face(w, 100, 100, 60, GRAY_OF(3));
        put_face(w, 200, 100, 60, GRAY_OF(4));
        show(w, 500000);
        n_allocations = 0;
        counting = true;
        show(w, 5000000);
        clear_faces(w);
        show(w, 2000000);
        put_face(w, 150, 100, 60, GRAY_OF(4));
        show(w, 1000000);
        counting = false;
        assert_int_equal(n_allocations, 0);
        assert_true(w->n_events >= 7);
        world_free(w);
}

static void *run_stream(void *arg)
{
        struct world *w = arg;

        show(w, 400 * PERIOD_USEC);
        return NULL;
}

static void test_two_threads_share_nothing(void **state)
{
        struct world *worlds[2];
        pthread_t threads[2];

        worlds[0] = world_new(NULL);
        worlds[1] = malloc(sizeof(struct world));
        world_init_with(worlds[1], "fake", &defaults);
        put_face(worlds[0], 100, 100, 60, GRAY_OF(3));
        memcpy(worlds[1]->pixels, worlds[0]->pixels, sizeof(worlds[0]->pixels));
        for (size_t i = 0; i < 2; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, run_stream, worlds[i]), 0);
        for (size_t i = 0; i < 2; i++)
                pthread_join(threads[i], NULL);
        for (size_t i = 0; i < 2; i++) {
                assert_int_equal(count(worlds[i], FACE_EMOTION_CHANGED, 0), 1);
                assert_int_equal(worlds[i]->result.n_faces, 1);
                world_free(worlds[i]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_one_event_per_change),
                cmocka_unit_test(test_glitch_is_no_change),
                cmocka_unit_test(test_unsure),
                cmocka_unit_test(test_pacing),
                cmocka_unit_test(test_rests),
                cmocka_unit_test(test_false_alarm_is_not_told),
                cmocka_unit_test(test_short_memory),
                cmocka_unit_test(test_stall),
                cmocka_unit_test(test_listeners),
                cmocka_unit_test(test_no_event_is_lost),
                cmocka_unit_test(test_flush_and_start_anew),
                cmocka_unit_test(test_time_starts_anew),
                cmocka_unit_test(test_failures),
                cmocka_unit_test(test_failures_are_told_once),
                cmocka_unit_test(test_bad_frames),
                cmocka_unit_test(test_bad_config),
                cmocka_unit_test(test_bgr),
                cmocka_unit_test(test_classifier_in_colour),
                cmocka_unit_test(test_still_picture),
                cmocka_unit_test(test_sequences),
                cmocka_unit_test(test_no_allocation_per_frame),
                cmocka_unit_test(test_two_threads_share_nothing),
        };

        return cmocka_run_group_tests_name("pipeline", tests, NULL, NULL);
}
