/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/capture/strobe.h"

#define STEP_PX 8u       /* one pixel of so many is looked at, each way */
#define BLACK 24.f       /* mean luma */
#define SHARE 0.3f       /* of what the last frame with light had */
#define LONG_USEC 300000 /* black for longer is dark, not between two flashes */

static float mean_luma(const struct frame *f)
{
        uint64_t sum = 0;
        unsigned n = 0;

        for (unsigned y = STEP_PX / 2; y < f->height_px; y += STEP_PX)
                for (unsigned x = STEP_PX / 2; x < f->width_px; x += STEP_PX, n++)
                        sum += f->gray[y * f->gray_stride_bytes + x];
        return n ? (float)sum / (float)n : 255;
}

bool strobe_is_dark(struct strobe *s, const struct frame *f)
{
        float mean = mean_luma(f);

        if (s->lit_usec && mean < BLACK && mean < SHARE * s->lit_mean && f->timestamp_usec >= s->lit_usec &&
            f->timestamp_usec - s->lit_usec < LONG_USEC)
                return true;
        s->lit_usec = f->timestamp_usec;
        s->lit_mean = mean;
        return false;
}
