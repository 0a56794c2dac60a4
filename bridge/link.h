/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The connection to a broker of MQTT, kept up by a thread of its own: names are looked up and hands shaken there, so that
 * no broker makes the event loop wait. All calls and callbacks are the main thread's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"
#include "bridge/bridge-settings.h"

struct link_parts {
        const struct bridge_mqtt *settings; /* borrowed for link_new() */
        sd_event *event;
        const char *status_topic; /* where "offline" is left when the connection breaks; retained */
        const char *listen_topic; /* NULL: none */
        void *userdata;
        void (*up)(void *userdata);
        void (*down)(void *userdata);
        /* the broker has what link_publish() called @mid */
        void (*acknowledged)(void *userdata, int mid);
        /* several acknowledged() have been told */
        void (*drained)(void *userdata);
        /* something came on listen_topic; @text is cut after 15 bytes */
        void (*heard)(void *userdata, const char *text, bool retained);
};

struct link;

/* Return: 0; -EOPNOTSUPP in a build without MQTT; another negative errno. What is wrong was logged. */
int link_new(const struct link_parts *parts, struct link **ret);
/* Says "offline" if there is a connection, and waits two seconds at most. */
struct link *link_free(struct link *l);
DEFINE_CLEANUP(struct link *, link_free)

/**
 * link_publish() - only while the link is up
 * @sure: QoS 1, and acknowledged() follows, however often the connection breaks before; else QoS 0
 * @ret_mid: its number; may be NULL unless @sure
 * Return: 0 or negative errno; then it is not sent.
 */
int link_publish(struct link *l, const char *topic, const char *text, bool sure, bool retain, int *ret_mid);
