/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What a broker of MQTT is told: status, state, changes of the audience, and windows, each of which waits on disk until
 * the broker has it.
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"
#include "bridge/bridge-settings.h"
#include "bridge/view.h"

struct mqtt_counts {
        bool up;
        uint64_t connects;
        uint64_t windows;      /* made */
        uint64_t acknowledged; /* windows that the broker has */
        uint64_t dropped;      /* windows that a full queue gave up; since the queue was made */
        uint64_t lost;         /* windows that could not be written to disk */
        uint64_t refused;      /* commands that were none, or not allowed */
        size_t queued;         /* windows that wait */
};

struct mqtt_parts {
        const struct bridge_mqtt *settings; /* borrowed, as is all here */
        sd_event *event;
        const struct view *view; /* its sums are brought up to date by @advance */
        void *userdata;
        void (*advance)(void *userdata);
};

struct mqtt;

/* Return: 0 or negative errno. What is wrong was logged. */
int mqtt_new(const struct mqtt_parts *parts, struct mqtt **ret);
/* The window that runs is kept, "offline" is said. */
struct mqtt *mqtt_free(struct mqtt *m);
DEFINE_CLEANUP(struct mqtt *, mqtt_free)

/* Another content is shown: the window that runs ends with the content before. */
void mqtt_content_changed(struct mqtt *m);
/* Once a second. */
void mqtt_tick(struct mqtt *m);
/* False while the switch is off: then nobody is to be watched. */
bool mqtt_lets_watch(const struct mqtt *m);
const struct mqtt_counts *mqtt_counts(const struct mqtt *m);
