/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the planner asks of a Pad, after shape(). */

#include "nn/op.h"

/* Whether it also runs on blocks of channels: channels may come behind those that are there, none may go. */
bool nn_pad_can_block(const struct nn_call *c);
/* Whether it puts zeros around planes, as a convolution does by itself. @ret_pads: above, left, below, right */
bool nn_pad_is_zeros(const struct nn_call *c, unsigned *ret_pads);
