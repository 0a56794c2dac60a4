/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/bus.h"
#include "cli/text.h"

static void add_plugin(struct table *t, json_object *plugin)
{
        _cleanup_(freep) char *offers = json_join(member(plugin, "offers"), ","),
                              *in_use = json_join(member(plugin, "in-use"), ",");
        const char *error = member_string(plugin, "error"), *version = member_string(plugin, "version");

        table_add(t, TEXT_PLAIN, "%s", member_string(plugin, "name"));
        table_add(t, TEXT_PLAIN, "%s", *version ? version : "-");
        table_add(t, TEXT_PLAIN, "%s", offers && *offers ? offers : "-");
        table_add(t, TEXT_GOOD, "%s", in_use && *in_use ? in_use : "-");
        /* whose a file is that could not be read is not known */
        table_add(t, TEXT_PLAIN, "%s",
                  member_bool(plugin, "third-party") ? "third party"
                  : *version                         ? "emotiond"
                                                     : "-");
        table_add(t, *error ? TEXT_BAD : TEXT_PLAIN, "%s", *error ? error : member_string(plugin, "description"));
}

int verb_plugins(struct ctl *c, int argc, char **argv)
{
        _cleanup_(json_putp) json_object *manager = NULL;
        _cleanup_(table_freep) struct table *t = NULL;
        json_object *plugins;
        size_t n;
        int r;

        r = ctl_get_all(c, BUS_PATH, BUS_IFACE_MANAGER, &manager);
        if (r)
                return r;
        plugins = member(manager, "Plugins");
        if (c->json != CTL_JSON_OFF) {
                json_print(c, plugins);
                return CTL_OK;
        }
        if (table_new("NAME|VERSION|OFFERS|IN USE|FROM|+DESCRIPTION OR ERROR", &t) < 0)
                return ctl_fail(NULL, -ENOMEM, NULL);
        n = json_object_is_type(plugins, json_type_array) ? json_object_array_length(plugins) : 0;
        for (size_t i = 0; i < n; i++)
                add_plugin(t, json_object_array_get_idx(plugins, i));
        if (n && table_print(c, t) < 0)
                return ctl_fail(NULL, -ENOMEM, NULL);
        if (c->legend)
                ctl_note(c, "%zu plugin%s listed.", n, n == 1 ? "" : "s");
        return CTL_OK;
}
