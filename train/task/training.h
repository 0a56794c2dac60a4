/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The group "training" of a recipe.
 */

#include "train/data/recipe.h"
#include "train/task/augment.h"

#define TRAINING_MAX_TEACHERS 8

enum optimiser_kind {
        OPTIMISER_SGD,
        OPTIMISER_ADAM, /* with decoupled weight decay: AdamW (Loshchilov & Hutter 2017, arXiv:1711.05101) */
};

enum schedule_kind {
        SCHEDULE_CONSTANT,
        SCHEDULE_COSINE, /* from rate to rate * final */
        SCHEDULE_LINEAR, /* the same in a straight line */
        SCHEDULE_STEP,   /* times factor after each step_epochs */
};

struct training_config {
        unsigned epochs, batch;
        uint64_t seed;
        enum optimiser_kind optimiser;
        double rate, momentum, beta2, weight_decay;
        bool nesterov;
        enum schedule_kind schedule;
        double warmup_epochs, final, factor, step_epochs;
        double label_smoothing; /* share spread over all classes */
        double votes;           /* share of the taggers' distribution in the target, the rest is the label */
        double votes_task;      /* weight of the loss of a second head that learns the taggers' distribution; 0: none */
        double class_balance;   /* rows weigh count^-balance of their class, mean 1; 0: all the same */
        double mixup;           /* alpha of the Beta distribution; 0: none (Zhang et al. 2017, arXiv:1710.09412) */
        bool class_bias;        /* the exported network's classes are weighed to suit the labels; see calibrate.h */
        double average;         /* decay per step of the averaged weights; 0: none */
        unsigned rows, validation_rows; /* the first so many; 0: all */
        struct augment_config augment;
        const char *teachers[TRAINING_MAX_TEACHERS]; /* files, relative to the recipe; owned by it */
        unsigned n_teachers;
        double distill_share, distill_temperature; /* the teachers' part of the loss, the rest is the target's */
        bool distill_mirror;                       /* what they say of the picture and of its mirror image, averaged */
        const char *start;                         /* checkpoint or model to begin from, as above; NULL: none */
        const char *recipe_path;
        const char *name, *licence; /* of the model; owned by the recipe; may be NULL */
};

/* Reads and checks; defaults where a key is absent. */
int training_config_read(struct recipe *recipe, struct training_config *ret, struct recipe_error *error);
/* Learning rate at @epoch, a fraction counted from 0. */
double schedule_rate(const struct training_config *c, double epoch);
