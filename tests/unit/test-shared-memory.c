/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Pictures in memory that somebody else writes to while they are read: a camera's buffer, a client's memfd. What comes of
 * them may be any picture or error, but every byte is looked at once only, so that what was checked is what is used.
 * AddressSanitizer sees what goes wrong otherwise. EMO_SECONDS=60 looks for longer.
 */
#undef NDEBUG
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <cmocka.h>

#include "daemon/capture/luma.h"
#include "picture/jpeg.h"
#include "picture/picture.h"

#define WIDTH_PX 160u
#define HEIGHT_PX 96u
#define ROUNDS 3000u
/* of the file, which the other thread changes: more than the header has */
#define CHANGED_BYTES 4096u
#define BUFFER_BYTES (64u << 10)

struct shared {
        volatile uint8_t *data; /* BUFFER_BYTES, of a memfd */
        size_t size;            /* of the picture in it */
        uint8_t *good;          /* the picture */
        int fd;
        uint32_t n_rounds;
        atomic_bool over;
        pthread_t thread;
};

static uint32_t draw(uint32_t *state)
{
        *state = *state * 1664525u + 1013904223u;
        return *state >> 8;
}

/* A long segment is there at one moment and the scan at the next: what was measured is no longer what is copied. */
static void flicker(struct shared *s)
{
        s->data[2] = 0xff;
        s->data[4] = 0xea;
        s->data[5] = 0x60;
        for (unsigned i = 0; i < 20000; i++)
                s->data[3] = i & 1 ? 0xda : 0xfe;
}

static void *rewrite(void *userdata)
{
        static const uint8_t values[] = { 0xff, 0xda, 0xfe, 0xc0, 0xd9, 0xea, 0x60, 0x00 };
        struct shared *s = userdata;
        uint32_t state = 1;

        while (!atomic_load(&s->over)) {
                for (size_t i = 0; i < MIN(s->size, (size_t)CHANGED_BYTES); i++)
                        s->data[i] = s->good[i];
                for (unsigned i = draw(&state) % 100; i; i--)
                        s->data[draw(&state) % CHANGED_BYTES % s->size] = values[draw(&state) % ARRAY_LEN(values)];
                if (draw(&state) & 1)
                        flicker(s);
        }
        return NULL;
}

static void fill(struct shared *s, const uint8_t *file, size_t size)
{
        const char *seconds = getenv("EMO_SECONDS");

        assert_true(size <= BUFFER_BYTES);
        *s = (struct shared){ .size = size, .good = malloc(size) };
        assert_non_null(s->good);
        memcpy(s->good, file, size);
        s->fd = memfd_create("shared", MFD_CLOEXEC);
        assert_int_equal(ftruncate(s->fd, BUFFER_BYTES), 0);
        s->data = mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
        assert_true(s->data != MAP_FAILED);
        memcpy((void *)s->data, file, size);
        s->n_rounds = seconds ? UINT32_MAX : ROUNDS;
        assert_int_equal(pthread_create(&s->thread, NULL, rewrite, s), 0);
}

static void empty(struct shared *s)
{
        atomic_store(&s->over, true);
        pthread_join(s->thread, NULL);
        munmap((void *)s->data, BUFFER_BYTES);
        close(s->fd);
        free(s->good);
}

static bool goes_on(const struct shared *s, uint32_t round, time_t begin)
{
        const char *seconds = getenv("EMO_SECONDS");

        return seconds ? time(NULL) - begin < atoi(seconds) : round < s->n_rounds;
}

static struct picture *made(enum picture_format format)
{
        struct picture *p = calloc(1, sizeof(*p));

        assert_non_null(p);
        *p = (struct picture){ .format = format, .width_px = WIDTH_PX, .height_px = HEIGHT_PX };
        p->stride_bytes = (format == PICTURE_GRAY8 ? 1 : 3) * (size_t)WIDTH_PX;
        p->data = malloc(p->stride_bytes * HEIGHT_PX);
        assert_non_null(p->data);
        for (size_t i = 0; i < p->stride_bytes * HEIGHT_PX; i++)
                p->data[i] = i / 3 % 200;
        return p;
}

static void make_jpeg(uint8_t **ret, size_t *ret_size)
{
        _cleanup_(picture_freep) struct picture *p = made(PICTURE_BGR24);

        assert_int_equal(picture_encode_jpeg(p, 90, ret, ret_size), 0);
}

static void test_copy(void **state)
{
        _cleanup_(jpeg_decoder_freep) struct jpeg_decoder *d = NULL;
        _cleanup_(freep) uint8_t *file = NULL, *first = malloc(WIDTH_PX * HEIGHT_PX),
                                 *second = malloc(WIDTH_PX * HEIGHT_PX);
        unsigned width_px, height_px;
        size_t size;

        make_jpeg(&file, &size);
        assert_int_equal(jpeg_decoder_new(&d), 0);
        assert_int_equal(jpeg_decoder_decode(d, PICTURE_GRAY8, WIDTH_PX, HEIGHT_PX, first, WIDTH_PX), -EINVAL);
        assert_int_equal(jpeg_decoder_header(d, file, size, &width_px, &height_px), 0);
        assert_int_equal(jpeg_decoder_decode(d, PICTURE_GRAY8, width_px, height_px, first, WIDTH_PX), 0);
        /* whatever becomes of the memory that it came from */
        memset(file, 0xff, size);
        assert_int_equal(jpeg_decoder_decode(d, PICTURE_GRAY8, width_px, height_px, second, WIDTH_PX), 0);
        assert_memory_equal(first, second, WIDTH_PX * HEIGHT_PX);
        /* and a bad one leaves none */
        assert_int_equal(jpeg_decoder_header(d, file, size, &width_px, &height_px), -EBADMSG);
        assert_int_equal(jpeg_decoder_decode(d, PICTURE_GRAY8, WIDTH_PX, HEIGHT_PX, first, WIDTH_PX), -EINVAL);
}

static void test_camera_jpeg(void **state)
{
        _cleanup_(jpeg_decoder_freep) struct jpeg_decoder *d = NULL;
        _cleanup_(freep) uint8_t *file = NULL;
        struct planes planes = { 0 };
        unsigned width_px, height_px;
        time_t begin = time(NULL);
        struct shared s;
        size_t size;

        make_jpeg(&file, &size);
        fill(&s, file, size);
        assert_int_equal(jpeg_decoder_new(&d), 0);
        assert_int_equal(planes_reserve(&planes, WIDTH_PX, HEIGHT_PX), 0);
        for (uint32_t i = 0; goes_on(&s, 3 * i, begin); i++) {
                /* every other time all the buffer, with stray bytes behind the header */
                int r = planes_from_jpeg(&planes, d, (const uint8_t *)s.data, i & 1 ? size : BUFFER_BYTES);

                assert_true(r == 0 || r == -EBADMSG);
                for (unsigned k = 0; k < 200; k++)
                        jpeg_decoder_header(d, (const uint8_t *)s.data, BUFFER_BYTES, &width_px, &height_px);
        }
        planes_done(&planes);
        empty(&s);
}

static void test_camera_yuv(void **state)
{
        uint8_t *file = calloc(2, WIDTH_PX * HEIGHT_PX);
        struct planes planes = { .want_bgr = true };
        time_t begin = time(NULL);
        struct shared s;

        fill(&s, file, (size_t)2 * WIDTH_PX * HEIGHT_PX);
        free(file);
        assert_int_equal(planes_reserve(&planes, WIDTH_PX, HEIGHT_PX), 0);
        for (uint32_t i = 0; goes_on(&s, i, begin) && i < ROUNDS / 10; i++) {
                const uint8_t *data = (const uint8_t *)s.data;
                const struct yuv_view view = { .y = data,
                                               .u = data + 1,
                                               .v = data + 3,
                                               .y_step = 2,
                                               .c_step = 4,
                                               .c_shift_x = 1,
                                               .y_stride_bytes = (size_t)2 * WIDTH_PX,
                                               .c_stride_bytes = (size_t)2 * WIDTH_PX };

                planes_from_yuv(&planes, &view);
        }
        planes_done(&planes);
        empty(&s);
}

/* A client goes on writing to, and cutting, the file that it has passed. */
static void decode_changing_file(const uint8_t *file, size_t size)
{
        time_t begin = time(NULL);
        struct shared s;

        fill(&s, file, size);
        for (uint32_t i = 0; goes_on(&s, i, begin) && i < ROUNDS / 3; i++) {
                _cleanup_(picture_freep) struct picture *p = NULL;
                int r = picture_decode_fd(s.fd, i & 1 ? PICTURE_GRAY8 : PICTURE_BGR24, &p);

                assert_true(r == 0 || r == -EBADMSG || r == -EOPNOTSUPP || r == -EFBIG || r == -ENOMEM);
                r = picture_probe_fd(s.fd, &(unsigned){ 0 }, &(unsigned){ 0 });
                assert_true(r == 0 || r == -EBADMSG || r == -EOPNOTSUPP || r == -EFBIG || r == -ENOMEM);
        }
        empty(&s);
}

static void test_file_jpeg(void **state)
{
        _cleanup_(freep) uint8_t *file = NULL;
        size_t size;

        make_jpeg(&file, &size);
        decode_changing_file(file, size);
}

static void test_file_png(void **state)
{
        _cleanup_(picture_freep) struct picture *p = made(PICTURE_BGR24);
        _cleanup_(freep) uint8_t *file = malloc(BUFFER_BYTES);
        char path[] = "/tmp/emotion-shared-XXXXXX";
        int fd = mkstemp(path);
        ssize_t size;

        assert_true(fd >= 0);
        close(fd);
        assert_int_equal(picture_write_png(path, p), 0);
        FILE *f = fopen(path, "re");

        assert_non_null(f);
        size = (ssize_t)fread(file, 1, BUFFER_BYTES, f);
        fclose(f);
        unlink(path);
        assert_true(size > 0);
        decode_changing_file(file, (size_t)size);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_copy),      cmocka_unit_test(test_camera_jpeg), cmocka_unit_test(test_camera_yuv),
                cmocka_unit_test(test_file_jpeg), cmocka_unit_test(test_file_png),
        };

        return cmocka_run_group_tests_name("shared memory", tests, NULL, NULL);
}
