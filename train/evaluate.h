/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Runs a classifier file over a labelled set, through the engine that the service uses.
 */

#include "train/metrics.h"

#define EVALUATE_BATCH 32

struct evaluate_error {
        char text[512];
};

/**
 * evaluate() - metrics of the model at @path on @d
 * @ret: in the order of @d's labels
 *
 * The model has one input [N, 1, H, W], one output [N, n], and the metadata that daemon/vision/classifier.h lists;
 * pictures are resized to its input. Its labels may stand in another order than those of the set, and may lack some
 * or have more: what is won by a label that the set has not is wrong, and counts as an invalid output.
 * Return: 0; -EINVAL a model of another form, or no label in common; errors of the engine.
 */
int evaluate(const char *path, const struct dataset *d, unsigned threads, struct metrics *ret,
             struct evaluate_error *error);
