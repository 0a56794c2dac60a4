/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Drawn things before a face in a training picture: a bar, glasses, sunglasses, a mask, a hand, a hat. A network
 * that never saw a covered face does not find one.
 */

#include "train/data/scenes.h"
#include "train/net/random.h"

/* Draws one thing, chosen and shaped by @rng, onto the face @f of the picture @x, [height, width] in 0..255. A face
 * without points is left alone. */
void occlude_face(const struct scene_face *f, struct rng *rng, unsigned width_px, unsigned height_px, float *x);
