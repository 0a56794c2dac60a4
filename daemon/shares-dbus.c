/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/clock.h"
#include "bus/error.h"
#include "daemon/shares-dbus.h"

/* Calls are counted anew after this time. Whoever finds the queue no longer than this waits for nobody. */
#define WINDOW_USEC 20000u
/* That are answered in a window, divided among all who call. */
#define WINDOW_CALLS 64u
/* Callers are told apart by so many buckets; two that fall into one have one share. */
#define N_BUCKETS 256u

struct shares {
        sd_event_source *idle;
        sd_bus_slot *filter;
        bool busy; /* since @busy_usec there was always another call, or other work */
        uint64_t busy_usec, window_usec, n_refused;
        unsigned n_callers, n_callers_before; /* in this window, and in the one before */
        uint16_t n_calls[N_BUCKETS];
};

/* Nothing else is to be done. */
static int on_idle(sd_event_source *source, void *userdata)
{
        struct shares *s = userdata;

        s->busy = false;
        return 0;
}

static unsigned bucket_of(const char *name)
{
        unsigned h = 2166136261u; /* FNV-1a */

        for (; *name; name++)
                h = (h ^ (unsigned char)*name) * 16777619u;
        return h % N_BUCKETS;
}

static void begin_window(struct shares *s, uint64_t now)
{
        bool next = now - s->window_usec < 2 * (uint64_t)WINDOW_USEC;

        s->n_callers_before = next ? s->n_callers : 0;
        s->n_callers = 0;
        s->window_usec = now;
        memset(s->n_calls, 0, sizeof(s->n_calls));
}

/* Return: true if this call is one more than its caller's share. */
static bool is_too_many(struct shares *s, const char *sender)
{
        uint64_t now = clock_usec();
        unsigned bucket = bucket_of(sender), share;

        if (!s->busy) {
                s->busy = true;
                s->busy_usec = now;
                sd_event_source_set_enabled(s->idle, SD_EVENT_ONESHOT);
        }
        if (now - s->window_usec >= WINDOW_USEC)
                begin_window(s, now);
        if (s->n_calls[bucket] == 0)
                s->n_callers++;
        if (s->n_calls[bucket] < UINT16_MAX)
                s->n_calls[bucket]++;
        share = MAX(WINDOW_CALLS / MAX(MAX(s->n_callers, s->n_callers_before), 1u), 1u);
        return now - s->busy_usec >= WINDOW_USEC && s->n_calls[bucket] > share;
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct shares *s = userdata;

        if (!sd_bus_message_is_method_call(m, NULL, NULL) || !is_too_many(s, sd_bus_message_get_sender(m) ?: ""))
                return 0;
        s->n_refused++;
        return bus_error_set(error, SERVICE_LIMITS_EXCEEDED, "Too many calls at a time");
}

int shares_new(sd_bus *bus, sd_event *event, struct shares **ret)
{
        _cleanup_(shares_freep) struct shares *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        r = sd_event_add_defer(event, &s->idle, on_idle, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->idle, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_source_set_priority(s->idle, SD_EVENT_PRIORITY_IDLE);
        if (r >= 0)
                r = sd_bus_add_filter(bus, &s->filter, on_message, s);
        if (r < 0)
                return r;
        *ret = STEAL(s);
        return 0;
}

struct shares *shares_free(struct shares *s)
{
        if (!s)
                return NULL;
        sd_bus_slot_unref(s->filter);
        sd_event_source_disable_unref(s->idle);
        free(s);
        return NULL;
}

uint64_t shares_n_refused(const struct shares *s)
{
        return s->n_refused;
}
