/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Pixel formats of cameras and files to full-range luma, and to BGR where that was asked for.
 */

#include <stdint.h>

#include "basic/macro.h"
#include "picture/jpeg.h"

/* Memory for one decoded picture; grows, never shrinks. */
struct planes {
        bool want_bgr;
        unsigned width_px, height_px;
        uint8_t *gray; /* stride width_px */
        uint8_t *bgr;  /* stride 3 * width_px; NULL unless want_bgr */
        size_t capacity_px;
};

/* Room for a picture of that size. Return: 0; -EFBIG beyond the limits of picture.h or empty; -ENOMEM. */
int planes_reserve(struct planes *p, unsigned width_px, unsigned height_px);
void planes_done(struct planes *p);

/**
 * Where the samples of a Y'CbCr picture lie (ITU-R BT.601). Pixel x, y has its luma at y[row * y_stride_bytes
 * + x * y_step] and its chroma at u, v[(row >> c_shift_y) * c_stride_bytes + (x >> c_shift_x) * c_step].
 */
struct yuv_view {
        const uint8_t *y, *u, *v; /* u, v NULL: gray */
        size_t y_stride_bytes, c_stride_bytes;
        unsigned y_step, c_step, c_shift_x, c_shift_y;
        bool limited; /* luma 16..235, chroma 16..240; else 0..255 */
};

/* Fills @p, which has been reserved, from @view, which covers p->width_px by p->height_px pixels. */
void planes_from_yuv(struct planes *p, const struct yuv_view *view);

/* Fills @p from one JPEG, whose size it takes. Return: 0; -EBADMSG; -ENOMEM. */
int planes_from_jpeg(struct planes *p, struct jpeg_decoder *d, const uint8_t *data, size_t size);

/* Luma of p->bgr, for sources that give colour. */
void planes_gray_from_bgr(struct planes *p);
