/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "reactions/stats-random.h"

static uint64_t splitmix(uint64_t *x)
{
        uint64_t z = (*x += 0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
}

void stats_random_seed(struct stats_random *r, uint64_t seed)
{
        for (int i = 0; i < 4; i++)
                r->s[i] = splitmix(&seed);
        r->has_spare = 0;
        r->spare = 0;
}

static uint64_t rotate(uint64_t x, int k)
{
        return (x << k) | (x >> (64 - k));
}

uint64_t stats_random_next(struct stats_random *r)
{
        uint64_t *s = r->s, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = rotate(s[3], 45);
        return result;
}

double stats_random_uniform(struct stats_random *r)
{
        return (double)(stats_random_next(r) >> 11) * 0x1p-53;
}

uint64_t stats_random_below(struct stats_random *r, uint64_t n)
{
        uint64_t limit = UINT64_MAX - UINT64_MAX % n, x;

        do
                x = stats_random_next(r);
        while (x >= limit);
        return x % n;
}

double stats_random_normal(struct stats_random *r)
{
        double u, v, s;

        if (r->has_spare) {
                r->has_spare = 0;
                return r->spare;
        }
        do {
                u = 2 * stats_random_uniform(r) - 1;
                v = 2 * stats_random_uniform(r) - 1;
                s = u * u + v * v;
        } while (s >= 1 || s == 0);
        s = sqrt(-2 * log(s) / s);
        r->spare = v * s;
        r->has_spare = 1;
        return u * s;
}

double stats_random_gamma(struct stats_random *r, double shape)
{
        double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / sqrt(9 * d), x, v, u;

        do {
                do {
                        x = stats_random_normal(r);
                        v = 1 + c * x;
                } while (v <= 0);
                v = v * v * v;
                u = 1 - stats_random_uniform(r);
        } while (log(u) >= 0.5 * x * x + d - d * v + d * log(v));
        return shape < 1 ? d * v * pow(1 - stats_random_uniform(r), 1 / shape) : d * v;
}

void stats_random_dirichlet(struct stats_random *r, const double *a, size_t n, double *ret)
{
        double sum = 0;

        for (size_t i = 0; i < n; i++)
                sum += ret[i] = stats_random_gamma(r, a[i]);
        for (size_t i = 0; i < n; i++)
                ret[i] = sum > 0 ? ret[i] / sum : 1.0 / (double)n;
}
