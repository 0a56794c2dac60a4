/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "basic/clock.h"
#include "basic/log.h"
#include "daemon/manager.h"

#define DISABLED_FLAG "disabled"
/* How often hours are compared to the clock, which may be set, and stands still while the machine sleeps. */
#define HOURS_CHECK_USEC 15000000u

struct manager {
        struct manager_config config;
        struct settings *settings;
        struct manager_face face;
        struct worker *worker;
        struct engine_report *report;
        struct claims *claims;
        struct cameras cameras;
        struct worker_wish wish;
        struct worker_snapshot none; /* what is said without a worker */
        struct {
                char device[256];
                unsigned number;
        } watched; /* the last camera: its sums may come when it is gone */
        struct manager_view view;
        bool enabled;
        bool closed; /* by the hours, when they were looked at last */
        uint64_t hours_usec;
        uint64_t reload_asked, reload_done; /* serials of settings */
        uint64_t last_picture, n_pictures, last_preview, n_events;
        /* what the watchdog asked and saw last, and when that was still news */
        uint64_t asked_serial, seen_frames, seen_opens, flowed_usec;
};

const char *manager_state_name(enum manager_state s)
{
        static const char *const names[] = {
                [MANAGER_DISABLED] = "disabled", [MANAGER_IDLE] = "idle",         [MANAGER_NO_CAMERA] = "no-camera",
                [MANAGER_CLOSED] = "closed",     [MANAGER_STARTING] = "starting", [MANAGER_WATCHING] = "watching",
                [MANAGER_ERROR] = "error",
        };

        return names[s];
}

static enum service_error failure_error(enum engine_failure f)
{
        switch (f) {
        case ENGINE_OK:
                return SERVICE_OK;
        case ENGINE_PLUGIN_FAILED:
                return SERVICE_PLUGIN_FAILED;
        case ENGINE_MODEL_INVALID:
                return SERVICE_MODEL_INVALID;
        default:
                return SERVICE_FAILED;
        }
}

/* === What the bus shows === */

static bool chooses_camera(const struct manager *m)
{
        return !manager_replays(m) && strcmp(m->settings->camera.device, "auto") == 0;
}

/* One whose camera is gone, or is not the one of the settings, cannot be: another camera in its place would be on for
 * nobody. */
static bool can_be_served(struct manager *m, const struct claim *c)
{
        const struct camera *camera;

        if (c->options.camera == 0)
                return true;
        camera = cameras_find(&m->cameras, c->options.camera);
        return camera && (manager_replays(m) || chooses_camera(m) ||
                          cameras_find_device(&m->cameras, m->settings->camera.device) == camera);
}

/* The oldest claim that can be served, or with @named the oldest of those that name a camera. */
static const struct claim *oldest_served(struct manager *m, bool named)
{
        const struct claim *oldest = NULL;

        for (size_t i = 0; i < CLAIMS_MAX; i++) {
                const struct claim *c = claims_at(m->claims, i);

                if (!c || (named && c->options.camera == 0) || !can_be_served(m, c))
                        continue;
                if (!oldest || c->number < oldest->number)
                        oldest = c;
        }
        return oldest;
}

static bool is_closed_now(const struct manager *m)
{
        time_t now = time(NULL);
        struct tm local;

        return m->settings->closed.n > 0 && localtime_r(&now, &local) && hours_hold(&m->settings->closed, &local);
}

static bool wants_camera(struct manager *m)
{
        return m->enabled && !m->closed && (m->settings->camera.policy == CAMERA_ALWAYS || oldest_served(m, false));
}

static void view_stream(const struct worker_snapshot *s, struct manager_view *v)
{
        switch (s->state) {
        case STREAM_STREAMING:
                v->state = MANAGER_WATCHING;
                break;
        case STREAM_BUSY:
                v->state = MANAGER_NO_CAMERA;
                v->last_error = SERVICE_CAMERA_BUSY;
                break;
        case STREAM_MISSING:
        case STREAM_UNREADABLE:
        case STREAM_STALLED:
        case STREAM_ERROR:
        case STREAM_ENDED:
                v->state = MANAGER_NO_CAMERA;
                v->last_error = SERVICE_NO_CAMERA;
                break;
        default:
                v->state = MANAGER_STARTING;
        }
}

static void set_text(struct manager_view *v, const char *text)
{
        snprintf(v->last_error_text, sizeof(v->last_error_text), "%s", text);
}

static bool has_third_party(const struct engine_report *r)
{
        for (size_t i = 0; r && i < r->n_plugins; i++)
                if (r->plugins[i].third_party && (r->plugins[i].used_detector || r->plugins[i].used_aligner))
                        return true;
        return false;
}

/* The journal says for whom the camera is on, each time that it comes on. */
static void tell_opening(struct manager *m)
{
        const struct claim *c = oldest_served(m, false);
        size_t n = claims_count(m->claims);

        if (!c)
                log_info("the camera is on because of camera.policy, for no claim");
        else if (c->uid == CLAIM_UID_UNKNOWN)
                log_info("the camera is on for a program that the bus does not know (%zu claims)", n);
        else
                log_info("the camera is on for uid %d, process %d (%zu claim%s)", (int)c->uid, (int)c->pid, n,
                         n == 1 ? "" : "s");
}

static void update_view(struct manager *m, unsigned also_changed)
{
        const struct worker_snapshot *s = manager_snapshot(m);
        struct manager_view v = { .enabled = m->enabled, .state = MANAGER_STARTING };
        bool wanted = wants_camera(m);
        unsigned changed = also_changed;

        if (!m->enabled) {
                v.state = MANAGER_DISABLED;
        } else if (m->report && !m->report->ready) {
                v.state = MANAGER_ERROR;
                v.last_error = failure_error(m->report->failure);
                set_text(&v, m->report->failure_text);
        } else if (m->closed) {
                v.state = MANAGER_CLOSED;
        } else if (!wanted && claims_count(m->claims) > 0) {
                v.state = MANAGER_NO_CAMERA;
                v.last_error = SERVICE_NO_CAMERA;
                set_text(&v, "every claim names a camera that is gone");
        } else if (!wanted) {
                v.state = MANAGER_IDLE;
        } else if (m->report) {
                view_stream(s, &v);
                if (v.state == MANAGER_NO_CAMERA)
                        set_text(&v, s->error_text);
        }
        v.in_use = s->state == STREAM_STREAMING;
        v.tainted = has_third_party(m->report);

        changed |= manager_view_changes(&v, &m->view);
        if (v.in_use && !m->view.in_use)
                tell_opening(m);
        m->view = v;
        if (changed && m->face.changed)
                m->face.changed(m->face.userdata, changed);
}

/* === What is wished of the worker === */

/* The camera that the claims ask for; the settings win if they name one. */
static const char *wanted_device(struct manager *m)
{
        const struct claim *c = oldest_served(m, true);

        return c ? cameras_find(&m->cameras, c->options.camera)->device : "";
}

static void send_wish(struct manager *m)
{
        struct decision_rules base = decision_rules_of(m->settings);

        if (!m->worker)
                return;
        m->wish.watch = wants_camera(m);
        m->wish.device[0] = '\0';
        if (chooses_camera(m))
                snprintf(m->wish.device, sizeof(m->wish.device), "%s", wanted_device(m));
        for (size_t i = 0; i < CLAIMS_MAX; i++) {
                const struct claim *c = claims_at(m->claims, i);

                memset(&m->wish.listeners[i + 1], 0, sizeof(m->wish.listeners[0]));
                if (!c)
                        continue;
                m->wish.listeners[c->listener].claim = c->number;
                m->wish.listeners[c->listener].rules = claim_rules(c, &base);
                m->wish.listeners[c->listener].summary_claim = c->first_number;
                m->wish.listeners[c->listener].summary_ms = (unsigned)c->options.summary_ms;
        }
        m->wish.serial = worker_set_wish(m->worker, &m->wish);
}

static void send_change(void *userdata, struct claim *c, const struct claim_change *change)
{
        struct manager *m = userdata;

        if (m->face.emotion_changed)
                m->face.emotion_changed(m->face.userdata, c, change);
}

/* === Making === */

static int flag_path(const struct manager *m, char *ret, size_t size)
{
        if (!m->config.state_dir)
                return -ENOTDIR;
        if ((size_t)snprintf(ret, size, "%s/" DISABLED_FLAG, m->config.state_dir) >= size)
                return -ENAMETOOLONG;
        return 0;
}

/* Switched off, also if that cannot be known: who switched the camera off must not find it on. */
static bool was_disabled(const struct manager *m)
{
        char path[4096];
        int r = flag_path(m, path, sizeof(path));

        if (r == -ENOTDIR)
                return false; /* no place given: by intent not kept */
        if (r >= 0 && access(path, F_OK) < 0)
                r = -errno;
        if (r < 0 && r != -ENOENT)
                log_warning_errno(r, "it cannot be known whether the service was switched off (%m): it stays off");
        return r != -ENOENT;
}

int manager_new(const struct manager_config *config, struct settings *settings, struct manager **ret)
{
        _cleanup_(manager_freep) struct manager *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return -ENOMEM;
        m->config = *config;
        m->settings = settings_ref(settings);
        m->enabled = !was_disabled(m);
        m->closed = is_closed_now(m);
        r = claims_new(send_change, m, &m->claims);
        if (r < 0)
                return r;
        m->view = (struct manager_view){ .enabled = m->enabled, .state = MANAGER_STARTING };
        update_view(m, 0);
        *ret = STEAL(m);
        return 0;
}

struct manager *manager_free(struct manager *m)
{
        if (!m)
                return NULL;
        cameras_done(&m->cameras);
        claims_free(m->claims);
        engine_report_free(m->report);
        settings_unref(m->settings);
        free(m);
        return NULL;
}

void manager_set_face(struct manager *m, const struct manager_face *face)
{
        m->face = *face;
}

void manager_set_worker(struct manager *m, struct worker *w)
{
        m->worker = w;
        send_wish(m);
        update_view(m, 0);
}

const struct worker_snapshot *manager_snapshot(struct manager *m)
{
        return m->worker ? worker_get_snapshot(m->worker) : &m->none;
}

/* === News from the worker === */

static void finish_reload(struct manager *m, const struct engine_report *r)
{
        m->reload_done = r->settings_serial;
        if (m->face.reload_done)
                m->face.reload_done(m->face.userdata, r->settings_serial, failure_error(r->failure), r->failure_text);
}

/* Return: true if there was one, and there may be more. */
static bool take_report(struct manager *m)
{
        struct engine_report *r = m->worker ? worker_take_report(m->worker) : NULL;

        if (!r)
                return false;
        if (r->failure != ENGINE_OK)
                log_error("%s%s", r->failure_text[0] ? r->failure_text : "loading failed",
                          r->kept ? "; the settings in use before are kept" : "");
        if (r->kept) {
                finish_reload(m, r);
                engine_report_free(r);
                return true;
        }
        engine_report_free(m->report);
        m->report = r;
        settings_unref(m->settings);
        m->settings = settings_ref(r->settings);
        m->closed = is_closed_now(m);
        log_set_level(settings_log_level(m->settings));
        send_wish(m);
        update_view(m, MANAGER_EMOTIONS | MANAGER_MODEL | MANAGER_PLUGINS | MANAGER_ZONES | MANAGER_CLOSED_HOURS);
        finish_reload(m, r);
        return true;
}

/* Those of the engine @serial and of all before it, if they are there. */
static void take_reports_until(struct manager *m, uint64_t serial)
{
        while ((!m->report || m->report->serial < serial) && take_report(m))
                ;
}

static void on_change(struct manager *m, const struct worker_event *e)
{
        struct claim *c = claims_by_number(m->claims, e->claim);
        struct claim_change change = {
                .face = e->event.face,
                .from = engine_report_label(m->report, e->event.from),
                .to = engine_report_label(m->report, e->event.to),
                .confidence = e->event.confidence,
                .timestamp_usec = e->event.timestamp_usec,
                .camera = manager_camera_number(m),
                .box = e->event.box,
                .is_static = e->event.is_static,
                .n_scores = e->has_scores && m->report ? m->report->n_labels : 0,
                .scores = e->scores,
        };

        if (c && claim_wants_camera(c, change.camera))
                claims_change(m->claims, c, &change, clock_usec());
}

static void tell_presence(struct manager *m, struct claim *c, const struct face_event *event)
{
        void (*tell)(void *, struct claim *, const struct face_event *, unsigned) =
                event->kind == FACE_APPEARED   ? m->face.face_came
                : event->kind == FACE_VANISHED ? m->face.face_went
                                               : m->face.face_turned;
        unsigned camera = manager_camera_number(m);

        if (claim_wants_camera(c, camera) && claims_is_news(m->claims, c, event) && tell)
                tell(m->face.userdata, c, event, camera);
}

static void on_presence(struct manager *m, const struct face_event *event)
{
        if (event->kind == FACE_VANISHED)
                claims_face_vanished(m->claims, event->face);
        for (size_t i = 0; i < CLAIMS_MAX; i++) {
                struct claim *c = claims_at(m->claims, i);

                if (c)
                        tell_presence(m, c, event);
        }
}

static void take_events(struct manager *m)
{
        struct worker_event e;

        while (m->worker && worker_pop_event(m->worker, &e)) {
                m->n_events++;
                /* the first event of a new engine may overtake its report */
                take_reports_until(m, e.engine_serial);
                if (e.event.kind != FACE_EMOTION_CHANGED)
                        on_presence(m, &e.event);
                else if (m->report && e.engine_serial == m->report->serial)
                        on_change(m, &e);
        }
}

static void take_summaries(struct manager *m)
{
        struct summary_note *note;

        if (m->cameras.active) {
                snprintf(m->watched.device, sizeof(m->watched.device), "%s", m->cameras.active->device);
                m->watched.number = m->cameras.active->number;
        }
        while ((note = worker_take_summary(m->worker))) {
                struct claim *c = claims_by_first_number(m->claims, note->claim);
                struct camera *camera = cameras_find_device(&m->cameras, note->device);
                unsigned number = camera                                         ? camera->number
                                  : strcmp(note->device, m->watched.device) == 0 ? m->watched.number
                                                                                 : 0;

                if (c && claim_wants_camera(c, number) && m->face.summary)
                        m->face.summary(m->face.userdata, c, note, number);
                free(note);
        }
}

void manager_dispatch(struct manager *m)
{
        struct preview_job preview;
        struct picture_job job;

        if (!m->worker)
                return;
        worker_clear_fd(m->worker);
        /* the camera first: what the events say belongs to it */
        cameras_follow(&m->cameras, manager_snapshot(m), &m->face.cameras);
        take_events(m);
        take_summaries(m);
        while (take_report(m))
                ;
        while (worker_pop_picture(m->worker, &job)) {
                m->n_pictures--;
                take_reports_until(m, job.engine_serial);
                if (m->face.picture_done)
                        m->face.picture_done(m->face.userdata, &job);
        }
        while (worker_pop_preview(m->worker, &preview)) {
                if (m->face.preview_done)
                        m->face.preview_done(m->face.userdata, &preview);
                fd_close(preview.fd);
        }
        update_view(m, 0);
}

int manager_set_devices(struct manager *m, const struct camera_device *devices, size_t n)
{
        int r = cameras_update(&m->cameras, devices, n, &m->face.cameras);

        if (r < 0)
                return r;
        if (m->worker)
                cameras_follow(&m->cameras, manager_snapshot(m), &m->face.cameras);
        m->wish.hotplug++;
        send_wish(m);
        update_view(m, 0); /* a claim may have lost its camera */
        return 0;
}

bool manager_replays(const struct manager *m)
{
        return m->settings->camera.replay[0] != '\0';
}

/* === What clients ask === */

/* Of so many places one in eight is kept for root and service.reserved_user. */
static unsigned kept_places(int all)
{
        return (unsigned)all / 8;
}

static bool is_reserved(const struct manager *m, uid_t uid)
{
        if (uid == CLAIM_UID_UNKNOWN)
                return false;
        return uid == 0 || uid == geteuid() ||
               uid == m->settings->reserved_uid; /* the service's own: as peer_is_trusted() */
}

unsigned manager_picture_share(const struct manager *m, uid_t uid)
{
        unsigned all = (unsigned)m->settings->service.max_pictures;

        return is_reserved(m, uid) ? all : MAX((all - kept_places((int)all)) / 2, 1u);
}

int manager_claim(struct manager *m, const char *owner, uid_t uid, const struct claim_options *options,
                  struct claim **ret)
{
        const struct claim_limits limits = { .all = (unsigned)m->settings->service.max_claims,
                                             .per_user = (unsigned)m->settings->service.max_claims_per_user,
                                             .kept = kept_places(m->settings->service.max_claims),
                                             .may_use_kept = is_reserved(m, uid) };
        int r;

        if (!m->enabled)
                return -EPERM;
        r = claims_set(m->claims, owner, uid, options, &limits, ret);
        if (r < 0)
                return r;
        if (r > 0)
                (*ret)->since_usec = clock_usec();
        send_wish(m);
        update_view(m, 0);
        return r;
}

void manager_tell_view(struct manager *m, struct claim *c)
{
        const struct worker_snapshot *s = manager_snapshot(m);

        for (size_t i = 0; i < s->n_faces; i++) {
                const struct face *face = &s->faces[i];
                struct face_event event = { .kind = FACE_APPEARED,
                                            .face = face->id,
                                            .from = EMOTION_UNSURE,
                                            .to = EMOTION_UNSURE,
                                            .timestamp_usec = face->since_usec,
                                            .box = face->box,
                                            .is_static = face->is_static };

                tell_presence(m, c, &event);
                if (!face->facing)
                        continue;
                event.kind = FACE_ATTENTION_CHANGED;
                event.timestamp_usec = face->seen_usec;
                event.facing = true;
                event.pose = face->pose;
                tell_presence(m, c, &event);
        }
}

int manager_release(struct manager *m, const char *owner)
{
        struct claim *c = claims_find(m->claims, owner);

        if (!c)
                return -ENOENT;
        claims_drop(m->claims, c);
        send_wish(m);
        update_view(m, 0);
        return 0;
}

/* The time has come, or has passed, at which the camera is closed. */
static void run_hours(struct manager *m)
{
        bool closed = is_closed_now(m);

        m->hours_usec = clock_usec() + HOURS_CHECK_USEC;
        if (closed == m->closed)
                return;
        m->closed = closed;
        log_notice(closed ? "the camera is closed by camera.closed_hours"
                          : "the hours of camera.closed_hours are over");
        send_wish(m);
        update_view(m, 0);
}

void manager_run(struct manager *m)
{
        claims_run(m->claims, clock_usec());
        run_hours(m);
}

uint64_t manager_next_usec(const struct manager *m)
{
        uint64_t claims_usec = claims_next_usec(m->claims);

        return m->settings->closed.n ? MIN(claims_usec, m->hours_usec) : claims_usec;
}

static int keep_enabled(const struct manager *m, bool enabled)
{
        char path[4096];
        int r = flag_path(m, path, sizeof(path)), fd;

        if (r == -ENOTDIR)
                return 0; /* no place given: by intent not kept */
        if (r < 0)
                return r;
        if (enabled)
                return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
                return -errno;
        r = fsync(fd) < 0 ? -errno : 0;
        close(fd);
        return r;
}

int manager_set_enabled(struct manager *m, bool enabled)
{
        if (m->enabled != enabled)
                log_notice(enabled ? "switched on" : "switched off, the camera stays closed");
        m->enabled = enabled;
        send_wish(m);
        update_view(m, 0);
        return keep_enabled(m, enabled);
}

int manager_reload(struct manager *m, uint64_t *ret_serial, struct settings_error *error)
{
        struct settings *s;
        int r = settings_load(m->config.config_file, m->config.config_optional, &m->config.override, &s, error);

        if (r < 0)
                return r;
        if (m->worker) {
                *ret_serial = m->reload_asked = worker_set_settings(m->worker, s);
                settings_unref(s);
                return 0;
        }
        settings_unref(m->settings);
        m->settings = s;
        m->closed = is_closed_now(m);
        update_view(m, MANAGER_ZONES | MANAGER_CLOSED_HOURS);
        return 1;
}

bool manager_is_reloading(const struct manager *m)
{
        return m->reload_asked > m->reload_done;
}

int manager_classify(struct manager *m, uid_t uid, int fd, double min_confidence, uint64_t *ret_id)
{
        struct picture_job job = { .id = m->last_picture + 1, .fd = fd, .min_confidence = min_confidence, .uid = uid };
        unsigned max;
        int r;

        if (!m->worker || !m->report || !m->report->ready)
                return -ENODEV;
        max = (unsigned)m->settings->service.max_pictures;
        if (m->n_pictures >= max - (is_reserved(m, uid) ? 0 : kept_places((int)max)))
                return -ENOBUFS;
        r = worker_push_picture(m->worker, &job);
        if (r < 0)
                return r;
        m->n_pictures++;
        *ret_id = ++m->last_picture;
        return 0;
}

int manager_preview(struct manager *m, uint64_t *ret_id)
{
        int r;

        if (!m->settings->privacy.allow_preview)
                return -EACCES;
        if (!m->enabled)
                return -EPERM;
        if (!m->worker || m->view.state != MANAGER_WATCHING)
                return -ENODEV;
        if (!ret_id)
                return -ENOBUFS;
        r = worker_push_preview(m->worker, m->last_preview + 1);
        if (r >= 0)
                *ret_id = ++m->last_preview;
        return r;
}

bool manager_check_alive(struct manager *m, uint64_t now, uint64_t tick_usec)
{
        const struct worker_snapshot *s = manager_snapshot(m);
        bool answered = s->wish_serial >= m->asked_serial;

        if (!m->worker)
                return true;
        if (s->state != STREAM_STREAMING || s->stats.n_frames != m->seen_frames || s->n_opens != m->seen_opens)
                m->flowed_usec = now;
        m->seen_frames = s->stats.n_frames;
        m->seen_opens = s->n_opens;
        /* an unanswered question is not asked again, so that a worker that is late by one tick is found out */
        if (answered) {
                send_wish(m);
                m->asked_serial = m->wish.serial;
        }
        return answered && now - m->flowed_usec <= settings_stall_usec(m->settings, s->info.frame_rate_hz) + tick_usec;
}

/* === Looking in === */

const struct manager_view *manager_get_view(const struct manager *m)
{
        return &m->view;
}

const struct settings *manager_get_settings(const struct manager *m)
{
        return m->settings;
}

const struct engine_report *manager_get_report(const struct manager *m)
{
        return m->report;
}

struct cameras *manager_get_cameras(struct manager *m)
{
        return &m->cameras;
}

void manager_count_frames(struct manager *m)
{
        cameras_count(&m->cameras, manager_snapshot(m));
}

struct claims *manager_get_claims(struct manager *m)
{
        return m->claims;
}

uint64_t manager_n_events(const struct manager *m)
{
        return m->n_events;
}

uint64_t manager_n_events_lost(const struct manager *m)
{
        return m->worker ? worker_get_events_lost(m->worker) : 0;
}

unsigned manager_camera_number(const struct manager *m)
{
        return m->cameras.active ? m->cameras.active->number : 0;
}
