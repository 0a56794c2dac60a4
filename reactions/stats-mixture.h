/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

#include "reactions/stats-random.h"
#include "reactions/stats-sample.h"

/**
 * What share of the time faces showed which expression, given how often the network takes one for another.
 *
 * Raw shares of decisions mislead where one class is rare: the mistakes made on the frequent one outweigh it. The shares
 * are those of a mixture with known components (the rows of the decision matrix); they are found by maximum likelihood
 * with EM (Saerens, Latinne and Decaestecker 2002), which never leaves 0..1 as inverting the matrix does.
 */

#define STATS_CLASSES_MAX 16

/* @counts: [n_classes, n_decisions], how often each class of a labelled set was decided as what; the last decision may
 * be "unsure". Borrowed. */
struct stats_decisions {
        size_t n_classes, n_decisions;
        const double *counts;
};

/* Maximum likelihood shares of the classes. @observed: [n_decisions], any scale, not all 0. @rows: [n_classes,
 * n_decisions], each with sum 1. Return: how many steps it took; -EINVAL. */
int stats_mixture_fit(const double *observed, const double *rows, size_t n_classes, size_t n_decisions,
                      double *ret_shares);

/* Sums over viewers of their times by decision, for the spread among viewers. */
struct stats_times {
        double n;
        double sum[STATS_CLASSES_MAX];
        double product[STATS_CLASSES_MAX][STATS_CLASSES_MAX];
};

void stats_times_add(struct stats_times *t, const double *times, size_t n_decisions);

/**
 * stats_mixture() - corrected shares with intervals
 * @ret: [n_classes]
 *
 * Each draw takes the totals of another crowd of as many viewers (normal, with the covariance among viewers) and redraws
 * the rows of the matrix (Dirichlet, counts + 1/2), because the labelled set is finite, too; percentile interval, corrected for bias.
 * Return: 0; -EINVAL if there are fewer than 2 viewers or no time; -ENOMEM.
 */
int stats_mixture(const struct stats_times *times, const struct stats_decisions *d, struct stats_random *random,
                  struct stats_estimate *ret);

/* Below this share an interval's lower end is as good as 0: maximum likelihood comes near the edge but never onto it. */
#define STATS_NO_EVIDENCE 0.005
