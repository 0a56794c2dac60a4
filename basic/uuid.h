/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** UUIDs as text (RFC 9562): 36 characters and the end. */

#include <stdbool.h>

#define UUID_MAX 37

/* One of version 7: the time in milliseconds, then random bits, so that they sort by their making. */
void uuid7_make(char ret[static UUID_MAX]);
bool uuid_is_valid(const char *s);
