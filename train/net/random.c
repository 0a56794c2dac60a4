/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "basic/macro.h"
#include "train/net/random.h"

static uint64_t splitmix64(uint64_t *x)
{
        uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

static uint64_t rotl(uint64_t x, unsigned k)
{
        return x << k | x >> (64 - k);
}

void rng_seed(struct rng *r, uint64_t seed)
{
        for (size_t i = 0; i < ARRAY_LEN(r->s); i++)
                r->s[i] = splitmix64(&seed);
}

void rng_seed_stream(struct rng *r, uint64_t seed, uint64_t a, uint64_t b)
{
        /* hashing between the parts keeps (a, b) and (b, a), or neighbours of each, apart */
        uint64_t x = splitmix64(&seed) ^ a;

        x = splitmix64(&x) ^ b;
        rng_seed(r, splitmix64(&x));
}

uint64_t rng_next(struct rng *r)
{
        uint64_t *s = r->s, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = rotl(s[3], 45);
        return result;
}

double rng_uniform(struct rng *r)
{
        return (double)(rng_next(r) >> 11) * 0x1p-53;
}

double rng_range(struct rng *r, double lo, double hi)
{
        double x = lo + (hi - lo) * rng_uniform(r);

        return x < hi ? x : lo; /* the sum may round up to hi */
}

double rng_normal(struct rng *r)
{
        double u, v, q;

        /* the polar method (Marsaglia & Bray 1964); its second number is not kept: the state is only s[] */
        do {
                u = 2 * rng_uniform(r) - 1;
                v = 2 * rng_uniform(r) - 1;
                q = u * u + v * v;
        } while (q >= 1 || q == 0);
        return u * sqrt(-2 * log(q) / q);
}

size_t rng_below(struct rng *r, size_t n)
{
        /* the lowest 2^64 mod n values would make the first results likelier */
        uint64_t m = n, reject = (0 - m) % m, x;

        do
                x = rng_next(r);
        while (x < reject);
        return (size_t)(x % m);
}

void rng_shuffle(struct rng *r, size_t *x, size_t n)
{
        for (size_t i = n; i > 1; i--) {
                size_t j = rng_below(r, i), t = x[i - 1];

                x[i - 1] = x[j];
                x[j] = t;
        }
}
