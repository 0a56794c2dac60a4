/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>
#include <math.h>
#include <string.h>

#include "train/cmd/args.h"
#include "train/cmd/cmd.h"
#include "train/cmd/eval-faces.h"
#include "train/cmd/json.h"
#include "train/cmd/svg.h"
#include "train/model/evaluate.h"

static const char help[] =
        "emotion-nn eval MODEL --data DATA [OPTION...]\n\n"
        "Measure a classifier on a labelled set: accuracy, loss, calibration, and what is taken for what; a landmark\n"
        "network on faces with points; or a detector on pictures with boxes. Which it is stands in the model.\n\n"
        "  --data DATA      data set, see emotion-nn(1)\n"
        "  --usage USAGE    rows to use: Training, PublicTest, PrivateTest, several with commas, or all (default)\n"
        "  --ferplus FILE   FER+ votes beside a FER2013 csv\n"
        "  --majority       labels by the majority of these votes\n"
        "  --contempt       with --majority: contempt as the eighth class\n"
        "  --mirror         of a classifier: the mean of its answers to a picture and to its mirror image\n"
        "  --limit N        the first N rows only\n"
        "  --threads N      1 to 64 (default 1)\n"
        "  --background DIR of a landmark network: scenes, whose pictures without faces test the confidence\n"
        "  --part PART      of a detector: all pictures (default), those of training, or those kept back from it\n"
        "  --side PX        of a detector: larger pictures are shrunk to it, a multiple of 32 (320)\n"
        "  --iou X          of a detector: overlap from which a box is right (0.5)\n"
        "  --json           one JSON object instead of a table\n"
        "  --svg FILE       the confusion matrix, rows scaled to 1, as a picture; of a detector precision over recall\n";

struct eval {
        const char *model, *data, *svg, *background;
        struct dataset_options options;
        struct evaluate_detector_options detector;
        unsigned threads;
        bool json, mirror;
};

static int parse_part(const char *s, enum scene_part *ret)
{
        static const char *const names[] = {
                [SCENES_ALL] = "all", [SCENES_TRAINING] = "training", [SCENES_KEPT] = "kept"
        };

        for (unsigned i = 0; i < 3; i++)
                if (strcmp(s, names[i]) == 0) {
                        *ret = (enum scene_part)i;
                        return 0;
                }
        fprintf(stderr, "emotion-nn eval: --part must be all, training or kept\n");
        return -EINVAL;
}

static int parse_side(const char *s, unsigned *ret)
{
        unsigned side;
        int r = args_unsigned("--side", s, 32, 4096, &side);

        if (r == 0 && side % 32) {
                fprintf(stderr, "emotion-nn eval: --side must be a multiple of 32\n");
                r = -EINVAL;
        }
        if (r == 0)
                *ret = side;
        return r;
}

static int parse_option(int c, struct eval *e)
{
        unsigned limit;
        int r;

        switch (c) {
        case 'd':
                e->data = optarg;
                return 0;
        case 'u':
                return args_usage("--usage", optarg, &e->options.usage);
        case 'f':
                e->options.ferplus = optarg;
                return 0;
        case 'm':
                e->options.ferplus_majority = true;
                return 0;
        case 'c':
                e->options.ferplus_contempt = true;
                return 0;
        case 'l':
                r = args_unsigned("--limit", optarg, 1, 1u << 30, &limit);
                if (r == 0)
                        e->options.limit = limit;
                return r;
        case 't':
                return args_unsigned("--threads", optarg, 1, 64, &e->threads);
        case 'b':
                e->background = optarg;
                return 0;
        case 'p':
                return parse_part(optarg, &e->detector.part);
        case 'S':
                return parse_side(optarg, &e->detector.side_px);
        case 'i':
                return args_double("--iou", optarg, 0.01, 1, &e->detector.iou);
        case 'j':
                e->json = true;
                return 0;
        case 'M':
                e->mirror = true;
                return 0;
        case 's':
                e->svg = optarg;
                return 0;
        case 'h':
                fputs(help, stdout);
                return 1;
        default:
                return -EINVAL;
        }
}

static int parse(int argc, char **argv, struct eval *e)
{
        static const struct option options[] = {
                { "data", required_argument, NULL, 'd' },
                { "usage", required_argument, NULL, 'u' },
                { "ferplus", required_argument, NULL, 'f' },
                { "majority", no_argument, NULL, 'm' },
                { "limit", required_argument, NULL, 'l' },
                { "threads", required_argument, NULL, 't' },
                { "json", no_argument, NULL, 'j' },
                { "svg", required_argument, NULL, 's' },
                { "background", required_argument, NULL, 'b' },
                { "part", required_argument, NULL, 'p' },
                { "side", required_argument, NULL, 'S' },
                { "iou", required_argument, NULL, 'i' },
                { "mirror", no_argument, NULL, 'M' },
                { "contempt", no_argument, NULL, 'c' },
                { "help", no_argument, NULL, 'h' },
                { 0 },
        };
        int c;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                int r = parse_option(c, e);

                if (r)
                        return r;
        }
        if (!e->data || optind + 1 != argc) {
                fprintf(stderr, "emotion-nn eval: one model and --data are needed\n");
                return -EINVAL;
        }
        e->model = argv[optind];
        return 0;
}

static struct json_object *per_class(const struct metrics *m, double (*figure)(const struct metrics *, unsigned))
{
        struct json_object *a = json_object_new_array();

        for (unsigned i = 0; i < m->n_classes; i++)
                json_object_array_add(a, json_number(figure(m, i)));
        return a;
}

static struct json_object *intervals(const struct metrics *m)
{
        struct json_object *a = json_object_new_array();

        for (unsigned i = 0; i < m->n_classes; i++) {
                struct json_object *pair = json_object_new_array();
                double v[2];

                metrics_recall_interval(m, i, v);
                json_object_array_add(pair, json_number(v[0]));
                json_object_array_add(pair, json_number(v[1]));
                json_object_array_add(a, pair);
        }
        return a;
}

static int print_json(const struct metrics *m, const struct dataset *d)
{
        struct json_object *o = json_object_new_object(), *labels = json_object_new_array();
        struct json_object *confusion = json_object_new_array();

        if (!o || !labels || !confusion) {
                json_object_put(o);
                json_object_put(labels);
                json_object_put(confusion);
                return -ENOMEM;
        }
        json_object_object_add(o, "accuracy", json_number(metrics_accuracy(m)));
        json_object_object_add(o, "count", json_object_new_int64((int64_t)m->count));
        json_object_object_add(o, "invalid", json_object_new_int64((int64_t)m->n_invalid));
        json_object_object_add(o, "loss", json_number(m->loss));
        json_object_object_add(o, "ece", json_number(metrics_ece(m)));
        json_object_object_add(o, "macro_f1", json_number(metrics_macro_f1(m)));
        for (unsigned i = 0; i < m->n_classes; i++) {
                struct json_object *row = json_object_new_array();

                for (unsigned j = 0; j < m->n_classes; j++)
                        json_object_array_add(row, json_object_new_int64(m->confusion[i][j]));
                json_object_array_add(confusion, row);
                json_object_array_add(labels, json_object_new_string(d->labels[i]));
        }
        json_object_object_add(o, "labels", labels);
        json_object_object_add(o, "confusion", confusion);
        json_object_object_add(o, "precision", per_class(m, metrics_precision));
        json_object_object_add(o, "recall", per_class(m, metrics_recall));
        json_object_object_add(o, "recall_interval", intervals(m));
        json_object_object_add(o, "f1", per_class(m, metrics_f1));
        json_print(o);
        return 0;
}

static void print_percent(double v)
{
        if (isfinite(v))
                printf(" %8.2f%%", 100 * v);
        else
                printf(" %9s", "-");
}

static void print_table(const struct metrics *m, const struct dataset *d)
{
        double v[2];

        metrics_interval(m->correct, m->count, v);
        printf("accuracy %.2f%% (%zu of %zu, %.1f to %.1f%%), macro F1 %.2f%%, loss %.4f, calibration error %.2f%%\n",
               100 * metrics_accuracy(m), m->correct, m->count, 100 * v[0], 100 * v[1], 100 * metrics_macro_f1(m),
               m->loss, 100 * metrics_ece(m));
        if (m->n_invalid)
                printf("%zu outputs are not numbers, or name a label that the set has not\n", m->n_invalid);
        printf("\n%-10s", "truth");
        for (unsigned i = 0; i < m->n_classes; i++)
                printf(" %9.9s", d->labels[i]);
        printf(" %9s %9s %15s %9s\n", "precision", "recall", "95 % interval", "F1");
        for (unsigned i = 0; i < m->n_classes; i++) {
                printf("%-10.10s", d->labels[i]);
                for (unsigned j = 0; j < m->n_classes; j++)
                        printf(" %9u", m->confusion[i][j]);
                print_percent(metrics_precision(m, i));
                print_percent(metrics_recall(m, i));
                metrics_recall_interval(m, i, v);
                printf("  %5.1f to %5.1f%%", 100 * v[0], 100 * v[1]);
                print_percent(metrics_f1(m, i));
                printf("\n");
        }
}

static int draw(const char *path, const struct metrics *m, const struct dataset *d)
{
        double shares[DATASET_MAX_CLASSES * DATASET_MAX_CLASSES];
        _cleanup_(svg_freep) struct svg *s = NULL;
        char title[128];
        int r = svg_new(path, 640, 640, &s);

        if (r < 0)
                return r;
        for (unsigned i = 0; i < m->n_classes; i++) {
                double sum = 0;

                for (unsigned j = 0; j < m->n_classes; j++)
                        sum += m->confusion[i][j];
                for (unsigned j = 0; j < m->n_classes; j++)
                        shares[i * m->n_classes + j] = sum > 0 ? m->confusion[i][j] / sum : NAN;
        }
        snprintf(title, sizeof(title), "accuracy %.2f%% of %zu", 100 * metrics_accuracy(m), m->count);
        svg_text(s, 365, 30, 18, SVG_MIDDLE, "#222222", title);
        svg_text(s, 365, 52, 12, SVG_MIDDLE, "#666666", "rows: truth, columns: prediction, share of each row");
        svg_confusion(s, 100, 90, 530, m->n_classes, d->labels, shares);
        return svg_finish(s);
}

static int run(int argc, char **argv)
{
        struct eval e = { .threads = 1, .detector = { .side_px = 320, .iou = 0.5 } };
        _cleanup_(dataset_freep) struct dataset *d = NULL;
        struct dataset_error data_error;
        struct classifier_error error;
        struct metrics m;
        int r = parse(argc, argv, &e);

        e.detector.threads = e.threads;

        if (r)
                return r < 0;
        r = evaluate_kind(e.model, &error);
        if (r < 0) {
                fprintf(stderr, "emotion-nn eval: %s\n", error.text);
                return 1;
        }
        if (r != EVALUATE_CLASSIFIER) {
                const struct eval_faces_options options = { e.model, e.data, e.background, e.svg, e.detector, e.json };

                return eval_faces((enum evaluate_kind)r, &options);
        }
        r = dataset_load(e.data, &e.options, &d, &data_error);
        if (r < 0) {
                fprintf(stderr, "emotion-nn eval: %s\n", data_error.text);
                return 1;
        }
        r = evaluate(e.model, d, e.threads, e.mirror, &m, &error);
        if (r < 0) {
                fprintf(stderr, "emotion-nn eval: %s\n", error.text);
                return 1;
        }
        if (e.svg && (r = draw(e.svg, &m, d)) < 0) {
                fprintf(stderr, "emotion-nn eval: %s: %s\n", e.svg, strerror(-r));
                return 1;
        }
        if (!e.json)
                print_table(&m, d);
        else if (print_json(&m, d) < 0) {
                fprintf(stderr, "emotion-nn eval: out of memory\n");
                return 1;
        }
        return 0;
}

const struct cmd cmd_eval = { .name = "eval", .summary = "what a model is worth on a data set", .run = run };
