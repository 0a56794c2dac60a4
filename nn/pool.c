/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "basic/macro.h"
#include "nn/pool.h"

#define MAX_THREADS 64u

struct worker {
        struct nn_pool *pool;
        pthread_t thread;
        unsigned index;
};

/* All but the workers' identities is under the lock. A job is handed out part by part, so a worker that wakes late,
 * because another program has its core, delays nobody: the others take its parts. */
struct nn_pool {
        pthread_mutex_t lock;
        pthread_cond_t work, done;
        void (*fn)(void *userdata, unsigned part, unsigned thread);
        void *userdata;
        unsigned next, n_parts; /* parts not yet handed out: next..n_parts-1 */
        unsigned n_running;     /* parts handed out and not finished */
        bool quit;
        unsigned n_workers;
        struct worker workers[];
};

/* Takes parts until none is left. Called and returns with the lock held. */
static void take_parts(struct nn_pool *p, unsigned thread)
{
        while (p->next < p->n_parts) {
                unsigned part = p->next++;

                p->n_running++;
                pthread_mutex_unlock(&p->lock);
                p->fn(p->userdata, part, thread);
                pthread_mutex_lock(&p->lock);
                p->n_running--;
        }
}

static void *worker_main(void *userdata)
{
        struct worker *w = userdata;
        struct nn_pool *p = w->pool;

        pthread_mutex_lock(&p->lock);
        while (!p->quit) {
                take_parts(p, w->index);
                if (p->n_running == 0)
                        pthread_cond_signal(&p->done);
                pthread_cond_wait(&p->work, &p->lock);
        }
        pthread_mutex_unlock(&p->lock);
        return NULL;
}

int nn_pool_new(unsigned threads, struct nn_pool **ret)
{
        struct nn_pool *p;

        if (threads < 2 || threads > MAX_THREADS)
                return -EINVAL;
        p = calloc(1, sizeof(*p) + (threads - 1) * sizeof(p->workers[0]));
        if (!p)
                return -ENOMEM;
        pthread_mutex_init(&p->lock, NULL);
        pthread_cond_init(&p->work, NULL);
        pthread_cond_init(&p->done, NULL);
        for (unsigned i = 0; i + 1 < threads; i++) {
                struct worker *w = &p->workers[i];

                *w = (struct worker){ .pool = p, .index = i + 1 };
                int r = pthread_create(&w->thread, NULL, worker_main, w);
                if (r != 0) {
                        nn_pool_free(p);
                        return -r;
                }
                p->n_workers++;
        }
        *ret = p;
        return 0;
}

struct nn_pool *nn_pool_free(struct nn_pool *p)
{
        if (!p)
                return NULL;
        pthread_mutex_lock(&p->lock);
        p->quit = true;
        pthread_cond_broadcast(&p->work);
        pthread_mutex_unlock(&p->lock);
        for (unsigned i = 0; i < p->n_workers; i++)
                pthread_join(p->workers[i].thread, NULL);
        pthread_cond_destroy(&p->done);
        pthread_cond_destroy(&p->work);
        pthread_mutex_destroy(&p->lock);
        free(p);
        return NULL;
}

unsigned nn_pool_threads(const struct nn_pool *p)
{
        return p ? p->n_workers + 1 : 1;
}

void nn_pool_run(struct nn_pool *p, unsigned n_parts, void (*fn)(void *userdata, unsigned part, unsigned thread),
                 void *userdata)
{
        if (!p || n_parts < 2) {
                for (unsigned i = 0; i < n_parts; i++)
                        fn(userdata, i, 0);
                return;
        }
        pthread_mutex_lock(&p->lock);
        p->fn = fn;
        p->userdata = userdata;
        p->next = 0;
        p->n_parts = n_parts;
        /* no more sleepers than parts beside the caller's first one */
        if (n_parts > p->n_workers)
                pthread_cond_broadcast(&p->work);
        else
                for (unsigned i = 1; i < n_parts; i++)
                        pthread_cond_signal(&p->work);
        take_parts(p, 0);
        while (p->n_running > 0)
                pthread_cond_wait(&p->done, &p->lock);
        pthread_mutex_unlock(&p->lock);
}
