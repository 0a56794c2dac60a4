/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The worker: one thread that owns camera, plugins, classifier and pipeline.
 *
 * Nothing is shared with it but whole objects that pass through a mailbox (mailbox.h). The main thread says what it
 * wishes, the worker makes it so and reports: a snapshot (the newest wins), events (a bounded queue, overflow is
 * counted), answers to pictures, and what it loaded. All functions here are for the main thread.
 */

#include "daemon/engine-report.h"
#include "daemon/messages.h"
#include "daemon/settings.h"

struct worker;

/**
 * worker_new() - start the thread and let it load an engine for @settings
 *
 * The first report comes when it is loaded. @config's strings are copied.
 * Return: 0; -ENOMEM; -EAGAIN and others: no thread, no descriptor.
 */
int worker_new(const struct engine_config *config, struct settings *settings, struct worker **ret);
/* Asks the thread to end, waits for it, closes everything. Accepts NULL; returns NULL. */
struct worker *worker_free(struct worker *w);
DEFINE_CLEANUP(struct worker *, worker_free)

/* Readable when there is something to fetch. Cleared by worker_clear_fd(), to be called before fetching. */
int worker_get_fd(const struct worker *w);
void worker_clear_fd(struct worker *w);

/* Copies @wish and gives it the next serial, which is returned. */
uint64_t worker_set_wish(struct worker *w, const struct worker_wish *wish);
/* Another engine, for these settings: answered by a report. A set not yet looked at is replaced: then the report of the
 * next one answers for both. Return: the serial of the set; worker_new() gave the first. */
uint64_t worker_set_settings(struct worker *w, struct settings *settings);
/* Takes over @job->fd on success. It is read by a thread of its own (picture-reader.h), and answered in any case.
 * Return: 0; -ENOBUFS when too many wait, or cannot be read; -ENOMEM. */
int worker_push_picture(struct worker *w, const struct picture_job *job);

/* Asks for the next frame. Return: 0; -ENOBUFS when WORKER_MAX_PREVIEWS wait; -ENOMEM. */
int worker_push_preview(struct worker *w, uint64_t id);

/* The newest snapshot; owned by the worker object, valid until the next call. */
const struct worker_snapshot *worker_get_snapshot(struct worker *w);
/* Return: true and *@ret, or false if there is none. */
bool worker_pop_event(struct worker *w, struct worker_event *ret);
bool worker_pop_picture(struct worker *w, struct picture_job *ret);
/* The caller closes @ret->fd. */
bool worker_pop_preview(struct worker *w, struct preview_job *ret);
/* The oldest report not yet taken, or NULL; none is lost. The caller frees it. */
struct engine_report *worker_take_report(struct worker *w);
/* The oldest bin of a claim's summaries not yet taken, or NULL. The caller frees it. */
struct summary_note *worker_take_summary(struct worker *w);
uint64_t worker_get_events_lost(struct worker *w);
