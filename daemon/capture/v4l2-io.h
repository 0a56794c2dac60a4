/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The few calls that a V4L2 device is reached by, so that tests put a device of their own behind them.
 */

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

/* Each as the system call of that name: -1 and errno on failure. */
struct v4l2_io {
        int (*open)(const char *path);
        int (*close)(int fd);
        int (*ioctl)(int fd, unsigned long request, void *arg);
        void *(*mmap)(size_t length_bytes, int fd, int64_t offset);
        int (*munmap)(void *start, size_t length_bytes);
        int (*poll)(struct pollfd *fds, nfds_t n, int timeout_ms);
};

/* The kernel's, through libv4l2's file interface; formats are the camera's own, never converted by the
 * library. */
extern const struct v4l2_io v4l2_io_kernel;

/* The kernel's own open(), close() and ioctl(), for asking what a node is: libv4l2 asks each camera that it opens for
 * its format and rate, and one that is ill may let it wait. */
extern const struct v4l2_io v4l2_io_plain;

/* ioctl() repeated when a signal interrupts it. Return: 0 or more; negative errno. */
int v4l2_io_control(const struct v4l2_io *io, int fd, unsigned long request, void *arg);
