/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <libv4l2.h>
#include <linux/videodev2.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "basic/macro.h"
#include "daemon/capture/v4l2-io.h"

static int plain_open(const char *path)
{
        return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

static int plain_ioctl(int fd, unsigned long request, void *arg)
{
        return ioctl(fd, request, arg);
}

const struct v4l2_io v4l2_io_plain = { .open = plain_open, .close = close, .ioctl = plain_ioctl };

static int kernel_open(const char *path)
{
        int fd = plain_open(path);
        struct v4l2_capability c;

        /* The library writes to standard error about what is no capture device, so that it is shown none; for
         * a descriptor that it does not know its functions are the kernel's. */
        if (fd >= 0 && ioctl(fd, VIDIOC_QUERYCAP, &c) == 0 && c.capabilities & V4L2_CAP_VIDEO_CAPTURE)
                (void)v4l2_fd_open(fd, V4L2_DISABLE_CONVERSION);
        return fd;
}

static int kernel_ioctl(int fd, unsigned long request, void *arg)
{
        return v4l2_ioctl(fd, request, arg);
}

static void *kernel_mmap(size_t length_bytes, int fd, int64_t offset)
{
        return v4l2_mmap(NULL, length_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
}

const struct v4l2_io v4l2_io_kernel = {
        .open = kernel_open,
        .close = v4l2_close,
        .ioctl = kernel_ioctl,
        .mmap = kernel_mmap,
        .munmap = v4l2_munmap,
        .poll = poll,
};

int v4l2_io_control(const struct v4l2_io *io, int fd, unsigned long request, void *arg)
{
        int r;

        do
                r = io->ioctl(fd, request, arg);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : r;
}
