/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/log.h"
#include "bus/error.h"
#include "daemon/peers-dbus.h"

#define DBUS "org.freedesktop.DBus"
#define DBUS_PATH "/org/freedesktop/DBus"

struct call {
        sd_bus_message *message;
        peer_method method;
};

struct entry {
        struct peer peer;
        struct peers *all;
        char *name;
        bool known, running;
        unsigned n_holds;
        sd_bus_slot *match, *question;
        size_t n_calls;
        struct call calls[PEER_MAX_WAITING];
};

struct peers {
        sd_bus *bus;
        void (*gone)(void *userdata, const char *name);
        void *userdata;
        size_t n;
        struct entry *entries[PEERS_MAX];
};

const char *peer_name_of(sd_bus_message *m)
{
        return sd_bus_message_get_sender(m) ?: "peer";
}

bool peer_is_trusted(const struct peer *peer)
{
        return peer->uid == 0 || (peer->uid != (uid_t)-1 && peer->uid == geteuid());
}

/* Calls that were not begun end without an answer. */
static void entry_free(struct entry *e)
{
        struct peers *ps = e->all;

        for (size_t i = 0; i < ps->n; i++)
                if (ps->entries[i] == e) {
                        ps->entries[i] = ps->entries[--ps->n];
                        break;
                }
        for (size_t i = 0; i < e->n_calls; i++)
                sd_bus_message_unref(e->calls[i].message);
        sd_bus_slot_unref(e->question);
        sd_bus_slot_unref(e->match);
        free(e->name);
        free(e);
}

static struct entry *find(struct peers *ps, const char *name)
{
        for (size_t i = 0; i < ps->n; i++)
                if (strcmp(ps->entries[i]->name, name) == 0)
                        return ps->entries[i];
        return NULL;
}

static void settle(struct entry *e)
{
        if (e->known && !e->running && e->n_calls == 0 && e->n_holds == 0)
                entry_free(e);
}

static void leave(struct entry *e)
{
        struct peers *ps = e->all;

        log_debug("%s left the bus", e->name);
        e->running = true; /* it is freed here, whatever is released meanwhile */
        ps->gone(ps->userdata, e->name);
        entry_free(e);
}

/* === Calls === */

static void answer(struct entry *e, const struct call *c)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = c->method(c->message, &e->peer, e->all->userdata, &error);

        if (sd_bus_error_is_set(&error))
                r = sd_bus_reply_method_error(c->message, &error);
        else if (r < 0)
                r = sd_bus_reply_method_errno(c->message, r, NULL);
        if (r < 0)
                (void)log_debug_errno(r, "an answer to %s cannot be sent: %m", e->name);
        sd_bus_message_unref(c->message);
}

/* It is known who @e is: what waited for that is answered. */
static void know(struct entry *e)
{
        e->known = e->running = true;
        for (size_t i = 0; i < e->n_calls; i++)
                answer(e, &e->calls[i]);
        e->n_calls = 0;
        e->running = false;
        settle(e);
}

static int call_now(struct entry *e, sd_bus_message *m, peer_method method, sd_bus_error *error)
{
        int r;

        e->running = true;
        r = method(m, &e->peer, e->all->userdata, error);
        e->running = false;
        settle(e);
        return r;
}

/* === What the bus says === */

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *name, *before, *after;

        if (sd_bus_message_read(m, "sss", &name, &before, &after) >= 0 && !*after)
                leave(userdata);
        return 0;
}

/* A match that cannot be had must not end the connection, as sd-bus would have it. */
static int on_match(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct entry *e = userdata;
        const sd_bus_error *why = sd_bus_message_get_error(m);

        if (!why)
                return 0;
        log_warning("the bus cannot say when %s leaves, its calls are refused: %s", e->name, why->message ?: why->name);
        for (size_t i = 0; i < e->n_calls; i++)
                bus_error_reply(e->calls[i].message, SERVICE_LIMITS_EXCEEDED, "Too many programs call at a time");
        leave(e);
        return 0;
}

static int on_credentials(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct entry *e = userdata;
        const char *key;
        uint32_t value;
        int r;

        if (sd_bus_error_has_name(sd_bus_message_get_error(m), SD_BUS_ERROR_NAME_HAS_NO_OWNER)) {
                leave(e);
                return 0;
        }
        r = sd_bus_message_is_method_error(m, NULL) ? 0 : sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r > 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &key);
                if (r > 0 && strcmp(key, "UnixUserID") == 0) {
                        r = sd_bus_message_read(m, "v", "u", &value);
                        e->peer.uid = r > 0 ? value : (uid_t)-1;
                } else if (r > 0 && strcmp(key, "ProcessID") == 0) {
                        r = sd_bus_message_read(m, "v", "u", &value);
                        e->peer.pid = r > 0 ? (pid_t)value : 0;
                } else if (r > 0) {
                        r = sd_bus_message_skip(m, "v");
                }
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        know(e);
        return 0;
}

/* The match goes out first, and the bus reads in order: who leaves after the answer is heard of. */
static int ask(struct entry *e)
{
        char rule[512];
        int r;

        snprintf(rule, sizeof(rule),
                 "type='signal',sender='" DBUS "',path='" DBUS_PATH "',interface='" DBUS
                 "',member='NameOwnerChanged',arg0='%s'",
                 e->name);
        r = sd_bus_add_match_async(e->all->bus, &e->match, rule, on_owner_changed, on_match, e);
        if (r < 0)
                return r;
        return sd_bus_call_method_async(e->all->bus, &e->question, DBUS, DBUS_PATH, DBUS, "GetConnectionCredentials",
                                        on_credentials, e, "s", e->name);
}

/* Without a broker there is one peer, and the socket says who it is. */
static void ask_socket(struct entry *e)
{
        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;

        if (sd_bus_get_owner_creds(e->all->bus, SD_BUS_CREDS_EUID | SD_BUS_CREDS_PID, &creds) >= 0) {
                (void)sd_bus_creds_get_euid(creds, &e->peer.uid);
                (void)sd_bus_creds_get_pid(creds, &e->peer.pid);
        }
        e->known = true;
}

static int entry_new(struct peers *ps, const char *name, struct entry **ret)
{
        struct entry *e = calloc(1, sizeof(*e));
        int r = 0;

        if (!e)
                return -ENOMEM;
        e->all = ps;
        e->name = strdup(name);
        e->peer = (struct peer){ .name = e->name, .uid = (uid_t)-1 };
        ps->entries[ps->n++] = e;
        if (!e->name)
                r = -ENOMEM;
        else if (sd_bus_is_bus_client(ps->bus) > 0)
                r = ask(e);
        else
                ask_socket(e);
        if (r < 0) {
                entry_free(e);
                return r;
        }
        *ret = e;
        return 0;
}

/* === For the methods === */

int peers_call(struct peers *ps, sd_bus_message *m, peer_method method, sd_bus_error *error)
{
        struct entry *e = find(ps, peer_name_of(m));
        int r;

        if (!e) {
                if (ps->n == PEERS_MAX)
                        return bus_error_set(error, SERVICE_LIMITS_EXCEEDED, "Too many programs call at a time");
                r = entry_new(ps, peer_name_of(m), &e);
                if (r < 0)
                        return r;
        }
        if (e->known)
                return call_now(e, m, method, error);
        if (e->n_calls == PEER_MAX_WAITING)
                return bus_error_set(error, SERVICE_LIMITS_EXCEEDED, "Too many calls of this program wait");
        e->calls[e->n_calls++] = (struct call){ sd_bus_message_ref(m), method };
        return 1;
}

void peers_hold(struct peers *ps, const char *name)
{
        struct entry *e = find(ps, name);

        if (e)
                e->n_holds++;
}

void peers_release(struct peers *ps, const char *name)
{
        struct entry *e = find(ps, name);

        if (!e || e->n_holds == 0)
                return;
        e->n_holds--;
        settle(e);
}

int peers_new(sd_bus *bus, void (*gone)(void *userdata, const char *name), void *userdata, struct peers **ret)
{
        struct peers *ps = calloc(1, sizeof(*ps));

        if (!ps)
                return -ENOMEM;
        *ps = (struct peers){ .bus = sd_bus_ref(bus), .gone = gone, .userdata = userdata };
        *ret = ps;
        return 0;
}

struct peers *peers_free(struct peers *ps)
{
        if (!ps)
                return NULL;
        while (ps->n > 0)
                entry_free(ps->entries[0]);
        sd_bus_unref(ps->bus);
        free(ps);
        return NULL;
}
