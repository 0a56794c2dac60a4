/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "basic/utf8.h"
#include "bus/json.h"

json_object *json_number(double d)
{
        char s[40];

        if (!isfinite(d))
                return NULL; /* JSON has no word for it but null */
        snprintf(s, sizeof(s), "%.7g", d);
        if (!strpbrk(s, ".e"))
                strcat(s, ".0");
        return json_object_new_double_s(d, s);
}

static int number_from(sd_bus_message *m, char type, json_object **ret)
{
        union {
                uint8_t y;
                int b; /* sd-bus reads a boolean as an int */
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
        } v;
        int r = sd_bus_message_read_basic(m, type, &v);

        if (r < 0)
                return r;
        *ret = type == 'b'   ? json_object_new_boolean(v.b)
               : type == 'y' ? json_object_new_int64(v.y)
               : type == 'n' ? json_object_new_int64(v.n)
               : type == 'q' ? json_object_new_int64(v.q)
               : type == 'i' ? json_object_new_int64(v.i)
               : type == 'u' ? json_object_new_int64(v.u)
               : type == 'x' ? json_object_new_int64(v.x)
               : type == 't' ? json_object_new_uint64(v.t)
                             : json_number(v.d);
        return 0;
}

/* JSON escapes the control characters of ASCII only, so all text is made safe here, where it comes in. */
static int string_from(sd_bus_message *m, char type, json_object **ret)
{
        _cleanup_(freep) char *clean = NULL;
        const char *s;
        int r = sd_bus_message_read_basic(m, type, &s);

        if (r < 0)
                return r;
        clean = utf8_clean_dup(s);
        if (!clean)
                return -ENOMEM;
        *ret = json_object_new_string(clean);
        return *ret ? 0 : -ENOMEM;
}

static int members_from(sd_bus_message *m, json_object *dict)
{
        int r;

        while ((r = sd_bus_message_at_end(m, false)) == 0) {
                _cleanup_(json_putp) json_object *key = NULL, *value = NULL;

                r = sd_bus_message_enter_container(m, 'e', NULL);
                if (r < 0)
                        return r;
                r = json_from_value(m, &key);
                if (r < 0)
                        return r;
                r = json_from_value(m, &value);
                if (r < 0)
                        return r;
                if (json_object_object_add(dict, json_object_get_string(key), STEAL(value)) < 0)
                        return -ENOMEM;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r;
}

static int container_from(sd_bus_message *m, char type, const char *contents, json_object **ret)
{
        _cleanup_(json_putp) json_object *o = NULL;
        int r;

        r = sd_bus_message_enter_container(m, type, contents);
        if (r < 0)
                return r;
        if (type == 'v')
                r = json_from_value(m, &o);
        else if (type == 'a' && contents[0] == '{') {
                o = json_object_new_object();
                r = o ? members_from(m, o) : -ENOMEM;
        } else
                r = json_from_message(m, &o);
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        *ret = STEAL(o);
        return 0;
}

int json_from_value(sd_bus_message *m, json_object **ret)
{
        const char *contents;
        char type;
        int r = sd_bus_message_peek_type(m, &type, &contents);

        if (r < 0)
                return r;
        if (r == 0)
                return -EBADMSG;
        switch (type) {
        case 's':
        case 'o':
        case 'g':
                return string_from(m, type, ret);
        case 'v':
        case 'a':
        case 'r':
                return container_from(m, type, contents, ret);
        case 'h':
                *ret = NULL; /* no answer of the service has one */
                return sd_bus_message_skip(m, "h");
        default:
                return number_from(m, type, ret);
        }
}

int json_from_message(sd_bus_message *m, json_object **ret)
{
        _cleanup_(json_putp) json_object *list = json_object_new_array();
        int r;

        if (!list)
                return -ENOMEM;
        while ((r = sd_bus_message_at_end(m, false)) == 0) {
                json_object *value = NULL;

                r = json_from_value(m, &value);
                if (r < 0)
                        return r;
                if (json_object_array_add(list, value) < 0) {
                        json_object_put(value);
                        return -ENOMEM;
                }
        }
        if (r < 0)
                return r;
        *ret = STEAL(list);
        return 0;
}

json_object *member(json_object *o, const char *key)
{
        json_object *v = NULL;

        if (json_object_is_type(o, json_type_object))
                json_object_object_get_ex(o, key, &v);
        return v;
}

const char *member_string(json_object *o, const char *key)
{
        json_object *v = member(o, key);

        return json_object_is_type(v, json_type_string) ? json_object_get_string(v) : "";
}

double member_double(json_object *o, const char *key)
{
        return json_object_get_double(member(o, key));
}

uint64_t member_u64(json_object *o, const char *key)
{
        return json_object_get_uint64(member(o, key));
}

bool member_bool(json_object *o, const char *key)
{
        return json_object_get_boolean(member(o, key));
}
