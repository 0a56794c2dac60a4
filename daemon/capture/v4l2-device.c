/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <linux/videodev2.h>
#include <string.h>

#include "daemon/capture/source-tools.h"
#include "daemon/capture/v4l2-device.h"
#include "daemon/capture/v4l2-negotiate.h"

/* Return: 0; -ENOTTY with a sentence. */
static int check_is_camera(const struct v4l2_io *io, int fd, const char *path, struct source_device *ret,
                           struct source_error *error)
{
        struct v4l2_capability c = {};
        uint32_t caps;
        int r;

        r = v4l2_io_control(io, fd, VIDIOC_QUERYCAP, &c);
        if (r == -ENODEV)
                return source_fail(error, r, "%s has just gone away", path);
        if (r < 0)
                return source_fail(error, -ENOTTY, "%s is not a camera: it does not speak V4L2", path);
        /* one driver may have several nodes: capabilities are those of all, device_caps those of this one */
        caps = c.capabilities & V4L2_CAP_DEVICE_CAPS ? c.device_caps : c.capabilities;
        if (caps & V4L2_CAP_META_CAPTURE)
                return source_fail(error, -ENOTTY, "%s is not a camera: it gives metadata, no pictures", path);
        if (!(caps & V4L2_CAP_VIDEO_CAPTURE))
                return source_fail(error, -ENOTTY, "%s is not a camera: it cannot capture video", path);
        if (!(caps & V4L2_CAP_STREAMING))
                return source_fail(error, -ENOTTY, "%s is a camera that cannot stream", path);
        source_copy_text(ret->node, sizeof(ret->node), path);
        snprintf(ret->name, sizeof(ret->name), "%.32s", (const char *)c.card);
        snprintf(ret->bus, sizeof(ret->bus), "%.32s", (const char *)c.bus_info);
        return 0;
}

static int open_node(const struct v4l2_io *io, const char *path, struct source_device *ret, struct source_error *error)
{
        int fd, r;

        fd = io->open(path);
        if (fd < 0)
                r = -errno;
        else
                r = 0;
        switch (r) {
        case 0:
                break;
        case -ENOENT:
        case -ENODEV:
        case -ENXIO:
                return source_fail(error, r == -ENXIO ? -ENODEV : r, "%s does not exist: no camera is plugged in there",
                                   path);
        case -EACCES:
        case -EPERM:
                return source_fail(error, -EACCES, "%s may not be opened: the service must be in the group video",
                                   path);
        case -EBUSY:
                return source_fail(error, r, "%s is used by another program", path);
        case -EISDIR:
                return source_fail(error, -ENOTTY, "%s is not a camera but a folder", path);
        default:
                return source_fail(error, r, "%s cannot be opened: %s", path, strerror(-r));
        }
        r = check_is_camera(io, fd, path, ret, error);
        if (r < 0) {
                io->close(fd);
                return r;
        }
        return fd;
}

static int by_number(const void *a, const void *b)
{
        int x = *(const int *)a, y = *(const int *)b;

        return (x > y) - (x < y);
}

/* Numbers of the entries videoN of @folder, ascending. Return: how many. */
static int list_numbers(const char *folder, int ret[SOURCE_MAX_DEVICES])
{
        DIR *dir = opendir(folder);
        struct dirent *e;
        int n = 0;

        if (!dir)
                return -errno;
        while (n < SOURCE_MAX_DEVICES && (e = readdir(dir))) {
                char after;

                if (sscanf(e->d_name, "video%4d%c", &ret[n], &after) == 1 && ret[n] >= 0)
                        n++;
        }
        closedir(dir);
        qsort(ret, n, sizeof(*ret), by_number);
        return n;
}

int v4l2_device_list(const struct v4l2_io *io, const char *folder, struct source_device *ret, size_t max)
{
        int numbers[SOURCE_MAX_DEVICES], n_numbers;
        struct source_error unwanted;
        size_t n = 0;

        n_numbers = list_numbers(folder, numbers);
        if (n_numbers < 0)
                return n_numbers;
        for (int i = 0; i < n_numbers && n < max; i++) {
                struct source_device d = {};
                char path[64];
                int fd;

                snprintf(path, sizeof(path), "%s/video%d", folder, numbers[i]);
                fd = open_node(io, path, &d, &unwanted);
                if (fd < 0)
                        continue;
                io->close(fd);
                ret[n++] = d;
        }
        return n;
}

int source_list_devices(struct source_device *ret, size_t max)
{
        return v4l2_device_list(&v4l2_io_plain, "/dev", ret, max);
}

/* Adds what a camera offers to a sentence. */
static void add_offer(struct source_error *passed, const struct source_device *d, const char *formats)
{
        size_t n = strlen(passed->text);

        if (!n)
                n = (size_t)snprintf(passed->text, sizeof(passed->text), "No camera offers MJPG, YUYV, NV12 or GREY");
        if (n < sizeof(passed->text))
                snprintf(passed->text + n, sizeof(passed->text) - n, "; %s (%s) offers %s", d->node, d->name,
                         *formats ? formats : "nothing");
}

/* The first node that opens as a camera and offers a format that is read: those of processors of raw pictures offer
 * none. If there is none, the error names what each offers; else it is that of the first that looked like a camera: one
 * without permission says more than "no camera". */
static int open_first(const struct v4l2_io *io, struct source_device *ret, struct source_error *error)
{
        int numbers[SOURCE_MAX_DEVICES], n, first = 0;
        struct source_error passed = { "" };

        n = list_numbers("/dev", numbers);
        for (int i = 0; i < n; i++) {
                struct source_error e;
                char path[64], formats[96];
                int fd;

                snprintf(path, sizeof(path), "/dev/video%d", numbers[i]);
                fd = open_node(io, path, ret, &e);
                if (fd >= 0 && v4l2_offers(io, fd, formats, sizeof(formats)))
                        return fd;
                if (fd >= 0) {
                        add_offer(&passed, ret, formats);
                        io->close(fd);
                } else if (!first && fd != -ENOTTY) {
                        first = fd;
                        *error = e;
                }
        }
        *ret = (struct source_device){};
        if (passed.text[0])
                return source_fail(error, -EOPNOTSUPP, "%s", passed.text);
        if (first)
                return first;
        return source_fail(error, -ENODEV, "No camera is plugged in: no node /dev/video* is a capture device");
}

int v4l2_device_open(const struct v4l2_io *io, const char *path, struct source_device *ret, struct source_error *error)
{
        *ret = (struct source_device){};
        if (strcmp(path, "auto") == 0)
                return open_first(io, ret, error);
        return open_node(io, path, ret, error);
}
