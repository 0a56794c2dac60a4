/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Claims: who wants signals, under which conditions, and when each may be sent. Knows neither bus nor threads.
 *
 * Each claim has a listener of the pipeline, which decides by the claim's thresholds. What is left to do here: the
 * filter by emotion and camera, and the limit of the rate. A change that comes too early waits, merges with those
 * that follow, and is sent when its time has come, if it still is a change then.
 */

#include <stdint.h>
#include <sys/types.h>

#include "basic/macro.h"
#include "daemon/vision/decision.h"
#include "daemon/vision/face.h"

#define CLAIMS_MAX (PIPELINE_MAX_LISTENERS - 1)
#define CLAIM_LABEL_MAX 32 /* bytes with NUL */
#define CLAIM_UID_UNKNOWN ((uid_t)-1)
#define CLAIM_MAX_FILTER (EMOTION_MAX + 1)

struct claim_options {
        double min_confidence; /* negative: as the settings say */
        int64_t min_hold_ms;   /* negative: as the settings say */
        double max_rate_hz;    /* 0: no limit */
        int64_t summary_ms;    /* length of the bins of Summary; 0: none */
        unsigned camera;       /* number of the only camera to hear of; 0: all */
        size_t n_emotions;     /* 0: no filter */
        char emotions[CLAIM_MAX_FILTER][CLAIM_LABEL_MAX];
};
/* All absent. */
void claim_options_init(struct claim_options *o);

/* A signal to one claimant. */
struct claim_change {
        uint32_t face;
        const char *from, *to; /* labels */
        double confidence;
        uint64_t timestamp_usec;
        unsigned camera;
        struct emo_box box;
        bool is_static;  /* a thing */
        size_t n_scores; /* of the model's labels */
        const float *scores;
};

struct claim {
        uint64_t number; /* never used twice, not 0; another with other options */
        uint64_t first_number;
        unsigned listener; /* 1..CLAIMS_MAX */
        char *owner;       /* unique bus name */
        uid_t uid;
        pid_t pid;           /* 0: unknown */
        uint64_t since_usec; /* CLOCK_MONOTONIC */
        struct claim_options options;
        void *userdata; /* the bus face's */
};

struct claims;

/* @send: called from claims_change() and claims_run(); must not add or remove a claim. */
int claims_new(void (*send)(void *userdata, struct claim *c, const struct claim_change *change), void *userdata,
               struct claims **ret);
struct claims *claims_free(struct claims *c);
DEFINE_CLEANUP(struct claims *, claims_free)

/* How many claims there may be at a time. */
struct claim_limits {
        unsigned all, per_user;
        unsigned kept; /* of @all, for those who are always let in */
        bool may_use_kept;
};

/**
 * claims_set() - a new claim of @owner, or other options for the one it has
 * @uid: the user that @owner runs as, or CLAIM_UID_UNKNOWN
 * Return: 1 new, 0 replaced; -EUSERS too many; -EDQUOT too many of this user; -ENOMEM.
 */
int claims_set(struct claims *cs, const char *owner, uid_t uid, const struct claim_options *options,
               const struct claim_limits *limits, struct claim **ret);
void claims_drop(struct claims *cs, struct claim *c);

struct claim *claims_find(struct claims *cs, const char *owner);
/* By its number; NULL if it ended. */
struct claim *claims_by_number(struct claims *cs, uint64_t number);
struct claim *claims_by_first_number(struct claims *cs, uint64_t number);
size_t claims_count(const struct claims *cs);
/* For loops: the @i-th claim of 0..CLAIMS_MAX-1, NULL where none is. */
struct claim *claims_at(struct claims *cs, size_t i);

/* What the pipeline shall apply for @c, given the settings' own rules. */
struct decision_rules claim_rules(const struct claim *c, const struct decision_rules *base);
/* Does @c want to hear of @camera? */
bool claim_wants_camera(const struct claim *c, unsigned camera);

/* Is it news to @c that a face came, turned or went? Remembered as told. A claim hears of the faces in view at once, and
 * what the pipeline had announced before that may reach it still. */
bool claims_is_news(struct claims *cs, struct claim *c, const struct face_event *event);
/* The pipeline announced a change for @c; strings and scores are copied. @now_usec: CLOCK_MONOTONIC. */
void claims_change(struct claims *cs, struct claim *c, const struct claim_change *change, uint64_t now_usec);
/* The face is gone: what waits for it is dropped. */
void claims_face_vanished(struct claims *cs, uint32_t face);
/* Sends what is due. */
void claims_run(struct claims *cs, uint64_t now_usec);
/* When claims_run() is to be called next; UINT64_MAX: never. */
uint64_t claims_next_usec(const struct claims *cs);
/* Changes merged or dropped by filter and rate, ever. */
uint64_t claims_n_suppressed(const struct claims *cs);
