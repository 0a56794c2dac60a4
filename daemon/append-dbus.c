/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "daemon/append-dbus.h"

/* What faces, claims and properties look like in messages. */

int bus_append_scores(sd_bus_message *m, const struct engine_report *r, const float *scores, size_t n)
{
        int q = sd_bus_message_open_container(m, 'e', "sv");

        if (q >= 0)
                q = sd_bus_message_append(m, "s", "scores");
        if (q >= 0)
                q = sd_bus_message_open_container(m, 'v', "a{sd}");
        if (q >= 0)
                q = sd_bus_message_open_container(m, 'a', "{sd}");
        for (size_t i = 0; i < n && q >= 0; i++)
                q = sd_bus_message_append(m, "{sd}", engine_report_label(r, (int)i), (double)scores[i]);
        for (int i = 0; i < 3 && q >= 0; i++)
                q = sd_bus_message_close_container(m);
        return q;
}

int bus_append_box(sd_bus_message *m, const struct emo_box *b)
{
        return sd_bus_message_append(m, "{sv}", "box", "(dddd)", (double)b->x, (double)b->y, (double)b->width,
                                     (double)b->height);
}

int bus_append_camera(sd_bus_message *m, unsigned number)
{
        char path[BUS_CAMERA_PATH_MAX];

        if (!number)
                return 0;
        bus_camera_path(number, path, sizeof(path));
        return sd_bus_message_append(m, "{sv}", "camera", "o", path);
}

int bus_append_pose(sd_bus_message *m, const struct face_pose *pose)
{
        if (!pose->known)
                return 0;
        return sd_bus_message_append(m, "{sv}{sv}{sv}", "yaw", "d", (double)pose->yaw_deg, "pitch", "d",
                                     (double)pose->pitch_deg, "roll", "d", (double)pose->roll_deg);
}

static int append_landmarks(sd_bus_message *m, const struct face *face)
{
        int q = sd_bus_message_open_container(m, 'e', "sv");

        if (q >= 0)
                q = sd_bus_message_append(m, "s", "landmarks");
        if (q >= 0)
                q = sd_bus_message_open_container(m, 'v', "a(dd)");
        if (q >= 0)
                q = sd_bus_message_open_container(m, 'a', "(dd)");
        for (unsigned i = 0; i < face->n_points && q >= 0; i++)
                q = sd_bus_message_append(m, "(dd)", (double)face->points[i][0], (double)face->points[i][1]);
        for (int i = 0; i < 3 && q >= 0; i++)
                q = sd_bus_message_close_container(m);
        return q;
}

int bus_append_face(sd_bus_message *m, const struct engine_report *r, const struct face *face, bool tracked,
                    unsigned camera)
{
        int q = sd_bus_message_open_container(m, 'a', "{sv}");

        if (q >= 0 && tracked)
                q = sd_bus_message_append(m, "{sv}", "face", "u", face->id);
        if (q >= 0 && tracked)
                q = bus_append_camera(m, camera);
        if (q >= 0)
                q = sd_bus_message_append(m, "{sv}{sv}", "emotion", "s", engine_report_label(r, face->emotion),
                                          "confidence", "d", face->confidence);
        if (q >= 0)
                q = bus_append_scores(m, r, face->scores, r ? r->n_labels : 0);
        if (q >= 0)
                q = bus_append_box(m, &face->box);
        if (q >= 0)
                q = append_landmarks(m, face);
        if (q >= 0)
                q = bus_append_pose(m, &face->pose);
        if (q >= 0 && face->pose.known)
                q = sd_bus_message_append(m, "{sv}", "attention", "b", face->facing);
        if (q >= 0)
                q = sd_bus_message_append(m, "{sv}", "quality", "d", face->quality);
        if (q >= 0 && tracked)
                q = sd_bus_message_append(m, "{sv}{sv}{sv}", "static", "b", face->is_static, "since", "t",
                                          face->since_usec, "seen", "t", face->seen_usec);
        return q < 0 ? q : sd_bus_message_close_container(m);
}

int bus_append_zones(sd_bus_message *m, const struct zones *zs)
{
        int q = sd_bus_message_open_container(m, 'a', "(sa(dd))");

        for (size_t i = 0; i < zs->n && q >= 0; i++) {
                const struct zone *z = &zs->items[i];

                q = sd_bus_message_open_container(m, 'r', "sa(dd)");
                if (q >= 0)
                        q = sd_bus_message_append(m, "s", z->name);
                if (q >= 0)
                        q = sd_bus_message_open_container(m, 'a', "(dd)");
                for (size_t k = 0; k < z->n_points && q >= 0; k++)
                        q = sd_bus_message_append(m, "(dd)", z->points[k][0], z->points[k][1]);
                for (int k = 0; k < 2 && q >= 0; k++)
                        q = sd_bus_message_close_container(m);
        }
        return q < 0 ? q : sd_bus_message_close_container(m);
}

/* === Properties with structure === */

static int append_text(sd_bus_message *m, const char *key, const char *value)
{
        return value && *value ? sd_bus_message_append(m, "{sv}", key, "s", value) : 0;
}

/* What was measured of the model, if its file says so. */
static int append_measured(sd_bus_message *m, const struct engine_report *r)
{
        int q = 0;

        if (r->model_accuracy > 0)
                q = sd_bus_message_append(m, "{sv}{sv}", "accuracy", "d", r->model_accuracy, "measured", "s",
                                          r->model_measured ? r->model_measured : "");
        if (q < 0 || !r->n_decisions)
                return q;
        q = sd_bus_message_open_container(m, 'e', "sv");
        if (q >= 0)
                q = sd_bus_message_append(m, "s", "decisions");
        if (q >= 0)
                q = sd_bus_message_open_container(m, 'v', "au");
        if (q >= 0)
                q = sd_bus_message_append_array(m, 'u', r->decisions, r->n_decisions * sizeof(r->decisions[0]));
        if (q >= 0)
                q = sd_bus_message_close_container(m);
        return q < 0 ? q : sd_bus_message_close_container(m);
}

int bus_get_model(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                  void *userdata, sd_bus_error *error)
{
        struct bus_face *f = userdata;
        const struct engine_report *r = manager_get_report(f->manager);
        int q = sd_bus_message_open_container(reply, 'a', "{sv}");

        if (q >= 0 && r && r->model_file) {
                q = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}{sv}", "file", "s", r->model_file, "sha256", "s",
                                          r->model_sha256 ? r->model_sha256 : "", "name", "s",
                                          r->model_name ? r->model_name : "", "licence", "s",
                                          r->model_licence ? r->model_licence : "", "input-width", "u",
                                          r->model_width_px, "input-height", "u", r->model_height_px);
                if (q >= 0)
                        q = append_measured(reply, r);
        }
        return q < 0 ? q : sd_bus_message_close_container(reply);
}

static int append_words(sd_bus_message *m, const char *key, const char *const words[2], const bool on[2])
{
        int q = sd_bus_message_open_container(m, 'e', "sv");

        if (q >= 0)
                q = sd_bus_message_append(m, "s", key);
        if (q >= 0)
                q = sd_bus_message_open_container(m, 'v', "as");
        if (q >= 0)
                q = sd_bus_message_open_container(m, 'a', "s");
        for (int i = 0; i < 2 && q >= 0; i++)
                if (on[i])
                        q = sd_bus_message_append(m, "s", words[i]);
        for (int i = 0; i < 3 && q >= 0; i++)
                q = sd_bus_message_close_container(m);
        return q;
}

static int append_plugin(sd_bus_message *m, const struct worker_plugin *p)
{
        static const char *const words[] = { "detector", "aligner" };
        int q = sd_bus_message_open_container(m, 'a', "{sv}");

        if (q >= 0)
                q = append_text(m, "name", p->name);
        if (q >= 0)
                q = append_text(m, "version", p->version);
        if (q >= 0)
                q = append_text(m, "description", p->description);
        if (q >= 0)
                q = append_text(m, "licence", p->licence);
        if (q >= 0)
                q = append_text(m, "file", p->file);
        if (q >= 0)
                q = append_words(m, "offers", words, (bool[]){ p->detector, p->aligner });
        if (q >= 0)
                q = append_words(m, "in-use", words, (bool[]){ p->used_detector, p->used_aligner });
        if (q >= 0)
                q = sd_bus_message_append(m, "{sv}", "third-party", "b", p->third_party);
        if (q >= 0)
                q = append_text(m, "error", p->error);
        return q < 0 ? q : sd_bus_message_close_container(m);
}

int bus_get_plugins(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                    void *userdata, sd_bus_error *error)
{
        struct bus_face *f = userdata;
        const struct engine_report *r = manager_get_report(f->manager);
        int q = sd_bus_message_open_container(reply, 'a', "a{sv}");

        for (size_t i = 0; r && i < r->n_plugins && q >= 0; i++)
                q = append_plugin(reply, &r->plugins[i]);
        return q < 0 ? q : sd_bus_message_close_container(reply);
}

/* What grows with faces, claims or the time they take tells of people, and is not for everybody (@all). */
int bus_append_statistics(sd_bus_message *m, struct bus_face *f, bool all)
{
        const struct worker_snapshot *s = manager_snapshot(f->manager);
        const struct pipeline_stats *p = &s->pipeline;
        uint64_t n_lost = manager_n_events_lost(f->manager) + s->n_pipeline_events_lost + f->n_lost;
        struct claims *claims = manager_get_claims(f->manager);
        const struct {
                const char *name;
                uint64_t value;
                bool open;
        } wide[] = {
                { "frames", s->stats.n_frames, true },
                { "frames-dropped", s->stats.n_dropped, false },
                { "frames-corrupt", s->stats.n_corrupt, true },
                { "detections", p->n_detections, false },
                { "plugin-errors", p->n_plugin_errors, false },
                { "events", manager_n_events(f->manager), false },
                { "events-lost", n_lost, false },
                { "previews", f->preview.n, true },
                { "signals-sent", f->n_sent, false },
                { "calls-refused", shares_n_refused(f->shares), true },
                { "signals-suppressed", claims_n_suppressed(claims), false },
                { "camera-opens", s->n_opens, true },
                { "detect-usec", p->detect_nsec / 1000, false },
                { "align-usec", p->align_nsec / 1000, false },
                { "crop-usec", p->crop_nsec / 1000, false },
                { "classify-usec", p->classify_nsec / 1000, false },
                { "track-usec", p->track_nsec / 1000, false },
        };
        int q = sd_bus_message_open_container(m, 'a', "{sv}");

        for (size_t i = 0; i < ARRAY_LEN(wide) && q >= 0; i++)
                if (all || wide[i].open)
                        q = sd_bus_message_append(m, "{sv}", wide[i].name, "t", wide[i].value);
        if (q >= 0 && all)
                q = sd_bus_message_append(m, "{sv}", "claims", "u", (uint32_t)claims_count(claims));
        return q < 0 ? q : sd_bus_message_close_container(m);
}

int bus_get_statistics(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return bus_append_statistics(reply, userdata, false);
}
