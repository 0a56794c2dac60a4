/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "report/report-json.h"

#define SCHEMA "emotiond.reactions/1.0"

json_object *report_member(json_object *o, const char *key)
{
        json_object *value = NULL;

        json_object_object_get_ex(o, key, &value);
        return value;
}

const char *report_string(json_object *o, const char *key)
{
        json_object *value = report_member(o, key);

        return value ? json_object_get_string(value) : "";
}

json_object *report_list(json_object *o, const char *key)
{
        json_object *value = report_member(o, key);

        return json_object_is_type(value, json_type_array) ? value : NULL;
}

int report_check(json_object *report)
{
        return strcmp(report_string(report, "schema"), SCHEMA) == 0 && report_list(report, "contents") ? 0 : -EINVAL;
}
