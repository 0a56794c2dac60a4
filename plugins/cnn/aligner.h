/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * 68 points for the boxes of a stream. What was found is remembered, so that a face that is followed starts from its
 * own last points, turned as they are, and needs one pass of the network. What other streams showed does not count.
 */

#include "nn/landmarks.h"
#include "plugins/emo-plugin.h"

struct aligner;

/* Errors: as landmarks_new(). */
int aligner_new(const char *path, struct aligner **ret, struct nn_error *error);
/* Accepts NULL; returns NULL. */
struct aligner *aligner_free(struct aligner *a);

/* @sequence: where the number of the stream stands that a picture is of, see struct emo_host; must outlive the aligner.
 * Without it all are of one. */
void aligner_set_sequence(struct aligner *a, const uint64_t *sequence);

/* Points in a GRAY8 picture. Return: 0; -EINVAL a box of no size or no numbers; -EBADMSG. Allocates nothing. */
int aligner_find(struct aligner *a, const struct emo_image *image, const struct emo_box *box,
                 struct emo_alignment *ret);
