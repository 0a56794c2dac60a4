/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bridge/bridge-settings.h"

struct bridge_paths {
        const char *config;
        bool config_optional;
        const char *pages; /* folder of board.html and emotion.js */
};

/* Runs until SIGTERM or SIGINT; SIGHUP reads the configuration again. Return: 0 or negative errno, which was logged. */
int bridge_service_run(struct bridge_settings *settings, const struct bridge_paths *paths);
