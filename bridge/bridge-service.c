/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "basic/clock.h"
#include "basic/log.h"
#include "basic/replace-file.h"
#include "bridge/bridge-service.h"
#include "bridge/http.h"
#include "bridge/metrics.h"
#include "bridge/mqtt.h"
#include "bridge/showing.h"
#include "bridge/watch.h"
#include "bus/json.h"

#define TICK_USEC 1000000
#define TEXTFILE_TICKS 15
#define REST_USEC 30000000 /* nobody asked for so long: the camera may close */

struct bridge {
        struct bridge_settings *settings;
        const struct bridge_paths *paths;
        sd_event *event;
        sd_bus *bus;
        sd_event_source *tick;
        struct view view;
        struct watch *watch;
        struct showing showing;
        struct events *events;
        struct http *http;
        struct mqtt *mqtt;
        uint64_t asked_usec; /* when somebody last wanted to know who is in view */
        unsigned n_ticks;
};

/* === What the parts ask for === */

static void on_event(void *userdata, const char *name, json_object *data)
{
        struct bridge *b = userdata;

        if (events_add(b->events, name, json_object_to_json_string_ext(data, JSON_C_TO_STRING_PLAIN)) < 0)
                log_warning("no memory for an event");
        if (b->http)
                http_wake(b->http);
}

static json_object *get_state(void *userdata)
{
        struct bridge *b = userdata;

        view_advance(&b->view, clock_usec());
        return view_to_json(&b->view);
}

static void on_showing(void *userdata)
{
        struct bridge *b = userdata;
        json_object *data = json_object_new_object();

        strcpy(b->view.content, b->showing.content);
        json_object_object_add(data, "content", json_object_new_string(b->showing.content));
        json_object_object_add(data, "play", json_object_new_string(b->showing.play));
        on_event(b, "content", data);
        json_object_put(data);
        if (b->mqtt)
                mqtt_content_changed(b->mqtt);
}

static void advance(void *userdata)
{
        struct bridge *b = userdata;

        view_advance(&b->view, clock_usec());
}

static char *get_metrics(void *userdata)
{
        struct bridge *b = userdata;

        view_advance(&b->view, clock_usec());
        return metrics_text(&b->view, &b->showing, b->http ? http_counts(b->http) : NULL,
                            b->mqtt ? mqtt_counts(b->mqtt) : NULL, events_next(b->events) - 1);
}

static void on_asked(void *userdata)
{
        struct bridge *b = userdata;

        b->asked_usec = clock_usec();
        watch_want(b->watch, !b->mqtt || mqtt_lets_watch(b->mqtt));
}

/* === The loop === */

static void write_textfile(struct bridge *b)
{
        _cleanup_(replace_file_done) struct replace_file f = { 0 };
        _cleanup_(freep) char *text = get_metrics(b);
        int r = text ? replace_file_open(&f, b->settings->textfile) : -ENOMEM;

        if (r >= 0) {
                fputs(text, f.stream);
                r = replace_file_commit(&f);
        }
        if (r < 0)
                log_warning_errno(r, "prometheus.textfile %s cannot be written: %m", b->settings->textfile);
}

static void rest(struct bridge *b)
{
        bool pages = b->http && http_counts(b->http)->streams;

        if (pages)
                b->asked_usec = clock_usec();
        watch_want(b->watch, (!b->mqtt || mqtt_lets_watch(b->mqtt)) &&
                                     (b->settings->watch_always || pages ||
                                      (b->asked_usec && clock_usec() - b->asked_usec < REST_USEC)));
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct bridge *b = userdata;

        if (b->http)
                http_tick(b->http);
        if (b->mqtt)
                mqtt_tick(b->mqtt);
        rest(b);
        if (b->settings->textfile[0] && b->n_ticks++ % TEXTFILE_TICKS == 0)
                write_textfile(b);
        sd_notify(false, "WATCHDOG=1");
        sd_event_source_set_time_relative(source, TICK_USEC);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int start_http(struct bridge *b)
{
        const struct http_parts parts = { b->settings, b->event,  b->bus,      b->events, b->paths->pages,
                                          b,           get_state, get_metrics, on_asked };

        return b->settings->port ? http_new(&parts, &b->http) : 0;
}

static int start_mqtt(struct bridge *b)
{
        const struct mqtt_parts parts = { &b->settings->mqtt, b->event, &b->view, b, advance };

        return b->settings->mqtt.host[0] ? mqtt_new(&parts, &b->mqtt) : 0;
}

/* What is wrong leaves all as it is. What is queued stays. Pages connect again by themselves. */
static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        struct bridge *b = userdata;
        struct bridge_settings *fresh = malloc(sizeof(*fresh));
        char error[512];

        sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)clock_usec());
        if (!fresh)
                log_error("the configuration was not read again: no memory");
        else if (bridge_settings_load(b->paths->config, b->paths->config_optional, fresh, error, sizeof(error)) < 0)
                log_error("%s; the configuration stays as it was", error);
        else {
                b->http = http_free(b->http);
                b->mqtt = mqtt_free(b->mqtt);
                *b->settings = *fresh;
                if (start_http(b) < 0)
                        log_error("pages are not served until the next reload");
                if (start_mqtt(b) < 0)
                        log_error("no broker is told until the next reload");
                rest(b);
                log_info("the configuration was read again");
        }
        free(fresh);
        sd_notify(false, "READY=1");
        return 0;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int on_bus_lost(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct bridge *b = userdata;

        log_error("the connection to the bus is lost");
        return sd_event_exit(b->event, 1);
}

/* === Start and end === */

static int start_signals(struct bridge *b)
{
        sigset_t mask;
        int r;

        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        signal(SIGPIPE, SIG_IGN);
        r = sd_event_add_signal(b->event, NULL, SIGTERM, on_stop, b);
        if (r >= 0)
                r = sd_event_add_signal(b->event, NULL, SIGINT, on_stop, b);
        return r < 0 ? r : sd_event_add_signal(b->event, NULL, SIGHUP, on_reload, b);
}

static int start_bus(struct bridge *b)
{
        int r = sd_bus_open_system_with_description(&b->bus, "emotion-bridge");

        if (r < 0)
                return log_error_errno(r, "no connection to the system bus: %m");
        r = sd_bus_attach_event(b->bus, b->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_match_signal_async(b->bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                                              "org.freedesktop.DBus.Local", "Disconnected", on_bus_lost, NULL, b);
        if (r >= 0)
                r = watch_new(b->bus, b->event, &b->view, on_event, b, &b->watch);
        if (r >= 0)
                r = showing_init(&b->showing, b->bus, on_showing, b);
        return r < 0 ? log_error_errno(r, "the system bus does not answer: %m") : 0;
}

static int start(struct bridge *b)
{
        int r = sd_event_new(&b->event);

        if (r >= 0)
                r = start_signals(b);
        if (r >= 0)
                r = events_new(&b->events);
        if (r >= 0)
                r = start_bus(b);
        if (r >= 0)
                r = start_http(b);
        if (r >= 0)
                r = start_mqtt(b);
        if (r >= 0)
                r = sd_event_add_time_relative(b->event, &b->tick, CLOCK_MONOTONIC, 0, 100000, on_tick, b);
        if (r < 0)
                return r;
        if (!b->settings->port && !b->settings->textfile[0] && !b->settings->mqtt.host[0])
                log_notice("nothing is switched on in %s", b->paths->config);
        sd_notify(false, "READY=1");
        return 0;
}

static void stop(struct bridge *b)
{
        sd_notify(false, "STOPPING=1");
        sd_event_source_disable_unref(b->tick);
        b->http = http_free(b->http);
        b->mqtt = mqtt_free(b->mqtt);
        showing_done(&b->showing);
        b->watch = watch_free(b->watch);
        b->events = events_free(b->events);
        b->bus = sd_bus_flush_close_unref(b->bus);
        b->event = sd_event_unref(b->event);
}

int bridge_service_run(struct bridge_settings *settings, const struct bridge_paths *paths)
{
        struct bridge b = { .settings = settings, .paths = paths };
        int r = start(&b);

        if (r >= 0) {
                r = sd_event_loop(b.event);
                if (r > 0)
                        r = -EIO;
        }
        stop(&b);
        return r;
}
