/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What a network is trained for: `task = "classify"`, "landmarks" or "detect" in a recipe. A task reads its own keys of
 * the recipe, owns its data, fills the network's input, turns outputs into a loss and its gradient, and writes the
 * model.
 */

#include "train/data/dataset.h"
#include "train/net/net.h"
#include "train/task/training.h"

struct task;

/* A place in a run. */
struct task_rows {
        const size_t *order; /* [n_rows]: the rows in this epoch's order; borrowed until the next epoch */
        unsigned epoch;      /* from 0 */
        uint64_t step;       /* of the run */
};

struct task_options {
        const char *data;              /* file or folder; of landmarks and detectors also folders joined by ':' */
        const char *offsets;           /* of a task that takes them: the table of landmark-offsets.h; NULL: none */
        const char *background;        /* folder of scenes whose face-free pictures are used too; NULL: none */
        struct dataset_options labels; /* of a task that takes votes: where they are and what is made of them */
};

struct task_ops {
        const char *name;
        bool takes_votes;   /* task_options.labels mean something */
        bool takes_offsets; /* task_options.offsets does */
        /* reads the recipe's keys of this task and checks the network's outputs. Return: 0, -EINVAL, -ENOMEM */
        int (*configure)(struct task *task, struct recipe *recipe, const struct training_config *config,
                         struct net *net, struct recipe_error *error);
        /* reads the data; sets n_rows and n_valid, and task->remark if there is something to know. Return: as
         * dataset_load() */
        int (*read)(struct task *task, const struct task_options *options, struct dataset_error *error);
        /* allocates for net->max_batch and gives outputs their first biases; after net_prepare() and read().
         * Return: 0 or a negative errno, with a text in @error if there is more to say */
        int (*prepare)(struct task *task, struct recipe_error *error);
        /* fills net_input() for the rows order[first .. first + batch) */
        void (*load)(struct task *task, const struct task_rows *rows, size_t first);
        /* likewise, as pictures only: nothing is to be learned from them; NULL: load() does */
        void (*show)(struct task *task, const struct task_rows *rows, size_t first);
        /* after load() and net_forward(): mean loss, the gradients of the outputs set; *ret_correct: rows that are
         * right */
        double (*loss)(struct task *task, unsigned n, uint64_t *ret_correct);
        /* the data kept back, with the weights as they are; what the numbers mean is the task's:
         * recipes/README.md. Zeros if nothing is kept back. */
        void (*evaluate)(struct task *task, double *ret_loss, double *ret_accuracy);
        /* what a file needs beside the weights, for these as they are; before export(); NULL: nothing. Return: 0 or
         * -ENOMEM */
        int (*calibrate)(struct task *task);
        /* @path: NULL only looks whether it can be written. Return: as export_net() */
        int (*export)(struct task *task, const char *path);
        /* a number that differs if the rows do that are learned; NULL: not looked at */
        uint64_t (*identity)(const struct task *task);
        void (*free)(void *state);
};

struct task {
        const struct task_ops *ops;
        const struct training_config *config; /* borrowed */
        struct net *net;                      /* borrowed */
        size_t n_rows, n_valid;               /* of an epoch; kept back */
        char remark[256];                     /* of the data, for the user; "": none */
        void *state;
};

extern const struct task_ops task_classify, task_landmarks, task_detect;

/* Reads the recipe's key "task". @ret: its operations, task_classify if there is none. Return: 0 or -EINVAL. */
int task_choose(struct recipe *recipe, const struct task_ops **ret, struct recipe_error *error);
/* Accepts a task that was never configured. */
void task_done(struct task *task);
