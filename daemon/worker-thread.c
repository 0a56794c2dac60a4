/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <string.h>

#include "basic/clock.h"
#include "basic/log.h"
#include "basic/utf8.h"
#include "daemon/worker-state.h"

/* === Telling === */

void worker_publish(struct worker *w, bool ring)
{
        *w->back = w->now;
        w->back = slot_put(&w->snapshots, w->back);
        if (ring)
                bell_ring(&w->to_main);
}

void worker_set_state(struct worker *w, enum stream_state state, int error, const char *text)
{
        w->now.state = state;
        w->now.error = error;
        snprintf(w->now.error_text, sizeof(w->now.error_text), "%s", text);
        utf8_clean(w->now.error_text);
        worker_publish(w, true);
}

static const struct face *face_by_id(const struct pipeline_result *r, uint32_t id)
{
        for (size_t i = 0; i < r->n_faces; i++)
                if (r->faces[i].id == id)
                        return &r->faces[i];
        return NULL;
}

void worker_tell_result(struct worker *w, const struct pipeline_result *r)
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

void worker_refresh_stats(struct worker *w)
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

/* === Obeying === */

static void apply_listeners(struct worker *w)
{
        for (unsigned i = 1; w->engine && i < PIPELINE_MAX_LISTENERS; i++) {
                uint64_t wanted = w->wish->listeners[i].claim;
                const struct decision_rules *rules = &w->wish->listeners[i].rules;

                if (wanted == w->listening[i] && decision_rules_equal(rules, &w->rules[i]))
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
        worker_apply_summaries(w);
        if (!w->wish->watch || (w->source && strcmp(w->opened, worker_device(w)) != 0)) {
                w->ended = false;
                w->retry_usec = w->backoff_usec = 0;
                worker_close_source(w);
                if (w->now.state != STREAM_CLOSED)
                        worker_set_state(w, STREAM_CLOSED, 0, "");
        }
        w->now.wish_serial = w->wish->serial;
        worker_publish(w, false);
}

static void swap_engine(struct worker *w, struct engine *e, struct settings *s)
{
        struct pipeline_result r = { 0 };
        bool reopen = !w->current || !settings_same_camera(w->current, s) || !e || !w->engine ||
                      pipeline_wants_bgr(w->engine->pipeline) != pipeline_wants_bgr(e->pipeline);

        if (reopen && worker_close_source(w))
                worker_set_state(w, STREAM_CLOSED, 0, "");
        if (w->engine) {
                /* a stream that goes on has the next frame soon, and it may have been taken before this moment */
                pipeline_flush(w->engine->pipeline,
                               w->source ? w->last_timestamp_usec : MAX(clock_usec(), w->last_timestamp_usec), &r);
                worker_tell_result(w, &r);
                worker_cut_summaries(w, r.timestamp_usec);
                worker_refresh_stats(w);
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
        worker_refresh_stats(w);
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
                picture_reader_set_colour(w->reader, engine_wants_bgr(e));
        }
        report->settings_serial = w->order->serial;
        queue_push(&w->reports, &report);
        worker_publish(w, true);
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

void *worker_run(void *userdata)
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
                        worker_open_source(w);
                if (!w->source)
                        worker_answer_previews(w, NULL, NULL);
                if (wanted && w->source)
                        worker_stream(w, hurry);
                else if (!hurry)
                        wait_for_bell(w, MIN(wanted ? w->retry_usec : UINT64_MAX, picture_reader_next_usec(w->reader)));
        }
        worker_close_source(w);
        w->engine = engine_free(w->engine);
        w->current = settings_unref(w->current);
        return NULL;
}
