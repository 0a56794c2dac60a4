/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "train/data/reader.h"

int lines_open(struct lines *l, const char *path, struct dataset_error *error)
{
        struct stat st;

        *l = (struct lines){ .fd = -1, .path = path };
        /* O_NONBLOCK: the open of a FIFO must not wait for a writer */
        l->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (l->fd < 0 || fstat(l->fd, &st) < 0) {
                int r = -errno;

                lines_close(l);
                return dataset_fail(error, r, path, 0, "%s", strerror(-r));
        }
        if (!S_ISREG(st.st_mode)) {
                lines_close(l);
                return dataset_fail(error, -EINVAL, path, 0, "not a regular file");
        }
        l->buffer = malloc(LINES_MAX_BYTES + 1);
        if (!l->buffer) {
                lines_close(l);
                return dataset_fail(error, -ENOMEM, path, 0, "out of memory");
        }
        return 0;
}

void lines_close(struct lines *l)
{
        l->fd = fd_close(l->fd);
        free(l->buffer);
        l->buffer = NULL;
}

/* Moves the unread bytes to the front and reads more behind them. */
static int refill(struct lines *l, struct dataset_error *error)
{
        ssize_t n;

        memmove(l->buffer, l->buffer + l->start, l->end - l->start);
        l->end -= l->start;
        l->start = 0;
        if (l->end == LINES_MAX_BYTES)
                return dataset_fail(error, -EBADMSG, l->path, l->number + 1, "line is longer than %zu bytes",
                                    LINES_MAX_BYTES);
        do
                n = read(l->fd, l->buffer + l->end, LINES_MAX_BYTES - l->end);
        while (n < 0 && errno == EINTR);
        if (n < 0) {
                int r = -errno;

                return dataset_fail(error, r, l->path, 0, "%s", strerror(-r));
        }
        l->at_end = n == 0;
        l->end += (size_t)n;
        return 0;
}

int lines_next(struct lines *l, char **ret, size_t *ret_length, struct dataset_error *error)
{
        char *end = NULL;
        size_t searched = 0;

        for (;;) {
                char *from = l->buffer + l->start;

                end = memchr(from + searched, '\n', l->end - l->start - searched);
                if (end || l->at_end)
                        break;
                searched = l->end - l->start;
                int r = refill(l, error);
                if (r < 0)
                        return r;
        }
        if (!end) {
                if (l->start == l->end)
                        return 0;
                end = l->buffer + l->end; /* the last line has no end; the buffer has a byte to spare */
        }

        char *line = l->buffer + l->start;
        l->start = MIN((size_t)(end - l->buffer) + 1, l->end);
        l->number++;
        if (end > line && end[-1] == '\r')
                end--;
        *end = '\0';
        if (memchr(line, '\0', (size_t)(end - line)))
                return dataset_fail(error, -EBADMSG, l->path, l->number, "zero byte in a text file");
        *ret = line;
        *ret_length = (size_t)(end - line);
        return 1;
}
