/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A small colour picture to draw into, shown on a terminal by half blocks: each character cell is two pixels, one above
 * the other.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "basic/macro.h"

struct canvas {
        unsigned width_px, height_px;
        uint8_t (*pixels)[3]; /* red, green, blue; row by row */
};

struct canvas_colour {
        uint8_t r, g, b;
};

enum canvas_depth {
        CANVAS_TRUE, /* 24 bit */
        CANVAS_GREY, /* the 24 greys of the palette of 256 */
};

/**
 * canvas_new() - a picture of @width_px by @height_px from one of another size, by the mean of what each pixel covers
 * @gray: src_width * src_height bytes
 * Return: 0; -EINVAL for a side of 0; -ENOMEM.
 */
int canvas_new(const uint8_t *gray, unsigned src_width_px, unsigned src_height_px, unsigned width_px,
               unsigned height_px, struct canvas **ret);
struct canvas *canvas_free(struct canvas *c);
DEFINE_CLEANUP(struct canvas *, canvas_free)

/* The largest size of the source's shape within @max_width_px by @max_height_px; never larger than the source, at least 1
 * by 2, and of an even height. */
void canvas_fit(unsigned src_width_px, unsigned src_height_px, unsigned max_width_px, unsigned max_height_px,
                unsigned *ret_width_px, unsigned *ret_height_px);

/* Both take pixels of the canvas and draw what lies in it; NaN and the like draw nothing. */
void canvas_box(struct canvas *c, double x, double y, double width, double height, struct canvas_colour colour);
void canvas_point(struct canvas *c, double x, double y, struct canvas_colour colour);

/* One line of characters for each two rows, with the colours reset at its end. @clear: also wipe the rest of the line. */
void canvas_print(const struct canvas *c, enum canvas_depth depth, bool clear, FILE *f);
