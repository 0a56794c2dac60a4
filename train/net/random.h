/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Random numbers that are the same on every machine for a seed: xoshiro256** 1.0 (Blackman & Vigna 2018,
 * arXiv:1805.01407), seeded by splitmix64. The state is plain data: a checkpoint stores it.
 */

#include <stddef.h>
#include <stdint.h>

struct rng {
        uint64_t s[4];
};

void rng_seed(struct rng *r, uint64_t seed);
/* A stream of its own for (@seed, @a, @b), for example epoch and row: results do not depend on thread or order. */
void rng_seed_stream(struct rng *r, uint64_t seed, uint64_t a, uint64_t b);
uint64_t rng_next(struct rng *r);
double rng_uniform(struct rng *r);                     /* 0 <= x < 1 */
double rng_range(struct rng *r, double lo, double hi); /* lo <= x < hi */
double rng_normal(struct rng *r);                      /* mean 0, standard deviation 1 */
size_t rng_below(struct rng *r, size_t n);             /* 0..n-1, n > 0, without bias */
void rng_shuffle(struct rng *r, size_t *x, size_t n);  /* Fisher-Yates */
