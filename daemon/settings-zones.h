/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** The group "zones" of the configuration: NAME = ( ( X, Y ), ... ). Private to settings*.c. */

#include <libconfig.h>

#include "daemon/vision/zones.h"

/**
 * settings_zone_set() - one zone; it takes the place of one of the same name
 * @why: what is wrong, and what is allowed
 * Return: 0 or -EINVAL, @zs untouched.
 */
int settings_zone_set(struct zones *zs, const config_setting_t *value, char *why, size_t why_size);
