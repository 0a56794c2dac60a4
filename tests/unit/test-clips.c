/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Real faces in real clips through the real detector and aligner: how many are found, and who keeps an id. The
 * emotions are another test's matter; the classifier here knows none. */
#undef NDEBUG
#include <math.h>
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

float *classifier_planes(struct classifier *c, unsigned i)
{
        return NULL;
}

int classifier_run(struct classifier *c, unsigned n, float (*ret)[EMOTION_MAX])
{
        for (unsigned i = 0; i < n; i++)
                for (unsigned k = 0; k < c->info.n_labels; k++)
                        ret[i][k] = 1.f / (float)c->info.n_labels;
        return 0;
}

static struct classifier classifier = {
        .info = { .n_labels = 7,
                  .width_px = 48,
                  .height_px = 48,
                  .max_batch = PIPELINE_MAX_FACES,
                  .face_template = { .n = 3,
                                     .parts = { { 36, 41, 0.308f, 0.38f },
                                                { 42, 47, 0.692f, 0.38f },
                                                { 48, 67, 0.5f, 0.79f } } } },
};

/* Detector and aligner, and a file that the detector cannot do without: from the root, or in the source. */
static const struct backend {
        const char *detector, *aligner, *file;
} haar = { "haar", "box", "/usr/share/opencv4/haarcascades" }, cnn = { "cnn", "cnn", "models/landmarks.onnx" };

struct tally {
        unsigned n_frames;
        unsigned n_found; /* frame by frame, faces found in that very frame */
        unsigned n_most;  /* at a time */
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
static bool ready(const struct backend *b, const char *name)
{
        char plugin[600], file[600];

        snprintf(plugin, sizeof(plugin), "%s/plugins/.libs/%s.so", getenv("EMO_BUILDDIR") ?: ".", b->detector);
        snprintf(file, sizeof(file), "%s%s%s", b->file[0] == '/' ? "" : getenv("EMO_SRCDIR") ?: ".",
                 b->file[0] == '/' ? "" : "/", b->file);
        return access(plugin, R_OK) == 0 && access(clip_path(name), R_OK) == 0 && access(file, R_OK) == 0;
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

static struct tally play(const struct backend *b, const char *name, unsigned min_face_px, double detect_fps)
{
        char folder[600], models[600];
        const char *const model_dirs[] = { models, NULL };
        struct plugin_host_config host_config = {
                .folder = folder, .model_dirs = model_dirs, .detector = b->detector, .aligner = b->aligner
        };
        struct pipeline_config config = { .detect_fps = detect_fps,
                                          .idle_fps = 5,
                                          .keep_usec = 1000000,
                                          .smoothing_usec = 300000,
                                          .min_face_px = min_face_px,
                                          .max_faces = 16,
                                          .min_align_confidence = 0.5,
                                          .rules = { .min_confidence = 0.5 } };
        struct source_config source_config = { .device = clip_path(name), .replay = true, .pace = SOURCE_PACE_FAST };
        struct plugin_host *host;
        struct pipeline *pipeline;
        struct source *source;
        struct source_error error;
        struct tally t = { 0 };
        struct frame f;

        snprintf(folder, sizeof(folder), "%s/plugins/.libs", getenv("EMO_BUILDDIR") ?: ".");
        snprintf(models, sizeof(models), "%s/models", getenv("EMO_SRCDIR") ?: ".");
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

        print_message(
                "# %s, %s: %u frames, %.2f faces a frame, %u at most, %u appeared, %u vanished; %.2f ms a frame in "
                "the detector, %.2f in the aligner, %u whole looks\n",
                b->detector, name, t.n_frames, (double)t.n_found / MAX(t.n_frames, 1u), t.n_most, t.n_appeared,
                t.n_vanished, (double)s.detect_nsec / 1e6 / MAX(t.n_frames, 1u),
                (double)s.align_nsec / 1e6 / MAX(t.n_frames, 1u), (unsigned)s.n_detections);
        assert_true(t.n_frames > 0);
        source_free(source);
        pipeline_free(pipeline);
        plugin_host_free(host);
        return t;
}

static void one_face(const struct backend *b)
{
        if (!ready(b, "smile.avi"))
                skip();
        struct tally t = play(b, "smile.avi", 40, 5);

        assert_int_equal(t.n_frames, 62);
        assert_true(t.n_found >= 56);
        assert_int_equal(t.n_most, 1);
        assert_int_equal(t.n_appeared, 1);
        t = play(b, "sign-sorry.avi", 40, 5);
        assert_int_equal(t.n_frames, 73);
        assert_true(t.n_found >= 68);
        assert_int_equal(t.n_most, 1);
        assert_int_equal(t.n_appeared, 1);
}

static void test_one_face(void **state)
{
        one_face(&haar);
}

static void test_one_face_cnn(void **state)
{
        one_face(&cnn);
}

/* A person leaves, there is nobody for 12 frames (1 s), another person comes. */
static void another_person(const struct backend *b, unsigned most, unsigned least_found)
{
        if (!ready(b, "turn-gap-smile.avi"))
                skip();
        struct tally t = play(b, "turn-gap-smile.avi", 40, 5);

        assert_true(t.n_most <= most);
        assert_true(t.n_appeared >= 2);
        assert_true(t.n_vanished >= 1);
        assert_in_range(t.last_vanished, 23, 36);
        assert_in_range(t.first_back, 35, 38);
        assert_true(t.n_found >= least_found);
}

static void test_another_person(void **state)
{
        another_person(&haar, 1, 25 + 5);
}

/* 25 of the man, 23 of the woman, who begins in profile; he comes just as she is forgotten. */
static void test_another_person_cnn(void **state)
{
        another_person(&cnn, 2, 25 + 13);
}

static void three_faces(const struct backend *b, double found)
{
        if (!ready(b, "three-walk.avi"))
                skip();
        struct tally t = play(b, "three-walk.avi", 30, 5);

        assert_int_equal(t.n_most, 3);
        assert_true(t.n_found >= found * t.n_frames);
}

static void test_three_faces(void **state)
{
        three_faces(&haar, 2);
}

static void test_three_faces_cnn(void **state)
{
        three_faces(&cnn, 2.5);
}

/* Hard ones: the numbers are for people to read, the test asks for the easy part. */
static void test_hard_clips(void **state)
{
        if (!ready(&haar, "pair-tilt.avi"))
                skip();
        struct tally t = play(&haar, "pair-tilt.avi", 30, 5);

        assert_true(t.n_most >= 1);
        play(&haar, "classroom.avi", 20, 5);
}

/* Heads tilted by 30 degrees are followed all along. */
static void test_hard_clips_cnn(void **state)
{
        if (!ready(&cnn, "pair-tilt.avi"))
                skip();
        struct tally t = play(&cnn, "pair-tilt.avi", 30, 5);

        assert_int_equal(t.n_most, 2);
        assert_true(t.n_found >= 1.5 * t.n_frames);
        play(&cnn, "classroom.avi", 16, 5);
}

/* === Life === */

/* What is shown: a clip over and over, or its first frame, beside it or alone. */
struct film {
        const char *name;
        bool moving, still;
        double noise, light; /* grey levels; share by which the light goes up and down */
        double seconds;
};

struct life_tally {
        unsigned n_people, n_things; /* at the end */
        unsigned n_ever_static;      /* frames in which any face of the moving half was a thing */
};

static double made_noise(void)
{
        static uint32_t seed = 1;
        double sum = 0;

        for (int i = 0; i < 4; i++) {
                seed = seed * 1664525u + 1013904223u;
                sum += (seed >> 8) / 16777216.0 - 0.5;
        }
        return sum * 1.73;
}

/* Copies @gray into @to with noise, and light that changes. */
static void expose(const struct film *film, double sec, const uint8_t *gray, size_t stride, unsigned w, unsigned h,
                   uint8_t *to, size_t to_stride)
{
        double gain = 1 + film->light * sin(sec * 0.9);

        for (unsigned y = 0; y < h; y++)
                for (unsigned x = 0; x < w; x++) {
                        double v = gray[y * stride + x] * gain + (film->noise > 0 ? film->noise * made_noise() : 0);

                        to[y * to_stride + x] = (uint8_t)fmin(fmax(v, 0), 255);
                }
}

static void count_life(const struct film *film, const struct pipeline_result *r, unsigned width, struct life_tally *t)
{
        *t = (struct life_tally){ .n_ever_static = t->n_ever_static };
        for (size_t i = 0; i < r->n_faces; i++) {
                const struct face *f = &r->faces[i];

                t->n_people += !f->is_static;
                t->n_things += f->is_static;
                t->n_ever_static += film->moving && f->is_static && f->box.x + f->box.width / 2 < (float)width;
        }
}

static struct life_tally watch(const struct film *film)
{
        char folder[600], models[600];
        const char *const model_dirs[] = { models, NULL };
        struct plugin_host_config host_config = {
                .folder = folder, .model_dirs = model_dirs, .detector = "cnn", .aligner = "cnn"
        };
        struct pipeline_config config = { .detect_fps = 5,
                                          .idle_fps = 5,
                                          .keep_usec = 1000000,
                                          .smoothing_usec = 300000,
                                          .min_face_px = 40,
                                          .max_faces = 16,
                                          .min_align_confidence = 0.5,
                                          .rules = { .min_confidence = 0.5 } };
        struct source_config source_config = {
                .device = clip_path(film->name), .replay = true, .pace = SOURCE_PACE_FAST, .loop = true
        };
        _cleanup_(freep) uint8_t *first = NULL, *shown = NULL;
        struct plugin_host *host;
        struct pipeline *pipeline;
        struct source *source;
        struct source_error error;
        struct life_tally t = { 0 };
        uint64_t begin_usec = 0;
        struct frame f;

        snprintf(folder, sizeof(folder), "%s/plugins/.libs", getenv("EMO_BUILDDIR") ?: ".");
        snprintf(models, sizeof(models), "%s/models", getenv("EMO_SRCDIR") ?: ".");
        assert_int_equal(plugin_host_new(&host_config, &host), 0);
        assert_int_equal(pipeline_new(&config, host, &classifier, &pipeline), 0);
        assert_int_equal(source_open(&source_config, &source, &error), 0);
        while (source_next(source, -1, 1000000, &f, &error) == 1) {
                unsigned w = f.width_px, h = f.height_px, halves = film->moving && film->still ? 2 : 1;
                struct pipeline_result r;

                begin_usec = begin_usec ?: f.timestamp_usec;
                double sec = (double)(f.timestamp_usec - begin_usec) * 1e-6;

                if (!first) {
                        first = malloc((size_t)w * h);
                        shown = malloc((size_t)2 * w * h);
                        for (unsigned y = 0; y < h; y++)
                                memcpy(first + (size_t)y * w, f.gray + y * f.gray_stride_bytes, w);
                }
                if (film->moving)
                        expose(film, sec, f.gray, f.gray_stride_bytes, w, h, shown, (size_t)w * halves);
                if (film->still)
                        expose(film, sec, first, w, w, h, shown + (halves - 1) * w, (size_t)w * halves);
                struct frame g = { .width_px = w * halves,
                                   .height_px = h,
                                   .gray = shown,
                                   .gray_stride_bytes = (size_t)w * halves,
                                   .timestamp_usec = f.timestamp_usec };

                assert_int_equal(pipeline_process(pipeline, &g, &r), 0);
                count_life(film, &r, w, &t);
                source_release(source, &f);
                if (sec > film->seconds)
                        break;
        }
        print_message("# %s%s%s, noise %.0f, light %.2f: %u people, %u things\n", film->name,
                      film->moving ? ", moving" : "", film->still ? ", still" : "", film->noise, film->light,
                      t.n_people, t.n_things);
        source_free(source);
        pipeline_free(pipeline);
        plugin_host_free(host);
        return t;
}

/* No person becomes a thing, in no clip and at no time. */
static void test_people_live(void **state)
{
        const char *const names[] = { "smile.avi", "sign-sorry.avi", "pair-tilt.avi", "three-walk.avi",
                                      "turn-gap-smile.avi" };

        if (!ready(&cnn, "smile.avi"))
                skip();
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                struct life_tally t = watch(&(struct film){ .name = names[i], .moving = true, .seconds = 60 });

                assert_int_equal(t.n_ever_static, 0);
        }
}

/* Stills that are shown as film are things: as they are, and with the noise of a camera while the light changes. */
static void test_stills_do_not(void **state)
{
        const char *const names[] = { "smile.avi", "sign-sorry.avi" };

        if (!ready(&cnn, "smile.avi"))
                skip();
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                for (int noisy = 0; noisy < 2; noisy++) {
                        struct life_tally t = watch(&(struct film){ .name = names[i],
                                                                    .still = true,
                                                                    .noise = noisy ? 4 : 0,
                                                                    .light = noisy ? 0.2 : 0,
                                                                    .seconds = 26 });

                        assert_int_equal(t.n_people, 0);
                        assert_int_equal(t.n_things, 1);
                }
}

static void test_poster_beside_a_person(void **state)
{
        if (!ready(&cnn, "smile.avi"))
                skip();
        struct life_tally t =
                watch(&(struct film){ .name = "smile.avi", .moving = true, .still = true, .noise = 3, .seconds = 30 });

        assert_int_equal(t.n_ever_static, 0);
        assert_int_equal(t.n_people, 1);
        assert_int_equal(t.n_things, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_people_live),
                cmocka_unit_test(test_stills_do_not),
                cmocka_unit_test(test_poster_beside_a_person),
                cmocka_unit_test(test_one_face),
                cmocka_unit_test(test_one_face_cnn),
                cmocka_unit_test(test_another_person),
                cmocka_unit_test(test_another_person_cnn),
                cmocka_unit_test(test_three_faces),
                cmocka_unit_test(test_three_faces_cnn),
                cmocka_unit_test(test_hard_clips),
                cmocka_unit_test(test_hard_clips_cnn),
        };

        return cmocka_run_group_tests_name("clips", tests, NULL, NULL);
}
