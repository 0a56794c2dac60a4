/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "picture/jpeg.h"
#include "picture/picture.h"
#include "picture/png.h"
#include "picture/shrink.h"

/* enough for the header of any picture but those with large application data before it */
#define HEADER_BYTES (64u << 10)

static const uint8_t png_signature[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };

static bool is_png(const uint8_t *data, size_t size)
{
        return size >= sizeof(png_signature) && memcmp(data, png_signature, sizeof(png_signature)) == 0;
}

static bool is_jpeg(const uint8_t *data, size_t size)
{
        return size >= 3 && data[0] == 0xff && data[1] == 0xd8 && data[2] == 0xff;
}

static int picture_new(enum picture_format format, unsigned width_px, unsigned height_px, struct picture **ret)
{
        _cleanup_(picture_freep) struct picture *p = NULL;

        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        *p = (struct picture){
                .format = format,
                .width_px = width_px,
                .height_px = height_px,
                .stride_bytes = (format == PICTURE_GRAY8 ? 1 : 3) * (size_t)width_px,
                .shrink = 1,
        };
        /* zeroed, so that no decoder can show what was in this memory before */
        p->data = calloc(height_px, p->stride_bytes);
        if (!p->data)
                return -ENOMEM;
        *ret = STEAL(p);
        return 0;
}

struct picture *picture_free(struct picture *p)
{
        if (!p)
                return NULL;
        free(p->data);
        free(p);
        return NULL;
}

/* Pictures of kinds that are not read: WebP, GIF, TIFF, and what lies in boxes of ISO's media format (HEIC, AVIF). */
static bool is_other_kind(const uint8_t *data, size_t size)
{
        return size >= 12 &&
               ((memcmp(data, "RIFF", 4) == 0 && memcmp(data + 8, "WEBP", 4) == 0) || memcmp(data, "GIF8", 4) == 0 ||
                memcmp(data, "II*\0", 4) == 0 || memcmp(data, "MM\0*", 4) == 0 || memcmp(data + 4, "ftyp", 4) == 0);
}

static int probe(struct jpeg_decoder *jpeg, const uint8_t *data, size_t size, struct jpeg_header *ret)
{
        if (is_png(data, size)) {
                *ret = (struct jpeg_header){ .shrink = 1, .orientation = ORIENT_PLAIN };
                return png_header(data, size, &ret->width_px, &ret->height_px);
        }
        if (is_jpeg(data, size))
                return jpeg_decoder_probe(jpeg, data, size, ret);
        return is_other_kind(data, size) ? -EOPNOTSUPP : -EBADMSG;
}

/* What is decoded is turned to be seen upright. */
static int turn(struct picture **p, enum orientation o)
{
        _cleanup_(picture_freep) struct picture *turned = NULL;
        const struct picture *from = *p;
        bool swaps = orient_swaps(o);
        int r;

        if (o == ORIENT_PLAIN)
                return 0;
        r = picture_new(from->format, swaps ? from->height_px : from->width_px,
                        swaps ? from->width_px : from->height_px, &turned);
        if (r < 0)
                return r;
        turned->shrink = from->shrink;
        orient_pixels(from->data, from->stride_bytes, from->width_px, from->height_px,
                      from->format == PICTURE_GRAY8 ? 1 : 3, o, turned->data, turned->stride_bytes);
        picture_free(*p);
        *p = STEAL(turned);
        return 0;
}

/* PNG knows no decoding to a share; it is decoded whole, and @shrink it is then. */
static int decode_png(const void *data, size_t size, struct picture *p, unsigned shrink)
{
        int r = png_decode(data, size, p);

        if (r >= 0 && shrink > 1)
                picture_shrink(p, shrink);
        return r;
}

int picture_decode(const void *data, size_t size, enum picture_format format, struct picture **ret)
{
        return picture_decode_within(data, size, format, PICTURE_MAX_PIXELS, ret);
}

int picture_decode_within(const void *data, size_t size, enum picture_format format, unsigned max_pixels,
                          struct picture **ret)
{
        _cleanup_(jpeg_decoder_freep) struct jpeg_decoder *jpeg = NULL;
        _cleanup_(picture_freep) struct picture *p = NULL;
        struct jpeg_header h;
        unsigned by;
        int r;

        if (max_pixels < PICTURE_LEAST_MAX)
                return -EINVAL;
        if (size > PICTURE_MAX_FILE_BYTES)
                return -EFBIG;
        r = jpeg_decoder_new(&jpeg);
        if (r < 0)
                return r;
        r = probe(jpeg, data, size, &h);
        if (r < 0)
                return r;
        while ((uint64_t)h.width_px * h.height_px > (uint64_t)max_pixels * h.shrink * h.shrink)
                h.shrink *= 2;
        by = is_png(data, size) ? 1 : h.shrink;
        r = picture_new(format, (h.width_px + by - 1) / by, (h.height_px + by - 1) / by, &p);
        if (r < 0)
                return r;
        p->shrink = by;
        if (is_png(data, size))
                r = decode_png(data, size, p, h.shrink);
        else
                r = jpeg_decoder_decode(jpeg, format, p->width_px, p->height_px, p->data, p->stride_bytes);
        if (r >= 0)
                r = turn(&p, h.orientation);
        if (r < 0)
                return r;
        *ret = STEAL(p);
        return 0;
}

/* The size of the file behind @fd, if it is one whose reading cannot block. */
static int file_size(int fd, size_t *ret)
{
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if (st.st_size > (off_t)PICTURE_MAX_FILE_BYTES)
                return -EFBIG;
        *ret = st.st_size;
        return 0;
}

/* A file may shrink while it is read: *ret_size is what was there. */
static int read_start(int fd, size_t size, uint8_t **ret, size_t *ret_size)
{
        _cleanup_(freep) uint8_t *data = NULL;
        size_t n = 0;

        data = malloc(size ? size : 1);
        if (!data)
                return -ENOMEM;
        while (n < size) {
                ssize_t k = pread(fd, data + n, size - n, n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n += k;
        }
        *ret = STEAL(data);
        *ret_size = n;
        return 0;
}

int picture_read_fd(int fd, uint8_t **ret, size_t *ret_size)
{
        size_t size;
        int r = file_size(fd, &size);

        return r < 0 ? r : read_start(fd, size, ret, ret_size);
}

int picture_decode_fd(int fd, enum picture_format format, struct picture **ret)
{
        _cleanup_(freep) uint8_t *data = NULL;
        size_t size;
        int r = picture_read_fd(fd, &data, &size);

        return r < 0 ? r : picture_decode(data, size, format, ret);
}

int picture_decode_file(const char *path, enum picture_format format, struct picture **ret)
{
        _cleanup_(closep) int fd = -1;

        /* O_NONBLOCK: opening a FIFO must not wait for its other end */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -errno;
        return picture_decode_fd(fd, format, ret);
}

int picture_probe_fd(int fd, unsigned *ret_width_px, unsigned *ret_height_px)
{
        _cleanup_(jpeg_decoder_freep) struct jpeg_decoder *jpeg = NULL;
        size_t size;
        int r;

        r = file_size(fd, &size);
        if (r < 0)
                return r;
        r = jpeg_decoder_new(&jpeg);
        if (r < 0)
                return r;
        for (size_t n = MIN(size, (size_t)HEADER_BYTES);; n = size) {
                _cleanup_(freep) uint8_t *data = NULL;
                struct jpeg_header h;
                size_t n_read;

                r = read_start(fd, n, &data, &n_read);
                if (r < 0)
                        return r;
                r = probe(jpeg, data, n_read, &h);
                if (r >= 0) {
                        *ret_width_px = orient_swaps(h.orientation) ? h.height_px : h.width_px;
                        *ret_height_px = orient_swaps(h.orientation) ? h.width_px : h.height_px;
                }
                if (r != -EBADMSG || n == size)
                        return r;
        }
}
