/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The way of a frame: detector, tracks, aligner, crop, classifier, smoothing, decision. Frames in, faces and events
 * out. One thread owns a pipeline. After warm-up a frame allocates nothing.
 */

#include <stdint.h>

#include "basic/macro.h"
#include "daemon/capture/source.h"
#include "daemon/vision/attention.h"
#include "daemon/vision/decision.h"
#include "daemon/vision/face.h"
#include "daemon/vision/zones.h"

#define PIPELINE_MAX_EVENTS 128 /* in one frame */

struct plugin_host; /* plugin-host.h */
struct classifier;  /* classifier.h */
struct pipeline;

struct pipeline_config {
        double detect_fps;           /* looks for new faces per second while faces are tracked */
        double idle_fps;             /* looks per second while nobody is in view */
        uint64_t keep_usec;          /* a face survives this long without being found (default 1 s) */
        uint64_t smoothing_usec;     /* time constant of the score filter */
        unsigned min_face_px;        /* smaller faces are not looked for */
        unsigned max_faces;          /* 1..PIPELINE_MAX_FACES */
        double min_align_confidence; /* 0..1: landmarks below it are not this face's, and the detector is asked */
        double min_quality;          /* 0..1: a face whose picture is worse is unsure, see quality.h; 0: none is */
        double sensitivity;          /* odds of expressions against neutral are multiplied by this; 0: as they are */
        unsigned faces_per_frame;    /* the largest are classified in each frame, of the rest one in turn; 0: all are */
        struct attention_rules attention;
        struct decision_rules rules; /* of listener 0 */
        struct zones zones;          /* faces in them are dropped where they are found */
};

/* What one frame gave; owned by the pipeline until the next call. */
struct pipeline_result {
        uint64_t timestamp_usec;
        size_t n_faces;
        const struct face *faces;
        size_t n_events;
        const struct face_event *events;
        uint64_t n_events_lost; /* ever; more than PIPELINE_MAX_EVENTS in one frame */
};

/* CPU time spent per stage since the pipeline was made. */
struct pipeline_stats {
        uint64_t n_frames, n_detections, n_plugin_errors;
        uint64_t detect_nsec, align_nsec, crop_nsec, classify_nsec, track_nsec;
};

/**
 * @host: loaded plugins, with a detector and an aligner chosen; borrowed, must outlive the pipeline
 * @classifier: borrowed, used only from the pipeline's thread
 */
int pipeline_new(const struct pipeline_config *config, struct plugin_host *host, struct classifier *classifier,
                 struct pipeline **ret);
struct pipeline *pipeline_free(struct pipeline *p);
DEFINE_CLEANUP(struct pipeline *, pipeline_free)

/* True if a plugin or the classifier wants BGR24 frames. */
bool pipeline_wants_bgr(const struct pipeline *p);

/**
 * pipeline_process() - one frame of a stream
 * Return: 0 and *@ret; a negative errno if the frame could not be used (tracks are kept, the stream goes on).
 */
int pipeline_process(struct pipeline *p, const struct frame *f, struct pipeline_result *ret);

/* The stream ended or broke at @now_usec: every face vanishes, with its event. */
void pipeline_flush(struct pipeline *p, uint64_t now_usec, struct pipeline_result *ret);

/* Adds or replaces listener 1..PIPELINE_MAX_LISTENERS-1. A new one hears of each known face at its next frame. */
int pipeline_set_listener(struct pipeline *p, unsigned listener, const struct decision_rules *rules);
void pipeline_drop_listener(struct pipeline *p, unsigned listener);

/**
 * pipeline_classify_image() - faces of one still picture, without tracks or smoothing
 * @ret: up to @max faces; id is 0, emotion decided by @rules' min_confidence alone
 * Return: number of faces, or a negative errno.
 */
int pipeline_classify_image(struct pipeline *p, const struct frame *f, const struct decision_rules *rules,
                            struct face *ret, size_t max);

/* Frames before this timestamp need not be shown to the pipeline: nobody is in view, and the next look is not due. 0 if the
 * next frame is wanted, whichever it is. */
uint64_t pipeline_rests_until(const struct pipeline *p);

struct pipeline_stats pipeline_get_stats(const struct pipeline *p);
