/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** A picture at a share of its sides, each pixel the mean of those that it stands for. */

#include "picture/picture.h"

/* Writes @p to its own memory at a @by-th of its sides, rounded up; @by 2, 4 or 8. Its memory gets no smaller. */
void picture_shrink(struct picture *p, unsigned by);
