/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "basic/clock.h"
#include "daemon/capture/source-ops.h"
#include "picture/picture.h"

static char folder[] = "/tmp/emo-replay-XXXXXX";

/* A file under construction. */
struct bytes {
        uint8_t data[1 << 20];
        size_t size;
};

static struct bytes file;

static void put(const void *data, size_t size)
{
        assert_true(size <= sizeof(file.data) - file.size);
        memcpy(file.data + file.size, data, size);
        file.size += size;
}

static void put32(uint32_t v)
{
        put((uint8_t[]){ v, v >> 8, v >> 16, v >> 24 }, 4);
}

static const char *path_of(const char *name)
{
        static char path[300];

        snprintf(path, sizeof(path), "%s/%s", folder, name);
        return path;
}

static const char *save(const char *name, const void *data, size_t size)
{
        const char *path = path_of(name);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, data, size), size);
        close(fd);
        return path;
}

/* A JPEG whose luma is @level everywhere. */
static uint8_t *flat_jpeg(unsigned width_px, unsigned height_px, uint8_t level, size_t *ret_size)
{
        _cleanup_(freep) uint8_t *pixels = malloc((size_t)width_px * height_px);
        struct picture p = { PICTURE_GRAY8, width_px, height_px, width_px, pixels };
        uint8_t *jpeg;

        memset(pixels, level, (size_t)width_px * height_px);
        assert_int_equal(picture_encode_jpeg(&p, 90, &jpeg, ret_size), 0);
        return jpeg;
}

/* Headers of an AVI of 40x30 at 10/s, up to and with the list of frames. Every size of a list is a lie. */
static void put_avi_headers(const char *codec)
{
        file.size = 0;
        put("RIFF\0\0\0\0AVI LIST\xff\xff\xff\xffhdrl", 24);
        put("avih", 4);
        put32(56);
        put((uint8_t[56]){}, 56);
        put("LIST\1\0\0\0strlstrh", 16); /* an audio stream first: video is stream 1 */
        put32(56);
        put("auds", 4);
        put((uint8_t[52]){}, 52);
        put("LIST\1\0\0\0strlstrh", 16);
        put32(56);
        put("vids", 4);
        put((uint8_t[16]){}, 16);
        put32(1);  /* scale */
        put32(10); /* rate */
        put((uint8_t[28]){}, 28);
        put("strf", 4);
        put32(40);
        put((uint8_t[16]){}, 16);
        put(codec, 4);
        put((uint8_t[20]){}, 20);
        put("LIST\0\0\0\0movi", 12);
}

static void put_chunk(const char *id, const void *data, size_t size)
{
        put(id, 4);
        put32(size);
        put(data, size);
        if (size & 1)
                put("", 1);
}

static void put_flat_frame(uint8_t level)
{
        size_t size;
        _cleanup_(freep) uint8_t *jpeg = flat_jpeg(40, 30, level, &size);

        put_chunk("01dc", jpeg, size);
}

static const char *save_file(const char *name)
{
        return save(name, file.data, file.size);
}

static struct source *open_replay(const char *path, enum source_pace pace, bool loop)
{
        const struct source_config config = { .device = path, .replay = true, .pace = pace, .loop = loop };
        struct source_error error;
        struct source *s = NULL;

        if (source_open(&config, &s, &error) < 0)
                fail_msg("%s", error.text);
        return s;
}

static int open_error(const char *path)
{
        const struct source_config config = { .device = path, .replay = true };
        struct source_error error = {};
        struct source *s = NULL;
        int r;

        r = source_open(&config, &s, &error);
        assert_true(r < 0);
        assert_true(error.text[0]);
        return r;
}

/* Plays to the end; returns the number of frames handed out. */
static unsigned play(const char *path, struct source_stats *ret)
{
        _cleanup_(source_freep) struct source *s = open_replay(path, SOURCE_PACE_FAST, false);
        struct source_error error;
        struct frame f;
        unsigned n = 0;
        int r;

        while ((r = source_next(s, -1, 1000000, &f, &error)) == 1) {
                assert_true(f.gray_stride_bytes >= f.width_px);
                assert_null(f.bgr);
                n++;
                source_release(s, &f);
        }
        assert_int_equal(r, -ENODATA);
        assert_int_equal(source_next(s, -1, 0, &f, &error), -ENODATA);
        *ret = source_get_stats(s);
        assert_int_equal(ret->n_frames, n);
        return n;
}

/* The widths of the frames, one after another. */
static void sizes_are(const char *path, const unsigned *widths, unsigned n)
{
        _cleanup_(source_freep) struct source *s = open_replay(path, SOURCE_PACE_FAST, false);
        struct frame f;

        for (unsigned i = 0; i < n; i++) {
                assert_int_equal(source_next(s, -1, 1000000, &f, NULL), 1);
                assert_int_equal(f.width_px, widths[i]);
                assert_true(f.gray_stride_bytes >= f.width_px);
                source_release(s, &f);
        }
}

static void test_avi(void **state)
{
        _cleanup_(source_freep) struct source *s = NULL;
        const struct source_info *info;
        struct frame f;
        uint64_t first = 0;

        put_avi_headers("MJPG");
        for (int i = 0; i < 3; i++) {
                put_flat_frame(50 + 60 * i);
                put_chunk("00wb", "sound", 5);
        }
        put("idx1\xff\xff\xff\x7f", 8);
        s = open_replay(save_file("a.avi"), SOURCE_PACE_FAST, true);
        info = source_get_info(s);
        assert_string_equal(info->format, "MJPG");
        assert_string_equal(info->name, "a.avi");
        assert_int_equal(info->width_px, 40);
        assert_int_equal(info->height_px, 30);
        assert_true(info->frame_rate_hz == 10);
        for (unsigned i = 0; i < 10; i++) {
                assert_int_equal(source_next(s, -1, 0, &f, NULL), 1);
                assert_in_range(f.gray[35], 48 + 60 * (i % 3), 52 + 60 * (i % 3));
                assert_int_equal(f.sequence, i);
                if (i == 0)
                        first = f.timestamp_usec;
                /* media time goes on over the end of a round */
                assert_int_equal(f.timestamp_usec - first, i * 100000);
                source_release(s, &f);
        }
}

/* Frames for which nobody has a use come in their time and without a picture. */
static void test_rest(void **state)
{
        _cleanup_(source_freep) struct source *s = NULL;
        struct frame f;
        uint64_t first = 0;

        put_avi_headers("MJPG");
        for (int i = 0; i < 3; i++)
                put_flat_frame(50 + 60 * i);
        put("idx1\xff\xff\xff\x7f", 8);
        s = open_replay(save_file("a.avi"), SOURCE_PACE_FAST, true);
        for (unsigned i = 0; i < 10; i++) {
                assert_int_equal(source_next(s, -1, 0, &f, NULL), 1);
                first = i ? first : f.timestamp_usec;
                assert_int_equal(f.sequence, i);
                assert_int_equal(f.timestamp_usec - first, i * 100000);
                assert_int_equal(f.width_px, 40);
                if (i >= 1 && i < 5)
                        assert_null(f.gray);
                else
                        assert_in_range(f.gray[35], 48 + 60 * (i % 3), 52 + 60 * (i % 3));
                source_release(s, &f);
                source_rest_until(s, i < 7 ? first + 500000 : 0);
        }
        assert_int_equal(source_get_stats(s).n_frames, 10);
        assert_int_equal(source_get_stats(s).n_dropped, 0);
}

static void test_avi_damaged(void **state)
{
        struct source_stats stats;
        size_t last;

        put_avi_headers("MJPG");
        put_flat_frame(50);
        put_chunk("01dc", "", 0); /* none for this time */
        put_chunk("01dc", "\xff\xd8 no JPEG", 10);
        put_chunk("JUNK", "odd", 3);
        put_flat_frame(60);
        last = file.size;
        put_flat_frame(70);
        assert_int_equal(play(save_file("a.avi"), &stats), 3);
        assert_int_equal(stats.n_dropped, 1);
        assert_int_equal(stats.n_corrupt, 1);

        /* cut within the last frame */
        file.size -= 20;
        assert_int_equal(play(save_file("a.avi"), &stats), 2);
        assert_int_equal(stats.n_corrupt, 2);

        /* a frame that claims to go on for 4 GB */
        file.size = last;
        put("01dc\xff\xff\xff\xff more", 13);
        assert_int_equal(play(save_file("a.avi"), &stats), 2);
        assert_int_equal(stats.n_corrupt, 2);

        /* garbage where a chunk should be, and what looks like one that goes far */
        for (unsigned i = 0; i < 3; i++) {
                static const char *const between[] = { "\1\2\3\4\0\0\0\0\0\0", "odd\xff\xd8\xff\0\0\0\0",
                                                       "what\xff\xff\xff\0  " };

                file.size = last;
                put(between[i], 10);
                assert_int_equal(play(save_file("a.avi"), &stats), 2);
                put_flat_frame(80);
                put_flat_frame(90);
                assert_int_equal(play(save_file("a.avi"), &stats), 4);
        }

        /* a picture of another size than the first goes on in that size */
        {
                size_t size;
                _cleanup_(freep) uint8_t *jpeg = flat_jpeg(64, 64, 9, &size);

                file.size = last;
                put_chunk("01dc", jpeg, size);
                assert_int_equal(play(save_file("a.avi"), &stats), 3);
                assert_int_equal(stats.n_corrupt, 1);
                sizes_are(path_of("a.avi"), (unsigned[]){ 40, 40, 64 }, 3);
        }
}

static void test_avi_refused(void **state)
{
        put_avi_headers("H264");
        put_flat_frame(50);
        assert_int_equal(open_error(save_file("a.avi")), -EOPNOTSUPP);

        put_avi_headers("MJPG");
        put_chunk("01dc", "no JPEG", 7);
        assert_int_equal(open_error(save_file("a.avi")), -EBADMSG);

        put_avi_headers("MJPG");
        put_flat_frame(50);
        for (size_t n = 0; n < file.size - 1; n++)
                assert_int_equal(open_error(save("cut.avi", file.data, n)), -EBADMSG);
}

/* A loop over a file whose frames are all broken must end. */
static void test_loop_of_nothing(void **state)
{
        _cleanup_(source_freep) struct source *s = NULL;
        struct frame f;
        size_t size;
        _cleanup_(freep) uint8_t *jpeg = flat_jpeg(40, 30, 100, &size);

        put_avi_headers("MJPG");
        put_chunk("01dc", jpeg, size - 8); /* a good header, a cut body */
        s = open_replay(save_file("a.avi"), SOURCE_PACE_FAST, true);
        assert_int_equal(source_next(s, -1, 0, &f, NULL), -ENODATA);
        assert_int_equal(source_get_stats(s).n_corrupt, 1);
}

static void put_y4m(const char *header, size_t frame_bytes, int n_frames)
{
        file.size = 0;
        put(header, strlen(header));
        for (int i = 0; i < n_frames; i++) {
                put("FRAME Ip\n", 9);
                for (size_t k = 0; k < frame_bytes; k++)
                        put((uint8_t[]){ 16 + (k + i) % 220 }, 1);
        }
}

static void test_y4m(void **state)
{
        static const struct {
                const char *chroma;
                size_t bytes; /* of 5x3 */
        } kinds[] = {
                { "", 15 + 2 * 6 },
                { " C420jpeg", 15 + 2 * 6 },
                { " C420mpeg2", 15 + 2 * 6 },
                { " C422", 15 + 2 * 9 },
                { " C444", 45 },
                { " Cmono", 15 },
                { " C411", 15 + 2 * 6 },
                { " C444alpha", 60 },
        };
        char header[100];

        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                for (int full = 0; full < 2; full++) {
                        struct source_config config = { .replay = true, .pace = SOURCE_PACE_FAST, .want_bgr = i & 1 };
                        _cleanup_(source_freep) struct source *s = NULL;
                        struct frame f;

                        snprintf(header, sizeof(header), "YUV4MPEG2 W5 H3 F30000:1001 Ip A1:1%s%s\n", kinds[i].chroma,
                                 full ? " XCOLORRANGE=FULL" : "");
                        put_y4m(header, kinds[i].bytes, 2);
                        config.device = save_file("a.y4m");
                        assert_int_equal(source_open(&config, &s, NULL), 0);
                        assert_in_range(source_get_info(s)->frame_rate_hz * 1000, 29969, 29971);
                        for (int n = 0; n < 2; n++) {
                                assert_int_equal(source_next(s, -1, 0, &f, NULL), 1);
                                for (int k = 0; k < 15; k++) {
                                        int y = 16 + k + n;

                                        assert_int_equal(f.gray[k / 5 * f.gray_stride_bytes + k % 5],
                                                         full ? y : (int)((y - 16) * 255 / 219.0 + 0.5));
                                }
                                assert_true(!f.bgr == !config.want_bgr);
                        }
                        assert_int_equal(source_next(s, -1, 0, &f, NULL), -ENODATA);
                }
}

static void test_y4m_colour(void **state)
{
        /* BT.601's primaries at limited range, from its own definition */
        static const uint8_t yuv[][3] = { { 81, 90, 240 }, { 145, 54, 34 }, { 41, 240, 110 }, { 235, 128, 128 } };
        static const uint8_t bgr[][3] = { { 0, 0, 255 }, { 0, 255, 0 }, { 255, 0, 0 }, { 255, 255, 255 } };
        const char *header = "YUV4MPEG2 W4 H1 F1:1 C444\n";
        struct source_config config = { .replay = true, .pace = SOURCE_PACE_FAST, .want_bgr = true };
        _cleanup_(source_freep) struct source *s = NULL;
        struct frame f;

        file.size = 0;
        put(header, strlen(header));
        put("FRAME\n", 6);
        for (int plane = 0; plane < 3; plane++)
                for (int i = 0; i < 4; i++)
                        put(&yuv[i][plane], 1);
        config.device = save_file("a.y4m");
        assert_int_equal(source_open(&config, &s, NULL), 0);
        assert_int_equal(source_next(s, -1, 0, &f, NULL), 1);
        for (int i = 0; i < 4; i++)
                for (int k = 0; k < 3; k++)
                        assert_in_range(f.bgr[3 * i + k] + 3, bgr[i][k], bgr[i][k] + 6);
}

static void test_y4m_refused(void **state)
{
        static const struct {
                const char *header;
                int error;
        } cases[] = {
                { "YUV4MPEG2 W0 H0 F1:1\n", -EBADMSG },
                { "YUV4MPEG2 H3 F1:1\n", -EBADMSG },
                { "YUV4MPEG2 W-5 H3\n", -EBADMSG },
                { "YUV4MPEG2 W5x H3\n", -EBADMSG },
                { "YUV4MPEG2 W30000 H30000\n", -EFBIG },
                { "YUV4MPEG2 W99999999999999999999 H3\n", -EBADMSG },
                { "YUV4MPEG2 W5 H3 C420p10\n", -EOPNOTSUPP },
                { "YUV4MPEG2 W5 H3 F1:1", -EBADMSG },
                { "YUV4MPEG2 W640 H480\n", -EBADMSG }, /* no whole frame */
                { "YUV4MPEG W5 H3\n", -EBADMSG },
        };
        static char line[3000];

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                put_y4m(cases[i].header, 27, 1);
                assert_int_equal(open_error(save_file("a.y4m")), cases[i].error);
        }
        memset(line, 'X', sizeof(line) - 1);
        memcpy(line, "YUV4MPEG2 W5 H3 ", 16);
        put_y4m(line, 27, 1);
        assert_int_equal(open_error(save_file("a.y4m")), -EBADMSG);
}

static void test_y4m_damaged(void **state)
{
        struct source_stats stats;

        put_y4m("YUV4MPEG2 W5 H3\n", 27, 3);
        file.size -= 1;
        assert_int_equal(play(save_file("a.y4m"), &stats), 2);
        assert_int_equal(stats.n_corrupt, 1);
        file.data[16 + 36] = 'f'; /* the second frame's word */
        assert_int_equal(play(save_file("a.y4m"), &stats), 1);
}

static void save_jpeg(const char *name, unsigned width_px, uint8_t level)
{
        size_t size;
        _cleanup_(freep) uint8_t *jpeg = flat_jpeg(width_px, 30, level, &size);

        save(name, jpeg, size);
}

static void test_folder(void **state)
{
        static const uint8_t levels[] = { 20, 40, 60, 80 };
        static const char *const names[] = { "f/9.jpg", "f/010.JPEG", "f/11.png", "f/20.jpg",
                                             "f/3.jpg", "f/x.txt",    "f/12.jpg" };
        uint8_t pixels[40 * 30];
        struct picture png = { PICTURE_GRAY8, 40, 30, 40, pixels };
        struct source_config config = { .replay = true, .pace = SOURCE_PACE_FAST, .frame_rate_hz = 5 };
        char path[300];

        mkdir(path_of("f"), 0700);
        snprintf(path, sizeof(path), "%s", path_of("f"));
        config.device = path;
        assert_int_equal(open_error(path), -EBADMSG);
        save("f/x.txt", "text", 4);
        save("f/3.jpg", "broken", 6);
        assert_int_equal(open_error(path), -EBADMSG);
        save_jpeg("f/9.jpg", 40, 20);
        save_jpeg("f/010.JPEG", 40, 40);
        memset(pixels, 60, sizeof(pixels));
        assert_int_equal(picture_write_png(path_of("f/11.png"), &png), 0);
        save_jpeg("f/20.jpg", 90, 80); /* larger */
        assert_int_equal(mkfifo(path_of("f/12.jpg"), 0600), 0);

        for (int color = 0; color < 2; color++) {
                _cleanup_(source_freep) struct source *s = NULL;
                struct frame f;
                bool seen[4] = {};

                config.want_bgr = color;
                assert_int_equal(source_open(&config, &s, NULL), 0);
                assert_int_equal(source_get_info(s)->width_px, 40);
                assert_true(source_get_info(s)->frame_rate_hz == 5);
                while (source_next(s, -1, 0, &f, NULL) == 1) {
                        bool known = false;

                        assert_int_equal(f.width_px, f.gray[0] > 70 ? 90 : 40);
                        for (int i = 0; i < 4; i++)
                                if (abs(f.gray[0] - levels[i]) <= 2) {
                                        assert_false(seen[i]);
                                        /* 010 has no fixed place beside 9; the others have */
                                        assert_true(i == 0 || i == 1 || seen[i - 1]);
                                        seen[i] = known = true;
                                }
                        assert_true(known);
                        assert_true(!f.bgr == !color);
                }
                assert_int_equal(source_get_stats(s).n_frames, 4);
                assert_int_equal(source_get_stats(s).n_corrupt, 2); /* the broken one and the FIFO */
        }
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                unlink(path_of(names[i]));
        rmdir(path);
}

static void test_not_a_replay(void **state)
{
        assert_int_equal(open_error("/nonexistent.avi"), -ENOENT);
        assert_int_equal(open_error("/dev/zero"), -EBADMSG);
        assert_int_equal(open_error(save("x", "hello", 5)), -EBADMSG);
        assert_int_equal(open_error(save("x", "", 0)), -EBADMSG);
        assert_int_equal(open_error(""), -EINVAL);
        unlink(path_of("x"));
        assert_int_equal(mkfifo(path_of("x"), 0600), 0);
        assert_int_equal(open_error(path_of("x")), -EBADMSG);
        unlink(path_of("x"));
}

/* Real pace: a frame when its time has come, late ones are dropped, all are accounted for. */
static void test_pace(void **state)
{
        _cleanup_(source_freep) struct source *s = NULL;
        struct source_stats stats;
        struct frame f;
        uint64_t start;
        int wake[2];

        put_y4m("YUV4MPEG2 W5 H3 F4:1\n", 27, 12);
        start = clock_usec();
        s = open_replay(save_file("a.y4m"), SOURCE_PACE_REAL, false);
        assert_int_equal(source_next(s, -1, 0, &f, NULL), 1);
        assert_int_equal(source_next(s, -1, 0, &f, NULL), 0); /* not yet */
        assert_int_equal(source_next(s, -1, 1000000, &f, NULL), 1);
        assert_true(clock_usec() - start >= 250000);
        assert_true(f.timestamp_usec <= clock_usec());

        assert_int_equal(pipe(wake), 0);
        assert_int_equal(write(wake[1], "x", 1), 1);
        assert_int_equal(source_next(s, wake[0], 1000000, &f, NULL), -ECANCELED);
        close(wake[0]);
        close(wake[1]);

        usleep(900000);
        assert_int_equal(source_next(s, -1, 1000000, &f, NULL), 1);
        stats = source_get_stats(s);
        assert_true(stats.n_dropped >= 2);
        assert_int_equal(stats.n_frames, 3);
        assert_int_equal(stats.n_frames + stats.n_dropped, f.sequence + 1);
}

static void test_wake_when_fast(void **state)
{
        _cleanup_(source_freep) struct source *s = NULL;
        struct frame f;
        int wake[2];

        put_y4m("YUV4MPEG2 W5 H3 F20:1\n", 27, 2);
        s = open_replay(save_file("a.y4m"), SOURCE_PACE_FAST, true);
        assert_int_equal(pipe(wake), 0);
        assert_int_equal(write(wake[1], "x", 1), 1);
        assert_int_equal(source_next(s, wake[0], 1000000, &f, NULL), -ECANCELED);
        assert_int_equal(source_next(s, wake[0], 1000000, &f, NULL), -ECANCELED); /* it is not read */
        close(wake[0]);
        close(wake[1]);
}

static void test_real_clips(void **state)
{
        static const struct {
                const char *name;
                unsigned n, width_px, height_px, rate_hz;
        } clips[] = {
                { "smile.avi", 62, 480, 270, 12 },       { "turn-gap-smile.avi", 60, 480, 270, 12 },
                { "pair-tilt.avi", 56, 480, 270, 12 },   { "three-walk.avi", 41, 480, 270, 12 },
                { "classroom.avi", 45, 480, 270, 15 },   { "sign-sorry.avi", 73, 640, 480, 30 },
                { "smile-128x96.y4m", 12, 128, 96, 12 },
        };
        const char *shared = getenv("EMO_SHARED");
        char path[600];

        for (size_t i = 0; i < ARRAY_LEN(clips); i++) {
                struct source_stats stats;
                struct source *s;

                snprintf(path, sizeof(path), "%s/data/clips/%s", shared ? shared : "", clips[i].name);
                if (access(path, R_OK) < 0)
                        skip();
                assert_int_equal(play(path, &stats), clips[i].n);
                assert_int_equal(stats.n_dropped + stats.n_corrupt, 0);
                s = open_replay(path, SOURCE_PACE_FAST, false);
                assert_int_equal(source_get_info(s)->width_px, clips[i].width_px);
                assert_int_equal(source_get_info(s)->height_px, clips[i].height_px);
                assert_int_equal(source_get_info(s)->frame_rate_hz + 0.5, clips[i].rate_hz);
                source_free(s);
        }
}

static int make_folder(void **state)
{
        return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
        unlink(path_of("a.avi"));
        unlink(path_of("cut.avi"));
        unlink(path_of("a.y4m"));
        return rmdir(folder);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_avi),
                cmocka_unit_test(test_avi_damaged),
                cmocka_unit_test(test_rest),
                cmocka_unit_test(test_avi_refused),
                cmocka_unit_test(test_loop_of_nothing),
                cmocka_unit_test(test_y4m),
                cmocka_unit_test(test_y4m_colour),
                cmocka_unit_test(test_y4m_refused),
                cmocka_unit_test(test_y4m_damaged),
                cmocka_unit_test(test_folder),
                cmocka_unit_test(test_not_a_replay),
                cmocka_unit_test(test_pace),
                cmocka_unit_test(test_wake_when_fast),
                cmocka_unit_test(test_real_clips),
        };

        setvbuf(stdout, NULL, _IOLBF, 0);
        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
