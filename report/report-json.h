/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json.h>

/** What the forms of a report ask of its JSON. All is borrowed from @o. */

/* NULL if @o is no object or has no such member. */
json_object *report_member(json_object *o, const char *key);
/* "" if there is none. */
const char *report_string(json_object *o, const char *key);
/* NULL if there is none, or if it is no list. */
json_object *report_list(json_object *o, const char *key);
/* Return: 0; -EINVAL if it is not of the schema emotiond.reactions/1.0. */
int report_check(json_object *report);
