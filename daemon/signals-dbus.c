/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/append-dbus.h"
#include "daemon/signals-dbus.h"

/* Unicast: a broadcast on the system bus reaches every local user, and what a face shows is nobody else's business. */
static void send_to(struct bus_face *f, struct claim *c, sd_bus_message *m)
{
        uint64_t n = 0;
        int r = 0;

        /* a broker that does not take our messages must not make us grow */
        if (sd_bus_get_n_queued_write(f->bus, &n) < 0 || n >= BUS_MAX_QUEUED) {
                f->n_lost++;
                return;
        }
        if (c->owner[0] == ':')
                r = sd_bus_message_set_destination(m, c->owner);
        if (r >= 0)
                r = sd_bus_send(f->bus, m, NULL);
        if (r < 0)
                f->n_lost++;
        else
                f->n_sent++;
}

void bus_send_change(struct bus_face *f, struct claim *c, const struct claim_change *change)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = sd_bus_message_new_signal(f->bus, &m, BUS_PATH, BUS_IFACE_MANAGER, "EmotionChanged");

        if (r >= 0)
                r = sd_bus_message_append(m, "ussdt", change->face, change->from, change->to, change->confidence,
                                          change->timestamp_usec);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = bus_append_camera(m, change->camera);
        if (r >= 0)
                r = bus_append_box(m, &change->box);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "static", "b", change->is_static);
        if (r >= 0 && change->n_scores)
                r = bus_append_scores(m, manager_get_report(f->manager), change->scores, change->n_scores);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                send_to(f, c, m);
        else
                f->n_lost++;
}

/* Closes a signal about @event, whose arguments are there, by its details. */
static void finish_and_send(struct bus_face *f, struct claim *c, sd_bus_message *m, const struct face_event *event,
                            unsigned camera)
{
        int r = sd_bus_message_open_container(m, 'a', "{sv}");

        if (r >= 0)
                r = bus_append_camera(m, camera);
        if (r >= 0)
                r = bus_append_box(m, &event->box);
        if (r >= 0 && event->kind == FACE_ATTENTION_CHANGED)
                r = bus_append_pose(m, &event->pose);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "static", "b", event->is_static);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                send_to(f, c, m);
        else
                f->n_lost++;
}

void bus_send_presence(struct bus_face *f, struct claim *c, const char *signal, const struct face_event *event,
                       unsigned camera)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = sd_bus_message_new_signal(f->bus, &m, BUS_PATH, BUS_IFACE_MANAGER, signal);

        if (r >= 0)
                r = sd_bus_message_append(m, "ut", event->face, event->timestamp_usec);
        if (r >= 0)
                finish_and_send(f, c, m, event, camera);
        else
                f->n_lost++;
}

void bus_send_attention(struct bus_face *f, struct claim *c, const struct face_event *event, unsigned camera)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = sd_bus_message_new_signal(f->bus, &m, BUS_PATH, BUS_IFACE_MANAGER, "AttentionChanged");

        if (r >= 0)
                r = sd_bus_message_append(m, "ubt", event->face, event->facing, event->timestamp_usec);
        if (r >= 0)
                finish_and_send(f, c, m, event, camera);
        else
                f->n_lost++;
}

/* === Summary === */

/* "emotion-ms": those that were announced in the bin. */
static int append_emotions(sd_bus_message *m, const struct summary_note *note, const struct summary_face *f)
{
        int r = sd_bus_message_open_container(m, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", "emotion-ms");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a{su}");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{su}");
        for (size_t i = 0; i < note->n_labels && r >= 0; i++)
                if (f->emotion_ms[i])
                        r = sd_bus_message_append(m, "{su}", note->labels[i], f->emotion_ms[i]);
        if (r >= 0 && f->emotion_ms[SUMMARY_UNSURE])
                r = sd_bus_message_append(m, "{su}", "unsure", f->emotion_ms[SUMMARY_UNSURE]);
        for (int i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_means(sd_bus_message *m, const struct summary_note *note, const struct summary_face *f)
{
        int r = sd_bus_message_open_container(m, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", "score-means");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a{sd}");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sd}");
        for (size_t i = 0; i < note->n_labels && r >= 0; i++)
                r = sd_bus_message_append(m, "{sd}", note->labels[i], f->scores[i]);
        for (int i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_summed(sd_bus_message *m, const struct summary_note *note, const struct summary_face *f)
{
        int r = sd_bus_message_open_container(m, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}", "face", "u", f->face, "present-ms", "u", f->present_ms,
                                          "attention-ms", "u", f->attention_ms);
        if (r >= 0)
                r = append_emotions(m, note, f);
        if (r >= 0)
                r = append_means(m, note, f);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}", "quality", "d", f->quality, "static", "b", f->is_static);
        if (r >= 0)
                r = bus_append_box(m, &f->box);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

void bus_send_summary(struct bus_face *f, struct claim *c, const struct summary_note *note, unsigned camera)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char path[BUS_CAMERA_PATH_MAX] = "/";
        int r = sd_bus_message_new_signal(f->bus, &m, BUS_PATH, BUS_IFACE_MANAGER, "Summary");

        if (camera)
                bus_camera_path(camera, path, sizeof(path));
        if (r >= 0)
                r = sd_bus_message_append(m, "tto", note->begin_usec, note->end_usec, path);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "a{sv}");
        for (size_t i = 0; i < note->n_faces && r >= 0; i++)
                r = append_summed(m, note, &note->faces[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                send_to(f, c, m);
        else
                f->n_lost++;
}
