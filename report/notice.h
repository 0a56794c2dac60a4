/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** What people before the camera are to be told, to be put up where they see it before the camera sees them. */

#include <stdbool.h>
#include <stdio.h>

struct notice {
        const char *more;       /* where more is said, as the configuration has it; "": a line is left free for it */
        bool keeps;             /* sums are kept; else the next three do not matter */
        unsigned minimum_group; /* people that a sum is about at least */
        unsigned curve_days;    /* how long sums by second are kept */
        unsigned total_days;    /* how long totals are */
};

/* Plain text, in lines of at most 76 columns. Return: 0 or -EIO. */
int notice_text(FILE *f, const struct notice *n);
/* One HTML page without script or request, in large type on one sheet when it is printed. Return: 0 or -EIO. */
int notice_html(FILE *f, const struct notice *n);
