/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "train/model/classifier-file.h"
#include "train/net/loss.h"

static int fail(const struct classifier_file *f, struct classifier_error *error, int r, const char *text)
{
        snprintf(error->text, sizeof(error->text), "%.200s: %.250s", f->path, text);
        return r;
}

int classifier_file_open(const char *path, const struct nn_form_text *text, struct classifier_file *ret,
                         struct classifier_error *error)
{
        struct nn_error e = { "" };
        int r;

        *ret = (struct classifier_file){ .path = path };
        r = nn_model_load(path, &ret->model, &e);
        if (r >= 0)
                r = nn_form_read(ret->model, text, &ret->form, &e);
        return r < 0 ? fail(ret, error, r, e.text[0] ? e.text : strerror(-r)) : 0;
}

void classifier_file_close(struct classifier_file *f)
{
        f->model = nn_model_free(f->model);
}

static int check_shapes(struct classifier_file *f, struct nn_plan *plan, unsigned batch, struct classifier_error *error)
{
        const struct nn_tensor *y = nn_plan_output(plan, 0);

        if (!nn_form_fits(&f->form, nn_plan_input(plan, 0), batch))
                return fail(f, error, -EINVAL, "the input cannot have the shape that the file says");
        if (y->type != NN_FLOAT32 || y->n_dims < 2 || y->dims[0] != batch || y->dims[1] < 1 ||
            y->dims[1] > DATASET_MAX_CLASSES || nn_tensor_n_elements(y) != batch * y->dims[1])
                return fail(f, error, -EINVAL, "the output is not [N, classes]");
        f->n_outputs = (unsigned)y->dims[1];
        return 0;
}

int classifier_file_plan(struct classifier_file *f, unsigned batch, unsigned threads, struct nn_plan **ret,
                         struct classifier_error *error)
{
        const struct nn_tensor input = nn_form_tensor(&f->form, batch);
        const struct nn_plan_options options = { .batch = batch,
                                                 .threads = threads,
                                                 .inputs = f->form.open_size ? &input : NULL };
        struct nn_plan *plan = NULL;
        struct nn_error e = { "" };
        int r;

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

int classifier_file_match(struct classifier_file *f, const struct dataset *d, struct classifier_error *error)
{
        unsigned n = f->form.n_labels;

        f->n_known = n ? 0 : d->n_classes;
        for (unsigned i = 0; i < DATASET_MAX_CLASSES; i++)
                f->class_of[i] = n || i >= d->n_classes ? -1 : (int)i;
        if (!n && f->n_outputs != d->n_classes)
                return fail(f, error, -EINVAL, "no labels, and not as many outputs as the set has classes");
        if (n && n != f->n_outputs)
                return fail(f, error, -EINVAL, "the number of labels is not that of the outputs");
        for (unsigned i = 0; i < n; i++)
                for (unsigned c = 0; c < d->n_classes; c++)
                        if (strcmp(d->labels[c], f->form.labels[i]) == 0) {
                                f->class_of[i] = (int)c;
                                f->n_known++;
                        }
        return f->n_known ? 0 : fail(f, error, -EINVAL, "no label of the model is one of the set");
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
        if (f->form.logits)
                softmax(y, f->n_outputs, y);
}
