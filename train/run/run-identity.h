/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A number by which a checkpoint knows its run: it differs if the recipe does, except for its number of epochs, or if
 * the rows that are learned do. Contents of files that the recipe names, such as teachers, are not looked at.
 */

#include "train/data/dataset.h"
#include "train/data/recipe.h"

/* @train: NULL for a task with data of its own, which then does not count. Return: 0 or -ENOMEM. */
int run_identity(const struct recipe *recipe, const struct dataset *train, uint64_t *ret);
