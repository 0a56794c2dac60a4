/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/graph.h"
#include "train/model/npy.h"

#define MAGIC "\x93NUMPY"
#define MAX_HEADER 65536u

static const struct {
        const char *descr;
        enum nn_type type;
} types[] = {
        { "<f4", NN_FLOAT32 }, { "|u1", NN_UINT8 }, { "|i1", NN_INT8 },
        { "<i4", NN_INT32 },   { "<i8", NN_INT64 }, { "|b1", NN_BOOL },
};

/* The text after 'key': in the header's dict; NULL if it is missing. */
static const char *find_key(const char *header, const char *key)
{
        char quoted[32];
        const char *at;

        snprintf(quoted, sizeof(quoted), "'%s'", key);
        at = strstr(header, quoted);
        if (!at)
                return NULL;
        at += strlen(quoted);
        at += strspn(at, " ");
        if (*at++ != ':')
                return NULL;
        return at + strspn(at, " ");
}

static int parse_shape(const char *at, struct nn_tensor *t)
{
        if (*at++ != '(')
                return -EBADMSG;
        for (;;) {
                int64_t dim = 0;

                at += strspn(at, " ");
                if (*at == ')')
                        return 0;
                if (!isdigit((unsigned char)*at))
                        return -EBADMSG;
                for (; isdigit((unsigned char)*at); at++)
                        if (__builtin_mul_overflow(dim, 10, &dim) || __builtin_add_overflow(dim, *at - '0', &dim))
                                return -EFBIG;
                if (t->n_dims == NN_MAX_DIMS)
                        return -EFBIG;
                t->dims[t->n_dims++] = dim;
                at += strspn(at, " ");
                if (*at == ',')
                        at++;
                else if (*at != ')')
                        return -EBADMSG;
        }
}

static int parse_header(const char *header, struct nn_tensor *t)
{
        const char *descr = find_key(header, "descr"), *order = find_key(header, "fortran_order");
        const char *shape = find_key(header, "shape");

        if (!descr || !order || !shape || *descr != '\'')
                return -EBADMSG;
        if (strncmp(order, "False", 5) != 0)
                return strncmp(order, "True", 4) == 0 ? -EOPNOTSUPP : -EBADMSG;
        for (size_t i = 0; i < ARRAY_LEN(types); i++)
                if (strncmp(descr + 1, types[i].descr, 3) == 0 && descr[4] == '\'') {
                        t->type = types[i].type;
                        return parse_shape(shape, t);
                }
        return -EOPNOTSUPP;
}

static int read_header(FILE *f, char *header)
{
        uint8_t start[8], size[4] = { 0 };
        uint32_t n;

        if (fread(start, 1, sizeof(start), f) != sizeof(start) || memcmp(start, MAGIC, 6) != 0)
                return -EBADMSG;
        if (start[6] < 1 || start[6] > 2)
                return -EOPNOTSUPP;
        if (fread(size, 1, start[6] == 1 ? 2 : 4, f) != (start[6] == 1 ? 2u : 4u))
                return -EBADMSG;
        n = size[0] | (uint32_t)size[1] << 8 | (uint32_t)size[2] << 16 | (uint32_t)size[3] << 24;
        if (n >= MAX_HEADER)
                return -EFBIG;
        if (fread(header, 1, n, f) != n)
                return -EBADMSG;
        header[n] = 0;
        return 0;
}

int npy_read(const char *path, struct nn_tensor *ret)
{
        _cleanup_(fclosep) FILE *f = fopen(path, "re");
        _cleanup_(freep) char *header = malloc(MAX_HEADER);
        struct nn_tensor t = { 0 };
        size_t bytes, have = 0, room = 0;
        uint8_t *data = NULL;
        bool ok;
        int r;

        if (!f)
                return -errno;
        if (!header)
                return -ENOMEM;
        r = read_header(f, header);
        if (r == 0)
                r = parse_header(header, &t);
        if (r < 0)
                return r;
        bytes = nn_tensor_bytes(&t, &ok);
        if (!ok)
                return -EFBIG;
        /* memory follows what really comes, so that a lying header costs nothing */
        while (have < bytes) {
                size_t n;

                if (have == room) {
                        uint8_t *bigger;

                        room = MIN(MAX(2 * room, (size_t)65536), bytes);
                        bigger = realloc(data, room);
                        if (!bigger) {
                                free(data);
                                return -ENOMEM;
                        }
                        data = bigger;
                }
                n = fread(data + have, 1, room - have, f);
                if (n == 0) {
                        free(data);
                        return ferror(f) ? -EIO : -EBADMSG;
                }
                have += n;
        }
        t.data = data;
        *ret = t;
        return 0;
}

int npy_write(const char *path, const struct nn_tensor *t)
{
        char header[512];
        size_t bytes, n = 0;
        uint8_t size[2];
        FILE *f;
        bool ok;

        bytes = nn_tensor_bytes(t, &ok);
        if (!ok)
                return -EINVAL;
        for (size_t i = 0; i < ARRAY_LEN(types); i++)
                if (types[i].type == t->type)
                        n = (size_t)snprintf(header, sizeof(header),
                                             "{'descr': '%s', 'fortran_order': False, 'shape': (", types[i].descr);
        for (unsigned i = 0; i < t->n_dims; i++)
                n += (size_t)snprintf(header + n, sizeof(header) - n, "%" PRId64 ",%s", t->dims[i],
                                      i + 1 < t->n_dims ? " " : "");
        n += (size_t)snprintf(header + n, sizeof(header) - n, "), }");
        /* data starts at a multiple of 64; the header ends in a newline */
        while ((10 + n + 1) % 64)
                header[n++] = ' ';
        header[n++] = '\n';
        size[0] = (uint8_t)(n & 0xff);
        size[1] = (uint8_t)(n >> 8);

        f = fopen(path, "we");
        if (!f)
                return -errno;
        ok = fwrite(MAGIC "\x01\x00", 1, 8, f) == 8 && fwrite(size, 1, 2, f) == 2 && fwrite(header, 1, n, f) == n &&
             (bytes == 0 || fwrite(t->data, 1, bytes, f) == bytes);
        return fclose(f) == 0 && ok ? 0 : -EIO;
}
