/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/eventfd.h>

#include "daemon/mailbox.h"

int bell_init(struct bell *b)
{
        b->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        return b->fd < 0 ? -errno : 0;
}

void bell_done(struct bell *b)
{
        b->fd = fd_close(b->fd);
}

void bell_ring(struct bell *b)
{
        uint64_t one = 1;

        /* fails only when the counter is full: then it is readable anyway */
        while (write(b->fd, &one, sizeof(one)) < 0 && errno == EINTR)
                ;
}

void bell_clear(struct bell *b)
{
        uint64_t n;

        while (read(b->fd, &n, sizeof(n)) < 0 && errno == EINTR)
                ;
}

int slot_init(struct slot *s, void *spare)
{
        *s = (struct slot){ .object = spare };
        return -pthread_mutex_init(&s->lock, NULL);
}

void *slot_done(struct slot *s)
{
        void *left = s->object;

        pthread_mutex_destroy(&s->lock);
        s->object = NULL;
        return left;
}

void *slot_put(struct slot *s, void *object)
{
        void *old;

        pthread_mutex_lock(&s->lock);
        old = s->object;
        s->object = object;
        s->fresh = true;
        pthread_mutex_unlock(&s->lock);
        return old;
}

void *slot_take(struct slot *s, void *mine)
{
        void *news = mine;

        pthread_mutex_lock(&s->lock);
        if (s->fresh) {
                news = s->object;
                s->object = mine;
                s->fresh = false;
        }
        pthread_mutex_unlock(&s->lock);
        return news;
}

int queue_init(struct queue *q, size_t item_bytes, size_t capacity)
{
        *q = (struct queue){ .item_bytes = item_bytes, .capacity = capacity };
        q->items = calloc(capacity, item_bytes);
        if (!q->items)
                return -ENOMEM;
        return -pthread_mutex_init(&q->lock, NULL);
}

void queue_done(struct queue *q)
{
        if (!q->items)
                return;
        pthread_mutex_destroy(&q->lock);
        free(q->items);
        q->items = NULL;
}

static unsigned char *item_at(struct queue *q, size_t i)
{
        return q->items + (q->first + i) % q->capacity * q->item_bytes;
}

int queue_push(struct queue *q, const void *item)
{
        int r = 0;

        pthread_mutex_lock(&q->lock);
        if (q->n < q->capacity) {
                memcpy(item_at(q, q->n), item, q->item_bytes);
                q->n++;
        } else {
                q->n_lost++;
                r = -ENOBUFS;
        }
        pthread_mutex_unlock(&q->lock);
        return r;
}

bool queue_pop(struct queue *q, void *ret_item)
{
        bool found;

        pthread_mutex_lock(&q->lock);
        found = q->n > 0;
        if (found) {
                memcpy(ret_item, item_at(q, 0), q->item_bytes);
                q->first = (q->first + 1) % q->capacity;
                q->n--;
        }
        pthread_mutex_unlock(&q->lock);
        return found;
}

size_t queue_length(struct queue *q)
{
        size_t n;

        pthread_mutex_lock(&q->lock);
        n = q->n;
        pthread_mutex_unlock(&q->lock);
        return n;
}

uint64_t queue_lost(struct queue *q)
{
        uint64_t n;

        pthread_mutex_lock(&q->lock);
        n = q->n_lost;
        pthread_mutex_unlock(&q->lock);
        return n;
}
