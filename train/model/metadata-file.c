/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "basic/macro.h"
#include "basic/replace-file.h"
#include "nn/emotion-nn.h"
#include "train/model/metadata-file.h"

/* Of onnx.proto: ModelProto.metadata_props, and StringStringEntryProto's key and value. */
#define METADATA_PROPS 14u
#define ENTRY_KEY 1u
#define ENTRY_VALUE 2u

struct bytes {
        const uint8_t *at, *end;
};

struct field {
        unsigned number, type;    /* wire type */
        struct bytes whole, body; /* with its tag; of type 2 what it holds */
};

static int read_varint(struct bytes *b, uint64_t *ret)
{
        uint64_t v = 0;

        for (unsigned shift = 0; shift < 64 && b->at < b->end; shift += 7) {
                uint8_t byte = *b->at++;

                v |= (uint64_t)(byte & 0x7f) << shift;
                if (!(byte & 0x80)) {
                        *ret = v;
                        return 0;
                }
        }
        return -EBADMSG;
}

static int read_field(struct bytes *b, struct field *ret)
{
        const uint8_t *start = b->at;
        uint64_t tag, n = 0;

        if (read_varint(b, &tag) < 0 || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
                return -EBADMSG;
        ret->number = (unsigned)(tag >> 3);
        ret->type = tag & 7;
        if (ret->type == 0 || ret->type == 2) {
                if (read_varint(b, &n) < 0)
                        return -EBADMSG;
                n = ret->type == 0 ? 0 : n;
        } else if (ret->type == 1 || ret->type == 5) {
                n = ret->type == 1 ? 8 : 4;
        } else {
                return -EBADMSG;
        }
        if (n > (uint64_t)(b->end - b->at))
                return -EBADMSG;
        ret->body = (struct bytes){ b->at, b->at + n };
        b->at += n;
        ret->whole = (struct bytes){ start, b->at };
        return 0;
}

/* Whether @f is an entry of metadata that is to be replaced. Return: 0, 1 or -EBADMSG. */
static int is_replaced(const struct field *f, const struct metadata_entry *entries, size_t n)
{
        struct bytes b = f->body;
        struct field inner;

        if (f->number != METADATA_PROPS || f->type != 2)
                return 0;
        while (b.at < b.end) {
                if (read_field(&b, &inner) < 0)
                        return -EBADMSG;
                for (size_t i = 0; inner.number == ENTRY_KEY && inner.type == 2 && i < n; i++) {
                        size_t length = (size_t)(inner.body.end - inner.body.at);

                        if (length == strlen(entries[i].key) && memcmp(inner.body.at, entries[i].key, length) == 0)
                                return 1;
                }
        }
        return 0;
}

static void put_varint(FILE *f, uint64_t v)
{
        for (; v >= 0x80; v >>= 7)
                putc((int)(v & 0x7f) | 0x80, f);
        putc((int)v, f);
}

static size_t varint_size(uint64_t v)
{
        size_t n = 1;

        for (; v >= 0x80; v >>= 7)
                n++;
        return n;
}

static void put_text(FILE *f, unsigned number, const char *text)
{
        put_varint(f, number << 3 | 2);
        put_varint(f, strlen(text));
        fputs(text, f);
}

static void put_entry(FILE *f, const struct metadata_entry *e)
{
        size_t key = strlen(e->key), value = strlen(e->value);

        put_varint(f, METADATA_PROPS << 3 | 2);
        put_varint(f, 2 + varint_size(key) + key + varint_size(value) + value);
        put_text(f, ENTRY_KEY, e->key);
        put_text(f, ENTRY_VALUE, e->value);
}

int metadata_file_read(const char *path, uint8_t **ret, size_t *ret_size)
{
        _cleanup_(fclosep) FILE *f = fopen(path, "re");
        _cleanup_(freep) uint8_t *data = NULL;
        struct stat st;

        if (!f || fstat(fileno(f), &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if ((uint64_t)st.st_size > NN_MAX_FILE_BYTES)
                return -EFBIG;
        data = malloc((size_t)st.st_size + 1);
        if (!data)
                return -ENOMEM;
        *ret_size = fread(data, 1, (size_t)st.st_size, f);
        if (ferror(f))
                return -EIO;
        *ret = STEAL(data);
        return 0;
}

int metadata_file_write(const char *path, const char *out, const struct metadata_entry *entries, size_t n)
{
        _cleanup_(replace_file_done) struct replace_file f = { 0 };
        _cleanup_(freep) uint8_t *data = NULL;
        size_t size;
        int r = metadata_file_read(path, &data, &size);

        if (r >= 0)
                r = replace_file_open(&f, out);
        if (r < 0)
                return r;
        for (struct bytes b = { data, data + size }; b.at < b.end;) {
                struct field field;

                r = read_field(&b, &field);
                if (r >= 0)
                        r = is_replaced(&field, entries, n);
                if (r < 0)
                        return r;
                if (!r)
                        fwrite(field.whole.at, 1, (size_t)(field.whole.end - field.whole.at), f.stream);
        }
        for (size_t i = 0; i < n; i++)
                if (entries[i].value)
                        put_entry(f.stream, &entries[i]);
        return replace_file_commit(&f);
}
