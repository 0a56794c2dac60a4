/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>

#include "basic/utf8.h"
#include "cli/bus.h"
#include "cli/text.h"
#include "cli/unit.h"

/* One run of "emotionctl watch". */
struct watch {
        struct ctl *c;
        sd_event *event;
        sd_bus_slot *call; /* what is not answered yet: which cameras there are, or the claim */
        char *service;     /* unique name of the service that answers us; NULL while none does */
        char *device;      /* of --camera, once it was found */
        char *camera;      /* its object path; NULL while it is not there */
        bool claimed;      /* of the service that is there now, and for the camera that is */
        bool was_claimed;  /* ever */
        char said[512];    /* of the service's state, last */
        enum {
                WAITING_NOT,
                WAITING_FOR_SERVICE,
                WAITING_FOR_CAMERA,
        } waiting; /* and the user was told */
        uint64_t n_events;
};

static void watch_done(struct watch *w)
{
        sd_bus_slot_unref(w->call);
        free(w->service);
        free(w->device);
        free(w->camera);
        sd_event_unref(w->event);
}

static void stop(struct watch *w, enum ctl_exit code)
{
        (void)sd_event_exit(w->event, code);
}

/* What a handler returns is lost in sd-bus: a failure of our own ends the watch. */
static int check(struct watch *w, int r)
{
        if (r < 0 && r != -ECONNRESET && r != -ENOTCONN) /* of these on_disconnected() tells */
                stop(w, ctl_fail(NULL, r, NULL));
        return 0;
}

static int set_string(char **s, const char *value)
{
        char *copy = strdup(value);

        if (!copy)
                return -ENOMEM;
        free(*s);
        *s = copy;
        return 0;
}

static void clear_string(char **s)
{
        free(*s);
        *s = NULL;
}

/* Anybody on the bus may send us a signal by any name: only the service counts that answers our calls. */
static bool is_from_service(const struct watch *w, sd_bus_message *m)
{
        const char *sender = sd_bus_message_get_sender(m);

        return w->service && sender && strcmp(sender, w->service) == 0;
}

/* ---- the claim ------------------------------------------------------------------------------------------------- */

static int append_double(sd_bus_message *m, const char *key, double value)
{
        return isnan(value) ? 0 : sd_bus_message_append(m, "{sv}", key, "d", value);
}

static int append_emotions(sd_bus_message *m, const struct ctl *c)
{
        char *words[CTL_MAX_NAMES + 1] = { NULL };
        int r;

        if (!c->n_emotions)
                return 0;
        for (size_t i = 0; i < c->n_emotions; i++)
                words[i] = (char *)c->emotions[i];
        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", "emotions");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(m, words);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_options(sd_bus_message *m, const struct watch *w)
{
        const struct ctl *c = w->c;
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = append_double(m, "min-confidence", c->min_confidence);
        if (r >= 0)
                r = append_double(m, "max-rate-hz", c->max_rate_hz);
        if (r >= 0 && c->min_hold_ms >= 0)
                r = sd_bus_message_append(m, "{sv}", "min-hold-ms", "u", (uint32_t)c->min_hold_ms);
        if (r >= 0 && w->camera)
                r = sd_bus_message_append(m, "{sv}", "camera", "o", w->camera);
        if (r >= 0)
                r = append_emotions(m, c);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static void wait_for_service(struct watch *w)
{
        char why[1024];

        if (w->waiting != WAITING_FOR_SERVICE && unit_tells(w->c, why, sizeof(why)))
                ctl_note(w->c, "%s Waiting for it.", why);
        else if (w->waiting != WAITING_FOR_SERVICE)
                ctl_note(w->c, "emotiond is not running; waiting for it.");
        w->waiting = WAITING_FOR_SERVICE;
}

static void wait_for_camera(struct watch *w, const char *why)
{
        if (w->waiting != WAITING_FOR_CAMERA)
                ctl_note(w->c, "%s %s; waiting for it.", w->device, why);
        w->waiting = WAITING_FOR_CAMERA;
}

/* There is none any more, or one for a camera that is gone; what is on its way has the same fate. */
static void lose_claim(struct watch *w)
{
        w->call = sd_bus_slot_unref(w->call);
        clear_string(&w->camera);
        w->claimed = false;
}

static void refused(struct watch *w, const sd_bus_error *e)
{
        /* it went away while it was asked: its name will appear again */
        if (ctl_error_is_absent(e) || sd_bus_error_has_name(e, SD_BUS_ERROR_NO_REPLY))
                wait_for_service(w);
        else if (w->was_claimed && sd_bus_error_has_name(e, BUS_ERROR("Disabled")))
                ctl_note(w->c, "%s", ctl_error_sentence(e->name));
        else
                stop(w, ctl_fail(e, 0, NULL));
}

/* Return: false if there is nothing to go on with, which was then dealt with. */
static bool take_answer(struct watch *w, sd_bus_message *m)
{
        const sd_bus_error *e = sd_bus_message_get_error(m);
        int r;

        w->call = sd_bus_slot_unref(w->call);
        if (e) {
                refused(w, e);
                return false;
        }
        r = set_string(&w->service, sd_bus_message_get_sender(m) ?: "");
        check(w, r);
        return r >= 0;
}

static void say_watching(const struct watch *w)
{
        if (isatty(STDERR_FILENO) && !w->was_claimed)
                ctl_note(w->c, "Watching; Ctrl+C ends it.");
        else if (w->waiting == WAITING_FOR_CAMERA)
                ctl_note(w->c, "%s is there; watching.", w->device);
        else if (w->was_claimed || w->waiting == WAITING_FOR_SERVICE)
                ctl_note(w->c, "emotiond is there; watching.");
}

static int ask_state(struct watch *w);

static int on_claimed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        struct watch *w = userdata;
        bool first = !w->was_claimed;

        if (!take_answer(w, m))
                return 0;
        say_watching(w);
        w->claimed = w->was_claimed = true;
        w->waiting = WAITING_NOT;
        return check(w, first ? ask_state(w) : 0);
}

static int claim(struct watch *w)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = ctl_new_call(w->c, BUS_PATH, BUS_IFACE_MANAGER, "Claim", &m);
        if (r < 0)
                return r;
        r = append_options(m, w);
        if (r < 0)
                return r;
        return sd_bus_call_async(w->c->bus, &w->call, m, on_claimed, w, w->c->timeout_usec);
}

/* The number of a camera is another after each plug and each start of the service: what the user named is known by its
 * device from then on. */
static int claim_camera(struct watch *w, json_object *camera)
{
        int r = set_string(&w->device, member_string(camera, "Device"));

        if (r >= 0)
                r = set_string(&w->camera, member_string(camera, "Path"));
        return r < 0 ? r : claim(w);
}

static int on_cameras(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        _cleanup_(json_putp) json_object *cameras = NULL;
        struct watch *w = userdata;
        json_object *camera;
        int r;

        if (!take_answer(w, m))
                return 0;
        r = ctl_read_cameras(m, &cameras);
        if (r) {
                stop(w, r);
                return 0;
        }
        camera = ctl_pick_camera(cameras, w->device ?: w->c->camera);
        if (camera)
                return check(w, claim_camera(w, camera));
        if (w->device)
                wait_for_camera(w, "is not there");
        else
                stop(w, ctl_no_camera(w->c->camera));
        return 0;
}

/* Claims, after it was asked which camera --camera means. What is not answered yet does not count any more. */
static int begin(struct watch *w)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        w->call = sd_bus_slot_unref(w->call);
        if (!w->c->camera)
                return claim(w);
        r = ctl_new_call(w->c, BUS_PATH, BUS_IFACE_OBJECT_MANAGER, "GetManagedObjects", &m);
        if (r < 0)
                return r;
        return sd_bus_call_async(w->c->bus, &w->call, m, on_cameras, w, w->c->timeout_usec);
}

/* ---- what the bus tells ---------------------------------------------------------------------------------------- */

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        struct watch *w = userdata;
        const char *name, *old_owner, *new_owner;
        int r;

        r = sd_bus_message_read(m, "sss", &name, &old_owner, &new_owner);
        if (r < 0 || strcmp(name, BUS_NAME) != 0)
                return 0;
        clear_string(&w->service);
        lose_claim(w);
        if (!*new_owner) {
                wait_for_service(w);
                return 0;
        }
        r = set_string(&w->service, new_owner);
        /* the activation that our own call caused tells of its owner before it answers the call: claiming twice only
         * sets the same options again */
        return check(w, r < 0 ? r : begin(w));
}

/* A camera was plugged in or out. */
static int on_objects(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        struct watch *w = userdata;
        const char *path;

        if (!w->device || !is_from_service(w, m) || sd_bus_message_read(m, "o", &path) < 0)
                return 0;
        if (sd_bus_message_is_signal(m, BUS_IFACE_OBJECT_MANAGER, "InterfacesAdded"))
                return w->camera ? 0 : check(w, begin(w));
        if (sd_bus_message_is_signal(m, BUS_IFACE_OBJECT_MANAGER, "InterfacesRemoved") && w->camera &&
            strcmp(path, w->camera) == 0) {
                lose_claim(w);
                wait_for_camera(w, "was unplugged");
        }
        return 0;
}

/* Once, however often the service tells it. */
static void note_state(struct watch *w, const char *format, ...) _printf_(2, 3);
static void note_state(struct watch *w, const char *format, ...)
{
        char text[sizeof(w->said)];
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        if (strcmp(text, w->said) != 0)
                ctl_note(w->c, "%s", text);
        snprintf(w->said, sizeof(w->said), "%s", text);
}

/* The camera that is named in the settings knows why. */
static void say_no_camera(struct watch *w, const char *state, const char *error)
{
        _cleanup_(json_putp) json_object *cameras = NULL;
        const char *trouble = ctl_get_cameras(w->c, &cameras) == 0 ? ctl_camera_trouble(cameras) : NULL;

        note_state(w, "emotiond: %s. %s", state, trouble ?: ctl_error_sentence(error) ?: error);
}

static void say_state(struct watch *w, json_object *changed)
{
        const char *state = member_string(changed, "State"), *error = member_string(changed, "LastError"),
                   *text = member_string(changed, "LastErrorText");

        if (*error && *text)
                note_state(w, "emotiond: %s: %s.", *state ? state : "no-camera", text);
        else if (strcmp(error, BUS_ERROR("NoCamera")) == 0)
                say_no_camera(w, state, error);
        else if (strcmp(state, "no-camera") == 0 || strcmp(state, "error") == 0)
                note_state(w, "emotiond: %s. %s", state, ctl_error_sentence(error) ?: error);
        else if (strcmp(state, "disabled") == 0)
                note_state(w, "emotiond: %s", ctl_error_sentence(BUS_ERROR("Disabled")));
        else if (*state && isatty(STDERR_FILENO))
                note_state(w, "emotiond: %s.", state);
        else if (*state)
                w->said[0] = '\0'; /* what is told next is news again */
}

static int on_properties_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        _cleanup_(json_putp) json_object *changed = NULL;
        struct watch *w = userdata;
        const char *interface;

        if (!is_from_service(w, m) || sd_bus_message_read(m, "s", &interface) < 0 ||
            strcmp(interface, BUS_IFACE_MANAGER) != 0 || json_from_value(m, &changed) < 0)
                return 0;
        say_state(w, changed);
        /* it was switched off when we asked for our claim after a restart */
        if (member_bool(changed, "Enabled") && !w->claimed && w->was_claimed)
                return check(w, begin(w));
        return 0;
}

static int on_state(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        _cleanup_(json_putp) json_object *all = NULL;

        if (!sd_bus_message_get_error(m) && json_from_value(m, &all) >= 0)
                say_state(userdata, all);
        return 0;
}

/* What is the matter now; later changes come by themselves. Whoever may not read it still gets events. */
static int ask_state(struct watch *w)
{
        return sd_bus_call_method_async(w->c->bus, NULL, BUS_NAME, BUS_PATH, "org.freedesktop.DBus.Properties",
                                        "GetAll", on_state, w, "s", BUS_IFACE_MANAGER);
}

/* ---- events ---------------------------------------------------------------------------------------------------- */

/* Names of the arguments of each signal, in order; the last is the dictionary of details. */
struct event_kind {
        const char *member, *signature;
        const char *arguments[5];
};

static const struct event_kind event_kinds[] = {
        { "EmotionChanged", "ussdta{sv}", { "face", "from", "to", "confidence", "timestamp_usec" } },
        { "FaceAppeared", "uta{sv}", { "face", "timestamp_usec" } },
        { "FaceVanished", "uta{sv}", { "face", "timestamp_usec" } },
        { "AttentionChanged", "ubta{sv}", { "face", "attention", "timestamp_usec" } },
};

static int event_to_json(sd_bus_message *m, const struct event_kind *kind, json_object **ret)
{
        _cleanup_(json_putp) json_object *arguments = NULL, *o = json_object_new_object();
        char time[TEXT_TIME_MAX];
        size_t n = 0;
        int r;

        if (!o)
                return -ENOMEM;
        r = json_from_message(m, &arguments);
        if (r < 0)
                return r;
        json_object_object_add(o, "event", json_object_new_string(kind->member));
        for (; n < ARRAY_LEN(kind->arguments) && kind->arguments[n]; n++)
                json_object_object_add(o, kind->arguments[n], json_object_get(json_object_array_get_idx(arguments, n)));
        text_rfc3339(member_u64(o, "timestamp_usec"), time);
        json_object_object_add(o, "time", json_object_new_string(time));
        json_object_object_foreach(json_object_array_get_idx(arguments, n), key, value)
                if (!member(o, key)) /* a detail cannot pose as an argument */
                        json_object_object_add(o, key, json_object_get(value));
        *ret = STEAL(o);
        return 0;
}

static void print_text(const struct ctl *c, const struct event_kind *kind, json_object *o)
{
        char time[TEXT_TIME_MAX];

        text_clock(member_u64(o, "timestamp_usec"), time);
        printf("%s%s%s  face %-10" PRIu64 "  ", text_on(c, TEXT_FAINT), time, text_off(c), member_u64(o, "face"));
        if (strcmp(kind->member, "EmotionChanged") == 0) {
                _cleanup_(freep) char *from = utf8_clean_dup(member_string(o, "from")),
                                      *to = utf8_clean_dup(member_string(o, "to"));

                printf("%s -> %s%s%s  %.0f%%\n", from ?: "", text_on(c, TEXT_BOLD), to ?: "", text_off(c),
                       100 * member_double(o, "confidence"));
        } else if (strcmp(kind->member, "AttentionChanged") == 0)
                printf("%s\n", member_bool(o, "attention") ? "faces the camera" : "looks away");
        else
                printf("%s\n", strcmp(kind->member, "FaceAppeared") == 0 ? "appeared" : "vanished");
}

static const struct event_kind *kind_of(const struct watch *w, sd_bus_message *m)
{
        if (!is_from_service(w, m))
                return NULL;
        for (size_t i = 0; i < ARRAY_LEN(event_kinds); i++)
                if (sd_bus_message_is_signal(m, BUS_IFACE_MANAGER, event_kinds[i].member) &&
                    sd_bus_message_has_signature(m, event_kinds[i].signature))
                        return &event_kinds[i];
        return NULL;
}

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        _cleanup_(json_putp) json_object *o = NULL;
        struct watch *w = userdata;
        const struct event_kind *kind = kind_of(w, m);

        if (!kind || (w->c->n_emotions && kind != &event_kinds[0]) || event_to_json(m, kind, &o) < 0)
                return 0;
        if (w->c->count && w->n_events >= w->c->count)
                return 0; /* already leaving */
        if (w->c->json != CTL_JSON_OFF)
                puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE));
        else
                print_text(w->c, kind, o);
        if (fflush(stdout) < 0)
                stop(w, CTL_FAILED); /* main() says why */
        if (++w->n_events == w->c->count)
                stop(w, CTL_OK);
        return 0;
}

/* ---- the loop -------------------------------------------------------------------------------------------------- */

static int on_unix_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata)
{
        stop(userdata, CTL_OK);
        return 0;
}

static int on_time_up(sd_event_source *s, uint64_t usec, void *userdata)
{
        struct watch *w = userdata;

        stop(w, w->c->count && w->n_events < w->c->count ? CTL_FAILED : CTL_OK);
        return 0;
}

/* Nobody reads what we print any more: give the camera back now, not at the next event. */
static int on_stdout(sd_event_source *s, int fd, uint32_t events, void *userdata)
{
        stop(userdata, CTL_OK);
        return 0;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        ctl_say("The message bus went away.");
        stop(userdata, CTL_FAILED);
        return 0;
}

static int listen_to_bus(struct watch *w)
{
        static const char owner_changed[] = "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                                            "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
                                            "arg0='" BUS_NAME "'";
        sd_bus *bus = w->c->bus;
        int r;

        r = sd_bus_match_signal(bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                                "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, w);
        if (r < 0)
                return r;
        r = sd_bus_add_match(bus, NULL, owner_changed, on_owner_changed, w);
        if (r < 0)
                return r;
        r = sd_bus_match_signal(bus, NULL, BUS_NAME, BUS_PATH, BUS_IFACE_MANAGER, NULL, on_signal, w);
        if (r < 0)
                return r;
        r = sd_bus_match_signal(bus, NULL, BUS_NAME, BUS_PATH, "org.freedesktop.DBus.Properties", "PropertiesChanged",
                                on_properties_changed, w);
        if (r < 0)
                return r;
        r = sd_bus_match_signal(bus, NULL, BUS_NAME, BUS_PATH, BUS_IFACE_OBJECT_MANAGER, NULL, on_objects, w);
        if (r < 0)
                return r;
        return sd_bus_attach_event(bus, w->event, SD_EVENT_PRIORITY_NORMAL);
}

static int prepare(struct watch *w)
{
        sigset_t signals;
        int r;

        r = sd_event_new(&w->event);
        if (r < 0)
                return r;
        sigemptyset(&signals);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGTERM);
        sigprocmask(SIG_BLOCK, &signals, NULL);
        r = sd_event_add_signal(w->event, NULL, SIGINT, on_unix_signal, w);
        if (r < 0)
                return r;
        r = sd_event_add_signal(w->event, NULL, SIGTERM, on_unix_signal, w);
        if (r < 0)
                return r;
        if (w->c->seconds > 0) {
                r = sd_event_add_time_relative(w->event, NULL, CLOCK_MONOTONIC, (uint64_t)(w->c->seconds * 1e6), 0,
                                               on_time_up, w);
                if (r < 0)
                        return r;
        }
        r = sd_event_add_io(w->event, NULL, STDOUT_FILENO, EPOLLERR, on_stdout, w);
        if (r < 0 && r != -EPERM) /* a regular file has no reader that could leave */
                return r;
        return listen_to_bus(w);
}

int verb_watch(struct ctl *c, int argc, char **argv)
{
        _cleanup_(watch_done) struct watch w = { .c = c };
        int r;

        c->waits = true;
        r = ctl_connect(c);
        if (r)
                return r;
        r = prepare(&w);
        if (r >= 0)
                r = begin(&w);
        if (r < 0)
                return ctl_fail(NULL, r, NULL);
        r = sd_event_loop(w.event);
        sd_bus_detach_event(c->bus);
        return r < 0 ? ctl_fail(NULL, r, NULL) : r;
}
