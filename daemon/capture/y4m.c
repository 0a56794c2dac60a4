/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "daemon/capture/container.h"
#include "daemon/capture/source-tools.h"

/* YUV4MPEG2 (mjpegtools, yuv4mpeg(5)): a line of parameters, then per frame a line "FRAME" and the planes. */

#define MAX_LINE 1024
#define MAGIC "YUV4MPEG2 "

struct y4m {
        struct container base;
        int fd;
        uint64_t pos, first_pos;
        struct yuv_view view;
        uint8_t *data; /* one frame's planes */
        size_t frame_bytes;
};

static const struct layout {
        const char *name;
        bool gray, alpha;
        uint8_t shift_x, shift_y;
} layouts[] = {
        { "420", false, false, 1, 1 },      { "420jpeg", false, false, 1, 1 }, { "420mpeg2", false, false, 1, 1 },
        { "420paldv", false, false, 1, 1 }, { "422", false, false, 1, 0 },     { "444", false, false, 0, 0 },
        { "411", false, false, 2, 0 },      { "440", false, false, 0, 1 },     { "444alpha", false, true, 0, 0 },
        { "mono", true, false, 0, 0 },
};

/* A line at a->pos without its end; moves behind it. */
static int read_line(struct y4m *a, char ret[MAX_LINE + 1])
{
        ssize_t n;
        char *end;

        do
                n = pread(a->fd, ret, MAX_LINE, a->pos);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        if (n == 0)
                return -ENODATA;
        end = memchr(ret, '\n', n);
        if (!end)
                return n < MAX_LINE ? -ENODATA : -EBADMSG;
        *end = '\0';
        a->pos += end - ret + 1;
        return 0;
}

static int y4m_next(struct container *c, struct planes *planes)
{
        struct y4m *a = (struct y4m *)c;
        char line[MAX_LINE + 1];
        uint8_t last;
        int r;

        r = read_line(a, line);
        if (r < 0)
                return r == -EBADMSG ? -ENODATA : r;
        /* frames have no length of their own: once out of step there is no way back */
        if (strncmp(line, "FRAME", 5) != 0 || (line[5] && line[5] != ' '))
                return -ENODATA;
        if (!planes)
                r = container_read(a->fd, a->pos + a->frame_bytes - 1, &last, 1);
        else
                r = container_read(a->fd, a->pos, a->data, a->frame_bytes);
        a->pos += a->frame_bytes;
        if (r < 0)
                return r == -ENODATA ? -EBADMSG : r;
        if (!planes)
                return 1;
        r = planes_reserve(planes, c->width_px, c->height_px);
        if (r < 0)
                return r;
        planes_from_yuv(planes, &a->view);
        return 1;
}

static int y4m_rewind(struct container *c)
{
        struct y4m *a = (struct y4m *)c;

        a->pos = a->first_pos;
        return 0;
}

static void y4m_free(struct container *c)
{
        struct y4m *a = (struct y4m *)c;

        fd_close(a->fd);
        free(a->data);
        free(a);
}

static const struct container_ops y4m_ops = { .next = y4m_next, .rewind = y4m_rewind, .free = y4m_free };

static const struct layout *find_layout(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(layouts); i++)
                if (strcmp(layouts[i].name, name) == 0)
                        return &layouts[i];
        return NULL;
}

/* Digits only, up to the end of @s or to @stop. Return: the number, or 0 if it is none or beyond 9 digits. */
static unsigned long parse_number(const char *s, char stop, const char **ret_rest)
{
        unsigned long v = 0;
        int n = 0;

        for (; *s >= '0' && *s <= '9'; s++, n++)
                v = n < 9 ? v * 10 + (*s - '0') : 0;
        *ret_rest = *s && *s == stop ? s + 1 : s;
        return n > 0 && n <= 9 && (*s == '\0' || *s == stop) ? v : 0;
}

static int parse_header(struct y4m *a, char *line, const struct layout **ret_layout, struct source_error *error)
{
        const struct layout *layout = &layouts[0];
        unsigned long width = 0, height = 0, numerator = 0, denominator = 0;
        char *saved = NULL;
        const char *rest;

        a->view.limited = true; /* what the format says where nothing else does */
        for (char *word = strtok_r(line + strlen(MAGIC), " ", &saved); word; word = strtok_r(NULL, " ", &saved)) {
                if (word[0] == 'W') {
                        width = parse_number(word + 1, 0, &rest);
                } else if (word[0] == 'H') {
                        height = parse_number(word + 1, 0, &rest);
                } else if (word[0] == 'F') {
                        numerator = parse_number(word + 1, ':', &rest);
                        denominator = parse_number(rest, 0, &rest);
                } else if (word[0] == 'C') {
                        layout = find_layout(word + 1);
                        if (!layout)
                                return source_fail(error, -EOPNOTSUPP, "The Y4M file's pixel format %.32s is not read",
                                                   word + 1);
                } else if (strcmp(word, "XCOLORRANGE=FULL") == 0) {
                        a->view.limited = false;
                }
        }
        if (!width || !height)
                return source_fail(error, -EBADMSG, "The Y4M file's header has no valid size");
        if (width > PICTURE_MAX_SIDE_PX || height > PICTURE_MAX_SIDE_PX || width * height > PICTURE_MAX_PIXELS)
                return source_fail(error, -EFBIG, "The Y4M file's pictures are too large: %lux%lu", width, height);
        a->base.width_px = width;
        a->base.height_px = height;
        a->base.frame_rate_hz = container_rate(numerator, denominator);
        *ret_layout = layout;
        return 0;
}

/* Sizes and places of a frame's planes, before there is memory for them. */
static void set_layout(struct y4m *a, const struct layout *l, size_t *ret_u, size_t *ret_v)
{
        size_t width = a->base.width_px, height = a->base.height_px;
        size_t c_width = (width + (1u << l->shift_x) - 1) >> l->shift_x;
        size_t c_height = (height + (1u << l->shift_y) - 1) >> l->shift_y;

        a->frame_bytes = width * height * (l->alpha ? 2 : 1) + (l->gray ? 0 : 2 * c_width * c_height);
        a->view.y_step = a->view.c_step = 1;
        a->view.y_stride_bytes = width;
        a->view.c_stride_bytes = c_width;
        a->view.c_shift_x = l->shift_x;
        a->view.c_shift_y = l->shift_y;
        *ret_u = l->gray ? 0 : width * height;
        *ret_v = l->gray ? 0 : width * height + c_width * c_height;
}

static int read_start(struct y4m *a, struct source_error *error)
{
        const struct layout *layout = NULL;
        char line[MAX_LINE + 1];
        size_t u, v;
        int r;

        r = read_line(a, line);
        if (r < 0 || strncmp(line, MAGIC, strlen(MAGIC)) != 0)
                return source_fail(error, -EBADMSG, "The Y4M file's header is broken");
        r = parse_header(a, line, &layout, error);
        if (r < 0)
                return r;
        set_layout(a, layout, &u, &v);
        a->first_pos = a->pos;
        r = y4m_next(&a->base, NULL);
        if (r < 0)
                return source_fail(error, -EBADMSG, "The Y4M file has no whole frame");
        a->pos = a->first_pos;
        /* the file has that many bytes, so a lying header costs no memory */
        a->data = malloc(a->frame_bytes);
        if (!a->data)
                return source_fail(error, -ENOMEM, "Out of memory");
        a->view.y = a->data;
        a->view.u = u ? a->data + u : NULL;
        a->view.v = v ? a->data + v : NULL;
        return 0;
}

int y4m_open(int fd, struct container **ret, struct source_error *error)
{
        _cleanup_(container_freep) struct container *c = NULL;
        struct y4m *a;
        int r;

        a = calloc(1, sizeof(*a));
        if (!a) {
                fd_close(fd);
                return source_fail(error, -ENOMEM, "Out of memory");
        }
        c = &a->base;
        *a = (struct y4m){ .base = { .ops = &y4m_ops, .format = "Y4M" }, .fd = fd };
        r = read_start(a, error);
        if (r < 0)
                return r;
        *ret = STEAL(c);
        return 0;
}
