/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/macro.h"
#include "train/run/progress.h"
#include "train/run/run-files.h"

int run_files_open(struct run_files *f, const char *out)
{
        int r = 0;

        if (mkdir(out, 0777) < 0 && errno != EEXIST)
                r = -errno;
        else if (strlen(out) > sizeof(f->log) - 32)
                r = -ENAMETOOLONG;
        if (r < 0) {
                fprintf(stderr, "emotion-nn train: %s: %s\n", out, strerror(-r));
                return r;
        }
        snprintf(f->log, sizeof(f->log), "%s/log.csv", out);
        snprintf(f->checkpoint, sizeof(f->checkpoint), "%s/checkpoint", out);
        snprintf(f->best, sizeof(f->best), "%s/best.onnx", out);
        snprintf(f->last, sizeof(f->last), "%s/last.onnx", out);
        return 0;
}

bool run_files_exist(const struct run_files *f)
{
        const char *const paths[] = { f->log, f->checkpoint, f->best, f->last };

        for (size_t i = 0; i < ARRAY_LEN(paths); i++)
                if (access(paths[i], F_OK) == 0)
                        return true;
        return false;
}

/* Says why a file is not there. */
static int told(int r, const char *path)
{
        if (r < 0)
                fprintf(stderr, "emotion-nn train: cannot save %s: %s\n", path, strerror(-r));
        return r;
}

/* The weights to use as they are now, with what the task makes of them. */
static int export_models(const struct run_files *f, struct trainer *t, double best_before)
{
        const struct task_ops *ops = t->task->ops;
        bool best = t->best_accuracy > best_before || !trainer_validates(t);
        int r, r_last, r_best;

        trainer_swap(t);
        r = ops->calibrate ? ops->calibrate(t->task) : 0;
        r_last = r < 0 ? r : ops->export(t->task, f->last);
        r_best = r < 0 || !best ? r : ops->export(t->task, f->best);
        trainer_swap(t);
        if (told(r_best, f->best) < 0)
                t->best_accuracy = best_before;
        return told(r_last, f->last) < 0 ? r_last : r_best;
}

int run_files_save(const struct run_files *f, struct trainer *t, double best_before)
{
        int r = export_models(f, t, best_before);
        int r_log = told(progress_write_log(t, f->log), f->log);
        int r_checkpoint = told(trainer_save(t, f->checkpoint), f->checkpoint);

        return r < 0 ? r : r_log < 0 ? r_log : r_checkpoint;
}
