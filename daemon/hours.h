/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Times of the week in which the camera is closed, in local time: "Mon-Fri 20:00-24:00, Sun 00:00-24:00".
 *
 * An entry is days and a time, or a time alone, which holds for each day; entries are parted by commas. Days are Mon, Tue,
 * Wed, Thu, Fri, Sat, Sun, or two of them with "-" between, which may go over Sunday ("Sat-Mon"). A time ends after it
 * begins; one over midnight is two entries.
 */

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "basic/macro.h"

#define HOURS_MAX 32u

struct hours {
        size_t n;
        struct {
                unsigned days;             /* bit 0 is Sunday, as tm_wday */
                unsigned from_min, to_min; /* of the day; @to_min is not in it, and up to 1440 */
        } spans[HOURS_MAX];
};

/**
 * hours_parse() - @text as above; empty: never
 * @why: what is wrong, and what is allowed
 * Return: 0 or -EINVAL.
 */
int hours_parse(const char *text, struct hours *ret, char *why, size_t why_size);
/* Is @local (tm_wday, tm_hour, tm_min) in one of them? */
bool hours_hold(const struct hours *h, const struct tm *local);
