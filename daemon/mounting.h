/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** Frames of a camera that hangs on its side, on its head, or looks into a mirror, turned upright. */

#include "daemon/capture/source.h"
#include "picture/orient.h"

/* Memory for one turned frame; grows, never shrinks. All zero at first. */
struct mounting {
        uint8_t *gray, *bgr;
        size_t gray_bytes, bgr_bytes;
};
void mounting_done(struct mounting *m);

/**
 * mounting_turn() - @f, turned
 * @ret: its planes are @m's, until the next call; all of @f if it has no picture or @o is ORIENT_PLAIN
 * Return: 0 or -ENOMEM.
 */
int mounting_turn(struct mounting *m, enum orientation o, const struct frame *f, struct frame *ret);
