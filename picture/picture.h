/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * JPEG and PNG in memory to 8-bit planes (libjpeg-turbo, libpng), for outside input: sizes are checked
 * before anything is allocated, and a bad file is an error code.
 */

#include <stddef.h>
#include <stdint.h>

#include "basic/macro.h"

#define PICTURE_MAX_SIDE_PX 16384u
#define PICTURE_MAX_PIXELS (40u * 1000 * 1000)
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
};

/**
 * picture_decode() - decode a whole JPEG or PNG file, told apart by its first bytes
 * @ret: owned by the caller: picture_free()
 * Return: 0; -EBADMSG not a JPEG or PNG, cut, or broken; -EFBIG beyond the limits above; -ENOMEM.
 */
int picture_decode(const void *data, size_t size, enum picture_format format, struct picture **ret);

/* Reads @fd from its start to its end, as picture_decode_fd() does. @ret: malloc'ed, the caller frees. */
int picture_read_fd(int fd, uint8_t **ret, size_t *ret_size);

/* Reads @fd from its start to its end, at most PICTURE_MAX_FILE_BYTES (-EFBIG beyond), then decodes. Only a regular
 * file or memfd is read: -EISDIR for a directory, -EINVAL for a FIFO, device or socket. @fd stays the caller's. */
int picture_decode_fd(int fd, enum picture_format format, struct picture **ret);
int picture_decode_file(const char *path, enum picture_format format, struct picture **ret);

/* Width and height by the file's header alone; same errors as picture_decode_fd(). */
int picture_probe_fd(int fd, unsigned *ret_width_px, unsigned *ret_height_px);

struct picture *picture_free(struct picture *p);
DEFINE_CLEANUP(struct picture *, picture_free)

/* Writes 8-bit PNG; @path is replaced in one step. Return: 0 or errno of the file system. */
int picture_write_png(const char *path, const struct picture *p);
/* Encodes baseline JPEG of @quality 1..100. @ret: malloc'ed, the caller frees. */
int picture_encode_jpeg(const struct picture *p, int quality, uint8_t **ret, size_t *ret_size);
