/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <systemd/sd-daemon.h>

#include "basic/clock.h"
#include "basic/log.h"
#include "daemon/bus-face.h"
#include "daemon/capture/devices.h"
#include "daemon/hotplug.h"
#include "daemon/manager-dbus.h"
#include "daemon/service.h"

#define MAX_DESCRIPTORS 65536u
#define WATCHDOG_PARTS 3 /* ticks in one period */

struct service {
        sd_event *event;
        sd_bus *bus;
        struct manager *manager;
        struct bus_face *face;
        struct worker *worker;
        struct hotplug *hotplug;
        sd_event_source *news, *watchdog;
        uint64_t watchdog_usec;
        bool ready, reloading, stuck_said;
        enum manager_state said;
};

/* === Cameras === */

static void list_replay(struct service *s)
{
        const char *file = manager_get_settings(s->manager)->camera.replay;
        const char *slash = strrchr(file, '/');
        struct camera_device d = { 0 };

        snprintf(d.device, sizeof(d.device), "%.255s", file);
        snprintf(d.name, sizeof(d.name), "%.63s", slash && slash[1] ? slash + 1 : file);
        manager_set_devices(s->manager, &d, 1);
}

/* The device of the settings, even if it is not there: its object tells that it is missing. */
static void add_named(struct service *s, struct camera_device *devices, int *n)
{
        const char *named = manager_get_settings(s->manager)->camera.device;

        if (strcmp(named, "auto") == 0 || *n >= (int)CAMERAS_MAX || access(named, F_OK) == 0)
                return;
        snprintf(devices[*n].device, sizeof(devices[*n].device), "%.255s", named);
        (*n)++;
}

static void list_cameras(void *userdata)
{
        struct service *s = userdata;
        struct source_device found[CAMERAS_MAX];
        struct camera_device devices[CAMERAS_MAX] = { 0 };
        int n;

        if (manager_replays(s->manager)) {
                list_replay(s);
                return;
        }
        n = source_list_devices(found, ARRAY_LEN(found));
        if (n < 0) {
                log_warning_errno(n, "the cameras cannot be listed: %m");
                return; /* those that were there before may be there still */
        }
        for (int i = 0; i < n; i++) {
                snprintf(devices[i].device, sizeof(devices[i].device), "%.63s", found[i].node);
                snprintf(devices[i].name, sizeof(devices[i].name), "%.63s", found[i].name);
        }
        add_named(s, devices, &n);
        manager_set_devices(s->manager, devices, (size_t)n);
}

/* === What systemd is told === */

static void say_status(struct service *s)
{
        enum manager_state state = manager_get_view(s->manager)->state;

        if (s->ready && state != s->said)
                sd_notifyf(false, "STATUS=%s", manager_state_name(state));
        s->said = state;
}

static int on_watchdog(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct service *s = userdata;
        uint64_t tick_usec = s->watchdog_usec / WATCHDOG_PARTS;

        if (manager_check_alive(s->manager, clock_usec(), tick_usec)) {
                sd_notify(false, "WATCHDOG=1");
                s->stuck_said = false;
        } else if (!s->stuck_said) {
                log_error("the worker does not answer; the watchdog is not fed");
                s->stuck_said = true;
        }
        sd_event_source_set_time_relative(source, tick_usec);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int start_watchdog(struct service *s)
{
        if (sd_watchdog_enabled(false, &s->watchdog_usec) <= 0)
                return 0;
        return sd_event_add_time_relative(s->event, &s->watchdog, CLOCK_MONOTONIC, 0, 0, on_watchdog, s);
}

/* === Events of the loop === */

static int become_ready(struct service *s)
{
        int r;

        if (s->ready)
                return 0;
        /* last of all: whoever sees the name sees model, plugins and cameras, too */
        r = sd_bus_request_name(s->bus, BUS_NAME, 0);
        if (r == -EEXIST)
                return log_error_errno(r,
                                       "the bus name %s belongs to another program; \"busctl status %s\" shows which",
                                       BUS_NAME, BUS_NAME);
        if (r < 0)
                return log_error_errno(r, "the bus name %s cannot be had: %m", BUS_NAME);
        s->ready = true;
        s->said = manager_get_view(s->manager)->state;
        sd_notifyf(false, "READY=1\nSTATUS=%s", manager_state_name(s->said));
        log_info("ready: %s", manager_state_name(s->said));
        return 0;
}

static int on_news(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct service *s = userdata;
        const struct settings *before = manager_get_settings(s->manager);
        bool first = !manager_get_report(s->manager);

        manager_dispatch(s->manager);
        bus_face_arm(s->face);
        if (manager_get_settings(s->manager) != before || (first && manager_get_report(s->manager)))
                list_cameras(s);
        if (s->reloading && !manager_is_reloading(s->manager)) {
                sd_notify(false, "READY=1"); /* also when what was there before goes on */
                s->reloading = false;
        }
        if (manager_get_report(s->manager) && become_ready(s) < 0)
                return sd_event_exit(s->event, 1);
        say_status(s);
        return 0;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        struct service *s = userdata;
        struct settings_error error;
        uint64_t serial;
        int r;

        sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)clock_usec());
        r = manager_reload(s->manager, &serial, &error);
        if (r < 0)
                log_error("%s; the settings in use before are kept", error.text);
        if (r == 0)
                s->reloading = true;
        else if (!s->reloading) /* else when the one before is done */
                sd_notify(false, "READY=1");
        return 0;
}

static int on_bus_lost(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct service *s = userdata;

        log_error("the connection to the bus is lost");
        return sd_event_exit(s->event, 1);
}

/* === Start and end === */

/*
 * A library may have started threads before main() could block signals (OpenBLAS does), and the kernel gives a process's
 * signal to any thread that takes it. Such a thread passes it on to the main one, whose number is the process's: there
 * the event loop looks for it.
 */
static void pass_to_main_thread(int number)
{
        int saved = errno;

        syscall(SYS_tgkill, getpid(), getpid(), number);
        errno = saved;
}

static int start_signals(struct service *s)
{
        struct sigaction pass = { .sa_handler = pass_to_main_thread, .sa_flags = SA_RESTART };
        sigset_t mask;
        int r;

        sigemptyset(&mask);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0 || sigaction(SIGTERM, &pass, NULL) < 0 ||
            sigaction(SIGINT, &pass, NULL) < 0 || sigaction(SIGHUP, &pass, NULL) < 0)
                return -errno;
        signal(SIGPIPE, SIG_IGN);
        r = sd_event_add_signal(s->event, NULL, SIGTERM, on_stop, s);
        if (r >= 0)
                r = sd_event_add_signal(s->event, NULL, SIGINT, on_stop, s);
        return r < 0 ? r : sd_event_add_signal(s->event, NULL, SIGHUP, on_reload, s);
}

/* As many descriptors as the limits allow: each call may bring some, for as long as it is read. */
static void raise_descriptors(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= MIN(limit.rlim_max, (rlim_t)MAX_DESCRIPTORS))
                return;
        limit.rlim_cur = MIN(limit.rlim_max, (rlim_t)MAX_DESCRIPTORS);
        if (setrlimit(RLIMIT_NOFILE, &limit) <
            0) /* the unit's filter of system calls forbids it, and its limit is higher */
                log_debug("the limit of descriptors stays as it is: %m");
}

static int start_bus(struct service *s)
{
        int r = sd_bus_open_system_with_description(&s->bus, "emotiond");

        if (r < 0)
                return log_error_errno(r, "no connection to the system bus: %m");
        r = sd_bus_attach_event(s->bus, s->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = bus_face_new(s->bus, s->event, s->manager, &s->face);
        if (r >= 0)
                r = sd_bus_match_signal_async(s->bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                                              "org.freedesktop.DBus.Local", "Disconnected", on_bus_lost, NULL, s);
        return r < 0 ? log_error_errno(r, "the bus objects cannot be made: %m") : 0;
}

static int start_worker(struct service *s, const struct service_config *config, struct settings *settings)
{
        int r = worker_new(&config->engine, settings, &s->worker);

        if (r < 0)
                return log_error_errno(r, "the worker cannot be started: %m");
        r = sd_event_add_io(s->event, &s->news, worker_get_fd(s->worker), EPOLLIN, on_news, s);
        if (r < 0)
                return r;
        list_cameras(s);
        manager_set_worker(s->manager, s->worker);
        return 0;
}

static int start(struct service *s, const struct service_config *config, struct settings *settings)
{
        int r = sd_event_new(&s->event);

        raise_descriptors();
        if (r >= 0)
                r = start_signals(s);
        if (r >= 0)
                r = manager_new(&config->manager, settings, &s->manager);
        if (r < 0)
                return log_error_errno(r, "cannot start: %m");
        r = start_bus(s);
        if (r >= 0)
                r = hotplug_new(s->event, list_cameras, s, &s->hotplug);
        if (r >= 0)
                r = start_worker(s, config, settings);
        return r < 0 ? r : start_watchdog(s);
}

static void stop(struct service *s)
{
        sd_notify(false, "STOPPING=1\nSTATUS=");
        sd_event_source_disable_unref(s->news);
        sd_event_source_disable_unref(s->watchdog);
        if (s->manager)
                manager_set_worker(s->manager, NULL);
        s->worker = worker_free(s->worker);
        s->hotplug = hotplug_free(s->hotplug);
        s->face = bus_face_free(s->face);
        s->manager = manager_free(s->manager);
        s->bus = sd_bus_flush_close_unref(s->bus);
        s->event = sd_event_unref(s->event);
}

int service_run(const struct service_config *config, struct settings *settings)
{
        struct service s = { 0 };
        int r = start(&s, config, settings);

        if (r >= 0) {
                r = sd_event_loop(s.event);
                if (r > 0)
                        r = -EIO;
        }
        stop(&s);
        return r;
}
