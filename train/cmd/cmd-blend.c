/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* emotion-nn blend: the weights between two networks. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "nn/emotion-nn.h"
#include "train/cmd/args.h"
#include "train/cmd/cmd.h"
#include "train/model/blend.h"

static const char help[] =
        "emotion-nn blend FIRST SECOND --share X -o OUT.onnx [OPTION...]\n\n"
        "Write the network whose weights lie between those of two networks with the same layers, such as a network\n"
        "and what further training made of it. It keeps some of what the first knew better.\n\n"
        "  --share X        of the second network, 0 to 1\n"
        "  --weigh LIST     factors of the odds of a classifier's classes: neutral=0.7,fear=1.3\n"
        "  --data DATA      also calibrate a classifier: divide its logits by the temperature that suits these rows\n"
        "  --usage USAGE    rows to use: Training, PublicTest (default), PrivateTest, several with commas, or all\n"
        "  --ferplus FILE   FER+ votes beside a FER2013 csv\n"
        "  --majority       labels by the majority of these votes\n"
        "  --mirror         calibrate the mean of the answers to a picture and to its mirror image\n"
        "  --threads N      1 to 64 (default 1)\n"
        "  -o FILE          where to write\n";

struct job {
        const char *models[2], *data, *out, *weigh;
        double share;
        struct dataset_options rows;
        struct blend_options options;
};

static int parse_option(int c, struct job *j)
{
        switch (c) {
        case 's':
                return args_double("--share", optarg, 0, 1, &j->share);
        case 'w':
                j->weigh = optarg;
                return 0;
        case 'd':
                j->data = optarg;
                return 0;
        case 'u':
                return args_usage("--usage", optarg, &j->rows.usage);
        case 'f':
                j->rows.ferplus = optarg;
                return 0;
        case 'm':
                j->rows.ferplus_majority = true;
                return 0;
        case 'M':
                j->options.mirror = true;
                return 0;
        case 't':
                return args_unsigned("--threads", optarg, 1, 64, &j->options.threads);
        case 'o':
                j->out = optarg;
                return 0;
        case 'h':
                fputs(help, stdout);
                return 1;
        default:
                return -EINVAL;
        }
}

static int parse(int argc, char **argv, struct job *j)
{
        static const struct option options[] = {
                { "share", required_argument, NULL, 's' },
                { "weigh", required_argument, NULL, 'w' },
                { "data", required_argument, NULL, 'd' },
                { "usage", required_argument, NULL, 'u' },
                { "ferplus", required_argument, NULL, 'f' },
                { "majority", no_argument, NULL, 'm' },
                { "mirror", no_argument, NULL, 'M' },
                { "threads", required_argument, NULL, 't' },
                { "output", required_argument, NULL, 'o' },
                { "help", no_argument, NULL, 'h' },
                { 0 },
        };
        int c;

        while ((c = getopt_long(argc, argv, "ho:", options, NULL)) >= 0) {
                int r = parse_option(c, j);

                if (r)
                        return r;
        }
        if (optind + 2 != argc || !j->out || j->share < 0) {
                fprintf(stderr, "emotion-nn blend: two models, --share and -o are needed\n");
                return -EINVAL;
        }
        j->models[0] = argv[optind];
        j->models[1] = argv[optind + 1];
        return 0;
}

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
        if (r < 0) {
                fprintf(stderr, "emotion-nn blend: %s: %s\n", j->models[0], e.text[0] ? e.text : strerror(-r));
                return r;
        }
        for (const char *s = j->weigh; r >= 0 && *s; s += strcspn(s, ","), s += *s == ',') {
                size_t length = strcspn(s, "=,");
                int class = find_label(nn_model_metadata(m, "emotiond.labels"), s, length);
                char number[32] = "";

                if (class < 0 || s[length] != '=') {
                        fprintf(stderr, "emotion-nn blend: --weigh: '%.*s' is not CLASS=FACTOR of a class of %s\n",
                                (int)strcspn(s, ","), s, j->models[0]);
                        r = -EINVAL;
                        break;
                }
                snprintf(number, sizeof(number), "%.*s", (int)strcspn(s + length + 1, ","), s + length + 1);
                r = args_double("--weigh", number, 0.01, 100, &j->options.weights[class]);
        }
        nn_model_free(m);
        return r;
}

static int run(int argc, char **argv)
{
        struct job j = { .share = -1, .rows = { .usage = DATASET_PUBLIC_TEST }, .options = { .threads = 1 } };
        _cleanup_(dataset_freep) struct dataset *d = NULL;
        struct dataset_error data_error;
        struct classifier_error error;
        double temperature;
        int r = parse(argc, argv, &j);

        if (r)
                return r < 0;
        if (parse_weights(&j) < 0)
                return 1;
        if (j.data && dataset_load(j.data, &j.rows, &d, &data_error) < 0) {
                fprintf(stderr, "emotion-nn blend: %s\n", data_error.text);
                return 1;
        }
        j.options.share = j.share;
        j.options.set = d;
        if (blend(j.models[0], j.models[1], &j.options, j.out, &temperature, &error) < 0) {
                fprintf(stderr, "emotion-nn blend: %s\n", error.text);
                return 1;
        }
        if (d)
                printf("temperature %.3f by %zu rows\n", temperature, d->n);
        return 0;
}

const struct cmd cmd_blend = { .name = "blend", .summary = "the network between two others", .run = run };
