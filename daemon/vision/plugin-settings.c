/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "basic/log.h"
#include "daemon/vision/plugin-settings.h"

/* Groups in groups; the parser has its own, wider limit. */
#define MAX_DEPTH 16u

static const char *type_name(const config_setting_t *s)
{
        switch (config_setting_type(s)) {
        case CONFIG_TYPE_INT:
        case CONFIG_TYPE_INT64:
                return "a whole number";
        case CONFIG_TYPE_FLOAT:
                return "a number with a point";
        case CONFIG_TYPE_STRING:
                return "a string";
        case CONFIG_TYPE_BOOL:
                return "true or false";
        case CONFIG_TYPE_GROUP:
                return "a group";
        case CONFIG_TYPE_ARRAY:
        case CONFIG_TYPE_LIST:
                return "a list";
        default:
                return "nothing";
        }
}

/* "FILE:LINE: plugins.NAME.PATH ", or without the file where the text was not read from one. */
static int describe(const struct plugin_settings *s, const config_setting_t *at, const char *path, char *ret,
                    size_t size)
{
        const char *file = config_setting_source_file(at);

        return file ? snprintf(ret, size, "%s:%u: plugins.%s%s%s ", file, config_setting_source_line(at), s->plugin,
                               *path ? "." : "", path)
                    : snprintf(ret, size, "line %u: plugins.%s%s%s ", config_setting_source_line(at), s->plugin,
                               *path ? "." : "", path);
}

_printf_(4, 5) static int refuse(struct plugin_settings *s, const config_setting_t *at, const char *path,
                                 const char *format, ...)
{
        char text[sizeof(s->error)];
        va_list ap;
        int n = describe(s, at, path, text, sizeof(text));

        if (n >= 0 && (size_t)n < sizeof(text)) {
                va_start(ap, format);
                vsnprintf(text + n, sizeof(text) - (size_t)n, format, ap);
                va_end(ap);
        }
        log_error("%s", text);
        if (!*s->error)
                memcpy(s->error, text, sizeof(text));
        return -EINVAL;
}

void plugin_settings_init(struct plugin_settings *ret, const char *plugin, const config_setting_t *plugins)
{
        const config_setting_t *group;

        *ret = (struct plugin_settings){ .plugin = plugin };
        if (!plugins || !config_setting_is_group(plugins))
                return;
        group = config_setting_get_member(plugins, plugin);
        if (group && !config_setting_is_group(group))
                refuse(ret, group, "", "must be a group, and is %s", type_name(group));
        else
                ret->group = group;
}

static void mark_known(struct plugin_settings *s, const config_setting_t *found)
{
        for (size_t i = 0; i < s->n_known; i++)
                if (s->known[i] == found)
                        return;
        if (s->n_known < ARRAY_LEN(s->known))
                s->known[s->n_known++] = found;
}

static const config_setting_t *find(struct plugin_settings *s, const char *path)
{
        /* the lookup only reads, although libconfig's prototype says otherwise */
        const config_setting_t *found =
                s->group ? config_setting_lookup((config_setting_t *)(uintptr_t)s->group, path) : NULL;

        if (found)
                mark_known(s, found);
        return found;
}

static bool is_whole(const config_setting_t *f)
{
        return config_setting_type(f) == CONFIG_TYPE_INT || config_setting_type(f) == CONFIG_TYPE_INT64;
}

int plugin_settings_get_bool(struct plugin_settings *s, const char *path, int *ret)
{
        const config_setting_t *f = find(s, path);

        if (!f)
                return 0;
        if (config_setting_type(f) != CONFIG_TYPE_BOOL)
                return refuse(s, f, path, "must be true or false, and is %s", type_name(f));
        *ret = config_setting_get_bool(f);
        return 1;
}

int plugin_settings_get_int(struct plugin_settings *s, const char *path, int64_t min, int64_t max, int64_t *ret)
{
        const config_setting_t *f = find(s, path);
        int64_t v;

        if (!f)
                return 0;
        if (!is_whole(f))
                return refuse(s, f, path, "must be a whole number, and is %s", type_name(f));
        v = config_setting_get_int64(f);
        if (v < min || v > max)
                return refuse(s, f, path, "= %" PRId64 " is outside %" PRId64 "..%" PRId64, v, min, max);
        *ret = v;
        return 1;
}

int plugin_settings_get_float(struct plugin_settings *s, const char *path, double min, double max, double *ret)
{
        const config_setting_t *f = find(s, path);
        double v;

        if (!f)
                return 0;
        if (is_whole(f))
                v = (double)config_setting_get_int64(f);
        else if (config_setting_type(f) == CONFIG_TYPE_FLOAT)
                v = config_setting_get_float(f);
        else
                return refuse(s, f, path, "must be a number, and is %s", type_name(f));
        if (!(v >= min && v <= max))
                return refuse(s, f, path, "= %g is outside %g..%g", v, min, max);
        *ret = v;
        return 1;
}

int plugin_settings_get_string(struct plugin_settings *s, const char *path, const char **ret)
{
        const config_setting_t *f = find(s, path);

        if (!f)
                return 0;
        if (config_setting_type(f) != CONFIG_TYPE_STRING)
                return refuse(s, f, path, "must be a string, and is %s", type_name(f));
        *ret = config_setting_get_string(f);
        return 1;
}

static bool is_known(const struct plugin_settings *s, const config_setting_t *f)
{
        for (size_t i = 0; i < s->n_known; i++)
                if (s->known[i] == f)
                        return true;
        return false;
}

static unsigned warn_in(const struct plugin_settings *s, const config_setting_t *group, unsigned depth)
{
        unsigned n = 0;

        for (int i = 0; i < config_setting_length(group); i++) {
                const config_setting_t *f = config_setting_get_elem(group, (unsigned)i);
                char where[256];

                if (config_setting_is_group(f) && depth < MAX_DEPTH) {
                        n += warn_in(s, f, depth + 1);
                        continue;
                }
                if (is_known(s, f))
                        continue;
                n++;
                describe(s, f, config_setting_name(f) ?: "", where, sizeof(where));
                log_warning("%sis unknown to the plugin", where);
        }
        return n;
}

unsigned plugin_settings_warn_unknown(const struct plugin_settings *s)
{
        return s->group && s->n_known < ARRAY_LEN(s->known) ? warn_in(s, s->group, 0) : 0;
}
