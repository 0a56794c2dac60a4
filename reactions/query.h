/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** A report is made by a thread with a connection of its own to the store, so that plays begin and end meanwhile. */

#include <systemd/sd-event.h>

#include "basic/macro.h"
#include "reactions/release.h"

struct query;

/* @fn: called once from the event loop, with 0 and a sealed memfd that is its own to close, or a negative errno. It may
 * free the query. */
typedef void (*query_fn)(void *userdata, int r, int fd);

int query_new(sd_event *event, const char *store_path, const struct release_query *q, query_fn fn, void *userdata,
              struct query **ret);
/* Waits for the thread. */
struct query *query_free(struct query *q);
DEFINE_CLEANUP(struct query *, query_free)
