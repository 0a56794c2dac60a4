/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** Options of methods, a{sv}. */

#include "daemon/bus-face.h"

/* Reads options; an error is set and negative errno returned for anything unknown or out of range. */
int bus_read_claim_options(sd_bus_message *m, struct bus_face *f, struct claim_options *ret, sd_bus_error *error);
/* For methods that know none yet. */
int bus_read_no_options(sd_bus_message *m, sd_bus_error *error);
int bus_read_picture_options(sd_bus_message *m, double *ret_min_confidence, sd_bus_error *error);
