/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What the peers of compare-engines.py share: timing one function, and the lines that the script reads.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define TIMING_MAX_RUNS 5000

static inline double timing_now_us(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static inline int timing_by_value(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return x < y ? -1 : x > y;
}

/* Runs @fn for @seconds and at least ten times after three for warming up; prints KEY=VALUE lines. */
static inline void timing_report(void (*fn)(void *userdata), void *userdata, double seconds, double load_ms)
{
        static double us[TIMING_MAX_RUNS];
        struct rusage usage;
        double end;
        int n = 0;

        for (int i = 0; i < 3; i++)
                fn(userdata);
        end = timing_now_us() + seconds * 1e6;
        while (n < TIMING_MAX_RUNS && (n < 10 || timing_now_us() < end)) {
                double start = timing_now_us();

                fn(userdata);
                us[n++] = timing_now_us() - start;
        }
        qsort(us, (size_t)n, sizeof(*us), timing_by_value);
        getrusage(RUSAGE_SELF, &usage);
        printf("median_us=%.2f\nmin_us=%.2f\nload_ms=%.3f\npeak_kb=%ld\n", us[n / 2], us[0], load_ms, usage.ru_maxrss);
}

/* Any values but zeros, which some CPUs multiply faster. The same as `emotion-nn bench` uses. */
static inline void timing_fill(float *x, size_t n)
{
        for (size_t i = 0; i < n; i++)
                x[i] = (float)((i * 2654435761u) % 1000) / 1000;
}
