/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Which of a camera's modes to use. For this folder only.
 */

#include "daemon/capture/source-ops.h"
#include "daemon/capture/v4l2-io.h"

struct v4l2_mode {
        uint32_t pixel_format; /* V4L2_PIX_FMT_MJPEG, _YUYV, _NV12 or _GREY */
        unsigned width_px, height_px;
        size_t stride_bytes;  /* 0 for MJPEG */
        size_t frame_bytes;   /* least that a whole frame has; 0 for MJPEG */
        double frame_rate_hz; /* 0: the driver does not say */
        bool limited;         /* luma is 16..235 */
};

/* Name of a pixel format in settings ("MJPG", ...) or NULL. */
const char *v4l2_mode_name(uint32_t pixel_format);

/**
 * v4l2_offers() - does the camera offer a pixel format that is read?
 * @ret_names: the fourccs of all that it offers, cut to fit: "BG10, BA81"; "" for none
 */
bool v4l2_offers(const struct v4l2_io *io, int fd, char *ret_names, size_t size);

/**
 * v4l2_negotiate() - choose a mode by what the camera offers and set it
 *
 * The nearest size wins, then enough frame rate, then the format whose way to luma is shortest: GREY and NV12
 * are copied, YUYV is picked apart, MJPEG is decoded. What the driver then really set is read back. Return:
 * 0; -EOPNOTSUPP no format that we read; -EBUSY another program holds it; -EINVAL a format name that is
 * unknown; others as the kernel says. @error is filled.
 */
int v4l2_negotiate(const struct v4l2_io *io, int fd, const struct source_config *config, struct v4l2_mode *ret,
                   struct source_error *error);
