/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Which node is a camera. For this folder only.
 */

#include "daemon/capture/devices.h"
#include "daemon/capture/source-ops.h"
#include "daemon/capture/v4l2-io.h"

/**
 * v4l2_device_open() - open @path, or for "auto" the first camera
 * Return: the descriptor, to be closed with io->close(); -ENOTTY not a camera; -ENODEV none ("auto");
 * as open(2). @error is filled.
 */
int v4l2_device_open(const struct v4l2_io *io, const char *path, struct source_device *ret, struct source_error *error);

/* source_list_devices() of any folder, for tests. */
int v4l2_device_list(const struct v4l2_io *io, const char *folder, struct source_device *ret, size_t max);
