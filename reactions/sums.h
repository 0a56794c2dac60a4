/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reactions/stats-band.h"
#include "reactions/stats-mixture.h"
#include "reactions/stats-sample.h"

/**
 * All that is kept of viewers: sums and histograms over those of many plays of one content. A viewer is added once, when
 * the play ends, and cannot be taken out or told apart again.
 */

#define SUMS_CELLS 50      /* of a histogram */
#define SUMS_POINTS_MAX 60 /* of a curve */
#define SUMS_BLOCKS 48     /* hours of a working day, then of a Saturday or Sunday */
#define SUMS_LABELS_MAX STATS_CLASSES_MAX

enum sums_kind {
        SUMS_SMILE_MEAN, /* 0..1 */
        SUMS_SMILE_MAX,  /* 0..1 */
        SUMS_SMILE_END,  /* 0..1, of those in view in the last 2 seconds */
        SUMS_CHANGE,     /* -1..1: mean less the viewer's own baseline */
        SUMS_N_KINDS,
};

/* One viewer in one play, as long as it takes to add it. */
struct sums_viewer {
        uint64_t dwell_ms, attention_ms; /* attention_ms <= dwell_ms */
        bool smiled;                     /* happiness was announced at some time */
        double smile_mean, smile_max;    /* 0..1; NaN if no score was ever seen */
        double smile_end, smile_before;  /* NaN: not in view then */
        double times_ms[SUMS_LABELS_MAX];
        double curve[SUMS_POINTS_MAX]; /* 0..1, NaN where not in view */
};

struct sums {
        uint64_t plays, shown_ms, observed_ms;
        uint64_t viewers, watchers, watchers_2s, smilers, no_baseline;
        struct stats_pairs attraction; /* over viewers: dwell and attention, s */
        struct stats_pairs audience;   /* over plays: observed time and the watchers' time in view, s */
        uint64_t histograms[SUMS_N_KINDS][SUMS_BLOCKS][SUMS_CELLS];
        size_t n_labels;
        struct stats_times times; /* s */
        uint64_t step_ms;         /* of the curve; 0: there is none */
        struct stats_curve curve;
};

/* @s is zeroed, or was ended by sums_done(). Return: 0; -ENOMEM. */
int sums_init(struct sums *s, size_t n_labels, uint64_t step_ms, size_t n_points);
void sums_done(struct sums *s);
void sums_add_viewer(struct sums *s, unsigned block, const struct sums_viewer *v);
/* A play whose viewers have been added; @watched_ms: the sum of its watchers' time in view. */
void sums_add_play(struct sums *s, uint64_t shown_ms, uint64_t observed_ms, uint64_t watched_ms);
/* @from is added to @s. Times and curve only where both have the same labels or steps; if @s has none, it takes @from's.
 * Return: 0; 1: curve or times did not fit and were left out; -ENOMEM. */
int sums_merge(struct sums *s, const struct sums *from);

/* The value that a histogram's cell stands for. */
double sums_cell_value(enum sums_kind kind, size_t cell);
/* Of the local time @t (time_t): hour, and whether it is Saturday or Sunday. */
unsigned sums_block(int64_t t);
