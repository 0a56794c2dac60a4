/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** The bus face of the cameras: one object each. */

#include "daemon/bus-face.h"

int bus_camera_added(struct bus_face *f, struct camera *c);
void bus_camera_removed(struct bus_face *f, struct camera *c);
void bus_camera_changed(struct bus_face *f, struct camera *c, unsigned properties);
void bus_camera_flush(struct bus_face *f, struct camera *c);
