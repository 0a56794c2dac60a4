/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Moving values by strides. */

#include "nn/op.h"

/* Elements from one index of each dim to the next. */
void nn_move_strides(const struct nn_tensor *t, int64_t *ret);
/* Fills @out in order from @x, whose element for out index i lies at @start +
 * sum(i[k] * step[k]) elements. */
void nn_move_gather(const struct nn_tensor *out, const uint8_t *x, int64_t start, const int64_t *step);
