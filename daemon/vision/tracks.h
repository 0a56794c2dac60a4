/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Faces over time: boxes of one frame are matched to the tracks of the frames before, each track moves by a smoothed
 * position and speed, and keeps a random id for as long as it lives.
 */

#include <stdint.h>

#include "daemon/vision/attention.h"
#include "daemon/vision/decision.h"
#include "daemon/vision/one-euro.h"
#include "daemon/vision/face.h"
#include "daemon/vision/life.h"
#include "daemon/vision/smoothing.h"

/* One coordinate: an alpha-beta filter. */
struct track_axis {
        double value, speed; /* pixels, pixels a second; for the size their logarithms */
};

/* How the detector's box lies about the landmarks, so that landmarks alone can move the box on. */
struct track_anchor {
        bool valid;           /* the rest is known */
        bool holds;           /* the last landmarks were those of this face: no need for the detector */
        double dx, dy;        /* from the landmarks' centre to the box's, in landmark sizes */
        double scale, aspect; /* box width in landmark sizes, height in widths */
};

struct track {
        bool used;
        bool confirmed; /* has been found often enough to be told of */
        bool announced; /* its appearance is */
        bool found;     /* in this frame */
        bool missed;    /* the detector, when it was asked last, did not find it */
        bool scored;    /* classified in this frame */
        unsigned n_found;
        uint64_t first_usec, seen_usec, moved_usec;
        struct track_axis x, y, log_width, log_height; /* centre and sides */
        struct track_axis seen_x, seen_y;              /* the centre as it was when last found */
        float box_confidence;
        struct track_anchor anchor;
        struct point_filter points; /* of the landmarks */
        uint64_t points_usec;       /* when they were found last */
        struct smoothing smoothing;
        struct attention attention;
        struct life life;
        uint64_t measured_usec; /* when its picture was looked at last; 0: never */
        bool poor;              /* its picture is too bad to be classified */
        struct face face;       /* what the result shows; id is the track's */
        struct decision decisions[PIPELINE_MAX_LISTENERS];
        bool fresh[PIPELINE_MAX_LISTENERS]; /* a listener that has not heard of this face yet */
};

struct tracks {
        struct track items[PIPELINE_MAX_FACES];
        unsigned max; /* tracks at a time */
};

/* Fills *@ret with an id that is neither 0 nor one of @t's. Return: 0; errno of getrandom(2). */
int tracks_new_id(const struct tracks *t, uint32_t *ret);

size_t tracks_count(const struct tracks *t);

/* Moves every track to @now_usec by its speed and forgets what was found in the last frame. */
void tracks_predict(struct tracks *t, uint64_t now_usec);

/* The box where a track is now. */
struct emo_box track_box(const struct track *t);

/* A box of this track was found at @now_usec, after tracks_predict(). */
void track_correct(struct track *t, const struct emo_box *box, uint64_t now_usec);

/**
 * tracks_match() - give @n boxes of this frame to the tracks that they most likely belong to
 * @boxes: up to ASSIGNMENT_MAX, best first
 * @may_add: boxes that belong to no track start new ones; a box over another one's face never does
 * @n_confirm: a track is confirmed once it was found this often
 * Return: 0; the error of tracks_new_id().
 */
int tracks_match(struct tracks *t, const struct emo_box *boxes, size_t n, uint64_t now_usec, bool may_add,
                 unsigned n_confirm);

/* The share of the smaller box that another covers. */
double box_overlap(const struct emo_box *a, const struct emo_box *b);
