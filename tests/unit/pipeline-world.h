/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A pipeline with a detector and an aligner that answer what a test has written (tests/plugins/fake.h), and a
 * classifier that reads the emotion off the brightness of a face. For one file of a test; after cmocka.h. */

#include <dlfcn.h>
#include <math.h>
#include <string.h>

#include "daemon/vision/classifier.h"
#include "daemon/vision/pipeline.h"
#include "daemon/vision/plugin-host.h"
#include "tests/plugins/fake.h"

#define WIDTH 320u
#define HEIGHT 240u
#define SIDE 16u
#define N_LABELS 7u
#define PERIOD_USEC 50000u /* 20 frames a second */

/* Gray value of a face that shows label @k; and one that is read as "any of them". */
#define GRAY_OF(k) ((uint8_t)(20 + 30 * (k)))
#define GRAY_VAGUE 250

/* The classifier in the real one's place. */
struct classifier {
        struct classifier_info info;
        float inputs[PIPELINE_MAX_FACES][SIDE * SIDE], planes[PIPELINE_MAX_FACES][3 * SIDE * SIDE];
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

float *classifier_planes(struct classifier *c, unsigned i)
{
        return c->info.colour ? c->planes[i] : NULL;
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

static inline void world_init_with(struct world *w, const char *plugin, const struct pipeline_config *config)
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
                                                       .labels = { "neutral" },
                                                       .face_template = face_template_fer2013,
                                                       .width_px = SIDE,
                                                       .height_px = SIDE,
                                                       .max_batch = PIPELINE_MAX_FACES };
        assert_int_equal(pipeline_new(config, w->host, &w->classifier, &w->pipeline), 0);
        w->now_usec = 1000000;
}

static inline struct world *world_new(const struct pipeline_config *config)
{
        struct world *w = malloc(sizeof(*w));

        world_init_with(w, "fake", config ?: &defaults);
        return w;
}

static inline void world_free(struct world *w)
{
        pipeline_free(w->pipeline);
        plugin_host_free(w->host);
        free(w);
}

/* Puts a face of gray value @gray at (@x, @y) into script and picture. */
static inline void put_face(struct world *w, double x, double y, double side, uint8_t gray)
{
        struct emo_box b = { (float)(x - side / 2), (float)(y - side / 2), (float)side, (float)side, 1 };

        w->script->boxes[w->script->n_boxes++] = b;
        for (unsigned v = 0; v < HEIGHT; v++)
                for (unsigned u = 0; u < WIDTH; u++)
                        if (fabs(u - x) <= side / 2 && fabs(v - y) <= side / 2)
                                w->pixels[v * WIDTH + u] = gray;
}

static inline void clear_faces(struct world *w)
{
        w->script->n_boxes = 0;
        memset(w->pixels, 0, sizeof(w->pixels));
}

static inline void keep_events(struct world *w)
{
        for (size_t i = 0; i < w->result.n_events && w->n_events < ARRAY_LEN(w->events); i++)
                w->events[w->n_events++] = w->result.events[i];
}

static inline void show_frame(struct world *w)
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

static inline void show(struct world *w, uint64_t usec)
{
        for (uint64_t end = w->now_usec + usec; w->now_usec < end;)
                show_frame(w);
}

static inline unsigned count(const struct world *w, enum face_event_kind kind, unsigned listener)
{
        unsigned n = 0;

        for (size_t i = 0; i < w->n_events; i++)
                n += w->events[i].kind == kind && w->events[i].listener == listener;
        return n;
}

static inline const struct face_event *last_change(const struct world *w, unsigned listener)
{
        for (size_t i = w->n_events; i-- > 0;)
                if (w->events[i].kind == FACE_EMOTION_CHANGED && w->events[i].listener == listener)
                        return &w->events[i];
        return NULL;
}
