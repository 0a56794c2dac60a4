/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** Shapes of a model's inputs, as --shape NAME=1x3x480x640 gives them, once for each input. */

#include "nn/emotion-nn.h"
#include "train/cmd/cmd.h"

#define SHAPES_MAX 8

struct shapes {
        unsigned n;
        struct {
                const char *name; /* of argv, @length bytes */
                size_t length;
                struct nn_tensor shape;
        } given[SHAPES_MAX];
        struct nn_tensor inputs[SHAPES_MAX]; /* what a plan is given */
};

/* For CMD_OTHER; the structure lies at @o->at. Return: 0 or -EINVAL after a message. */
int shapes_read(const struct cmd *c, const struct cmd_option *o, const char *text, void *into);

/**
 * shapes_apply() - what was given of the inputs of @m, and for the others what the file says, into @options
 * @s: its inputs are borrowed by @options
 * Nothing happens without a given shape. Return: 0 or -EINVAL after a message.
 */
int shapes_apply(const struct cmd *c, struct shapes *s, const struct nn_model *m, struct nn_plan_options *options);
