/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Infrared cameras for logging in light their lamp for every other frame: those between are black and say nothing of who
 * is there. A room that goes dark stays so.
 */

#include "daemon/capture/source.h"

struct strobe {            /* zeroed to begin with */
        uint64_t lit_usec; /* timestamp of the last frame with light; 0: none yet */
        float lit_mean;    /* its mean luma, 0..255 */
};

/* Is @f, which has a picture, black between two that are not? Call it once for each frame, in their order. */
bool strobe_is_dark(struct strobe *s, const struct frame *f);
