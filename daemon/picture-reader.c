/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "basic/clock.h"
#include "basic/log.h"
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
        uid_t uid;
        bool open; /* counts in n_open */
};

/* What a thread has for itself. */
struct task {
        struct picture_reader *reader; /* a reference */
        struct reading *reading;       /* NULL once it was given up; under the lock */
        struct decode_request request; /* its descriptor is the task's */
        struct decoded decoded;
};

struct list {
        struct reading *first, **end;
};

struct picture_reader {
        pthread_mutex_t lock; /* for all that follows */
        unsigned n_refs;      /* the owner, and each thread */
        struct bell *news;    /* NULL once the owner is gone */
        picture_load load;
        char *program;
        bool colour;
        struct list waiting, being_read, ready, popped;
        unsigned n_waiting, n_open, n_stuck;
};

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

static void decoded_done(struct decoded *d)
{
        d->gray = picture_free(d->gray);
        d->bgr = picture_free(d->bgr);
}

static void reading_free(struct reading *g)
{
        if (g->picture.job) {
                fd_close(g->picture.job->fd);
                free(g->picture.job);
        }
        decoded_done(&g->picture.decoded);
        free(g);
}

/* Unlocks, and frees the reader with the last reference. */
static void unref_and_unlock(struct picture_reader *r)
{
        bool last = --r->n_refs == 0;

        pthread_mutex_unlock(&r->lock);
        if (!last)
                return;
        pthread_mutex_destroy(&r->lock);
        free(r->program);
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
        int result = r->load(&t->request, &t->decoded);

        if (result < 0)
                decoded_done(&t->decoded);
        if (result == -EPIPE)
                log_notice("a client's picture ended %s: by what it needs, or by what it does", t->request.program);
        fd_close(t->request.fd); /* may hang as well */
        pthread_mutex_lock(&r->lock);
        if (t->reading) {
                struct reading *g = list_take(&r->being_read, list_find(&r->being_read, t->reading));

                g->picture.decoded = t->decoded;
                g->task = NULL;
                finish(r, g, result);
        } else {
                decoded_done(&t->decoded);
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
        *t = (struct task){ .reader = r, .reading = g };
        t->request = (struct decode_request){ .program = r->program,
                                              .fd = g->picture.job->fd,
                                              .colour = r->colour,
                                              .deadline_usec = clock_usec() + PICTURE_READER_TIMEOUT_USEC };
        g->deadline_usec = t->request.deadline_usec + PICTURE_READER_GRACE_USEC;
        e = start_thread(t); /* which then waits for the lock */
        if (e < 0) {
                free(t);
                return e;
        }
        r->n_refs++;
        g->task = t;
        g->picture.job->fd = -1;
        list_add(&r->being_read, g);
        return 0;
}

static bool user_has_open(const struct list *l, uid_t uid)
{
        for (const struct reading *g = l->first; g; g = g->next)
                if (g->open && g->uid == uid)
                        return true;
        return false;
}

/* The oldest of a user who has none open. */
static struct reading **find_startable(struct picture_reader *r)
{
        struct reading **at = &r->waiting.first;

        for (; *at; at = &(*at)->next) {
                uid_t uid = (*at)->uid;

                if (uid == PICTURE_UID_UNKNOWN || !(user_has_open(&r->being_read, uid) ||
                                                    user_has_open(&r->ready, uid) || user_has_open(&r->popped, uid)))
                        break;
        }
        return at;
}

/* As many as may be read at a time; with the lock. */
static void start_waiting(struct picture_reader *r)
{
        while (r->n_open < PICTURE_READER_MAX_OPEN || r->n_stuck >= PICTURE_READER_MAX_STUCK) {
                bool all_hang = r->n_stuck >= PICTURE_READER_MAX_STUCK;
                struct reading **at = all_hang ? &r->waiting.first : find_startable(r), *g;
                int e;

                if (!*at)
                        return;
                g = list_take(&r->waiting, at);
                e = all_hang ? -ETIMEDOUT : start_task(r, g);
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

int picture_reader_new(struct bell *news, const char *program, picture_load load, struct picture_reader **ret)
{
        struct picture_reader *r = calloc(1, sizeof(*r));
        int e;

        if (!r)
                return -ENOMEM;
        r->program = strdup(program);
        e = r->program ? -pthread_mutex_init(&r->lock, NULL) : -ENOMEM;
        if (e < 0) {
                free(r->program);
                free(r);
                return e;
        }
        r->n_refs = 1;
        r->news = news;
        r->load = load ? load : decoder_process_run;
        list_init(&r->waiting);
        list_init(&r->being_read);
        list_init(&r->ready);
        list_init(&r->popped);
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
        g->uid = job->uid;
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
        if (r->ready.first) {
                g = list_take(&r->ready, &r->ready.first);
                list_add(&r->popped, g);
        }
        pthread_mutex_unlock(&r->lock);
        return g ? &g->picture : NULL;
}

void picture_reader_release(struct picture_reader *r, struct loaded_picture *p)
{
        struct reading *g = (struct reading *)p;

        pthread_mutex_lock(&r->lock);
        list_take(&r->popped, list_find(&r->popped, g));
        r->n_open -= g->open;
        start_waiting(r);
        pthread_mutex_unlock(&r->lock);
        reading_free(g);
}

void picture_reader_set_colour(struct picture_reader *r, bool colour)
{
        pthread_mutex_lock(&r->lock);
        r->colour = colour;
        pthread_mutex_unlock(&r->lock);
}

uint64_t picture_reader_next_usec(struct picture_reader *r)
{
        uint64_t next;

        pthread_mutex_lock(&r->lock);
        next = r->being_read.first ? r->being_read.first->deadline_usec : UINT64_MAX;
        pthread_mutex_unlock(&r->lock);
        return next;
}
