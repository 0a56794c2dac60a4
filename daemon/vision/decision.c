/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/vision/decision.h"

void decision_init(struct decision *d)
{
        *d = (struct decision){ .announced = EMOTION_UNSURE };
}

void decision_weigh(float *scores, unsigned n, int neutral, double sensitivity)
{
        double sum;

        if (neutral < 0 || (unsigned)neutral >= n)
                return;
        /* what stays the same is exactly the same */
        sum = sensitivity + (double)scores[neutral] * (1 - sensitivity);
        for (unsigned i = 0; i < n && sum > 0; i++)
                scores[i] = (float)((double)scores[i] * ((int)i == neutral ? 1 : sensitivity) / sum);
}

int decision_best(const float *scores, unsigned n, double min_confidence)
{
        unsigned best = 0;

        for (unsigned i = 1; i < n; i++)
                if (scores[i] > scores[best])
                        best = i;
        return n && (double)scores[best] >= min_confidence ? (int)best : EMOTION_UNSURE;
}

void decision_announce(struct decision *d, int emotion)
{
        *d = (struct decision){ .announced = emotion };
}

/* True if challenger @i has been one for long enough. */
static bool challenge(struct decision *d, size_t i, bool leads, uint64_t now_usec, uint64_t hold_usec)
{
        if (!leads || !d->challenges[i]) {
                d->challenges[i] = leads;
                d->since_usec[i] = now_usec;
        }
        return leads && now_usec - d->since_usec[i] >= hold_usec;
}

void decision_update(struct decision *d, const struct decision_rules *rules, const float *scores, unsigned n,
                     uint64_t now_usec, bool at_once, int *ret)
{
        int now = d->announced, best = EMOTION_UNSURE;
        double to_beat = now == EMOTION_UNSURE || (double)scores[now] < rules->min_confidence
                                 ? 0
                                 : (double)scores[now] + rules->hysteresis;
        uint64_t hold_usec = at_once ? 0 : rules->min_hold_usec;
        bool unsure = decision_best(scores, n, rules->min_confidence) == EMOTION_UNSURE;

        for (unsigned i = 0; i < n; i++) {
                double s = (double)scores[i];
                /* strictly ahead: two equal scores do not take turns */
                bool leads = (int)i != now && s >= rules->min_confidence && s >= to_beat &&
                             (now == EMOTION_UNSURE || scores[i] > scores[now]);

                if (challenge(d, i, leads, now_usec, hold_usec) && (best == EMOTION_UNSURE || scores[i] > scores[best]))
                        best = (int)i;
        }
        unsure = challenge(d, EMOTION_MAX, unsure && now != EMOTION_UNSURE, now_usec, hold_usec);
        *ret = best != EMOTION_UNSURE ? best : unsure ? EMOTION_UNSURE : now;
}
