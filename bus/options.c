/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>
#include <string.h>

#include "bus/options.h"

int bus_check_variant(sd_bus_message *m, const char *name, const char *signature, sd_bus_error *error)
{
        const char *contents;
        char type;
        int r = sd_bus_message_peek_type(m, &type, &contents);

        if (r < 0)
                return r;
        if (strcmp(contents, signature) != 0)
                return bus_error_set(error, SERVICE_INVALID_OPTION, "%s: type %s is wanted, not %.32s", name, signature,
                                     contents);
        return 0;
}

static int read_number(sd_bus_message *m, const struct bus_option *o, void *to, sd_bus_error *error)
{
        bool whole = *o->signature == 'u';
        uint32_t u = 0;
        double d = 0;
        int r = sd_bus_message_read(m, "v", o->signature, whole ? (void *)&u : (void *)&d);

        if (r < 0)
                return r;
        if (whole)
                d = u;
        if (!(d >= o->min && d <= o->max)) /* a NaN is outside, too */
                return bus_error_set(error, SERVICE_INVALID_OPTION, "%s: %.10g is outside %g..%g", o->name, d, o->min,
                                     o->max);
        if (whole)
                *(int64_t *)to = u;
        else
                *(double *)to = d;
        return 0;
}

static int read_option(sd_bus_message *m, const struct bus_option *table, size_t n, const char *name, void *ret,
                       void *userdata, sd_bus_error *error)
{
        for (size_t i = 0; i < n; i++) {
                const struct bus_option *o = &table[i];
                int r;

                if (strcmp(name, o->name) != 0)
                        continue;
                r = bus_check_variant(m, name, o->signature, error);
                if (r < 0)
                        return r;
                return o->read ? o->read(m, (char *)ret + o->offset, userdata, error)
                               : read_number(m, o, (char *)ret + o->offset, error);
        }
        return bus_error_set(error, SERVICE_INVALID_OPTION, "there is no option \"%.64s\"", name);
}

int bus_read_options(sd_bus_message *m, const struct bus_option *table, size_t n, void *ret, void *userdata,
                     sd_bus_error *error)
{
        const char *name;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0)
                        r = read_option(m, table, n, name, ret, userdata, error);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}
