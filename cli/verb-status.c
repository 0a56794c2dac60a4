/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/utf8.h"
#include "cli/bus.h"
#include "cli/text.h"

static enum text_colour colour_of(const char *state)
{
        return strcmp(state, "watching") == 0                                   ? TEXT_GOOD
               : strcmp(state, "error") == 0 || strcmp(state, "no-camera") == 0 ? TEXT_BAD
               : strcmp(state, "starting") == 0                                 ? TEXT_WARN
                                                                                : TEXT_PLAIN;
}

static void print_line(const char *label, const char *format, ...) _printf_(2, 3);
static void print_line(const char *label, const char *format, ...)
{
        _cleanup_(freep) char *raw = NULL, *clean = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&raw, format, ap);
        va_end(ap);
        if (n < 0)
                raw = NULL;
        clean = utf8_clean_dup(raw);
        printf("%10s%s %s\n", label, *label ? ":" : " ", clean ?: "");
}

static void print_camera(json_object *camera)
{
        const char *path = member_string(camera, "Path"), *name = member_string(camera, "Name");

        if (strncmp(path, BUS_PATH "/", strlen(BUS_PATH "/")) == 0)
                path += strlen(BUS_PATH "/");
        print_line("Camera", "%s, %s%s%s%s, %s", path, member_string(camera, "Device"), *name ? " (" : "", name,
                   *name ? ")" : "", member_string(camera, "State"));
        if (member_u64(camera, "Width"))
                print_line("",
                           "%s %" PRIu64 "x%" PRIu64 ", %.1f of %.1f frames a second, %" PRIu64 " dropped of %" PRIu64,
                           member_string(camera, "Format"), member_u64(camera, "Width"), member_u64(camera, "Height"),
                           member_double(camera, "MeasuredFrameRate"), member_double(camera, "FrameRate"),
                           member_u64(camera, "FramesDropped"),
                           member_u64(camera, "Frames") + member_u64(camera, "FramesDropped"));
        if (*member_string(camera, "LastError"))
                print_line("", "%s", member_string(camera, "LastError"));
}

/* The plugins in use, one with half its work or an old file too, and how many could not be. */
static void print_plugins(json_object *plugins)
{
        size_t n = json_object_is_type(plugins, json_type_array) ? json_object_array_length(plugins) : 0, n_bad = 0;

        for (size_t i = 0; i < n; i++) {
                json_object *plugin = json_object_array_get_idx(plugins, i);
                _cleanup_(freep) char *in_use = json_join(member(plugin, "in-use"), ", ");

                bool is_bad = *member_string(plugin, "error");

                if (in_use && *in_use)
                        print_line("Plugin", "%s %s (%s)%s%s", member_string(plugin, "name"),
                                   member_string(plugin, "version"), in_use,
                                   member_bool(plugin, "third-party") ? ", not part of emotiond" : "",
                                   is_bad ? "; something is wrong: see \"emotionctl plugins\"" : "");
                else
                        n_bad += is_bad;
        }
        if (n_bad)
                print_line("", "%zu could not be loaded: see \"emotionctl plugins\"", n_bad);
}

/* Faces are personal data: who may not ask for them is told the rest. */
static void print_in_view(struct ctl *c)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(json_putp) json_object *faces = NULL;
        size_t n;

        if (ctl_new_call(c, BUS_PATH, BUS_IFACE_MANAGER, "GetFaces", &m) < 0 ||
            sd_bus_call(c->bus, m, 0, NULL, &reply) < 0 || json_from_value(reply, &faces) < 0 ||
            !json_object_is_type(faces, json_type_array))
                return;
        n = json_object_array_length(faces);
        print_line("In view", "%zu face%s", n, n == 1 ? "" : "s");
}

/* What is not for everybody: who may not ask is told the rest. */
static void print_counters(struct ctl *c)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(json_putp) json_object *statistics = NULL;

        if (ctl_new_call(c, BUS_PATH, BUS_IFACE_MANAGER, "GetStatistics", &m) < 0 ||
            sd_bus_call(c->bus, m, 0, NULL, &reply) < 0 || json_from_value(reply, &statistics) < 0)
                return;
        print_line("Claims", "%" PRIu64, member_u64(statistics, "claims"));
        if (member_u64(statistics, "events-lost"))
                print_line("Events", "%" PRIu64 " lost of %" PRIu64, member_u64(statistics, "events-lost"),
                           member_u64(statistics, "events"));
}

static void print_manager(struct ctl *c, json_object *manager, json_object *cameras)
{
        const char *trouble = ctl_camera_trouble(cameras);
        const char *state = member_string(manager, "State"), *error = member_string(manager, "LastError"),
                   *text = member_string(manager, "LastErrorText");
        json_object *model = member(manager, "Model");
        _cleanup_(freep) char *emotions = json_join(member(manager, "Emotions"), ", "),
                              *clean_state = utf8_clean_dup(state);

        printf("emotiond %s: %s%s%s\n", member_string(manager, "Version"), text_on(c, colour_of(state)),
               clean_state ?: "", text_off(c));
        if (*error && *text) {
                print_line("Why", "%s", text);
                if (strcmp(error, BUS_ERROR("NoCamera")) != 0 && ctl_error_sentence(error))
                        print_line("", "%s", ctl_error_sentence(error));
        } else if (strcmp(error, BUS_ERROR("NoCamera")) == 0 && trouble)
                print_line("Why", "%s", trouble);
        else if (*error)
                print_line("Why", "%s", ctl_error_sentence(error) ?: error);
        if (strcmp(state, "disabled") == 0)
                print_line("Why", "switched off; \"emotionctl enable\" switches it on");
        if (strcmp(state, "idle") == 0)
                print_line("Why", "nobody watches, so the camera is closed");
        if (*member_string(model, "file")) {
                print_line("Model", "%s",
                           *member_string(model, "name") ? member_string(model, "name") : member_string(model, "file"));
                print_line("Emotions", "%s", emotions ?: "");
        } else
                print_line("Model", "none that works");
        print_plugins(member(manager, "Plugins"));
        print_in_view(c);
        print_counters(c);
}

int verb_status(struct ctl *c, int argc, char **argv)
{
        _cleanup_(json_putp) json_object *manager = NULL, *cameras = NULL;
        size_t n;
        int r;

        r = ctl_get_all(c, BUS_PATH, BUS_IFACE_MANAGER, &manager);
        if (r)
                return r;
        r = ctl_get_cameras(c, &cameras);
        if (r)
                return r;
        if (c->json != CTL_JSON_OFF) {
                json_object_object_add(manager, "Cameras", json_object_get(cameras));
                json_print(c, manager);
                return CTL_OK;
        }
        print_manager(c, manager, cameras);
        n = json_object_array_length(cameras);
        for (size_t i = 0; i < n; i++)
                print_camera(json_object_array_get_idx(cameras, i));
        if (n == 0)
                print_line("Camera", "none");
        return CTL_OK;
}
