/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** A face as the service knows it, what happens to it, and how many of all there may be. */

#include <stdint.h>

#include "basic/macro.h"
#include "plugins/emo-plugin.h"

#define PIPELINE_MAX_FACES 32
#define PIPELINE_MAX_LISTENERS 33 /* 0 is the daemon's own, the rest belong to claims */
#define EMOTION_MAX 16            /* labels a model may have */
#define EMOTION_UNSURE (-1)       /* stands beside the indices 0..n-1 of a model's labels */

/* Where a head is turned, in degrees; see pose.h for the signs. */
struct face_pose {
        bool known; /* the aligner gave landmarks in this frame */
        float yaw_deg, pitch_deg, roll_deg;
};

/* One face as it is now. */
struct face {
        uint32_t id; /* random per visit, never 0 */
        struct emo_box box;
        unsigned n_points; /* 0 or 68 */
        float points[EMO_MAX_LANDMARKS][2];
        int emotion;                             /* announced by listener 0: label index or EMOTION_UNSURE */
        int8_t emotions[PIPELINE_MAX_LISTENERS]; /* announced to each listener */
        double confidence;                       /* smoothed score of @emotion, or of the best one when unsure; 0..1 */
        float scores[EMOTION_MAX];               /* smoothed probabilities, sum 1 */
        struct face_pose pose;
        bool facing;         /* the camera, as announced */
        double quality;      /* 0..1, of its picture; see quality.h */
        bool is_static;      /* a thing, by life.h */
        uint64_t since_usec; /* first seen */
        uint64_t seen_usec;  /* last found */
};

enum face_event_kind {
        FACE_APPEARED,
        FACE_VANISHED,
        FACE_EMOTION_CHANGED,
        FACE_ATTENTION_CHANGED, /* begins to face the camera, or ends */
};

struct face_event {
        enum face_event_kind kind;
        unsigned listener; /* of FACE_EMOTION_CHANGED; 0 for the other kinds, which go to everybody */
        uint32_t face;
        int from, to;            /* label index or EMOTION_UNSURE; the first change of a face starts from unsure */
        double confidence;       /* 0..1, of @to; for unsure: of the best label */
        uint64_t timestamp_usec; /* of the frame */
        struct emo_box box;
        bool is_static;        /* a thing, by life.h */
        bool facing;           /* of FACE_ATTENTION_CHANGED; a face that appears does not face the camera yet */
        struct face_pose pose; /* of FACE_ATTENTION_CHANGED */
};
