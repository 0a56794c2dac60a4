/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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

static int write_model(struct trainer *t, const struct export_info *info, const char *path)
{
        return t->task ? t->task->ops->export(t->task, path) : export_net(t->net, info, path);
}

int run_files_check(struct trainer *t, const struct export_info *info)
{
        return write_model(t, info, NULL);
}

/* Says why a file is not there. */
static int told(int r, const char *path)
{
        if (r < 0)
                fprintf(stderr, "emotion-nn train: cannot save %s: %s\n", path, strerror(-r));
        return r;
}

/* The weights to use as they are now, their logits scaled so that the probabilities are worth their face value. */
static int export_models(const struct run_files *f, struct trainer *t, const struct export_info *info,
                         double best_before)
{
        struct export_info calibrated = *info;
        struct calibration calibration;
        bool best = t->best_accuracy > best_before || !trainer_validates(t);
        int r = 0, r_last, r_best;

        trainer_swap(t);
        if (!t->task) {
                r = trainer_calibrate(t, &calibration);
                calibrated.calibration = &calibration;
        }
        r_last = r < 0 ? r : write_model(t, &calibrated, f->last);
        r_best = r < 0 || !best ? r : write_model(t, &calibrated, f->best);
        trainer_swap(t);
        if (told(r_best, f->best) < 0)
                t->best_accuracy = best_before;
        return told(r_last, f->last) < 0 ? r_last : r_best;
}

int run_files_save(const struct run_files *f, struct trainer *t, const struct export_info *info, double best_before)
{
        int r = export_models(f, t, info, best_before);
        int r_log = told(progress_write_log(t, f->log), f->log);
        int r_checkpoint = told(trainer_save(t, f->checkpoint), f->checkpoint);

        return r < 0 ? r : r_log < 0 ? r_log : r_checkpoint;
}
