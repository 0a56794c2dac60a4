/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Windows that wait for the broker, on disk: what was added survives a kill at any moment until it is removed. When it
 * is full the oldest go, and are counted.
 */

#include <stddef.h>
#include <stdint.h>

#include "basic/macro.h"
#include "basic/uuid.h"

struct queue;

struct queue_item {
        int64_t sequence; /* from 1; without a gap in the order of their making */
        const char *body; /* borrowed for the call */
};

/**
 * queue_open() - open the queue, or make one
 * @max_windows: it holds no more
 * Return: 0; -EPROTONOSUPPORT if a newer program wrote it; -EROFS, -EACCES, -ENOSPC...: a file that is broken is put
 * aside under another name, which is logged.
 */
int queue_open(const char *path, size_t max_windows, struct queue **ret);
struct queue *queue_free(struct queue *q);
DEFINE_CLEANUP(struct queue *, queue_free)

/* What tells this queue from one of another device, or of this one before it was lost. */
const char *queue_id(const struct queue *q);
/* The sequence number that the next window will have. */
int64_t queue_next_sequence(const struct queue *q);
size_t queue_length(const struct queue *q);
/* Windows that were dropped since the queue was made, because it was full. */
uint64_t queue_dropped(const struct queue *q);

/* Adds a window, with queue_next_sequence(). Return: 0 or negative errno; then nothing was added. */
int queue_add(struct queue *q, const char *body);
/* The first window after @sequence. Return: what @fn gives; 0 if there is none; negative errno. */
int queue_after(struct queue *q, int64_t sequence, int (*fn)(void *userdata, const struct queue_item *item),
                void *userdata);
/* In one transaction. What is not there is passed over. */
int queue_remove(struct queue *q, const int64_t *sequences, size_t n);
