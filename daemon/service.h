/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The running service: event loop, bus, worker, signals, watchdog.
 */

#include "daemon/manager.h"
#include "daemon/messages.h"

struct service_config {
        struct manager_config manager;
        struct engine_config engine;
};

/**
 * service_run() - until SIGTERM, SIGINT or the loss of the bus
 * Return: 0 after a signal; negative errno if it could not start or the bus was lost.
 */
int service_run(const struct service_config *config, struct settings *settings);
