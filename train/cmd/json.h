/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the commands that print JSON share. */

#include <json-c/json.h>
#include <math.h>
#include <stdio.h>

/* JSON has no NaN: null stands for a figure that does not exist. */
static inline struct json_object *json_number(double v)
{
        return isfinite(v) ? json_object_new_double(v) : NULL;
}

/* One line on standard output; @o is released. */
static inline void json_print(struct json_object *o)
{
        puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
        json_object_put(o);
}
