/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/append-dbus.h"
#include "daemon/clients-dbus.h"

static int append_thresholds(sd_bus_message *m, const struct claim_options *o)
{
        int r = 0;

        if (o->min_confidence >= 0)
                r = sd_bus_message_append(m, "{sv}", "min-confidence", "d", o->min_confidence);
        if (r >= 0 && o->min_hold_ms >= 0)
                r = sd_bus_message_append(m, "{sv}", "min-hold-ms", "u", (uint32_t)o->min_hold_ms);
        if (r >= 0 && o->max_rate_hz > 0)
                r = sd_bus_message_append(m, "{sv}", "max-rate-hz", "d", o->max_rate_hz);
        return r;
}

static int append_client(sd_bus_message *m, const struct claim *c)
{
        int r = sd_bus_message_open_container(m, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}", "name", "s", c->owner, "since", "t", c->since_usec);
        if (r >= 0 && c->uid != CLAIM_UID_UNKNOWN)
                r = sd_bus_message_append(m, "{sv}", "uid", "u", (uint32_t)c->uid);
        if (r >= 0 && c->pid > 0)
                r = sd_bus_message_append(m, "{sv}", "pid", "u", (uint32_t)c->pid);
        if (r >= 0)
                r = bus_append_camera(m, c->options.camera);
        if (r >= 0)
                r = append_thresholds(m, &c->options);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int bus_get_clients(sd_bus_message *m, const struct peer *peer, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        struct bus_face *f = userdata;
        int r = bus_check_trusted(peer, error);

        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (size_t i = 0; i < CLAIMS_MAX && r >= 0; i++) {
                const struct claim *c = claims_at(manager_get_claims(f->manager), i);

                if (c)
                        r = append_client(reply, c);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(f->bus, reply, NULL);
}

int bus_get_all_statistics(sd_bus_message *m, const struct peer *peer, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        struct bus_face *f = userdata;
        int r;

        if (!peer_is_trusted(peer) && !claims_find(manager_get_claims(f->manager), peer->name))
                return bus_error_set(error, SERVICE_NOT_CLAIMED, "The caller holds no claim");
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = bus_append_statistics(reply, f, true);
        return r < 0 ? r : sd_bus_send(f->bus, reply, NULL);
}
