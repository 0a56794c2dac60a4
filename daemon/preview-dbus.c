/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The method Preview: who may have a picture, that it is in the journal, and what the answer looks like. */
#include <string.h>

#include "basic/log.h"
#include "daemon/append-dbus.h"
#include "daemon/options-dbus.h"
#include "daemon/preview-dbus.h"

/* A use that goes on is told again after this time, so that a view of four pictures a second does not fill the journal. */
#define TELL_AGAIN_USEC 10000000u

static void describe_sender(sd_bus_message *m, char *ret, size_t size)
{
        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *user = NULL, *process = NULL;
        uid_t uid = (uid_t)-1;
        pid_t pid = 0;

        /* one by one: a query of which one part cannot be had gives nothing */
        if (sd_bus_query_sender_creds(m, SD_BUS_CREDS_EUID, &user) >= 0)
                (void)sd_bus_creds_get_euid(user, &uid);
        if (sd_bus_query_sender_creds(m, SD_BUS_CREDS_PID, &process) >= 0)
                (void)sd_bus_creds_get_pid(process, &pid);
        /* not what the process calls itself: that may be anything, and the unit's ProtectProc= hides it */
        snprintf(ret, size, "uid %d, process %d", (int)uid, (int)pid);
}

/* Each use is in the journal before its first picture is given. */
static void tell_use(struct bus_face *f, sd_bus_message *m)
{
        const char *sender = sd_bus_message_get_sender(m) ?: "peer";
        bool same = strcmp(f->preview.sender, sender) == 0;
        /* service.log_level may make the log terse, but not hide who looked */
        int level = MIN(LOG_NOTICE, log_get_level());
        uint64_t now = now_usec();
        char who[128];

        f->preview.n++;
        f->preview.n_of_sender = same ? f->preview.n_of_sender + 1 : 1;
        if (same && now - f->preview.told_usec < TELL_AGAIN_USEC)
                return;
        describe_sender(m, who, sizeof(who));
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

int bus_method_preview(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct bus_face *f = userdata;
        size_t slot = 0;
        int r = bus_read_no_options(m, error);

        if (r < 0)
                return r;
        while (slot < ARRAY_LEN(f->previews) && f->previews[slot].message)
                slot++;
        /* whether it is allowed is said first, whatever else is in the way */
        r = manager_preview(f->manager, slot < ARRAY_LEN(f->previews) ? &f->previews[slot].id : NULL);
        if (r < 0)
                return refuse(f, r, error);
        f->previews[slot].message = sd_bus_message_ref(m);
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
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int answer(struct bus_face *f, sd_bus_message *call, const struct preview_job *job)
{
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
        tell_use(f, call);
        return sd_bus_send(f->bus, reply, NULL);
}

void bus_preview_done(struct bus_face *f, const struct preview_job *job)
{
        for (size_t i = 0; i < ARRAY_LEN(f->previews); i++) {
                int r;

                if (!f->previews[i].message || f->previews[i].id != job->id)
                        continue;
                r = answer(f, f->previews[i].message, job);
                if (r < 0)
                        log_warning_errno(r, "a preview cannot be sent: %m");
                f->previews[i].message = sd_bus_message_unref(f->previews[i].message);
                return;
        }
}
