/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * Random numbers for resampling: xoshiro256** (Blackman and Vigna 2021), seeded by splitmix64, so that the same seed
 * gives the same report on every machine. Not for secrets.
 */
struct stats_random {
        uint64_t s[4];
        double spare; /* the second normal number of a pair */
        int has_spare;
};

void stats_random_seed(struct stats_random *r, uint64_t seed);
uint64_t stats_random_next(struct stats_random *r);
/* 0 <= u < 1, 53 bits */
double stats_random_uniform(struct stats_random *r);
/* 0 <= i < @n, @n > 0, without bias */
uint64_t stats_random_below(struct stats_random *r, uint64_t n);
/* mean 0, variance 1; the polar method (Marsaglia and Bray 1964) */
double stats_random_normal(struct stats_random *r);
/* shape > 0, scale 1 (Marsaglia and Tsang 2000); below shape 1 by the power of a uniform number */
double stats_random_gamma(struct stats_random *r, double shape);
/* @n shares with sum 1, Dirichlet distributed with parameters @a, all above 0 */
void stats_random_dirichlet(struct stats_random *r, const double *a, size_t n, double *ret);
