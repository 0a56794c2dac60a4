/* SPDX-License-Identifier: MIT-0 */
/*
 * Prints who is in view, and each change of expression; lasts through restarts of emotiond.
 *
 *   cc -o watch watch-gio.c $(pkg-config --cflags --libs gio-2.0)      Debian package: libglib2.0-dev
 *
 * Its user must be a member of the group "emotion".
 */
#include <gio/gio.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME "org.emotiond.Emotion1"
#define PATH "/org/emotiond/Emotion1"
#define MANAGER "org.emotiond.Emotion1.Manager"

static void print_error(GError *error)
{
        g_dbus_error_strip_remote_error(error);
        g_print("%s\n", error->message);
        g_error_free(error);
}

static void on_faces(GObject *bus, GAsyncResult *result, gpointer userdata)
{
        GError *error = NULL;
        GVariant *answer = g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, &error), *face;
        GVariantIter *faces;

        if (!answer) {
                print_error(error);
                return;
        }
        g_variant_get(answer, "(aa{sv})", &faces);
        g_print("%zu in view\n", g_variant_iter_n_children(faces));
        while ((face = g_variant_iter_next_value(faces))) {
                const char *emotion = "";
                guint32 number = 0;

                g_variant_lookup(face, "face", "u", &number);
                g_variant_lookup(face, "emotion", "&s", &emotion);
                g_print("%u shows %s\n", number, emotion);
                g_variant_unref(face);
        }
        g_variant_iter_free(faces);
        g_variant_unref(answer);
}

static void on_claimed(GObject *bus, GAsyncResult *result, gpointer userdata)
{
        GError *error = NULL;
        GVariant *answer = g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, &error);

        if (!answer) {
                print_error(error);
                return;
        }
        g_variant_unref(answer);
        g_dbus_connection_call(G_DBUS_CONNECTION(bus), NAME, PATH, MANAGER, "GetFaces", NULL,
                               G_VARIANT_TYPE("(aa{sv})"), G_DBUS_CALL_FLAGS_NONE, -1, NULL, on_faces, NULL);
}

static void claim(GDBusConnection *bus)
{
        GVariantBuilder options;

        g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add(&options, "{sv}", "min-confidence", g_variant_new_double(0.6));
        g_variant_builder_add(&options, "{sv}", "min-hold-ms", g_variant_new_uint32(500));
        g_dbus_connection_call(bus, NAME, PATH, MANAGER, "Claim", g_variant_new("(a{sv})", &options), NULL,
                               G_DBUS_CALL_FLAGS_NONE, -1, NULL, on_claimed, NULL);
}

/* The service is there, for the first time or again: a claim lasts no longer than the service that took it. */
static void on_appeared(GDBusConnection *bus, const char *name, const char *owner, gpointer userdata)
{
        claim(bus);
}

static void on_vanished(GDBusConnection *bus, const char *name, gpointer userdata)
{
        g_print("waiting for emotiond\n");
}

static void on_emotion(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
                       const char *signal, GVariant *arguments, gpointer userdata)
{
        const char *before, *after;
        double confidence;
        guint32 face;

        g_variant_get(arguments, "(u&s&sdta{sv})", &face, &before, &after, &confidence, NULL, NULL);
        g_print("%u %s -> %s %.2f\n", face, before, after, confidence);
}

/* It was switched off, and may have refused the claim. */
static void on_properties(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
                          const char *signal, GVariant *arguments, gpointer userdata)
{
        GVariant *changed = g_variant_get_child_value(arguments, 1);
        gboolean enabled = FALSE;

        if (g_variant_lookup(changed, "Enabled", "b", &enabled) && enabled)
                claim(bus);
        g_variant_unref(changed);
}

int main(void)
{
        GMainLoop *loop = g_main_loop_new(NULL, FALSE);
        GError *error = NULL;
        GDBusConnection *bus = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, &error);

        setvbuf(stdout, NULL, _IOLBF, 0);
        if (!bus) {
                print_error(error);
                return EXIT_FAILURE;
        }
        g_dbus_connection_signal_subscribe(bus, NAME, MANAGER, "EmotionChanged", PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
                                           on_emotion, NULL, NULL);
        g_dbus_connection_signal_subscribe(bus, NAME, "org.freedesktop.DBus.Properties", "PropertiesChanged", PATH,
                                           NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_properties, NULL, NULL);
        /* starts the service if it is not there */
        g_bus_watch_name_on_connection(bus, NAME, G_BUS_NAME_WATCHER_FLAGS_AUTO_START, on_appeared, on_vanished, NULL,
                                       NULL);
        g_main_loop_run(loop);
        return EXIT_SUCCESS;
}
