/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** The frames of a Motion-JPEG camera: two after each other through one decoder, as they come from its buffers. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "daemon/capture/luma.h"
#include "tests/fuzz/fuzz.h"

#define WIDTH_PX 48u
#define HEIGHT_PX 32u

static void take(struct planes *p, struct jpeg_decoder *d, const uint8_t *data, size_t size)
{
        volatile unsigned sum = 0;
        int r = planes_from_jpeg(p, d, data, size);

        assert(r == 0 || r == -EBADMSG);
        for (size_t i = 0; i < (size_t)WIDTH_PX * HEIGHT_PX; i++)
                sum += p->gray[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        /* the first byte says where the second frame begins, and whether colour is wanted */
        struct planes planes = { .want_bgr = size && data[0] & 1 };
        size_t first = size ? (size_t)(data[0] / 2) * size / 128 : 0;
        struct jpeg_decoder *d = NULL;

        assert(jpeg_decoder_new(&d) == 0);
        assert(planes_reserve(&planes, WIDTH_PX, HEIGHT_PX) == 0);
        take(&planes, d, data, first);
        take(&planes, d, data + first, size - first);
        if (size)
                take(&planes, d, data + 1, size - 1);
        planes_done(&planes);
        jpeg_decoder_free(d);
        return 0;
}

int fuzz_seed(unsigned i, uint8_t **ret, size_t *ret_size)
{
        uint8_t pixels[WIDTH_PX * HEIGHT_PX * 3], *jpeg;
        const struct picture p = { i & 1 ? PICTURE_BGR24 : PICTURE_GRAY8, WIDTH_PX, HEIGHT_PX,
                                   (i & 1 ? 3 : 1) * (size_t)WIDTH_PX, pixels };
        size_t size;

        if (i > 1)
                return -ENOENT;
        for (size_t k = 0; k < sizeof(pixels); k++)
                pixels[k] = (uint8_t)(k * k / 11);
        assert(picture_encode_jpeg(&p, 60, &jpeg, &size) == 0);
        *ret_size = size + 1;
        *ret = malloc(size + 1);
        assert(*ret);
        (*ret)[0] = (uint8_t)i;
        memcpy(*ret + 1, jpeg, size);
        free(jpeg);
        return 0;
}
