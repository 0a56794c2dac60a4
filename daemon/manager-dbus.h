/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The bus face of the manager and its cameras: reads and checks what comes in, calls manager.h, writes what goes out.
 * The interfaces are documented in daemon/org.emotiond.Emotion1.*.xml.
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "daemon/manager.h"

struct bus_face;

/**
 * bus_face_new() - put the objects on @bus and become the face of @m
 *
 * @bus is attached to @event. The name is not requested: that is the caller's, last. A connection without a broker
 * (tests) is served, too: its peer is the one owner of claims.
 */
int bus_face_new(sd_bus *bus, sd_event *event, struct manager *m, struct bus_face **ret);
struct bus_face *bus_face_free(struct bus_face *f);
DEFINE_CLEANUP(struct bus_face *, bus_face_free)
