/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "daemon/picture-reader.h"

/* Decoders have no large variables. */
#define STACK_BYTES (1u << 20)

struct task;

/* One file, from push to release. */
struct reading {
        struct loaded_picture picture; /* first: what the caller of pop() has */
        struct reading *next;          /* in its list */
        struct task *task;             /* while it is read */
        uint64_t deadline_usec;
        bool open; /* counts in n_open */
};

/* What a thread has for itself. */
struct task {
        struct picture_reader *reader; /* a reference */
        struct reading *reading;       /* NULL once it was given up; under the lock */
        int fd;
        struct loaded_picture loaded;
};

struct list {
        struct reading *first, **end;
};

struct picture_reader {
        pthread_mutex_t lock; /* for all that follows */
        unsigned n_refs;      /* the owner, and each thread */
        struct bell *news;    /* NULL once the owner is gone */
        picture_load load;
        struct list waiting, being_read, ready;
        unsigned n_waiting, n_open, n_stuck;
};

static uint64_t clock_usec(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void list_init(struct list *l)
{
        *l = (struct list){ .end = &l->first };
}

static void list_add(struct list *l, struct reading *g)
{
        g->next = NULL;
        *l->end = g;
        l->end = &g->next;
}

/* Takes out what @at points to. */
static struct reading *list_take(struct list *l, struct reading **at)
{
        struct reading *g = *at;

        *at = g->next;
        if (l->end == &g->next)
                l->end = at;
        g->next = NULL;
        return g;
}

static struct reading **list_find(struct list *l, const struct reading *g)
{
        struct reading **at = &l->first;

        while (*at != g)
                at = &(*at)->next;
        return at;
}

static void loaded_done(struct loaded_picture *p)
{
        free(p->data);
        picture_free(p->gray);
        p->data = NULL;
        p->gray = NULL;
}

static void reading_free(struct reading *g)
{
        if (g->picture.job) {
                fd_close(g->picture.job->fd);
                free(g->picture.job);
        }
        loaded_done(&g->picture);
        free(g);
}

static int load_file(int fd, struct loaded_picture *ret)
{
        int r = picture_read_fd(fd, &ret->data, &ret->size_bytes);

        return r < 0 ? r : picture_decode(ret->data, ret->size_bytes, PICTURE_GRAY8, &ret->gray);
}

/* Unlocks, and frees the reader with the last reference. */
static void unref_and_unlock(struct picture_reader *r)
{
        bool last = --r->n_refs == 0;

        pthread_mutex_unlock(&r->lock);
        if (!last)
                return;
        pthread_mutex_destroy(&r->lock);
        free(r);
}

static void finish(struct picture_reader *r, struct reading *g, int result)
{
        g->picture.result = result;
        list_add(&r->ready, g);
        if (r->news)
                bell_ring(r->news);
}

static void *run(void *userdata)
{
        struct task *t = userdata;
        struct picture_reader *r = t->reader;
        int result = r->load(t->fd, &t->loaded);

        if (result < 0)
                loaded_done(&t->loaded);
        fd_close(t->fd); /* may hang as well */
        pthread_mutex_lock(&r->lock);
        if (t->reading) {
                struct reading *g = list_take(&r->being_read, list_find(&r->being_read, t->reading));
                struct picture_job *job = g->picture.job;

                g->picture = t->loaded;
                g->picture.job = job;
                g->task = NULL;
                finish(r, g, result);
        } else {
                loaded_done(&t->loaded);
                r->n_stuck--;
        }
        free(t);
        unref_and_unlock(r);
        return NULL;
}

static int start_thread(struct task *t)
{
        pthread_attr_t attr;
        pthread_t thread;
        sigset_t all, old;
        int r = -pthread_attr_init(&attr);

        if (r < 0)
                return r;
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attr, STACK_BYTES);
        /* signals are the main thread's */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        r = -pthread_create(&thread, &attr, run, t);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        pthread_attr_destroy(&attr);
        return r;
}

static int start_task(struct picture_reader *r, struct reading *g)
{
        struct task *t = calloc(1, sizeof(*t));
        int e;

        if (!t)
                return -ENOMEM;
        *t = (struct task){ .reader = r, .reading = g, .fd = g->picture.job->fd };
        e = start_thread(t); /* which then waits for the lock */
        if (e < 0) {
                free(t);
                return e;
        }
        r->n_refs++;
        g->task = t;
        g->picture.job->fd = -1;
        g->deadline_usec = clock_usec() + PICTURE_READER_TIMEOUT_USEC;
        list_add(&r->being_read, g);
        return 0;
}

/* As many as may be read at a time; with the lock. */
static void start_waiting(struct picture_reader *r)
{
        while (r->waiting.first && (r->n_open < PICTURE_READER_MAX_OPEN || r->n_stuck >= PICTURE_READER_MAX_STUCK)) {
                struct reading *g = list_take(&r->waiting, &r->waiting.first);
                int e = r->n_stuck >= PICTURE_READER_MAX_STUCK ? -ETIMEDOUT : start_task(r, g);

                r->n_waiting--;
                r->n_open++;
                g->open = true;
                if (e < 0) {
                        g->picture.job->fd = fd_close(g->picture.job->fd);
                        finish(r, g, e);
                }
        }
}

static void give_up(struct picture_reader *r, uint64_t now_usec)
{
        /* each has the same time, so the first is the oldest */
        while (r->being_read.first && r->being_read.first->deadline_usec <= now_usec) {
                struct reading *g = list_take(&r->being_read, &r->being_read.first);

                g->task->reading = NULL;
                g->task = NULL;
                g->open = false;
                r->n_open--;
                r->n_stuck++;
                finish(r, g, -ETIMEDOUT);
        }
}

int picture_reader_new(struct bell *news, picture_load load, struct picture_reader **ret)
{
        struct picture_reader *r = calloc(1, sizeof(*r));
        int e;

        if (!r)
                return -ENOMEM;
        e = -pthread_mutex_init(&r->lock, NULL);
        if (e < 0) {
                free(r);
                return e;
        }
        r->n_refs = 1;
        r->news = news;
        r->load = load ? load : load_file;
        list_init(&r->waiting);
        list_init(&r->being_read);
        list_init(&r->ready);
        *ret = r;
        return 0;
}

static void free_list(struct list *l)
{
        while (l->first) {
                struct reading *g = list_take(l, &l->first);

                if (g->task)
                        g->task->reading = NULL;
                reading_free(g);
        }
}

struct picture_reader *picture_reader_free(struct picture_reader *r)
{
        if (!r)
                return NULL;
        pthread_mutex_lock(&r->lock);
        r->news = NULL;
        free_list(&r->waiting);
        free_list(&r->being_read);
        free_list(&r->ready);
        unref_and_unlock(r);
        return NULL;
}

int picture_reader_push(struct picture_reader *r, const struct picture_job *job)
{
        struct reading *g = calloc(1, sizeof(*g));
        int e = 0;

        if (g)
                g->picture.job = malloc(sizeof(*job));
        if (!g || !g->picture.job) {
                free(g);
                return -ENOMEM;
        }
        *g->picture.job = *job;
        pthread_mutex_lock(&r->lock);
        if (r->n_waiting >= WORKER_MAX_PICTURES || r->n_stuck >= PICTURE_READER_MAX_STUCK) {
                g->picture.job->fd = -1; /* still the caller's */
                reading_free(g);
                e = -ENOBUFS;
        } else {
                list_add(&r->waiting, g);
                r->n_waiting++;
                start_waiting(r);
                /* the deadline is for the one who pops to keep */
                bell_ring(r->news);
        }
        pthread_mutex_unlock(&r->lock);
        return e;
}

struct loaded_picture *picture_reader_pop(struct picture_reader *r, uint64_t now_usec)
{
        struct reading *g = NULL;

        pthread_mutex_lock(&r->lock);
        give_up(r, now_usec);
        start_waiting(r);
        if (r->ready.first)
                g = list_take(&r->ready, &r->ready.first);
        pthread_mutex_unlock(&r->lock);
        return g ? &g->picture : NULL;
}

void picture_reader_release(struct picture_reader *r, struct loaded_picture *p)
{
        struct reading *g = (struct reading *)p;

        pthread_mutex_lock(&r->lock);
        r->n_open -= g->open;
        start_waiting(r);
        pthread_mutex_unlock(&r->lock);
        reading_free(g);
}

uint64_t picture_reader_next_usec(struct picture_reader *r)
{
        uint64_t next;

        pthread_mutex_lock(&r->lock);
        next = r->being_read.first ? r->being_read.first->deadline_usec : UINT64_MAX;
        pthread_mutex_unlock(&r->lock);
        return next;
}
