/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* emotion-nn quantize: a network of 8-bit numbers from one of floats. */
#include <getopt.h>
#include <string.h>

#include "train/cmd/args.h"
#include "train/cmd/cmd.h"
#include "train/model/quantize.h"

static const char help[] =
        "emotion-nn quantize MODEL --data DATA -o OUT.onnx [OPTION...]\n"
        "emotion-nn quantize MODEL --weights-only -o OUT.onnx\n\n"
        "Write a model with 8-bit weights and activations, as standard ONNX with QuantizeLinear and DequantizeLinear.\n\n"
        "  --data DATA      pictures for the scales of activations: Training rows only, see emotion-nn(1)\n"
        "  --rows N         how many of them (default 1000)\n"
        "  --method METHOD  mse: scales with the least squared error (default); minmax: all values seen fit\n"
        "  --weights-only   8-bit weights in large fully connected layers, and nothing else\n"
        "  --threads N      1 to 64 (default 1)\n"
        "  -o FILE          where to write\n";

struct job {
        const char *model, *data, *out;
        struct quantize_options options;
        unsigned rows;
};

static int parse_option(int c, struct job *j)
{
        switch (c) {
        case 'd':
                j->data = optarg;
                return 0;
        case 'r':
                return args_unsigned("--rows", optarg, 1, 1u << 24, &j->rows);
        case 'm':
                j->options.min_max = strcmp(optarg, "minmax") == 0;
                if (!j->options.min_max && strcmp(optarg, "mse") != 0) {
                        fprintf(stderr, "emotion-nn quantize: --method '%s' is not mse or minmax\n", optarg);
                        return -EINVAL;
                }
                return 0;
        case 'w':
                j->options.weights_only = true;
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
                { "data", required_argument, NULL, 'd' },    { "rows", required_argument, NULL, 'r' },
                { "method", required_argument, NULL, 'm' },  { "weights-only", no_argument, NULL, 'w' },
                { "threads", required_argument, NULL, 't' }, { "output", required_argument, NULL, 'o' },
                { "help", no_argument, NULL, 'h' },          { 0 },
        };
        int c;

        while ((c = getopt_long(argc, argv, "ho:", options, NULL)) >= 0) {
                int r = parse_option(c, j);

                if (r)
                        return r;
        }
        if (optind + 1 != argc || !j->out || (!j->data && !j->options.weights_only)) {
                fprintf(stderr, "emotion-nn quantize: one model, -o, and --data or --weights-only are needed\n");
                return -EINVAL;
        }
        j->model = argv[optind];
        return 0;
}

static int run(int argc, char **argv)
{
        struct job j = { .rows = 1000, .options = { .threads = 1 } };
        _cleanup_(dataset_freep) struct dataset *d = NULL;
        struct dataset_options rows = { .usage = DATASET_TRAINING };
        struct quantize_summary summary;
        struct dataset_error data_error;
        struct classifier_error error;
        int r = parse(argc, argv, &j);

        if (r)
                return r < 0;
        rows.limit = j.rows;
        if (!j.options.weights_only && dataset_load(j.data, &rows, &d, &data_error) < 0) {
                fprintf(stderr, "emotion-nn quantize: %s\n", data_error.text);
                return 1;
        }
        if (quantize(j.model, d, &j.options, j.out, &summary, &error) < 0) {
                fprintf(stderr, "emotion-nn quantize: %s\n", error.text);
                return 1;
        }
        printf("%u convolutions, %u activations, weights of %u fully connected layers\n", summary.n_convolutions,
               summary.n_activations, summary.n_layers);
        return 0;
}

const struct cmd cmd_quantize = { .name = "quantize", .summary = "8-bit numbers instead of floats", .run = run };
