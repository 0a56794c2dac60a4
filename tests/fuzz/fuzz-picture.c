/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG
#include <assert.h>
#include <png.h>
#include <string.h>

#include "picture/picture.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        for (int format = PICTURE_GRAY8; format <= PICTURE_BGR24; format++) {
                struct picture *p = NULL;
                int r;

                r = picture_decode(data, size, format, &p);
                assert(r == 0 || r == -EBADMSG || r == -EOPNOTSUPP || r == -EFBIG || r == -ENOMEM);
                assert(!r == !!p);
                if (r == 0) {
                        assert(p->width_px > 0 && p->width_px <= PICTURE_MAX_SIDE_PX);
                        assert((uint64_t)p->width_px * p->height_px <= PICTURE_MAX_PIXELS);
                        assert(p->stride_bytes >= p->width_px);
                }
                picture_free(p);
                /* what fails in one format for more than want of memory fails in the other */
                if (r < 0)
                        break;
        }
        return 0;
}

static struct picture *made(enum picture_format format, unsigned width_px, unsigned height_px)
{
        struct picture *p = calloc(1, sizeof(*p));

        assert(p);
        *p = (struct picture){ format, width_px, height_px, (format == PICTURE_GRAY8 ? 1 : 3) * (size_t)width_px,
                               NULL };
        p->data = malloc(p->stride_bytes * height_px);
        assert(p->data);
        for (size_t i = 0; i < p->stride_bytes * height_px; i++)
                p->data[i] = i * i / 7 + i / width_px;
        return p;
}

/* Kinds of PNG that picture_write_png() does not write, through libpng's own easy way. */
static int png_seed(uint32_t format, uint8_t **ret, size_t *ret_size)
{
        png_image image = { .version = PNG_IMAGE_VERSION, .width = 13, .height = 9, .format = format };
        png_alloc_size_t size = 8192;
        uint8_t pixels[13 * 9 * 8], palette[8] = { 0, 0, 0, 255, 200, 100, 50, 30 };

        for (size_t i = 0; i < sizeof(pixels); i++)
                pixels[i] = format & PNG_FORMAT_FLAG_COLORMAP ? i & 1 : i * 5;
        image.colormap_entries = 2;
        *ret = malloc(size);
        assert(*ret);
        assert(png_image_write_to_memory(&image, *ret, &size, 0, pixels, 0, palette));
        *ret_size = size;
        return 0;
}

int fuzz_seed(unsigned i, uint8_t **ret, size_t *ret_size)
{
        static const uint32_t png_formats[] = { PNG_FORMAT_GRAY, PNG_FORMAT_RGB, PNG_FORMAT_RGBA,
                                                PNG_FORMAT_LINEAR_RGB_ALPHA, PNG_FORMAT_RGBA_COLORMAP };

        if (i < 2) {
                struct picture *p = made(i ? PICTURE_BGR24 : PICTURE_GRAY8, 37, 21);

                assert(picture_encode_jpeg(p, 80, ret, ret_size) == 0);
                picture_free(p);
                return 0;
        }
        if (i - 2 < ARRAY_LEN(png_formats))
                return png_seed(png_formats[i - 2], ret, ret_size);
        return -ENOENT;
}
