/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "daemon/camera.h"
#include "basic/utf8.h"

const char *stream_state_name(enum stream_state s)
{
        static const char *const names[] = {
                [STREAM_CLOSED] = "closed",   [STREAM_STARTING] = "starting", [STREAM_STREAMING] = "streaming",
                [STREAM_BUSY] = "busy",       [STREAM_MISSING] = "missing",   [STREAM_UNREADABLE] = "unreadable",
                [STREAM_STALLED] = "stalled", [STREAM_ERROR] = "error",       [STREAM_ENDED] = "ended",
        };

        return names[s];
}

/* The same node, whether named by its number or by one of udev's links? */
static bool same_device(const char *a, const char *b)
{
        _cleanup_(freep) char *real_a = NULL, *real_b = NULL;

        if (strcmp(a, b) == 0)
                return true;
        if (a[0] != '/' || b[0] != '/')
                return false;
        real_a = realpath(a, NULL);
        real_b = realpath(b, NULL);
        return real_a && real_b && strcmp(real_a, real_b) == 0;
}

struct camera *cameras_find_device(struct cameras *cs, const char *device)
{
        for (size_t i = 0; i < cs->n; i++)
                if (strcmp(cs->list[i]->device, device) == 0)
                        return cs->list[i];
        for (size_t i = 0; i < cs->n; i++)
                if (same_device(cs->list[i]->device, device))
                        return cs->list[i];
        return NULL;
}

struct camera *cameras_find(struct cameras *cs, unsigned number)
{
        for (size_t i = 0; i < cs->n; i++)
                if (cs->list[i]->number == number)
                        return cs->list[i];
        return NULL;
}

static void copy_clean(char *ret, size_t size, const char *text)
{
        snprintf(ret, size, "%s", text);
        utf8_clean(ret);
}

static bool has_name(const struct camera *c, const char *name)
{
        char clean[sizeof(c->name)];

        copy_clean(clean, sizeof(clean), name);
        return strcmp(c->name, clean) == 0;
}

static int add(struct cameras *cs, const struct camera_device *d, const struct camera_changes *tell,
               struct camera **ret)
{
        struct camera *c;

        if (cs->n >= CAMERAS_MAX)
                return -E2BIG;
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->number = ++cs->last_number;
        snprintf(c->device, sizeof(c->device), "%s", d->device);
        copy_clean(c->shown, sizeof(c->shown), d->device);
        copy_clean(c->name, sizeof(c->name), d->name);
        cs->list[cs->n++] = c;
        *ret = c;
        tell->added(tell->userdata, c);
        return 0;
}

static void drop(struct cameras *cs, size_t i, const struct camera_changes *tell)
{
        struct camera *c = cs->list[i];

        tell->removed(tell->userdata, c);
        if (cs->active == c)
                cs->active = NULL;
        cs->n--;
        memmove(&cs->list[i], &cs->list[i + 1], (cs->n - i) * sizeof(cs->list[0]));
        free(c);
}

void cameras_done(struct cameras *cs)
{
        for (size_t i = 0; i < cs->n; i++)
                free(cs->list[i]);
        *cs = (struct cameras){ 0 };
}

int cameras_update(struct cameras *cs, const struct camera_device *devices, size_t n_devices,
                   const struct camera_changes *tell)
{
        int r = 0;

        for (size_t i = 0; i < cs->n; i++)
                cs->list[i]->present = false;
        /* what went away first: a node that is used again by another device gets another object */
        for (size_t i = 0; i < n_devices; i++) {
                struct camera *c = cameras_find_device(cs, devices[i].device);

                if (c && has_name(c, devices[i].name))
                        c->present = true;
        }
        for (size_t i = cs->n; i-- > 0;)
                if (!cs->list[i]->present)
                        drop(cs, i, tell);
        for (size_t i = 0; i < n_devices && r >= 0; i++) {
                struct camera *c = cameras_find_device(cs, devices[i].device);

                if (!c)
                        r = add(cs, &devices[i], tell, &c);
        }
        return r == -E2BIG ? 0 : r;
}

/* Sets what the bus shows of @c; returns which properties are different now. */
static unsigned set_stream(struct camera *c, enum stream_state state, const struct source_info *info,
                           const char *last_error)
{
        bool open = state == STREAM_STREAMING;
        unsigned changed = 0;
        char format[sizeof(c->format)] = "";
        unsigned width_px = open ? info->width_px : 0, height_px = open ? info->height_px : 0;
        double rate_hz = open ? info->frame_rate_hz : 0;

        if (open)
                memcpy(format, info->format, sizeof(format));
        format[sizeof(format) - 1] = '\0';
        changed |= c->state != state ? CAMERA_STATE : 0;
        changed |= strcmp(c->format, format) ? CAMERA_FORMAT : 0;
        changed |= c->width_px != width_px || c->height_px != height_px ? CAMERA_SIZE : 0;
        changed |= c->frame_rate_hz < rate_hz || c->frame_rate_hz > rate_hz ? CAMERA_FRAME_RATE : 0;
        changed |= strcmp(c->last_error, last_error) ? CAMERA_LAST_ERROR : 0;

        c->state = state;
        memcpy(c->format, format, sizeof(format));
        c->width_px = width_px;
        c->height_px = height_px;
        c->frame_rate_hz = rate_hz;
        snprintf(c->last_error, sizeof(c->last_error), "%s", last_error);
        return changed;
}

static void release(struct cameras *cs, const struct camera_changes *tell)
{
        struct camera *c = cs->active;
        unsigned changed;

        cs->active = NULL;
        if (!c)
                return;
        c->measured_fps = 0;
        c->counted = false;
        changed = set_stream(c, STREAM_CLOSED, NULL, "");
        if (changed)
                tell->changed(tell->userdata, c, changed);
}

/* The worker counts for all cameras together. */
static void count(struct camera *c, const struct worker_snapshot *snapshot)
{
        if (!c->counted) {
                c->frames_base = snapshot->stats.n_frames - c->n_frames;
                c->dropped_base = snapshot->stats.n_dropped - c->n_dropped;
                c->counted = true;
        }
        c->n_frames = snapshot->stats.n_frames - c->frames_base;
        c->n_dropped = snapshot->stats.n_dropped - c->dropped_base;
        c->measured_fps = snapshot->measured_fps;
}

void cameras_count(struct cameras *cs, const struct worker_snapshot *snapshot)
{
        const char *device = snapshot->info.device;

        /* that the worker has another one by now is for cameras_follow() to find out, which tells it */
        if (cs->active && device[0] && cameras_find_device(cs, device) == cs->active)
                count(cs->active, snapshot);
}

void cameras_follow(struct cameras *cs, const struct worker_snapshot *snapshot, const struct camera_changes *tell)
{
        struct camera *c = snapshot->info.device[0] ? cameras_find_device(cs, snapshot->info.device) : NULL;
        unsigned changed;

        /* "auto" could not open any: with one camera it is clear which, and what no camera offers the first one tells */
        if (!snapshot->info.device[0] && (cs->n == 1 || (cs->n && snapshot->error == -EOPNOTSUPP)) &&
            snapshot->error < 0)
                c = cs->list[0];
        /* one that is not listed was just unplugged, and the worker has not noticed yet */
        if (c != cs->active)
                release(cs, tell);
        cs->active = c;
        if (!c)
                return;
        count(c, snapshot);
        changed = set_stream(c, snapshot->state, &snapshot->info, snapshot->error_text);
        if (!c->name[0] && snapshot->info.name[0]) {
                copy_clean(c->name, sizeof(c->name), snapshot->info.name);
                changed |= CAMERA_NAME;
        }
        if (changed)
                tell->changed(tell->userdata, c, changed);
}
