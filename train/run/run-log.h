/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The CSV log of a training run: a header that names the columns, then one row of numbers an epoch.
 */

#include "train/data/dataset.h"

#define RUN_LOG_MAX_COLUMNS 32
#define RUN_LOG_MAX_ROWS 100000

struct run_log {
        size_t n_columns, n_rows;
        char names[RUN_LOG_MAX_COLUMNS][32];
        double *values; /* [n_rows, n_columns]; NaN where a cell is empty */
};

/* Return: 0; -EBADMSG no such log, or cut (@error names file and line); -ENOMEM; errno. */
int run_log_read(const char *path, struct run_log *ret, struct dataset_error *error);
void run_log_done(struct run_log *l);
/* Index of a column, or -1. */
int run_log_column(const struct run_log *l, const char *name);
