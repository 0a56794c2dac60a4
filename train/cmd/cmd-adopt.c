/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* emotion-nn adopt: a network from elsewhere, with what the service must know of it in its metadata. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "nn/classifier-form.h"
#include "train/cmd/cmd.h"
#include "train/data/template-file.h"
#include "train/model/evaluate.h"
#include "train/model/metadata-file.h"

#define N_PROBES 8
#define MAX_CANDIDATES 8
#define CLEARLY 3.0 /* standard errors of the difference (McNemar 1947, Psychometrika 12:153) */

struct adopt {
        const char *model, *out, *data, *name, *licence, *template_file;
        struct nn_form_text text;
        char template[FACE_TEMPLATE_TEXT];
        struct dataset_options rows;
        unsigned threads;
        struct nn_form form;
        char labels[NN_FORM_MAX_LABELS * NN_FORM_LABEL_MAX];
};

#define AT(member) .at = offsetof(struct adopt, member)

static const struct cmd_option rows[] = {
        { .name = "labels",
          .kind = CMD_TEXT,
          .value = "NAMES",
          AT(text.labels),
          .help = "what each output stands for, in their order, with commas: \"angry,happy\", or \"class0=anger\"; the "
                  "usual words for the seven expressions become those of the service" },
        { .name = "layout",
          .kind = CMD_TEXT,
          .value = "nchw|nhwc",
          AT(text.layout),
          .help = "where the channels stand, if the shape does not tell" },
        { .name = "channels",
          .kind = CMD_TEXT,
          .value = "gray|rgb|bgr",
          AT(text.channels),
          .help = "what three channels are (default rgb); gray: the same gray picture three times" },
        { .name = "size",
          .kind = CMD_TEXT,
          .value = "WxH",
          AT(text.size),
          .help = "width and height in pixels, if the file leaves them open" },
        { .name = "normalisation",
          .kind = CMD_TEXT,
          .value = "HOW",
          AT(text.normalisation),
          .help = "unit (0 to 1), signed (-1 to 1), contrast (mean 0, deviation 1 in each picture), none (0 to 255), "
                  "imagenet, or MEAN/STD of pixels of 0 to 1, a number each or three with commas" },
        { .name = "answers",
          .kind = CMD_TEXT,
          .value = "probabilities|logits",
          AT(text.output),
          .help = "what the outputs are (default: found out by running the network)" },
        { .name = "template",
          .kind = CMD_TEXT,
          .value = "FILE",
          AT(template_file),
          .help = "where the faces lay in training, a file like template.txt (default: as in FER2013)" },
        { .name = "name", .kind = CMD_TEXT, .value = "TEXT", AT(name), .help = "what clients are told it is called" },
        { .name = "licence", .kind = CMD_TEXT, .value = "TEXT", AT(licence), .help = "for people" },
        { .name = "check",
          .kind = CMD_TEXT,
          .value = "DATA",
          AT(data),
          .help = "measure the network on a labelled set with each normalisation, and say which is right" },
        CMD_USAGE(AT(rows.usage),
                  "rows of DATA: Training, PublicTest (default), PrivateTest, several with commas, or all"),
        CMD_FERPLUS(AT(rows.ferplus), ""),
        CMD_MAJORITY(AT(rows.ferplus_majority)),
        CMD_THREADS(AT(threads)),
        CMD_OUTPUT("OUT.onnx", AT(out), "where to write"),
        { 0 },
};

static void filep(struct classifier_file *f)
{
        classifier_file_close(f);
}

static void planp(struct nn_plan **p)
{
        nn_plan_free(*p);
}

/* Whether all of @n rows are probabilities. */
static bool are_probabilities(const float *y, unsigned n, unsigned n_outputs)
{
        for (unsigned i = 0; i < n; i++, y += n_outputs) {
                double sum = 0;

                for (unsigned k = 0; k < n_outputs; k++) {
                        if (!(y[k] >= 0))
                                return false;
                        sum += (double)y[k];
                }
                if (fabs(sum - 1) > 1e-3)
                        return false;
        }
        return true;
}

/* Runs the network on pictures of noise. Return: 1 its answers are probabilities; 0 they are not; -EINVAL. */
static int probe(struct classifier_file *f, const struct adopt *a)
{
        _cleanup_(planp) struct nn_plan *plan = NULL;
        _cleanup_(freep) float *gray = NULL;
        struct classifier_error error = { "" };
        size_t n = (size_t)f->form.width_px * f->form.height_px;
        unsigned state = 1;
        int r = classifier_file_plan(f, N_PROBES, a->threads, &plan, &error);

        if (r < 0)
                return cmd_fail(&cmd_adopt, "%s", error.text);
        gray = malloc(n * sizeof(*gray));
        if (!gray)
                return cmd_fail(&cmd_adopt, "out of memory");
        for (unsigned i = 0; i < N_PROBES; i++) {
                for (size_t k = 0; k < n; k++)
                        gray[k] = (float)((state = state * 1664525u + 1013904223u) >> 24);
                nn_form_fill(&f->form, gray, NULL, false,
                             (float *)nn_plan_input(plan, 0)->data + i * nn_form_size(&f->form));
        }
        r = nn_plan_run(plan);
        if (r < 0)
                return cmd_fail(&cmd_adopt, "%s: %s", a->model, strerror(-r));
        return are_probabilities(nn_plan_output(plan, 0)->data, N_PROBES, f->n_outputs);
}

/* What the outputs are called, and whether there are as many. */
static int settle_labels(struct classifier_file *f, struct adopt *a)
{
        size_t used = 0;

        if (!f->form.n_labels)
                return cmd_fail(&cmd_adopt, "%s: --labels is needed: the names of its %u outputs, in their order",
                                a->model, f->n_outputs);
        if (f->form.n_labels != f->n_outputs)
                return cmd_fail(&cmd_adopt, "%s: %u labels for %u outputs", a->model, f->form.n_labels, f->n_outputs);
        for (unsigned i = 0; i < f->n_outputs; i++) {
                if (!nn_form_label_is_valid(f->form.labels[i]))
                        return cmd_fail(&cmd_adopt, "%s: the label '%s' cannot be used: see --labels", a->model,
                                        f->form.labels[i]);
                used += (size_t)snprintf(a->labels + used, sizeof(a->labels) - used, "%s%s", i ? "," : "",
                                         f->form.labels[i]);
        }
        a->text.labels = a->labels;
        return 0;
}

static int settle_answers(struct classifier_file *f, struct adopt *a, bool probabilities)
{
        const char *said = a->text.output;

        if (said && probabilities == f->form.logits)
                return cmd_fail(&cmd_adopt, "%s: its answers are %s, not %s", a->model,
                                probabilities ? "probabilities" : "no probabilities: they do not sum to 1", said);
        a->text.output = probabilities ? "probabilities" : "logits";
        return 0;
}

/* The service reads one file: no tensor may lie in another. */
static int check_alone(const struct adopt *a)
{
        _cleanup_(freep) uint8_t *data = NULL;
        struct nn_error error = { "" };
        struct nn_model *m = NULL;
        size_t size = 0;
        int r = metadata_file_read(a->model, &data, &size);

        if (r >= 0)
                r = nn_model_load_memory(data, size, &m, &error);
        nn_model_free(m);
        return r < 0 ? cmd_fail(&cmd_adopt, "%s: %s", a->model, *error.text ? error.text : strerror(-r)) : 0;
}

/* Reads the model and finds out what can be found out. */
static int look(struct adopt *a)
{
        _cleanup_(filep) struct classifier_file f = { 0 };
        struct classifier_error error = { "" };
        int r = classifier_file_open(a->model, &a->text, &f, &error);

        if (r < 0)
                return cmd_fail(&cmd_adopt, "%s", error.text);
        if (!a->text.normalisation && !a->data && !nn_model_metadata(f.model, "emotiond.normalisation"))
                return cmd_fail(&cmd_adopt, "%s: --normalisation is needed, or --check to find it out", a->model);
        r = check_alone(a);
        if (r >= 0)
                r = probe(&f, a);
        if (r >= 0)
                r = settle_answers(&f, a, r > 0);
        if (r >= 0)
                r = settle_labels(&f, a);
        a->form = f.form;
        return r;
}

/* One way to normalise, and what it is worth. */
struct candidate {
        const char *how;
        bool *right; /* [rows] */
        size_t n_right;
};

static int try_one(const struct adopt *a, const struct dataset *d, struct candidate *c, float *answers,
                   struct metrics *m)
{
        struct classifier_error error = { "" };
        struct nn_form_text text = a->text;

        text.normalisation = c->how;
        metrics_init(m, d->n_classes);
        c->right = calloc(d->n + 1, sizeof(*c->right));
        if (!c->right)
                return cmd_fail(&cmd_adopt, "out of memory");
        if (evaluate_as(a->model, &text, d, a->threads, false, answers, &error) < 0)
                return cmd_fail(&cmd_adopt, "%s", error.text);
        for (size_t i = 0; i < d->n; i++) {
                size_t before = m->correct;

                metrics_add(m, d->classes[i], answers + i * d->n_classes);
                c->right[i] = m->correct > before;
        }
        c->n_right = m->correct;
        return 0;
}

/* By how many standard errors @b is better than @a, by the rows of which only one is right. */
static double lead(const struct candidate *b, const struct candidate *a, size_t n)
{
        double won = 0, lost = 0;

        for (size_t i = 0; i < n; i++) {
                won += b->right[i] && !a->right[i];
                lost += a->right[i] && !b->right[i];
        }
        return won + lost > 0 ? (won - lost) / sqrt(won + lost) : 0;
}

static void print_candidate(const struct candidate *c, const struct metrics *m)
{
        double v[2];

        metrics_interval(m->correct, m->count, v);
        printf("%-40s %6.2f%%  %5.1f to %5.1f%%\n", c->how, 100 * metrics_accuracy(m), 100 * v[0], 100 * v[1]);
}

/* Rows of a class that are mostly taken for another tell of labels in a wrong order. */
static void warn_of_order(const struct metrics *m, const struct dataset *d)
{
        for (unsigned i = 0; i < m->n_classes; i++) {
                unsigned most = i, sum = 0;

                for (unsigned j = 0; j < m->n_classes; j++) {
                        sum += m->confusion[i][j];
                        if (m->confusion[i][j] > m->confusion[i][most])
                                most = j;
                }
                if (sum >= 10 && most != i && m->confusion[i][most] * 2 > sum)
                        cmd_warn(&cmd_adopt, "rows of %s are mostly called %s: are the labels in the right order?",
                                 d->labels[i], d->labels[most]);
        }
}

static int compare(struct adopt *a, const struct dataset *d, struct candidate *c, size_t n, float *answers)
{
        struct metrics m[MAX_CANDIDATES];
        size_t best = 0, chosen = 0;

        printf("%-40s %7s  95 %% interval, of %zu rows\n", "normalisation", "right", d->n);
        for (size_t i = 0; i < n; i++) {
                if (try_one(a, d, &c[i], answers, &m[i]) < 0)
                        return -EINVAL;
                print_candidate(&c[i], &m[i]);
                best = c[i].n_right > c[best].n_right ? i : best;
        }
        if (!a->text.normalisation)
                chosen = best;
        else if (lead(&c[best], &c[0], d->n) > CLEARLY)
                cmd_warn(&cmd_adopt, "normalisation %s is clearly better than %s", c[best].how, c[0].how);
        a->text.normalisation = c[chosen].how;
        printf("written: %s\n", c[chosen].how);
        warn_of_order(&m[chosen], d);
        if (a->form.channels != NN_FORM_GRAY)
                printf("DATA is read in gray: whether red or blue comes first is not checked.\n");
        return 0;
}

static int check(struct adopt *a)
{
        static const char *const ways[] = { "unit", "signed", "contrast", "none", "imagenet" };
        _cleanup_(dataset_freep) struct dataset *d = NULL;
        _cleanup_(freep) float *answers = NULL;
        struct candidate c[MAX_CANDIDATES] = { { .how = a->text.normalisation } };
        struct dataset_error error = { "" };
        size_t n = a->text.normalisation ? 1 : 0;
        int r;

        for (size_t i = 0; i < ARRAY_LEN(ways); i++)
                if (!a->text.normalisation || strcmp(a->text.normalisation, ways[i]) != 0)
                        c[n++].how = ways[i];
        if (dataset_load(a->data, &a->rows, &d, &error) < 0)
                return cmd_fail(&cmd_adopt, "%s", error.text);
        answers = calloc(d->n * d->n_classes + 1, sizeof(*answers));
        r = answers ? compare(a, d, c, n, answers) : cmd_fail(&cmd_adopt, "out of memory");
        for (size_t i = 0; i < n; i++)
                free(c[i].right);
        return r;
}

static int write_out(const struct adopt *a)
{
        static const char *const layouts[] = { "nchw", "nhwc" }, *const channels[] = { "gray", "rgb", "bgr" };
        char size[32];
        struct metadata_entry entries[16];
        size_t n = 0;
        int r;

        snprintf(size, sizeof(size), "%ux%u", a->form.width_px, a->form.height_px);
        entries[n++] = (struct metadata_entry){ "emotiond.labels", a->text.labels };
        entries[n++] = (struct metadata_entry){ "emotiond.layout", layouts[a->form.nhwc] };
        entries[n++] = (struct metadata_entry){ "emotiond.channels", channels[a->form.channels] };
        entries[n++] = (struct metadata_entry){ "emotiond.size", size };
        entries[n++] = (struct metadata_entry){ "emotiond.output", a->text.output };
        if (a->text.normalisation)
                entries[n++] = (struct metadata_entry){ "emotiond.normalisation", a->text.normalisation };
        if (a->text.face_template)
                entries[n++] = (struct metadata_entry){ "emotiond.template", a->text.face_template };
        if (a->name)
                entries[n++] = (struct metadata_entry){ "emotiond.name", a->name };
        if (a->licence)
                entries[n++] = (struct metadata_entry){ "emotiond.licence", a->licence };
        r = metadata_file_write(a->model, a->out, entries, n);
        return r < 0 ? cmd_fail(&cmd_adopt, "%s: %s", a->out, strerror(-r)) : 0;
}

static void name_missing(const struct adopt *a)
{
        static const char *const seven[] = {
                "anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"
        };

        for (size_t i = 0; i < ARRAY_LEN(seven); i++) {
                bool known = false;

                for (unsigned k = 0; k < a->form.n_labels; k++)
                        known |= strcmp(a->form.labels[k], seven[i]) == 0;
                if (!known)
                        cmd_warn(&cmd_adopt, "no output stands for %s", seven[i]);
        }
}

static int adopt(struct adopt *a)
{
        struct dataset_error error = { "" };

        if (a->template_file && template_file_load(a->template_file, a->template, &error) < 0)
                return cmd_fail(&cmd_adopt, "%s", error.text);
        if (a->template_file)
                a->text.face_template = a->template;
        if (look(a) < 0 || (a->data && check(a) < 0) || write_out(a) < 0)
                return -EINVAL;
        name_missing(a);
        printf("%s: %s, %u channel%s, %ux%u, %s, %s\n", a->out, a->text.labels, a->form.n_channels,
               a->form.n_channels > 1 ? "s" : "", a->form.width_px, a->form.height_px, a->form.nhwc ? "nhwc" : "nchw",
               a->text.output);
        return 0;
}

static int run(int argc, char **argv)
{
        struct adopt a = { .threads = 1, .rows = { .usage = DATASET_PUBLIC_TEST } };
        struct cmd_operands model;
        int r = cmd_parse(&cmd_adopt, argc, argv, &a, &model);

        if (r)
                return r < 0;
        a.model = model.at[0];
        return adopt(&a) < 0;
}

const struct cmd cmd_adopt = {
        .name = "adopt",
        .summary = "make a classifier from elsewhere known to the service",
        .synopsis = "MODEL --labels NAMES --output OUT.onnx [OPTION...]",
        .about = "Writes a copy of an expression network that says what the service must know of it: what its outputs "
                 "stand for, what picture it takes and how its pixels are normalised. What is wrong is refused by "
                 "name.\n\n"
                 "--check measures the network on a labelled set with each normalisation. Without --normalisation the "
                 "best is written; with it, another that is clearly better is named.",
        .operand = "MODEL",
        .min_operands = 1,
        .max_operands = 1,
        .options = rows,
        .run = run,
};
