/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/log.h"
#include "basic/utf8.h"
#include "daemon/vision/classifier.h"
#include "daemon/worker-state.h"

/* Of one listener, while its claim asks for summaries. */
struct worker_summary {
        struct worker *worker;
        uint64_t claim; /* its first number: other options for the same claim lose no time */
        struct summary summary;
};

static void copy_labels(const struct worker *w, struct summary_note *note)
{
        const struct classifier_info *info = w->engine ? classifier_get_info(w->engine->classifier) : NULL;

        note->n_labels = info ? info->n_labels : 0;
        for (size_t i = 0; i < note->n_labels; i++) {
                snprintf(note->labels[i], sizeof(note->labels[i]), "%s", info->labels[i]);
                utf8_clean(note->labels[i]);
        }
}

static int emit(void *userdata, const struct summary_bin *bin)
{
        struct worker_summary *ws = userdata;
        struct worker *w = ws->worker;
        struct summary_note *note;
        int r;

        if (queue_length(&w->summaries) >= WORKER_MAX_SUMMARIES)
                return -ENOBUFS;
        note = calloc(1, sizeof(*note) + bin->n_faces * sizeof(note->faces[0]));
        if (!note)
                return -ENOMEM;
        note->claim = ws->claim;
        note->begin_usec = bin->begin_usec;
        note->end_usec = bin->end_usec;
        note->n_faces = bin->n_faces;
        if (bin->n_faces)
                memcpy(note->faces, bin->faces, bin->n_faces * sizeof(note->faces[0]));
        snprintf(note->device, sizeof(note->device), "%s", w->now.info.device);
        copy_labels(w, note);
        r = queue_push(&w->summaries, &note);
        if (r < 0)
                free(note);
        else
                bell_ring(&w->to_main);
        return r;
}

static struct worker_summary *new_summary(struct worker *w, unsigned listener)
{
        struct worker_summary *ws = calloc(1, sizeof(*ws));

        if (!ws) {
                log_warning("there is no memory for the summaries of a claim");
                return NULL;
        }
        ws->worker = w;
        ws->claim = w->wish->listeners[listener].summary_claim;
        ws->summary.bin_ms = w->wish->listeners[listener].summary_ms;
        ws->summary.listener = listener;
        ws->summary.emit = emit;
        ws->summary.userdata = ws;
        return ws;
}

void worker_apply_summaries(struct worker *w)
{
        for (unsigned i = 1; i < PIPELINE_MAX_LISTENERS; i++) {
                struct worker_summary *ws = w->summarised[i];
                unsigned ms = w->wish->listeners[i].summary_ms;

                if (ws && ws->claim == w->wish->listeners[i].summary_claim && ws->summary.bin_ms == ms)
                        continue;
                if (ws) {
                        summary_end(&ws->summary, w->last_timestamp_usec);
                        free(ws);
                }
                w->summarised[i] = ms ? new_summary(w, i) : NULL;
        }
}

void worker_pass_summaries(struct worker *w, uint64_t now_usec, const struct pipeline_result *r)
{
        for (unsigned i = 1; i < PIPELINE_MAX_LISTENERS; i++)
                if (w->summarised[i])
                        summary_pass(&w->summarised[i]->summary, now_usec, r ? r->faces : NULL, r ? r->n_faces : 0);
}

void worker_cut_summaries(struct worker *w, uint64_t now_usec)
{
        for (unsigned i = 1; i < PIPELINE_MAX_LISTENERS; i++)
                if (w->summarised[i])
                        summary_cut(&w->summarised[i]->summary, now_usec);
}

void worker_end_summaries(struct worker *w, uint64_t now_usec)
{
        for (unsigned i = 1; i < PIPELINE_MAX_LISTENERS; i++)
                if (w->summarised[i])
                        summary_end(&w->summarised[i]->summary, now_usec);
}

void worker_free_summaries(struct worker *w)
{
        for (unsigned i = 0; i < PIPELINE_MAX_LISTENERS; i++)
                free(w->summarised[i]);
}
