/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "train/cmd/avi.h"

#define AVI_MAX_BYTES ((size_t)1 << 30)
#define AVIF_HASINDEX 0x10u
#define AVIIF_KEYFRAME 0x10u

/* Where the chunks of the header lie; all sizes in it are fixed. */
#define STRH_SIZE 56u
#define STRF_SIZE 40u
#define STRL_SIZE (4u + 8 + STRH_SIZE + 8 + STRF_SIZE)
#define HDRL_SIZE (4u + 8 + 56 + 8 + STRL_SIZE)
#define MOVI_AT (12u + 8 + HDRL_SIZE) /* of the LIST that holds the frames */
#define HEADER_BYTES (MOVI_AT + 12)

struct entry {
        uint32_t offset, size; /* of the frame's chunk, from the "movi" sign */
};

struct avi_writer {
        FILE *f;
        unsigned width_px, height_px, rate_hz;
        struct entry *entries;
        size_t n, room, n_bytes; /* bytes of the file so far */
        uint32_t largest;
};

static uint8_t *put32(uint8_t *p, uint32_t v)
{
        for (unsigned i = 0; i < 4; i++)
                *p++ = (uint8_t)(v >> 8 * i);
        return p;
}

static uint8_t *put16(uint8_t *p, unsigned v)
{
        *p++ = (uint8_t)v;
        *p++ = (uint8_t)(v >> 8);
        return p;
}

static uint8_t *put_sign(uint8_t *p, const char *sign)
{
        memcpy(p, sign, 4);
        return p + 4;
}

static uint8_t *put_chunk(uint8_t *p, const char *sign, uint32_t size)
{
        return put32(put_sign(p, sign), size);
}

static uint8_t *put_stream_header(const struct avi_writer *w, uint8_t *p)
{
        p = put_chunk(p, "strh", STRH_SIZE);
        p = put_sign(put_sign(p, "vids"), "MJPG");
        p = put32(put32(put32(p, 0), 0), 0);              /* flags, priority and language, initial frames */
        p = put32(put32(p, 1), w->rate_hz);               /* scale, rate */
        p = put32(put32(p, 0), (uint32_t)w->n);           /* start, length */
        p = put32(put32(put32(p, w->largest), 10000), 0); /* buffer, quality, sample size */
        p = put16(put16(put16(put16(p, 0), 0), w->width_px), w->height_px);

        p = put_chunk(p, "strf", STRF_SIZE);
        p = put32(put32(put32(p, STRF_SIZE), w->width_px), w->height_px);
        p = put_sign(put16(put16(p, 1), 24), "MJPG"); /* planes, bits a pixel */
        p = put32(p, w->width_px * w->height_px * 3);
        return put32(put32(put32(put32(p, 0), 0), 0), 0);
}

static void make_header(const struct avi_writer *w, size_t movi_bytes, uint8_t ret[HEADER_BYTES])
{
        uint8_t *p = put_sign(put_chunk(ret, "RIFF", (uint32_t)(w->n_bytes - 8)), "AVI ");

        p = put_sign(put_chunk(p, "LIST", HDRL_SIZE), "hdrl");
        p = put_chunk(p, "avih", 56);
        p = put32(put32(p, 1000000 / w->rate_hz), w->largest * w->rate_hz);
        p = put32(put32(p, 0), AVIF_HASINDEX);
        p = put32(put32(put32(p, (uint32_t)w->n), 0), 1); /* frames, initial frames, streams */
        p = put32(put32(put32(p, w->largest), w->width_px), w->height_px);
        p = put32(put32(put32(put32(p, 0), 0), 0), 0);
        p = put_sign(put_chunk(p, "LIST", STRL_SIZE), "strl");
        p = put_stream_header(w, p);
        put_sign(put_chunk(p, "LIST", (uint32_t)movi_bytes), "movi");
}

static int write_all(struct avi_writer *w, const void *data, size_t size)
{
        if (size && fwrite(data, size, 1, w->f) != 1)
                return errno ? -errno : -EIO;
        w->n_bytes += size;
        return 0;
}

int avi_writer_new(const char *path, unsigned width_px, unsigned height_px, unsigned rate_hz, struct avi_writer **ret)
{
        static const uint8_t room[HEADER_BYTES] = { 0 };

        if (!width_px || !height_px || width_px > 16384 || height_px > 16384 || !rate_hz || rate_hz > 240)
                return -EINVAL;
        _cleanup_(avi_writer_freep) struct avi_writer *w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        *w = (struct avi_writer){ .width_px = width_px, .height_px = height_px, .rate_hz = rate_hz };
        w->f = fopen(path, "wbe");
        if (!w->f)
                return -errno;
        int r = write_all(w, room, sizeof(room));
        if (r < 0)
                return r;
        *ret = STEAL(w);
        return 0;
}

int avi_writer_add(struct avi_writer *w, const void *jpeg, size_t size)
{
        uint8_t chunk[8];

        if (size > AVI_MAX_BYTES || w->n_bytes + size > AVI_MAX_BYTES)
                return -EFBIG;
        if (w->n == w->room) {
                size_t larger = w->room ? w->room * 2 : 256;
                struct entry *e = reallocarray(w->entries, larger, sizeof(*e));

                if (!e)
                        return -ENOMEM;
                w->entries = e;
                w->room = larger;
        }
        w->entries[w->n++] = (struct entry){ (uint32_t)(w->n_bytes - MOVI_AT - 8), (uint32_t)size };
        w->largest = MAX(w->largest, (uint32_t)size);
        put_chunk(chunk, "00dc", (uint32_t)size);
        int r = write_all(w, chunk, sizeof(chunk));
        if (r == 0)
                r = write_all(w, jpeg, size);
        if (r == 0)
                r = write_all(w, "", size & 1); /* chunks begin at even places */
        return r;
}

int avi_writer_finish(struct avi_writer *w)
{
        uint8_t header[HEADER_BYTES], chunk[16];
        size_t movi_bytes = w->n_bytes - MOVI_AT - 8;

        put_chunk(chunk, "idx1", (uint32_t)(w->n * sizeof(chunk)));
        int r = write_all(w, chunk, 8);
        for (size_t i = 0; i < w->n && r == 0; i++) {
                put32(put32(put32(put_sign(chunk, "00dc"), AVIIF_KEYFRAME), w->entries[i].offset), w->entries[i].size);
                r = write_all(w, chunk, sizeof(chunk));
        }
        if (r < 0)
                return r;
        make_header(w, movi_bytes, header);
        errno = 0;
        if (fseek(w->f, 0, SEEK_SET) < 0 || fwrite(header, sizeof(header), 1, w->f) != 1 || fflush(w->f) != 0)
                return errno ? -errno : -EIO;
        return 0;
}

struct avi_writer *avi_writer_free(struct avi_writer *w)
{
        if (!w)
                return NULL;
        if (w->f)
                fclose(w->f);
        free(w->entries);
        free(w);
        return NULL;
}
