/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What a run leaves in its folder: log.csv, checkpoint, best.onnx and last.onnx.
 */

#include "train/model/export.h"
#include "train/run/trainer.h"

struct run_files {
        char log[4096], checkpoint[4096], best[4096], last[4096]; /* paths */
};

/* Makes the folder @out if it is missing. Return: 0 or negative errno, with a message. */
int run_files_open(struct run_files *f, const char *out);

/**
 * run_files_check() - whether the network can be written at all, before it is trained
 * @info: of a classifier; a task has its own
 * Return: 0; -EOPNOTSUPP a layer that cannot be written; -ENOMEM.
 */
int run_files_check(struct trainer *t, const struct export_info *info);

/**
 * run_files_save() - after trainer_finish_epoch()
 * @best_before: t->best_accuracy before that epoch
 *
 * Each file is tried, whatever becomes of the others. If best.onnx cannot be written t->best_accuracy stays at
 * @best_before, so that the file is the best of those that could be.
 * Return: 0, or the first negative errno, with a message.
 */
int run_files_save(const struct run_files *f, struct trainer *t, const struct export_info *info, double best_before);
