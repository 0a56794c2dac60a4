/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/videodev2.h>
#include <string.h>
#include <sys/mman.h>

#include "basic/clock.h"
#include "daemon/capture/luma.h"
#include "daemon/capture/source-tools.h"
#include "daemon/capture/v4l2-controls.h"
#include "daemon/capture/v4l2-device.h"
#include "daemon/capture/v4l2-negotiate.h"

#define N_BUFFERS 4
#define MAX_BUFFERS 32
/* a driver that restarts its counter is not one that lost four thousand million frames */
#define MAX_SEQUENCE_JUMP 10000

/*
 * Pictures are copied or decoded out of the driver's buffers, which go back at once: the driver always has
 * most of them, and nothing of a camera that is gone can be touched later.
 */
struct camera {
        struct source base;
        const struct v4l2_io *io;
        int fd;
        struct v4l2_mode mode;
        struct {
                uint8_t *start;
                size_t length;
        } buffers[MAX_BUFFERS];
        unsigned n_buffers;
        bool streaming;
        struct jpeg_decoder *jpeg;
        struct planes planes;
        bool seen; /* last_sequence is valid */
        uint32_t last_sequence;
        uint64_t last_timestamp_usec;
};

static int control(struct camera *s, unsigned long request, void *arg)
{
        return v4l2_io_control(s->io, s->fd, request, arg);
}

static int fail_errno(struct camera *s, int r, const char *what, struct source_error *error)
{
        const char *device = s->base.info.device;

        if (r == -ENODEV)
                return source_fail(error, r, "%s: the camera is gone", device);
        if (r == -EBUSY)
                return source_fail(error, r, "%s is used by another program", device);
        return source_fail(error, r, "%s: cannot %s: %s", device, what, strerror(-r));
}

static struct v4l2_buffer buffer_of(unsigned index)
{
        return (struct v4l2_buffer){ .index = index, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP };
}

static int map_buffers(struct camera *s, struct source_error *error)
{
        struct v4l2_requestbuffers request = { .count = N_BUFFERS,
                                               .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
                                               .memory = V4L2_MEMORY_MMAP };
        int r;

        r = control(s, VIDIOC_REQBUFS, &request);
        if (r < 0)
                return fail_errno(s, r, "get buffers", error);
        if (request.count < 2 || request.count > MAX_BUFFERS)
                return source_fail(error, -ENOMEM, "%s: the driver gives %u buffers", s->base.info.device,
                                   request.count);
        for (unsigned i = 0; i < request.count; i++) {
                struct v4l2_buffer b = buffer_of(i);
                void *start;

                r = control(s, VIDIOC_QUERYBUF, &b);
                if (r < 0)
                        return fail_errno(s, r, "ask for a buffer", error);
                if (b.length < s->mode.frame_bytes || !b.length)
                        return source_fail(error, -EIO, "%s: the driver's buffers are too small for a frame",
                                           s->base.info.device);
                start = s->io->mmap(b.length, s->fd, b.m.offset);
                if (start == MAP_FAILED)
                        return fail_errno(s, -errno, "map a buffer", error);
                s->buffers[i].start = start;
                s->buffers[i].length = b.length;
                s->n_buffers = i + 1;
                r = control(s, VIDIOC_QBUF, &b);
                if (r < 0)
                        return fail_errno(s, r, "queue a buffer", error);
        }
        return 0;
}

static int start_streaming(struct camera *s, struct source_error *error)
{
        int type = V4L2_BUF_TYPE_VIDEO_CAPTURE, r;

        r = control(s, VIDIOC_STREAMON, &type);
        if (r == -ENOSPC)
                return source_fail(error, r,
                                   "%s: the USB bus has no bandwidth left: use a smaller size or rate, or another port",
                                   s->base.info.device);
        if (r < 0)
                return fail_errno(s, r, "start streaming", error);
        s->streaming = true;
        return 0;
}

static void camera_free(struct source *source)
{
        struct camera *s = (struct camera *)source;
        int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;

        /* a camera that is gone refuses all of this, which changes nothing for us */
        if (s->streaming)
                (void)control(s, VIDIOC_STREAMOFF, &type);
        for (unsigned i = 0; i < s->n_buffers; i++)
                s->io->munmap(s->buffers[i].start, s->buffers[i].length);
        if (s->fd >= 0)
                s->io->close(s->fd);
        jpeg_decoder_free(s->jpeg);
        planes_done(&s->planes);
        free(s);
}

static void count_sequence(struct camera *s, const struct v4l2_buffer *b)
{
        uint32_t jump = b->sequence - s->last_sequence;

        if (s->seen && jump > 1 && jump < MAX_SEQUENCE_JUMP)
                s->base.stats.n_dropped += jump - 1;
        s->seen = true;
        s->last_sequence = b->sequence;
}

static int requeue(struct camera *s, unsigned index)
{
        struct v4l2_buffer b = buffer_of(index);

        return control(s, VIDIOC_QBUF, &b);
}

static bool is_whole(const struct camera *s, const struct v4l2_buffer *b)
{
        return !(b->flags & V4L2_BUF_FLAG_ERROR) && b->bytesused > 0 && b->bytesused >= s->mode.frame_bytes &&
               b->bytesused <= s->buffers[b->index].length;
}

/**
 * Takes every filled buffer from the driver and keeps the newest good one.
 * Return: 1 in *@ret, to be queued again by the caller; 0 none; -errno.
 */
static int take_newest(struct camera *s, struct v4l2_buffer *ret)
{
        bool found = false;
        int r;

        /* bounded: a fast camera must not keep us here */
        for (unsigned n = 0; n < 2 * MAX_BUFFERS; n++) {
                struct v4l2_buffer b = buffer_of(0);

                r = control(s, VIDIOC_DQBUF, &b);
                if (r == -EAGAIN)
                        break;
                if (r < 0)
                        goto fail;
                if (b.index >= s->n_buffers) {
                        r = -EIO;
                        goto fail;
                }
                count_sequence(s, &b);
                if (!is_whole(s, &b)) {
                        s->base.stats.n_corrupt++;
                        r = requeue(s, b.index);
                } else {
                        r = found ? requeue(s, ret->index) : 0;
                        s->base.stats.n_dropped += found;
                        *ret = b;
                        found = true;
                }
                if (r < 0)
                        goto fail;
        }
        return found;
fail:
        /* what was taken is lost with the camera, but it was sent */
        s->base.stats.n_dropped += found;
        return r;
}

static int decode(struct camera *s, const struct v4l2_buffer *b)
{
        const uint8_t *data = s->buffers[b->index].start;
        struct yuv_view view = {
                .y = data,
                .y_step = 1,
                .y_stride_bytes = s->mode.stride_bytes,
                .c_stride_bytes = s->mode.stride_bytes,
                .limited = s->mode.limited,
        };

        switch (s->mode.pixel_format) {
        case V4L2_PIX_FMT_MJPEG:
        case V4L2_PIX_FMT_JPEG:
                return planes_from_jpeg(&s->planes, s->jpeg, data, b->bytesused);
        case V4L2_PIX_FMT_YUYV:
                view.y_step = 2;
                view.u = data + 1;
                view.v = data + 3;
                view.c_step = 4;
                view.c_shift_x = 1;
                break;
        case V4L2_PIX_FMT_NV12:
                view.u = data + s->mode.stride_bytes * s->mode.height_px;
                view.v = view.u + 1;
                view.c_step = 2;
                view.c_shift_x = view.c_shift_y = 1;
                break;
        default:
                break;
        }
        planes_from_yuv(&s->planes, &view);
        return 0;
}

/* The driver's time, if it is of our clock and can be true; never before the last. */
static uint64_t timestamp_of(struct camera *s, const struct v4l2_buffer *b)
{
        uint64_t now = clock_usec(), t = now;

        if ((b->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC &&
            b->timestamp.tv_sec >= 0) {
                t = b->timestamp.tv_sec * UINT64_C(1000000) + b->timestamp.tv_usec;
                if (t > now || now - t > 10000000)
                        t = now;
        }
        s->last_timestamp_usec = MAX(s->last_timestamp_usec, t);
        return s->last_timestamp_usec;
}

/* Waits for the camera or @wake_fd. Return: 1 look for a frame; 0 timeout; -ECANCELED; -errno. */
static int wait_frame(struct camera *s, int wake_fd, uint64_t timeout_at, bool *ret_failed)
{
        struct pollfd p[2] = { { .fd = s->fd, .events = POLLIN }, { .fd = wake_fd, .events = POLLIN } };
        uint64_t now = clock_usec();
        uint64_t left_ms = timeout_at > now ? (timeout_at - now + 999) / 1000 : 0;
        int r;

        r = s->io->poll(p, 2, MIN(left_ms, (uint64_t)3600000));
        if (r < 0 && errno == EINTR) {
                *ret_failed = false;
                return 1;
        }
        if (r < 0)
                return -errno;
        if (p[1].revents)
                return -ECANCELED;
        if (r == 0)
                return clock_usec() >= timeout_at || left_ms == 0 ? 0 : 1;
        *ret_failed = p[0].revents & (POLLERR | POLLHUP | POLLNVAL);
        return 1;
}

static int hand_out(struct camera *s, const struct v4l2_buffer *b, struct frame *ret)
{
        uint64_t timestamp_usec = timestamp_of(s, b);
        bool rests = timestamp_usec < s->base.rest_until_usec;
        int r, decoded;

        decoded = rests ? 0 : decode(s, b);
        r = requeue(s, b->index);
        if (decoded < 0)
                s->base.stats.n_corrupt++;
        else if (r < 0)
                s->base.stats.n_dropped++;
        if (r < 0 || decoded < 0)
                return r;
        s->base.stats.n_frames++;
        *ret = (struct frame){
                .width_px = s->planes.width_px,
                .height_px = s->planes.height_px,
                .gray = rests ? NULL : s->planes.gray,
                .gray_stride_bytes = s->planes.width_px,
                .bgr = rests ? NULL : s->planes.bgr,
                .bgr_stride_bytes = s->planes.bgr ? 3 * (size_t)s->planes.width_px : 0,
                .timestamp_usec = timestamp_usec,
                .sequence = b->sequence,
                .buffer = b->index,
        };
        return 1;
}

static int camera_next(struct source *source, int wake_fd, uint64_t timeout_usec, struct frame *ret,
                       struct source_error *error)
{
        struct camera *s = (struct camera *)source;
        uint64_t now = clock_usec();
        uint64_t timeout_at = timeout_usec < UINT64_MAX - now ? now + timeout_usec : UINT64_MAX;
        struct v4l2_buffer b = {};
        bool failed = false;
        int r;

        for (;;) {
                r = wait_frame(s, wake_fd, timeout_at, &failed);
                if (r == 0 || r == -ECANCELED)
                        return r;
                if (r < 0)
                        return fail_errno(s, r, "wait for a frame", error);
                r = take_newest(s, &b);
                /* poll() says that something is wrong, and there is nothing to take that would say what */
                if (r == 0 && failed)
                        r = -ENODEV;
                if (r == 1)
                        r = hand_out(s, &b, ret);
                if (r == 1)
                        return 1;
                if (r < 0)
                        return fail_errno(s, r, "take a frame", error);
        }
}

static const struct source_ops camera_ops = { .free = camera_free, .next = camera_next };

static void fill_info(struct camera *s, const struct source_device *device)
{
        struct source_info *info = &s->base.info;

        source_copy_text(info->device, sizeof(info->device), device->node);
        source_copy_text(info->name, sizeof(info->name), device->name);
        source_copy_text(info->format, sizeof(info->format), v4l2_mode_name(s->mode.pixel_format));
        info->width_px = s->mode.width_px;
        info->height_px = s->mode.height_px;
        info->frame_rate_hz = s->mode.frame_rate_hz;
}

int source_v4l2_open(const struct source_config *config, const struct v4l2_io *io, struct source **ret,
                     struct source_error *error)
{
        _cleanup_(source_freep) struct source *source = NULL;
        struct source_device device;
        struct camera *s;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return source_fail(error, -ENOMEM, "Out of memory");
        source = &s->base;
        *s = (struct camera){ .base.ops = &camera_ops, .io = io, .fd = -1, .planes.want_bgr = config->want_bgr };
        r = v4l2_device_open(io, config->device, &device, error);
        if (r < 0)
                return r;
        s->fd = r;
        r = v4l2_negotiate(io, s->fd, config, &s->mode, error);
        if (r < 0)
                return r;
        r = v4l2_controls_set(io, s->fd, config->controls, config->n_controls, error);
        if (r < 0)
                return r;
        fill_info(s, &device);
        if (jpeg_decoder_new(&s->jpeg) < 0 || planes_reserve(&s->planes, s->mode.width_px, s->mode.height_px) < 0)
                return source_fail(error, -ENOMEM, "Out of memory");
        r = map_buffers(s, error);
        if (r < 0)
                return r;
        r = start_streaming(s, error);
        if (r < 0)
                return r;
        *ret = STEAL(source);
        return 0;
}
