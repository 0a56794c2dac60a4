/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <linux/videodev2.h>
#include <string.h>

#include "daemon/capture/source-tools.h"
#include "daemon/capture/v4l2-controls.h"

/* A driver that never says that it has told of all of them. */
#define MAX_CONTROLS 512u

/* "Exposure, Auto" is exposure_auto: letters and digits in small, and one "_" for all that is between. */
static void plain_name(const struct v4l2_queryctrl *q, char *ret)
{
        size_t n = 0;
        bool gap = false;

        for (size_t i = 0; i < sizeof(q->name) && q->name[i]; i++) {
                if (!isalnum(q->name[i])) {
                        gap = n > 0;
                        continue;
                }
                if (gap)
                        ret[n++] = '_';
                gap = false;
                ret[n++] = (char)tolower(q->name[i]);
        }
        ret[n] = '\0';
}

static bool can_be_set(const struct v4l2_queryctrl *q)
{
        return !(q->flags & (V4L2_CTRL_FLAG_DISABLED | V4L2_CTRL_FLAG_READ_ONLY)) &&
               (q->type == V4L2_CTRL_TYPE_INTEGER || q->type == V4L2_CTRL_TYPE_BOOLEAN ||
                q->type == V4L2_CTRL_TYPE_MENU || q->type == V4L2_CTRL_TYPE_INTEGER_MENU);
}

/* Finds @name. Return: 0; -ENOENT, with the names that there are at @names. */
static int find(const struct v4l2_io *io, int fd, const char *name, struct v4l2_queryctrl *ret, char *names,
                size_t size)
{
        struct v4l2_queryctrl q = { .id = V4L2_CTRL_FLAG_NEXT_CTRL };
        size_t used = 0;

        names[0] = '\0';
        for (unsigned i = 0; i < MAX_CONTROLS && v4l2_io_control(io, fd, VIDIOC_QUERYCTRL, &q) >= 0; i++) {
                char plain[2 * sizeof(q.name)];

                plain_name(&q, plain);
                if (can_be_set(&q) && strcmp(plain, name) == 0) {
                        *ret = q;
                        return 0;
                }
                if (can_be_set(&q) && used < size)
                        used += (size_t)snprintf(names + used, size - used, "%s%s", used ? ", " : "", plain);
                q.id |= V4L2_CTRL_FLAG_NEXT_CTRL;
        }
        return -ENOENT;
}

static int set(const struct v4l2_io *io, int fd, const struct source_control *c, struct source_error *error)
{
        struct v4l2_control value = { .value = c->value };
        struct v4l2_queryctrl q;
        char names[128];
        int r = find(io, fd, c->name, &q, names, sizeof(names));

        if (r < 0)
                return source_fail(error, -EINVAL, "camera.controls: the camera has no %s; it has %s%s", c->name,
                                   *names ? names : "none", strlen(names) + 1 == sizeof(names) ? "..." : "");
        if (c->value < q.minimum || c->value > q.maximum ||
            (q.step > 1 && ((int64_t)c->value - q.minimum) % q.step != 0))
                return source_fail(error, -EINVAL,
                                   "camera.controls: %s: %d is outside %d..%d in steps of %d, which the camera takes",
                                   c->name, c->value, q.minimum, q.maximum, q.step);
        value.id = q.id;
        r = v4l2_io_control(io, fd, VIDIOC_S_CTRL, &value);
        if (r < 0)
                return source_fail(error, r == -ERANGE ? -EINVAL : r, "camera.controls: the camera refuses %s = %d: %s",
                                   c->name, c->value, strerror(-r));
        return 0;
}

int v4l2_controls_set(const struct v4l2_io *io, int fd, const struct source_control *controls, size_t n,
                      struct source_error *error)
{
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++)
                r = set(io, fd, &controls[i], error);
        return r;
}
