/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The method Preview: who may have a picture, that it is in the journal, and what the answer looks like. */
#include <string.h>

#include "basic/clock.h"
#include "basic/log.h"
#include "daemon/append-dbus.h"
#include "daemon/options-dbus.h"
#include "daemon/preview-dbus.h"

/* A use that goes on is told again after this time, so that a view of four pictures a second does not fill the journal. */
#define TELL_AGAIN_USEC 10000000u

/* Each use is in the journal before its first picture is given. */
static void tell_use(struct bus_face *f, sd_bus_message *m, uid_t uid, pid_t pid)
{
        const char *sender = peer_name_of(m);
        bool same = strcmp(f->preview.sender, sender) == 0;
        /* service.log_level may make the log terse, but not hide who looked */
        int level = MIN(LOG_NOTICE, log_get_level());
        uint64_t now = clock_usec();
        char who[128];

        f->preview.n++;
        f->preview.n_of_sender = same ? f->preview.n_of_sender + 1 : 1;
        if (same && now - f->preview.told_usec < TELL_AGAIN_USEC)
                return;
        /* not what the process calls itself: that may be anything, and the unit's ProtectProc= hides it */
        snprintf(who, sizeof(who), "uid %d, process %d", (int)uid, (int)pid);
        if (f->preview.n_of_sender == 1)
                log_full(level, 0, "preview: pictures of the camera are given to %s", who);
        else
                log_full(level, 0, "preview: %llu pictures of the camera were given to %s so far",
                         (unsigned long long)f->preview.n_of_sender, who);
        snprintf(f->preview.sender, sizeof(f->preview.sender), "%s", sender);
        f->preview.told_usec = now;
}

static int refuse(struct bus_face *f, int r, sd_bus_error *error)
{
        enum service_error e = manager_get_view(f->manager)->last_error;

        switch (r) {
        case -EACCES:
                return bus_error_set(error, SERVICE_PREVIEW_FORBIDDEN,
                                     "privacy.allow_preview is not set in the configuration");
        case -EPERM:
                return bus_error_set(error, SERVICE_DISABLED, "The service is switched off");
        case -ENODEV:
                return bus_error_set(error, e == SERVICE_OK ? SERVICE_NO_CAMERA : e, "The camera is not open: %s",
                                     manager_state_name(manager_get_view(f->manager)->state));
        case -ENOBUFS:
                return bus_error_set(error, SERVICE_LIMITS_EXCEEDED, "Too many pictures are asked for");
        default:
                return bus_error_set(error, SERVICE_FAILED, "The picture cannot be had: %s", strerror(-r));
        }
}

int bus_preview(sd_bus_message *m, const struct peer *peer, void *userdata, sd_bus_error *error)
{
        struct bus_face *f = userdata;
        size_t slot = 0;
        int r = bus_check_trusted(peer, error);

        if (r >= 0)
                r = bus_read_no_options(m, error);

        if (r < 0)
                return r;
        while (slot < ARRAY_LEN(f->previews) && f->previews[slot].message)
                slot++;
        /* whether it is allowed is said first, whatever else is in the way */
        r = manager_preview(f->manager, slot < ARRAY_LEN(f->previews) ? &f->previews[slot].id : NULL);
        if (r < 0)
                return refuse(f, r, error);
        f->previews[slot].message = sd_bus_message_ref(m);
        f->previews[slot].uid = peer->uid;
        f->previews[slot].pid = peer->pid;
        peers_hold(f->peers, peer->name);
        return 1;
}

static int append_answer(struct bus_face *f, sd_bus_message *reply, const struct preview_job *job)
{
        const struct engine_report *report = manager_get_report(f->manager);
        unsigned camera = manager_camera_number(f->manager);
        bool known = report && job->engine_serial == report->serial; /* else the labels are others */
        int r = sd_bus_message_append(reply, "huu", job->fd, job->width_px, job->height_px);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (size_t i = 0; known && i < job->n_faces && r >= 0; i++)
                r = bus_append_face(reply, report, &job->faces[i], true, camera);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = bus_append_camera(reply, camera);
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}", "timestamp", "t", job->timestamp_usec);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "zones");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a(sa(dd))");
        if (r >= 0)
                r = bus_append_zones(reply, &manager_get_settings(f->manager)->zones);
        for (int i = 0; i < 2 && r >= 0; i++)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int answer(struct bus_face *f, size_t slot, const struct preview_job *job)
{
        sd_bus_message *call = f->previews[slot].message;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = job->result;

        /* the configuration may have changed since the call */
        if (r >= 0 && !manager_get_settings(f->manager)->privacy.allow_preview)
                r = -EACCES;
        if (r < 0) {
                refuse(f, r, &error);
                return sd_bus_reply_method_error(call, &error);
        }
        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = append_answer(f, reply, job);
        if (r < 0)
                return r;
        tell_use(f, call, f->previews[slot].uid, f->previews[slot].pid);
        return sd_bus_send(f->bus, reply, NULL);
}

void bus_preview_done(struct bus_face *f, const struct preview_job *job)
{
        for (size_t i = 0; i < ARRAY_LEN(f->previews); i++) {
                int r;

                if (!f->previews[i].message || f->previews[i].id != job->id)
                        continue;
                r = answer(f, i, job);
                if (r < 0)
                        log_warning_errno(r, "a preview cannot be sent: %m");
                peers_release(f->peers, peer_name_of(f->previews[i].message));
                f->previews[i].message = sd_bus_message_unref(f->previews[i].message);
                return;
        }
}
