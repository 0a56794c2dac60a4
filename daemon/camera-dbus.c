/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/log.h"
#include "daemon/camera-dbus.h"

struct camera_object {
        struct bus_face *face;
        sd_bus_slot *slot;
        unsigned dirty; /* enum camera_property, not yet told */
};

static int get_text(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                    void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "s", (const char *)userdata);
}

static int get_state(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                     void *userdata, sd_bus_error *error)
{
        const enum stream_state *s = userdata;

        return sd_bus_message_append(reply, "s", stream_state_name(*s));
}

/* Counters run on while frames flow, and nobody is told: who asks gets those of now. */
static int get_counter(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        struct camera *c = userdata;
        const struct camera_object *o = c->userdata;

        manager_count_frames(o->face->manager);
        if (strcmp(property, "MeasuredFrameRate") == 0)
                return sd_bus_message_append(reply, "d", c->measured_fps);
        return sd_bus_message_append(reply, "t", strcmp(property, "Frames") == 0 ? c->n_frames : c->n_dropped);
}

#define EMITS SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define AT(member) offsetof(struct camera, member)

static const sd_bus_vtable camera_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Device", "s", get_text, AT(shown), SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Name", "s", get_text, AT(name), EMITS),
        SD_BUS_PROPERTY("State", "s", get_state, AT(state), EMITS),
        SD_BUS_PROPERTY("Format", "s", get_text, AT(format), EMITS),
        SD_BUS_PROPERTY("Width", "u", NULL, AT(width_px), EMITS),
        SD_BUS_PROPERTY("Height", "u", NULL, AT(height_px), EMITS),
        SD_BUS_PROPERTY("FrameRate", "d", NULL, AT(frame_rate_hz), EMITS),
        SD_BUS_PROPERTY("MeasuredFrameRate", "d", get_counter, 0, 0),
        SD_BUS_PROPERTY("Frames", "t", get_counter, 0, 0),
        SD_BUS_PROPERTY("FramesDropped", "t", get_counter, 0, 0),
        SD_BUS_PROPERTY("LastError", "s", get_text, AT(last_error), EMITS),
        SD_BUS_VTABLE_END,
};

int bus_camera_added(struct bus_face *f, struct camera *c)
{
        struct camera_object *o = calloc(1, sizeof(*o));
        char path[BUS_CAMERA_PATH_MAX];
        int r;

        if (!o)
                return -ENOMEM;
        o->face = f;
        bus_camera_path(c->number, path, sizeof(path));
        r = sd_bus_add_object_vtable(f->bus, &o->slot, path, BUS_IFACE_CAMERA, camera_vtable, c);
        if (r < 0) {
                free(o);
                return r;
        }
        c->userdata = o;
        return sd_bus_emit_object_added(f->bus, path);
}

void bus_camera_removed(struct bus_face *f, struct camera *c)
{
        struct camera_object *o = c->userdata;
        char path[BUS_CAMERA_PATH_MAX];

        if (!o)
                return;
        bus_camera_path(c->number, path, sizeof(path));
        sd_bus_emit_object_removed(f->bus, path);
        sd_bus_slot_unref(o->slot);
        free(o);
        c->userdata = NULL;
}

void bus_camera_changed(struct bus_face *f, struct camera *c, unsigned properties)
{
        struct camera_object *o = c->userdata;

        if (!o)
                return;
        o->dirty |= properties;
        bus_face_mark(f, 0);
}

void bus_camera_flush(struct bus_face *f, struct camera *c)
{
        struct camera_object *o = c->userdata;
        char path[BUS_CAMERA_PATH_MAX];
        static const struct {
                unsigned bit;
                const char *name;
        } table[] = {
                { CAMERA_NAME, "Name" },
                { CAMERA_STATE, "State" },
                { CAMERA_FORMAT, "Format" },
                { CAMERA_SIZE, "Width" },
                { CAMERA_SIZE, "Height" },
                { CAMERA_FRAME_RATE, "FrameRate" },
                { CAMERA_LAST_ERROR, "LastError" },
        };
        const char *names[ARRAY_LEN(table) + 1];
        size_t n = 0;

        if (!o || !o->dirty)
                return;
        for (size_t i = 0; i < ARRAY_LEN(table); i++)
                if (o->dirty & table[i].bit)
                        names[n++] = table[i].name;
        names[n] = NULL;
        o->dirty = 0;
        bus_camera_path(c->number, path, sizeof(path));
        bus_emit_changed(f->bus, path, BUS_IFACE_CAMERA, names);
}
