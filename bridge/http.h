/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * HTTP on the loopback addresses, 127.0.0.1 and ::1, in the event loop: what pages ask, and events as they come.
 */

#include <json.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"
#include "bridge/bridge-settings.h"
#include "bridge/events.h"

struct http_counts {
        uint64_t answers[6];   /* by the first digit of their status */
        uint64_t slow_readers; /* streams that were dropped */
        uint64_t slow_senders; /* connections that took too long for a request */
        uint64_t gaps;         /* times that a reader missed events and was told the state anew */
        size_t streams, connections;
};

struct http_parts {
        const struct bridge_settings *settings; /* borrowed, as is all here */
        sd_event *event;
        sd_bus *bus;
        struct events *events;
        const char *folder; /* of board.html and emotion.js */
        void *userdata;
        json_object *(*state)(void *userdata);
        char *(*metrics)(void *userdata); /* malloc'ed */
        void (*asked)(void *userdata);    /* somebody wants to know who is in view */
};

struct http;

/* Return: 0; -EADDRINUSE; another negative errno. What is wrong was logged. */
int http_new(const struct http_parts *parts, struct http **ret);
struct http *http_free(struct http *h);
DEFINE_CLEANUP(struct http *, http_free)

/* Events were added: streams that sleep are woken. */
void http_wake(struct http *h);
/* Once a second: who is slow is dropped, who hears nothing gets a comment. */
void http_tick(struct http *h);
const struct http_counts *http_counts(const struct http *h);
