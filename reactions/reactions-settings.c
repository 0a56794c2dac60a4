/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libconfig.h>
#include <string.h>

#include "basic/macro.h"
#include "reactions/reactions-settings.h"

static const struct row {
        const char *group, *key;
        int min, max, standard; /* max 0: a text */
        size_t offset;
} rows[] = {
        { "privacy", "minimum_group", 3, 100, 5, offsetof(struct reactions_settings, minimum_group) },
        { "privacy", "notice", 0, 0, 0, offsetof(struct reactions_settings, notice) },
        { "retention", "curve_days", 1, 3660, 90, offsetof(struct reactions_settings, keep_curve_days) },
        { "retention", "total_days", 1, 3660, 396, offsetof(struct reactions_settings, keep_total_days) },
        { "store", "max_mb", 1, 10000, 100, offsetof(struct reactions_settings, max_mb) },
};

struct reading {
        const char *path;
        char *error;
        size_t size;
};

static int refuse(const struct reading *r, const config_setting_t *s, const char *what)
{
        snprintf(r->error, r->size, "%s:%u: %s: %s", r->path, config_setting_source_line(s),
                 config_setting_name(s) ?: "", what);
        return -EINVAL;
}

static const struct row *find_row(const char *group, const char *key)
{
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (strcmp(rows[i].group, group) == 0 && strcmp(rows[i].key, key) == 0)
                        return &rows[i];
        return NULL;
}

static int set_value(const struct reading *r, const struct row *row, const config_setting_t *s,
                     struct reactions_settings *ret)
{
        char *place = (char *)ret + row->offset, what[64];

        if (!row->max) {
                const char *text = config_setting_get_string(s);

                if (!text || strlen(text) >= REACTIONS_NOTICE_MAX)
                        return refuse(r, s, "a text of at most 255 bytes is wanted");
                strcpy(place, text);
                return 0;
        }
        if (config_setting_type(s) != CONFIG_TYPE_INT || config_setting_get_int(s) < row->min ||
            config_setting_get_int(s) > row->max) {
                snprintf(what, sizeof(what), "a whole number from %d to %d is wanted", row->min, row->max);
                return refuse(r, s, what);
        }
        *(int *)(void *)place = config_setting_get_int(s);
        return 0;
}

static int read_groups(const struct reading *r, const config_t *config, struct reactions_settings *ret)
{
        const config_setting_t *root = config_root_setting(config);

        for (int i = 0; i < config_setting_length(root); i++) {
                const config_setting_t *group = config_setting_get_elem(root, (unsigned)i);

                if (!config_setting_is_group(group))
                        return refuse(r, group, "there is no such group");
                for (int k = 0; k < config_setting_length(group); k++) {
                        const config_setting_t *s = config_setting_get_elem(group, (unsigned)k);
                        const struct row *row = find_row(config_setting_name(group), config_setting_name(s));
                        int q = row ? set_value(r, row, s, ret) : refuse(r, s, "there is no such setting");

                        if (q < 0)
                                return q;
                }
        }
        return 0;
}

static int read_file(const struct reading *r, FILE *f, struct reactions_settings *ret)
{
        config_t config;
        int q;

        config_init(&config);
        if (config_read(&config, f))
                q = read_groups(r, &config, ret);
        else {
                snprintf(r->error, r->size, "%s:%d: %s", r->path, config_error_line(&config),
                         config_error_text(&config));
                q = -EINVAL;
        }
        config_destroy(&config);
        return q;
}

int reactions_settings_load(const char *path, int optional, struct reactions_settings *ret, char *error, size_t size)
{
        _cleanup_(fclosep) FILE *f = NULL;
        struct reading r = { path, error, size };

        memset(ret, 0, sizeof(*ret));
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (rows[i].max)
                        *(int *)(void *)((char *)ret + rows[i].offset) = rows[i].standard;
        f = fopen(path, "re");
        if (!f && errno == ENOENT && optional)
                return 0;
        if (!f) {
                snprintf(error, size, "%s: %s", path, strerror(errno));
                return -EINVAL;
        }
        return read_file(&r, f, ret);
}
