/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** Time that never runs backwards, as everything here measures it: CLOCK_MONOTONIC. */

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_usec(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The same in seconds. */
static inline double clock_seconds(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
