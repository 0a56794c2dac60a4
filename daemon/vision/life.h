/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Is a face one of a living person, or of a poster, a screen, a doll?
 *
 * Landmarks of a thing move like noise: means over half a second stay where they are. A head that is carried by a body
 * does not: it sways by millimetres within seconds, and eyes blink. A face is static once all means of LIFE_WINDOW_SEC
 * lie within small ranges of place, size, roll and opening of the eyes, and ceases to be at the first half second that
 * does not fit. Brightness is not looked at: light changes on posters, too.
 *
 * Limits: what moves as a whole (a film on a screen, a poster in the wind, everything before a camera that shakes) is not
 * static; a face without landmarks never is.
 */

#include <stdint.h>

#include "basic/macro.h"
#include "plugins/emo-plugin.h"

#define LIFE_WINDOW_SEC 20u
#define LIFE_BINS (2 * LIFE_WINDOW_SEC)
#define LIFE_MAX_PLACES 16u

/* Means over half a second. */
struct life_bin {
        double x, y, size; /* pixels: centre of the landmarks, root mean squared distance from it */
        double roll_deg;
        double eyes, eyes_least; /* height by width, of both; the least of one frame */
};

struct life {
        bool is_static;
        struct life_bin bins[LIFE_BINS]; /* a ring */
        size_t n_bins, next;
        struct life_bin sum;
        unsigned n_in_sum;
        uint64_t begin_usec; /* of the sum */
        bool has_rest;
        struct life_bin rest; /* what a static face must stay like */
};

/* Where static faces were: one that appears there is static until it shows life. */
struct life_places {
        size_t n, next;
        struct emo_box boxes[LIFE_MAX_PLACES];
};

/**
 * life_update() - landmarks of one frame
 * @points: 68, or none (@n_points is 0)
 * Return: true if @l->is_static changed.
 */
bool life_update(struct life *l, const float (*points)[2], unsigned n_points, double roll_deg, uint64_t now_usec);
/* A new face, which lies where a static one was. */
void life_assume_static(struct life *l);

void life_places_add(struct life_places *p, const struct emo_box *box);
/* It was a person after all. */
void life_places_drop(struct life_places *p, const struct emo_box *box);
bool life_places_hold(const struct life_places *p, const struct emo_box *box);
