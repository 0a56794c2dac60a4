/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way of a frame, with a detector and an aligner that answer what a test has written, and a classifier that reads
 * the emotion off the brightness of a face. */
#undef NDEBUG
#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/vision/classifier.h"
#include "daemon/vision/pipeline.h"
#include "daemon/vision/plugin-host.h"
#include "daemon/vision/pose.h"
#include "tests/plugins/fake.h"

#define WIDTH 320u
#define HEIGHT 240u
#define SIDE 16u
#define N_LABELS 7u
#define PERIOD_USEC 50000u /* 20 frames a second */

/* Gray value of a face that shows label @k; and one that is read as "any of them". */
#define GRAY_OF(k) ((uint8_t)(20 + 30 * (k)))
#define GRAY_VAGUE 250

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

/* The classifier in the real one's place. */
struct classifier {
        struct classifier_info info;
        float inputs[PIPELINE_MAX_FACES][SIDE * SIDE];
        unsigned n_runs, n_faces;
        int result;
};

const struct classifier_info *classifier_get_info(const struct classifier *c)
{
        return &c->info;
}

float *classifier_input(struct classifier *c, unsigned i)
{
        return c->inputs[i];
}

int classifier_run(struct classifier *c, unsigned n, float (*ret)[EMOTION_MAX])
{
        c->n_runs++;
        c->n_faces += n;
        if (c->result < 0)
                return c->result;
        for (unsigned i = 0; i < n; i++) {
                float mean = 0;

                for (size_t k = 0; k < SIDE * SIDE; k++)
                        mean += c->inputs[i][k] / (SIDE * SIDE);
                for (unsigned k = 0; k < N_LABELS; k++)
                        ret[i][k] = mean > 240 ? 1.f / N_LABELS : 0.1f / (N_LABELS - 1);
                for (unsigned k = 0; mean <= 240 && k < N_LABELS; k++)
                        if (fabsf(mean - GRAY_OF(k)) < 12)
                                ret[i][k] = 0.9f;
        }
        return 0;
}

/* A pipeline and its world */
struct world {
        struct plugin_host *host;
        struct fake_script *script;
        struct classifier classifier;
        struct pipeline *pipeline;
        uint8_t pixels[WIDTH * HEIGHT];
        uint64_t now_usec;
        struct pipeline_result result;
        /* all events since the start */
        struct face_event events[512];
        size_t n_events;
};

static const struct pipeline_config defaults = {
        .detect_fps = 5,
        .idle_fps = 5,
        .keep_usec = 1000000,
        .smoothing_usec = 200000,
        .min_face_px = 20,
        .max_faces = 32,
        .min_align_confidence = 0.5,
        .rules = { .min_confidence = 0.5, .hysteresis = 0.1, .min_hold_usec = 200000 },
};

static void world_init_with(struct world *w, const char *plugin, const struct pipeline_config *config)
{
        char folder[512], path[600];
        void *module;

        memset(w, 0, sizeof(*w));
        snprintf(folder, sizeof(folder), "%s/tests/plugins/.libs", getenv("EMO_BUILDDIR") ?: ".");
        snprintf(path, sizeof(path), "%s/%s.so", folder, plugin);
        struct plugin_host_config host = { .folder = folder, .detector = plugin, .aligner = plugin };
        assert_int_equal(plugin_host_new(&host, &w->host), 0);
        assert_null(plugin_host_error(w->host));
        module = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
        w->script = dlsym(module, "fake_script");
        dlclose(module);
        memset(w->script->boxes, 0, sizeof(w->script->boxes));
        w->classifier.info = (struct classifier_info){ .n_labels = N_LABELS,
                                                       .face_template = face_template_fer2013,
                                                       .width_px = SIDE,
                                                       .height_px = SIDE,
                                                       .max_batch = PIPELINE_MAX_FACES };
        assert_int_equal(pipeline_new(config, w->host, &w->classifier, &w->pipeline), 0);
        w->now_usec = 1000000;
}

static struct world *world_new(const struct pipeline_config *config)
{
        struct world *w = malloc(sizeof(*w));

        world_init_with(w, "fake", config ?: &defaults);
        return w;
}

static void world_free(struct world *w)
{
        pipeline_free(w->pipeline);
        plugin_host_free(w->host);
        free(w);
}

/* Puts a face of gray value @gray at (@x, @y) into script and picture. */
static void put_face(struct world *w, double x, double y, double side, uint8_t gray)
{
        struct emo_box b = { (float)(x - side / 2), (float)(y - side / 2), (float)side, (float)side, 1 };

        w->script->boxes[w->script->n_boxes++] = b;
        for (unsigned v = 0; v < HEIGHT; v++)
                for (unsigned u = 0; u < WIDTH; u++)
                        if (fabs(u - x) <= side / 2 && fabs(v - y) <= side / 2)
                                w->pixels[v * WIDTH + u] = gray;
}

static void clear_faces(struct world *w)
{
        w->script->n_boxes = 0;
        memset(w->pixels, 0, sizeof(w->pixels));
}

static void keep_events(struct world *w)
{
        for (size_t i = 0; i < w->result.n_events && w->n_events < ARRAY_LEN(w->events); i++)
                w->events[w->n_events++] = w->result.events[i];
}

static void show_frame(struct world *w)
{
        struct frame f = { .width_px = WIDTH,
                           .height_px = HEIGHT,
                           .gray = w->pixels,
                           .gray_stride_bytes = WIDTH,
                           .timestamp_usec = w->now_usec };

        assert_int_equal(pipeline_process(w->pipeline, &f, &w->result), 0);
        assert_int_equal(w->result.timestamp_usec, w->now_usec);
        keep_events(w);
        w->now_usec += PERIOD_USEC;
}

static void show(struct world *w, uint64_t usec)
{
        for (uint64_t end = w->now_usec + usec; w->now_usec < end;)
                show_frame(w);
}

static unsigned count(const struct world *w, enum face_event_kind kind, unsigned listener)
{
        unsigned n = 0;

        for (size_t i = 0; i < w->n_events; i++)
                n += w->events[i].kind == kind && w->events[i].listener == listener;
        return n;
}

static const struct face_event *last_change(const struct world *w, unsigned listener)
{
        for (size_t i = w->n_events; i-- > 0;)
                if (w->events[i].kind == FACE_EMOTION_CHANGED && w->events[i].listener == listener)
                        return &w->events[i];
        return NULL;
}

/* The tests */

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
                int gray = w->pixels[(size_t)(f->box.y + f->box.height / 2) * WIDTH + (size_t)(f->box.x + f->box.width / 2)];

                assert_int_equal(GRAY_OF(f->emotion), gray);
        }
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
        struct pipeline_config bad[9];
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
                cmocka_unit_test(test_hidden_face),
                cmocka_unit_test(test_two_people_cross),
                cmocka_unit_test(test_pacing),
                cmocka_unit_test(test_landmarks_lead_without_detector),
                cmocka_unit_test(test_gate_asks_for_the_detector),
                cmocka_unit_test(test_hidden_face_does_not_take_the_other_ones_landmarks),
                cmocka_unit_test(test_attention_is_told),
                cmocka_unit_test(test_poor_picture_is_unsure),
                cmocka_unit_test(test_many_faces_take_turns),
                cmocka_unit_test(test_false_alarm_is_not_told),
                cmocka_unit_test(test_listeners),
                cmocka_unit_test(test_no_event_is_lost),
                cmocka_unit_test(test_flush_and_start_anew),
                cmocka_unit_test(test_failures),
                cmocka_unit_test(test_bad_frames),
                cmocka_unit_test(test_bad_config),
                cmocka_unit_test(test_bgr),
                cmocka_unit_test(test_still_picture),
                cmocka_unit_test(test_no_allocation_per_frame),
                cmocka_unit_test(test_two_threads_share_nothing),
        };

        return cmocka_run_group_tests_name("pipeline", tests, NULL, NULL);
}
