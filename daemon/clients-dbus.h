/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** What is not for everybody: who holds a claim, and counters from which people could be told. */

#include "daemon/bus-face.h"

/* Methods, as peers_call() wants them. */
int bus_get_clients(sd_bus_message *m, const struct peer *peer, void *userdata, sd_bus_error *error);
int bus_get_all_statistics(sd_bus_message *m, const struct peer *peer, void *userdata, sd_bus_error *error);
