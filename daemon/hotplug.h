/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Tells when cameras come and go: from udev where it runs, and from the names in /dev besides, which also works in a
 * container without udev. A burst of events is told once.
 */

#include <systemd/sd-event.h>

#include "basic/macro.h"

struct hotplug;

/* @changed: called on the event loop, shortly after the last of a burst. Return: 0, also without udev; -errno. */
int hotplug_new(sd_event *event, void (*changed)(void *userdata), void *userdata, struct hotplug **ret);
struct hotplug *hotplug_free(struct hotplug *h);
DEFINE_CLEANUP(struct hotplug *, hotplug_free)
