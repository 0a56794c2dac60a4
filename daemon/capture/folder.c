/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "daemon/capture/container.h"
#include "daemon/capture/source-tools.h"

/* A folder of JPEG and PNG pictures, in name order, numbers in names by their value. Sizes may differ. */

struct folder {
        struct container base;
        int fd;
        struct dirent **entries;
        int n_entries, next;
};

static int is_picture_name(const struct dirent *e)
{
        const char *dot = strrchr(e->d_name, '.');

        return dot && dot != e->d_name &&
               (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0 || strcasecmp(dot, ".png") == 0);
}

static int open_entry(struct folder *a, int i)
{
        int fd = openat(a->fd, a->entries[i]->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

        return fd < 0 ? -errno : fd;
}

static int folder_next(struct container *c, struct planes *planes)
{
        struct folder *a = (struct folder *)c;
        _cleanup_(picture_freep) struct picture *p = NULL;
        _cleanup_(closep) int fd = -1;
        int r;

        if (a->next >= a->n_entries)
                return -ENODATA;
        if (!planes) {
                a->next++;
                return 1;
        }
        fd = open_entry(a, a->next++);
        if (fd < 0)
                return -EBADMSG;
        r = picture_decode_fd(fd, planes->want_bgr ? PICTURE_BGR24 : PICTURE_GRAY8, &p);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        r = planes_reserve(planes, p->width_px, p->height_px);
        if (r < 0)
                return r;
        memcpy(planes->want_bgr ? planes->bgr : planes->gray, p->data, p->stride_bytes * p->height_px);
        if (planes->want_bgr)
                planes_gray_from_bgr(planes);
        return 1;
}

static int folder_rewind(struct container *c)
{
        struct folder *a = (struct folder *)c;

        a->next = 0;
        return 0;
}

static void folder_free(struct container *c)
{
        struct folder *a = (struct folder *)c;

        for (int i = 0; i < a->n_entries; i++)
                free(a->entries[i]);
        free(a->entries);
        fd_close(a->fd);
        free(a);
}

static const struct container_ops folder_ops = { .next = folder_next, .rewind = folder_rewind, .free = folder_free };

/* Size and format of the first picture that can be read. */
static int find_first(struct folder *a)
{
        for (int i = 0; i < a->n_entries; i++) {
                _cleanup_(closep) int fd = open_entry(a, i);
                uint8_t first = 0;

                if (fd < 0 || picture_probe_fd(fd, &a->base.width_px, &a->base.height_px) < 0)
                        continue;
                strcpy(a->base.format, pread(fd, &first, 1, 0) == 1 && first == 0xff ? "JPEG" : "PNG");
                return 0;
        }
        return -EBADMSG;
}

int folder_open(int fd, double frame_rate_hz, struct container **ret, struct source_error *error)
{
        _cleanup_(container_freep) struct container *c = NULL;
        struct folder *a;
        int n;

        a = calloc(1, sizeof(*a));
        if (!a) {
                fd_close(fd);
                return source_fail(error, -ENOMEM, "Out of memory");
        }
        c = &a->base;
        *a = (struct folder){ .base = { .ops = &folder_ops, }, .fd = fd };
        a->base.frame_rate_hz = container_rate(frame_rate_hz, 1);
        n = scandirat(fd, ".", &a->entries, is_picture_name, versionsort);
        if (n < 0)
                return source_fail(error, -errno, "The folder cannot be read: %m");
        a->n_entries = n;
        if (find_first(a) < 0)
                return source_fail(error, -EBADMSG, "The folder has no readable JPEG or PNG picture");
        *ret = STEAL(c);
        return 0;
}
