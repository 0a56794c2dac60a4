/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/inotify.h>
#include <systemd/sd-device.h>

#include "basic/log.h"
#include "daemon/hotplug.h"

/* A camera brings several nodes, and their owner and mode are set a moment after each has come. */
#define SETTLE_USEC 200000

struct hotplug {
        void (*changed)(void *userdata);
        void *userdata;
        sd_device_monitor *monitor;
        sd_event_source *inotify, *timer;
};

static void settle(struct hotplug *h)
{
        sd_event_source_set_time_relative(h->timer, SETTLE_USEC);
        sd_event_source_set_enabled(h->timer, SD_EVENT_ONESHOT);
}

static int on_device(sd_device_monitor *m, sd_device *device, void *userdata)
{
        settle(userdata);
        return 0;
}

static int on_name(sd_event_source *s, const struct inotify_event *e, void *userdata)
{
        if ((e->mask & IN_Q_OVERFLOW) || (e->len > 0 && strncmp(e->name, "video", 5) == 0))
                settle(userdata);
        return 0;
}

static int on_settled(sd_event_source *s, uint64_t usec, void *userdata)
{
        struct hotplug *h = userdata;

        h->changed(h->userdata);
        return 0;
}

static int start_monitor(struct hotplug *h, sd_event *event)
{
        int r = sd_device_monitor_new(&h->monitor);

        if (r >= 0)
                r = sd_device_monitor_filter_add_match_subsystem_devtype(h->monitor, "video4linux", NULL);
        if (r >= 0)
                r = sd_device_monitor_attach_event(h->monitor, event);
        if (r >= 0)
                r = sd_device_monitor_start(h->monitor, on_device, h);
        return r;
}

int hotplug_new(sd_event *event, void (*changed)(void *userdata), void *userdata, struct hotplug **ret)
{
        _cleanup_(hotplug_freep) struct hotplug *h = calloc(1, sizeof(*h));
        int r;

        if (!h)
                return -ENOMEM;
        h->changed = changed;
        h->userdata = userdata;
        r = sd_event_add_time(event, &h->timer, CLOCK_MONOTONIC, UINT64_MAX, 10000, on_settled, h);
        if (r < 0)
                return r;
        sd_event_source_set_enabled(h->timer, SD_EVENT_OFF);
        r = start_monitor(h, event);
        if (r < 0)
                log_info_errno(r, "no device events from udev (%m); new cameras are found by their names in /dev");
        r = sd_event_add_inotify(event, &h->inotify, "/dev", IN_CREATE | IN_DELETE | IN_ATTRIB | IN_MOVED_TO, on_name,
                                 h);
        if (r < 0)
                log_info_errno(r, "/dev cannot be watched: %m");
        *ret = STEAL(h);
        return 0;
}

struct hotplug *hotplug_free(struct hotplug *h)
{
        if (!h)
                return NULL;
        if (h->monitor)
                sd_device_monitor_stop(h->monitor);
        sd_device_monitor_unref(h->monitor);
        sd_event_source_disable_unref(h->inotify);
        sd_event_source_disable_unref(h->timer);
        free(h);
        return NULL;
}
