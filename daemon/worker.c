/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <string.h>

#include "basic/log.h"
#include "daemon/vision/plugin-record.h"
#include "daemon/worker-state.h"

/* Who ended the last run. Without it plugins are as good as ever. */
static void open_record(struct worker *w, const char *state_dir)
{
        struct timespec t;
        int r;

        clock_gettime(CLOCK_REALTIME, &t);
        r = plugin_record_open(state_dir, (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000, &w->config.record);
        if (r < 0)
                log_warning_errno(r, "%s: plugins that crash cannot be written down: %m", state_dir);
}

static int copy_config(struct worker *w, const struct engine_config *config)
{
        size_t n = 0;

        w->plugin_dir = strdup(config->plugin_dir);
        w->decoder = strdup(config->decoder);
        if (!w->plugin_dir || !w->decoder)
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
        w->config = (struct engine_config){ .plugin_dir = w->plugin_dir,
                                            .model_dirs = (const char *const *)w->model_dirs,
                                            .decoder = w->decoder };
        open_record(w, config->state_dir);
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
                r = queue_init(&w->summaries, sizeof(struct summary_note *), WORKER_MAX_SUMMARIES);
        if (r >= 0)
                r = bell_init(&w->to_worker);
        if (r >= 0)
                r = bell_init(&w->to_main);
        if (r >= 0)
                r = picture_reader_new(&w->to_worker, w->decoder, NULL, &w->reader);
        return r;
}

int worker_new(const struct engine_config *config, struct settings *settings, struct worker **ret)
{
        _cleanup_(worker_freep) struct worker *w = calloc(1, sizeof(*w));
        sigset_t all, old;
        int r;

        if (!w)
                return -ENOMEM;
        w->to_worker.fd = w->to_main.fd = -1;
        r = copy_config(w, config);
        if (r >= 0)
                r = make_mailbox(w);
        if (r < 0)
                return r;
        worker_set_settings(w, settings);
        /* signals are the main thread's */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        r = -pthread_create(&w->thread, NULL, worker_run, w);
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

static void free_summaries(struct queue *q)
{
        struct summary_note *note;

        while (q->items && queue_pop(q, &note))
                free(note);
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
        free_summaries(&w->summaries);
        worker_free_summaries(w);
        mounting_done(&w->mounting);
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
        plugin_record_close(w->config.record);
        free(w->plugin_dir);
        free(w->decoder);
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

struct summary_note *worker_take_summary(struct worker *w)
{
        struct summary_note *note;

        return queue_pop(&w->summaries, &note) ? note : NULL;
}

uint64_t worker_get_events_lost(struct worker *w)
{
        return queue_lost(&w->events);
}
