/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "reactions/stats-random.h"
#include "reactions/stats-sample.h"

/**
 * Two contents against each other, like with like: viewers are compared within a block (the same hour of the same kind
 * of day), because who passes at noon is another crowd than who passes at night.
 */

/* One block: how many viewers of either content had the value of each cell; [n_values] each, borrowed. */
struct stats_block {
        const uint64_t *a, *b;
};

struct stats_comparison {
        struct stats_estimate difference; /* b - a */
        double p;                         /* two-sided; NaN if no block has viewers of both */
        uint64_t n_a, n_b;                /* viewers in blocks that have both */
        double spread;                    /* standard deviation within blocks, over both */
};

/**
 * stats_compare() - difference of two contents' means over viewers
 * @values: [n_values], the value that a cell stands for
 *
 * Each block's difference weighs n_a n_b / (n_a + n_b) (Mantel-Haenszel); its interval is normal, with one variance for
 * either content; p is from permuting viewers within blocks (1,999 permutations, and up to 99,999 where few of them are as extreme; if none
 * is, no more than what the normal limit says; beyond STATS_BOOTSTRAP_MAX viewers from
 * the normal limit of the same distribution, with its exact variance).
 * Return: 0; -ENOMEM.
 */
int stats_compare(const double *values, size_t n_values, const struct stats_block *blocks, size_t n_blocks,
                  struct stats_random *random, struct stats_comparison *ret);

/* Holm (1979): @p [n], p values of n tests, become adjusted ones, in place. NaN stays and is not counted. At most 4,096;
 * Return: 0; -EINVAL for more. */
int stats_holm(double *p, size_t n);
