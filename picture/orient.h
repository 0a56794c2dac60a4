/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Pictures turned and mirrored, in the numbers of EXIF's tag Orientation (CIPA DC-008): how a stored picture must be
 * turned to be seen upright.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum orientation {
        ORIENT_PLAIN = 1,
        ORIENT_MIRROR = 2,
        ORIENT_180 = 3,
        ORIENT_FLIP = 4, /* upside down, by a mirror */
        ORIENT_TRANSPOSE = 5,
        ORIENT_90 = 6, /* clockwise */
        ORIENT_TRANSVERSE = 7,
        ORIENT_270 = 8,
};

/* Turned clockwise by @degrees, then, if @mirror, left and right exchanged. @degrees: 0, 90, 180 or 270. */
enum orientation orient_of(unsigned degrees, bool mirror);
/* Width and height change places. */
bool orient_swaps(enum orientation o);

/**
 * orient_pixels() - copies @height_px rows of @width_px pixels, turned
 * @pixel_bytes: 1 or 3
 * @dst: not @src; as many pixels, its rows @dst_stride_bytes apart; where orient_swaps(), of width @height_px
 */
void orient_pixels(const uint8_t *src, size_t stride_bytes, unsigned width_px, unsigned height_px, unsigned pixel_bytes,
                   enum orientation o, uint8_t *dst, size_t dst_stride_bytes);

/* The tag Orientation of the EXIF block in @data, what follows "Exif\0\0"; ORIENT_PLAIN where there is none or it makes
 * no sense. */
enum orientation orient_from_exif(const uint8_t *data, size_t size);
