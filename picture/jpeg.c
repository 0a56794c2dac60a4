/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <turbojpeg.h>

#include "picture/jpeg.h"

/* A progressive file makes the decoder visit every block once a scan; usual encoders write about ten scans.
 */
#define MAX_SCANNED_PIXELS (16ull * PICTURE_MAX_PIXELS)
/* What common cameras leave at the end of a restart interval is less. */
#define MAX_STRAY_BYTES 16u

enum marker {
        MARKER_RST0 = 0xd0,
        MARKER_RST7 = 0xd7,
        MARKER_EOI = 0xd9,
        MARKER_SOS = 0xda,
};

struct jpeg_decoder {
        tjhandle tj;
        uint8_t *file;     /* the picture that the header was read of, in memory that nobody else can write to */
        size_t file_bytes; /* its size; 0: none */
        size_t capacity_bytes;
};

int jpeg_decoder_new(struct jpeg_decoder **ret)
{
        _cleanup_(jpeg_decoder_freep) struct jpeg_decoder *d = NULL;

        d = calloc(1, sizeof(*d));
        if (!d)
                return -ENOMEM;
        d->tj = tjInitDecompress();
        if (!d->tj)
                return -ENOMEM;
        *ret = STEAL(d);
        return 0;
}

static void forget(struct jpeg_decoder *d)
{
        if (d->file)
                explicit_bzero(d->file, d->capacity_bytes);
        free(d->file);
        d->file = NULL;
        d->capacity_bytes = d->file_bytes = 0;
}

struct jpeg_decoder *jpeg_decoder_free(struct jpeg_decoder *d)
{
        if (!d)
                return NULL;
        if (d->tj)
                tjDestroy(d->tj);
        forget(d);
        free(d);
        return NULL;
}

/* Inside a scan every 0xff of the data is followed by 0, so a start-of-scan marker is seen wherever it
 * stands; those of thumbnails in application data are counted too, which errs by one or two. */
static unsigned count_scans(const uint8_t *data, size_t size)
{
        const uint8_t *p = data, *end = data + size;
        unsigned n = 0;

        while (p < end && (p = memchr(p, 0xff, end - p)) && p + 1 < end) {
                n += p[1] == 0xda;
                p++;
        }
        return n;
}

/* Where the next marker begins, from @at on, or @size. As libjpeg sees it: 0xff before it fills, 0xff 0 is data. */
static size_t find_marker(const uint8_t *data, size_t size, size_t at)
{
        const uint8_t *p = data + at, *end = data + size;

        while (p < end && (p = memchr(p, 0xff, end - p)) && p + 1 < end) {
                if (p[1] != 0 && p[1] != 0xff)
                        return p - data;
                p++;
        }
        return size;
}

static bool is_restart(uint8_t marker)
{
        return marker >= MARKER_RST0 && marker <= MARKER_RST7;
}

/* How long the segment at @at is, its marker included; 0 if it is cut or has no length. */
static size_t segment_bytes(const uint8_t *data, size_t size, size_t at)
{
        size_t n;

        if (size - at < 4 || (data[at + 1] >= MARKER_RST0 && data[at + 1] <= MARKER_EOI))
                return 0;
        n = 2u + (data[at + 2] << 8 | data[at + 3]);
        return n >= 4 && n <= size - at ? n : 0;
}

/* Takes out what lies between the segments before the first scan, as some cameras leave there. It harms no pixel, but
 * libjpeg would tell of it alone, whatever else is wrong. */
static void tidy_header(struct jpeg_decoder *d)
{
        size_t kept = 2, at = 2;

        for (;;) {
                size_t n;

                at = find_marker(d->file, d->file_bytes, at);
                n = segment_bytes(d->file, d->file_bytes, at);
                if (!n || d->file[at + 1] == MARKER_SOS)
                        break;
                memmove(d->file + kept, d->file + at, n);
                kept += n;
                at += n;
        }
        memmove(d->file + kept, d->file + at, d->file_bytes - at);
        d->file_bytes -= at - kept;
}

/* Reads @data once: it may be a camera's buffer, which can change at any time. */
static int take_copy(struct jpeg_decoder *d, const void *data, size_t size)
{
        if (size > d->capacity_bytes) {
                size_t capacity = size + size / 4; /* the next picture is about as large */

                forget(d);
                d->file = malloc(capacity);
                if (!d->file)
                        return -ENOMEM;
                d->capacity_bytes = capacity;
        }
        memcpy(d->file, data, size);
        d->file_bytes = size;
        return 0;
}

/* Where the marker of the picture's end is; @size if there is none, or a restart marker is missing before it. */
static size_t find_end(const uint8_t *data, size_t size)
{
        unsigned n_restarts = 0;
        size_t at = 2;

        for (;;) {
                size_t n;

                at = find_marker(data, size, at);
                if (at == size || data[at + 1] == MARKER_EOI)
                        return at;
                if (is_restart(data[at + 1])) {
                        if (data[at + 1] != MARKER_RST0 + n_restarts++ % 8)
                                return size;
                        at += 2;
                        continue;
                }
                n = segment_bytes(data, size, at);
                if (!n)
                        return size;
                if (data[at + 1] == MARKER_SOS)
                        n_restarts = 0;
                at += n;
        }
}

/* Are the @n bytes before @end, and before the 0xff that fill up to it, all 0? */
static bool is_padding(const uint8_t *data, size_t end, size_t n)
{
        while (end && data[end - 1] == 0xff)
                end--;
        if (n > end)
                return false;
        for (size_t i = end - n; i < end; i++)
                if (data[i])
                        return false;
        return true;
}

/* libjpeg goes on after a defect and warns, once a picture: pixels are missing, or not where they belong. Bytes that it
 * had no use for are most often what is left behind a broken code. But cameras pad with 0 before the picture's end, and
 * many common ones leave some bytes at the end of restart intervals, where a defect would end, too. */
static bool is_harmless(const char *warning, const uint8_t *data, size_t size)
{
        unsigned n, marker;
        size_t end;

        if (sscanf(warning, "Corrupt JPEG data: %u extraneous bytes before marker 0x%x", &n, &marker) != 2)
                return false;
        end = find_end(data, size);
        if (end == size)
                return false;
        return marker == MARKER_EOI ? is_padding(data, end, n) : is_restart(marker) && n <= MAX_STRAY_BYTES;
}

static int read_header(struct jpeg_decoder *d, unsigned *ret_width_px, unsigned *ret_height_px)
{
        /* a file of tables alone is no error to libjpeg and leaves these as they are */
        int width = 0, height = 0, subsampling = 0, space = TJCS_YCbCr;

        tidy_header(d);
        if (tjDecompressHeader3(d->tj, d->file, d->file_bytes, &width, &height, &subsampling, &space) < 0)
                return -EBADMSG;
        if (width < 1 || height < 1 || space == TJCS_CMYK || space == TJCS_YCCK)
                return -EBADMSG;
        if ((unsigned)width > PICTURE_MAX_SIDE_PX || (unsigned)height > PICTURE_MAX_SIDE_PX ||
            (uint64_t)width * height > PICTURE_MAX_PIXELS)
                return -EFBIG;
        if ((uint64_t)width * height * count_scans(d->file, d->file_bytes) > MAX_SCANNED_PIXELS)
                return -EFBIG;
        *ret_width_px = width;
        *ret_height_px = height;
        return 0;
}

int jpeg_decoder_header(struct jpeg_decoder *d, const void *data, size_t size, unsigned *ret_width_px,
                        unsigned *ret_height_px)
{
        int r;

        d->file_bytes = 0;
        if (size < 4)
                return -EBADMSG;
        r = take_copy(d, data, size);
        if (r >= 0)
                r = read_header(d, ret_width_px, ret_height_px);
        if (r < 0)
                d->file_bytes = 0;
        return r;
}

int jpeg_decoder_decode(struct jpeg_decoder *d, enum picture_format format, unsigned width_px, unsigned height_px,
                        uint8_t *dst, size_t stride_bytes)
{
        if (!width_px || !height_px || width_px > PICTURE_MAX_SIDE_PX || height_px > PICTURE_MAX_SIDE_PX ||
            stride_bytes > INT32_MAX || stride_bytes < (format == PICTURE_GRAY8 ? 1u : 3u) * width_px || !d->file_bytes)
                return -EINVAL;
        if (tjDecompress2(d->tj, d->file, d->file_bytes, dst, width_px, stride_bytes, height_px,
                          format == PICTURE_GRAY8 ? TJPF_GRAY : TJPF_BGR, TJFLAG_LIMITSCANS) == 0)
                return 0;
        return tjGetErrorCode(d->tj) == TJERR_WARNING && is_harmless(tjGetErrorStr2(d->tj), d->file, d->file_bytes)
                       ? 0
                       : -EBADMSG;
}

int picture_encode_jpeg(const struct picture *p, int quality, uint8_t **ret, size_t *ret_size)
{
        _cleanup_(freep) uint8_t *buffer = NULL;
        bool gray = p->format == PICTURE_GRAY8;
        unsigned long size;
        uint8_t *shrunk;
        tjhandle tj;
        int r;

        if (quality < 1 || quality > 100 || !p->width_px || !p->height_px || p->width_px > PICTURE_MAX_SIDE_PX ||
            p->height_px > PICTURE_MAX_SIDE_PX)
                return -EINVAL;
        size = tjBufSize(p->width_px, p->height_px, gray ? TJSAMP_GRAY : TJSAMP_420);
        if (size == (unsigned long)-1)
                return -EINVAL;
        buffer = malloc(size);
        if (!buffer)
                return -ENOMEM;
        tj = tjInitCompress();
        if (!tj)
                return -ENOMEM;
        r = tjCompress2(tj, p->data, p->width_px, p->stride_bytes, p->height_px, gray ? TJPF_GRAY : TJPF_BGR, &buffer,
                        &size, gray ? TJSAMP_GRAY : TJSAMP_420, quality, TJFLAG_NOREALLOC);
        tjDestroy(tj);
        if (r < 0)
                return -EIO;
        shrunk = realloc(buffer, size);
        if (shrunk)
                buffer = shrunk;
        *ret = STEAL(buffer);
        *ret_size = size;
        return 0;
}
