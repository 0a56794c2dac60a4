/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <pwd.h>
#include <systemd/sd-login.h>

#include "cli/bus.h"
#include "cli/text.h"

/* The process's unit, of the system or of its user; "" where it has none or is gone. Owned by the caller. */
static char *unit_of(pid_t pid)
{
        char *unit = NULL;

        if (pid > 0 && (sd_pid_get_user_unit(pid, &unit) >= 0 || sd_pid_get_unit(pid, &unit) >= 0))
                return unit;
        return strdup("");
}

/* What this machine knows of a claimant beside what the service says. */
static void complete(json_object *client)
{
        json_object *uid = member(client, "uid");
        const struct passwd *user = uid ? getpwuid((uid_t)member_u64(client, "uid")) : NULL;
        _cleanup_(freep) char *unit = unit_of((pid_t)member_u64(client, "pid"));

        if (user)
                json_object_object_add(client, "user", json_object_new_string(user->pw_name));
        if (unit && *unit)
                json_object_object_add(client, "unit", json_object_new_string(unit));
}

static void add_threshold(struct table *t, json_object *client, const char *key)
{
        if (member(client, key))
                table_add(t, TEXT_PLAIN, "%g", member_double(client, key));
        else
                table_add(t, TEXT_FAINT, "-");
}

static void add_client(struct table *t, json_object *client)
{
        const char *camera = member_string(client, "camera"), *user = member_string(client, "user"),
                   *unit = member_string(client, "unit");
        char since[TEXT_TIME_MAX];

        text_clock(member_u64(client, "since"), since);
        table_add(t, TEXT_PLAIN, "%s", *user ? user : "-");
        table_add(t, TEXT_PLAIN, "%" PRIu64, member_u64(client, "pid"));
        table_add(t, TEXT_PLAIN, "%s", *unit ? unit : "-");
        table_add(t, TEXT_PLAIN, "%s", since);
        table_add(t, TEXT_PLAIN, "%s", *camera ? strrchr(camera, '/') + 1 : "any");
        add_threshold(t, client, "min-confidence");
        add_threshold(t, client, "min-hold-ms");
        add_threshold(t, client, "max-rate-hz");
}

int verb_clients(struct ctl *c, int argc, char **argv)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(json_putp) json_object *clients = NULL;
        _cleanup_(table_freep) struct table *t = NULL;
        size_t n;
        int r;

        r = ctl_connect(c);
        if (r)
                return r;
        if (ctl_new_call(c, BUS_PATH, BUS_IFACE_MANAGER, "GetClients", &m) < 0)
                return ctl_fail(NULL, -ENOMEM, NULL);
        r = sd_bus_call(c->bus, m, 0, &error, &reply);
        if (r < 0)
                return ctl_fail_admin(&error, r);
        r = json_from_value(reply, &clients);
        if (r < 0 || !json_object_is_type(clients, json_type_array))
                return ctl_fail(NULL, r < 0 ? r : -EBADMSG, NULL);
        n = json_object_array_length(clients);
        for (size_t i = 0; i < n; i++)
                complete(json_object_array_get_idx(clients, i));
        if (c->json != CTL_JSON_OFF) {
                json_print(c, clients);
                return CTL_OK;
        }
        if (table_new("USER|>PROCESS|UNIT|SINCE|CAMERA|>CONFIDENCE|>HOLD MS|>RATE HZ", &t) < 0)
                return ctl_fail(NULL, -ENOMEM, NULL);
        for (size_t i = 0; i < n; i++)
                add_client(t, json_object_array_get_idx(clients, i));
        if (n && table_print(c, t) < 0)
                return ctl_fail(NULL, -ENOMEM, NULL);
        if (c->legend)
                ctl_note(c, "%zu claim%s listed.", n, n == 1 ? "" : "s");
        return CTL_OK;
}
