/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** The configuration of emotion-reactions, reactions.conf(5), in the syntax of libconfig. */

#include <stddef.h>

#define REACTIONS_NOTICE_MAX 256

struct reactions_settings {
        int minimum_group;                 /* 3..100 */
        char notice[REACTIONS_NOTICE_MAX]; /* where people are told; "": nowhere, and nothing is recorded */
        int keep_curve_days, keep_total_days;
        int max_mb; /* of the store */
};

/* Defaults, then @path, which may be absent if @optional. Return: 0; -EINVAL with @error telling file, line and key. */
int reactions_settings_load(const char *path, int optional, struct reactions_settings *ret, char *error, size_t size);
