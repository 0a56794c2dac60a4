/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * JPEG from outside, one picture after another with one decoder (cameras, Motion-JPEG), on libjpeg-turbo.
 * Not thread safe: one decoder belongs to one thread.
 */

#include "picture/picture.h"

struct jpeg_decoder;

int jpeg_decoder_new(struct jpeg_decoder **ret);
struct jpeg_decoder *jpeg_decoder_free(struct jpeg_decoder *d);
DEFINE_CLEANUP(struct jpeg_decoder *, jpeg_decoder_free)

/**
 * jpeg_decoder_header() - take a copy of the picture in @data and say its size
 * @data: is read once, from its start to its end, and may be written to by others meanwhile: a camera's buffer is
 *
 * Bytes between the segments of the header, which some cameras leave, are passed over here and by the decoding.
 * Return: 0; -EBADMSG not a JPEG of 8-bit gray, YCbCr or RGB; -EFBIG beyond the limits of picture.h, or so
 * many progressive scans over so many pixels that decoding would take seconds; -ENOMEM.
 */
int jpeg_decoder_header(struct jpeg_decoder *d, const void *data, size_t size, unsigned *ret_width_px,
                        unsigned *ret_height_px);

/**
 * jpeg_decoder_decode() - decode the picture that jpeg_decoder_header() took, into the caller's memory
 * @width_px, @height_px: what jpeg_decoder_header() said
 * @dst: height_px rows of @stride_bytes, at least width_px (GRAY8) or 3 * width_px (BGR24) bytes each
 *
 * May be called again, for the other format. To GRAY8 only luma is transformed; chroma is skipped. Pictures without
 * Huffman tables, as cameras and AVI files have them, decode with the standard ones (ISO/IEC 10918-1, annex K.3). Zeros
 * before the picture's end and a few bytes at the end of restart intervals are no damage. Return: 0; -EBADMSG cut or
 * broken, and the memory's content is undefined; -EINVAL, also when there is no picture; -ENOMEM.
 */
int jpeg_decoder_decode(struct jpeg_decoder *d, enum picture_format format, unsigned width_px, unsigned height_px,
                        uint8_t *dst, size_t stride_bytes);
