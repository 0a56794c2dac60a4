/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* worker.h made of variables: what it says is what the test wrote here. */

#include "daemon/worker.h"

struct worker {
        struct worker_snapshot snapshot;
        struct worker_wish wish; /* the last one */
        struct settings *settings;
        uint64_t settings_serial;
        struct engine_report *report, *next_report; /* handed over once */
        struct summary_note *summary;               /* so is this */
        struct worker_event events[256];
        size_t n_events, next_event;
        struct picture_job jobs[WORKER_MAX_PICTURES]; /* pushed */
        size_t n_jobs, n_answered;
        uint64_t previews[WORKER_MAX_PREVIEWS]; /* asked for */
        size_t n_previews, n_shown, n_to_show;
        struct preview_job preview; /* the answer to each; its descriptor is copied */
        size_t n_answers;           /* how many of them may be popped */
};

struct engine_report *fake_report(struct settings *s, uint64_t serial);
