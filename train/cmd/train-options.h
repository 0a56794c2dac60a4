/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The command line of "emotion-nn train".
 */

#include "train/data/dataset.h"

struct train_options {
        const char *recipe, *data, *background, *out, *init; /* paths; background and init may be NULL */
        struct dataset_options labels;                       /* FER+ file, and whether its majority is the label */
        unsigned threads;
        unsigned epochs; /* 0: the recipe's */
        bool resume;
};

/* Return: 1 to stop with success (help), 0, -EINVAL after a message. */
int train_options_parse(int argc, char **argv, struct train_options *ret);
