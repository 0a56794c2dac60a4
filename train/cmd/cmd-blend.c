/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* emotion-nn blend: the weights between two networks. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nn/emotion-nn.h"
#include "train/cmd/cmd.h"
#include "train/model/blend.h"

struct job {
        const char *models[2], *data, *out, *weigh;
        double share;
        struct dataset_options rows;
        struct blend_options options;
};

#define AT(member) .at = offsetof(struct job, member)

static const struct cmd_option rows[] = {
        { .name = "share",
          .kind = CMD_REAL,
          .value = "X",
          AT(share),
          0,
          1,
          .needed = true,
          .help = "of the second network, 0 to 1" },
        { .name = "weigh",
          .kind = CMD_TEXT,
          .value = "LIST",
          AT(weigh),
          .help = "factors of the odds of a classifier's classes: neutral=0.7,fear=1.3" },
        { .name = "data",
          .kind = CMD_TEXT,
          .value = "DATA",
          AT(data),
          .help = "also calibrate a classifier: divide its logits by the temperature that suits these rows" },
        CMD_USAGE(AT(rows.usage),
                  "rows to use: Training, PublicTest (default), PrivateTest, several with commas, or all"),
        CMD_FERPLUS(AT(rows.ferplus), ""),
        CMD_MAJORITY(AT(rows.ferplus_majority)),
        { .name = "mirror",
          AT(options.mirror),
          .help = "calibrate the mean of the answers to a picture and to its mirror image" },
        CMD_THREADS(AT(options.threads)),
        CMD_OUTPUT("OUT.onnx", AT(out), "where to write"),
        { 0 },
};

static const struct cmd_option weight = { .name = "weigh", .min = 0.01, .max = 100 };

/* Position of the label @name, @length bytes, in the comma-separated @labels, or -1. */
static int find_label(const char *labels, const char *name, size_t length)
{
        for (int i = 0; labels && *labels && i < DATASET_MAX_CLASSES; i++) {
                size_t n = strcspn(labels, ",");

                if (n == length && strncmp(labels, name, n) == 0)
                        return i;
                labels += n + (labels[n] == ',');
        }
        return -1;
}

/* "neutral=0.7,fear=1.3" by the labels of the first model. */
static int parse_weights(struct job *j)
{
        struct nn_model *m = NULL;
        struct nn_error e = { "" };
        int r = 0;

        if (!j->weigh)
                return 0;
        r = nn_model_load(j->models[0], &m, &e);
        if (r < 0)
                return cmd_fail(&cmd_blend, "%s: %s", j->models[0], e.text[0] ? e.text : strerror(-r));
        for (const char *s = j->weigh; r >= 0 && *s; s += strcspn(s, ","), s += *s == ',') {
                size_t length = strcspn(s, "=,");
                int class = find_label(nn_model_metadata(m, "emotiond.labels"), s, length);
                char number[32] = "";

                if (class < 0 || s[length] != '=') {
                        r = cmd_fail(&cmd_blend, "--weigh: \"%.*s\" is not CLASS=FACTOR of a class of %s",
                                     (int)strcspn(s, ","), s, j->models[0]);
                        break;
                }
                snprintf(number, sizeof(number), "%.*s", (int)strcspn(s + length + 1, ","), s + length + 1);
                r = cmd_real(&cmd_blend, &weight, number, &j->options.weights[class]);
        }
        nn_model_free(m);
        return r;
}

static int run(int argc, char **argv)
{
        struct job j = { .rows = { .usage = DATASET_PUBLIC_TEST }, .options = { .threads = 1 } };
        _cleanup_(dataset_freep) struct dataset *d = NULL;
        struct dataset_error data_error;
        struct classifier_error error;
        struct cmd_operands models;
        double temperature;
        int r = cmd_parse(&cmd_blend, argc, argv, &j, &models);

        if (r)
                return r < 0;
        j.models[0] = models.at[0];
        j.models[1] = models.at[1];
        if (parse_weights(&j) < 0)
                return 1;
        if (j.data && dataset_load(j.data, &j.rows, &d, &data_error) < 0)
                return cmd_fail(&cmd_blend, "%s", data_error.text);
        j.options.share = j.share;
        j.options.set = d;
        if (blend(j.models[0], j.models[1], &j.options, j.out, &temperature, &error) < 0)
                return cmd_fail(&cmd_blend, "%s", error.text);
        if (d)
                printf("temperature %.3f by %zu rows\n", temperature, d->n);
        return 0;
}

const struct cmd cmd_blend = {
        .name = "blend",
        .summary = "the network between two others",
        .synopsis = "FIRST SECOND --share X --output OUT.onnx [OPTION...]",
        .about = "Writes the network whose weights lie between those of two networks with the same layers, such as a "
                 "network and what further training made of it. It keeps some of what the first knew better.",
        .operand = "FIRST SECOND",
        .min_operands = 2,
        .max_operands = 2,
        .options = rows,
        .run = run,
};
