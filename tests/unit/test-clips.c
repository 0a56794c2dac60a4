/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Real faces in real clips through the real detector and aligner: how many are found, and who keeps an id. The
 * emotions are another test's matter; the classifier here knows none. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/capture/source.h"
#include "daemon/vision/classifier.h"
#include "daemon/vision/pipeline.h"
#include "daemon/vision/plugin-host.h"

struct classifier {
        struct classifier_info info;
        float input[PIPELINE_MAX_FACES][48 * 48];
};

const struct classifier_info *classifier_get_info(const struct classifier *c)
{
        return &c->info;
}

float *classifier_input(struct classifier *c, unsigned i)
{
        return c->input[i];
}

int classifier_run(struct classifier *c, unsigned n, float (*ret)[EMOTION_MAX])
{
        for (unsigned i = 0; i < n; i++)
                for (unsigned k = 0; k < c->info.n_labels; k++)
                        ret[i][k] = 1.f / (float)c->info.n_labels;
        return 0;
}

static struct classifier classifier = {
        .info = { .n_labels = 7, .width_px = 48, .height_px = 48, .max_batch = PIPELINE_MAX_FACES },
};

struct tally {
        unsigned n_frames;
        unsigned n_found;      /* frame by frame, faces found in that very frame */
        unsigned n_most;       /* at a time */
        unsigned n_appeared, n_vanished;
        unsigned last_vanished; /* frame number */
        unsigned first_back;    /* first appearance after a face had vanished */
};

static const char *clip_path(const char *name)
{
        static char path[600];

        snprintf(path, sizeof(path), "%s/data/clips/%s", getenv("EMO_SHARED") ?: "../shared", name);
        return path;
}

/* True if there is something to test with. */
static bool ready(const char *name)
{
        char plugin[600];

        snprintf(plugin, sizeof(plugin), "%s/.libs/haar.so", getenv("EMO_BUILDDIR") ?: ".");
        return access(plugin, R_OK) == 0 && access(clip_path(name), R_OK) == 0 &&
               access("/usr/share/opencv4/haarcascades", R_OK) == 0;
}

static void count_frame(struct tally *t, const struct pipeline_result *r)
{
        for (size_t i = 0; i < r->n_faces; i++)
                t->n_found += r->faces[i].seen_usec == r->timestamp_usec;
        t->n_most = MAX(t->n_most, (unsigned)r->n_faces);
        for (size_t i = 0; i < r->n_events; i++) {
                if (r->events[i].kind == FACE_APPEARED) {
                        t->n_appeared++;
                        if (t->n_vanished && !t->first_back)
                                t->first_back = t->n_frames;
                } else if (r->events[i].kind == FACE_VANISHED) {
                        t->n_vanished++;
                        t->last_vanished = t->n_frames;
                }
        }
        t->n_frames++;
}

static struct tally play(const char *name, unsigned min_face_px, double detect_fps)
{
        char folder[600];
        struct plugin_host_config host_config = { .folder = folder, .detector = "haar", .aligner = "box" };
        struct pipeline_config config = { .detect_fps = detect_fps,
                                          .idle_fps = 5,
                                          .keep_usec = 1000000,
                                          .smoothing_usec = 300000,
                                          .min_face_px = min_face_px,
                                          .max_faces = 16,
                                          .rules = { .min_confidence = 0.5 } };
        struct source_config source_config = { .device = clip_path(name), .replay = true, .pace = SOURCE_PACE_FAST };
        struct plugin_host *host;
        struct pipeline *pipeline;
        struct source *source;
        struct source_error error;
        struct tally t = { 0 };
        struct frame f;

        snprintf(folder, sizeof(folder), "%s/.libs", getenv("EMO_BUILDDIR") ?: ".");
        assert_int_equal(plugin_host_new(&host_config, &host), 0);
        assert_null(plugin_host_error(host));
        assert_int_equal(pipeline_new(&config, host, &classifier, &pipeline), 0);
        assert_int_equal(source_open(&source_config, &source, &error), 0);
        while (source_next(source, -1, 1000000, &f, &error) == 1) {
                struct pipeline_result r;

                assert_int_equal(pipeline_process(pipeline, &f, &r), 0);
                count_frame(&t, &r);
                source_release(source, &f);
        }
        struct pipeline_stats s = pipeline_get_stats(pipeline);

        print_message("# %s: %u frames, %.2f faces a frame, %u at most, %u appeared, %u vanished; "
                      "%.2f ms a frame in the detector, %u whole looks\n",
                      name, t.n_frames, (double)t.n_found / MAX(t.n_frames, 1u), t.n_most, t.n_appeared, t.n_vanished,
                      (double)s.detect_nsec / 1e6 / MAX(t.n_frames, 1u), (unsigned)s.n_detections);
        assert_true(t.n_frames > 0);
        source_free(source);
        pipeline_free(pipeline);
        plugin_host_free(host);
        return t;
}

static void test_one_face(void **state)
{
        if (!ready("smile.avi"))
                skip();
        struct tally t = play("smile.avi", 40, 5);

        assert_int_equal(t.n_frames, 62);
        assert_true(t.n_found >= 56);
        assert_int_equal(t.n_most, 1);
        assert_int_equal(t.n_appeared, 1);
        t = play("sign-sorry.avi", 40, 5);
        assert_int_equal(t.n_frames, 73);
        assert_true(t.n_found >= 68);
        assert_int_equal(t.n_most, 1);
        assert_int_equal(t.n_appeared, 1);
}

/* A person leaves, there is nobody for 12 frames (1 s), another person comes. */
static void test_another_person(void **state)
{
        if (!ready("turn-gap-smile.avi"))
                skip();
        struct tally t = play("turn-gap-smile.avi", 40, 5);

        assert_int_equal(t.n_most, 1);
        assert_true(t.n_appeared >= 2);
        assert_true(t.n_vanished >= 1);
        assert_in_range(t.last_vanished, 23, 36);
        assert_in_range(t.first_back, 35, 38);
        assert_true(t.n_found >= 25 + 5);
}

static void test_three_faces(void **state)
{
        if (!ready("three-walk.avi"))
                skip();
        struct tally t = play("three-walk.avi", 30, 5);

        assert_int_equal(t.n_most, 3);
        assert_true(t.n_found >= 2 * t.n_frames);
}

/* Hard ones: the numbers are for people to read, the test asks for the easy part. */
static void test_hard_clips(void **state)
{
        if (!ready("pair-tilt.avi"))
                skip();
        struct tally t = play("pair-tilt.avi", 30, 5);

        assert_true(t.n_most >= 1);
        play("classroom.avi", 20, 5);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_one_face),
                cmocka_unit_test(test_another_person),
                cmocka_unit_test(test_three_faces),
                cmocka_unit_test(test_hard_clips),
        };

        return cmocka_run_group_tests_name("clips", tests, NULL, NULL);
}
