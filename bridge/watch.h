/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The client of emotiond: keeps a view up to date and says what changed. It holds a claim while that is wanted, and
 * claims again when the service was started again. Only what the service itself sends is believed.
 */

#include <json.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"
#include "bridge/view.h"

/* What happened, after the view was changed: a word for pages, and what goes with it (borrowed). */
typedef void (*watch_event)(void *userdata, const char *name, json_object *data);

struct watch;

/* @view, @userdata: borrowed for the life of the watch. Return: 0 or negative errno. */
int watch_new(sd_bus *bus, sd_event *event, struct view *view, watch_event on_event, void *userdata,
              struct watch **ret);
struct watch *watch_free(struct watch *w);
DEFINE_CLEANUP(struct watch *, watch_free)

/* Whether the claim, and with it the camera, is wanted. */
void watch_want(struct watch *w, bool wanted);
