/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The last events, each with a number, for readers that come back and say which they heard last. An id is
 * "RUN-NUMBER": RUN differs with each start of the bridge, so that a number of an earlier run is not mistaken.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "basic/macro.h"

#define EVENTS_KEPT 512
#define EVENTS_ID_MAX 40

struct events;

int events_new(struct events **ret);
struct events *events_free(struct events *e);
DEFINE_CLEANUP(struct events *, events_free)

/* @name: a word; @data: JSON in one line, copied. Return: 0 or -ENOMEM: then readers see a gap. */
int events_add(struct events *e, const char *name, const char *data);

/* The number that the next event will have, from 1. */
uint64_t events_next(const struct events *e);
/* Writes the id of event @number. */
void events_id(const struct events *e, uint64_t number, char ret[static EVENTS_ID_MAX]);
/* The event after the one called @id. Return: false if @id is none of this run, or what follows it is gone. */
bool events_after(const struct events *e, const char *id, uint64_t *ret_number);
/* As server-sent events have it, "id: ...\nevent: ...\ndata: ...\n\n"; borrowed until the next events_add(). NULL if it
 * is gone. */
const char *events_get(const struct events *e, uint64_t number);
