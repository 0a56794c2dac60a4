/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Writes Motion-JPEG in an AVI container (RIFF; one video stream, index at the end).
 */

#include <stddef.h>
#include <stdint.h>

#include "basic/macro.h"

struct avi_writer;

/* Creates @path. @rate_hz: frames per second, 1..240. Return: 0; -EINVAL; -ENOMEM; errno of open(2). */
int avi_writer_new(const char *path, unsigned width_px, unsigned height_px, unsigned rate_hz, struct avi_writer **ret);
/* Appends one whole JPEG file as the next frame. Return: 0; -EFBIG beyond 1 GiB (players' limit); -EIO; -ENOMEM. */
int avi_writer_add(struct avi_writer *w, const void *jpeg, size_t size);
/* Writes index and final sizes. Without it the file is not complete. Return: 0 or negative errno. */
int avi_writer_finish(struct avi_writer *w);
/* Accepts NULL; returns NULL. */
struct avi_writer *avi_writer_free(struct avi_writer *w);
DEFINE_CLEANUP(struct avi_writer *, avi_writer_free)
