/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * One training run: network, optimiser state, place in the epoch. Everything random is drawn from streams named by
 * seed, epoch and row, so a run is the same for any number of threads, and a checkpoint needs no generator state.
 */

#include "train/net/net.h"
#include "train/task/task.h"
#include "train/task/training.h"

/* One finished epoch. Plain numbers: a checkpoint stores it as it is. */
struct trainer_record {
        double rate, train_loss, train_accuracy, valid_loss, valid_accuracy, seconds;
};

struct trainer {
        struct net *net;   /* borrowed */
        struct task *task; /* borrowed */
        size_t n_rows;     /* of an epoch */
        struct training_config config;

        unsigned epoch;          /* in progress, from 0 */
        size_t batch, n_batches; /* next in the epoch; full batches of an epoch */
        uint64_t step;
        float rate; /* of this step, as are Adam's corrections of its two moments */
        float correction, second_correction;
        double loss_sum; /* over the batches of this epoch */
        uint64_t n_correct;
        double seconds;                     /* spent in this epoch */
        float *velocity, *second, *average; /* [n_floats]; second only for adam, average only if config.average */
        struct trainer_record *history;     /* [config.epochs] */
        double best_accuracy;               /* -1: none yet */
        uint64_t identity;                  /* of recipe and data, for checkpoints; 0: not looked at */

        size_t *order; /* [n_rows] of this epoch */
        bool shuffled; /* order is that of this epoch */
};

/* @task: has read its data and is prepared. Return: 0; -EINVAL too few rows for a batch; -ENOMEM. */
int trainer_new(struct net *net, const struct training_config *config, struct task *task, struct trainer **ret);
struct trainer *trainer_free(struct trainer *t);
static inline void trainer_freep(struct trainer **t)
{
        if (*t)
                trainer_free(*t);
}

/* Runs the network, as it is in use, on the batch at @first of this epoch's order; nothing is learned. */
void trainer_show(struct trainer *t, size_t first);

/* One batch. Return: 0, or -EDOM if the loss is no number: the run has diverged. */
int trainer_step(struct trainer *t);
/* The epoch's batches are done. */
bool trainer_epoch_done(const struct trainer *t);
/* There are rows to validate with; without them best_accuracy means nothing. */
bool trainer_validates(const struct trainer *t);
/* Validates, files the record and moves to the next epoch. Return: 0, or -EDOM if a weight is no number: the run has
 * diverged, and nothing has changed. */
int trainer_finish_epoch(struct trainer *t);
/* The weights to use: averaged if there are any. trainer_swap() exchanges them with net->w; call it in pairs. */
void trainer_swap(struct trainer *t);

/**
 * trainer_save() - all that is needed to go on, written beside @path, synced and renamed
 * trainer_load() - -EBADMSG a cut or foreign file, -ESTALE one of another recipe or data set; then @t is unchanged
 */
int trainer_save(const struct trainer *t, const char *path);
int trainer_load(struct trainer *t, const char *path);
/* The weights alone, averaged ones if there are any, into a network with the same layers; a head may be in only one of
 * the two. Return: 0; -EBADMSG no checkpoint, or cut; -ESTALE of another network; -ENOMEM; errno. */
int checkpoint_weights(const char *path, struct net *net);
