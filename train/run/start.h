/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Begins a run from the weights of another one: a longer schedule, other data, larger pictures.
 */

#include "train/run/trainer.h"

/**
 * trainer_start() - the weights of the checkpoint or ONNX file at @path, of a network with the same layers; the size
 * of its input may differ as far as no layer's parameters depend on it
 *
 * A checkpoint gives its averaged weights if it has some; a head is taken where both have one. In an ONNX file, whose
 * convolutions have taken in the batch normalisations after them, these are found again by their effect: statistics
 * of a few batches that leave the network's function as it is. Optimiser and place in the schedule stay those of a
 * fresh run. Return: 0; -EINVAL it does not fit (the layer is named); -EBADMSG; -ENOMEM; errno.
 */
int trainer_start(struct trainer *t, const char *path, struct recipe_error *error);
