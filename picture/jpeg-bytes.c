/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "picture/jpeg-bytes.h"

unsigned jpeg_count_scans(const uint8_t *data, size_t size)
{
        const uint8_t *p = data, *end = data + size;
        unsigned n = 0;

        while (p < end && (p = memchr(p, 0xff, end - p)) && p + 1 < end) {
                n += p[1] == JPEG_SOS;
                p++;
        }
        return n;
}

size_t jpeg_find_marker(const uint8_t *data, size_t size, size_t at)
{
        const uint8_t *p = data + at, *end = data + size;

        while (p < end && (p = memchr(p, 0xff, end - p)) && p + 1 < end) {
                if (p[1] != 0 && p[1] != 0xff)
                        return p - data;
                p++;
        }
        return size;
}

size_t jpeg_segment_bytes(const uint8_t *data, size_t size, size_t at)
{
        size_t n;

        if (size - at < 4 || (data[at + 1] >= JPEG_RST0 && data[at + 1] <= JPEG_EOI))
                return 0;
        n = 2u + (data[at + 2] << 8 | data[at + 3]);
        return n >= 4 && n <= size - at ? n : 0;
}

size_t jpeg_find_start(const uint8_t *data, size_t size)
{
        const uint8_t *p = data, *end = data + size;

        while (p < end && (p = memchr(p, 0xff, end - p)) && end - p >= 3) {
                if (p[1] == JPEG_SOI && p[2] == 0xff)
                        return p - data;
                p++;
        }
        return size;
}

size_t jpeg_find_end(const uint8_t *data, size_t size)
{
        unsigned n_restarts = 0;
        size_t at = 2;

        for (;;) {
                size_t n;

                at = jpeg_find_marker(data, size, at);
                if (at == size || data[at + 1] == JPEG_EOI)
                        return at;
                if (data[at + 1] >= JPEG_RST0 && data[at + 1] <= JPEG_RST7) {
                        if (data[at + 1] != JPEG_RST0 + n_restarts++ % 8)
                                return size;
                        at += 2;
                        continue;
                }
                n = jpeg_segment_bytes(data, size, at);
                if (!n)
                        return size;
                if (data[at + 1] == JPEG_SOS)
                        n_restarts = 0;
                at += n;
        }
}

static bool is_frame(uint8_t marker)
{
        return marker >= JPEG_SOF0 && marker <= JPEG_SOF15 && marker != JPEG_DHT && marker != JPEG_JPG &&
               marker != JPEG_DAC;
}

/* @p: the segment's content, of @n bytes */
static void read_segment(uint8_t marker, const uint8_t *p, size_t n, struct jpeg_frame *ret)
{
        if (is_frame(marker) && n >= 6) {
                ret->kind = marker;
                ret->precision = p[0];
                ret->height_px = p[1] << 8 | p[2];
                ret->width_px = p[3] << 8 | p[4];
                ret->components = p[5];
        } else if (marker == JPEG_APP14 && n >= 5 && memcmp(p, "Adobe", 5) == 0) {
                ret->adobe = true;
        } else if (marker == JPEG_APP1 && n >= 6 && memcmp(p, "Exif\0\0", 6) == 0) {
                ret->orientation = orient_from_exif(p + 6, n - 6);
        } else if (marker == JPEG_SOS && n >= 1) {
                ret->whole_scan = p[0] == ret->components;
        }
}

void jpeg_read_frame(const uint8_t *data, size_t size, struct jpeg_frame *ret)
{
        size_t at = 2, n;

        *ret = (struct jpeg_frame){ .orientation = ORIENT_PLAIN };
        for (;;) {
                at = jpeg_find_marker(data, size, at);
                n = jpeg_segment_bytes(data, size, at);
                if (!n)
                        return;
                read_segment(data[at + 1], data + at + 4, n - 4, ret);
                if (data[at + 1] == JPEG_SOS)
                        return;
                at += n;
        }
}
