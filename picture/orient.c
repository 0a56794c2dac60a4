/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "picture/orient.h"

#define TAG_ORIENTATION 0x0112
#define TYPE_SHORT 3
#define TIFF_HEADER_BYTES 8
#define ENTRY_BYTES 12

enum orientation orient_of(unsigned degrees, bool mirror)
{
        switch (degrees) {
        case 90:
                return mirror ? ORIENT_TRANSPOSE : ORIENT_90;
        case 180:
                return mirror ? ORIENT_FLIP : ORIENT_180;
        case 270:
                return mirror ? ORIENT_TRANSVERSE : ORIENT_270;
        default:
                return mirror ? ORIENT_MIRROR : ORIENT_PLAIN;
        }
}

bool orient_swaps(enum orientation o)
{
        return o >= ORIENT_TRANSPOSE;
}

/* Where the first pixel of the destination comes from, and how far the source's next is along its row and column. */
struct walk {
        size_t start;
        ptrdiff_t column, row;
};

static struct walk walk_of(enum orientation o, size_t stride, unsigned w, unsigned h, unsigned pixel_bytes)
{
        ptrdiff_t x = (ptrdiff_t)pixel_bytes, y = (ptrdiff_t)stride;
        size_t right = (size_t)(w - 1) * pixel_bytes, bottom = (size_t)(h - 1) * stride;

        switch (o) {
        case ORIENT_MIRROR:
                return (struct walk){ right, -x, y };
        case ORIENT_180:
                return (struct walk){ bottom + right, -x, -y };
        case ORIENT_FLIP:
                return (struct walk){ bottom, x, -y };
        case ORIENT_TRANSPOSE:
                return (struct walk){ 0, y, x };
        case ORIENT_90:
                return (struct walk){ bottom, -y, x };
        case ORIENT_TRANSVERSE:
                return (struct walk){ bottom + right, -y, -x };
        case ORIENT_270:
                return (struct walk){ right, y, -x };
        default:
                return (struct walk){ 0, x, y };
        }
}

void orient_pixels(const uint8_t *src, size_t stride_bytes, unsigned width_px, unsigned height_px, unsigned pixel_bytes,
                   enum orientation o, uint8_t *dst, size_t dst_stride_bytes)
{
        struct walk k = walk_of(o, stride_bytes, width_px, height_px, pixel_bytes);
        unsigned w = orient_swaps(o) ? height_px : width_px, h = orient_swaps(o) ? width_px : height_px;

        for (unsigned y = 0; y < h; y++) {
                const uint8_t *from = src + k.start + (ptrdiff_t)y * k.row;
                uint8_t *to = dst + (size_t)y * dst_stride_bytes;

                if (pixel_bytes == 1)
                        for (unsigned x = 0; x < w; x++)
                                to[x] = from[(ptrdiff_t)x * k.column];
                else
                        for (unsigned x = 0; x < w; x++)
                                memcpy(to + (size_t)x * pixel_bytes, from + (ptrdiff_t)x * k.column, pixel_bytes);
        }
}

static unsigned get16(const uint8_t *p, bool little)
{
        return little ? p[0] | p[1] << 8 : p[0] << 8 | p[1];
}

static size_t get32(const uint8_t *p, bool little)
{
        size_t a = get16(p, little), b = get16(p + 2, little);

        return little ? a | b << 16 : a << 16 | b;
}

enum orientation orient_from_exif(const uint8_t *data, size_t size)
{
        bool little = size >= 2 && data[0] == 'I';
        size_t at, n;

        if (size < TIFF_HEADER_BYTES || (memcmp(data, "II", 2) != 0 && memcmp(data, "MM", 2) != 0) ||
            get16(data + 2, little) != 42)
                return ORIENT_PLAIN;
        at = get32(data + 4, little);
        if (at > size - 2)
                return ORIENT_PLAIN;
        n = get16(data + at, little);
        for (at += 2; n > 0 && at <= size && size - at >= ENTRY_BYTES; n--, at += ENTRY_BYTES) {
                unsigned value = get16(data + at + 8, little);

                if (get16(data + at, little) == TAG_ORIENTATION && get16(data + at + 2, little) == TYPE_SHORT)
                        return value >= ORIENT_PLAIN && value <= ORIENT_270 ? (enum orientation)value : ORIENT_PLAIN;
        }
        return ORIENT_PLAIN;
}
