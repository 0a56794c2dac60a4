/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "picture/shrink.h"

static uint8_t mean(const struct picture *p, unsigned channels, unsigned x0, unsigned y0, unsigned by)
{
        unsigned x1 = MIN(x0 + by, p->width_px), y1 = MIN(y0 + by, p->height_px), n = (x1 - x0) * (y1 - y0),
                 sum = n / 2;

        for (unsigned y = y0; y < y1; y++)
                for (unsigned x = x0; x < x1; x++)
                        sum += p->data[y * p->stride_bytes + (size_t)x * channels];
        return (uint8_t)(sum / n);
}

/* What is written lies before what is still to be read. */
void picture_shrink(struct picture *p, unsigned by)
{
        const unsigned channels = p->format == PICTURE_GRAY8 ? 1 : 3;
        const unsigned width_px = (p->width_px + by - 1) / by, height_px = (p->height_px + by - 1) / by;
        uint8_t *to = p->data;

        for (unsigned y = 0; y < height_px; y++)
                for (unsigned x = 0; x < width_px; x++)
                        for (unsigned c = 0; c < channels; c++) {
                                struct picture from = *p;

                                from.data += c;
                                *to++ = mean(&from, channels, x * by, y * by, by);
                        }
        p->width_px = width_px;
        p->height_px = height_px;
        p->stride_bytes = (size_t)width_px * channels;
        p->shrink *= by;
}
