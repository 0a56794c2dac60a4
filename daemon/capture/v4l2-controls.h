/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** A camera's own controls, by name. For this folder only. */

#include "daemon/capture/source-ops.h"
#include "daemon/capture/v4l2-io.h"

/**
 * v4l2_controls_set() - each of @controls in their order: one may make another possible
 * Names are those of v4l2-ctl(1): what the driver calls "Power Line Frequency" is power_line_frequency.
 * Return: 0; -EINVAL the camera has no such control, or refuses the value, and @error says what it takes; others as the
 * kernel says.
 */
int v4l2_controls_set(const struct v4l2_io *io, int fd, const struct source_control *controls, size_t n,
                      struct source_error *error);
