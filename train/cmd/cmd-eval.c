/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "train/cmd/cmd.h"
#include "train/cmd/eval-faces.h"
#include "train/cmd/json.h"
#include "report/svg.h"
#include "train/model/evaluate.h"
#include "train/model/measured.h"

struct eval {
        const char *model, *data, *svg, *background, *offsets;
        struct dataset_options options;
        struct evaluate_detector_options detector;
        unsigned threads, limit;
        bool json, mirror, write;
        double confidence;
};

static const char *const parts[] = {
        [SCENES_ALL] = "all", [SCENES_TRAINING] = "training", [SCENES_KEPT] = "kept", NULL
};

#define AT(member) .at = offsetof(struct eval, member)

static const struct cmd_option rows[] = {
        { .name = "data", .kind = CMD_TEXT, .value = "DATA", AT(data), .needed = true, .help = "the data set" },
        CMD_USAGE(AT(options.usage),
                  "rows to use: Training, PublicTest, PrivateTest, several with commas, or all (default)"),
        CMD_FERPLUS(AT(options.ferplus), ""),
        CMD_MAJORITY(AT(options.ferplus_majority)),
        CMD_CONTEMPT(AT(options.ferplus_contempt)),
        { .name = "mirror",
          AT(mirror),
          .help = "for a classifier: average its answers to a picture and to the mirror image" },
        { .name = "limit", .kind = CMD_COUNT, .value = "N", AT(limit), 1, 1u << 30, .help = "the first N rows only" },
        CMD_THREADS(AT(threads)),
        { .name = "background",
          .kind = CMD_TEXT,
          .value = "DIR",
          AT(background),
          .help = "for a landmark network: scenes whose pictures without faces test its confidence" },
        { .name = "offsets",
          .kind = CMD_TEXT,
          .value = "FILE",
          AT(offsets),
          .help = "for a landmark network: how far the points of the first folder lie from their places "
                  "(point,right,low)" },
        { .name = "part",
          .kind = CMD_CHOICE,
          .value = "PART",
          AT(detector.part),
          .words = parts,
          .help = "for a detector: all pictures (default), those for training, or those kept back from it" },
        { .name = "side",
          .kind = CMD_COUNT,
          .value = "PX",
          AT(detector.side_px),
          32,
          4096,
          .help = "for a detector: shrink larger pictures to this, a multiple of 32 (default 320)" },
        { .name = "iou",
          .kind = CMD_REAL,
          .value = "X",
          AT(detector.iou),
          0.01,
          1,
          .help = "for a detector: overlap from which a box counts as right (default 0.5)" },
        { .name = "write",
          AT(write),
          .help = "for a classifier: write accuracy and decisions into MODEL itself, for the service to show" },
        { .name = "confidence",
          .kind = CMD_REAL,
          .value = "P",
          AT(confidence),
          0,
          1,
          .help = "with --write: below this a row is unsure, as decision.min_confidence (default 0.45)" },
        { .name = "json", AT(json), .help = "print one JSON object instead of a table" },
        { .name = "svg",
          .kind = CMD_TEXT,
          .value = "FILE",
          AT(svg),
          .help = "draw the confusion matrix, each row scaled to 1; for a detector, precision over recall" },
        { 0 },
};

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

/* Whose folders a model was measured on is nobody's business. */
static const char *base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash && slash[1] ? slash + 1 : path;
}

static int run(int argc, char **argv)
{
        struct eval e = { .threads = 1, .confidence = 0.45, .detector = { .side_px = 320, .iou = 0.5 } };
        _cleanup_(dataset_freep) struct dataset *d = NULL;
        struct dataset_error data_error;
        struct classifier_error error;
        struct metrics m;
        struct cmd_operands model;
        int r = cmd_parse(&cmd_eval, argc, argv, &e, &model);

        if (r)
                return r < 0;
        if (e.detector.side_px % 32)
                return cmd_fail(&cmd_eval, "--side must be a multiple of 32");
        e.model = model.at[0];
        e.detector.threads = e.threads;
        e.options.limit = e.limit;
        r = evaluate_kind(e.model, &error);
        if (r < 0)
                return cmd_fail(&cmd_eval, "%s", error.text);
        if (r != EVALUATE_CLASSIFIER && e.write)
                return cmd_fail(&cmd_eval, "--write is for classifiers only");
        if (r != EVALUATE_CLASSIFIER) {
                const struct eval_faces_options options = { e.model, e.data,     e.background, e.offsets,
                                                            e.svg,   e.detector, e.json };

                return eval_faces((enum evaluate_kind)r, &options);
        }
        r = dataset_load(e.data, &e.options, &d, &data_error);
        if (r < 0)
                return cmd_fail(&cmd_eval, "%s", data_error.text);
        r = evaluate(e.model, d, e.threads, e.mirror, &m, &error);
        if (r < 0)
                return cmd_fail(&cmd_eval, "%s", error.text);
        if (e.write && measured_write(e.model, d, base_name(e.data), e.threads, e.mirror, e.confidence, &error) < 0)
                return cmd_fail(&cmd_eval, "%s", error.text);
        if (e.svg && (r = draw(e.svg, &m, d)) < 0)
                return cmd_fail(&cmd_eval, "%s: %s", e.svg, strerror(-r));
        if (!e.json)
                print_table(&m, d);
        else if (print_json(&m, d) < 0)
                return cmd_fail(&cmd_eval, "out of memory");
        return 0;
}

const struct cmd cmd_eval = {
        .name = "eval",
        .summary = "measure a model on a data set",
        .about = "Measures a classifier on a labelled set: accuracy, loss, calibration, and which class is taken for "
                 "which; a landmark network on faces with points; or a detector on pictures with boxes. The model says "
                 "which of these it is.",
        .operand = "MODEL",
        .min_operands = 1,
        .max_operands = 1,
        .options = rows,
        .run = run,
};
