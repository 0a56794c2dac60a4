/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "cli/bus.h"
#include "cli/text.h"
#include "cli/unit.h"

/* What an error of the bus or the service means for the person at the terminal. */
struct explanation {
        const char *name;
        const char *sentence; /* NULL: the message that came with it says it best */
        enum ctl_exit exit;
};

#define START_IT "Start it with \"systemctl start emotiond\"; \"journalctl -u emotiond\" says why it stopped."

static const struct explanation explanations[] = {
        { SD_BUS_ERROR_SERVICE_UNKNOWN, "emotiond is not running. " START_IT, CTL_NOT_FOUND },
        { SD_BUS_ERROR_NAME_HAS_NO_OWNER, "emotiond is not running. " START_IT, CTL_NOT_FOUND },
        { SD_BUS_ERROR_ACCESS_DENIED,
          "You may not do this. Members of the group emotion may: \"sudo usermod -aG emotion $USER\", then log in "
          "again.",
          CTL_FAILED },
        { SD_BUS_ERROR_NO_REPLY, "emotiond stopped before it answered; \"journalctl -u emotiond\" may say why.",
          CTL_FAILED },
        { SD_BUS_ERROR_TIMEOUT,
          "emotiond did not answer in time; see \"systemctl status emotiond\", or allow more time "
          "with --timeout=SECONDS.",
          CTL_FAILED },
        { SD_BUS_ERROR_UNKNOWN_METHOD,
          "The running emotiond does not know this request. Is it older than this emotionctl? \"systemctl restart "
          "emotiond\" starts the installed one.",
          CTL_FAILED },
        { SD_BUS_ERROR_UNKNOWN_INTERFACE,
          "The running emotiond does not know this request. Is it older than this "
          "emotionctl?",
          CTL_FAILED },
        { SD_BUS_ERROR_UNKNOWN_OBJECT, "There is no such object; \"emotionctl cameras\" lists the cameras.",
          CTL_NOT_FOUND },
        { BUS_ERROR("Disabled"), "Emotion recognition is switched off. Switch it on with \"emotionctl enable\".",
          CTL_FAILED },
        { BUS_ERROR("NoCamera"),
          "There is no camera. Plug one in, or name one in emotiond.conf; \"emotionctl "
          "cameras\" lists what was found.",
          CTL_FAILED },
        { BUS_ERROR("CameraBusy"), "Another program is using the camera; \"fuser -v /dev/video*\" shows which.",
          CTL_FAILED },
        { BUS_ERROR("PreviewForbidden"),
          "The configuration does not allow it. To aim the camera, set \"privacy: { allow_preview = true; };\" in a file of " EMO_SYSCONF_DIR
          "/emotiond.conf.d, then \"emotionctl reload\"; and remove it afterwards.",
          CTL_FAILED },
        { BUS_ERROR("NotClaimed"), "There is no claim to release.", CTL_NOTHING_TO_DO },
        { BUS_ERROR("TooManyClaims"), "Too many programs are watching already. Stop one of them.", CTL_FAILED },
        { BUS_ERROR("ImageTimeout"), NULL, CTL_FAILED },
        { BUS_ERROR("PluginFailed"), "A plugin failed; \"emotionctl plugins\" and \"journalctl -u emotiond\" say why.",
          CTL_FAILED },
        { BUS_ERROR("ModelInvalid"),
          "The model cannot be used; \"journalctl -u emotiond\" says why. Then \"emotionctl "
          "reload\".",
          CTL_FAILED },
        { SD_BUS_ERROR_LIMITS_EXCEEDED, "emotiond is too busy. Try again in a moment.", CTL_FAILED },
};

static const struct explanation *explain(const char *name)
{
        for (size_t i = 0; name && i < ARRAY_LEN(explanations); i++)
                if (strcmp(name, explanations[i].name) == 0)
                        return &explanations[i];
        return NULL;
}

const char *ctl_error_sentence(const char *name)
{
        const struct explanation *x = explain(name);

        return x ? x->sentence : NULL;
}

bool ctl_error_is_absent(const sd_bus_error *e)
{
        static const char spawn[] = "org.freedesktop.DBus.Error.Spawn.";

        return sd_bus_error_has_name(e, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
               sd_bus_error_has_name(e, SD_BUS_ERROR_NAME_HAS_NO_OWNER) ||
               (e->name && strncmp(e->name, spawn, strlen(spawn)) == 0);
}

int ctl_fail(const sd_bus_error *e, int r, const char *about)
{
        const char *before = about ?: "", *colon = about ? ": " : "";
        const struct explanation *x = e ? explain(e->name) : NULL;
        /* the service says which range or which file; the bus only that it could not */
        bool ours = e && e->name && strncmp(e->name, BUS_NAME, strlen(BUS_NAME)) == 0;

        /* what root may not do no group allows: the bus has not read who may do what */
        if (e && sd_bus_error_has_name(e, SD_BUS_ERROR_ACCESS_DENIED) && geteuid() == 0) {
                ctl_say("%s%sThe bus refuses it to root, so its policy for emotiond is missing: %s/%s.conf must be where dbus "
                        "reads it, below /usr/share or /etc. Then \"systemctl reload dbus\".",
                        before, colon, "dbus-1/system.d", BUS_NAME);
                return CTL_FAILED;
        }
        if (!x && e && ctl_error_is_absent(e)) {
                ctl_say("%s%semotiond could not be started: %s. \"journalctl -u emotiond\" says more.", before, colon,
                        e->message ?: e->name);
                return CTL_NOT_FOUND;
        }
        if (x && ours && e->message && *e->message)
                ctl_say("%s%s%s (%s)", before, colon, x->sentence, e->message);
        else if (x)
                ctl_say("%s%s%s", before, colon, x->sentence);
        else if (e && e->name && e->message)
                ctl_say("%s%s%s", before, colon, e->message);
        else
                ctl_say("%s%s%s", before, colon, strerror(r < 0 ? -r : r));
        return x ? x->exit : CTL_FAILED;
}

int ctl_fail_admin(const sd_bus_error *e, int r)
{
        if (!e || !sd_bus_error_has_name(e, SD_BUS_ERROR_ACCESS_DENIED))
                return ctl_fail(e, r, NULL);
        ctl_say("Only the administrator may do this: try it with sudo.");
        return CTL_FAILED;
}

static int open_bus(struct ctl *c, sd_bus **ret)
{
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        int r;

        if (!c->address)
                return sd_bus_open_system(ret);
        r = sd_bus_new(&bus);
        if (r < 0)
                return r;
        r = sd_bus_set_address(bus, c->address);
        if (r < 0)
                return r;
        r = sd_bus_set_bus_client(bus, true);
        if (r < 0)
                return r;
        r = sd_bus_start(bus);
        if (r < 0)
                return r;
        *ret = STEAL(bus);
        return 0;
}

int ctl_connect(struct ctl *c)
{
        const char *address = c->address ?: getenv("DBUS_SYSTEM_BUS_ADDRESS");
        int r;

        if (c->bus)
                return 0;
        r = open_bus(c, &c->bus);
        if (r < 0) {
                ctl_say("Cannot reach the message bus at %s: %s. Is it running (\"systemctl status dbus\")?",
                        address ?: "its usual address", strerror(-r));
                return CTL_FAILED;
        }
        (void)sd_bus_set_method_call_timeout(c->bus, c->timeout_usec);
        return c->waits ? 0 : unit_check(c);
}

int ctl_new_call(struct ctl *c, const char *path, const char *interface, const char *method, sd_bus_message **ret)
{
        return sd_bus_message_new_method_call(c->bus, ret, BUS_NAME, path, interface, method);
}

int ctl_send(struct ctl *c, sd_bus_message *m, sd_bus_message **ret_reply)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = sd_bus_call(c->bus, m, 0, &error, ret_reply);

        return r < 0 ? ctl_fail(&error, r, NULL) : 0;
}

int ctl_call(struct ctl *c, const char *path, const char *interface, const char *method, sd_bus_message **ret_reply)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = ctl_connect(c);
        if (r)
                return r;
        r = ctl_new_call(c, path, interface, method, &m);
        if (r < 0)
                return ctl_fail(NULL, r, NULL);
        return ctl_send(c, m, ret_reply);
}

/* The one value of a reply as JSON. */
static int answer(sd_bus_message *reply, json_object **ret)
{
        int r = json_from_value(reply, ret);

        if (r < 0) {
                ctl_say("The answer of emotiond cannot be read: %s.", strerror(-r));
                return CTL_FAILED;
        }
        return 0;
}

int ctl_get_all(struct ctl *c, const char *path, const char *interface, json_object **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        int r;

        r = ctl_connect(c);
        if (r)
                return r;
        r = ctl_new_call(c, path, "org.freedesktop.DBus.Properties", "GetAll", &m);
        if (r < 0)
                return ctl_fail(NULL, r, NULL);
        r = sd_bus_message_append(m, "s", interface);
        if (r < 0)
                return ctl_fail(NULL, r, NULL);
        r = ctl_send(c, m, &reply);
        return r ?: answer(reply, ret);
}

int ctl_get_faces(struct ctl *c, json_object **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = ctl_call(c, BUS_PATH, BUS_IFACE_MANAGER, "GetFaces", &reply);

        return r ?: answer(reply, ret);
}

static int by_number(const void *a, const void *b)
{
        const char *pa = member_string(*(json_object *const *)a, "Path"),
                   *pb = member_string(*(json_object *const *)b, "Path");

        return strverscmp(pa, pb);
}

int ctl_read_cameras(sd_bus_message *reply, json_object **ret)
{
        _cleanup_(json_putp) json_object *objects = NULL, *list = json_object_new_array();
        int r = answer(reply, &objects);

        if (r)
                return r;
        json_object_object_foreach(objects, path, interfaces) {
                json_object *camera = member(interfaces, BUS_IFACE_CAMERA), *entry;

                if (!camera)
                        continue;
                entry = json_object_new_object();
                json_object_object_add(entry, "Path", json_object_new_string(path));
                json_object_object_foreach(camera, key, value)
                        json_object_object_add(entry, key, json_object_get(value));
                json_object_array_add(list, entry);
        }
        json_object_array_sort(list, by_number);
        *ret = STEAL(list);
        return 0;
}

int ctl_get_cameras(struct ctl *c, json_object **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = ctl_call(c, BUS_PATH, BUS_IFACE_OBJECT_MANAGER, "GetManagedObjects", &reply);

        return r ?: ctl_read_cameras(reply, ret);
}

const char *ctl_camera_trouble(json_object *cameras)
{
        for (size_t i = 0; i < json_object_array_length(cameras); i++) {
                const char *error = member_string(json_object_array_get_idx(cameras, i), "LastError");

                if (*error)
                        return error;
        }
        return NULL;
}

static bool answers_to(json_object *camera, const char *word)
{
        const char *path = member_string(camera, "Path");
        const char *number = strncmp(path, BUS_CAMERA_PREFIX, strlen(BUS_CAMERA_PREFIX)) == 0
                                     ? path + strlen(BUS_CAMERA_PREFIX)
                                     : path;

        if (strncmp(word, "camera/", 7) == 0 && strcmp(word + 7, number) == 0)
                return true;
        return strcmp(word, path) == 0 || strcmp(word, number) == 0 ||
               strcmp(word, member_string(camera, "Device")) == 0;
}

json_object *ctl_pick_camera(json_object *cameras, const char *word)
{
        for (size_t i = 0; i < json_object_array_length(cameras); i++) {
                json_object *camera = json_object_array_get_idx(cameras, i);

                if (answers_to(camera, word))
                        return camera;
        }
        return NULL;
}

int ctl_no_camera(const char *word)
{
        ctl_say("There is no camera '%s'; \"emotionctl cameras\" lists the cameras.", word);
        return CTL_NOT_FOUND;
}

int ctl_find_camera(struct ctl *c, const char *word, char **ret)
{
        _cleanup_(json_putp) json_object *cameras = NULL;
        json_object *camera;
        int r = ctl_get_cameras(c, &cameras);

        if (r)
                return r;
        camera = ctl_pick_camera(cameras, word);
        if (!camera)
                return ctl_no_camera(word);
        *ret = strdup(member_string(camera, "Path"));
        return *ret ? 0 : ctl_fail(NULL, -ENOMEM, NULL);
}
