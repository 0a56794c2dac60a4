/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "basic/log.h"
#include "daemon/engine.h"
#include "daemon/mailbox.h"
#include "daemon/picture-reader.h"
#include "daemon/preview.h"
#include "basic/utf8.h"
#include "daemon/worker.h"

#define RETRY_FIRST_USEC 500000u
#define RETRY_MAX_USEC 10000000u
#define WAIT_FRAME_USEC 1000000u
#define RATE_WINDOW_USEC 1000000u

/* Settings on their way to the worker's thread. */
struct order {
        uint64_t serial;
        struct settings *settings; /* owned; NULL: none, or those that were here are being loaded */
        bool quit;
};

struct worker {
        /* the mailbox, used by both threads */
        struct bell to_worker, to_main;
        struct slot wishes, snapshots, orders;
        struct queue events, answers, previews, shown, reports;
        struct picture_reader *reader;

        /* main thread only */
        pthread_t thread;
        bool started;
        uint64_t last_wish, last_order;
        struct worker_wish *outgoing;
        struct order *order_out;
        struct worker_snapshot *front;

        /* set before the thread starts */
        struct worker_config config;
        char *plugin_dir, *model_dirs[8];

        /* worker thread only */
        struct worker_wish *wish;
        struct order *order;
        struct worker_snapshot *back;
        struct worker_snapshot now; /* what is published next */
        struct engine *engine;
        struct settings *current;
        struct source *source;
        char opened[256]; /* the wish or setting that the source was opened for */
        bool ended;
        uint64_t last_report, last_frame_usec, retry_usec, backoff_usec, seen_hotplug;
        uint64_t last_timestamp_usec; /* of a frame; a fast replay runs ahead of the clock */
        uint64_t rate_since_usec, rate_frames;
        struct source_stats stats_base;
        struct pipeline_stats pipeline_base;
        uint64_t pipeline_lost, pipeline_lost_base;
        uint64_t listening[PIPELINE_MAX_LISTENERS];          /* the claim that each listener of the engine is for */
        struct decision_rules rules[PIPELINE_MAX_LISTENERS]; /* as the engine was told */
};

static uint64_t clock_usec(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* === The worker's thread: telling === */

static void publish(struct worker *w, bool ring)
{
        *w->back = w->now;
        w->back = slot_put(&w->snapshots, w->back);
        if (ring)
                bell_ring(&w->to_main);
}

static void set_state(struct worker *w, enum stream_state state, int error, const char *text)
{
        w->now.state = state;
        w->now.error = error;
        snprintf(w->now.error_text, sizeof(w->now.error_text), "%s", text);
        utf8_clean(w->now.error_text);
        publish(w, true);
}

static const struct face *face_by_id(const struct pipeline_result *r, uint32_t id)
{
        for (size_t i = 0; i < r->n_faces; i++)
                if (r->faces[i].id == id)
                        return &r->faces[i];
        return NULL;
}

static void tell_result(struct worker *w, const struct pipeline_result *r)
{
        for (size_t i = 0; i < r->n_events; i++) {
                struct worker_event e = { .engine_serial = w->engine->serial, .event = r->events[i] };
                const struct face *face = face_by_id(r, e.event.face);

                if (e.event.kind == FACE_EMOTION_CHANGED) {
                        /* listener 0 decides what GetFaces says; nobody is told of it */
                        if (e.event.listener == 0)
                                continue;
                        e.claim = w->listening[e.event.listener];
                }
                e.has_scores = face;
                if (face)
                        memcpy(e.scores, face->scores, sizeof(e.scores));
                queue_push(&w->events, &e);
        }
        w->now.n_faces = MIN(r->n_faces, ARRAY_LEN(w->now.faces));
        if (w->now.n_faces)
                memcpy(w->now.faces, r->faces, w->now.n_faces * sizeof(w->now.faces[0]));
        w->pipeline_lost = r->n_events_lost;
        w->now.n_pipeline_events_lost = w->pipeline_lost_base + r->n_events_lost;
}

static void add_pipeline_stats(struct worker *w, const struct pipeline_stats *s)
{
        const struct pipeline_stats *b = &w->pipeline_base;

        w->now.pipeline = (struct pipeline_stats){
                .n_frames = b->n_frames + s->n_frames,
                .n_detections = b->n_detections + s->n_detections,
                .n_plugin_errors = b->n_plugin_errors + s->n_plugin_errors,
                .detect_nsec = b->detect_nsec + s->detect_nsec,
                .align_nsec = b->align_nsec + s->align_nsec,
                .crop_nsec = b->crop_nsec + s->crop_nsec,
                .classify_nsec = b->classify_nsec + s->classify_nsec,
                .track_nsec = b->track_nsec + s->track_nsec,
        };
}

static void refresh_stats(struct worker *w)
{
        struct source_stats s = { 0 };
        struct pipeline_stats none = { 0 };

        if (w->source)
                s = source_get_stats(w->source);
        w->now.stats.n_frames = w->stats_base.n_frames + s.n_frames;
        w->now.stats.n_dropped = w->stats_base.n_dropped + s.n_dropped;
        w->now.stats.n_corrupt = w->stats_base.n_corrupt + s.n_corrupt;
        none = w->engine ? pipeline_get_stats(w->engine->pipeline) : none;
        add_pipeline_stats(w, &none);
}

/* === The worker's thread: camera === */

static bool close_source(struct worker *w)
{
        struct pipeline_result r = { 0 };

        if (!w->source)
                return false;
        refresh_stats(w);
        w->stats_base = w->now.stats;
        w->source = source_free(w->source);
        if (w->engine) {
                pipeline_flush(w->engine->pipeline, MAX(clock_usec(), w->last_timestamp_usec), &r);
                tell_result(w, &r);
        }
        w->now.n_faces = 0;
        w->now.measured_fps = 0;
        return true;
}

static void fail_source(struct worker *w, int error, const char *text)
{
        bool news = strcmp(w->now.error_text, text) != 0;

        close_source(w);
        w->backoff_usec = w->backoff_usec ? MIN(w->backoff_usec * 2, (uint64_t)RETRY_MAX_USEC) : RETRY_FIRST_USEC;
        w->retry_usec = clock_usec() + w->backoff_usec;
        log_full(news ? LOG_WARNING : LOG_DEBUG, 0, "%s", text);
        set_state(w, error == -EBUSY ? STREAM_BUSY : STREAM_ERROR, error, text);
}

static const char *device_for(const struct worker *w)
{
        if (w->current->camera.replay[0])
                return w->current->camera.replay;
        return w->wish->device[0] ? w->wish->device : w->current->camera.device;
}

static void open_source(struct worker *w)
{
        const struct settings *s = w->current;
        struct source_error error = { "" };
        struct source_config c = {
                .device = device_for(w),
                .replay = s->camera.replay[0] != '\0',
                .width_px = (unsigned)s->camera.width_px,
                .height_px = (unsigned)s->camera.height_px,
                .frame_rate_hz = s->camera.frame_rate_hz,
                .pixel_format = settings_pixel_format(s),
                .want_bgr = pipeline_wants_bgr(w->engine->pipeline),
                .pace = (enum source_pace)s->camera.replay_pace,
                .loop = s->camera.replay_loop,
        };
        int r;

        snprintf(w->opened, sizeof(w->opened), "%s", c.device);
        /* between two attempts the state stays "error": a client shall not see it flap */
        if (w->now.state == STREAM_CLOSED || w->now.state == STREAM_ENDED)
                set_state(w, STREAM_STARTING, 0, "");
        r = source_open(&c, &w->source, &error);
        if (r < 0) {
                if (strcmp(c.device, "auto") != 0)
                        snprintf(w->now.info.device, sizeof(w->now.info.device), "%s", c.device);
                if (!error.text[0])
                        snprintf(error.text, sizeof(error.text), "%.200s: %s", c.device, strerror(-r));
                fail_source(w, r, error.text);
                return;
        }
        w->now.info = *source_get_info(w->source);
        w->now.n_opens++;
        w->last_timestamp_usec = 0;
        w->last_frame_usec = w->rate_since_usec = clock_usec();
        w->rate_frames = 0;
        log_info("%s (%s): %ux%u %s", w->now.info.device, w->now.info.name, w->now.info.width_px, w->now.info.height_px,
                 w->now.info.format);
        set_state(w, STREAM_STREAMING, 0, "");
}

static void measure_rate(struct worker *w, uint64_t now)
{
        w->rate_frames++;
        w->last_frame_usec = now;
        if (now - w->rate_since_usec < RATE_WINDOW_USEC)
                return;
        w->now.measured_fps = (double)w->rate_frames * 1e6 / (double)(now - w->rate_since_usec);
        w->rate_since_usec = now;
        w->rate_frames = 0;
}

/* Answers whoever asked for a picture, by @f; NULL: there will be none. */
static void answer_previews(struct worker *w, const struct frame *f, const struct pipeline_result *result)
{
        struct preview_job *job;
        bool any = false;

        while (queue_pop(&w->previews, &job)) {
                job->result = -ENODEV;
                job->engine_serial = w->engine ? w->engine->serial : 0;
                if (f)
                        preview_fill(job, f, result->faces, result->n_faces, result->timestamp_usec);
                if (queue_push(&w->shown, &job) < 0) {
                        fd_close(job->fd);
                        free(job);
                }
                any = true;
        }
        if (any)
                bell_ring(&w->to_main);
}

static void use_frame(struct worker *w, struct frame *f)
{
        struct pipeline_result result = { 0 };
        int r;

        w->last_timestamp_usec = f->timestamp_usec;
        if (!f->gray) { /* nobody is in view, and it was not time to look */
                source_release(w->source, f);
                measure_rate(w, clock_usec());
                refresh_stats(w);
                publish(w, false);
                return;
        }
        r = pipeline_process(w->engine->pipeline, f, &result);
        answer_previews(w, f, &result);
        source_release(w->source, f);
        w->backoff_usec = 0;
        measure_rate(w, clock_usec());
        if (r >= 0)
                tell_result(w, &result);
        else
                log_debug("a frame could not be used: %s", strerror(-r));
        refresh_stats(w);
        publish(w, result.n_events > 0);
}

static void stream(struct worker *w, bool hurry)
{
        struct source_error error = { "" };
        struct frame f = { 0 };
        int r;

        /* whoever aims the camera wants each picture */
        source_rest_until(w->source, queue_length(&w->previews) ? 0 : pipeline_rests_until(w->engine->pipeline));
        r = source_next(w->source, hurry ? -1 : w->to_worker.fd, hurry ? 50000 : WAIT_FRAME_USEC, &f, &error);
        if (r > 0) {
                use_frame(w, &f);
        } else if (r == -ECANCELED) {
                return;
        } else if (r == 0) {
                uint64_t patience = settings_stall_usec(w->current, w->now.info.frame_rate_hz);

                if (clock_usec() - w->last_frame_usec <= patience)
                        return;
                snprintf(error.text, sizeof(error.text), "%.180s: no frame for %llu ms", w->now.info.device,
                         (unsigned long long)patience / 1000);
                fail_source(w, -ETIMEDOUT, error.text);
        } else if (r == -ENODATA) {
                close_source(w);
                w->ended = true;
                log_info("%s: the end", w->now.info.device);
                set_state(w, STREAM_ENDED, 0, "");
        } else {
                if (!error.text[0])
                        snprintf(error.text, sizeof(error.text), "%.180s: %s", w->now.info.device, strerror(-r));
                fail_source(w, r, error.text);
        }
}

/* === The worker's thread: obeying === */

static void apply_listeners(struct worker *w)
{
        for (unsigned i = 1; w->engine && i < PIPELINE_MAX_LISTENERS; i++) {
                uint64_t wanted = w->wish->listeners[i].claim;
                const struct decision_rules *rules = &w->wish->listeners[i].rules;

                if (wanted == w->listening[i] && memcmp(rules, &w->rules[i], sizeof(*rules)) == 0)
                        continue;
                /* dropped first, so that a new claim hears of every known face; other rules for the same claim, which a
                 * reload brings, leave what was decided and told */
                if (w->listening[i] && wanted != w->listening[i])
                        pipeline_drop_listener(w->engine->pipeline, i);
                w->listening[i] = wanted;
                w->rules[i] = *rules;
                if (wanted && pipeline_set_listener(w->engine->pipeline, i, rules) < 0)
                        log_warning("a claim cannot be heard");
        }
}

static void take_wish(struct worker *w)
{
        uint64_t before = w->wish->serial;

        w->wish = slot_take(&w->wishes, w->wish);
        if (w->wish->serial == before)
                return;
        if (w->wish->hotplug != w->seen_hotplug) {
                w->seen_hotplug = w->wish->hotplug;
                w->retry_usec = w->backoff_usec = 0;
        }
        apply_listeners(w);
        if (!w->wish->watch || (w->source && strcmp(w->opened, device_for(w)) != 0)) {
                w->ended = false;
                w->retry_usec = w->backoff_usec = 0;
                close_source(w);
                if (w->now.state != STREAM_CLOSED)
                        set_state(w, STREAM_CLOSED, 0, "");
        }
        w->now.wish_serial = w->wish->serial;
        publish(w, false);
}

static void swap_engine(struct worker *w, struct engine *e, struct settings *s)
{
        struct pipeline_result r = { 0 };
        bool reopen = !w->current || memcmp(&w->current->camera, &s->camera, sizeof(s->camera)) != 0 || !e ||
                      !w->engine || pipeline_wants_bgr(w->engine->pipeline) != pipeline_wants_bgr(e->pipeline);

        if (reopen && close_source(w))
                set_state(w, STREAM_CLOSED, 0, "");
        if (w->engine) {
                pipeline_flush(w->engine->pipeline, MAX(clock_usec(), w->last_timestamp_usec), &r);
                tell_result(w, &r);
                refresh_stats(w);
                w->pipeline_base = w->now.pipeline;
                w->pipeline_lost_base += w->pipeline_lost;
                w->pipeline_lost = 0;
                engine_free(w->engine);
        }
        if (w->current != s) {
                settings_unref(w->current);
                w->current = settings_ref(s);
        }
        w->engine = e;
        w->ended = false;
        w->retry_usec = w->backoff_usec = 0;
        w->now.n_faces = 0;
        w->now.engine_serial = e ? e->serial : 0;
        memset(w->listening, 0, sizeof(w->listening));
        apply_listeners(w);
        refresh_stats(w);
}

/*
 * The report of a set that failed, while an older engine goes on: the failure is the new set's, all else the older
 * one's. What the main thread knows of model and labels stays true, so it keeps its report and takes the failure only.
 */
static struct engine_report *keep_old(struct worker *w, struct engine_report *report)
{
        report->kept = true;
        report->ready = true;
        report->serial = w->engine->serial;
        settings_unref(report->settings);
        report->settings = settings_ref(w->current);
        return report;
}

static bool take_settings(struct worker *w)
{
        _cleanup_(settings_unrefp) struct settings *s = NULL;
        struct engine_report *report = NULL;
        struct engine *e = NULL;
        int r;

        w->order = slot_take(&w->orders, w->order);
        if (w->order->quit)
                return false;
        /* who waits for a report must get it: while there is no room for another one, none is made */
        if (!w->order->settings || queue_length(&w->reports) >= WORKER_MAX_REPORTS)
                return true;
        s = STEAL(w->order->settings);
        r = engine_load(&w->config, s, &e, &report);
        if (r < 0) {
                log_error_errno(r, "the engine cannot be loaded: %m");
                return true;
        }
        if (!e && w->engine) {
                /* a set that cannot be loaded does not stop what works */
                report = keep_old(w, report);
        } else {
                report->serial = ++w->last_report;
                if (e)
                        e->serial = report->serial;
                swap_engine(w, e, s);
        }
        report->settings_serial = w->order->serial;
        queue_push(&w->reports, &report);
        publish(w, true);
        return true;
}

/* Return: true if there was one, and there may be more. */
static bool answer_picture(struct worker *w)
{
        struct loaded_picture *p = picture_reader_pop(w->reader, clock_usec());

        if (!p)
                return false;
        engine_classify(w->engine, p);
        if (queue_push(&w->answers, &p->job) >= 0)
                p->job = NULL;
        picture_reader_release(w->reader, p);
        bell_ring(&w->to_main);
        return true;
}

static void wait_for_bell(struct worker *w, uint64_t until_usec)
{
        struct pollfd p = { .fd = w->to_worker.fd, .events = POLLIN };
        uint64_t now = clock_usec();
        int timeout_ms = until_usec == UINT64_MAX ? -1 : until_usec <= now ? 0 : (int)((until_usec - now) / 1000 + 1);

        poll(&p, 1, timeout_ms);
}

static void *run(void *userdata)
{
        struct worker *w = userdata;

        for (;;) {
                bool hurry, wanted;

                bell_clear(&w->to_worker);
                if (!take_settings(w))
                        break;
                take_wish(w);
                hurry = answer_picture(w);
                wanted = w->wish->watch && w->engine && !w->ended;
                if (wanted && !w->source && clock_usec() >= w->retry_usec)
                        open_source(w);
                if (!w->source)
                        answer_previews(w, NULL, NULL);
                if (wanted && w->source)
                        stream(w, hurry);
                else if (!hurry)
                        wait_for_bell(w, MIN(wanted ? w->retry_usec : UINT64_MAX, picture_reader_next_usec(w->reader)));
        }
        close_source(w);
        w->engine = engine_free(w->engine);
        w->current = settings_unref(w->current);
        return NULL;
}

/* === The main thread's side === */

static int copy_config(struct worker *w, const struct worker_config *config)
{
        size_t n = 0;

        w->plugin_dir = strdup(config->plugin_dir);
        if (!w->plugin_dir)
                return -ENOMEM;
        for (; config->model_dirs[n]; n++) {
                if (n + 1 >= ARRAY_LEN(w->model_dirs))
                        return -E2BIG;
                w->model_dirs[n] = strdup(config->model_dirs[n]);
                if (!w->model_dirs[n])
                        return -ENOMEM;
        }
        if (n == 0)
                return -EINVAL;
        w->config =
                (struct worker_config){ .plugin_dir = w->plugin_dir, .model_dirs = (const char *const *)w->model_dirs };
        return 0;
}

static int make_mailbox(struct worker *w)
{
        struct worker_wish *wish = calloc(1, sizeof(*wish));
        struct worker_snapshot *snapshot = calloc(1, sizeof(*snapshot));
        struct order *order = calloc(1, sizeof(*order));
        int r;

        slot_init(&w->wishes, wish);
        slot_init(&w->snapshots, snapshot);
        slot_init(&w->orders, order);
        w->wish = calloc(1, sizeof(*w->wish));
        w->outgoing = calloc(1, sizeof(*w->outgoing));
        w->order = calloc(1, sizeof(*w->order));
        w->order_out = calloc(1, sizeof(*w->order_out));
        w->front = calloc(1, sizeof(*w->front));
        w->back = calloc(1, sizeof(*w->back));
        if (!wish || !snapshot || !order || !w->wish || !w->outgoing || !w->order || !w->order_out || !w->front ||
            !w->back)
                return -ENOMEM;
        r = queue_init(&w->events, sizeof(struct worker_event), WORKER_MAX_EVENTS);
        if (r >= 0)
                r = queue_init(&w->reports, sizeof(struct engine_report *), WORKER_MAX_REPORTS);
        if (r >= 0)
                r = queue_init(&w->answers, sizeof(struct picture_job *), 2 * WORKER_MAX_PICTURES);
        if (r >= 0)
                r = queue_init(&w->previews, sizeof(struct preview_job *), WORKER_MAX_PREVIEWS);
        if (r >= 0)
                r = queue_init(&w->shown, sizeof(struct preview_job *), 2 * WORKER_MAX_PREVIEWS);
        if (r >= 0)
                r = bell_init(&w->to_worker);
        if (r >= 0)
                r = bell_init(&w->to_main);
        if (r >= 0)
                r = picture_reader_new(&w->to_worker, NULL, &w->reader);
        return r;
}

int worker_new(const struct worker_config *config, struct settings *settings, struct worker **ret)
{
        _cleanup_(worker_freep) struct worker *w = calloc(1, sizeof(*w));
        sigset_t all, old;
        int r;

        if (!w)
                return -ENOMEM;
        w->to_worker.fd = w->to_main.fd = -1;
        r = make_mailbox(w);
        if (r >= 0)
                r = copy_config(w, config);
        if (r < 0)
                return r;
        worker_set_settings(w, settings);
        /* signals are the main thread's */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        r = -pthread_create(&w->thread, NULL, run, w);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (r < 0)
                return r;
        w->started = true;
        pthread_setname_np(w->thread, "emotiond-worker");
        *ret = STEAL(w);
        return 0;
}

static void free_jobs(struct queue *q)
{
        struct picture_job *job;

        while (q->items && queue_pop(q, &job)) {
                fd_close(job->fd);
                free(job);
        }
        queue_done(q);
}

static void free_previews(struct queue *q)
{
        struct preview_job *job;

        while (q->items && queue_pop(q, &job)) {
                fd_close(job->fd);
                free(job);
        }
        queue_done(q);
}

static void free_reports(struct queue *q)
{
        struct engine_report *report;

        while (q->items && queue_pop(q, &report))
                engine_report_free(report);
        queue_done(q);
}

static void free_order(struct order *o)
{
        if (o)
                settings_unref(o->settings);
        free(o);
}

/* What had not been looked at comes back and is dropped. */
static void put_order(struct worker *w)
{
        w->order_out = slot_put(&w->orders, w->order_out);
        w->order_out->settings = settings_unref(w->order_out->settings);
        bell_ring(&w->to_worker);
}

struct worker *worker_free(struct worker *w)
{
        if (!w)
                return NULL;
        if (w->started) {
                w->order_out->quit = true;
                put_order(w);
                pthread_join(w->thread, NULL);
        }
        w->reader = picture_reader_free(w->reader); /* before the bell that it rings */
        free(slot_done(&w->wishes));
        free(slot_done(&w->snapshots));
        free_order(slot_done(&w->orders));
        free_order(w->order);
        free_order(w->order_out);
        free_reports(&w->reports);
        free_jobs(&w->answers);
        free_previews(&w->previews);
        free_previews(&w->shown);
        queue_done(&w->events);
        bell_done(&w->to_worker);
        bell_done(&w->to_main);
        free(w->wish);
        free(w->outgoing);
        free(w->front);
        free(w->back);
        free(w->plugin_dir);
        for (size_t i = 0; i < ARRAY_LEN(w->model_dirs); i++)
                free(w->model_dirs[i]);
        free(w);
        return NULL;
}

int worker_get_fd(const struct worker *w)
{
        return w->to_main.fd;
}

void worker_clear_fd(struct worker *w)
{
        bell_clear(&w->to_main);
}

uint64_t worker_set_wish(struct worker *w, const struct worker_wish *wish)
{
        *w->outgoing = *wish;
        w->outgoing->serial = ++w->last_wish;
        w->outgoing = slot_put(&w->wishes, w->outgoing);
        bell_ring(&w->to_worker);
        return w->last_wish;
}

uint64_t worker_set_settings(struct worker *w, struct settings *settings)
{
        *w->order_out = (struct order){ .serial = ++w->last_order, .settings = settings_ref(settings) };
        put_order(w);
        return w->last_order;
}

int worker_push_picture(struct worker *w, const struct picture_job *job)
{
        return picture_reader_push(w->reader, job);
}

int worker_push_preview(struct worker *w, uint64_t id)
{
        struct preview_job *job = calloc(1, sizeof(*job));
        int r;

        if (!job)
                return -ENOMEM;
        job->id = id;
        job->fd = -1;
        r = queue_push(&w->previews, &job);
        if (r < 0) {
                free(job);
                return r;
        }
        bell_ring(&w->to_worker);
        return 0;
}

bool worker_pop_preview(struct worker *w, struct preview_job *ret)
{
        struct preview_job *job;

        if (!queue_pop(&w->shown, &job))
                return false;
        *ret = *job;
        free(job);
        return true;
}

const struct worker_snapshot *worker_get_snapshot(struct worker *w)
{
        w->front = slot_take(&w->snapshots, w->front);
        return w->front;
}

bool worker_pop_event(struct worker *w, struct worker_event *ret)
{
        return queue_pop(&w->events, ret);
}

bool worker_pop_picture(struct worker *w, struct picture_job *ret)
{
        struct picture_job *job;

        if (!queue_pop(&w->answers, &job))
                return false;
        *ret = *job;
        free(job);
        return true;
}

struct engine_report *worker_take_report(struct worker *w)
{
        struct engine_report *report;

        if (!queue_pop(&w->reports, &report))
                return NULL;
        bell_ring(&w->to_worker); /* it may have waited for room */
        return report;
}

uint64_t worker_get_events_lost(const struct worker *w)
{
        return queue_lost((struct queue *)(uintptr_t)&w->events);
}
