/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/clock.h"
#include "basic/macro.h"
#include "basic/replace-file.h"
#include "train/run/progress.h"

void progress_begin(struct progress *p, const struct trainer *t)
{
        size_t macs = 0;

        *p = (struct progress){ .terminal = isatty(STDOUT_FILENO),
                                .started_at = clock_seconds(),
                                .first_step = t->step };
        for (unsigned i = 0; i < t->net->n_layers; i++)
                macs += t->net->layers[i]->macs;
        printf("%zu parameters, %.1f MMAC, %zu rows to train on, %zu to validate, %s\n", net_n_learned(t->net),
               (double)macs * 1e-6, t->n_rows, t->task->n_valid, t->net->kernels->name);
        fflush(stdout);
}

static void time_left(const struct progress *p, const struct trainer *t, double *ret_rate, unsigned *ret_minutes)
{
        double done = (double)(t->step - p->first_step), spent = clock_seconds() - p->started_at;
        double left = (double)t->config.epochs * (double)t->n_batches - (double)t->step;

        *ret_rate = spent > 0 ? done * t->config.batch / spent : 0;
        *ret_minutes = done > 0 ? (unsigned)(left * spent / done / 60) : 0;
}

void progress_batch(struct progress *p, const struct trainer *t)
{
        double rate;
        unsigned minutes;

        if (!p->terminal || clock_seconds() - p->shown_at < 0.5)
                return;
        p->shown_at = clock_seconds();
        time_left(p, t, &rate, &minutes);
        printf("\r\033[Kepoch %u/%u, batch %zu/%zu, loss %.4f", t->epoch + 1, t->config.epochs, t->batch, t->n_batches,
               t->loss_sum / (double)MAX(t->batch, (size_t)1));
        if (t->epoch && trainer_validates(t))
                printf(", validation %.2f %%", 100 * t->history[t->epoch - 1].valid_accuracy);
        printf(", %.0f samples/s, %u:%02u h left", rate, minutes / 60, minutes % 60);
        fflush(stdout);
}

void progress_end(struct progress *p)
{
        if (p->terminal)
                printf("\n");
        fflush(stdout);
}

void progress_epoch(struct progress *p, const struct trainer *t)
{
        const struct trainer_record *r = &t->history[t->epoch - 1];
        double rate;
        unsigned minutes;

        time_left(p, t, &rate, &minutes);
        printf("%sepoch %u/%u: loss %.4f, accuracy %.2f %%", p->terminal ? "\r\033[K" : "", t->epoch, t->config.epochs,
               r->train_loss, 100 * r->train_accuracy);
        if (trainer_validates(t))
                printf("; validation loss %.4f, accuracy %.2f %% (best %.2f)", r->valid_loss, 100 * r->valid_accuracy,
                       100 * t->best_accuracy);
        printf("; %.0f samples/s, %u:%02u h left\n", rate, minutes / 60, minutes % 60);
        fflush(stdout);
}

int progress_write_log(const struct trainer *t, const char *path)
{
        _cleanup_(replace_file_done) struct replace_file f = { 0 };
        int r;

        r = replace_file_open(&f, path);
        if (r < 0)
                return r;
        fprintf(f.stream, "epoch,rate,train_loss,train_accuracy,valid_loss,valid_accuracy,seconds\n");
        for (unsigned i = 0; i < t->epoch; i++) {
                const struct trainer_record *h = &t->history[i];

                fprintf(f.stream, "%u,%.6g,%.5f,%.5f,%.5f,%.5f,%.2f\n", i + 1, h->rate, h->train_loss,
                        h->train_accuracy, h->valid_loss, h->valid_accuracy, h->seconds);
        }
        return replace_file_commit(&f);
}
