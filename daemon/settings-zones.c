/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "daemon/settings-zones.h"

static int refuse(char *why, size_t size, const char *text)
{
        snprintf(why, size, "%s", text);
        return -EINVAL;
}

static bool is_row(const config_setting_t *s)
{
        return config_setting_is_list(s) || config_setting_is_array(s);
}

static bool is_number(const config_setting_t *s)
{
        int type = config_setting_type(s);

        return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64 || type == CONFIG_TYPE_FLOAT;
}

static double number(const config_setting_t *s)
{
        return config_setting_type(s) == CONFIG_TYPE_FLOAT ? config_setting_get_float(s)
                                                           : (double)config_setting_get_int64(s);
}

static int read_points(struct zone *z, const config_setting_t *value, char *why, size_t why_size)
{
        size_t n = is_row(value) ? (size_t)config_setting_length(value) : 0;

        if (n < 3 || n > ZONE_MAX_POINTS)
                return refuse(why, why_size, "is not a list of 3 to 16 points: ( ( X, Y ), ( X, Y ), ( X, Y ) )");
        for (z->n_points = 0; z->n_points < n; z->n_points++) {
                const config_setting_t *point = config_setting_get_elem(value, (unsigned)z->n_points);

                if (!is_row(point) || config_setting_length(point) != 2)
                        return refuse(why, why_size, "has a point that is not two numbers, ( X, Y ), from 0 to 1");
                for (unsigned i = 0; i < 2; i++) {
                        const config_setting_t *share = config_setting_get_elem(point, i);

                        if (!is_number(share))
                                return refuse(why, why_size,
                                              "has a point that is not two numbers, ( X, Y ), from 0 to 1");
                        z->points[z->n_points][i] = number(share);
                }
        }
        return 0;
}

int settings_zone_set(struct zones *zs, const config_setting_t *value, char *why, size_t why_size)
{
        const char *name = config_setting_name(value), *complaint;
        struct zone z = { 0 };
        size_t at = 0;
        int r;

        if (strlen(name) >= sizeof(z.name))
                return refuse(why, why_size, "has a name of more than 32 bytes");
        snprintf(z.name, sizeof(z.name), "%s", name);
        r = read_points(&z, value, why, why_size);
        if (r < 0)
                return r;
        complaint = zone_complaint(&z);
        if (complaint)
                return refuse(why, why_size, complaint);
        while (at < zs->n && strcmp(zs->items[at].name, z.name) != 0)
                at++;
        if (at == ZONES_MAX)
                return refuse(why, why_size, "is one more than the 16 zones that there may be");
        zs->items[at] = z;
        zs->n = MAX(zs->n, at + 1);
        return 0;
}
