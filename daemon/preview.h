/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * One picture of the camera for whoever aims it: the only way by which a picture leaves the process, and only where
 * the configuration allows it.
 */

#include "daemon/messages.h"

/**
 * preview_fill() - copy the luma of @f, and those of @faces that were found in it, into the answer @job
 * @now_usec: what the pipeline took the frame's time for
 *
 * The picture goes to a memfd that is sealed against any change, width * height bytes; nothing else is kept of it.
 * @job->result is 0, or a negative errno and there is no descriptor.
 */
void preview_fill(struct preview_job *job, const struct frame *f, const struct face *faces, size_t n_faces,
                  uint64_t now_usec);
