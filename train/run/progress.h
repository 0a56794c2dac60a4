/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What a person sees of a run: on a terminal one line that is rewritten, elsewhere one line an epoch.
 */

#include "train/run/trainer.h"

struct progress {
        bool terminal;
        double shown_at; /* seconds, monotonic */
        double started_at;
        uint64_t first_step;
};

/* Prints the network's size and starts the clock. */
void progress_begin(struct progress *p, const struct trainer *t);
void progress_batch(struct progress *p, const struct trainer *t);
/* After trainer_finish_epoch(). */
void progress_epoch(struct progress *p, const struct trainer *t);
/* Ends a line in progress. */
void progress_end(struct progress *p);

/* The finished epochs as CSV, written beside @path and renamed. Return: 0 or negative errno. */
int progress_write_log(const struct trainer *t, const char *path);
