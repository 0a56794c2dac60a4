/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What two threads pass between them: whole objects, by a slot or a queue, and a bell to wake the other one.
 */

#include <pthread.h>
#include <stdint.h>

#include "basic/macro.h"

/* An eventfd: readable from the first ring until it is cleared. */
struct bell {
        int fd;
};
int bell_init(struct bell *b);
void bell_done(struct bell *b);
void bell_ring(struct bell *b);
void bell_clear(struct bell *b);

/**
 * One object, the newest wins. Ownership moves by exchange: with three objects of one kind (writer's, slot's,
 * reader's) nothing is ever allocated; with none at the start, what comes back is the reader's or writer's to free.
 */
struct slot {
        pthread_mutex_t lock;
        void *object;
        bool fresh;
};
int slot_init(struct slot *s, void *spare);
/* Return: what is left in the slot, for the caller to free. */
void *slot_done(struct slot *s);
/* Puts @object in; returns the one that was there, read or not. */
void *slot_put(struct slot *s, void *object);
/* If there is news, returns it and leaves @mine in its place; otherwise returns @mine. */
void *slot_take(struct slot *s, void *mine);

/* A bounded queue of items of one size, copied in and out. What does not fit is counted. */
struct queue {
        pthread_mutex_t lock;
        size_t item_bytes, capacity, first, n;
        uint64_t n_lost;
        unsigned char *items;
};
int queue_init(struct queue *q, size_t item_bytes, size_t capacity);
void queue_done(struct queue *q);
/* Return: 0; -ENOBUFS if full, counted. */
int queue_push(struct queue *q, const void *item);
bool queue_pop(struct queue *q, void *ret_item);
size_t queue_length(struct queue *q);
uint64_t queue_lost(struct queue *q);
