/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** What a bus message says, as JSON, for clients of the service. */

#include <json.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "basic/macro.h"

/* What a bus message holds from here to its end of container, as JSON: an array of the values that are left. A double
 * keeps 7 digits; NaN and infinity become null. @ret: owned by the caller. Return: 0 or negative errno. */
int json_from_message(sd_bus_message *m, json_object **ret);
/* The next single value. */
int json_from_value(sd_bus_message *m, json_object **ret);
json_object *json_number(double d);

/* Members, forgiving: "" , 0 or NULL where there is none of that kind. Borrowed from @o. */
const char *member_string(json_object *o, const char *key);
double member_double(json_object *o, const char *key);
uint64_t member_u64(json_object *o, const char *key);
bool member_bool(json_object *o, const char *key);
json_object *member(json_object *o, const char *key);

static inline void json_putp(json_object **o)
{
        json_object_put(*o);
}
