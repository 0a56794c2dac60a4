/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The worker: one thread that owns camera, plugins, classifier and pipeline.
 *
 * Nothing is shared with it but whole objects that pass through a mailbox (mailbox.h). The main thread says what it
 * wishes, the worker makes it so and reports: a snapshot (the newest wins), events (a bounded queue, overflow is
 * counted), answers to pictures, and what it loaded. All functions here are for the main thread.
 */

#include "daemon/capture/source.h"
#include "daemon/settings.h"
#include "daemon/vision/pipeline.h"

#define WORKER_MAX_EVENTS 1024u
#define WORKER_MAX_PICTURES 64u
#define WORKER_MAX_PLUGINS 64u
#define WORKER_MAX_PREVIEWS 4u
#define WORKER_MAX_REPORTS 8u

/* What shall be. Replaced as a whole. */
struct worker_wish {
        uint64_t serial;  /* raised by worker_set_wish(); comes back in the snapshot once it was obeyed */
        bool watch;       /* camera open */
        char device[256]; /* wanted camera; "": as the settings say */
        uint64_t hotplug; /* raised when a device came: a waiting retry is made at once */
        /* listener 0 is the daemon's own and unused here. A claim's number is never used twice; 0: free. */
        struct {
                uint64_t claim;
                struct decision_rules rules;
        } listeners[PIPELINE_MAX_LISTENERS];
};

enum stream_state {
        STREAM_CLOSED,
        STREAM_STARTING,
        STREAM_STREAMING,
        STREAM_BUSY,  /* another program holds the camera; tried again */
        STREAM_ERROR, /* absent, gone or broken; tried again */
        STREAM_ENDED, /* a replay that does not loop */
};

/* How things are. */
struct worker_snapshot {
        uint64_t wish_serial, engine_serial;
        enum stream_state state;
        int error;                 /* negative errno of STREAM_BUSY and STREAM_ERROR */
        char error_text[256];      /* a sentence; "" while all is well */
        struct source_info info;   /* of the open source, or of the one opened last */
        struct source_stats stats; /* since the service started */
        uint64_t n_opens;
        double measured_fps;
        struct pipeline_stats pipeline;
        uint64_t n_pipeline_events_lost;
        size_t n_faces;
        struct face faces[PIPELINE_MAX_FACES];
};

struct worker_event {
        uint64_t engine_serial; /* which labels its indices mean */
        uint64_t claim;         /* of the listener; 0 if the event is everybody's */
        struct face_event event;
        bool has_scores;
        float scores[EMOTION_MAX];
};

/* A still picture to be classified, and its answer. */
struct picture_job {
        uint64_t id;
        int fd;                /* owned by the job; -1 in the answer */
        double min_confidence; /* negative: as the settings say */
        /* the answer */
        uint64_t engine_serial;
        int result;        /* number of faces, or a negative errno */
        bool image_failed; /* @result is about the picture, not about plugins or model; -ETIMEDOUT: it is not read */
        struct face faces[PIPELINE_MAX_FACES];
};

/* The next frame, for whoever aims the camera. */
struct preview_job {
        uint64_t id;
        /* the answer */
        int result; /* 0, or a negative errno: -ENODEV the camera was closed before a frame came */
        int fd;     /* sealed memfd of width_px * height_px bytes of luma, owned by the job; -1 */
        unsigned width_px, height_px;
        uint64_t timestamp_usec, engine_serial;
        size_t n_faces;
        struct face faces[PIPELINE_MAX_FACES];
};

struct worker_plugin {
        char *file, *name, *version, *description, *licence, *error; /* NULL: unknown or none */
        bool detector, aligner, used_detector, used_aligner, third_party;
};

enum engine_failure {
        ENGINE_OK,
        ENGINE_PLUGIN_FAILED,
        ENGINE_MODEL_INVALID,
        ENGINE_FAILED,
};

/**
 * What was loaded for one set of settings. When loading failed and there is an older engine that works, that one goes
 * on: @kept is true, and of this report only the failure matters, all else stays as the report before said.
 */
struct engine_report {
        uint64_t serial;          /* raised with each engine */
        uint64_t settings_serial; /* which set it is about, as worker_set_settings() said */
        enum engine_failure failure;
        char failure_text[256];
        bool kept;
        struct settings *settings;
        bool ready;                                                   /* an engine stands */
        char *model_file, *model_name, *model_licence, *model_sha256; /* NULL: no model */
        unsigned model_width_px, model_height_px;
        size_t n_labels;
        char *labels[EMOTION_MAX];
        size_t n_plugins;
        struct worker_plugin *plugins;
};
struct engine_report *engine_report_free(struct engine_report *r);
DEFINE_CLEANUP(struct engine_report *, engine_report_free)
/* Label @i, "unsure" for EMOTION_UNSURE and whatever is not a label. @r may be NULL. */
const char *engine_report_label(const struct engine_report *r, int i);

struct worker_config {
        const char *plugin_dir;
        const char *const *model_dirs; /* NULL-terminated; the first is looked in first */
};

struct worker;

/**
 * worker_new() - start the thread and let it load an engine for @settings
 *
 * The first report comes when it is loaded. @config's strings are copied.
 * Return: 0; -ENOMEM; -EAGAIN and others: no thread, no descriptor.
 */
int worker_new(const struct worker_config *config, struct settings *settings, struct worker **ret);
/* Asks the thread to end, waits for it, closes everything. Accepts NULL; returns NULL. */
struct worker *worker_free(struct worker *w);
DEFINE_CLEANUP(struct worker *, worker_free)

/* Readable when there is something to fetch. Cleared by worker_clear_fd(), to be called before fetching. */
int worker_get_fd(const struct worker *w);
void worker_clear_fd(struct worker *w);

/* Copies @wish and gives it the next serial, which is returned. */
uint64_t worker_set_wish(struct worker *w, const struct worker_wish *wish);
/* Another engine, for these settings: answered by a report. A set not yet looked at is replaced: then the report of the
 * next one answers for both. Return: the serial of the set; worker_new() gave the first. */
uint64_t worker_set_settings(struct worker *w, struct settings *settings);
/* Takes over @job->fd on success. It is read by a thread of its own (picture-reader.h), and answered in any case.
 * Return: 0; -ENOBUFS when too many wait, or cannot be read; -ENOMEM. */
int worker_push_picture(struct worker *w, const struct picture_job *job);

/* Asks for the next frame. Return: 0; -ENOBUFS when WORKER_MAX_PREVIEWS wait; -ENOMEM. */
int worker_push_preview(struct worker *w, uint64_t id);

/* The newest snapshot; owned by the worker object, valid until the next call. */
const struct worker_snapshot *worker_get_snapshot(struct worker *w);
/* Return: true and *@ret, or false if there is none. */
bool worker_pop_event(struct worker *w, struct worker_event *ret);
bool worker_pop_picture(struct worker *w, struct picture_job *ret);
/* The caller closes @ret->fd. */
bool worker_pop_preview(struct worker *w, struct preview_job *ret);
/* The oldest report not yet taken, or NULL; none is lost. The caller frees it. */
struct engine_report *worker_take_report(struct worker *w);
uint64_t worker_get_events_lost(const struct worker *w);
