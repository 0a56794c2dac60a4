/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

#include "nn/emotion-nn.h"

/**
 * model_size() - the shape to plan for of a file that leaves height and width of its one input open, but says
 * in its metadata emotiond.size ("256x192") which it was made for
 * @batch: 0 for 1
 * Return: true and @ret (for nn_plan_options.inputs); false if the file is of another kind.
 */
bool model_size(const struct nn_model *m, unsigned batch, struct nn_tensor *ret);
