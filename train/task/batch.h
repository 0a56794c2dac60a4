/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * One batch of a classifier's run: pictures into the network's input, and what is wanted of its outputs.
 */

#include "train/run/trainer.h"

/**
 * batch_load() - fills the network's input with pictures in 0..255
 * @first: of this epoch's order, or, if @plain, of the rows of @set as they stand, which then are not changed at random
 */
void batch_load(struct trainer *t, const struct dataset *set, size_t first, unsigned n, bool plain);
/* Makes of the pictures what the network wants; teachers see them before. */
void batch_normalise(struct trainer *t, unsigned n);
/* t->target, and t->vote_target if there is one, of the batch at @first of this epoch's order. */
void batch_targets(struct trainer *t, size_t first);
/* The i-th picture and the i-th from the end, which the shuffle made strangers, are mixed, and so are their targets. */
void batch_mix(struct trainer *t);
