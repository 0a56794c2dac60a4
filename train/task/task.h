/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What a network is trained for, other than classification: `task = "landmarks"` or "detect" in a recipe. A
 * task owns its data, fills the network's input, turns outputs into a loss and its gradient, and writes the
 * model.
 */

#include "train/data/dataset.h"
#include "train/net/net.h"
#include "train/task/training.h"

struct trainer;
struct task;

struct task_options {
        const char *data;       /* folder */
        const char *background; /* folder of scenes whose face-free pictures are used too; NULL: none */
};

struct task_ops {
        const char *name;
        /* reads the recipe's group of the task's name and checks the network's outputs. Return: 0, -EINVAL,
         * -ENOMEM */
        int (*configure)(struct task *task, struct recipe *recipe, const struct training_config *config,
                         struct net *net, struct recipe_error *error);
        /* reads the data; sets n_rows and n_valid. Return: as dataset_load() */
        int (*read)(struct task *task, const struct task_options *options, struct dataset_error *error);
        /* allocates for net->max_batch and gives outputs their first biases; after net_prepare() */
        int (*prepare)(struct task *task);
        /* fills net_input() for the rows t->order[first .. first + batch) */
        void (*load)(struct task *task, struct trainer *t, size_t first);
        /* after net_forward(): mean loss, the gradients of the outputs set; *ret_correct: rows that are right
         */
        double (*loss)(struct task *task, unsigned n, uint64_t *ret_correct);
        /* the data kept back, with the weights as they are; what the numbers mean is the task's:
         * recipes/README.md */
        void (*evaluate)(struct task *task, double *ret_loss, double *ret_accuracy);
        int (*export)(struct task *task, const char *path);
        void (*free)(void *state);
};

struct task {
        const struct task_ops *ops;
        const struct training_config *config; /* borrowed */
        struct net *net;                      /* borrowed */
        size_t n_rows, n_valid;               /* of an epoch; kept back */
        void *state;
};

extern const struct task_ops task_landmarks, task_detect;

/* Reads the recipe's key "task". @ret: its operations, NULL for "classify" or none. Return: 0 or -EINVAL. */
int task_choose(struct recipe *recipe, const struct task_ops **ret, struct recipe_error *error);
/* Accepts a task that was never configured. */
void task_done(struct task *task);
