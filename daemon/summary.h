/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Sums over bins of time, for one claim: how long each face was in view, turned to the camera, and of which announced
 * emotion. Knows neither bus nor threads.
 *
 * A frame's faces count from its timestamp until that of the next frame, as the events do: FaceAppeared begins the time
 * in view and FaceVanished ends it. Time is cut to whole milliseconds before anything is added, so that all sums are
 * exact: consecutive bins touch, the time of a face over all bins is that between its two events, its emotions add up to
 * its time in view, and its attention is never above that.
 *
 * Time is lost in one case alone: nobody takes a bin (@emit) until more than SUMMARY_MAX_FACES faces were in view in it.
 *
 * A bin ends at a multiple of its length after the first one's begin, or earlier: with the stream, with the network whose
 * labels it has (summary_cut()), and when more than SUMMARY_MAX_FACES faces were in view in it. What comes back to a late
 * frame over more than SUMMARY_MAX_BINS bins is told in one.
 */

#include "daemon/vision/face.h"

#define SUMMARY_MAX_FACES 64u
#define SUMMARY_MAX_BINS 32u
/* The index of "unsure" behind those of the labels. */
#define SUMMARY_UNSURE EMOTION_MAX

struct summary_face {
        uint32_t face;
        uint32_t present_ms, attention_ms;
        uint32_t emotion_ms[EMOTION_MAX + 1]; /* by label; the last one is "unsure" */
        double scores[EMOTION_MAX];           /* means over the time in view */
        double quality;                       /* mean, 0..1 */
        struct emo_box box;                   /* as last seen */
        bool is_static;                       /* at the end of its time in the bin */
};

struct summary_bin {
        uint64_t begin_usec, end_usec; /* whole milliseconds of the frames' clock */
        size_t n_faces;
        const struct summary_face *faces; /* those that were in view for 1 ms or more */
};

struct summary {
        unsigned bin_ms, listener; /* whose announced emotions count */
        /* A bin is over. Return: 0; negative if it cannot be taken now: then it goes on, and is given again later. */
        int (*emit)(void *userdata, const struct summary_bin *bin);
        void *userdata;

        /* private */
        bool open;
        uint64_t first_ms, begin_ms, now_ms;
        size_t n_held, n_faces;
        struct face held[PIPELINE_MAX_FACES]; /* in view since now_ms */
        struct summary_face faces[SUMMARY_MAX_FACES];
        struct summary_face told[SUMMARY_MAX_FACES];
};

/* A frame of @now_usec, or none (@faces is NULL): what was in view before counts until then; from then on these @n faces do.
 * Time that runs backwards stands still. */
void summary_pass(struct summary *s, uint64_t now_usec, const struct face *faces, size_t n);
/* The bin ends at @now_usec, nobody is in view any more; the next one begins then. */
void summary_cut(struct summary *s, uint64_t now_usec);
/* So it does, and time is not observed until the next summary_pass(). */
void summary_end(struct summary *s, uint64_t now_usec);
