/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** What all kinds of sources need to tell and to count; for this folder only. */

#include "daemon/capture/source.h"

/* Writes the sentence; Return: @r, so that a caller can `return source_fail(error, -EIO, ...)`. */
int source_fail(struct source_error *error, int r, const char *format, ...) _printf_(3, 4);

/* Copies @src cut to fit, always ended. */
void source_copy_text(char *dst, size_t size, const char *src);
