/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Runs a classifier file over a labelled set, through the engine that the service uses.
 */

#include "train/model/classifier-file.h"
#include "train/model/metrics.h"

#define EVALUATE_BATCH 32

/* Row @row of @d as a network's input: resized, then normalised; @ret: width_px * height_px floats. */
void evaluate_picture(const struct dataset *d, size_t row, unsigned width_px, unsigned height_px,
                      enum nn_normalisation normalisation, float *ret);

/**
 * evaluate() - metrics of the model at @path on @d
 * @mirror: each answer is the mean of those to the picture and to its mirror image
 * @ret: in the order of @d's labels
 *
 * Pictures are resized to the model's input; one for colours gets the gray of the set in each channel. Its labels may stand in another order than those of the set, and may lack some
 * or have more: what is won by a label that the set has not is wrong, and counts as an invalid output.
 * Return: 0; -EINVAL a model of another form, or no label in common; errors of the engine.
 */
int evaluate(const char *path, const struct dataset *d, unsigned threads, bool mirror, struct metrics *ret,
             struct classifier_error *error);

/**
 * evaluate_answers() - what evaluate() counts, row by row
 * @ret: [d->n, d->n_classes] probabilities
 * Return: as evaluate(); -EINVAL also if the model lacks a class of which @d has rows.
 */
int evaluate_answers(const char *path, const struct dataset *d, unsigned threads, bool mirror, float *ret,
                     struct classifier_error *error);

/* The same if the model were what @text says, and whichever classes it lacks; a row that is invalid begins with a NaN. */
int evaluate_as(const char *path, const struct nn_form_text *text, const struct dataset *d, unsigned threads,
                bool mirror, float *ret, struct classifier_error *error);
