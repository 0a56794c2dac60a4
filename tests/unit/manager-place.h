/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The manager and its bus face; a client talks to them over a socket pair, and the worker is made of variables. For one
 * file of a test; after cmocka.h. */

#include <string.h>
#include <sys/socket.h>

#include "daemon/bus-face.h"
#include "daemon/manager-dbus.h"
#include "daemon/signals-dbus.h"
#include "tests/unit/fake-worker.h"

struct heard {
        size_t n, n_added, n_removed;
        size_t n_news; /* signals of the manager itself */
        char member[32], first[32], second[32], path[64];
        bool state_changed;
};

struct place {
        sd_event *event;
        sd_bus *server, *client;
        struct worker worker;
        struct settings *settings;
        struct manager *manager;
        struct bus_face *face;
        sd_bus_message *reply;
        struct heard heard;
        char folder[64], config[128];
};

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct place *p = userdata;
        const char *from, *to;
        uint32_t face;

        if (!sd_bus_message_is_signal(m, NULL, NULL))
                return 0;
        p->heard.n++;
        p->heard.n_news += strcmp(sd_bus_message_get_interface(m), BUS_IFACE_MANAGER) == 0;
        p->heard.n_added += sd_bus_message_is_signal(m, NULL, "InterfacesAdded") > 0;
        p->heard.n_removed += sd_bus_message_is_signal(m, NULL, "InterfacesRemoved") > 0;
        snprintf(p->heard.member, sizeof(p->heard.member), "%s", sd_bus_message_get_member(m));
        snprintf(p->heard.path, sizeof(p->heard.path), "%s", sd_bus_message_get_path(m));
        if (sd_bus_message_is_signal(m, BUS_IFACE_MANAGER, "EmotionChanged")) {
                assert_true(sd_bus_message_read(m, "uss", &face, &from, &to) > 0);
                snprintf(p->heard.first, sizeof(p->heard.first), "%s", from);
                snprintf(p->heard.second, sizeof(p->heard.second), "%s", to);
        }
        if (sd_bus_message_is_signal(m, BUS_IFACE_MANAGER, "Summary")) {
                assert_true(sd_bus_message_skip(m, "tt") > 0);
                assert_true(sd_bus_message_read(m, "o", &from) > 0);
                snprintf(p->heard.first, sizeof(p->heard.first), "%s", from);
        }
        if (sd_bus_message_is_signal(m, BUS_IFACE_MANAGER, "AttentionChanged")) {
                int facing;
                double yaw;

                assert_true(sd_bus_message_read(m, "ub", &face, &facing) > 0);
                snprintf(p->heard.first, sizeof(p->heard.first), "%s", facing ? "facing" : "turned");
                assert_true(sd_bus_message_skip(m, "t") > 0);
                assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") > 0);
                assert_true(sd_bus_message_skip(m, "{sv}") > 0); /* the box */
                assert_true(sd_bus_message_read(m, "{sv}", &from, "d", &yaw) > 0);
                assert_string_equal(from, "yaw");
                assert_float_equal(yaw, 12, 1e-6);
        }
        return 0;
}

static void run(struct place *p)
{
        for (int i = 0; i < 200; i++)
                if (sd_event_run(p->event, 500) == 0)
                        break;
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct place *p = userdata;

        sd_bus_message_unref(p->reply);
        p->reply = sd_bus_message_ref(m);
        return 0;
}

static void finish(struct place *p)
{
        for (int i = 0; i < 1000 && !p->reply; i++)
                assert_true(sd_event_run(p->event, 10000) >= 0);
        assert_non_null(p->reply);
}

static sd_bus_message *method(struct place *p, const char *member)
{
        sd_bus_message *m = NULL;

        assert_true(sd_bus_message_new_method_call(p->client, &m, NULL, BUS_PATH, BUS_IFACE_MANAGER, member) >= 0);
        return m;
}

static void start_call(struct place *p, sd_bus_message *m)
{
        p->reply = sd_bus_message_unref(p->reply);
        assert_true(sd_bus_call_async(p->client, NULL, m, on_reply, p, 0) >= 0);
        sd_bus_message_unref(m);
}

/* Sends @m; holds the reply against @error ("" for none). */
static void call(struct place *p, sd_bus_message *m, const char *error)
{
        const sd_bus_error *e;

        start_call(p, m);
        finish(p);
        e = sd_bus_message_get_error(p->reply);
        if (strcmp(e ? e->name : "", error) != 0)
                fail_msg("\"%s\" (%s), wanted \"%s\"", e ? e->name : "", e ? e->message : "", error);
}

static inline void call_plain(struct place *p, const char *member, const char *error)
{
        call(p, method(p, member), error);
}

#define CLAIM(p, error, ...)                                              \
        do {                                                              \
                sd_bus_message *_m = method(p, "Claim");                  \
                assert_true(sd_bus_message_append(_m, __VA_ARGS__) >= 0); \
                call(p, _m, error);                                       \
        } while (0)
#define INVALID BUS_NAME ".Error.InvalidOption"

static void expect_state(struct place *p, const char *state, const char *last_error)
{
        assert_string_equal(manager_state_name(manager_get_view(p->manager)->state), state);
        assert_string_equal(service_error_name(manager_get_view(p->manager)->last_error), last_error);
}

static sd_bus *connect_bus(struct place *p, int fd, bool server)
{
        sd_bus *b = NULL;

        assert_true(sd_bus_new(&b) >= 0);
        assert_true(sd_bus_set_fd(b, fd, fd) >= 0);
        if (server)
                assert_true(sd_bus_set_server(b, true,
                                              SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 10, 11, 12, 13, 14, 15,
                                                            16)) >= 0);
        assert_true(sd_bus_set_anonymous(b, false) >= 0);
        assert_true(sd_bus_negotiate_fds(b, true) >= 0);
        assert_true(sd_bus_start(b) >= 0);
        assert_true(sd_bus_attach_event(b, p->event, 0) >= 0);
        return b;
}

static int make(void **state)
{
        struct place *p = calloc(1, sizeof(*p));
        struct manager_config config = { .override = { .replay_pace = -1, .replay_loop = -1 } };
        struct settings_error error;
        int fds[2];

        strcpy(p->folder, "/tmp/test-manager-XXXXXX");
        assert_non_null(mkdtemp(p->folder));
        snprintf(p->config, sizeof(p->config), "%s/emotiond.conf", p->folder);
        config.config_file = p->config;
        config.config_optional = true;
        config.state_dir = p->folder;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        assert_true(sd_event_new(&p->event) >= 0);
        p->server = connect_bus(p, fds[0], true);
        p->client = connect_bus(p, fds[1], false);
        assert_true(sd_bus_add_filter(p->client, NULL, on_message, p) >= 0);
        assert_int_equal(settings_load(NULL, true, NULL, &p->settings, &error), 0);
        assert_int_equal(manager_new(&config, p->settings, &p->manager), 0);
        assert_int_equal(bus_face_new(p->server, p->event, p->manager, &p->face), 0);
        p->worker.report = fake_report(p->settings, 1);
        manager_set_worker(p->manager, &p->worker);
        manager_dispatch(p->manager);
        run(p);
        p->heard = (struct heard){ 0 };
        *state = p;
        return 0;
}

static int destroy(void **state)
{
        struct place *p = *state;
        char command[128];

        manager_set_worker(p->manager, NULL);
        bus_face_free(p->face);
        manager_free(p->manager);
        sd_bus_message_unref(p->reply);
        sd_bus_flush_close_unref(p->client);
        sd_bus_flush_close_unref(p->server);
        sd_event_unref(p->event);
        engine_report_free(p->worker.report);
        engine_report_free(p->worker.next_report);
        settings_unref(p->worker.settings);
        settings_unref(p->settings);
        for (size_t i = p->worker.n_answered; i < p->worker.n_jobs; i++)
                fd_close(p->worker.jobs[i].fd);
        snprintf(command, sizeof(command), "rm -rf '%s'", p->folder);
        free(p);
        return system(command);
}

static void stream(struct place *p, enum stream_state state, int error)
{
        p->worker.snapshot.state = state;
        p->worker.snapshot.error = error;
        manager_dispatch(p->manager);
}
