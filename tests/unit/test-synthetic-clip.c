/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The synthetic clip through the real detector, aligner and classifier: one face all the time, exactly one change for
 * each change that the clip's truth file tells of, and to that emotion. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "basic/macro.h"
#include "daemon/capture/source.h"
#include "daemon/vision/classifier.h"
#include "daemon/vision/pipeline.h"
#include "daemon/vision/plugin-host.h"

enum { MAX_CHANGES = 32, N_LOOPS = 2 };

struct change {
        char label[32];
        unsigned frame;
};

struct record {
        unsigned n_changes, n_appeared, n_vanished, n_frames, n_missed;
        struct change changes[MAX_CHANGES];
};

static char *in_build(const char *name, char ret[600])
{
        snprintf(ret, 600, "%s/%s", getenv("EMO_BUILDDIR") ?: ".", name);
        return ret;
}

static bool ready(void)
{
        char haar[600], clip[600];

        return access(in_build("plugins/.libs/haar.so", haar), R_OK) == 0 &&
               access("/usr/share/opencv4/haarcascades", R_OK) == 0 &&
               access(in_build("models/synthetic.avi", clip), R_OK) == 0;
}

/* What the clip shows in turn, from its truth file. */
static struct record read_truth(void)
{
        char path[600], label[32];
        struct record t = { 0 };
        unsigned frame;
        FILE *f = fopen(in_build("models/synthetic.csv", path), "re");

        assert_non_null(f);
        assert_int_equal(fscanf(f, "frame,time,label,weight%*[\n]"), 0);
        while (fscanf(f, "%u,%*[^,],%31[^,],%*s", &frame, label) == 2) {
                assert_int_equal(frame, t.n_frames);
                t.n_frames++;
                if (t.n_changes && strcmp(t.changes[t.n_changes - 1].label, label) == 0)
                        continue;
                assert_true(t.n_changes < MAX_CHANGES);
                strcpy(t.changes[t.n_changes].label, label);
                t.changes[t.n_changes++].frame = frame;
        }
        fclose(f);
        return t;
}

static void note(struct record *t, const struct pipeline_result *r, const struct classifier_info *info)
{
        if (r->n_faces != 1)
                t->n_missed++;
        for (size_t i = 0; i < r->n_events; i++) {
                const struct face_event *e = &r->events[i];

                t->n_appeared += e->kind == FACE_APPEARED;
                t->n_vanished += e->kind == FACE_VANISHED;
                if (e->kind != FACE_EMOTION_CHANGED || t->n_changes == MAX_CHANGES)
                        continue;
                snprintf(t->changes[t->n_changes].label, sizeof(t->changes[0].label), "%s",
                         e->to == EMOTION_UNSURE ? "unsure" : info->labels[e->to]);
                t->changes[t->n_changes++].frame = t->n_frames;
        }
        t->n_frames++;
}

/* Plays @n_frames of the clip, which goes round and round. */
static struct record play(unsigned n_frames, const char *detector, const char *aligner, const char *model_file)
{
        char folder[600], clip[600], model[700], models[600];
        const char *const model_dirs[] = { models, NULL };
        const struct plugin_host_config host_config = { .folder = in_build("plugins/.libs", folder),
                                                        .model_dirs = model_dirs,
                                                        .detector = detector,
                                                        .aligner = aligner };
        /* the values of the default settings */
        const struct pipeline_config config = { .detect_fps = 5,
                                                .idle_fps = 5,
                                                .keep_usec = 1000000,
                                                .smoothing_usec = 300000,
                                                .min_face_px = 48,
                                                .max_faces = 16,
                                                .rules = { 0.45, 0.1, 300000 } };
        const struct source_config source_config = {
                .device = in_build("models/synthetic.avi", clip), .replay = true, .pace = SOURCE_PACE_FAST, .loop = true
        };
        struct classifier_error classifier_error;
        struct classifier *classifier;
        struct source_error error;
        struct plugin_host *host;
        struct pipeline *pipeline;
        struct source *source;
        struct record t = { 0 };
        struct frame f;

        snprintf(models, sizeof(models), "%s/models", getenv("EMO_SRCDIR") ?: ".");
        snprintf(model, sizeof(model), "%s/%s", models, model_file);
        assert_int_equal(classifier_new(model, NULL, 16, 1, &classifier, &classifier_error), 0);
        assert_int_equal(plugin_host_new(&host_config, &host), 0);
        assert_int_equal(pipeline_new(&config, host, classifier, &pipeline), 0);
        assert_int_equal(source_open(&source_config, &source, &error), 0);
        while (t.n_frames < n_frames) {
                struct pipeline_result r;

                assert_int_equal(source_next(source, -1, 1000000, &f, &error), 1);
                assert_int_equal(pipeline_process(pipeline, &f, &r), 0);
                note(&t, &r, classifier_get_info(classifier));
                source_release(source, &f);
        }
        source_free(source);
        pipeline_free(pipeline);
        plugin_host_free(host);
        classifier_free(classifier);
        return t;
}

static void one_change_each(const char *detector, const char *aligner, const char *model)
{
        struct record truth = read_truth(), seen = play(truth.n_frames * N_LOOPS, detector, aligner, model);
        /* the last expression goes over into the first one */
        unsigned n = truth.n_changes - (strcmp(truth.changes[truth.n_changes - 1].label, truth.changes[0].label) == 0);

        for (unsigned i = 0; i < seen.n_changes; i++)
                print_message("# frame %u: %s\n", seen.changes[i].frame, seen.changes[i].label);
        assert_int_equal(seen.n_appeared, 1);
        assert_int_equal(seen.n_vanished, 0);
        assert_true(seen.n_missed <= 3); /* a face must be seen more than once to be believed */
        assert_int_equal(seen.n_changes, n * N_LOOPS);
        for (unsigned i = 0; i < seen.n_changes; i++) {
                unsigned frame = truth.changes[i % n].frame + i / n * truth.n_frames;

                assert_string_equal(seen.changes[i].label, truth.changes[i % n].label);
                /* the next loop's first expression begins in the last frames of this one */
                assert_true(seen.changes[i].frame + 6 >= frame && seen.changes[i].frame <= frame + 18); /* 1.2 s */
        }
}

static void test_one_change_each(void **state)
{
        if (!ready())
                skip();
        one_change_each("haar", "box", "emotion-default.onnx");
}

static void cnn_change_each(const char *model)
{
        const char *const files[] = { "landmarks.onnx", model };
        char path[600];

        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                snprintf(path, sizeof(path), "%s/models/%s", getenv("EMO_SRCDIR") ?: ".", files[i]);
                if (!ready() || access(path, R_OK) != 0)
                        skip();
        }
        one_change_each("cnn", "cnn", model);
}

static void test_one_change_each_cnn(void **state)
{
        cnn_change_each("emotion-default.onnx");
}

static void test_one_change_each_8bit(void **state)
{
        cnn_change_each("emotion-default-int8.onnx");
}

static void test_one_change_each_tiny(void **state)
{
        cnn_change_each("emotion-tiny.onnx");
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_one_change_each),
                                            cmocka_unit_test(test_one_change_each_cnn),
                                            cmocka_unit_test(test_one_change_each_8bit),
                                            cmocka_unit_test(test_one_change_each_tiny) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
