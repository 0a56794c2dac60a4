/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "reactions/reactions-settings.h"

/* Runs until SIGTERM. @state_dir: where the store is. Return: 0 or negative errno, after logging why. */
int reactions_service_run(const struct reactions_settings *settings, const char *state_dir);
