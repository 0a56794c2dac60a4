/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The task "classify": a label for each picture, as numbers for each class. What its files share, and what tests look
 * at; a trainer knows no more of it than of other tasks.
 */

#include "nn/face-template.h"
#include "train/model/metrics.h"
#include "train/net/calibrate.h"
#include "train/task/distill.h"
#include "train/task/task.h"

/* Its keys in the group "training" of a recipe. */
struct classify_config {
        double label_smoothing; /* share spread over all classes */
        double votes;           /* share of the taggers' distribution in the target, the rest is the label */
        double votes_task;      /* weight of the loss of a second head that learns it; 0: none */
        double class_balance;   /* rows weigh count^-balance of their class, mean 1; 0: all the same */
        double mixup;           /* alpha of the Beta distribution; 0: none (Zhang et al. 2017, arXiv:1710.09412) */
        bool class_bias;        /* the exported network's classes are weighed to suit the labels; see calibrate.h */
        unsigned rows, validation_rows; /* the first so many; 0: all */
        struct distill_config distill;
};

struct classify {
        struct classify_config config;
        struct dataset *own_train, *own_valid;                /* that were read */
        const struct dataset *train, *valid;                  /* valid: NULL if there are no rows for it */
        char labels[DATASET_MAX_CLASSES * DATASET_LABEL_MAX]; /* with commas between */
        char face_template[FACE_TEMPLATE_TEXT];               /* of an aligned set, or "" */
        struct calibration calibration;
        bool calibrated;

        double weights[DATASET_MAX_CLASSES]; /* of a row by its class */
        float *target;                       /* [batch, classes] */
        float *vote_target;                  /* the same for the head, weighed; NULL without votes_task */
        float *said;                         /* what the teachers say of the batch, weighed; NULL without them */
        struct distill *distill;             /* NULL: no teachers */
        float **scratch;                     /* one a thread, for the augmentation */
        struct task_rows place;              /* of the batch that is loaded */
        size_t first;
};

/**
 * classify_use() - the data of a task that is configured, in place of reading them
 * @train, @valid: borrowed until the task ends; valid may be NULL
 * Return: 0; -EINVAL other classes than the network's, or votes are wanted that are not there (with a text).
 */
int classify_use(struct task *task, const struct dataset *train, const struct dataset *valid,
                 struct dataset_error *error);

/* classify-batch.c: one batch into the network, and what is wanted of its outputs */
void classify_load(struct task *task, const struct task_rows *rows, size_t first);
void classify_show(struct task *task, const struct task_rows *rows, size_t first);
double classify_loss(struct task *task, unsigned n, uint64_t *ret_correct);
/* Pictures @first to @first + @n of @set, unchanged, as the network wants them. */
void classify_load_plain(struct task *task, const struct dataset *set, size_t first, unsigned n);

/* classify-evaluate.c: the network on whole sets
 *
 * classify_measure() - @set with the weights as they are. @ret_logits: [set->n, classes] or NULL
 */
void classify_measure(struct task *task, const struct dataset *set, struct metrics *ret, float *ret_logits);
void classify_evaluate(struct task *task, double *ret_loss, double *ret_accuracy);
/* The bias, if the recipe wants one, from training rows as they are in the file and their labels; the temperature from
 * the validation rows, if there are any. Return: 0 or -ENOMEM. */
int classify_calibrate(struct task *task);
