/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <turbojpeg.h>

#include "picture/jpeg.h"

/* A progressive file makes the decoder visit every block once a scan; usual encoders write about ten scans.
 */
#define MAX_SCANNED_PIXELS (16ull * PICTURE_MAX_PIXELS)

struct jpeg_decoder {
        tjhandle tj;
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

int jpeg_decoder_header(struct jpeg_decoder *d, const void *data, size_t size, unsigned *ret_width_px,
                        unsigned *ret_height_px)
{
        /* a file of tables alone is no error to libjpeg and leaves these as they are */
        int width = 0, height = 0, subsampling = 0, space = TJCS_YCbCr;

        if (size < 4 || tjDecompressHeader3(d->tj, data, size, &width, &height, &subsampling, &space) < 0)
                return -EBADMSG;
        if (width < 1 || height < 1 || space == TJCS_CMYK || space == TJCS_YCCK)
                return -EBADMSG;
        if ((unsigned)width > PICTURE_MAX_SIDE_PX || (unsigned)height > PICTURE_MAX_SIDE_PX ||
            (uint64_t)width * height > PICTURE_MAX_PIXELS)
                return -EFBIG;
        if ((uint64_t)width * height * count_scans(data, size) > MAX_SCANNED_PIXELS)
                return -EFBIG;
        *ret_width_px = width;
        *ret_height_px = height;
        return 0;
}

int jpeg_decoder_decode(struct jpeg_decoder *d, const void *data, size_t size, enum picture_format format,
                        unsigned width_px, unsigned height_px, uint8_t *dst, size_t stride_bytes)
{
        if (!width_px || !height_px || width_px > PICTURE_MAX_SIDE_PX || height_px > PICTURE_MAX_SIDE_PX ||
            stride_bytes > INT32_MAX || stride_bytes < (format == PICTURE_GRAY8 ? 1u : 3u) * width_px)
                return -EINVAL;
        if (tjDecompress2(d->tj, data, size, dst, width_px, stride_bytes, height_px,
                          format == PICTURE_GRAY8 ? TJPF_GRAY : TJPF_BGR, TJFLAG_LIMITSCANS) == 0)
                return 0;
        /* libjpeg goes on with grey after a defect and warns. Stray bytes between two segments harm no pixel,
         * and many cameras leave some; any other warning means that pixels are missing. */
        if (tjGetErrorCode(d->tj) == TJERR_WARNING && strstr(tjGetErrorStr2(d->tj), "extraneous bytes"))
                return 0;
        return -EBADMSG;
}

int picture_encode_jpeg(const struct picture *p, int quality, uint8_t **ret, size_t *ret_size)
{
        _cleanup_(freep) uint8_t *buffer = NULL;
        bool gray = p->format == PICTURE_GRAY8;
        unsigned long size;
        uint8_t *shrunk;
        tjhandle tj;
        int r;

        if (quality < 1 || quality > 100 || !p->width_px || !p->height_px ||
            p->width_px > PICTURE_MAX_SIDE_PX || p->height_px > PICTURE_MAX_SIDE_PX)
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
        r = tjCompress2(tj, p->data, p->width_px, p->stride_bytes, p->height_px, gray ? TJPF_GRAY : TJPF_BGR,
                        &buffer, &size, gray ? TJSAMP_GRAY : TJSAMP_420, quality, TJFLAG_NOREALLOC);
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
