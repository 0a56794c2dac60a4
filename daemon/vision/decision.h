/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * When smoothed scores become an announced emotion: one state per face and listener.
 *
 * A challenger is a label whose score is at least min_confidence and leads the announced emotion's by hysteresis (a
 * lead of any size will do if the announced one has fallen below min_confidence itself); "unsure" is a challenger
 * while no label reaches min_confidence. The best challenger is announced once it has been one for min_hold_usec
 * without a break.
 */

#include <stdint.h>

#include "daemon/vision/face.h"

/* When a smoothed score becomes an announced emotion. */
struct decision_rules {
        double min_confidence;  /* 0..1: below it a face is unsure */
        double hysteresis;      /* 0..1: a challenger must lead the announced emotion by this much */
        uint64_t min_hold_usec; /* a challenger must lead for this long before it is announced */
};

static inline bool decision_rules_equal(const struct decision_rules *a, const struct decision_rules *b)
{
        return a->min_confidence == b->min_confidence && a->hysteresis == b->hysteresis &&
               a->min_hold_usec == b->min_hold_usec;
}

struct decision {
        int announced;                        /* label index or EMOTION_UNSURE, where a face starts */
        uint64_t since_usec[EMOTION_MAX + 1]; /* a challenger since; the last one is "unsure" */
        bool challenges[EMOTION_MAX + 1];
};

void decision_init(struct decision *d);

/**
 * decision_update() - look at the scores of one frame
 * @at_once: a listener that has come to know a face of long ago: do not wait for the hold
 * @ret: what should be announced, @d->announced if nothing changes
 *
 * The caller announces it and then calls decision_announce(); until it does, the same answer is given again.
 */
void decision_update(struct decision *d, const struct decision_rules *rules, const float *scores, unsigned n,
                     uint64_t now_usec, bool at_once, int *ret);
void decision_announce(struct decision *d, int emotion);

/**
 * decision_weigh() - probabilities as they would be if neutral faces were rarer or more frequent than the network takes them
 * to be: the odds of all labels against @neutral are multiplied by @sensitivity (over 0), and the sum stays
 * @neutral: index of that label; negative: the model has none, and nothing changes
 */
void decision_weigh(float *scores, unsigned n, int neutral, double sensitivity);

/* The best label, or EMOTION_UNSURE if it is below @min_confidence. */
int decision_best(const float *scores, unsigned n, double min_confidence);
