/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <turbojpeg.h>

#include "picture/jpeg.h"
#include "picture/jpeg-bytes.h"

/* A progressive file makes the decoder visit every block once a scan; usual encoders write about ten scans.
 */
#define MAX_SCANNED_PIXELS (16ull * PICTURE_MAX_PIXELS)
/* What common cameras leave at the end of a restart interval is less. */
#define MAX_STRAY_BYTES 16u
/* In so many bytes before what is 0 the marker of the end is looked for. */
#define TAIL_BYTES 64u
#define END_BYTES 2u

struct jpeg_decoder {
        tjhandle tj;
        struct jpeg_frame frame; /* what its header says */
        uint8_t *file;           /* the picture that the header was read of, in memory that nobody else can write to */
        size_t file_bytes;       /* its size; 0: none */
        size_t capacity_bytes;
        bool end_added; /* it had none */
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

/* Takes out what lies between the segments before the first scan, as some cameras leave there. It harms no pixel, but
 * libjpeg would tell of it alone, whatever else is wrong. */
static void tidy_header(struct jpeg_decoder *d)
{
        size_t kept = 2, at = 2;

        for (;;) {
                size_t n;

                at = jpeg_find_marker(d->file, d->file_bytes, at);
                n = jpeg_segment_bytes(d->file, d->file_bytes, at);
                if (!n || d->file[at + 1] == JPEG_SOS)
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
        if (size + END_BYTES > d->capacity_bytes) {
                size_t capacity = size + size / 4 + END_BYTES; /* the next picture is about as large */

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
static bool is_harmless(const struct jpeg_decoder *d, const char *warning)
{
        const uint8_t *data = d->file;
        size_t size = d->file_bytes;
        unsigned n, marker;
        size_t end;

        if (sscanf(warning, "Corrupt JPEG data: %u extraneous bytes before marker 0x%x", &n, &marker) != 2)
                return false;
        end = jpeg_find_end(data, size);
        if (end == size)
                return false;
        if (marker == JPEG_EOI)
                return is_padding(data, end, n);
        /* only the first warning is told: behind this one an end that is missing, too, may hide another */
        return marker >= JPEG_RST0 && marker <= JPEG_RST7 && n <= MAX_STRAY_BYTES && !d->end_added;
}

/* Bytes before the picture, as some cameras leave there. */
static void drop_start(struct jpeg_decoder *d)
{
        size_t start = jpeg_find_start(d->file, d->file_bytes);

        if (!start || start == d->file_bytes)
                return;
        d->file_bytes -= start;
        memmove(d->file, d->file + start, d->file_bytes);
}

/* Some cameras never write the picture's end. That of one scan is as whole with the marker that is missing; where more
 * than it is, libjpeg tells. */
static void add_end(struct jpeg_decoder *d)
{
        size_t end = d->file_bytes, from;

        d->end_added = false;
        while (end && !d->file[end - 1])
                end--;
        for (from = end > TAIL_BYTES ? end - TAIL_BYTES : 0; from + 1 < end; from++)
                if (d->file[from] == 0xff && d->file[from + 1] == JPEG_EOI)
                        return;
        if (d->frame.kind > JPEG_SOF0 + 1 || !d->frame.whole_scan ||
            jpeg_find_end(d->file, d->file_bytes) != d->file_bytes)
                return;
        d->file[d->file_bytes++] = 0xff;
        d->file[d->file_bytes++] = JPEG_EOI;
        d->end_added = true;
}

/* What TurboJPEG does not tell, or refuses to: a sampling of four pixels in a row by one, 12 bits. */
static int check_frame(const struct jpeg_frame *f)
{
        if (!f->kind || !f->width_px || !f->height_px)
                return -EBADMSG;
        if (f->precision != 8 || f->kind == JPEG_SOF3 || f->kind >= JPEG_SOF11)
                return -EOPNOTSUPP;
        return f->components == 1 || f->components == 3 || f->components == 4 ? 0 : -EBADMSG;
}

static int read_header(struct jpeg_decoder *d, struct jpeg_header *ret)
{
        const struct jpeg_frame *f = &d->frame;
        unsigned shrink = 1;
        uint64_t n;
        int r;

        drop_start(d);
        tidy_header(d);
        jpeg_read_frame(d->file, d->file_bytes, &d->frame);
        r = check_frame(f);
        if (r < 0)
                return r;
        n = (uint64_t)f->width_px * f->height_px;
        if (f->width_px > PICTURE_MAX_SIDE_PX || f->height_px > PICTURE_MAX_SIDE_PX ||
            n * jpeg_count_scans(d->file, d->file_bytes) > MAX_SCANNED_PIXELS)
                return -EFBIG;
        while (n > (uint64_t)PICTURE_MAX_PIXELS * shrink * shrink)
                shrink *= 2;
        add_end(d);
        *ret = (struct jpeg_header){
                .width_px = f->width_px, .height_px = f->height_px, .shrink = shrink, .orientation = f->orientation
        };
        return 0;
}

int jpeg_decoder_probe(struct jpeg_decoder *d, const void *data, size_t size, struct jpeg_header *ret)
{
        int r;

        d->file_bytes = 0;
        if (size < 4)
                return -EBADMSG;
        r = take_copy(d, data, size);
        if (r >= 0)
                r = read_header(d, ret);
        if (r < 0)
                d->file_bytes = 0;
        return r;
}

int jpeg_decoder_header(struct jpeg_decoder *d, const void *data, size_t size, unsigned *ret_width_px,
                        unsigned *ret_height_px)
{
        struct jpeg_header h;
        int r = jpeg_decoder_probe(d, data, size, &h);

        if (r >= 0 && h.shrink > 1) {
                d->file_bytes = 0;
                r = -EFBIG;
        }
        if (r < 0)
                return r;
        *ret_width_px = h.width_px;
        *ret_height_px = h.height_px;
        return 0;
}

/* Four colours: what is printed, or, as Adobe's programs store it, what is left white. */
static void from_cmyk(const uint8_t *src, size_t n, bool inverted, enum picture_format format, uint8_t *dst)
{
        for (size_t i = 0; i < n; i++, src += 4) {
                unsigned k = inverted ? src[3] : 255u - src[3], c[3];

                for (unsigned j = 0; j < 3; j++)
                        c[j] = ((inverted ? src[j] : 255u - src[j]) * k + 127) / 255;
                if (format == PICTURE_GRAY8) {
                        *dst++ = (uint8_t)((c[0] * 19595 + c[1] * 38470 + c[2] * 7471 + 32768) >> 16);
                        continue;
                }
                *dst++ = (uint8_t)c[2];
                *dst++ = (uint8_t)c[1];
                *dst++ = (uint8_t)c[0];
        }
}

/* Return: as tjDecompress2(); -ENOMEM */
static int decode_cmyk(struct jpeg_decoder *d, enum picture_format format, unsigned width_px, unsigned height_px,
                       uint8_t *dst, size_t stride_bytes)
{
        _cleanup_(freep) uint8_t *inks = malloc(4 * (size_t)width_px * height_px);
        int r;

        if (!inks)
                return -ENOMEM;
        r = tjDecompress2(d->tj, d->file, d->file_bytes, inks, width_px, 0, height_px, TJPF_CMYK, TJFLAG_LIMITSCANS);
        if (r < 0 && tjGetErrorCode(d->tj) != TJERR_WARNING)
                return r;
        for (unsigned y = 0; y < height_px; y++)
                from_cmyk(inks + 4 * (size_t)y * width_px, width_px, d->frame.adobe, format, dst + y * stride_bytes);
        return r;
}

int jpeg_decoder_decode(struct jpeg_decoder *d, enum picture_format format, unsigned width_px, unsigned height_px,
                        uint8_t *dst, size_t stride_bytes)
{
        int r;

        if (!width_px || !height_px || width_px > PICTURE_MAX_SIDE_PX || height_px > PICTURE_MAX_SIDE_PX ||
            stride_bytes > INT32_MAX || stride_bytes < (format == PICTURE_GRAY8 ? 1u : 3u) * width_px || !d->file_bytes)
                return -EINVAL;
        if (d->frame.components == 4)
                r = decode_cmyk(d, format, width_px, height_px, dst, stride_bytes);
        else
                r = tjDecompress2(d->tj, d->file, d->file_bytes, dst, width_px, stride_bytes, height_px,
                                  format == PICTURE_GRAY8 ? TJPF_GRAY : TJPF_BGR, TJFLAG_LIMITSCANS);
        if (r == 0 || r == -ENOMEM)
                return r;
        return tjGetErrorCode(d->tj) == TJERR_WARNING && is_harmless(d, tjGetErrorStr2(d->tj)) ? 0 : -EBADMSG;
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
