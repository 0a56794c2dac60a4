/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG
#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#include "daemon/capture/source.h"
#include "picture/picture.h"
#include "tests/fuzz/fuzz.h"

#define MAX_FRAMES 8

static void play(const char *path, bool want_bgr)
{
        const struct source_config config = {
                .device = path, .replay = true, .want_bgr = want_bgr, .pace = SOURCE_PACE_FAST, .loop = want_bgr
        };
        struct source_error error = {};
        struct source *s = NULL;
        struct frame f;
        int r;

        r = source_open(&config, &s, &error);
        assert(r <= 0);
        if (r < 0) {
                assert(!s && error.text[0]);
                return;
        }
        for (int i = 0; i < MAX_FRAMES && (r = source_next(s, -1, 0, &f, &error)) == 1; i++) {
                /* all that a frame promises can be read */
                volatile unsigned sum = 0;

                for (unsigned y = 0; y < f.height_px; y++)
                        sum += f.gray[y * f.gray_stride_bytes + f.width_px - 1];
                if (want_bgr)
                        sum += f.bgr[(f.height_px - 1) * f.bgr_stride_bytes + 3 * (f.width_px - 1)];
                (void)sum;
                source_release(s, &f);
        }
        assert(r == 1 || (r < 0 && error.text[0]));
        source_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int fd = memfd_create("fuzz", MFD_CLOEXEC);
        char path[40];

        assert(fd >= 0);
        assert(write(fd, data, size) == (ssize_t)size);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        play(path, size & 1);
        close(fd);
        return 0;
}

static uint8_t *put(uint8_t *p, const void *data, size_t size)
{
        memcpy(p, data, size);
        return p + size;
}

static uint8_t *put_sized(uint8_t *p, const char *id, const void *data, uint32_t size)
{
        p = put(p, id, 4);
        for (int i = 0; i < 4; i++)
                *p++ = size >> 8 * i;
        p = put(p, data, size);
        if (size & 1)
                *p++ = 0;
        return p;
}

/* An AVI of three JPEG frames, with a list of two in it. */
static size_t avi_seed(uint8_t *start)
{
        uint8_t pixels[40 * 24] = { 1, 90, 200 }, header[56] = "vids", format[40] = {}, *jpeg, *p = start;
        struct picture picture = { PICTURE_GRAY8, 40, 24, 40, pixels };
        size_t size;

        assert(picture_encode_jpeg(&picture, 70, &jpeg, &size) == 0);
        header[20] = 1;
        header[24] = 12;
        memcpy(format + 16, "MJPG", 4);
        p = put(p, "RIFF\0\0\1\0AVI LIST\0\1\0\0hdrlLIST\0\1\0\0strl", 36);
        p = put_sized(p, "strh", header, sizeof(header));
        p = put_sized(p, "strf", format, sizeof(format));
        p = put(p, "LIST\0\0\1\0movi", 12);
        p = put_sized(p, "00dc", jpeg, size);
        p = put_sized(p, "01wb", "sound", 5);
        p = put(p, "LIST\0\1\0\0rec ", 12);
        p = put_sized(p, "00dc", jpeg, size);
        p = put_sized(p, "00dc", jpeg, size);
        p = put_sized(p, "idx1", "0123456789abcdef", 16);
        free(jpeg);
        return p - start;
}

static size_t y4m_seed(uint8_t *start, const char *parameters, size_t frame_bytes)
{
        uint8_t *p = start + sprintf((char *)start, "YUV4MPEG2 W9 H5 F30:1 Ip%s\n", parameters);

        for (int i = 0; i < 3; i++) {
                p = put(p, "FRAME\n", 6);
                memset(p, 60 + 50 * i, frame_bytes);
                p += frame_bytes;
        }
        return p - start;
}

int fuzz_seed(unsigned i, uint8_t **ret, size_t *ret_size)
{
        static const struct {
                const char *parameters;
                size_t frame_bytes;
        } kinds[] = {
                { " C420jpeg", 45 + 2 * 15 },
                { " C422 XCOLORRANGE=FULL", 45 + 2 * 25 },
                { " C444", 135 },
                { " Cmono", 45 },
        };

        if (i > ARRAY_LEN(kinds))
                return -ENOENT;
        *ret = calloc(1, 16384);
        assert(*ret);
        *ret_size = i == 0 ? avi_seed(*ret) : y4m_seed(*ret, kinds[i - 1].parameters, kinds[i - 1].frame_bytes);
        return 0;
}
