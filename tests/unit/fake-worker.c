/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "tests/unit/fake-worker.h"

struct engine_report *fake_report(struct settings *s, uint64_t serial)
{
        struct engine_report *r = calloc(1, sizeof(*r));

        r->serial = serial;
        r->settings = settings_ref(s);
        r->ready = true;
        r->model_file = strdup("/m.onnx");
        r->n_labels = 3;
        r->labels[0] = strdup("happiness");
        r->labels[1] = strdup("sadness");
        r->labels[2] = strdup("neutral");
        r->n_plugins = 1;
        r->plugins = calloc(1, sizeof(*r->plugins));
        r->plugins[0].name = strdup("box");
        r->plugins[0].file = strdup("/x/box.so");
        r->plugins[0].aligner = r->plugins[0].used_aligner = true;
        return r;
}

int worker_get_fd(const struct worker *w)
{
        return -1;
}

void worker_clear_fd(struct worker *w)
{
}

uint64_t worker_set_wish(struct worker *w, const struct worker_wish *wish)
{
        uint64_t serial = w->wish.serial + 1;

        w->wish = *wish;
        w->wish.serial = serial;
        return serial;
}

uint64_t worker_set_settings(struct worker *w, struct settings *settings)
{
        settings_unref(w->settings);
        w->settings = settings_ref(settings);
        return ++w->settings_serial;
}

int worker_push_picture(struct worker *w, const struct picture_job *job)
{
        if (w->n_jobs >= WORKER_MAX_PICTURES)
                return -ENOBUFS;
        w->jobs[w->n_jobs++] = *job;
        return 0;
}

const struct worker_snapshot *worker_get_snapshot(struct worker *w)
{
        return &w->snapshot;
}

bool worker_pop_event(struct worker *w, struct worker_event *ret)
{
        if (w->next_event >= w->n_events)
                return false;
        *ret = w->events[w->next_event++];
        return true;
}

bool worker_pop_picture(struct worker *w, struct picture_job *ret)
{
        if (w->n_answered >= w->n_answers)
                return false;
        *ret = w->jobs[w->n_answered++];
        fd_close(ret->fd);
        ret->fd = -1;
        return true;
}

int worker_push_preview(struct worker *w, uint64_t id)
{
        if (w->n_previews - w->n_shown >= WORKER_MAX_PREVIEWS)
                return -ENOBUFS;
        w->previews[w->n_previews++ % WORKER_MAX_PREVIEWS] = id;
        return 0;
}

bool worker_pop_preview(struct worker *w, struct preview_job *ret)
{
        if (w->n_shown >= w->n_to_show)
                return false;
        *ret = w->preview;
        ret->id = w->previews[w->n_shown++ % WORKER_MAX_PREVIEWS];
        ret->fd = w->preview.fd >= 0 ? dup(w->preview.fd) : -1;
        return true;
}

struct engine_report *worker_take_report(struct worker *w)
{
        struct engine_report *r = w->report;

        w->report = STEAL(w->next_report);
        return r;
}

struct summary_note *worker_take_summary(struct worker *w)
{
        return STEAL(w->summary);
}

uint64_t worker_get_events_lost(struct worker *w)
{
        return 0;
}
