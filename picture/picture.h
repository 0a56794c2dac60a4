/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * JPEG and PNG in memory to 8-bit planes (libjpeg-turbo, libpng), for outside input: sizes are checked
 * before anything is allocated, and a bad file is an error code. A JPEG of more pixels than are kept is decoded to a
 * half, a quarter or an eighth of its sides; one whose EXIF block says how it is to be shown comes as it is shown.
 */

#include <stddef.h>
#include <stdint.h>

#include "basic/macro.h"

#define PICTURE_MAX_SIDE_PX 16384u
#define PICTURE_MAX_PIXELS (40u * 1000 * 1000) /* that are decoded */
#define PICTURE_LEAST_MAX (5u * 1000 * 1000)   /* an eighth of both the largest sides has fewer */
#define PICTURE_MAX_FILE_BYTES (64u << 20)

enum picture_format {
        PICTURE_GRAY8, /* 1 byte a pixel: luma (ITU-R BT.601, full range) */
        PICTURE_BGR24, /* 3 bytes a pixel */
};

struct picture {
        enum picture_format format;
        unsigned width_px, height_px;
        size_t stride_bytes;
        uint8_t *data;
        unsigned shrink; /* of a decoded file: each side is a 1st, 2nd, 4th or 8th of the file's, rounded up */
};

/**
 * picture_decode() - decode a whole JPEG or PNG file, told apart by its first bytes
 * @ret: owned by the caller: picture_free()
 * Return: 0; -EBADMSG not a JPEG or PNG, cut, or broken; -EOPNOTSUPP a picture of a kind that is not read: WebP, GIF,
 * TIFF, HEIC, AVIF, JPEG of more than 8 bits a sample or without loss; -EFBIG beyond the limits above; -ENOMEM.
 */
int picture_decode(const void *data, size_t size, enum picture_format format, struct picture **ret);

/* The same to at most @max_pixels, PICTURE_LEAST_MAX or more: what is larger comes at a share of its sides, too. */
int picture_decode_within(const void *data, size_t size, enum picture_format format, unsigned max_pixels,
                          struct picture **ret);

/* Reads @fd from its start to its end, as picture_decode_fd() does. @ret: malloc'ed, the caller frees. */
int picture_read_fd(int fd, uint8_t **ret, size_t *ret_size);

/* Reads @fd from its start to its end, at most PICTURE_MAX_FILE_BYTES (-EFBIG beyond), then decodes. Only a regular
 * file or memfd is read: -EISDIR for a directory, -EINVAL for a FIFO, device or socket. @fd stays the caller's. */
int picture_decode_fd(int fd, enum picture_format format, struct picture **ret);
int picture_decode_file(const char *path, enum picture_format format, struct picture **ret);

/* Width and height, as the whole picture is shown, by the file's header alone; same errors as picture_decode_fd(). */
int picture_probe_fd(int fd, unsigned *ret_width_px, unsigned *ret_height_px);

struct picture *picture_free(struct picture *p);
DEFINE_CLEANUP(struct picture *, picture_free)

/* Writes 8-bit PNG; @path is replaced in one step. Return: 0 or errno of the file system. */
int picture_write_png(const char *path, const struct picture *p);
/* Encodes baseline JPEG of @quality 1..100. @ret: malloc'ed, the caller frees. */
int picture_encode_jpeg(const struct picture *p, int quality, uint8_t **ret, size_t *ret_size);
