/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG
#include <linux/videodev2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "basic/clock.h"
#include "daemon/capture/source-ops.h"
#include "daemon/capture/v4l2-device.h"
#include "daemon/capture/v4l2-negotiate.h"
#include "picture/picture.h"

/*
 * A camera made of variables: what it offers, and a row of buffers that it "sends". Tests set it up, the
 * source works on it through struct v4l2_io.
 */
#define FAKE_FD 1000
#define N_FAKE 4

struct fake_mode {
        uint32_t format;
        unsigned width_px, height_px, rate_hz;
};

struct fake_event {
        int error;      /* DQBUF fails with it, instead of a frame */
        uint32_t flags; /* V4L2_BUF_FLAG_ERROR, ... */
        uint32_t sequence;
        uint8_t level;
        size_t bytes;  /* 0: a whole frame */
        bool not_jpeg; /* MJPG: noise */
        uint64_t timestamp_usec;
};

static struct fake {
        int open_error, querycap_error, set_format_error, request_error, stream_error, mmap_fails_at;
        uint32_t capabilities, device_caps;
        const struct fake_mode *modes;
        size_t n_modes;
        struct v4l2_pix_format set; /* what S_FMT makes of a wish, where not 0 */
        uint32_t quantization;
        size_t buffer_bytes;
        struct fake_event events[64];
        size_t n_events, next_event;
        int control_error;
        short poll_error; /* revents once no event is left */
        /* what was done */
        struct v4l2_pix_format format;
        unsigned rate_hz;
        uint8_t *memory[N_FAKE];
        bool queued[N_FAKE];
        int n_open, n_mapped;
        struct v4l2_control set_controls[8];
        size_t n_set_controls;
        bool streaming;
} fake;

static int fail_with(int error)
{
        errno = error;
        return -1;
}

static int fake_open(const char *path)
{
        if (fake.open_error)
                return fail_with(fake.open_error);
        fake.n_open++;
        return FAKE_FD;
}

static int fake_close(int fd)
{
        assert_int_equal(fd, FAKE_FD);
        fake.n_open--;
        return 0;
}

static int fake_enum_format(struct v4l2_fmtdesc *d)
{
        unsigned n = 0;

        for (size_t i = 0; i < fake.n_modes; i++) {
                if (i > 0 && fake.modes[i].format == fake.modes[i - 1].format)
                        continue;
                if (n++ == d->index) {
                        d->pixelformat = fake.modes[i].format;
                        return 0;
                }
        }
        return fail_with(EINVAL);
}

static int fake_enum_size(struct v4l2_frmsizeenum *e)
{
        unsigned n = 0;

        for (size_t i = 0; i < fake.n_modes; i++)
                if (fake.modes[i].format == e->pixel_format && n++ == e->index) {
                        e->type = V4L2_FRMSIZE_TYPE_DISCRETE;
                        e->discrete.width = fake.modes[i].width_px;
                        e->discrete.height = fake.modes[i].height_px;
                        return 0;
                }
        return fail_with(EINVAL);
}

static int fake_enum_interval(struct v4l2_frmivalenum *e)
{
        for (size_t i = 0; i < fake.n_modes && e->index == 0; i++)
                if (fake.modes[i].format == e->pixel_format && fake.modes[i].width_px == e->width &&
                    fake.modes[i].height_px == e->height) {
                        e->type = V4L2_FRMIVAL_TYPE_DISCRETE;
                        e->discrete = (struct v4l2_fract){ 1, fake.modes[i].rate_hz };
                        return 0;
                }
        return fail_with(EINVAL);
}

static int fake_set_format(struct v4l2_format *f)
{
        struct v4l2_pix_format *p = &f->fmt.pix;

        if (fake.set_format_error)
                return fail_with(fake.set_format_error);
        if (fake.set.width)
                *p = fake.set;
        if (!p->bytesperline)
                p->bytesperline = p->pixelformat == V4L2_PIX_FMT_YUYV    ? 2 * p->width
                                  : p->pixelformat == V4L2_PIX_FMT_MJPEG ? 0
                                                                         : p->width;
        p->quantization = fake.quantization;
        fake.format = *p;
        return 0;
}

static size_t whole_frame_bytes(void)
{
        const struct v4l2_pix_format *p = &fake.format;

        return p->pixelformat == V4L2_PIX_FMT_NV12 ? (size_t)p->bytesperline * p->height * 3 / 2
                                                   : (size_t)p->bytesperline * p->height;
}

static size_t fill(uint8_t *buffer, const struct fake_event *e)
{
        const struct v4l2_pix_format *p = &fake.format;
        size_t n = whole_frame_bytes();

        if (p->pixelformat == V4L2_PIX_FMT_MJPEG) {
                uint8_t pixels[64 * 48], *jpeg;
                struct picture picture = { PICTURE_GRAY8, p->width, p->height, p->width, pixels };

                memset(pixels, e->level, sizeof(pixels));
                assert_int_equal(picture_encode_jpeg(&picture, 90, &jpeg, &n), 0);
                memcpy(buffer, jpeg, n);
                free(jpeg);
                if (e->not_jpeg)
                        memset(buffer, 0x5a, n);
        } else if (p->pixelformat == V4L2_PIX_FMT_YUYV) {
                for (size_t i = 0; i < n; i++)
                        buffer[i] = i & 1 ? 128 : e->level;
        } else {
                memset(buffer, e->level, n);
                if (p->pixelformat == V4L2_PIX_FMT_NV12)
                        memset(buffer + (size_t)p->bytesperline * p->height, 128, n / 3);
        }
        return e->bytes ? e->bytes : n;
}

static int fake_dequeue(struct v4l2_buffer *b)
{
        const struct fake_event *e = &fake.events[fake.next_event];
        unsigned index;

        assert_true(fake.streaming);
        if (fake.next_event >= fake.n_events)
                return fail_with(fake.poll_error & POLLHUP ? ENODEV : EAGAIN);
        fake.next_event++;
        if (e->error)
                return fail_with(e->error);
        for (index = 0; index < N_FAKE && !fake.queued[index]; index++)
                ;
        assert_true(index < N_FAKE); /* the source gives its buffers back */
        fake.queued[index] = false;
        b->index = index;
        b->flags = e->flags;
        b->sequence = e->sequence;
        b->bytesused = fill(fake.memory[index], e);
        b->timestamp.tv_sec = e->timestamp_usec / 1000000;
        b->timestamp.tv_usec = e->timestamp_usec % 1000000;
        if (e->timestamp_usec)
                b->flags |= V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
        return 0;
}

static int fake_parm(struct v4l2_streamparm *p, bool set)
{
        if (set)
                fake.rate_hz = p->parm.capture.timeperframe.denominator / p->parm.capture.timeperframe.numerator;
        p->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
        p->parm.capture.timeperframe = (struct v4l2_fract){ 1, fake.rate_hz ? fake.rate_hz : 30 };
        return 0;
}

static int fake_query_buffer(struct v4l2_buffer *b)
{
        b->length = fake.buffer_bytes;
        b->m.offset = b->index * 4096;
        return 0;
}

static int fake_queue(struct v4l2_buffer *b)
{
        assert_true(b->index < N_FAKE && !fake.queued[b->index]);
        fake.queued[b->index] = true;
        return 0;
}

static const struct v4l2_queryctrl fake_controls[] = {
        { .id = 3, .type = V4L2_CTRL_TYPE_INTEGER, .name = "Gain", .maximum = 100, .step = 5 },
        { .id = 8, .type = V4L2_CTRL_TYPE_MENU, .name = "Exposure, Auto", .minimum = 1, .maximum = 3, .step = 1 },
        { .id = 9, .type = V4L2_CTRL_TYPE_INTEGER, .name = "Serial", .maximum = 9, .flags = V4L2_CTRL_FLAG_READ_ONLY },
};

static int fake_query_control(struct v4l2_queryctrl *q)
{
        uint32_t after = q->id & ~V4L2_CTRL_FLAG_NEXT_CTRL;

        for (size_t i = 0; i < sizeof(fake_controls) / sizeof(fake_controls[0]); i++)
                if (fake_controls[i].id > after) {
                        *q = fake_controls[i];
                        return 0;
                }
        return fail_with(EINVAL);
}

static int fake_set_control(const struct v4l2_control *c)
{
        if (fake.control_error)
                return fail_with(fake.control_error);
        fake.set_controls[fake.n_set_controls++] = *c;
        return 0;
}

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
        struct v4l2_capability *cap = arg;
        struct v4l2_format *format = arg;
        struct v4l2_requestbuffers *buffers = arg;

        assert_int_equal(fd, FAKE_FD);
        switch (request) {
        case VIDIOC_QUERYCTRL:
                return fake_query_control(arg);
        case VIDIOC_S_CTRL:
                return fake_set_control(arg);
        case VIDIOC_QUERYCAP:
                if (fake.querycap_error)
                        return fail_with(fake.querycap_error);
                cap->capabilities = fake.capabilities;
                cap->device_caps = fake.device_caps;
                strcpy((char *)cap->card, "Fake Camera");
                return 0;
        case VIDIOC_ENUM_FMT:
                return fake_enum_format(arg);
        case VIDIOC_ENUM_FRAMESIZES:
                return fake_enum_size(arg);
        case VIDIOC_ENUM_FRAMEINTERVALS:
                return fake_enum_interval(arg);
        case VIDIOC_G_FMT:
                format->fmt.pix.width = 64;
                format->fmt.pix.height = 48;
                return 0;
        case VIDIOC_S_FMT:
                return fake_set_format(arg);
        case VIDIOC_G_PARM:
        case VIDIOC_S_PARM:
                return fake_parm(arg, request == VIDIOC_S_PARM);
        case VIDIOC_REQBUFS:
                if (fake.request_error)
                        return fail_with(fake.request_error);
                buffers->count = MIN(buffers->count, (uint32_t)N_FAKE);
                return 0;
        case VIDIOC_QUERYBUF:
                return fake_query_buffer(arg);
        case VIDIOC_QBUF:
                return fake_queue(arg);
        case VIDIOC_DQBUF:
                return fake_dequeue(arg);
        case VIDIOC_STREAMON:
                if (fake.stream_error)
                        return fail_with(fake.stream_error);
                fake.streaming = true;
                return 0;
        case VIDIOC_STREAMOFF:
                fake.streaming = false;
                return 0;
        default:
                return fail_with(ENOTTY);
        }
}

static void *fake_mmap(size_t length, int fd, int64_t offset)
{
        if (fake.mmap_fails_at && offset / 4096 == fake.mmap_fails_at) {
                errno = ENOMEM;
                return MAP_FAILED;
        }
        fake.n_mapped++;
        /* of its own size, so that the sanitizer sees a read behind its end */
        return fake.memory[offset / 4096] = calloc(1, length);
}

static int fake_munmap(void *start, size_t length)
{
        fake.n_mapped--;
        free(start);
        return 0;
}

static int fake_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
        fds[0].revents = fake.next_event < fake.n_events ? POLLIN : fake.poll_error;
        fds[1].revents = 0;
        if (fds[1].fd >= 0)
                poll(&fds[1], 1, 0);
        if (!fds[0].revents && !fds[1].revents)
                usleep(MIN(timeout_ms, 20) * 1000);
        return !!fds[0].revents + !!fds[1].revents;
}

static const struct v4l2_io fake_io = {
        fake_open, fake_close, fake_ioctl, fake_mmap, fake_munmap, fake_poll,
};

static const struct fake_mode usual[] = {
        { V4L2_PIX_FMT_YUYV, 64, 48, 30 },
        { V4L2_PIX_FMT_YUYV, 128, 96, 10 },
        { V4L2_PIX_FMT_MJPEG, 64, 48, 30 },
        { V4L2_PIX_FMT_MJPEG, 128, 96, 30 },
};

static int plug_in(void **state)
{
        fake = (struct fake){
                .capabilities =
                        V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_META_CAPTURE | V4L2_CAP_STREAMING | V4L2_CAP_DEVICE_CAPS,
                .device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING,
                .modes = usual,
                .n_modes = ARRAY_LEN(usual),
                .buffer_bytes = 64 * 1024,
        };
        return 0;
}

/* Whatever a test did: nothing is left open, mapped or streaming. */
static int all_returned(void **state)
{
        return fake.n_open || fake.n_mapped || fake.streaming ? -1 : 0;
}

static struct source *open_fake(const char *pixel_format)
{
        const struct source_config config = { .device = "/dev/video7", .pixel_format = pixel_format };
        struct source_error error;
        struct source *s = NULL;

        if (source_v4l2_open(&config, &fake_io, &s, &error) < 0)
                fail_msg("%s", error.text);
        return s;
}

static int open_error(const char *says)
{
        const struct source_config config = { .device = "/dev/video7" };
        struct source_error error = {};
        struct source *s = NULL;
        int r;

        r = source_v4l2_open(&config, &fake_io, &s, &error);
        assert_true(r < 0);
        if (!strstr(error.text, says))
                fail_msg("\"%s\" does not say \"%s\"", error.text, says);
        return r;
}

static void send_frame(struct fake_event e)
{
        assert_true(fake.n_events < ARRAY_LEN(fake.events));
        fake.events[fake.n_events++] = e;
}

static void assert_stats(struct source *s, uint64_t frames, uint64_t dropped, uint64_t corrupt)
{
        struct source_stats stats = source_get_stats(s);

        assert_int_equal(stats.n_frames, frames);
        assert_int_equal(stats.n_dropped, dropped);
        assert_int_equal(stats.n_corrupt, corrupt);
}

static int open_with(const struct source_control *controls, size_t n, const char *says)
{
        const struct source_config config = { .device = "/dev/video7", .controls = controls, .n_controls = n };
        struct source_error error = {};
        struct source *s = NULL;
        int r = source_v4l2_open(&config, &fake_io, &s, &error);

        if (!strstr(error.text, says))
                fail_msg("\"%s\" does not say \"%s\"", error.text, says);
        source_free(s);
        return r;
}

/* Controls are set by name, in the order in which they were asked for, and checked against what the camera has. */
static void test_controls(void **state)
{
        const struct source_control good[] = { { "exposure_auto", 1 }, { "gain", 100 } };
        const struct source_control unknown = { "focus", 1 }, read_only = { "serial", 1 }, high = { "gain", 105 },
                                    between = { "gain", 7 }, low = { "exposure_auto", 0 };

        assert_int_equal(open_with(good, 2, ""), 0);
        assert_int_equal(fake.n_set_controls, 2);
        assert_int_equal(fake.set_controls[0].id, 8);
        assert_int_equal(fake.set_controls[0].value, 1);
        assert_int_equal(fake.set_controls[1].id, 3);
        assert_int_equal(fake.set_controls[1].value, 100);
        assert_int_equal(open_with(&unknown, 1, "no focus; it has gain, exposure_auto"), -EINVAL);
        assert_int_equal(open_with(&read_only, 1, "no serial"), -EINVAL);
        assert_int_equal(open_with(&high, 1, "gain: 105 is outside 0..100 in steps of 5"), -EINVAL);
        assert_int_equal(open_with(&between, 1, "gain: 7 is outside"), -EINVAL);
        assert_int_equal(open_with(&low, 1, "exposure_auto: 0 is outside 1..3"), -EINVAL);
        fake.control_error = ERANGE;
        assert_int_equal(open_with(good, 1, "refuses exposure_auto = 1"), -EINVAL);
        fake.control_error = EBUSY;
        assert_int_equal(open_with(good, 1, "busy"), -EBUSY);
        assert_int_equal(fake.n_set_controls, 2);
}

static void test_every_format(void **state)
{
        static const struct {
                const char *name;
                uint32_t format, quantization;
                unsigned extra_stride;
                uint8_t luma;
        } cases[] = {
                { "GREY", V4L2_PIX_FMT_GREY, V4L2_QUANTIZATION_DEFAULT, 0, 100 },
                { "GREY", V4L2_PIX_FMT_GREY, V4L2_QUANTIZATION_LIM_RANGE, 6, 98 },
                { "YUYV", V4L2_PIX_FMT_YUYV, V4L2_QUANTIZATION_DEFAULT, 0, 98 },
                { "YUYV", V4L2_PIX_FMT_YUYV, V4L2_QUANTIZATION_FULL_RANGE, 10, 100 },
                { "NV12", V4L2_PIX_FMT_NV12, V4L2_QUANTIZATION_DEFAULT, 0, 98 },
                { "NV12", V4L2_PIX_FMT_NV12, V4L2_QUANTIZATION_FULL_RANGE, 16, 100 },
                { "MJPG", V4L2_PIX_FMT_MJPEG, V4L2_QUANTIZATION_DEFAULT, 0, 100 },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                for (int color = 0; color < 2; color++) {
                        const struct fake_mode mode = { cases[i].format, 64, 48, 30 };
                        const struct source_config config = { .device = "/dev/video7",
                                                              .pixel_format = cases[i].name,
                                                              .want_bgr = color };
                        _cleanup_(source_freep) struct source *s = NULL;
                        unsigned bytes = cases[i].format == V4L2_PIX_FMT_YUYV ? 2 : 1;
                        struct source_error error;
                        struct frame f;

                        plug_in(NULL);
                        fake.modes = &mode;
                        fake.n_modes = 1;
                        fake.quantization = cases[i].quantization;
                        if (cases[i].extra_stride)
                                fake.set =
                                        (struct v4l2_pix_format){ .width = 64,
                                                                  .height = 48,
                                                                  .pixelformat = cases[i].format,
                                                                  .bytesperline = 64 * bytes + cases[i].extra_stride };
                        fake.buffer_bytes = cases[i].format == V4L2_PIX_FMT_MJPEG
                                                    ? 8192
                                                    : (64 * bytes + cases[i].extra_stride) * 72;
                        assert_int_equal(source_v4l2_open(&config, &fake_io, &s, &error), 0);
                        assert_string_equal(source_get_info(s)->format, cases[i].name);
                        assert_string_equal(source_get_info(s)->name, "Fake Camera");
                        send_frame((struct fake_event){ .level = 100 });
                        assert_int_equal(source_next(s, -1, 1000000, &f, &error), 1);
                        for (int y = 0; y < 48; y++)
                                for (int x = 0; x < 64; x++)
                                        assert_in_range(f.gray[y * f.gray_stride_bytes + x], cases[i].luma - 1,
                                                        cases[i].luma + 1);
                        assert_true(!f.bgr == !color);
                        if (color)
                                for (int k = 0; k < 3; k++)
                                        assert_in_range(f.bgr[47 * f.bgr_stride_bytes + 63 * 3 + k], cases[i].luma - 2,
                                                        cases[i].luma + 2);
                        source_release(s, &f);
                }
}

static void test_negotiation(void **state)
{
        static const struct {
                unsigned width_px, height_px;
                double rate_hz;
                const char *only;
                uint32_t format;
                unsigned got_width_px;
        } cases[] = {
                { 0, 0, 0, NULL, V4L2_PIX_FMT_YUYV, 64 },          /* the driver's own size, the cheaper format */
                { 64, 48, 30, "auto", V4L2_PIX_FMT_YUYV, 64 },     /* */
                { 128, 96, 10, "auto", V4L2_PIX_FMT_YUYV, 128 },   /* fast enough */
                { 128, 96, 30, "auto", V4L2_PIX_FMT_MJPEG, 128 },  /* only JPEG is */
                { 640, 480, 30, "auto", V4L2_PIX_FMT_MJPEG, 128 }, /* the nearest size */
                { 64, 48, 30, "MJPG", V4L2_PIX_FMT_MJPEG, 64 },    { 64, 48, 30, "GREY", 0, 0 },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                const struct source_config config = {
                        .width_px = cases[i].width_px,
                        .height_px = cases[i].height_px,
                        .frame_rate_hz = cases[i].rate_hz,
                        .pixel_format = cases[i].only,
                };
                struct source_error error = {};
                struct v4l2_mode mode;
                int r;

                plug_in(NULL);
                r = v4l2_negotiate(&fake_io, FAKE_FD, &config, &mode, &error);
                if (!cases[i].format) {
                        assert_int_equal(r, -EOPNOTSUPP);
                        assert_non_null(strstr(error.text, "GREY"));
                        continue;
                }
                assert_int_equal(r, 0);
                assert_int_equal(mode.pixel_format, cases[i].format);
                assert_int_equal(mode.width_px, cases[i].got_width_px);
                if (cases[i].rate_hz > 0)
                        assert_int_equal(fake.rate_hz, cases[i].rate_hz);
        }
}

static void test_negotiation_refused(void **state)
{
        static const struct fake_mode foreign[] = { { V4L2_PIX_FMT_SBGGR8, 64, 48, 30 } };
        const struct source_config config = { .pixel_format = "H264" };
        struct source_error error;
        struct v4l2_mode mode;

        assert_int_equal(v4l2_negotiate(&fake_io, FAKE_FD, &config, &mode, &error), -EINVAL);
        fake.set = (struct v4l2_pix_format){ .width = 64, .height = 48, .pixelformat = V4L2_PIX_FMT_SBGGR8 };
        assert_int_equal(open_error("not read"), -EOPNOTSUPP);
        fake.set = (struct v4l2_pix_format){ .width = 1 << 20, .height = 1 << 20, .pixelformat = V4L2_PIX_FMT_GREY };
        assert_int_equal(open_error("impossible size"), -EOPNOTSUPP);
        fake.modes = foreign;
        fake.n_modes = 1;
        assert_int_equal(open_error("offers no"), -EOPNOTSUPP);
}

static void test_open_refused(void **state)
{
        fake.open_error = ENOENT;
        assert_int_equal(open_error("does not exist"), -ENOENT);
        fake.open_error = EACCES;
        assert_int_equal(open_error("group video"), -EACCES);
        fake.open_error = EBUSY;
        assert_int_equal(open_error("another program"), -EBUSY);
        fake.open_error = EISDIR;
        assert_int_equal(open_error("a folder"), -ENOTTY);
        fake.open_error = 0;
        fake.querycap_error = ENOTTY;
        assert_int_equal(open_error("not a camera"), -ENOTTY);
        fake.querycap_error = 0;
        fake.device_caps = V4L2_CAP_META_CAPTURE | V4L2_CAP_STREAMING;
        assert_int_equal(open_error("metadata"), -ENOTTY);
        fake.device_caps = V4L2_CAP_VIDEO_OUTPUT | V4L2_CAP_STREAMING;
        assert_int_equal(open_error("cannot capture"), -ENOTTY);
        fake.device_caps = V4L2_CAP_VIDEO_CAPTURE;
        assert_int_equal(open_error("cannot stream"), -ENOTTY);
}

static void test_start_refused(void **state)
{
        fake.set_format_error = EBUSY;
        assert_int_equal(open_error("another program"), -EBUSY);
        fake.set_format_error = 0;
        fake.request_error = EBUSY;
        assert_int_equal(open_error("another program"), -EBUSY);
        fake.request_error = ENODEV;
        assert_int_equal(open_error("gone"), -ENODEV);
        fake.request_error = 0;
        fake.mmap_fails_at = 2;
        assert_int_equal(open_error("map a buffer"), -ENOMEM);
        memset(fake.queued, 0, sizeof(fake.queued));
        fake.mmap_fails_at = 0;
        fake.stream_error = ENOSPC;
        assert_int_equal(open_error("bandwidth"), -ENOSPC);
        memset(fake.queued, 0, sizeof(fake.queued));
        fake.stream_error = 0;
        fake.buffer_bytes = 100;
        assert_int_equal(open_error("too small"), -EIO);
}

static void test_newest_wins(void **state)
{
        _cleanup_(source_freep) struct source *s = open_fake("YUYV");
        uint64_t before = clock_usec();
        struct frame f;

        for (int i = 0; i < 3; i++)
                send_frame((struct fake_event){ .sequence = i, .level = 50 + i, .timestamp_usec = before - 300 + i });
        assert_int_equal(source_next(s, -1, 1000000, &f, NULL), 1);
        assert_int_equal(f.sequence, 2);
        assert_int_equal(f.timestamp_usec, before - 298);
        assert_stats(s, 1, 2, 0);
        source_release(s, &f);

        /* the driver lost 3..5, and its clock is 25 ms ahead */
        send_frame((struct fake_event){ .sequence = 6, .timestamp_usec = clock_usec() + 25000 });
        assert_int_equal(source_next(s, -1, 1000000, &f, NULL), 1);
        assert_true(f.timestamp_usec <= clock_usec());
        assert_stats(s, 2, 5, 0);

        /* a clock that runs back, and one that is not ours */
        before = f.timestamp_usec;
        send_frame((struct fake_event){ .sequence = 7, .timestamp_usec = before - 100000 });
        assert_int_equal(source_next(s, -1, 1000000, &f, NULL), 1);
        assert_int_equal(f.timestamp_usec, before);
        send_frame((struct fake_event){ .sequence = 8 });
        assert_int_equal(source_next(s, -1, 1000000, &f, NULL), 1);
        assert_in_range(f.timestamp_usec, before, clock_usec());
        assert_stats(s, 4, 5, 0);
}

/* A camera's frames that nobody would look at are not decoded, and go back to the driver as ever. */
static void test_rest(void **state)
{
        _cleanup_(source_freep) struct source *s = open_fake("MJPG");
        uint64_t now = clock_usec();
        struct frame f;

        source_rest_until(s, now - 1000);
        for (unsigned i = 0; i < 20; i++) {
                bool rests = i < 15;

                send_frame((struct fake_event){
                        .sequence = i, .level = 70, .not_jpeg = rests, .timestamp_usec = now - (rests ? 2000 : 1000) });
                assert_int_equal(source_next(s, -1, 1000000, &f, NULL), 1);
                assert_int_equal(f.sequence, i);
                assert_true(!f.gray == rests);
                source_release(s, &f);
        }
        assert_stats(s, 20, 0, 0);
}

static void test_corrupt(void **state)
{
        _cleanup_(source_freep) struct source *s = open_fake("MJPG");
        struct frame f;

        send_frame((struct fake_event){ .sequence = 0, .level = 70 });
        send_frame((struct fake_event){ .sequence = 1, .flags = V4L2_BUF_FLAG_ERROR });
        assert_int_equal(source_next(s, -1, 1000000, &f, NULL), 1);
        assert_int_equal(f.sequence, 0); /* the newest that is whole */
        assert_stats(s, 1, 0, 1);

        send_frame((struct fake_event){ .sequence = 2, .not_jpeg = true });
        assert_int_equal(source_next(s, -1, 30000, &f, NULL), 0);
        send_frame((struct fake_event){ .sequence = 3, .bytes = 60 }); /* cut */
        assert_int_equal(source_next(s, -1, 30000, &f, NULL), 0);
        send_frame((struct fake_event){ .sequence = 4, .bytes = fake.buffer_bytes + 1 }); /* a lie */
        assert_int_equal(source_next(s, -1, 30000, &f, NULL), 0);
        assert_stats(s, 1, 0, 4);
}

static void test_short_raw(void **state)
{
        _cleanup_(source_freep) struct source *s = open_fake("YUYV");
        struct frame f;

        send_frame((struct fake_event){ .sequence = 0, .bytes = 64 * 48 * 2 - 1 });
        assert_int_equal(source_next(s, -1, 30000, &f, NULL), 0);
        assert_stats(s, 0, 0, 1);
}

static void test_unplugged(void **state)
{
        struct source_error error;

        for (int how = 0; how < 4; how++) {
                _cleanup_(source_freep) struct source *s = NULL;
                struct frame f;

                plug_in(NULL);
                s = open_fake("YUYV");
                send_frame((struct fake_event){ .sequence = 0 });
                assert_int_equal(source_next(s, -1, 1000000, &f, &error), 1);
                source_release(s, &f);
                switch (how) {
                case 0: /* uvcvideo */
                        fake.poll_error = POLLERR | POLLHUP;
                        break;
                case 1: /* POLLERR alone and nothing to take: streaming has ended without us */
                        fake.poll_error = POLLERR;
                        break;
                case 2:
                        send_frame((struct fake_event){ .error = ENODEV });
                        break;
                case 3: /* with a frame taken on the way */
                        send_frame((struct fake_event){ .sequence = 1 });
                        send_frame((struct fake_event){ .error = ENODEV });
                }
                assert_int_equal(source_next(s, -1, 1000000, &f, &error), -ENODEV);
                assert_non_null(strstr(error.text, "gone"));
                assert_stats(s, 1, how == 3, 0);
        }
}

static void test_io_error(void **state)
{
        _cleanup_(source_freep) struct source *s = open_fake("YUYV");
        struct source_error error;
        struct frame f;

        send_frame((struct fake_event){ .error = EIO });
        assert_int_equal(source_next(s, -1, 1000000, &f, &error), -EIO);
        assert_true(error.text[0]);
}

static void test_stall_and_wake(void **state)
{
        _cleanup_(source_freep) struct source *s = open_fake("YUYV");
        uint64_t start = clock_usec();
        struct frame f;
        int wake[2];

        assert_int_equal(source_next(s, -1, 50000, &f, NULL), 0);
        assert_true(clock_usec() - start >= 50000);
        assert_int_equal(pipe(wake), 0);
        assert_int_equal(write(wake[1], "x", 1), 1);
        assert_int_equal(source_next(s, wake[0], 5000000, &f, NULL), -ECANCELED);
        close(wake[0]);
        close(wake[1]);
}

/* The real kernel, and what is certainly no camera. */
static void test_kernel_not_a_camera(void **state)
{
        static const struct {
                const char *path;
                int error;
        } cases[] = {
                { "/dev/null", -ENOTTY },
                { "/dev/zero", -ENOTTY },
                { "/tmp", -ENOTTY },
                { "/dev/video-nonexistent", -ENOENT },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                const struct source_config config = { .device = cases[i].path };
                struct source_error error;
                struct source *s = NULL;

                assert_int_equal(source_open(&config, &s, &error), cases[i].error);
                assert_non_null(strstr(error.text, cases[i].path));
        }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, plug_in, all_returned)
        const struct CMUnitTest tests[] = {
                T(test_controls),       T(test_every_format),        T(test_negotiation), T(test_negotiation_refused),
                T(test_open_refused),   T(test_start_refused),       T(test_newest_wins), T(test_rest),
                T(test_corrupt),        T(test_short_raw),           T(test_unplugged),   T(test_io_error),
                T(test_stall_and_wake), T(test_kernel_not_a_camera),
        };

        setvbuf(stdout, NULL, _IOLBF, 0);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
