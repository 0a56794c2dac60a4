/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What happened in some seconds, as sums that go to a broker: one content, no face by itself. Times by expression are
 * held back until enough faces took part in them, and then told for all the time since they were told last.
 */

#include "bridge/view.h"

struct window {
        const struct view *view;
        unsigned minimum_group;
        struct view_totals at_begin;
        uint64_t begin_usec; /* monotonic */
        int64_t begin_ms;    /* of the wall clock */
        struct view_totals expressions_at_begin;
        uint64_t expressions_faces; /* in view when that began */
        int64_t expressions_begin_ms;
        char content[sizeof(((struct view *)NULL)->content)];
};

/* @view: borrowed. Begins the first window. */
void window_init(struct window *w, const struct view *view, unsigned minimum_group);
/* Begins the next one, with what is shown now. */
void window_begin(struct window *w);
uint64_t window_age_usec(const struct window *w);

/**
 * window_close() - what happened since window_begin(); the next one begins
 *
 * The view's sums must be up to date. @ret: an object without id and device; json_object_put(). NULL if nothing was
 * watched.
 * Return: 0 or -ENOMEM.
 */
int window_close(struct window *w, json_object **ret);
