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
        uint8_t *tidy;     /* a picture without the stray bytes of its header */
        size_t tidy_bytes; /* allocated */
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

struct jpeg_decoder *jpeg_decoder_free(struct jpeg_decoder *d)
{
        if (!d)
                return NULL;
        if (d->tj)
                tjDestroy(d->tj);
        if (d->tidy)
                explicit_bzero(d->tidy, d->tidy_bytes);
        free(d->tidy);
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

/* Copies the segments before the first scan, without what lies between them, to @dst if there is one. @ret_scan: where
 * the rest begins. Return: bytes of the segments. */
static size_t copy_header(const uint8_t *data, size_t size, uint8_t *dst, size_t *ret_scan)
{
        size_t kept = 2, at = 2;

        if (dst)
                memcpy(dst, data, 2);
        for (;;) {
                size_t n;

                at = find_marker(data, size, at);
                n = segment_bytes(data, size, at);
                if (!n || data[at + 1] == MARKER_SOS)
                        break;
                if (dst)
                        memcpy(dst + kept, data + at, n);
                kept += n;
                at += n;
        }
        *ret_scan = at;
        return kept;
}

/* Some cameras leave bytes between the segments of the header. They harm no pixel, but libjpeg would tell of them
 * alone, whatever else is wrong. */
static int tidy_header(struct jpeg_decoder *d, const uint8_t **data, size_t *size)
{
        size_t scan, kept = copy_header(*data, *size, NULL, &scan);

        if (kept == scan)
                return 0;
        if (d->tidy_bytes < *size) {
                if (d->tidy)
                        explicit_bzero(d->tidy, d->tidy_bytes);
                free(d->tidy);
                d->tidy_bytes = 0;
                d->tidy = malloc(*size);
                if (!d->tidy)
                        return -ENOMEM;
                d->tidy_bytes = *size;
        }
        copy_header(*data, *size, d->tidy, &scan);
        memcpy(d->tidy + kept, *data + scan, *size - scan);
        *size -= scan - kept;
        *data = d->tidy;
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

int jpeg_decoder_header(struct jpeg_decoder *d, const void *data, size_t size, unsigned *ret_width_px,
                        unsigned *ret_height_px)
{
        /* a file of tables alone is no error to libjpeg and leaves these as they are */
        int width = 0, height = 0, subsampling = 0, space = TJCS_YCbCr;
        const uint8_t *bytes = data;
        int r;

        if (size < 4)
                return -EBADMSG;
        r = tidy_header(d, &bytes, &size);
        if (r < 0)
                return r;
        if (tjDecompressHeader3(d->tj, bytes, size, &width, &height, &subsampling, &space) < 0)
                return -EBADMSG;
        if (width < 1 || height < 1 || space == TJCS_CMYK || space == TJCS_YCCK)
                return -EBADMSG;
        if ((unsigned)width > PICTURE_MAX_SIDE_PX || (unsigned)height > PICTURE_MAX_SIDE_PX ||
            (uint64_t)width * height > PICTURE_MAX_PIXELS)
                return -EFBIG;
        if ((uint64_t)width * height * count_scans(bytes, size) > MAX_SCANNED_PIXELS)
                return -EFBIG;
        *ret_width_px = width;
        *ret_height_px = height;
        return 0;
}

int jpeg_decoder_decode(struct jpeg_decoder *d, const void *data, size_t size, enum picture_format format,
                        unsigned width_px, unsigned height_px, uint8_t *dst, size_t stride_bytes)
{
        const uint8_t *bytes = data;
        int r;

        if (!width_px || !height_px || width_px > PICTURE_MAX_SIDE_PX || height_px > PICTURE_MAX_SIDE_PX ||
            stride_bytes > INT32_MAX || stride_bytes < (format == PICTURE_GRAY8 ? 1u : 3u) * width_px)
                return -EINVAL;
        if (size < 4)
                return -EBADMSG;
        r = tidy_header(d, &bytes, &size);
        if (r < 0)
                return r;
        if (tjDecompress2(d->tj, bytes, size, dst, width_px, stride_bytes, height_px,
                          format == PICTURE_GRAY8 ? TJPF_GRAY : TJPF_BGR, TJFLAG_LIMITSCANS) == 0)
                return 0;
        return tjGetErrorCode(d->tj) == TJERR_WARNING && is_harmless(tjGetErrorStr2(d->tj), bytes, size) ? 0 : -EBADMSG;
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
