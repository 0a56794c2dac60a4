/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>

#include "basic/log.h"
#include "config.h"
#include "daemon/append-dbus.h"
#include "daemon/bus-face.h"
#include "daemon/camera-dbus.h"
#include "daemon/clients-dbus.h"
#include "daemon/manager-dbus.h"
#include "daemon/options-dbus.h"
#include "daemon/picture-reader.h"
#include "daemon/preview-dbus.h"
#include "daemon/signals-dbus.h"

/* === Telling === */

static int flush(sd_event_source *s, void *userdata)
{
        struct bus_face *f = userdata;
        struct cameras *cs = manager_get_cameras(f->manager);
        const char *names[8 * sizeof(f->dirty) + 1]; /* each property has a bit */
        size_t n = 0;

        for (size_t i = 0; i < manager_n_properties; i++)
                if (f->dirty & manager_properties[i].bit)
                        names[n++] = manager_properties[i].name;
        names[n] = NULL;
        f->dirty = 0;
        bus_face_arm(f); /* other hours, it may be */
        bus_emit_changed(f->bus, BUS_PATH, BUS_IFACE_MANAGER, names);
        for (size_t i = 0; i < cs->n; i++)
                bus_camera_flush(f, cs->list[i]);
        return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
        struct bus_face *f = userdata;

        manager_run(f->manager);
        bus_face_arm(f);
        return 0;
}

static void on_changed(void *userdata, unsigned properties)
{
        bus_face_mark(userdata, properties);
}

static void on_emotion(void *userdata, struct claim *c, const struct claim_change *change)
{
        bus_send_change(userdata, c, change);
}

static void on_came(void *userdata, struct claim *c, const struct face_event *event, unsigned camera)
{
        bus_send_presence(userdata, c, "FaceAppeared", event, camera);
}

static void on_went(void *userdata, struct claim *c, const struct face_event *event, unsigned camera)
{
        bus_send_presence(userdata, c, "FaceVanished", event, camera);
}

static void on_turned(void *userdata, struct claim *c, const struct face_event *event, unsigned camera)
{
        bus_send_attention(userdata, c, event, camera);
}

static void on_summary(void *userdata, struct claim *c, const struct summary_note *note, unsigned camera)
{
        bus_send_summary(userdata, c, note, camera);
}

static void on_camera_added(void *userdata, struct camera *c)
{
        int r = bus_camera_added(userdata, c);

        if (r < 0)
                log_warning_errno(r, "camera %s: cannot be shown on the bus: %m", c->device);
}

static void on_camera_removed(void *userdata, struct camera *c)
{
        bus_camera_removed(userdata, c);
}

static void on_camera_changed(void *userdata, struct camera *c, unsigned properties)
{
        bus_camera_changed(userdata, c, properties);
}

static int refuse_answer(sd_bus_message *call, const struct picture_job *job)
{
        int r = job->result;

        if (!job->image_failed)
                return bus_error_reply(call, SERVICE_PLUGIN_FAILED, "The picture cannot be classified: %s",
                                       strerror(-r));
        switch (r) {
        case -ELIBACC:
                return bus_error_reply(call, SERVICE_FAILED, "The program that decodes pictures cannot be run");
        case -EAGAIN:
                return bus_error_reply(call, SERVICE_FAILED, "The plugins have just been replaced: try again");
        case -ETIME:
                return bus_error_reply(call, SERVICE_IMAGE_TIMEOUT,
                                       "The picture takes more than %u s to decode: try a smaller one",
                                       PICTURE_READER_TIMEOUT_USEC / 1000000);
        case -EPIPE:
                return bus_error_reply(call, SERVICE_INVALID_IMAGE,
                                       "The picture was given up: decoding it takes too much memory, or fails badly");
        case -ETIMEDOUT:
                return bus_error_reply(
                        call, SERVICE_IMAGE_TIMEOUT,
                        "The file could not be read within %u s: does the server of its file system answer?",
                        PICTURE_READER_TIMEOUT_USEC / 1000000);
        case -EISDIR:
        case -EINVAL:
                return bus_error_reply(call, SERVICE_INVALID_IMAGE, "The descriptor is not a regular file");
        case -EFBIG:
                return bus_error_reply(call, SERVICE_INVALID_IMAGE,
                                       "The file is larger than %u MiB, or the picture than %u million pixels",
                                       PICTURE_MAX_FILE_BYTES >> 20, PICTURE_MAX_PIXELS / 1000000);
        case -EOPNOTSUPP:
                return bus_error_reply(call, SERVICE_INVALID_IMAGE,
                                       "The picture is of a kind that is not read: JPEG of 8 bits a sample and PNG "
                                       "are; JPEG of 12 bits or without loss, WebP, GIF, TIFF, HEIC and AVIF are not");
        default:
                return bus_error_reply(call, SERVICE_INVALID_IMAGE, "The picture cannot be read: %s", strerror(-r));
        }
}

static int answer_picture(struct bus_face *f, sd_bus_message *call, const struct picture_job *job)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const struct engine_report *report = manager_get_report(f->manager);
        int r;

        if (job->result < 0)
                return refuse_answer(call, job);
        /* the labels that its scores belong to are gone */
        if (!report || job->engine_serial != report->serial)
                return bus_error_reply(call, SERVICE_FAILED, "The model was replaced meanwhile; ask again");
        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (int i = 0; i < job->result && r >= 0; i++)
                r = bus_append_face(reply, report, &job->faces[i], false, 0);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(f->bus, reply, NULL);
}

static void on_picture_done(void *userdata, const struct picture_job *job)
{
        struct bus_face *f = userdata;

        for (size_t i = 0; i < ARRAY_LEN(f->pictures); i++) {
                int r;

                if (!f->pictures[i].message || f->pictures[i].id != job->id)
                        continue;
                r = answer_picture(f, f->pictures[i].message, job);
                if (r < 0)
                        log_warning_errno(r, "a picture's answer cannot be sent: %m");
                peers_release(f->peers, peer_name_of(f->pictures[i].message));
                f->pictures[i].message = sd_bus_message_unref(f->pictures[i].message);
                return;
        }
}

static void on_preview_done(void *userdata, const struct preview_job *job)
{
        bus_preview_done(userdata, job);
}

static void on_reload_done(void *userdata, uint64_t serial, enum service_error e, const char *text)
{
        struct bus_face *f = userdata;
        size_t n_left = 0;

        for (size_t i = 0; i < f->n_reloads; i++) {
                if (f->reloads[i].serial > serial) {
                        f->reloads[n_left++] = f->reloads[i];
                        continue;
                }
                if (e == SERVICE_OK)
                        sd_bus_reply_method_return(f->reloads[i].message, NULL);
                else
                        bus_error_reply(f->reloads[i].message, e, "%s", text);
                sd_bus_message_unref(f->reloads[i].message);
        }
        f->n_reloads = n_left;
}

/* === Claims === */

/* Nothing is kept for who left. */
static void drop_claim(struct bus_face *f, struct claim *c)
{
        char name[sizeof(f->preview.sender)];

        snprintf(name, sizeof(name), "%s", c->owner);
        manager_release(f->manager, c->owner);
        peers_release(f->peers, name);
        bus_face_arm(f);
}

static void drop_message(sd_bus_message **m, const char *sender)
{
        if (*m && strcmp(peer_name_of(*m), sender) == 0)
                *m = sd_bus_message_unref(*m);
}

static void on_gone(void *userdata, const char *name)
{
        struct bus_face *f = userdata;
        struct claim *c = claims_find(manager_get_claims(f->manager), name);

        for (size_t i = 0; i < ARRAY_LEN(f->pictures); i++)
                drop_message(&f->pictures[i].message, name);
        for (size_t i = 0; i < ARRAY_LEN(f->previews); i++)
                drop_message(&f->previews[i].message, name);
        if (c)
                drop_claim(f, c);
}

static int refuse_claim(struct bus_face *f, int r, sd_bus_error *error)
{
        const struct settings *s = manager_get_settings(f->manager);

        switch (r) {
        case -EPERM:
                return bus_error_set(error, SERVICE_DISABLED, "The service is switched off");
        case -EDQUOT:
                return bus_error_set(error, SERVICE_TOO_MANY_CLAIMS, "The caller's user holds %d claims already",
                                     s->service.max_claims_per_user);
        case -EUSERS:
                return bus_error_set(error, SERVICE_TOO_MANY_CLAIMS, "There are %d claims already",
                                     s->service.max_claims);
        default:
                return r;
        }
}

static int claim(sd_bus_message *m, const struct peer *peer, void *userdata, sd_bus_error *error)
{
        struct bus_face *f = userdata;
        struct claim_options options;
        struct claim *c;
        bool is_new;
        int r = bus_read_claim_options(m, f, &options, error);

        if (r < 0)
                return r;
        r = manager_claim(f->manager, peer->name, peer->uid, &options, &c);
        if (r < 0)
                return refuse_claim(f, r, error);
        is_new = r > 0;
        c->pid = peer->pid;
        if (is_new)
                peers_hold(f->peers, peer->name);
        bus_face_arm(f);
        r = sd_bus_reply_method_return(m, NULL);
        if (is_new) /* who comes late takes nobody for turned away */
                manager_tell_view(f->manager, c);
        return r;
}

static int release(sd_bus_message *m, const struct peer *peer, void *userdata, sd_bus_error *error)
{
        struct bus_face *f = userdata;
        struct claim *c = claims_find(manager_get_claims(f->manager), peer->name);

        if (!c)
                return bus_error_set(error, SERVICE_NOT_CLAIMED, "The caller holds no claim");
        drop_claim(f, c);
        return sd_bus_reply_method_return(m, NULL);
}

/* === The other methods === */

static int method_get_faces(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct bus_face *f = userdata;
        const struct worker_snapshot *s = manager_snapshot(f->manager);
        const struct engine_report *report = manager_get_report(f->manager);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(m, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        /* a snapshot of another engine speaks of other labels */
        for (size_t i = 0; report && s->engine_serial == report->serial && i < s->n_faces && r >= 0; i++)
                r = bus_append_face(reply, report, &s->faces[i], true, manager_camera_number(f->manager));
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(f->bus, reply, NULL);
}

static int refuse_picture(struct bus_face *f, int r, sd_bus_error *error)
{
        const struct engine_report *report = manager_get_report(f->manager);

        if (r == -ENOBUFS)
                return bus_error_set(error, SERVICE_LIMITS_EXCEEDED, "Too many pictures wait");
        if (r == -ENODEV)
                return bus_error_set(error,
                                     report && report->failure == ENGINE_PLUGIN_FAILED ? SERVICE_PLUGIN_FAILED
                                                                                       : SERVICE_MODEL_INVALID,
                                     "%s", report ? report->failure_text : "Nothing is loaded yet");
        return r;
}

static unsigned n_pictures_of(const struct bus_face *f, uid_t uid)
{
        unsigned n = 0;

        for (size_t i = 0; i < ARRAY_LEN(f->pictures); i++)
                n += f->pictures[i].message && f->pictures[i].uid == uid;
        return n;
}

static int classify(sd_bus_message *m, const struct peer *peer, void *userdata, sd_bus_error *error)
{
        struct bus_face *f = userdata;
        double min_confidence;
        size_t slot = 0;
        int fd, own, r = sd_bus_message_read(m, "h", &fd);

        if (r >= 0)
                r = bus_read_picture_options(m, &min_confidence, error);
        if (r < 0)
                return r;
        /* what it is a descriptor of is asked where the file is read: on some file systems even that question may wait for
         * ever */
        while (slot < ARRAY_LEN(f->pictures) && f->pictures[slot].message)
                slot++;
        if (slot == ARRAY_LEN(f->pictures))
                return refuse_picture(f, -ENOBUFS, error);
        if (n_pictures_of(f, peer->uid) >= manager_picture_share(f->manager, peer->uid))
                return bus_error_set(error, SERVICE_LIMITS_EXCEEDED, "Too many pictures of the caller's user wait");
        own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (own < 0)
                return -errno;
        r = manager_classify(f->manager, peer->uid, own, min_confidence, &f->pictures[slot].id);
        if (r < 0) {
                close(own);
                return refuse_picture(f, r, error);
        }
        f->pictures[slot].message = sd_bus_message_ref(m);
        f->pictures[slot].uid = peer->uid;
        peers_hold(f->peers, peer->name);
        return 1;
}

static int set_enabled(sd_bus_message *m, const struct peer *peer, struct bus_face *f, bool enabled,
                       sd_bus_error *error)
{
        int r = bus_check_trusted(peer, error);

        if (r < 0)
                return r;
        r = manager_set_enabled(f->manager, enabled);
        if (r < 0)
                return bus_error_set(error, SERVICE_FAILED, "Done, but it cannot be kept over a restart: %s",
                                     strerror(-r));
        return sd_bus_reply_method_return(m, NULL);
}

static int enable(sd_bus_message *m, const struct peer *peer, void *userdata, sd_bus_error *error)
{
        return set_enabled(m, peer, userdata, true, error);
}

static int disable(sd_bus_message *m, const struct peer *peer, void *userdata, sd_bus_error *error)
{
        return set_enabled(m, peer, userdata, false, error);
}

static int reload(sd_bus_message *m, const struct peer *peer, void *userdata, sd_bus_error *error)
{
        struct bus_face *f = userdata;
        struct settings_error why;
        uint64_t serial;
        int r = bus_check_trusted(peer, error);

        if (r < 0)
                return r;
        if (f->n_reloads >= BUS_MAX_RELOADS)
                return bus_error_set(error, SERVICE_LIMITS_EXCEEDED, "Too many calls of Reload wait");
        r = manager_reload(f->manager, &serial, &why);
        if (r < 0) {
                log_error("%s", why.text);
                return bus_error_set(error, SERVICE_INVALID_CONFIGURATION, "%s", why.text);
        }
        if (r > 0)
                return sd_bus_reply_method_return(m, NULL);
        f->reloads[f->n_reloads].message = sd_bus_message_ref(m);
        f->reloads[f->n_reloads++].serial = serial;
        return 1;
}

/* Methods whose answer depends on who calls: @name on the bus, by what @fn makes of it. */
#define PEER_METHOD(name, fn)                                                            \
        static int method_##name(sd_bus_message *m, void *userdata, sd_bus_error *error) \
        {                                                                                \
                struct bus_face *f = userdata;                                           \
                                                                                         \
                return peers_call(f->peers, m, fn, error);                               \
        }

PEER_METHOD(claim, claim)
PEER_METHOD(release, release)
PEER_METHOD(classify, classify)
PEER_METHOD(enable, enable)
PEER_METHOD(disable, disable)
PEER_METHOD(reload, reload)
PEER_METHOD(get_clients, bus_get_clients)
PEER_METHOD(get_statistics, bus_get_all_statistics)
PEER_METHOD(preview, bus_preview)

/* === Properties === */

#define GETTER(name)                                                                                \
        static int name(sd_bus *bus, const char *path, const char *interface, const char *property, \
                        sd_bus_message *reply, void *userdata, sd_bus_error *error)

GETTER(get_version)
{
        return sd_bus_message_append(reply, "s", PACKAGE_VERSION);
}

GETTER(get_features)
{
        return sd_bus_message_append(reply, "as", 7, "attention", "claims", "classify-image", "preview", "replay",
                                     "summary", "zones");
}

GETTER(get_state)
{
        struct bus_face *f = userdata;

        return sd_bus_message_append(reply, "s", manager_state_name(manager_get_view(f->manager)->state));
}

GETTER(get_last_error)
{
        struct bus_face *f = userdata;

        return sd_bus_message_append(reply, "s", service_error_name(manager_get_view(f->manager)->last_error));
}

GETTER(get_last_error_text)
{
        struct bus_face *f = userdata;

        return sd_bus_message_append(reply, "s", manager_get_view(f->manager)->last_error_text);
}

GETTER(get_flag)
{
        struct bus_face *f = userdata;
        const bool *flag = manager_view_member(manager_get_view(f->manager), property, sizeof(*flag));

        return flag ? sd_bus_message_append(reply, "b", *flag) : -ENOENT;
}

GETTER(get_emotions)
{
        struct bus_face *f = userdata;
        const struct engine_report *report = manager_get_report(f->manager);
        int r = sd_bus_message_open_container(reply, 'a', "s");

        for (size_t i = 0; report && i < report->n_labels && r >= 0; i++)
                r = sd_bus_message_append(reply, "s", report->labels[i]);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

GETTER(get_zones)
{
        struct bus_face *f = userdata;

        return bus_append_zones(reply, &manager_get_settings(f->manager)->zones);
}

GETTER(get_closed_hours)
{
        struct bus_face *f = userdata;

        return sd_bus_message_append(reply, "s", manager_get_settings(f->manager)->camera.closed_hours);
}

#define EMITS SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define CONST SD_BUS_VTABLE_PROPERTY_CONST
/* The bus policy decides who may, and bus_check_trusted(): what sd-bus would do itself is to wait for the bus. */
#define OPEN SD_BUS_VTABLE_UNPRIVILEGED

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, CONST),
        SD_BUS_PROPERTY("Features", "as", get_features, 0, CONST),
        SD_BUS_PROPERTY("State", "s", get_state, 0, EMITS),
        SD_BUS_PROPERTY("LastError", "s", get_last_error, 0, EMITS),
        SD_BUS_PROPERTY("LastErrorText", "s", get_last_error_text, 0, EMITS),
        SD_BUS_PROPERTY("Enabled", "b", get_flag, 0, EMITS),
        SD_BUS_PROPERTY("InUse", "b", get_flag, 0, EMITS),
        SD_BUS_PROPERTY("Emotions", "as", get_emotions, 0, EMITS),
        SD_BUS_PROPERTY("Model", "a{sv}", bus_get_model, 0, EMITS),
        SD_BUS_PROPERTY("Plugins", "aa{sv}", bus_get_plugins, 0, EMITS),
        SD_BUS_PROPERTY("Tainted", "b", get_flag, 0, EMITS),
        SD_BUS_PROPERTY("Zones", "a(sa(dd))", get_zones, 0, EMITS),
        SD_BUS_PROPERTY("ClosedHours", "s", get_closed_hours, 0, EMITS),
        SD_BUS_PROPERTY("Statistics", "a{sv}", bus_get_statistics, 0, 0),
        SD_BUS_METHOD_WITH_ARGS("Claim", SD_BUS_ARGS("a{sv}", options), SD_BUS_NO_RESULT, method_claim, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Release", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_release, OPEN),
        SD_BUS_METHOD_WITH_ARGS("GetFaces", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", faces), method_get_faces, OPEN),
        SD_BUS_METHOD_WITH_ARGS("GetStatistics", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", statistics),
                                method_get_statistics, OPEN),
        SD_BUS_METHOD_WITH_ARGS("GetClients", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", clients), method_get_clients,
                                OPEN),
        SD_BUS_METHOD_WITH_ARGS("ClassifyImage", SD_BUS_ARGS("h", fd, "a{sv}", options), SD_BUS_RESULT("aa{sv}", faces),
                                method_classify, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Preview", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("h", picture, "u", width, "u", height, "aa{sv}", faces, "a{sv}", details),
                                method_preview, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Enable", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_enable, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Disable", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_disable, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reload, OPEN),
        SD_BUS_SIGNAL_WITH_ARGS(
                "EmotionChanged",
                SD_BUS_ARGS("u", face, "s", from, "s", to, "d", confidence, "t", timestamp_usec, "a{sv}", details), 0),
        SD_BUS_SIGNAL_WITH_ARGS("FaceAppeared", SD_BUS_ARGS("u", face, "t", timestamp_usec, "a{sv}", details), 0),
        SD_BUS_SIGNAL_WITH_ARGS("FaceVanished", SD_BUS_ARGS("u", face, "t", timestamp_usec, "a{sv}", details), 0),
        SD_BUS_SIGNAL_WITH_ARGS("AttentionChanged",
                                SD_BUS_ARGS("u", face, "b", attention, "t", timestamp_usec, "a{sv}", details), 0),
        SD_BUS_SIGNAL_WITH_ARGS("Summary", SD_BUS_ARGS("t", begin_usec, "t", end_usec, "o", camera, "aa{sv}", faces),
                                0),
        SD_BUS_VTABLE_END,
};

/* === Making === */

int bus_face_new(sd_bus *bus, sd_event *event, struct manager *m, struct bus_face **ret)
{
        _cleanup_(bus_face_freep) struct bus_face *f = calloc(1, sizeof(*f));
        int r;

        if (!f)
                return -ENOMEM;
        f->bus = sd_bus_ref(bus);
        f->event = sd_event_ref(event);
        f->manager = m;
        r = peers_new(bus, on_gone, f, &f->peers);
        if (r >= 0)
                r = shares_new(bus, event, &f->shares);
        if (r >= 0)
                r = sd_bus_add_object_manager(bus, &f->objects_slot, BUS_PATH);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, &f->manager_slot, BUS_PATH, BUS_IFACE_MANAGER, manager_vtable, f);
        if (r >= 0)
                r = sd_event_add_defer(event, &f->flush, flush, f);
        if (r >= 0)
                r = sd_event_source_set_enabled(f->flush, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(event, &f->timer, CLOCK_MONOTONIC, UINT64_MAX, 1000, on_timer, f);
        if (r >= 0)
                r = sd_event_source_set_enabled(f->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        manager_set_face(m, &(struct manager_face){
                                    .changed = on_changed,
                                    .emotion_changed = on_emotion,
                                    .face_came = on_came,
                                    .face_went = on_went,
                                    .face_turned = on_turned,
                                    .summary = on_summary,
                                    .picture_done = on_picture_done,
                                    .preview_done = on_preview_done,
                                    .reload_done = on_reload_done,
                                    .cameras = { on_camera_added, on_camera_removed, on_camera_changed, f },
                                    .userdata = f,
                            });
        *ret = STEAL(f);
        return 0;
}

struct bus_face *bus_face_free(struct bus_face *f)
{
        struct cameras *cs;

        if (!f)
                return NULL;
        cs = manager_get_cameras(f->manager);
        for (size_t i = 0; i < CLAIMS_MAX; i++) {
                struct claim *c = claims_at(manager_get_claims(f->manager), i);

                if (c)
                        drop_claim(f, c);
        }
        for (size_t i = 0; i < cs->n; i++)
                bus_camera_removed(f, cs->list[i]);
        for (size_t i = 0; i < ARRAY_LEN(f->pictures); i++)
                sd_bus_message_unref(f->pictures[i].message);
        for (size_t i = 0; i < ARRAY_LEN(f->previews); i++)
                sd_bus_message_unref(f->previews[i].message);
        for (size_t i = 0; i < f->n_reloads; i++)
                sd_bus_message_unref(f->reloads[i].message);
        f->peers = peers_free(f->peers);
        f->shares = shares_free(f->shares);
        manager_set_face(f->manager, &(struct manager_face){ 0 });
        sd_event_source_disable_unref(f->flush);
        sd_event_source_disable_unref(f->timer);
        sd_bus_slot_unref(f->manager_slot);
        sd_bus_slot_unref(f->objects_slot);
        sd_event_unref(f->event);
        sd_bus_unref(f->bus);
        free(f);
        return NULL;
}
