/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>
#include <stdio.h>

#include "train/cmd/args.h"
#include "train/cmd/train-options.h"

static const char help[] =
        "emotion-nn train RECIPE --data FILE --out DIR [OPTION...]\n\n"
        "Trains the network of a recipe. DIR receives log.csv, checkpoint, best.onnx and last.onnx.\n\n"
        "  --data FILE       a data set: FER2013's csv, or a folder with one folder a class; for landmarks\n"
        "                    the folder of train.csv, for a detector that of boxes.csv\n"
        "  --background DIR  for landmarks: scenes whose pictures without faces teach what is none\n"
        "  --ferplus FILE    the FER+ votes beside a FER2013 csv, for soft labels\n"
        "  --majority        labels by the majority of these votes\n"
        "  --contempt        with --majority: contempt as the eighth class\n"
        "  --out DIR         made if it is missing\n"
        "  --threads N       1 to 64 (default 1)\n"
        "  --epochs N        instead of the recipe's number\n"
        "  --init FILE       begin from the weights of a checkpoint or of an ONNX file that this tool wrote,\n"
        "                    of a network with the same layers\n"
        "  --resume          go on from DIR/checkpoint if there is one\n";

static int parse_option(int c, struct train_options *o)
{
        switch (c) {
        case 'd':
                o->data = optarg;
                return 0;
        case 'f':
                o->labels.ferplus = optarg;
                return 0;
        case 'm':
                o->labels.ferplus_majority = true;
                return 0;
        case 'c':
                o->labels.ferplus_contempt = true;
                return 0;
        case 'b':
                o->background = optarg;
                return 0;
        case 'o':
                o->out = optarg;
                return 0;
        case 't':
                return args_unsigned("--threads", optarg, 1, 64, &o->threads);
        case 'e':
                return args_unsigned("--epochs", optarg, 1, 100000, &o->epochs);
        case 'i':
                o->init = optarg;
                return 0;
        case 'r':
                o->resume = true;
                return 0;
        case 'h':
                fputs(help, stdout);
                return 1;
        default:
                return -EINVAL;
        }
}

int train_options_parse(int argc, char **argv, struct train_options *ret)
{
        static const struct option options[] = {
                { "data", required_argument, NULL, 'd' },
                { "ferplus", required_argument, NULL, 'f' },
                { "majority", no_argument, NULL, 'm' },
                { "contempt", no_argument, NULL, 'c' },
                { "background", required_argument, NULL, 'b' },
                { "out", required_argument, NULL, 'o' },
                { "threads", required_argument, NULL, 't' },
                { "epochs", required_argument, NULL, 'e' },
                { "init", required_argument, NULL, 'i' },
                { "resume", no_argument, NULL, 'r' },
                { "help", no_argument, NULL, 'h' },
                { 0 },
        };
        int c;

        *ret = (struct train_options){ .threads = 1 };
        while ((c = getopt_long(argc, argv, "ho:", options, NULL)) >= 0) {
                int r = parse_option(c, ret);

                if (r)
                        return r;
        }
        if (argc - optind != 1 || !ret->data || !ret->out) {
                fprintf(stderr, "emotion-nn train: needs one RECIPE, --data and --out; see --help\n");
                return -EINVAL;
        }
        ret->recipe = argv[optind];
        return 0;
}
