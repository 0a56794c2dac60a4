/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** The method Preview. */

#include "daemon/bus-face.h"

int bus_preview(sd_bus_message *m, const struct peer *peer, void *userdata, sd_bus_error *error);
void bus_preview_done(struct bus_face *f, const struct preview_job *job);
