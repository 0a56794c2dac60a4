/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A first-order low-pass filter of a face's scores. Its time constant is in seconds, not in frames: the same change
 * takes the same time at any frame rate.
 */

#include <stdint.h>

#include "daemon/vision/face.h"

struct smoothing {
        uint64_t last_usec;
        bool started;
        float scores[EMOTION_MAX];
};

/* Share of the new value after @dt_usec, with time constant @tau_usec: 0..1. */
double smoothing_gain(uint64_t dt_usec, uint64_t tau_usec);

/* Takes the @n scores of one frame, sum 1; the first ones are taken as they are. */
void smoothing_update(struct smoothing *s, const float *scores, unsigned n, uint64_t now_usec, uint64_t tau_usec);
