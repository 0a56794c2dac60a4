/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn/error.h"
#include "nn/memory.h"
#include "nn/onnx-external.h"

/* Where the contents are, as the file says. */
struct location {
        const char *path;
        uint64_t offset;
};

static int read_location(const Onnx__TensorProto *p, const char *what, size_t bytes, struct location *ret,
                         struct nn_error *error)
{
        struct location l = { 0 };

        for (size_t i = 0; i < p->n_external_data; i++) {
                const char *key = p->external_data[i]->key, *value = p->external_data[i]->value;
                char *end;
                uint64_t n;

                if (!key || !value)
                        continue;
                if (strcmp(key, "location") == 0)
                        l.path = value;
                if (strcmp(key, "offset") != 0 && strcmp(key, "length") != 0)
                        continue;
                errno = 0;
                n = strtoull(value, &end, 10);
                if (errno || *end || end == value || n > INT64_MAX || *value == '-')
                        return nn_fail(error, -EBADMSG, "tensor '%s': %s of its data is '%.32s'", what, key, value);
                if (*key == 'o')
                        l.offset = n;
                else if (n != bytes)
                        return nn_fail(error, -EBADMSG,
                                       "tensor '%s' has %" PRIu64 " bytes of data where its shape asks for %zu", what,
                                       n, bytes);
        }
        if (!l.path || !*l.path)
                return nn_fail(error, -EBADMSG, "tensor '%s' does not say which file has its data", what);
        *ret = l;
        return 0;
}

/* Opens @path below @folder a name at a time, so that neither ".." nor a link
 * leads out of it. */
static int open_below(int folder, const char *path)
{
        char name[NAME_MAX + 1];
        int at = -1;

        for (;;) {
                size_t n = strcspn(path, "/");
                bool last = path[n] == 0;
                int next, flags = last ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH | O_DIRECTORY;

                if (n == 0 || n > NAME_MAX || strncmp(path, "..", n) == 0) {
                        next = -EXDEV; /* "..", ".", an absolute path, or no name at all */
                } else {
                        memcpy(name, path, n);
                        name[n] = 0;
                        next = openat(at < 0 ? folder : at, name, flags | O_NOFOLLOW | O_CLOEXEC);
                        next = next < 0 ? -errno : next;
                }
                if (at >= 0)
                        close(at);
                if (next < 0 || last)
                        return next;
                at = next;
                path += n + 1;
        }
}

static int read_at(int fd, uint8_t *data, size_t bytes, uint64_t offset)
{
        while (bytes > 0) {
                ssize_t n = pread(fd, data, bytes, (off_t)offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -EBADMSG;
                data += n;
                bytes -= (size_t)n;
                offset += (uint64_t)n;
        }
        return 0;
}

static int open_data(const struct nn_onnx_file *file, const char *what, const struct location *l, size_t bytes,
                     struct nn_error *error)
{
        struct stat st;
        int fd = open_below(file->folder, l->path);

        if (fd == -EXDEV || fd == -ELOOP)
                return nn_fail(error, -EBADMSG, "tensor '%s': its data in '%.128s' is outside of the model's folder",
                               what, l->path);
        if (fd < 0)
                return nn_fail(error, fd, "tensor '%s': its data in '%.128s': %s", what, l->path, strerror(-fd));
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || l->offset > (uint64_t)st.st_size ||
            bytes > (uint64_t)st.st_size - l->offset) {
                close(fd);
                return nn_fail(error, -EBADMSG, "tensor '%s': '%.128s' has no %zu bytes at %" PRIu64, what, l->path,
                               bytes, l->offset);
        }
        return fd;
}

int nn_onnx_external(const Onnx__TensorProto *p, struct nn_onnx_file *file, const char *what, size_t bytes, void **ret,
                     struct nn_error *error)
{
        _cleanup_(closep) int fd = -1;
        struct location l = { 0 };
        uint8_t *data;
        int r;

        if (!file || file->folder < 0)
                return nn_fail(error, -EOPNOTSUPP, "tensor '%s' keeps its data in another file", what);
        r = read_location(p, what, bytes, &l, error);
        if (r < 0)
                return r;
        if (bytes > NN_MAX_FILE_BYTES - file->external_bytes)
                return nn_fail(error, -EFBIG, "files beside the model hold more than %zu bytes", NN_MAX_FILE_BYTES);
        file->external_bytes += bytes;
        fd = open_data(file, what, &l, bytes, error);
        if (fd < 0)
                return fd;
        data = nn_alloc(bytes + 1);
        if (!data)
                return nn_no_memory(error);
        r = read_at(fd, data, bytes, l.offset);
        if (r < 0) {
                free(data);
                return nn_fail(error, r, "tensor '%s': '%.128s' cannot be read", what, l.path);
        }
        *ret = data;
        return 0;
}
