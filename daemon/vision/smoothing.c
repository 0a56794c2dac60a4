/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "daemon/vision/smoothing.h"

double smoothing_gain(uint64_t dt_usec, uint64_t tau_usec)
{
        return tau_usec ? -expm1(-(double)dt_usec / (double)tau_usec) : 1;
}

void smoothing_update(struct smoothing *s, const float *scores, unsigned n, uint64_t now_usec, uint64_t tau_usec)
{
        uint64_t dt_usec = now_usec > s->last_usec ? now_usec - s->last_usec : 0;
        float gain = s->started ? (float)smoothing_gain(dt_usec, tau_usec) : 1.f;

        for (unsigned i = 0; i < n; i++)
                s->scores[i] += gain * (scores[i] - s->scores[i]);
        s->started = true;
        s->last_usec = now_usec;
}
