/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** Calls to emotion-reactions. As in cli/bus.h, functions give 0 or a value of enum ctl_exit after telling the user. */

#include "cli/ctl.h"

#define REACTIONS_SERVICE "org.emotiond.Reactions1"
#define REACTIONS_ROOT "/org/emotiond/Reactions1"
#define REACTIONS_IFACE REACTIONS_SERVICE ".Manager"

/* A call of the Manager, not yet sent; connects first. @ret: owned by the caller. */
int reactions_new_call(struct ctl *c, const char *method, sd_bus_message **ret);
/* Sends @m. @ret_reply may be NULL; else owned by the caller. */
int reactions_send(struct ctl *c, sd_bus_message *m, sd_bus_message **ret_reply);
/* All properties of the Manager as { name: value }; @ret: owned by the caller, json_object_put(). NULL if
 * the service is not there. */
int reactions_properties(struct ctl *c, json_object **ret);
/* The object path of the running play; @ret: owned by the caller, free(). CTL_NOT_FOUND if nothing is shown. */
int reactions_current(struct ctl *c, char **ret);
/* Begins a play. @stay: it goes on when this program ends. @ret: owned by the caller, free(). */
int reactions_begin(struct ctl *c, const char *content, bool stay, char **ret);
/* Ends it. @ret_viewers may be NULL. */
int reactions_end(struct ctl *c, const char *play, uint32_t *ret_viewers, uint64_t *ret_shown_ms);
/* A report; json_object_put(). @contents may be NULL for all. */
int reactions_query(struct ctl *c, const char *const *contents, size_t n, bool compare, json_object **ret);
