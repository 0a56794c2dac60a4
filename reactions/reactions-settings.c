/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/conf.h"
#include "basic/macro.h"
#include "reactions/reactions-settings.h"

#define NUMBER(group, key, min, max, standard, member) \
        CONF_ROW_NUMBER(group, key, min, max, standard, struct reactions_settings, member)

static const struct conf_row rows[] = {
        { NUMBER("privacy", "minimum_group", 3, 100, 5, minimum_group) },
        { CONF_ROW_TEXT("privacy", "notice", struct reactions_settings, notice) },
        { NUMBER("retention", "curve_days", 1, 3660, 90, keep_curve_days) },
        { NUMBER("retention", "total_days", 1, 3660, 396, keep_total_days) },
        { NUMBER("store", "max_mb", 1, 10000, 100, max_mb) },
};

int reactions_settings_load(const char *path, int optional, struct reactions_settings *ret, char *error, size_t size)
{
        const struct conf_reading r = { path, error, size };

        memset(ret, 0, sizeof(*ret));
        return conf_load(&r, optional, rows, ARRAY_LEN(rows), ret, NULL);
}
