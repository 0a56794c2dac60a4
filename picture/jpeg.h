/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * JPEG from outside, one picture after another with one decoder (cameras, Motion-JPEG), on libjpeg-turbo.
 * Not thread safe: one decoder belongs to one thread.
 */

#include "picture/orient.h"
#include "picture/picture.h"

struct jpeg_decoder;

int jpeg_decoder_new(struct jpeg_decoder **ret);
struct jpeg_decoder *jpeg_decoder_free(struct jpeg_decoder *d);
DEFINE_CLEANUP(struct jpeg_decoder *, jpeg_decoder_free)

struct jpeg_header {
        unsigned width_px, height_px; /* as stored */
        unsigned shrink;              /* 1, 2, 4 or 8: the picture must be decoded to so small a share of its sides */
        enum orientation orientation; /* what EXIF says of how it is to be shown */
};

/**
 * jpeg_decoder_probe() - take a copy of the picture in @data and say what it is
 * @data: is read once, from its start to its end, and may be written to by others meanwhile: a camera's buffer is
 *
 * Bytes before the picture and between the segments of its header, which some cameras leave, are passed over here and
 * by the decoding. Return: 0; -EBADMSG not a JPEG of 8-bit gray, YCbCr, RGB, CMYK or YCCK; -EOPNOTSUPP more bits a
 * sample, or lossless; -EFBIG beyond the limits of picture.h, or so many progressive scans over so many pixels that
 * decoding would take seconds; -ENOMEM.
 */
int jpeg_decoder_probe(struct jpeg_decoder *d, const void *data, size_t size, struct jpeg_header *ret);

/* The size alone; -EFBIG also for a picture that must be shrunk. */
int jpeg_decoder_header(struct jpeg_decoder *d, const void *data, size_t size, unsigned *ret_width_px,
                        unsigned *ret_height_px);

/**
 * jpeg_decoder_decode() - decode the picture that was taken last, into the caller's memory
 * @width_px, @height_px: what jpeg_decoder_header() said, or both divided by 2, 4 or 8 and rounded up
 * @dst: height_px rows of @stride_bytes, at least width_px (GRAY8) or 3 * width_px (BGR24) bytes each
 *
 * May be called again, for the other format. To GRAY8 only luma is transformed; chroma is skipped. Pictures without
 * Huffman tables, as cameras and AVI files have them, decode with the standard ones (ISO/IEC 10918-1, annex K.3); one
 * scan without its end is as whole as with it. Zeros
 * before the picture's end and a few bytes at the end of restart intervals are no damage. Return: 0; -EBADMSG cut or
 * broken, and the memory's content is undefined; -EINVAL, also when there is no picture; -ENOMEM.
 */
int jpeg_decoder_decode(struct jpeg_decoder *d, enum picture_format format, unsigned width_px, unsigned height_px,
                        uint8_t *dst, size_t stride_bytes);
