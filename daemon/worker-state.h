/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What the files of the worker share: worker.c is the main thread's side, worker-thread.c the thread, worker-camera.c
 * what the thread does with its camera. Which thread may touch what stands beside each member.
 */

#include <pthread.h>

#include "daemon/capture/strobe.h"
#include "daemon/engine.h"
#include "daemon/mailbox.h"
#include "daemon/mounting.h"
#include "daemon/worker.h"

/* Settings on their way to the worker's thread. */
struct order {
        uint64_t serial;
        struct settings *settings; /* owned; NULL: none, or those that were here are being loaded */
        bool quit;
};

struct worker_summary; /* worker-summary.c */

struct worker {
        /* the mailbox, used by both threads */
        struct bell to_worker, to_main;
        struct slot wishes, snapshots, orders;
        struct queue events, answers, previews, shown, reports, summaries;
        struct picture_reader *reader;

        /* main thread only */
        pthread_t thread;
        bool started;
        uint64_t last_wish, last_order;
        struct worker_wish *outgoing;
        struct order *order_out;
        struct worker_snapshot *front;

        /* set before the thread starts */
        struct engine_config config;
        char *plugin_dir, *decoder, *model_dirs[8];

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
        struct strobe strobe;
        struct mounting mounting;
        uint64_t last_timestamp_usec; /* of a frame; a fast replay runs ahead of the clock */
        uint64_t rate_since_usec, rate_frames;
        struct source_stats stats_base;
        struct pipeline_stats pipeline_base;
        uint64_t pipeline_lost, pipeline_lost_base;
        uint64_t listening[PIPELINE_MAX_LISTENERS];          /* the claim that each listener of the engine is for */
        struct decision_rules rules[PIPELINE_MAX_LISTENERS]; /* as the engine was told */
        struct worker_summary *summarised[PIPELINE_MAX_LISTENERS]; /* NULL: not wanted */
};

/* worker-thread.c: the thread itself. @userdata: the worker. */
void *worker_run(void *userdata);

/* All that follows is called by the thread alone. */

/* Puts the newest snapshot out; @ring: the main thread shall look at it at once. */
void worker_publish(struct worker *w, bool ring);
/* Another state of the stream, with a sentence ("": all is well); published. */
void worker_set_state(struct worker *w, enum stream_state state, int error, const char *text);
/* The faces and events of one frame. */
void worker_tell_result(struct worker *w, const struct pipeline_result *r);
void worker_refresh_stats(struct worker *w);

/* worker-camera.c */

/* What is to be opened: a file that is replayed, or the device that is wished, or that of the settings. */
const char *worker_device(const struct worker *w);
void worker_open_source(struct worker *w);
/* Every face vanishes. Return: false if none was open. */
bool worker_close_source(struct worker *w);
/* The next frame, waited for unless there is other work (@hurry), goes through the pipeline. */
void worker_stream(struct worker *w, bool hurry);
/* Answers whoever asked for a picture, by @f; NULL: there will be none. */
void worker_answer_previews(struct worker *w, const struct frame *f, const struct pipeline_result *result);

/* worker-summary.c */

/* Makes and drops summaries as the wish says. */
void worker_apply_summaries(struct worker *w);
/* Time passes to a frame; @r: NULL if nobody looked at it. */
void worker_pass_summaries(struct worker *w, uint64_t now_usec, const struct pipeline_result *r);
/* All faces vanished at @now_usec: the stream goes on, with other labels; or it does not. */
void worker_cut_summaries(struct worker *w, uint64_t now_usec);
void worker_end_summaries(struct worker *w, uint64_t now_usec);
void worker_free_summaries(struct worker *w);
