/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What a run leaves in its folder: log.csv, checkpoint, best.onnx and last.onnx.
 */

#include "train/run/trainer.h"

struct run_files {
        char log[4096], checkpoint[4096], best[4096], last[4096]; /* paths */
};

/* Makes the folder @out if it is missing. Return: 0 or negative errno, with a message. */
int run_files_open(struct run_files *f, const char *out);

/* The folder holds a log, a checkpoint or a model of a run. */
bool run_files_exist(const struct run_files *f);

/**
 * run_files_save() - after trainer_finish_epoch()
 * @best_before: t->best_accuracy before that epoch
 *
 * Each file is tried, whatever becomes of the others. If best.onnx cannot be written t->best_accuracy stays at
 * @best_before, so that the file is the best of those that could be.
 * Return: 0, or the first negative errno, with a message.
 */
int run_files_save(const struct run_files *f, struct trainer *t, double best_before);
