/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "basic/conf.h"
#include "basic/macro.h"

int conf_refuse(const struct conf_reading *r, const config_setting_t *s, const char *what)
{
        snprintf(r->error, r->size, "%s:%u: %s: %s", r->path, config_setting_source_line(s),
                 config_setting_name(s) ?: "", what);
        return -EINVAL;
}

static int set_text(const struct conf_reading *r, const struct conf_row *row, const config_setting_t *s, char *to)
{
        const char *text = config_setting_get_string(s);
        char what[64];

        snprintf(what, sizeof(what), "a text of at most %zu bytes is wanted", row->size - 1);
        if (!text || strlen(text) >= row->size)
                return conf_refuse(r, s, what);
        strcpy(to, text);
        return 0;
}

static int set_number(const struct conf_reading *r, const struct conf_row *row, const config_setting_t *s, int *to)
{
        int value = config_setting_get_int(s);
        char what[64];

        snprintf(what, sizeof(what), "a whole number from %d to %d is wanted", row->min, row->max);
        if (config_setting_type(s) != CONFIG_TYPE_INT || value < row->min || value > row->max)
                return conf_refuse(r, s, what);
        *to = value;
        return 0;
}

static int set(const struct conf_reading *r, const struct conf_row *row, const config_setting_t *s, void *settings)
{
        void *place = (char *)settings + row->offset;

        switch (row->kind) {
        case CONF_LIST:
                return row->read(r, s, settings);
        case CONF_TEXT:
                return set_text(r, row, s, place);
        case CONF_FLAG:
                if (config_setting_type(s) != CONFIG_TYPE_BOOL)
                        return conf_refuse(r, s, "true or false is wanted");
                *(int *)place = config_setting_get_bool(s);
                return 0;
        default:
                return set_number(r, row, s, place);
        }
}

/* @name: of the group; NULL for any */
static int read_group(const struct conf_reading *r, const config_setting_t *group, const char *name,
                      const struct conf_row *table, size_t n, void *settings)
{
        for (int k = 0; k < config_setting_length(group); k++) {
                const config_setting_t *s = config_setting_get_elem(group, (unsigned)k);
                const char *key = config_setting_name(s) ?: "";
                size_t i = 0;
                int q;

                while (i < n && (strcmp(table[i].key, key) != 0 || (name && strcmp(table[i].group, name) != 0)))
                        i++;
                q = i < n ? set(r, &table[i], s, settings) : conf_refuse(r, s, "there is no such setting");
                if (q < 0)
                        return q;
        }
        return 0;
}

int conf_group_read(const struct conf_reading *r, const config_setting_t *group, const struct conf_row *table, size_t n,
                    void *settings)
{
        return read_group(r, group, NULL, table, n, settings);
}

void conf_set_standards(const struct conf_row *table, size_t n, void *settings)
{
        for (size_t i = 0; i < n; i++)
                if (table[i].kind == CONF_NUMBER || table[i].kind == CONF_FLAG)
                        *(int *)(void *)((char *)settings + table[i].offset) = table[i].standard;
}

static int read_groups(const struct conf_reading *r, const config_t *config, const struct conf_row *table, size_t n,
                       void *settings)
{
        const config_setting_t *root = config_root_setting(config);
        int q = 0;

        for (int i = 0; q >= 0 && i < config_setting_length(root); i++) {
                const config_setting_t *group = config_setting_get_elem(root, (unsigned)i);

                if (!config_setting_is_group(group))
                        return conf_refuse(r, group, "there is no such group");
                q = read_group(r, group, config_setting_name(group), table, n, settings);
        }
        return q;
}

int conf_load(const struct conf_reading *r, bool optional, const struct conf_row *table, size_t n, void *settings,
              FILE **ret)
{
        _cleanup_(fclosep) FILE *f = fopen(r->path, "re");
        config_t config;
        int q;

        conf_set_standards(table, n, settings);
        if (ret)
                *ret = NULL;
        if (!f && errno == ENOENT && optional)
                return 0;
        if (!f) {
                snprintf(r->error, r->size, "%s: %s", r->path, strerror(errno));
                return -EINVAL;
        }
        config_init(&config);
        if (config_read(&config, f))
                q = read_groups(r, &config, table, n, settings);
        else {
                snprintf(r->error, r->size, "%s:%d: %s", r->path, config_error_line(&config),
                         config_error_text(&config));
                q = -EINVAL;
        }
        config_destroy(&config);
        if (q == 0 && ret)
                *ret = STEAL(f);
        return q;
}
