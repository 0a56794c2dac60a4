/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** What the main thread and the worker pass to each other, always as whole objects; mailbox.h says how. */

#include "daemon/capture/source.h"
#include "daemon/summary.h"
#include "daemon/vision/pipeline.h"

#define WORKER_MAX_EVENTS 1024u
#define WORKER_MAX_PICTURES 64u
#define WORKER_MAX_PLUGINS 64u
#define WORKER_MAX_PREVIEWS 4u
#define WORKER_MAX_REPORTS 8u
#define WORKER_MAX_SUMMARIES 256u
#define WORKER_LABEL_MAX 64u /* bytes with NUL */

struct plugin_record;

struct engine_config {
        const char *plugin_dir;
        const char *const *model_dirs; /* NULL-terminated; the first is looked in first */
        const char *decoder;           /* the program emotion-decode */
        const char *state_dir;         /* where it is kept who crashes; NULL: nowhere */
        struct plugin_record *record;  /* of it; the worker's own */
};

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
                uint64_t summary_claim; /* the claim's first number, which other options leave */
                unsigned summary_ms;    /* length of its bins; 0: it wants no summaries */
        } listeners[PIPELINE_MAX_LISTENERS];
};

enum stream_state {
        STREAM_CLOSED,
        STREAM_STARTING,
        STREAM_STREAMING,
        STREAM_BUSY,       /* another program holds the camera; tried again */
        STREAM_MISSING,    /* there is no such device or file, or it went away; tried again */
        STREAM_UNREADABLE, /* a replay that is no clip, or may not be read; tried again */
        STREAM_STALLED,    /* it gives no frames; opened again */
        STREAM_ERROR,      /* another failure; tried again */
        STREAM_ENDED,      /* a replay that does not loop */
};

/* How things are. */
struct worker_snapshot {
        uint64_t wish_serial, engine_serial;
        enum stream_state state;
        int error;                 /* negative errno of STREAM_BUSY to STREAM_ERROR */
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

/* One bin of a claim. It has its own labels: the network may be another when it is read. */
struct summary_note {
        uint64_t claim;   /* its first number */
        char device[256]; /* of the camera that was watched */
        uint64_t begin_usec, end_usec;
        size_t n_labels;
        char labels[EMOTION_MAX][WORKER_LABEL_MAX];
        size_t n_faces;
        struct summary_face faces[];
};

#define PICTURE_UID_UNKNOWN ((uid_t)-1)

/* A still picture to be classified, and its answer. */
struct picture_job {
        uint64_t id;
        int fd;                /* owned by the job; -1 in the answer */
        double min_confidence; /* negative: as the settings say */
        uid_t uid;             /* whose it is; PICTURE_UID_UNKNOWN */
        /* the answer */
        uint64_t engine_serial;
        int result;        /* number of faces, or a negative errno */
        bool image_failed; /* @result is about the picture (decoder-process.h), not about plugins or model */
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
