/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG
#include <fcntl.h>
#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <turbojpeg.h>

#include <cmocka.h>

#include "picture/jpeg.h"
#include "picture/picture.h"

/* A smooth picture, so that JPEG keeps it within a few levels. */
static struct picture *made(enum picture_format format, unsigned width_px, unsigned height_px)
{
        unsigned bytes = format == PICTURE_GRAY8 ? 1 : 3;
        struct picture *p = calloc(1, sizeof(*p));

        assert_non_null(p);
        *p = (struct picture){ format, width_px, height_px, (size_t)width_px * bytes + 5, NULL };
        p->data = calloc(height_px, p->stride_bytes);
        assert_non_null(p->data);
        for (unsigned y = 0; y < height_px; y++)
                for (unsigned x = 0; x < width_px * bytes; x++)
                        p->data[y * p->stride_bytes + x] =
                                bytes == 1 ? (x * 2 + y) % 256 : 60 + 40 * (x % 3) + (y + x / 3) % 60;
        return p;
}

static uint8_t luma(const uint8_t *bgr)
{
        return (299 * bgr[2] + 587 * bgr[1] + 114 * bgr[0] + 500) / 1000;
}

static void assert_near(int a, int b, int tolerance)
{
        if (abs(a - b) > tolerance)
                fail_msg("%d is not within %d of %d", a, tolerance, b);
}

static void test_jpeg_round_trip(void **state)
{
        for (int color = 0; color < 2; color++) {
                enum picture_format format = color ? PICTURE_BGR24 : PICTURE_GRAY8;
                _cleanup_(picture_freep) struct picture *p = made(format, 61, 47), *gray = NULL, *bgr = NULL;
                _cleanup_(freep) uint8_t *file = NULL;
                size_t size;

                assert_int_equal(picture_encode_jpeg(p, 95, &file, &size), 0);
                assert_int_equal(picture_decode(file, size, PICTURE_GRAY8, &gray), 0);
                assert_int_equal(picture_decode(file, size, PICTURE_BGR24, &bgr), 0);
                assert_int_equal(gray->width_px, 61);
                assert_int_equal(gray->height_px, 47);
                for (unsigned y = 0; y < 47; y++)
                        for (unsigned x = 0; x < 61; x++) {
                                const uint8_t *want = p->data + y * p->stride_bytes + x * (color ? 3 : 1);
                                const uint8_t *got = bgr->data + y * bgr->stride_bytes + 3 * x;
                                int l = gray->data[y * gray->stride_bytes + x];

                                assert_near(l, color ? luma(want) : *want, 8);
                                assert_near(l, luma(got), 3);
                        }
        }
}

/* Cameras leave the Huffman tables out: the decoder must know the standard ones. */
static void test_jpeg_without_tables(void **state)
{
        _cleanup_(picture_freep) struct picture *p = made(PICTURE_BGR24, 64, 48), *with = NULL, *without = NULL;
        _cleanup_(freep) uint8_t *file = NULL;
        size_t size, pos = 2;

        assert_int_equal(picture_encode_jpeg(p, 90, &file, &size), 0);
        assert_int_equal(picture_decode(file, size, PICTURE_GRAY8, &with), 0);
        while (pos + 4 <= size && file[pos + 1] != 0xda) {
                size_t n = 2 + (file[pos + 2] << 8 | file[pos + 3]);

                if (file[pos + 1] == 0xc4) {
                        memmove(file + pos, file + pos + n, size - pos - n);
                        size -= n;
                } else {
                        pos += n;
                }
        }
        assert_int_equal(picture_decode(file, size, PICTURE_GRAY8, &without), 0);
        assert_memory_equal(with->data, without->data, 64 * 48);
}

static void test_jpeg_cut(void **state)
{
        _cleanup_(picture_freep) struct picture *p = made(PICTURE_GRAY8, 80, 60), *got = NULL;
        _cleanup_(freep) uint8_t *file = NULL;
        size_t size;

        assert_int_equal(picture_encode_jpeg(p, 80, &file, &size), 0);
        for (size_t n = 0; n + 4 < size; n++) {
                /* a copy of its own size, so that the sanitizer sees a read behind its end */
                _cleanup_(freep) uint8_t *cut = malloc(n ? n : 1);

                memcpy(cut, file, n);
                assert_int_equal(picture_decode(cut, n, PICTURE_GRAY8, &got), -EBADMSG);
        }
}

/* A picture with much in it: a broken code puts all that follows out of place. */
static uint8_t *rich_jpeg(size_t *ret_size)
{
        _cleanup_(picture_freep) struct picture *p = made(PICTURE_GRAY8, 96, 64);
        uint32_t seed = 1;
        uint8_t *file;

        for (unsigned i = 0; i < p->height_px * p->stride_bytes; i++) {
                seed = seed * 1664525 + 1013904223;
                p->data[i] = p->data[i] / 2 + (seed >> 26);
        }
        assert_int_equal(picture_encode_jpeg(p, 80, &file, ret_size), 0);
        return file;
}

/* The place of the first marker @kind from @from on. */
static size_t marker_at(const uint8_t *file, size_t size, uint8_t kind, size_t from)
{
        for (size_t i = from; i + 1 < size; i++)
                if (file[i] == 0xff && file[i + 1] == kind)
                        return i;
        fail();
        return 0;
}

/* The verdict on a file with @n bytes more at @at. Its header is good; the pixels of a good file are those of @want. */
static int with_bytes(const uint8_t *file, size_t size, size_t at, const void *bytes, size_t n,
                      const struct picture *want)
{
        _cleanup_(picture_freep) struct picture *got = NULL;
        _cleanup_(jpeg_decoder_freep) struct jpeg_decoder *d = NULL;
        _cleanup_(freep) uint8_t *longer = malloc(size + n);
        unsigned width_px, height_px;
        int r;

        memcpy(longer, file, at);
        memcpy(longer + at, bytes, n);
        memcpy(longer + at + n, file + at, size - at);
        assert_int_equal(jpeg_decoder_new(&d), 0);
        assert_int_equal(jpeg_decoder_header(d, longer, size + n, &width_px, &height_px), 0);
        r = picture_decode(longer, size + n, PICTURE_GRAY8, &got);
        if (r == 0)
                for (unsigned y = 0; y < want->height_px; y++)
                        assert_memory_equal(got->data + y * got->stride_bytes, want->data + y * want->stride_bytes,
                                            want->width_px);
        return r;
}

/* Cameras leave bytes where they harm no pixel. */
static void test_jpeg_stray_bytes(void **state)
{
        static const uint8_t zeros[200] = { 0 }, mixed[200] = { [199] = 1 }, filled[12] = { [10] = 0xff, [11] = 0xff };
        static const uint8_t tables[] = { 0xdb, 0xc0, 0xc4, 0xda };
        _cleanup_(picture_freep) struct picture *want = NULL;
        _cleanup_(freep) uint8_t *file = NULL;
        size_t size, scan, end;

        file = rich_jpeg(&size);
        scan = marker_at(file, size, 0xda, 0);
        end = size - 2;
        assert_int_equal(file[end + 1], 0xd9);
        assert_int_equal(picture_decode(file, size, PICTURE_GRAY8, &want), 0);
        assert_int_equal(with_bytes(file, size, end, zeros, sizeof(zeros), want), 0);
        assert_int_equal(with_bytes(file, size, end, filled, sizeof(filled), want), 0);
        assert_int_equal(with_bytes(file, size, end, mixed, sizeof(mixed), want), -EBADMSG);
        /* what was sent twice */
        assert_int_equal(with_bytes(file, size, scan + 400, file + scan + 200, 200, want), -EBADMSG);
        for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
                size_t at = marker_at(file, size, tables[i], 0);

                assert_int_equal(with_bytes(file, size, at, "\x11", 1, want), 0);
                assert_int_equal(with_bytes(file, size, at, "\xff\0\xff\x20\xff\xff", 3, want), 0);
                /* and nothing else is hidden by them */
                assert_int_equal(with_bytes(file, size - 8, at, "\x11\x22", 2, want), -EBADMSG);
        }
}

static void test_jpeg_flipped_bits(void **state)
{
        _cleanup_(freep) uint8_t *file = NULL;
        size_t size, scan, n_refused = 0, n = 0;

        file = rich_jpeg(&size);
        scan = marker_at(file, size, 0xda, 0) + 10;
        for (size_t i = scan; i + 2 < size; i++)
                for (unsigned bit = 0; bit < 8; bit += 3) {
                        struct picture *got = NULL;

                        file[i] ^= 1u << bit;
                        n_refused += picture_decode(file, size, PICTURE_GRAY8, &got) < 0;
                        n++;
                        file[i] ^= 1u << bit;
                        picture_free(got);
                }
        /* most codes are followed by others that fit, whatever they say */
        print_message("# %zu of %zu flipped bits are seen\n", n_refused, n);
        assert_true(n_refused > n / 8);
}

/* A defect ends with its restart interval: few bytes are let pass there, as long as every interval is there. */
static void test_jpeg_restarts(void **state)
{
        static const uint8_t stray[40] = "\x12\x34\x56\x78\x9a\xbc\xde\xf0 any other bytes";
        _cleanup_(picture_freep) struct picture *want = NULL;
        _cleanup_(freep) uint8_t *file = NULL;
        size_t size, first, third, fourth;

        setenv("TJ_RESTART", "1", 1);
        file = rich_jpeg(&size);
        unsetenv("TJ_RESTART");
        first = marker_at(file, size, 0xd0, marker_at(file, size, 0xda, 0));
        third = marker_at(file, size, 0xd2, first);
        fourth = marker_at(file, size, 0xd3, third);
        assert_int_equal(picture_decode(file, size, PICTURE_GRAY8, &want), 0);
        assert_int_equal(with_bytes(file, size, first, stray, 12, want), 0);
        assert_int_equal(with_bytes(file, size, fourth, stray, 12, want), 0);
        assert_int_equal(with_bytes(file, size, first, stray, sizeof(stray), want), -EBADMSG);
        /* no end, or an interval that is missing, behind the one that is let pass */
        assert_int_equal(with_bytes(file, size - 2, first, stray, 12, want), -EBADMSG);
        assert_int_equal(with_bytes(file, size - 8, first, stray, 12, want), -EBADMSG);
        memmove(file + third, file + fourth, size - fourth);
        assert_int_equal(with_bytes(file, size - (fourth - third), first, stray, 12, want), -EBADMSG);
}

/* The size in a file's header, changed in place. */
static void set_jpeg_size(uint8_t *file, size_t size, unsigned width_px, unsigned height_px)
{
        for (size_t i = 0; i + 9 < size; i++)
                if (file[i] == 0xff && file[i + 1] == 0xc0) {
                        file[i + 5] = height_px >> 8;
                        file[i + 6] = height_px;
                        file[i + 7] = width_px >> 8;
                        file[i + 8] = width_px;
                        return;
                }
        fail();
}

static void test_jpeg_sizes(void **state)
{
        static const struct {
                unsigned width_px, height_px;
                int error;
        } cases[] = {
                { 0, 0, -EBADMSG },   { 0, 60, -EBADMSG },        { 30000, 30000, -EFBIG }, { 65500, 1, -EFBIG },
                { 1, 65500, -EFBIG }, { 16384, 16384, -EBADMSG }, { 16385, 1, -EFBIG },     { 160, 120, -EBADMSG },
        };
        _cleanup_(picture_freep) struct picture *p = made(PICTURE_GRAY8, 80, 60), *got = NULL;
        _cleanup_(freep) uint8_t *file = NULL;
        size_t size;

        assert_int_equal(picture_encode_jpeg(p, 80, &file, &size), 0);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                set_jpeg_size(file, size, cases[i].width_px, cases[i].height_px);
                assert_int_equal(picture_decode(file, size, PICTURE_BGR24, &got), cases[i].error);
        }
}

static void test_jpeg_scan_bomb(void **state)
{
        _cleanup_(picture_freep) struct picture *p = made(PICTURE_GRAY8, 80, 60), *got = NULL;
        _cleanup_(freep) uint8_t *file = NULL, *bomb = NULL;
        size_t size, n_scans = 40;

        assert_int_equal(picture_encode_jpeg(p, 80, &file, &size), 0);
        set_jpeg_size(file, size, 6000, 6000);
        bomb = malloc(size + 2 * n_scans);
        memcpy(bomb, file, size);
        for (size_t i = 0; i < n_scans; i++)
                memcpy(bomb + size + 2 * i, "\xff\xda", 2);
        assert_int_equal(picture_decode(bomb, size + 2 * n_scans, PICTURE_GRAY8, &got), -EFBIG);
}

/* The places that a camera's film may be without or have more of: the end, bytes before the start. */
static void test_jpeg_without_end(void **state)
{
        _cleanup_(picture_freep) struct picture *want = NULL;
        _cleanup_(freep) uint8_t *file = NULL;
        size_t size, end;

        file = rich_jpeg(&size);
        end = marker_at(file, size, 0xd9, 0);
        assert_int_equal(picture_decode(file, size, PICTURE_GRAY8, &want), 0);
        for (size_t n_zeros = 0; n_zeros <= 100; n_zeros += 100) {
                _cleanup_(picture_freep) struct picture *got = NULL;
                _cleanup_(freep) uint8_t *endless = calloc(1, end + n_zeros);

                memcpy(endless, file, end);
                assert_int_equal(picture_decode(endless, end + n_zeros, PICTURE_GRAY8, &got), 0);
                assert_memory_equal(got->data, want->data, want->stride_bytes * want->height_px);
        }
        /* no longer whole: as before */
        for (size_t less = 4; less < 40; less += 4) {
                _cleanup_(picture_freep) struct picture *got = NULL;

                assert_int_equal(picture_decode(file, end - less, PICTURE_GRAY8, &got), -EBADMSG);
        }
}

static void test_jpeg_after_junk(void **state)
{
        static const uint8_t junk[] = { 0xff, 0xd8, 0, 1, 0xff, 0xff, 0xd8, 7, 0xff };
        _cleanup_(jpeg_decoder_freep) struct jpeg_decoder *d = NULL;
        _cleanup_(freep) uint8_t *file = NULL, *longer = NULL;
        static uint8_t want[96 * 64], got[96 * 64];
        unsigned width_px, height_px;
        size_t size;

        file = rich_jpeg(&size);
        longer = malloc(size + sizeof(junk));
        memcpy(longer, junk, sizeof(junk));
        memcpy(longer + sizeof(junk), file, size);
        assert_int_equal(jpeg_decoder_new(&d), 0);
        assert_int_equal(jpeg_decoder_header(d, file, size, &width_px, &height_px), 0);
        assert_int_equal(jpeg_decoder_decode(d, PICTURE_GRAY8, width_px, height_px, want, 96), 0);
        assert_int_equal(jpeg_decoder_header(d, longer, size + sizeof(junk), &width_px, &height_px), 0);
        assert_int_equal(jpeg_decoder_decode(d, PICTURE_GRAY8, width_px, height_px, got, 96), 0);
        assert_memory_equal(got, want, sizeof(want));
        assert_int_equal(jpeg_decoder_header(d, junk, sizeof(junk), &width_px, &height_px), -EBADMSG);
}

/* @file with an EXIF block of that orientation behind its first marker. */
static uint8_t *with_orientation(const uint8_t *file, size_t size, bool little, unsigned value, size_t *ret_size)
{
        uint8_t exif[] = { 0xff, 0xe1, 0, 34, 'E', 'x', 'i',  'f', 0, 0, 'M', 'M', 0, 42, 0,
                           0,    0,    8, 0,  1,   1,   0x12, 0,   3, 0, 0,   0,   1, 0,  (uint8_t)value,
                           0,    0,    0, 0,  0,   0 };
        static const uint8_t intel[] = { 'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0 };
        uint8_t *ret = malloc(size + sizeof(exif));

        assert_non_null(ret);
        if (little) {
                memcpy(exif + 10, intel, sizeof(intel));
                exif[28] = (uint8_t)value;
                exif[29] = 0;
        }
        memcpy(ret, file, 2);
        memcpy(ret + 2, exif, sizeof(exif));
        memcpy(ret + 2 + sizeof(exif), file + 2, size - 2);
        *ret_size = size + sizeof(exif);
        return ret;
}

/* A picture is read as it is shown: by EXIF's definition row 0 and column 0 of what is stored are at these sides. */
static void test_jpeg_orientation(void **state)
{
        static const char *const sides[] = { "top left", "top right", "bottom right", "bottom left",
                                             "left top", "right top", "right bottom", "left bottom" };
        _cleanup_(picture_freep) struct picture *p = made(PICTURE_BGR24, 48, 32);
        _cleanup_(freep) uint8_t *file = NULL;
        size_t size;

        for (unsigned y = 0; y < 32; y++) /* blue to the stored right, red to the stored bottom */
                for (unsigned x = 0; x < 48; x++)
                        memcpy(p->data + y * p->stride_bytes + 3 * x, (uint8_t[]){ 5 * x, 0, 7 * y }, 3);
        assert_int_equal(picture_encode_jpeg(p, 95, &file, &size), 0);
        for (unsigned o = 1; o <= 8; o++)
                for (unsigned little = 0; little < 2; little++) {
                        _cleanup_(picture_freep) struct picture *got = NULL;
                        _cleanup_(freep) uint8_t *turned = NULL;
                        _cleanup_(closep) int fd = memfd_create("turned", MFD_CLOEXEC);
                        const char *row = sides[o - 1], *column = strchr(row, ' ') + 1;
                        unsigned width_px, height_px;
                        const uint8_t *corner;
                        size_t n;

                        turned = with_orientation(file, size, little, o, &n);
                        assert_int_equal(picture_decode(turned, n, PICTURE_BGR24, &got), 0);
                        assert_int_equal(got->width_px, o > 4 ? 32 : 48);
                        assert_int_equal(got->height_px, o > 4 ? 48 : 32);
                        assert_int_equal(write(fd, turned, n), n);
                        assert_int_equal(picture_probe_fd(fd, &width_px, &height_px), 0);
                        assert_int_equal(width_px, got->width_px);
                        assert_int_equal(height_px, got->height_px);
                        /* the corner where the first row and the first column meet is black */
                        bool bottom = *row == 'b' || *column == 'b', right = *row == 'r' || *column == 'r';

                        corner = got->data + (bottom ? got->height_px - 1 : 0) * got->stride_bytes +
                                 (right ? got->width_px - 1 : 0) * 3;
                        assert_true(corner[0] < 30 && corner[2] < 30);
                        /* along the stored first row it becomes blue, red not */
                        bool flat = *row == 't' || *row == 'b';
                        const uint8_t *far = got->data +
                                             ((flat ? bottom : !bottom) ? got->height_px - 1 : 0) * got->stride_bytes +
                                             ((flat ? !right : right) ? got->width_px - 1 : 0) * 3;
                        assert_true(far[0] > 180 && far[2] < 60);
                }
        /* one that makes no sense is none */
        for (unsigned o = 0; o < 20; o += 9) {
                _cleanup_(picture_freep) struct picture *got = NULL;
                _cleanup_(freep) uint8_t *turned = NULL;
                size_t n;

                turned = with_orientation(file, size, false, o, &n);
                assert_int_equal(picture_decode(turned, n, PICTURE_GRAY8, &got), 0);
                assert_int_equal(got->width_px, 48);
        }
}

/* Four colours, as programs for print write them. */
static void test_jpeg_cmyk(void **state)
{
        /* cyan, magenta, yellow and black as Adobe stores them: 255 is none; and what they look like, B G R */
        static const uint8_t inks[][4] = { { 255, 255, 255, 255 }, { 0, 255, 255, 255 }, { 255, 255, 255, 64 } };
        static const uint8_t looks[][3] = { { 255, 255, 255 }, { 255, 255, 0 }, { 64, 64, 64 } };

        for (size_t i = 0; i < ARRAY_LEN(inks); i++) {
                _cleanup_(picture_freep) struct picture *bgr = NULL, *gray = NULL;
                static uint8_t pixels[16 * 16 * 4];
                unsigned char *file = NULL;
                unsigned long size = 0;
                tjhandle tj = tjInitCompress();

                for (unsigned k = 0; k < sizeof(pixels); k++)
                        pixels[k] = inks[i][k % 4];
                assert_int_equal(tjCompress2(tj, pixels, 16, 0, 16, TJPF_CMYK, &file, &size, TJSAMP_444, 100, 0), 0);
                assert_int_equal(picture_decode(file, size, PICTURE_BGR24, &bgr), 0);
                assert_int_equal(picture_decode(file, size, PICTURE_GRAY8, &gray), 0);
                for (unsigned k = 0; k < 3; k++)
                        assert_near(bgr->data[3 * 100 + k], looks[i][k], 6);
                assert_near(gray->data[100], luma(looks[i]), 6);
                tjFree(file);
                tjDestroy(tj);
        }
}

/* A file of blocks without detail, level 128: @bits of @n_bits times @n for the scan's data, standard tables. */
static uint8_t *plain_jpeg(unsigned width_px, unsigned height_px, unsigned precision, unsigned sampling, uint64_t bits,
                           unsigned n_bits, size_t n, size_t *ret_size)
{
        unsigned components = sampling ? 3 : 1;
        uint8_t *ret = calloc(1, 256 + n * n_bits / 8), *p = ret;
        size_t at = 0;

        assert_non_null(ret);
        memcpy(p, (uint8_t[]){ 0xff, 0xd8, 0xff, 0xdb, 0, 67, 0 }, 7);
        memset(p + 7, 1, 64);
        p += 71;
        memcpy(p,
               (uint8_t[]){ 0xff, 0xc0, 0, 8 + 3 * components, precision, height_px >> 8, height_px, width_px >> 8,
                            width_px, components },
               10);
        p += 10;
        for (unsigned i = 0; i < components; i++, p += 3)
                memcpy(p, (uint8_t[]){ i + 1, i == 0 && sampling ? sampling : 0x11, 0 }, 3);
        memcpy(p, (uint8_t[]){ 0xff, 0xda, 0, 6 + 2 * components, components }, 5);
        p += 5;
        for (unsigned i = 0; i < components; i++, p += 2)
                memcpy(p, (uint8_t[]){ i + 1, i ? 0x11 : 0 }, 2);
        memcpy(p, (uint8_t[]){ 0, 63, 0 }, 3);
        p += 3;
        for (size_t i = 0; i < n; i++)
                for (unsigned k = n_bits; k-- > 0; at++)
                        p[at / 8] |= (bits >> k & 1) << (7 - at % 8);
        p += (at + 7) / 8;
        memcpy(p, (uint8_t[]){ 0xff, 0xd9 }, 2);
        *ret_size = (size_t)(p + 2 - ret);
        return ret;
}

/* "no difference, end of block" is 001010 with the tables for luma, 0000 with those for chroma */
#define LUMA_BLOCK 0x0au
#define LUMA_BITS 6

static void test_jpeg_kinds(void **state)
{
        _cleanup_(picture_freep) struct picture *got = NULL, *none = NULL;
        _cleanup_(freep) uint8_t *file = NULL;
        size_t size;

        /* 4:1:0: eight blocks of luma, two of chroma, in a unit of 32 by 16 pixels */
        file = plain_jpeg(32, 16, 8, 0x42, UINT64_C(0x28a28a28a28a) << 8, 56, 1, &size);
        assert_int_equal(picture_decode(file, size, PICTURE_GRAY8, &got), 0);
        assert_int_equal(got->width_px, 32);
        assert_near(got->data[200], 128, 1);
        free(file);
        file = plain_jpeg(8, 8, 12, 0, LUMA_BLOCK, LUMA_BITS, 1, &size);
        assert_int_equal(picture_decode(file, size, PICTURE_GRAY8, &none), -EOPNOTSUPP);
        assert_int_equal(picture_decode("RIFF\0\0\0\0WEBPVP8 ", 16, PICTURE_GRAY8, &none), -EOPNOTSUPP);
        assert_int_equal(picture_decode("\0\0\0\x18"
                                        "ftypheic\0\0\0\0",
                                        16, PICTURE_GRAY8, &none),
                         -EOPNOTSUPP);
}

/* More pixels than are kept: a share of them is. */
static void test_jpeg_huge(void **state)
{
        _cleanup_(picture_freep) struct picture *got = NULL;
        _cleanup_(jpeg_decoder_freep) struct jpeg_decoder *d = NULL;
        _cleanup_(closep) int fd = memfd_create("huge", MFD_CLOEXEC);
        _cleanup_(freep) uint8_t *file = NULL;
        unsigned width_px, height_px;
        size_t size;

        file = plain_jpeg(8004, 6000, 8, 0, LUMA_BLOCK, LUMA_BITS, 1001 * 750, &size);
        assert_int_equal(picture_decode(file, size, PICTURE_GRAY8, &got), 0);
        assert_int_equal(got->shrink, 2);
        assert_int_equal(got->width_px, 4002);
        assert_int_equal(got->height_px, 3000);
        assert_near(got->data[got->stride_bytes * 2999 + 4001], 128, 1);
        assert_int_equal(write(fd, file, size), size);
        assert_int_equal(picture_probe_fd(fd, &width_px, &height_px), 0);
        assert_int_equal(width_px, 8004);
        /* a camera's frame is not that large */
        assert_int_equal(jpeg_decoder_new(&d), 0);
        assert_int_equal(jpeg_decoder_header(d, file, size, &width_px, &height_px), -EFBIG);
}

/* A PNG that is asked for with fewer pixels: each is the mean of those that it stands for, at the edges of fewer. */
static void test_png_shrunk(void **state)
{
        _cleanup_(picture_freep) struct picture *gray = NULL, *bgr = NULL;
        _cleanup_(freep) uint8_t *pixels = malloc((size_t)3 * 2501 * 2001), *file = NULL;
        struct picture p = { PICTURE_BGR24, 2501, 2001, (size_t)3 * 2501, pixels, 1 };
        char path[] = "/tmp/emotion-png-XXXXXX";
        size_t size;
        int fd = mkstemp(path);

        assert_non_null(pixels);
        for (size_t i = 0; i < (size_t)2501 * 2001; i++) {
                bool odd = i % 2501 % 2;

                memcpy(pixels + 3 * i, odd ? "\x20\x40\x60" : "\x40\x80\xa0", 3);
        }
        assert_int_equal(picture_write_png(path, &p), 0);
        close(fd);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        unlink(path);
        assert_int_equal(picture_read_fd(fd, &file, &size), 0);
        close(fd);
        assert_int_equal(picture_decode_within(file, size, PICTURE_GRAY8, 4000000, &gray), -EINVAL);
        assert_int_equal(picture_decode_within(file, size, PICTURE_GRAY8, 5000000, &gray), 0);
        assert_int_equal(picture_decode_within(file, size, PICTURE_BGR24, 5000000, &bgr), 0);
        assert_int_equal(bgr->shrink, 2);
        assert_int_equal(bgr->width_px, 1251);
        assert_int_equal(bgr->height_px, 1001);
        assert_memory_equal(bgr->data + bgr->stride_bytes * 500, "\x30\x60\x80", 3);
        assert_memory_equal(bgr->data + bgr->stride_bytes * 1000 + 3 * 1250, "\x40\x80\xa0", 3);
        assert_near(gray->data[gray->stride_bytes * 1000 + 1249], (0x30 * 114 + 0x60 * 587 + 0x80 * 299) / 1000, 1);
}

struct memory {
        uint8_t data[1 << 20];
        size_t size;
};

static void write_memory(png_structp png, png_bytep data, size_t n)
{
        struct memory *m = png_get_io_ptr(png);

        assert_true(n <= sizeof(m->data) - m->size);
        memcpy(m->data + m->size, data, n);
        m->size += n;
}

/* A PNG of any kind; @row is called for the samples of each row as libpng wants them. */
static void make_png(struct memory *m, unsigned side_px, int depth, int type, int interlace,
                     void (*row)(unsigned y, uint8_t *out))
{
        png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
        png_infop info = png_create_info_struct(png);
        uint8_t samples[16][16 * 8] = {};
        png_bytep rows[16];
        png_color palette[4] = { { 0, 0, 0 }, { 255, 0, 0 }, { 0, 255, 0 }, { 10, 20, 200 } };
        png_byte alpha[2] = { 255, 0 };

        m->size = 0;
        png_set_write_fn(png, m, write_memory, NULL);
        png_set_IHDR(png, info, side_px, side_px, depth, type, interlace, PNG_COMPRESSION_TYPE_DEFAULT,
                     PNG_FILTER_TYPE_DEFAULT);
        png_set_gAMA_fixed(png, info, 45455);
        if (type == PNG_COLOR_TYPE_PALETTE) {
                png_set_PLTE(png, info, palette, 4);
                png_set_tRNS(png, info, alpha, 2, NULL);
        }
        for (unsigned y = 0; y < side_px; y++) {
                row(y, samples[y]);
                rows[y] = samples[y];
        }
        png_set_rows(png, info, rows);
        png_write_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
        png_destroy_write_struct(&png, &info);
}

static void row_gray(unsigned y, uint8_t *out)
{
        for (unsigned x = 0; x < 16; x++)
                out[x] = 16 * y + x;
}

static void row_gray16(unsigned y, uint8_t *out)
{
        for (unsigned x = 0; x < 16; x++) {
                out[2 * x] = 16 * y + x;
                out[2 * x + 1] = 16 * y + x;
        }
}

static void row_rgb(unsigned y, uint8_t *out)
{
        for (unsigned x = 0; x < 16; x++) {
                out[3 * x] = 10 * x;
                out[3 * x + 1] = 10 * y;
                out[3 * x + 2] = 200;
        }
}

static void row_palette(unsigned y, uint8_t *out)
{
        memset(out, 0x1b, 4); /* 0 1 2 3, 2 bits each */
}

static void row_gray_alpha16(unsigned y, uint8_t *out)
{
        for (unsigned x = 0; x < 16; x++) {
                out[4 * x] = out[4 * x + 1] = 100;
                out[4 * x + 2] = out[4 * x + 3] = x < 8 ? 255 : 0;
        }
}

static void test_png_kinds(void **state)
{
        static struct memory m;
        static const int palette_luma[4] = { 0, 255 /* transparent, on white */, 150, 38 };

        for (int interlace = PNG_INTERLACE_NONE; interlace <= PNG_INTERLACE_ADAM7; interlace++) {
                struct picture *p = NULL;

                for (int wide = 0; wide < 2; wide++) {
                        make_png(&m, 16, wide ? 16 : 8, PNG_COLOR_TYPE_GRAY, interlace, wide ? row_gray16 : row_gray);
                        assert_int_equal(picture_decode(m.data, m.size, PICTURE_GRAY8, &p), 0);
                        for (unsigned i = 0; i < 256; i++)
                                assert_int_equal(p->data[i], i);
                        picture_free(p);
                }

                make_png(&m, 16, 8, PNG_COLOR_TYPE_RGB, interlace, row_rgb);
                assert_int_equal(picture_decode(m.data, m.size, PICTURE_BGR24, &p), 0);
                assert_memory_equal(p->data + p->stride_bytes * 3 + 3 * 5, ((uint8_t[]){ 200, 30, 50 }), 3);
                picture_free(p);
                assert_int_equal(picture_decode(m.data, m.size, PICTURE_GRAY8, &p), 0);
                assert_near(p->data[16 * 3 + 5], luma((uint8_t[]){ 200, 30, 50 }), 1);
                picture_free(p);

                make_png(&m, 16, 2, PNG_COLOR_TYPE_PALETTE, interlace, row_palette);
                assert_int_equal(picture_decode(m.data, m.size, PICTURE_GRAY8, &p), 0);
                for (unsigned i = 0; i < 16; i++)
                        assert_near(p->data[i], palette_luma[i % 4], 1);
                picture_free(p);

                make_png(&m, 16, 16, PNG_COLOR_TYPE_GRAY_ALPHA, interlace, row_gray_alpha16);
                for (int f = PICTURE_GRAY8; f <= PICTURE_BGR24; f++) {
                        assert_int_equal(picture_decode(m.data, m.size, f, &p), 0);
                        assert_int_equal(p->data[0], 100);
                        assert_near(p->data[p->stride_bytes - 1], 255, 1);
                        picture_free(p);
                }
        }
}

static void test_png_broken(void **state)
{
        static struct memory m;
        struct picture *p = NULL;

        make_png(&m, 16, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_ADAM7, row_rgb);
        for (size_t n = 0; n < m.size; n++) {
                _cleanup_(freep) uint8_t *cut = malloc(n ? n : 1);

                memcpy(cut, m.data, n);
                assert_int_equal(picture_decode(cut, n, PICTURE_GRAY8, &p), -EBADMSG);
        }
        for (size_t i = 0; i < m.size; i++) {
                int r;

                m.data[i] ^= 0x55;
                r = picture_decode(m.data, m.size, PICTURE_GRAY8, &p);
                assert_true(r <= 0);
                if (r == 0)
                        picture_free(p);
                m.data[i] ^= 0x55;
        }
}

/* Signature and IHDR with a right checksum, and nothing behind. */
static size_t png_of_size(uint32_t width_px, uint32_t height_px, uint8_t out[33])
{
        uint32_t crc = 0xffffffff;

        memcpy(out, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
        for (int i = 0; i < 4; i++) {
                out[16 + i] = width_px >> (24 - 8 * i);
                out[20 + i] = height_px >> (24 - 8 * i);
        }
        memcpy(out + 24, "\x08\x00\x00\x00\x00", 5);
        for (int i = 12; i < 29; i++) {
                crc ^= out[i];
                for (int k = 0; k < 8; k++)
                        crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
        }
        for (int i = 0; i < 4; i++)
                out[29 + i] = ~crc >> (24 - 8 * i);
        return 33;
}

static void test_png_sizes(void **state)
{
        struct memory *m = calloc(1, sizeof(*m));
        struct picture *p = NULL;
        static const struct {
                uint32_t width_px, height_px;
                int error;
        } cases[] = {
                { 0, 0, -EBADMSG },      { 16, 0, -EBADMSG },         { 30000, 30000, -EFBIG }, { 16385, 1, -EFBIG },
                { 1, 1u << 30, -EFBIG }, { 0xffffffff, 1, -EBADMSG }, { 32, 32, -EBADMSG },
        };

        make_png(m, 16, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE, row_gray);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                png_of_size(cases[i].width_px, cases[i].height_px, m->data);
                assert_int_equal(picture_decode(m->data, m->size, PICTURE_GRAY8, &p), cases[i].error);
        }
        free(m);
}

static void test_not_a_picture(void **state)
{
        struct picture *p = NULL;

        assert_int_equal(picture_decode("", 0, PICTURE_GRAY8, &p), -EBADMSG);
        assert_int_equal(picture_decode("GIF89a..................", 24, PICTURE_GRAY8, &p), -EOPNOTSUPP);
        assert_int_equal(picture_decode("\xff\xd8\xff\xff\xff\xff\xff\xff", 8, PICTURE_GRAY8, &p), -EBADMSG);
        assert_int_equal(picture_decode("", PICTURE_MAX_FILE_BYTES + 1ul, PICTURE_GRAY8, &p), -EFBIG);
}

static int memfd_with(const void *data, size_t size)
{
        int fd = memfd_create("test", MFD_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, data, size), size);
        return fd;
}

static void test_fd(void **state)
{
        _cleanup_(picture_freep) struct picture *p = made(PICTURE_BGR24, 40, 30), *got = NULL;
        _cleanup_(freep) uint8_t *file = NULL, *late = NULL;
        _cleanup_(closep) int fd = -1, late_fd = -1;
        unsigned width_px, height_px;
        size_t size, late_size;

        assert_int_equal(picture_encode_jpeg(p, 90, &file, &size), 0);
        fd = memfd_with(file, size);
        assert_int_equal(picture_decode_fd(fd, PICTURE_GRAY8, &got), 0);
        assert_int_equal(got->height_px, 30);
        assert_int_equal(lseek(fd, 0, SEEK_CUR), size); /* the position is the caller's and was not moved */
        assert_int_equal(picture_probe_fd(fd, &width_px, &height_px), 0);
        assert_int_equal(width_px, 40);
        assert_int_equal(height_px, 30);

        /* two application segments of 65533 bytes before the header: more than the first look reads */
        late_size = size + 2 * 65535;
        late = calloc(1, late_size);
        memcpy(late, file, 2);
        for (int i = 0; i < 2; i++)
                memcpy(late + 2 + 65535 * i, "\xff\xe5\xff\xfd", 4);
        memcpy(late + 2 + 2 * 65535, file + 2, size - 2);
        late_fd = memfd_with(late, late_size);
        assert_int_equal(picture_probe_fd(late_fd, &width_px, &height_px), 0);
        assert_int_equal(width_px, 40);
}

static void test_fd_refused(void **state)
{
        char folder[] = "/tmp/emo-picture-XXXXXX", fifo[sizeof(folder) + 5];
        struct picture *p = NULL;
        unsigned width_px, height_px;
        int fd, pipe_fds[2];

        assert_non_null(mkdtemp(folder));
        assert_int_equal(picture_decode_file(folder, PICTURE_GRAY8, &p), -EISDIR);
        assert_int_equal(picture_decode_file("/dev/zero", PICTURE_GRAY8, &p), -EINVAL);
        assert_int_equal(picture_decode_file("/nonexistent/x.png", PICTURE_GRAY8, &p), -ENOENT);
        snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
        assert_int_equal(mkfifo(fifo, 0600), 0);
        assert_int_equal(picture_decode_file(fifo, PICTURE_GRAY8, &p), -EINVAL);
        unlink(fifo);
        rmdir(folder);

        assert_int_equal(pipe(pipe_fds), 0);
        assert_int_equal(picture_decode_fd(pipe_fds[0], PICTURE_GRAY8, &p), -EINVAL);
        assert_int_equal(picture_probe_fd(pipe_fds[0], &width_px, &height_px), -EINVAL);
        close(pipe_fds[0]);
        close(pipe_fds[1]);
        assert_int_equal(picture_decode_fd(-1, PICTURE_GRAY8, &p), -EBADF);

        fd = memfd_with("", 0);
        assert_int_equal(picture_decode_fd(fd, PICTURE_GRAY8, &p), -EBADMSG);
        assert_int_equal(ftruncate(fd, PICTURE_MAX_FILE_BYTES + 1ll), 0);
        assert_int_equal(picture_decode_fd(fd, PICTURE_GRAY8, &p), -EFBIG);
        close(fd);
}

static void test_write_png(void **state)
{
        char folder[] = "/tmp/emo-picture-XXXXXX", path[sizeof(folder) + 8];

        assert_non_null(mkdtemp(folder));
        snprintf(path, sizeof(path), "%s/x.png", folder);
        for (int f = PICTURE_GRAY8; f <= PICTURE_BGR24; f++) {
                _cleanup_(picture_freep) struct picture *p = made(f, 33, 21), *got = NULL;

                assert_int_equal(picture_write_png(path, p), 0);
                assert_int_equal(picture_decode_file(path, f, &got), 0);
                for (unsigned y = 0; y < 21; y++)
                        assert_memory_equal(got->data + y * got->stride_bytes, p->data + y * p->stride_bytes,
                                            got->stride_bytes);
                assert_int_equal(picture_write_png("/nonexistent/x.png", p), -ENOENT);
                /* a failed replacement leaves nothing behind */
                assert_int_equal(picture_write_png(folder, p), -EISDIR);
        }
        unlink(path);
        assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_jpeg_round_trip),  cmocka_unit_test(test_jpeg_without_tables),
                cmocka_unit_test(test_jpeg_cut),         cmocka_unit_test(test_jpeg_without_end),
                cmocka_unit_test(test_jpeg_after_junk),  cmocka_unit_test(test_jpeg_orientation),
                cmocka_unit_test(test_jpeg_cmyk),        cmocka_unit_test(test_jpeg_kinds),
                cmocka_unit_test(test_jpeg_huge),        cmocka_unit_test(test_png_shrunk),
                cmocka_unit_test(test_jpeg_stray_bytes), cmocka_unit_test(test_jpeg_flipped_bits),
                cmocka_unit_test(test_jpeg_restarts),    cmocka_unit_test(test_jpeg_sizes),
                cmocka_unit_test(test_jpeg_scan_bomb),   cmocka_unit_test(test_png_kinds),
                cmocka_unit_test(test_png_broken),       cmocka_unit_test(test_png_sizes),
                cmocka_unit_test(test_not_a_picture),    cmocka_unit_test(test_fd),
                cmocka_unit_test(test_fd_refused),       cmocka_unit_test(test_write_png),
        };

        setvbuf(stdout, NULL, _IOLBF, 0);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
