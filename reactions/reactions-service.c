/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "basic/log.h"
#include "reactions/reactions-dbus.h"
#include "reactions/reactions-service.h"

#define TICK_USEC 5000000
#define JOB_TICKS 720 /* retention: each hour */
#define REST_TICKS 12 /* nothing shown for a minute: the camera may close */

struct service {
        const struct reactions_settings *settings;
        char *store_path;
        sd_event *event;
        sd_bus *bus;
        struct store *store;
        struct crowd *crowd;
        struct plays *plays;
        struct source *source;
        struct reactions_face *face;
        sd_event_source *tick;
        struct release_model model;
        unsigned n_ticks, idle_ticks;
};

/* === What is seen === */

static void on_bin(void *userdata, uint64_t begin_ms, uint64_t end_ms, const struct crowd_face *faces, size_t n)
{
        struct service *s = userdata;

        crowd_observe(s->crowd, begin_ms, end_ms, faces, n);
}

static void on_blind(void *userdata)
{
        struct service *s = userdata;

        crowd_blind(s->crowd);
}

static void on_labels(void *userdata, const char *labels, size_t n, int smile)
{
        struct service *s = userdata;

        plays_set_labels(s->plays, labels, n, smile);
}

static void on_model(void *userdata, const char *name, const char *sha256, const uint32_t *decisions, size_t n)
{
        struct service *s = userdata;
        size_t n_classes = 0;

        while (n_classes + 2 <= STATS_CLASSES_MAX && n_classes * (n_classes + 1) < n)
                n_classes++;
        s->model.n_classes = n && n_classes * (n_classes + 1) == n ? n_classes : 0;
        s->model.n_decisions = s->model.n_classes ? n_classes + 1 : 0;
        for (size_t i = 0; i < s->model.n_classes * s->model.n_decisions; i++)
                s->model.decisions[i] = decisions[i];

        snprintf(s->model.name, sizeof(s->model.name), "%s", name);
        snprintf(s->model.sha256, sizeof(s->model.sha256), "%s", sha256);
}

static const struct source_ops source_ops = { on_bin, on_blind, on_labels, on_model };

/* === The loop === */

static void retain(struct service *s)
{
        int r = store_retain(s->store, (int64_t)time(NULL) * 1000000);

        if (r < 0)
                log_warning_errno(r, "what is past its time could not be deleted: %m");
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct service *s = userdata;

        if (plays_check_time(s->plays))
                reactions_face_changed(s->face);
        s->idle_ticks = plays_current(s->plays)->running ? 0 : s->idle_ticks + 1;
        if (s->idle_ticks == REST_TICKS)
                source_want(s->source, false);
        if (++s->n_ticks % JOB_TICKS == 0)
                retain(s);
        sd_notify(false, "WATCHDOG=1");
        sd_event_source_set_time_relative(source, TICK_USEC);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int on_bus_lost(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct service *s = userdata;

        log_error("the connection to the bus is lost");
        return sd_event_exit(s->event, 1);
}

/* === Start and end === */

static int open_store(struct service *s, const char *state_dir)
{
        const struct store_limits limits = { (uint64_t)s->settings->max_mb << 20,
                                             (unsigned)s->settings->keep_curve_days,
                                             (unsigned)s->settings->keep_total_days };
        _cleanup_(freep) char *aside = NULL;
        int r;

        if (asprintf(&s->store_path, "%s/reactions.db", state_dir) < 0)
                return -ENOMEM;
        r = store_open(s->store_path, &limits, &s->store, &aside);
        if (r == -EPROTONOSUPPORT)
                log_error("%s was written by a newer version; it is left as it is", s->store_path);
        else if (r < 0)
                log_error_errno(r, "%s cannot be opened: %m", s->store_path);
        if (r < 0)
                return r;
        if (aside)
                log_error("%s was broken and is now %s; a new one was made", s->store_path, aside);
        r = store_lose_running(s->store);
        if (r > 0)
                log_notice("%d play that ran when the service ended before is lost", r);
        retain(s);
        return MIN(r, 0);
}

static int start_signals(struct service *s)
{
        sigset_t mask;
        int r;

        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGINT);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        signal(SIGPIPE, SIG_IGN);
        r = sd_event_add_signal(s->event, NULL, SIGTERM, on_stop, s);
        return r < 0 ? r : sd_event_add_signal(s->event, NULL, SIGINT, on_stop, s);
}

static int start_bus(struct service *s)
{
        int r = sd_bus_open_system_with_description(&s->bus, "emotion-reactions");

        if (r < 0)
                return log_error_errno(r, "no connection to the system bus: %m");
        r = sd_bus_attach_event(s->bus, s->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = source_new(s->bus, s->event, &source_ops, s, &s->source);
        if (r >= 0)
                r = reactions_face_new(&(struct reactions_parts){ s->bus, s->event, s->settings, s->store, s->plays,
                                                                  s->source, s->store_path, &s->model },
                                       &s->face);
        if (r >= 0)
                r = sd_bus_match_signal_async(s->bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                                              "org.freedesktop.DBus.Local", "Disconnected", on_bus_lost, NULL, s);
        if (r >= 0)
                r = sd_bus_request_name(s->bus, REACTIONS_NAME, 0);
        return r < 0 ? log_error_errno(r, "the bus name %s cannot be had: %m", REACTIONS_NAME) : 0;
}

static int start(struct service *s, const char *state_dir)
{
        int r = sd_event_new(&s->event);

        if (r >= 0)
                r = start_signals(s);
        if (r >= 0)
                r = open_store(s, state_dir);
        if (r >= 0)
                r = crowd_new(0, -1, &s->crowd);
        if (r >= 0)
                r = plays_new(s->store, s->crowd, (unsigned)s->settings->minimum_group, &s->plays);
        if (r < 0)
                return r;
        r = start_bus(s);
        if (r >= 0)
                r = sd_event_add_time_relative(s->event, &s->tick, CLOCK_MONOTONIC, TICK_USEC, 0, on_tick, s);
        if (r < 0)
                return r;
        if (!s->settings->notice[0])
                log_warning("privacy.notice is not set: nothing is recorded until it says where people are told");
        sd_notify(false, "READY=1");
        return 0;
}

static void stop(struct service *s)
{
        sd_notify(false, "STOPPING=1");
        sd_event_source_disable_unref(s->tick);
        s->plays = plays_free(s->plays);
        s->face = reactions_face_free(s->face);
        s->source = source_free(s->source);
        s->crowd = crowd_free(s->crowd);
        s->store = store_free(s->store);
        s->bus = sd_bus_flush_close_unref(s->bus);
        s->event = sd_event_unref(s->event);
        free(s->store_path);
}

int reactions_service_run(const struct reactions_settings *settings, const char *state_dir)
{
        struct service s = { .settings = settings };
        int r = start(&s, state_dir);

        if (r >= 0) {
                r = sd_event_loop(s.event);
                if (r > 0)
                        r = -EIO;
        }
        stop(&s);
        return r;
}
