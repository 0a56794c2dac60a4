/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Which plugin is being called, written down before the call in a file that outlives the process. A plugin that crashes,
 * calls exit() or never returns takes the service with it: the next one reads here who it was. After the third time
 * within ten minutes the plugin is off until its file or the configuration changes.
 *
 * Used by one thread at a time; a call costs a copy of some bytes.
 */

#include <stdbool.h>
#include <stdint.h>

#define PLUGIN_RECORD_CRASHES 3u
#define PLUGIN_RECORD_WITHIN_USEC (600ull * 1000000)
#define PLUGIN_RECORD_TEXT                                                                                   \
        "switched off: it has ended the service 3 times within 10 minutes; it is tried again when its file " \
        "or the configuration changes"

struct plugin_record;

/**
 * plugin_record_open() - read what the last run has left, and be ready for this one
 * @folder: that the service may write to; NULL: nothing outlives the process
 * @now_usec: CLOCK_REALTIME
 *
 * If the last run ended within a plugin, that is logged and counted. What the file holds is checked: a plugin could have
 * written to it. Return: 0; negative errno of open(2), posix_fallocate(3) and mmap(2).
 */
int plugin_record_open(const char *folder, uint64_t now_usec, struct plugin_record **ret);
/* Accepts NULL; returns NULL. */
struct plugin_record *plugin_record_close(struct plugin_record *r);

/* Around each call of the plugin's code; @r may be NULL. @what: the function, a word. @identity: what a plugin that is off
 * must change to be tried again. */
void plugin_record_enter(struct plugin_record *r, const char *name, uint64_t identity, const char *what);
void plugin_record_leave(struct plugin_record *r);

bool plugin_record_is_off(const struct plugin_record *r, const char *name, uint64_t identity);

/* Of the file at @path as it is now, with @stamp of the configuration mixed in. */
uint64_t plugin_record_identity(const char *path, uint64_t stamp);
