/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "train/model/measured.h"
#include "train/model/metadata-file.h"

#define MAX_LABELS NN_FORM_MAX_LABELS

struct decisions {
        unsigned n; /* labels */
        unsigned class_of[MAX_LABELS];
        size_t counts[MAX_LABELS][MAX_LABELS + 1]; /* the last one: unsure */
        size_t n_right, n_rows;
};

static int fail(const char *path, struct classifier_error *error, int r, const char *text)
{
        snprintf(error->text, sizeof(error->text), "%.200s: %.250s", path, text);
        return r;
}

static void filep(struct classifier_file *f)
{
        classifier_file_close(f);
}

/* Which class of the set each label is. */
static int match(const char *path, const struct dataset *d, struct decisions *x, struct classifier_error *error)
{
        _cleanup_(filep) struct classifier_file f = { 0 };
        char text[128];
        int r = classifier_file_open(path, NULL, &f, error);

        if (r < 0)
                return r;
        x->n = f.form.n_labels;
        if (!x->n)
                return fail(path, error, -EINVAL, "it has no labels: see emotion-nn adopt");
        for (unsigned i = 0; i < x->n; i++) {
                size_t n = 0;

                x->class_of[i] = d->n_classes;
                for (unsigned c = 0; c < d->n_classes; c++)
                        if (strcmp(d->labels[c], f.form.labels[i]) == 0)
                                x->class_of[i] = c;
                for (size_t row = 0; row < d->n; row++)
                        n += d->classes[row] == x->class_of[i];
                if (n)
                        continue;
                snprintf(text, sizeof(text), "the data have no row of %.60s", f.form.labels[i]);
                return fail(path, error, -EINVAL, text);
        }
        return 0;
}

static void count(struct decisions *x, const struct dataset *d, const float *answers, double min_confidence)
{
        for (size_t row = 0; row < d->n; row++, answers += d->n_classes) {
                unsigned truth = 0, best = 0;

                while (truth < x->n && x->class_of[truth] != d->classes[row])
                        truth++;
                if (truth == x->n) /* of a class that the model does not know */
                        continue;
                for (unsigned i = 1; i < x->n; i++)
                        if (answers[x->class_of[i]] > answers[x->class_of[best]])
                                best = i;
                x->n_right += best == truth;
                x->n_rows++;
                /* written so that a NaN is unsure */
                x->counts[truth][(double)answers[x->class_of[best]] >= min_confidence ? best : x->n]++;
        }
}

static int write_text(const struct decisions *x, const char *path, const char *measured)
{
        char accuracy[32], text[MAX_LABELS * (MAX_LABELS + 1) * 12];
        size_t used = 0;

        snprintf(accuracy, sizeof(accuracy), "%.4f", (double)x->n_right / (double)x->n_rows);
        for (unsigned i = 0; i < x->n; i++)
                for (unsigned k = 0; k <= x->n; k++)
                        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%zu",
                                                 k   ? ","
                                                 : i ? ";"
                                                     : "",
                                                 x->counts[i][k]);
        const struct metadata_entry entries[] = { { "emotiond.accuracy", accuracy },
                                                  { "emotiond.decisions", text },
                                                  { "emotiond.measured", measured } };

        return metadata_file_write(path, path, entries, ARRAY_LEN(entries));
}

int measured_write(const char *path, const struct dataset *d, const char *set, unsigned threads, bool mirror,
                   double min_confidence, struct classifier_error *error)
{
        _cleanup_(freep) struct decisions *x = calloc(1, sizeof(*x));
        _cleanup_(freep) float *answers = calloc(d->n * d->n_classes + 1, sizeof(*answers));
        char measured[300];
        int r;

        if (!x || !answers)
                return fail(path, error, -ENOMEM, "out of memory");
        r = match(path, d, x, error);
        if (r >= 0)
                r = evaluate_as(path, NULL, d, threads, mirror, answers, error);
        if (r < 0)
                return r;
        count(x, d, answers, min_confidence);
        snprintf(measured, sizeof(measured), "%zu rows of %.200s%s, unsure below %g", x->n_rows, set,
                 mirror ? ", with mirror images" : "", min_confidence);
        r = write_text(x, path, measured);
        return r < 0 ? fail(path, error, r, strerror(-r)) : 0;
}
