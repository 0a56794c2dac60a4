/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The group "training" of a recipe, as far as it means the same for every task.
 */

#include "train/data/recipe.h"
#include "train/task/augment.h"

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
        double average; /* decay per step of the averaged weights; 0: none */
        struct augment_config augment;
        const char *start;          /* checkpoint or model to begin from, relative to the recipe; NULL: none */
        const char *recipe_path;    /* owned by the recipe */
        const char *name, *licence; /* of the model; owned by the recipe; may be NULL */
};

/* Reads and checks; defaults where a key is absent. */
int training_config_read(struct recipe *recipe, struct training_config *ret, struct recipe_error *error);
/* Learning rate at @epoch, a fraction counted from 0. */
double schedule_rate(const struct training_config *c, double epoch);
