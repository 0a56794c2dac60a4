/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * One plugin's own group of the configuration file, read by type. libconfig's typed lookups answer "absent" for a
 * setting of another type and its conversion cuts 2.5 to 2; here a wrong type is an error with file and line.
 */

#include <libconfig.h>
#include <stdint.h>

#include "basic/macro.h"

#define PLUGIN_SETTINGS_MAX_KEYS 64

struct plugin_settings {
        const char *plugin;            /* name, for messages; borrowed */
        const config_setting_t *group; /* plugins.NAME; NULL if the file has none; borrowed */
        char error[256];               /* the first wrong setting that was asked for, "" if there was none */
        /* what was asked for and found, to tell the unknown keys */
        const config_setting_t *known[PLUGIN_SETTINGS_MAX_KEYS];
        size_t n_known;
};

/* @plugins: group "plugins" or NULL. A member NAME that is no group is an error, told in @ret->error. */
void plugin_settings_init(struct plugin_settings *ret, const char *plugin, const config_setting_t *plugins);

/**
 * Return: 1 found; 0 absent, *ret untouched; -EINVAL a wrong type or, for numbers, outside @min..@max: logged, and
 * kept in s->error if it is the first. A whole number is taken where a float is wanted, never the reverse.
 */
int plugin_settings_get_bool(struct plugin_settings *s, const char *path, int *ret);
int plugin_settings_get_int(struct plugin_settings *s, const char *path, int64_t min, int64_t max, int64_t *ret);
int plugin_settings_get_float(struct plugin_settings *s, const char *path, double min, double max, double *ret);
int plugin_settings_get_string(struct plugin_settings *s, const char *path, const char **ret);

/* Logs a warning for each setting of the group that nobody asked for. Return: how many there are. */
unsigned plugin_settings_warn_unknown(const struct plugin_settings *s);
