/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "reactions/query.h"

struct query {
        struct release_query what;
        char *path;
        pthread_t thread;
        bool started;
        int done_fd; /* eventfd; the thread writes to it when all below is set */
        int r, fd;
        sd_event_source *done;
        query_fn fn;
        void *userdata;
};

static int write_all(int fd, const char *text, size_t n)
{
        while (n > 0) {
                ssize_t k = write(fd, text, n);

                if (k < 0)
                        return -errno;
                text += k;
                n -= (size_t)k;
        }
        return 0;
}

static int seal(const char *text, int *ret)
{
        int fd = memfd_create("emotion-report", MFD_CLOEXEC | MFD_ALLOW_SEALING), r;

        if (fd < 0)
                return -errno;
        r = write_all(fd, text, strlen(text));
        if (r == 0 && (lseek(fd, 0, SEEK_SET) < 0 ||
                       fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0))
                r = -errno;
        if (r < 0)
                close(fd);
        else
                *ret = fd;
        return r;
}

static void *work(void *userdata)
{
        struct query *q = userdata;
        _cleanup_(store_freep) struct store *store = NULL;
        json_object *report = NULL;
        int r = store_open_reader(q->path, &store);

        if (r == 0)
                r = release_report(store, &q->what, &report);
        if (r == 0)
                r = seal(json_object_to_json_string_ext(report, JSON_C_TO_STRING_PLAIN), &q->fd);
        json_object_put(report);
        q->r = r;
        (void)eventfd_write(q->done_fd, 1);
        return NULL;
}

static int on_done(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct query *q = userdata;
        int result = q->fd;

        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
        q->fd = -1;
        q->fn(q->userdata, q->r, result);
        return 0;
}

int query_new(sd_event *event, const char *store_path, const struct release_query *what, query_fn fn, void *userdata,
              struct query **ret)
{
        _cleanup_(query_freep) struct query *q = calloc(1, sizeof(*q));
        int r;

        if (!q)
                return -ENOMEM;
        *q = (struct query){ .what = *what, .done_fd = -1, .fd = -1, .fn = fn, .userdata = userdata };
        q->path = strdup(store_path);
        if (!q->path)
                return -ENOMEM;
        q->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (q->done_fd < 0)
                return -errno;
        r = sd_event_add_io(event, &q->done, q->done_fd, EPOLLIN, on_done, q);
        if (r < 0)
                return r;
        r = -pthread_create(&q->thread, NULL, work, q);
        if (r < 0)
                return r;
        q->started = true;
        *ret = STEAL(q);
        return 0;
}

struct query *query_free(struct query *q)
{
        if (!q)
                return NULL;
        if (q->started)
                pthread_join(q->thread, NULL);
        sd_event_source_disable_unref(q->done);
        fd_close(q->done_fd);
        fd_close(q->fd);
        free(q->path);
        free(q);
        return NULL;
}
