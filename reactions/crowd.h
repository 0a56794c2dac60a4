/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reactions/sums.h"

/**
 * Who is in view while a content is shown. Knows neither bus nor disk: it is told what is seen, and when the play ends
 * it gives sums. What it knows of a single face is forgotten then, or when the face has been gone for a while.
 */

#define CROWD_FACES_MAX 256 /* in one play; more are counted as lost */
/* A bin that is longer tells too little of who was there when: its time counts as shown, not as observed. */
#define CROWD_GAP_MS 2000
#define CROWD_VIEWER_MS 1000 /* in view for less: no viewer */
#define CROWD_PLAY_MS 3600000

/* A face in one bin of time. */
struct crowd_face {
        uint32_t id;
        bool is_static;                      /* a thing: a poster, a shelf */
        uint32_t present_ms, attention_ms;   /* @attention_ms <= @present_ms <= the bin */
        uint32_t labels_ms[SUMS_LABELS_MAX]; /* of each announced expression */
        double smile;                        /* mean score of happiness, 0..1; NaN: unknown */
};

struct crowd;

/* @n_labels: announced expressions, "unsure" included; @smile_label: the index of happiness, -1: none.
 * Return: 0; -ENOMEM. */
int crowd_new(size_t n_labels, int smile_label, struct crowd **ret);
struct crowd *crowd_free(struct crowd *c);

/* Labels of another model; viewers of the running play keep what fits. */
void crowd_set_labels(struct crowd *c, size_t n_labels, int smile_label);

/* A content begins at @now_ms (monotonic). @step_ms, @n_points: of its curve; 0: none. @block: see sums_block(). */
void crowd_begin(struct crowd *c, uint64_t now_ms, uint64_t step_ms, size_t n_points, unsigned block);
bool crowd_is_playing(const struct crowd *c);
/* What was seen from @begin_ms to @end_ms; also between plays, for the baseline. Where a play begins or ends within a bin,
 * each side has its share of the bin; what no bin tells of is not observed, and no time counts twice. */
void crowd_observe(struct crowd *c, uint64_t begin_ms, uint64_t end_ms, const struct crowd_face *faces, size_t n);
/* No bins come: nothing is known after the end of the last one. */
void crowd_blind(struct crowd *c);
/* Viewers in view in the last bin. */
unsigned crowd_viewers_now(const struct crowd *c);

struct crowd_result {
        uint64_t shown_ms, observed_ms, viewers, watchers, dwell_ms, attention_ms;
        uint64_t n_static, n_short, n_lost; /* faces left out: things, in view for too short a time, one too many */
};

/* The play ends at @now_ms. The bin that holds this moment is still to come: until then, those of the last bin are taken to
 * go on as they were. Its viewers are added to @sums, whose labels and steps are those of the play.
 * Return: 0; -EINVAL if nothing is shown. */
int crowd_end(struct crowd *c, uint64_t now_ms, struct sums *sums, struct crowd_result *ret);
