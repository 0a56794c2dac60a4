/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * PNG from outside, on libpng. For picture.c and its tests only.
 */

#include "picture/picture.h"

/* Of @data, which begins with PNG's signature: 0; -EBADMSG; -EFBIG beyond the limits of picture.h. */
int png_header(const void *data, size_t size, unsigned *ret_width_px, unsigned *ret_height_px);

/**
 * png_decode() - decode to 8 bit, whatever the file has: 1 to 16 bits, palette, transparency (on white),
 * interlaced
 * @p: allocated with the size of png_header() and the wanted format
 * Return: 0; -EBADMSG cut or broken; -ENOMEM.
 */
int png_decode(const void *data, size_t size, struct picture *p);
