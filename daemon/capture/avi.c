/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <string.h>

#include "daemon/capture/container.h"
#include "daemon/capture/source-tools.h"

/*
 * RIFF AVI with Motion-JPEG (Microsoft, "AVI RIFF File Reference"). Chunks are walked one after another, and
 * lists that may hold frames are entered rather than jumped over: neither the index nor the size of any list
 * is believed, so files that were cut, or never finished by their recorder, play as far as they go.
 */

/* a frame follows within this many other chunks, or the file is not worth more reading */
#define MAX_CHUNKS_BETWEEN 4096
#define MAX_STREAMS 100
/* what is read at once when the next frame is looked for, and what of one must be seen: name, size, two bytes */
#define SEARCH_BYTES 65536
#define FRAME_START 10

#define FOURCC(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

struct avi {
        struct container base;
        int fd;
        struct jpeg_decoder *jpeg;
        uint64_t pos, first_pos; /* of the next chunk; of the first after the headers */
        unsigned stream;         /* number of the video stream */
        uint8_t *data;           /* one frame's JPEG */
        size_t capacity;
};

struct chunk {
        uint32_t id, size;
        uint32_t list_type; /* of RIFF and LIST */
        uint64_t data_pos;
};

static uint32_t get32(const uint8_t *p)
{
        uint32_t v;

        memcpy(&v, p, sizeof(v));
        return le32toh(v);
}

static bool is_list(uint32_t id)
{
        return id == FOURCC('L', 'I', 'S', 'T') || id == FOURCC('R', 'I', 'F', 'F');
}

/* Reads the header of the chunk at a->pos and moves to the next: into a list, behind anything else. */
static int next_chunk(struct avi *a, struct chunk *ret)
{
        uint8_t header[12] = {};
        int r;

        r = container_read(a->fd, a->pos, header, 8);
        if (r < 0)
                return r;
        *ret = (struct chunk){ .id = get32(header), .size = get32(header + 4), .data_pos = a->pos + 8 };
        for (int i = 0; i < 4; i++)
                if (header[i] < 0x20 || header[i] > 0x7e)
                        return -EBADMSG;
        if (is_list(ret->id)) {
                r = container_read(a->fd, a->pos + 8, header + 8, 4);
                if (r < 0)
                        return r;
                ret->list_type = get32(header + 8);
        }
        switch (ret->list_type) {
        case FOURCC('A', 'V', 'I', ' '):
        case FOURCC('A', 'V', 'I', 'X'):
        case FOURCC('h', 'd', 'r', 'l'):
        case FOURCC('s', 't', 'r', 'l'):
        case FOURCC('m', 'o', 'v', 'i'):
        case FOURCC('r', 'e', 'c', ' '):
                a->pos += 12;
                break;
        default:
                a->pos = ret->data_pos + ret->size + (ret->size & 1);
        }
        return 0;
}

/* "00dc", "00db": compressed or uncompressed video of stream 00. */
static bool is_video_of(uint32_t id, unsigned stream)
{
        uint32_t kind = id >> 16;

        return (kind == ('d' | 'c' << 8) || kind == ('d' | 'b' << 8)) && (id & 0xff) == '0' + stream / 10 &&
               (id >> 8 & 0xff) == '0' + stream % 10;
}

/* Chunks that may stand among the frames; another name is no chunk but what somebody left between them. */
static bool is_usual(const struct chunk *c)
{
        static const uint32_t names[] = { FOURCC('J', 'U', 'N', 'K'), FOURCC('i', 'd', 'x', '1') };
        uint8_t first = c->id & 0xff, second = c->id >> 8 & 0xff;

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (c->id == names[i])
                        return true;
        return is_list(c->id) || (first >= '0' && first <= '9' && second >= '0' && second <= '9') ||
               (first == 'i' && second == 'x');
}

/* Behind garbage: to the next chunk of the video that a JPEG begins in. Return: 0; -ENODATA there is none near. */
static int find_frame(struct avi *a, uint64_t from)
{
        uint8_t block[SEARCH_BYTES + FRAME_START];
        uint64_t end = from + PICTURE_MAX_FILE_BYTES;

        for (; from < end; from += SEARCH_BYTES) {
                ssize_t n = pread(a->fd, block, sizeof(block), (off_t)from);

                if (n < 0)
                        return errno == EINTR ? 0 : -errno;
                for (ssize_t i = 0; i + FRAME_START <= n; i++) {
                        const uint8_t *p = block + i;

                        if (p[8] != 0xff || p[9] != 0xd8 || !is_video_of(get32(p), a->stream))
                                continue;
                        a->pos = from + (uint64_t)i;
                        return 0;
                }
                if (n < (ssize_t)sizeof(block))
                        break;
        }
        return -ENODATA;
}

/* Return: 1 a whole frame in a->data; 0 an empty one (the recorder had none); -EBADMSG, -ENODATA, ... */
static int next_frame(struct avi *a, bool wanted, size_t *ret_size)
{
        struct chunk chunk = {};
        int r;

        for (unsigned n = 0; !is_video_of(chunk.id, a->stream); n++) {
                uint64_t at = a->pos;

                r = next_chunk(a, &chunk);
                if (n > MAX_CHUNKS_BETWEEN)
                        return -ENODATA;
                if (r == -EBADMSG || (r >= 0 && !is_usual(&chunk))) {
                        chunk = (struct chunk){};
                        r = find_frame(a, at + 1);
                }
                if (r < 0)
                        return r;
        }
        if (chunk.size == 0)
                return 0;
        if (!wanted)
                return 1;
        if (chunk.size > PICTURE_MAX_FILE_BYTES)
                return -EBADMSG;
        if (chunk.size > a->capacity) {
                uint8_t last, *data;

                /* a lying size is found out before it costs memory */
                r = container_read(a->fd, chunk.data_pos + chunk.size - 1, &last, 1);
                if (r < 0)
                        return r == -ENODATA ? -EBADMSG : r;
                data = realloc(a->data, chunk.size);
                if (!data)
                        return -ENOMEM;
                a->data = data;
                a->capacity = chunk.size;
        }
        r = container_read(a->fd, chunk.data_pos, a->data, chunk.size);
        if (r < 0)
                return r == -ENODATA ? -EBADMSG : r;
        *ret_size = chunk.size;
        return 1;
}

static int avi_next(struct container *c, struct planes *planes)
{
        struct avi *a = (struct avi *)c;
        size_t size = 0;
        int r;

        r = next_frame(a, planes, &size);
        if (r <= 0 || !planes)
                return r;
        r = planes_reserve(planes, c->width_px, c->height_px);
        if (r < 0)
                return r;
        r = planes_from_jpeg(planes, a->jpeg, a->data, size);
        return r < 0 ? r : 1;
}

static int avi_rewind(struct container *c)
{
        struct avi *a = (struct avi *)c;

        a->pos = a->first_pos;
        return 0;
}

static void avi_free(struct container *c)
{
        struct avi *a = (struct avi *)c;

        jpeg_decoder_free(a->jpeg);
        fd_close(a->fd);
        free(a->data);
        free(a);
}

static const struct container_ops avi_ops = { .next = avi_next, .rewind = avi_rewind, .free = avi_free };

static bool is_motion_jpeg(uint32_t fourcc)
{
        return fourcc == FOURCC('M', 'J', 'P', 'G') || fourcc == FOURCC('m', 'j', 'p', 'g') ||
               fourcc == FOURCC('J', 'P', 'E', 'G') || fourcc == FOURCC('j', 'p', 'e', 'g') ||
               fourcc == FOURCC('A', 'V', 'R', 'n') || fourcc == FOURCC('d', 'm', 'b', '1');
}

/* Walks the headers up to the frames: a->stream, the rate, the codec. */
static int read_headers(struct avi *a, struct source_error *error)
{
        int stream = -1, video = -1;
        uint8_t b[48];

        for (unsigned n = 0; n < MAX_CHUNKS_BETWEEN; n++) {
                struct chunk chunk;
                int r;

                r = next_chunk(a, &chunk);
                if (r < 0)
                        break;
                if (chunk.list_type == FOURCC('m', 'o', 'v', 'i')) {
                        if (video < 0)
                                return source_fail(error, -EOPNOTSUPP, "The AVI file has no video stream");
                        a->stream = video;
                        a->first_pos = a->pos;
                        return 0;
                }
                if (chunk.id == FOURCC('s', 't', 'r', 'h') && ++stream < MAX_STREAMS && video < 0 && chunk.size >= 28 &&
                    container_read(a->fd, chunk.data_pos, b, 28) == 0 && get32(b) == FOURCC('v', 'i', 'd', 's')) {
                        video = stream;
                        a->base.frame_rate_hz = container_rate(get32(b + 24), get32(b + 20));
                }
                if (chunk.id == FOURCC('s', 't', 'r', 'f') && stream == video && video >= 0 && chunk.size >= 20 &&
                    container_read(a->fd, chunk.data_pos, b, 20) == 0 && !is_motion_jpeg(get32(b + 16)))
                        return source_fail(error, -EOPNOTSUPP, "The AVI file's video is not Motion-JPEG");
        }
        return source_fail(error, -EBADMSG, "The AVI file ends before its frames, or is broken");
}

/* The pictures' own size; the file's header may say anything. */
static int find_size(struct avi *a, struct source_error *error)
{
        size_t size;
        int r;

        do {
                r = next_frame(a, true, &size);
                if (r == 1)
                        r = jpeg_decoder_header(a->jpeg, a->data, size, &a->base.width_px, &a->base.height_px) < 0
                                    ? -EBADMSG
                                    : 1;
        } while (r == 0 || r == -EBADMSG);
        a->pos = a->first_pos;
        if (r == -ENODATA)
                return source_fail(error, -EBADMSG, "The AVI file has no readable frame");
        if (r < 0)
                return source_fail(error, r, "The AVI file cannot be read: %s", strerror(-r));
        return 0;
}

int avi_open(int fd, struct container **ret, struct source_error *error)
{
        _cleanup_(container_freep) struct container *c = NULL;
        struct avi *a;
        int r;

        a = calloc(1, sizeof(*a));
        if (!a) {
                fd_close(fd);
                return source_fail(error, -ENOMEM, "Out of memory");
        }
        c = &a->base;
        *a = (struct avi){ .base = { .ops = &avi_ops, .format = "MJPG" }, .fd = fd };
        r = jpeg_decoder_new(&a->jpeg);
        if (r < 0)
                return source_fail(error, r, "Out of memory");
        r = read_headers(a, error);
        if (r < 0)
                return r;
        r = find_size(a, error);
        if (r < 0)
                return r;
        *ret = STEAL(c);
        return 0;
}
