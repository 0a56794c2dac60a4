/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What emotion-decode writes to its standard output. First one byte, DECODE_HAS_READ, when the file on its standard
 * input was read and before any byte of it is looked at. Then struct decode_answer, and if its result is 0 the planes:
 * luma, width_px * height_px bytes, and where colour was asked for 3 * width_px * height_px bytes of BGR.
 */

#include <stdint.h>

#define DECODE_HAS_READ 'r'
#define DECODE_MAGIC 0x656d6f64u /* in the machine's byte order: both ends are of one build */
/* Of a plane; what has more comes at a share of its sides, so that the service never holds it. */
#define DECODE_MAX_PIXELS 8000000u
#define DECODE_WITH_COLOUR "--colour"

struct decode_answer {
        uint32_t magic;
        int32_t result; /* 0, or a negative errno of picture_decode_fd() */
        uint32_t width_px, height_px;
        uint32_t shrink; /* 1, 2, 4 or 8: the planes are so small a share of the sides of the file's picture */
};
