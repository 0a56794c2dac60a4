/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "train/model/classifier-file.h"
#include "train/net/loss.h"

static int fail(const struct classifier_file *f, struct classifier_error *error, int r, const char *text)
{
        snprintf(error->text, sizeof(error->text), "%.200s: %.250s", f->path, text);
        return r;
}

int classifier_file_open(const char *path, struct classifier_file *ret, struct classifier_error *error)
{
        struct nn_error e = { "" };
        int r;

        *ret = (struct classifier_file){ .path = path };
        r = nn_model_load(path, &ret->model, &e);
        return r < 0 ? fail(ret, error, r, e.text[0] ? e.text : strerror(-r)) : 0;
}

void classifier_file_close(struct classifier_file *f)
{
        f->model = nn_model_free(f->model);
}

static int check_shapes(struct classifier_file *f, struct nn_plan *plan, unsigned batch, struct classifier_error *error)
{
        const struct nn_tensor *x = nn_plan_input(plan, 0), *y = nn_plan_output(plan, 0);

        if (x->type != NN_FLOAT32 || x->n_dims != 4 || x->dims[0] != batch || x->dims[1] != 1 || x->dims[2] < 1 ||
            x->dims[2] > 4096 || x->dims[3] < 1 || x->dims[3] > 4096)
                return fail(f, error, -EINVAL, "the input is not [N, 1, height, width]");
        if (y->type != NN_FLOAT32 || y->n_dims != 2 || y->dims[0] != batch || y->dims[1] < 1 ||
            y->dims[1] > DATASET_MAX_CLASSES)
                return fail(f, error, -EINVAL, "the output is not [N, classes]");
        f->height_px = (unsigned)x->dims[2];
        f->width_px = (unsigned)x->dims[3];
        f->n_outputs = (unsigned)y->dims[1];
        return 0;
}

int classifier_file_plan(struct classifier_file *f, unsigned batch, unsigned threads, struct nn_plan **ret,
                         struct classifier_error *error)
{
        const struct nn_plan_options options = { .batch = batch, .threads = threads };
        struct nn_plan *plan = NULL;
        struct nn_error e = { "" };
        int r;

        if (nn_model_n_inputs(f->model) != 1 || nn_model_n_outputs(f->model) != 1)
                return fail(f, error, -EINVAL, "not one input and one output");
        r = nn_plan_new(f->model, &options, &plan, &e);
        if (r < 0)
                return fail(f, error, r, e.text[0] ? e.text : strerror(-r));
        r = check_shapes(f, plan, batch, error);
        if (r < 0)
                nn_plan_free(plan);
        else
                *ret = plan;
        return r;
}

/* Which class of the set each label of the model is. */
static int match_labels(struct classifier_file *f, const struct dataset *d, struct classifier_error *error)
{
        const char *labels = nn_model_metadata(f->model, "emotiond.labels");
        unsigned n = 0;

        f->n_known = labels ? 0 : d->n_classes;
        for (unsigned i = 0; i < DATASET_MAX_CLASSES; i++)
                f->class_of[i] = labels || i >= d->n_classes ? -1 : (int)i;
        if (!labels)
                return f->n_outputs == d->n_classes ? 0
                                                    : fail(f, error, -EINVAL,
                                                           "no labels, and not as many outputs as the set has "
                                                           "classes");
        for (const char *s = labels; *s && n < DATASET_MAX_CLASSES; n++) {
                size_t length = strcspn(s, ",");

                for (unsigned c = 0; c < d->n_classes; c++)
                        if (strlen(d->labels[c]) == length && strncmp(d->labels[c], s, length) == 0) {
                                f->class_of[n] = (int)c;
                                f->n_known++;
                        }
                s += length + (s[length] == ',');
        }
        if (n != f->n_outputs)
                return fail(f, error, -EINVAL, "the number of labels is not that of the outputs");
        return f->n_known ? 0 : fail(f, error, -EINVAL, "no label of the model is one of the set");
}

int classifier_file_match(struct classifier_file *f, const struct dataset *d, struct classifier_error *error)
{
        const char *normalisation = nn_model_metadata(f->model, "emotiond.normalisation");
        const char *output = nn_model_metadata(f->model, "emotiond.output");
        int r = normalisation ? nn_normalisation_from_string(normalisation) : NN_NORMALISE_UNIT;

        if (r < 0)
                return fail(f, error, -EINVAL, "unknown normalisation");
        f->normalisation = (enum nn_normalisation)r;
        if (output && strcmp(output, "probabilities") != 0 && strcmp(output, "logits") != 0)
                return fail(f, error, -EINVAL, "unknown kind of output");
        f->logits = output && strcmp(output, "logits") == 0;
        return match_labels(f, d, error);
}

static bool knows(const struct classifier_file *f, unsigned class)
{
        for (unsigned i = 0; i < f->n_outputs; i++)
                if (f->class_of[i] == (int)class)
                        return true;
        return false;
}

int classifier_file_need_all(const struct classifier_file *f, const struct dataset *d, struct classifier_error *error)
{
        char missing[256] = "";
        size_t length = 0;

        for (unsigned c = 0; c < d->n_classes; c++) {
                size_t n = 0;

                for (size_t i = 0; i < d->n; i++)
                        n += d->classes[i] == c;
                if (n && !knows(f, c) && length < sizeof(missing) - 100)
                        length += (size_t)snprintf(missing + length, sizeof(missing) - length, "%s%s (%zu rows)",
                                                   length ? ", " : "", d->labels[c], n);
        }
        if (!length)
                return 0;
        snprintf(error->text, sizeof(error->text), "%.200s: the model does not know %s", f->path, missing);
        return -EINVAL;
}

void classifier_file_probabilities(const struct classifier_file *f, float *y)
{
        if (f->logits)
                softmax(y, f->n_outputs, y);
}
