/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "train/cmd/shapes.h"

#define MAX_SIDE 1000000

/* "1x3x480x640" */
static int read_dims(const char *text, struct nn_tensor *ret)
{
        *ret = (struct nn_tensor){ .type = NN_FLOAT32 };
        for (;;) {
                char *end;
                long v = strtol(text, &end, 10);

                if (end == text || *text < '0' || *text > '9' || v < 1 || v > MAX_SIDE || ret->n_dims == NN_MAX_DIMS)
                        return -EINVAL;
                ret->dims[ret->n_dims++] = v;
                if (!*end)
                        return 0;
                if (*end != 'x')
                        return -EINVAL;
                text = end + 1;
        }
}

int shapes_read(const struct cmd *c, const struct cmd_option *o, const char *text, void *into)
{
        struct shapes *s = (void *)((char *)into + o->at);
        const char *equals = strrchr(text, '=');

        if (s->n == SHAPES_MAX)
                return cmd_fail(c, "--%s: more than %d shapes", o->name, SHAPES_MAX);
        if (!equals || equals == text || read_dims(equals + 1, &s->given[s->n].shape) < 0)
                return cmd_fail(c, "--%s: \"%s\" is not NAME=SHAPE, such as input=1x3x480x640", o->name, text);
        s->given[s->n].name = text;
        s->given[s->n].length = (size_t)(equals - text);
        s->n++;
        return 0;
}

static bool is_named(const struct shapes *s, unsigned k, const char *name)
{
        return strlen(name) == s->given[k].length && strncmp(name, s->given[k].name, s->given[k].length) == 0;
}

/* What the file says of an input that no shape was given for. */
static int from_file(const struct cmd *c, const struct nn_model *m, size_t i, unsigned batch, struct nn_tensor *ret)
{
        *ret = *nn_model_input(m, i);
        if (ret->n_dims && ret->dims[0] < 0)
                ret->dims[0] = batch ? batch : 1;
        for (unsigned k = 0; k < ret->n_dims; k++)
                if (ret->dims[k] < 0)
                        return cmd_fail(c, "the file leaves sizes of input '%s' open: --shape %s=... is needed",
                                        nn_model_input_name(m, i), nn_model_input_name(m, i));
        return 0;
}

/* The shape that was given for input @i of @m; NULL: none. */
static const struct nn_tensor *given_for(const struct shapes *s, const struct nn_model *m, size_t i)
{
        for (unsigned k = s->n; k-- > 0;)
                if (is_named(s, k, nn_model_input_name(m, i)))
                        return &s->given[k].shape;
        return NULL;
}

static int check_names(const struct cmd *c, const struct shapes *s, const struct nn_model *m)
{
        for (unsigned k = 0; k < s->n; k++) {
                bool known = false;

                for (size_t i = 0; i < nn_model_n_inputs(m); i++)
                        known |= is_named(s, k, nn_model_input_name(m, i));
                if (!known)
                        return cmd_fail(c, "--shape: the model has no input '%.*s'", (int)s->given[k].length,
                                        s->given[k].name);
        }
        return 0;
}

int shapes_apply(const struct cmd *c, struct shapes *s, const struct nn_model *m, struct nn_plan_options *options)
{
        size_t n = nn_model_n_inputs(m);

        if (!s->n)
                return 0;
        if (n > SHAPES_MAX)
                return cmd_fail(c, "--shape: the model has more than %d inputs", SHAPES_MAX);
        if (check_names(c, s, m) < 0)
                return -EINVAL;
        for (size_t i = 0; i < n; i++) {
                const struct nn_tensor *given = given_for(s, m, i);

                if (!given && from_file(c, m, i, options->batch, &s->inputs[i]) < 0)
                        return -EINVAL;
                if (given) {
                        s->inputs[i] = *given;
                        s->inputs[i].type = nn_model_input(m, i)->type;
                }
        }
        options->inputs = s->inputs;
        options->free_sizes = true;
        return 0;
}
