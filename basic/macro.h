/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)
/* each use has names of its own, so that one may stand in the arguments of another */
#define MIN(a, b) MIN_(a, b, CONCAT(_min_a, __COUNTER__), CONCAT(_min_b, __COUNTER__))
#define MIN_(a, b, x, y)               \
        ({                             \
                __typeof__(a) x = (a); \
                __typeof__(b) y = (b); \
                x < y ? x : y;         \
        })
#define MAX(a, b) MAX_(a, b, CONCAT(_max_a, __COUNTER__), CONCAT(_max_b, __COUNTER__))
#define MAX_(a, b, x, y)               \
        ({                             \
                __typeof__(a) x = (a); \
                __typeof__(b) y = (b); \
                x > y ? x : y;         \
        })
#define CLAMP(x, lo, hi) MIN(MAX((x), (lo)), (hi))

/* Takes the pointer out of a _cleanup_ variable: the caller owns it from here on. */
#define STEAL(p)                        \
        ({                              \
                __typeof__(p) _p = (p); \
                (p) = NULL;             \
                _p;                     \
        })

/* Defines fn_p, for _cleanup_(fn_p), from a free function that takes and returns a pointer or void. */
#define DEFINE_CLEANUP(type, fn)          \
        static inline void fn##p(type *p) \
        {                                 \
                if (*p)                   \
                        fn(*p);           \
        }

static inline void freep(void *p)
{
        free(*(void **)p);
}

static inline void fclosep(FILE **f)
{
        if (*f)
                fclose(*f);
}

static inline void closep(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}

/* Closes @fd if open; returns -1, so that `fd = fd_close(fd)` leaves no stale descriptor. */
static inline int fd_close(int fd)
{
        if (fd >= 0)
                close(fd);
        return -1;
}
