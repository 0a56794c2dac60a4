/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/clock.h"
#include "basic/log.h"
#include "daemon/preview.h"
#include "daemon/hidden.h"
#include "daemon/worker-state.h"

#define RETRY_FIRST_USEC 500000u
#define RETRY_MAX_USEC 10000000u
#define WAIT_FRAME_USEC 1000000u
#define RATE_WINDOW_USEC 1000000u

bool worker_close_source(struct worker *w)
{
        struct pipeline_result r = { 0 };

        if (!w->source)
                return false;
        worker_refresh_stats(w);
        w->stats_base = w->now.stats;
        w->source = source_free(w->source);
        if (w->engine) {
                pipeline_flush(w->engine->pipeline, MAX(clock_usec(), w->last_timestamp_usec), &r);
                worker_tell_result(w, &r);
                worker_end_summaries(w, r.timestamp_usec);
        }
        w->now.n_faces = 0;
        w->now.measured_fps = 0;
        return true;
}

static enum stream_state state_of(int error, bool replay)
{
        switch (error) {
        case -EBUSY:
                return STREAM_BUSY;
        case -ENOENT:
        case -ENODEV:
                return STREAM_MISSING;
        case -ETIMEDOUT:
                return STREAM_STALLED;
        default:
                return replay ? STREAM_UNREADABLE : STREAM_ERROR;
        }
}

static void fail_source(struct worker *w, int error, const char *text)
{
        bool news = strcmp(w->now.error_text, text) != 0;

        worker_close_source(w);
        w->backoff_usec = w->backoff_usec ? MIN(w->backoff_usec * 2, (uint64_t)RETRY_MAX_USEC) : RETRY_FIRST_USEC;
        w->retry_usec = clock_usec() + w->backoff_usec;
        log_full(news ? LOG_WARNING : LOG_DEBUG, 0, "%s", text);
        worker_set_state(w, state_of(error, w->current->camera.replay[0]), error, text);
}

const char *worker_device(const struct worker *w)
{
        if (w->current->camera.replay[0])
                return w->current->camera.replay;
        return w->wish->device[0] ? w->wish->device : w->current->camera.device;
}

static enum orientation orientation(const struct worker *w)
{
        return orient_of((unsigned)w->current->camera.rotate_deg, w->current->camera.mirror);
}

void worker_open_source(struct worker *w)
{
        const struct settings *s = w->current;
        struct source_error error = { "" };
        struct source_config c = {
                .device = worker_device(w),
                .replay = s->camera.replay[0] != '\0',
                .width_px = (unsigned)s->camera.width_px,
                .height_px = (unsigned)s->camera.height_px,
                .frame_rate_hz = s->camera.frame_rate_hz,
                .pixel_format = settings_pixel_format(s),
                .want_bgr = pipeline_wants_bgr(w->engine->pipeline),
                .controls = s->controls,
                .n_controls = s->n_controls,
                .pace = (enum source_pace)s->camera.replay_pace,
                .loop = s->camera.replay_loop,
        };
        int r;

        snprintf(w->opened, sizeof(w->opened), "%s", c.device);
        /* between two attempts the state stays "error": a client shall not see it flap */
        if (w->now.state == STREAM_CLOSED || w->now.state == STREAM_ENDED)
                worker_set_state(w, STREAM_STARTING, 0, "");
        r = source_open(&c, &w->source, &error);
        if (r < 0) {
                if (strcmp(c.device, "auto") != 0)
                        snprintf(w->now.info.device, sizeof(w->now.info.device), "%s", c.device);
                if (c.replay) {
                        size_t n = strlen(error.text);

                        snprintf(error.text + n, sizeof(error.text) - n, "%s", hidden_hint(c.device));
                }
                fail_source(w, r, error.text);
                return;
        }
        w->now.info = *source_get_info(w->source);
        if (orient_swaps(orientation(w))) {
                unsigned width_px = w->now.info.width_px;

                w->now.info.width_px = w->now.info.height_px;
                w->now.info.height_px = width_px;
        }
        w->now.n_opens++;
        w->last_timestamp_usec = 0;
        w->strobe = (struct strobe){ 0 };
        w->last_frame_usec = w->rate_since_usec = clock_usec();
        w->rate_frames = 0;
        log_info("%s (%s): %ux%u %s", w->now.info.device, w->now.info.name, w->now.info.width_px, w->now.info.height_px,
                 w->now.info.format);
        worker_set_state(w, STREAM_STREAMING, 0, "");
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

void worker_answer_previews(struct worker *w, const struct frame *f, const struct pipeline_result *result)
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

/* Cameras and clips may change the size of their pictures in the middle. */
static void follow_size(struct worker *w, const struct frame *f)
{
        struct source_info *info = &w->now.info;

        if (f->width_px == info->width_px && f->height_px == info->height_px)
                return;
        log_info("%s: %ux%u from now on", info->device, f->width_px, f->height_px);
        info->width_px = f->width_px;
        info->height_px = f->height_px;
        worker_publish(w, true);
}

static void use_frame(struct worker *w, struct frame *f)
{
        struct pipeline_result result = { 0 };
        struct frame shown = { 0 };
        int r;

        w->last_timestamp_usec = f->timestamp_usec;
        /* nobody is in view, and it was not time to look; or the lamp of an infrared camera was off */
        if (!f->gray || strobe_is_dark(&w->strobe, f)) {
                source_release(w->source, f);
                worker_pass_summaries(w, w->last_timestamp_usec, NULL);
                measure_rate(w, clock_usec());
                worker_refresh_stats(w);
                worker_publish(w, false);
                return;
        }
        r = mounting_turn(&w->mounting, orientation(w), f, &shown);
        if (r >= 0) {
                follow_size(w, &shown);
                r = pipeline_process(w->engine->pipeline, &shown, &result);
                worker_answer_previews(w, &shown, &result);
        }
        source_release(w->source, f);
        w->backoff_usec = 0;
        measure_rate(w, clock_usec());
        if (r >= 0)
                worker_tell_result(w, &result);
        else
                log_debug("a frame could not be used: %s", strerror(-r));
        worker_pass_summaries(w, r >= 0 ? result.timestamp_usec : w->last_timestamp_usec, r >= 0 ? &result : NULL);
        worker_refresh_stats(w);
        worker_publish(w, result.n_events > 0);
}

void worker_stream(struct worker *w, bool hurry)
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
                worker_close_source(w);
                w->ended = true;
                log_info("%s: the end", w->now.info.device);
                worker_set_state(w, STREAM_ENDED, 0, "");
        } else {
                fail_source(w, r, error.text);
        }
}
