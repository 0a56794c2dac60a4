/* SPDX-License-Identifier: MIT-0 */
/*
 * Prints who is in view, and each change of expression; lasts through restarts of emotiond.
 *
 *   cc -o watch watch-sdbus.c $(pkg-config --cflags --libs libsystemd)      Debian package: libsystemd-dev
 *
 * Its user must be a member of the group "emotion". systemd's bus library reports errors as negative errno.
 */
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define NAME "org.emotiond.Emotion1"
#define PATH "/org/emotiond/Emotion1"
#define MANAGER "org.emotiond.Emotion1.Manager"
#define BUS "org.freedesktop.DBus"
#define BUS_PATH "/org/freedesktop/DBus"

/* Return: whether it is an error, which was then printed. */
static int is_error(sd_bus_message *m)
{
        const sd_bus_error *e = sd_bus_message_get_error(m);

        if (e)
                printf("%s\n", e->message ? e->message : e->name);
        return e != NULL;
}

/* Of a face's dictionary only "face" and "emotion" are read. */
static int print_face(sd_bus_message *m)
{
        const char *key, *emotion = "";
        uint32_t face = 0;
        int r;

        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &key);
                if (r >= 0 && strcmp(key, "face") == 0)
                        r = sd_bus_message_read(m, "v", "u", &face);
                else if (r >= 0 && strcmp(key, "emotion") == 0)
                        r = sd_bus_message_read(m, "v", "s", &emotion);
                else if (r >= 0)
                        r = sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        printf("%u shows %s\n", face, emotion);
        return r;
}

static int on_faces(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        unsigned n = 0;
        int r;

        if (is_error(m))
                return 0;
        r = sd_bus_message_enter_container(m, 'a', "a{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'a', "{sv}")) > 0) {
                n++;
                r = print_face(m);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        printf("%u in view\n", n);
        return r;
}

static int on_claimed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        if (is_error(m))
                return 0;
        return sd_bus_call_method_async(sd_bus_message_get_bus(m), NULL, NAME, PATH, MANAGER, "GetFaces", on_faces,
                                        NULL, NULL);
}

static int claim(sd_bus *bus)
{
        return sd_bus_call_method_async(bus, NULL, NAME, PATH, MANAGER, "Claim", on_claimed, NULL, "a{sv}", 2,
                                        "min-confidence", "d", 0.6, "min-hold-ms", "u", 500u);
}

/* The service came or went: a claim lasts no longer than the service that took it. */
static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *name, *before, *now;
        int r = sd_bus_message_read(m, "sss", &name, &before, &now);

        if (r < 0)
                return r;
        if (*now)
                return claim(sd_bus_message_get_bus(m));
        printf("waiting for emotiond\n");
        return 0;
}

/* What was started just now is told to on_owner_changed(); what ran before, started by the bus or by hand, is claimed. */
static int on_started(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        uint32_t result;

        if (!sd_bus_message_get_error(m) && sd_bus_message_read(m, "u", &result) >= 0 && result == 1)
                return 0;
        return claim(sd_bus_message_get_bus(m));
}

static int on_emotion(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *before, *after;
        double confidence;
        uint32_t face;
        int r = sd_bus_message_read(m, "ussd", &face, &before, &after, &confidence);

        if (r >= 0)
                printf("%u %s -> %s %.2f\n", face, before, after, confidence);
        return r;
}

/* It was switched off, and may have refused the claim: any change is a reason to ask again. */
static int on_properties(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *interface, *property;
        int r = sd_bus_message_read(m, "s", &interface);

        if (r < 0 || (r = sd_bus_message_enter_container(m, 'a', "{sv}")) < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                int enabled = 0;

                r = sd_bus_message_read(m, "s", &property);
                if (r >= 0 && strcmp(property, "Enabled") == 0) {
                        r = sd_bus_message_read(m, "v", "b", &enabled);
                        return r >= 0 && enabled ? claim(sd_bus_message_get_bus(m)) : r;
                }
                if (r >= 0)
                        r = sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r;
}

static int listen_to(sd_bus *bus)
{
        int r = sd_bus_match_signal(bus, NULL, NAME, PATH, MANAGER, "EmotionChanged", on_emotion, NULL);

        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, NAME, PATH, "org.freedesktop.DBus.Properties", "PropertiesChanged",
                                        on_properties, NULL);
        if (r >= 0)
                r = sd_bus_add_match(bus, NULL,
                                     "type='signal',sender='" BUS "',member='NameOwnerChanged',arg0='" NAME "'",
                                     on_owner_changed, NULL);
        if (r >= 0)
                r = sd_bus_call_method_async(bus, NULL, BUS, BUS_PATH, BUS, "StartServiceByName", on_started, NULL,
                                             "su", NAME, 0);
        return r;
}

int main(void)
{
        sd_event *event = NULL;
        sd_bus *bus = NULL;
        int r;

        setvbuf(stdout, NULL, _IOLBF, 0);
        r = sd_event_default(&event);
        if (r >= 0)
                r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = listen_to(bus);
        if (r >= 0)
                r = sd_event_loop(event);
        if (r < 0)
                fprintf(stderr, "watch: %s\n", strerror(-r));
        sd_bus_flush_close_unref(bus);
        sd_event_unref(event);
        return r < 0;
}
