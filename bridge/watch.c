/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>
#include <time.h>

#include "basic/clock.h"
#include "basic/log.h"
#include "bridge/watch.h"
#include "bus/json.h"
#include "bus/names.h"

#define RETRY_USEC 2000000
#define CALL_USEC 10000000

struct watch {
        sd_bus *bus;
        struct view *view;
        watch_event on_event;
        void *userdata;
        sd_bus_slot *signals, *owner_changes, *properties;
        sd_bus_slot *claim, *look; /* answers that are waited for */
        sd_event_source *retry;
        char *owner; /* unique name of the service; NULL while there is none */
        bool wanted, refused_said;
};

/* === What happened === */

static void tell_state(struct watch *w)
{
        json_object *state = view_to_json(w->view);

        w->on_event(w->userdata, "state", state);
        json_object_put(state);
}

static void lose(struct watch *w, const sd_bus_error *e)
{
        bool had = w->view->claimed || w->view->n_faces;

        if (!w->refused_said)
                log_warning("emotiond does not let us watch: %s", e && e->message ? e->message : "no answer");
        w->refused_said = true;
        view_advance(w->view, clock_usec());
        w->view->claimed = false;
        view_clear(w->view);
        if (e && e->name)
                snprintf(w->view->last_error, sizeof(w->view->last_error), "%s", e->name);
        if (had)
                tell_state(w);
}

/* Monotonic microseconds to wall clock milliseconds, which is what pages know. */
static json_object *wall_ms(uint64_t monotonic_usec)
{
        struct timespec t;
        int64_t now_usec;

        clock_gettime(CLOCK_REALTIME, &t);
        now_usec = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
        return json_object_new_int64((now_usec - (int64_t)(clock_usec() - monotonic_usec)) / 1000);
}

/* The arguments as an object, with the details beside them. */
static json_object *event_data(json_object *arguments, const char *const *names, size_t n)
{
        json_object *o = json_object_new_object(), *details = json_object_array_get_idx(arguments, n + 1);

        for (size_t i = 0; i < n; i++)
                json_object_object_add(o, names[i], json_object_get(json_object_array_get_idx(arguments, i)));
        json_object_object_add(o, "at", wall_ms(json_object_get_uint64(json_object_array_get_idx(arguments, n))));
        if (json_object_is_type(details, json_type_object)) {
                json_object_object_foreach(details, key, value)
                        json_object_object_add(o, key, json_object_get(value));
        }
        return o;
}

static const struct kind {
        const char *member, *signature, *word;
        const char *names[4];
        size_t n;
} kinds[] = {
        { "FaceAppeared", "uta{sv}", "face-appeared", { "face" }, 1 },
        { "FaceVanished", "uta{sv}", "face-vanished", { "face" }, 1 },
        { "AttentionChanged", "ubta{sv}", "attention", { "face", "attention" }, 2 },
        { "EmotionChanged", "ussdta{sv}", "emotion", { "face", "from", "to", "confidence" }, 4 },
};

static void change_view(struct view *v, const struct kind *k, json_object *data)
{
        uint32_t id = (uint32_t)member_u64(data, "face");

        view_advance(v, clock_usec());
        if (k == &kinds[0])
                view_appear(v, id);
        else if (k == &kinds[1])
                view_vanish(v, id);
        else if (k == &kinds[2])
                view_attention(v, id, member_bool(data, "attention"));
        else
                view_emotion(v, id, member_string(data, "to"), member_double(data, "confidence"));
}

static bool is_from_service(const struct watch *w, sd_bus_message *m)
{
        const char *sender = sd_bus_message_get_sender(m);

        return w->owner && sender && strcmp(sender, w->owner) == 0;
}

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct watch *w = userdata;
        const char *member = sd_bus_message_get_member(m) ?: "";

        if (!is_from_service(w, m) || !w->wanted)
                return 0;
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                _cleanup_(json_putp) json_object *arguments = NULL, *data = NULL;

                if (strcmp(member, kinds[i].member) != 0 || !sd_bus_message_has_signature(m, kinds[i].signature))
                        continue;
                if (json_from_message(m, &arguments) < 0)
                        return 0;
                data = event_data(arguments, kinds[i].names, kinds[i].n);
                change_view(w->view, &kinds[i], data);
                w->on_event(w->userdata, kinds[i].word, data);
        }
        return 0;
}

/* === How the service is === */

static void copy(char *to, size_t size, const char *from)
{
        snprintf(to, size, "%s", from);
}

#define COPY(to, from) copy(to, sizeof(to), from)

static int on_look(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct watch *w = userdata;
        struct view *v = w->view;
        _cleanup_(json_putp) json_object *p = NULL;

        w->look = sd_bus_slot_unref(w->look);
        if (!is_from_service(w, m) || sd_bus_message_is_method_error(m, NULL) || json_from_value(m, &p) < 0)
                return 0;
        COPY(v->state, member_string(p, "State"));
        COPY(v->last_error, member_string(p, "LastError"));
        COPY(v->version, member_string(p, "Version"));
        COPY(v->model, member_string(member(p, "Model"), "name"));
        COPY(v->model_sha256, member_string(member(p, "Model"), "sha256"));
        v->in_use = member_bool(p, "InUse");
        tell_state(w);
        return 0;
}

static void look(struct watch *w)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(w->bus, &m, BUS_NAME, BUS_PATH, "org.freedesktop.DBus.Properties",
                                               "GetAll");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", BUS_IFACE_MANAGER);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, 0); /* to be asked is no reason to start */
        w->look = sd_bus_slot_unref(w->look);
        if (r >= 0)
                r = sd_bus_call_async(w->bus, &w->look, m, on_look, w, CALL_USEC);
        if (r < 0)
                log_debug_errno(r, "the state of emotiond was not asked for: %m");
}

static int on_properties(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct watch *w = userdata;

        if (is_from_service(w, m))
                look(w);
        return 0;
}

/* === The claim === */

static int on_claimed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct watch *w = userdata;

        w->claim = sd_bus_slot_unref(w->claim);
        if (sd_bus_message_is_method_error(m, NULL)) {
                lose(w, sd_bus_message_get_error(m));
                return 0;
        }
        view_advance(w->view, clock_usec());
        view_clear(w->view); /* those in view are told next */
        w->view->claimed = true;
        if (w->refused_said)
                log_info("watching through emotiond");
        w->refused_said = false;
        look(w);
        return 0;
}

static void claim(struct watch *w)
{
        int r;

        if (!w->wanted || w->claim || w->view->claimed)
                return;
        r = sd_bus_call_method_async(w->bus, &w->claim, BUS_NAME, BUS_PATH, BUS_IFACE_MANAGER, "Claim", on_claimed, w,
                                     "a{sv}", 0);
        if (r < 0)
                lose(w, NULL);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        claim(userdata);
        sd_event_source_set_time_relative(source, RETRY_USEC);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static void set_owner(struct watch *w, const char *owner)
{
        bool had = w->view->service;

        free(w->owner);
        w->owner = owner && *owner ? strdup(owner) : NULL;
        w->claim = sd_bus_slot_unref(w->claim);
        view_advance(w->view, clock_usec());
        view_clear(w->view);
        w->view->claimed = false;
        w->view->in_use = false;
        w->view->service = w->owner;
        if (!w->owner)
                COPY(w->view->state, "");
        if (had || w->owner)
                tell_state(w);
        if (!w->owner)
                return;
        look(w);
        claim(w);
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *name, *before, *after;

        if (sd_bus_message_read(m, "sss", &name, &before, &after) >= 0 && strcmp(name, BUS_NAME) == 0)
                set_owner(userdata, after);
        return 0;
}

static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *owner;

        if (!sd_bus_message_is_method_error(m, NULL) && sd_bus_message_read(m, "s", &owner) >= 0)
                set_owner(userdata, owner);
        return 0;
}

void watch_want(struct watch *w, bool wanted)
{
        if (w->wanted == wanted)
                return;
        w->wanted = wanted;
        if (wanted) {
                claim(w);
                return;
        }
        w->claim = sd_bus_slot_unref(w->claim);
        if (w->view->claimed)
                (void)sd_bus_call_method_async(w->bus, NULL, BUS_NAME, BUS_PATH, BUS_IFACE_MANAGER, "Release", NULL,
                                               NULL, NULL);
        view_advance(w->view, clock_usec());
        view_clear(w->view);
        w->view->claimed = false;
        tell_state(w);
}

int watch_new(sd_bus *bus, sd_event *event, struct view *view, watch_event on_event, void *userdata, struct watch **ret)
{
        _cleanup_(watch_freep) struct watch *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        *w = (struct watch){ .bus = sd_bus_ref(bus), .view = view, .on_event = on_event, .userdata = userdata };
        r = sd_bus_match_signal_async(bus, &w->signals, NULL, BUS_PATH, BUS_IFACE_MANAGER, NULL, on_signal, NULL, w);
        if (r >= 0)
                r = sd_bus_match_signal_async(bus, &w->properties, NULL, BUS_PATH, "org.freedesktop.DBus.Properties",
                                              "PropertiesChanged", on_properties, NULL, w);
        if (r >= 0)
                r = sd_bus_add_match_async(bus, &w->owner_changes,
                                           "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop."
                                           "DBus',member='NameOwnerChanged',arg0='" BUS_NAME "'",
                                           on_owner_changed, NULL, w);
        if (r >= 0)
                r = sd_bus_call_method_async(bus, NULL, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                             "org.freedesktop.DBus", "GetNameOwner", on_owner, w, "s", BUS_NAME);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &w->retry, CLOCK_MONOTONIC, RETRY_USEC, 0, on_retry, w);
        if (r < 0)
                return r;
        *ret = STEAL(w);
        return 0;
}

struct watch *watch_free(struct watch *w)
{
        if (!w)
                return NULL;
        sd_event_source_disable_unref(w->retry);
        sd_bus_slot_unref(w->claim);
        sd_bus_slot_unref(w->look);
        sd_bus_slot_unref(w->signals);
        sd_bus_slot_unref(w->properties);
        sd_bus_slot_unref(w->owner_changes);
        sd_bus_unref(w->bus);
        free(w->owner);
        free(w);
        return NULL;
}
