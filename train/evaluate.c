/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "nn/emotion-nn.h"
#include "nn/image.h"
#include "train/evaluate.h"

static void modelp(struct nn_model **m)
{
        nn_model_free(*m);
}

static void planp(struct nn_plan **p)
{
        nn_plan_free(*p);
}

struct evaluation {
        const char *path;
        const struct dataset *d;
        struct nn_model *model;
        struct nn_plan *plan;
        struct evaluate_error *error;
        unsigned width_px, height_px, n_outputs;
        enum nn_normalisation normalisation;
        bool logits;
        int class_of[DATASET_MAX_CLASSES]; /* of each output; -1: the set has no such label */
};

static int fail(const struct evaluation *e, int r, const char *text)
{
        snprintf(e->error->text, sizeof(e->error->text), "%.200s: %.250s", e->path, text);
        return r;
}

/* Which class of the set each label of the model is. Without the metadata the order is taken to be the same. */
static int match_labels(struct evaluation *e)
{
        const char *labels = nn_model_metadata(e->model, "emotiond.labels");
        unsigned n = 0, n_known = 0;

        for (unsigned i = 0; i < DATASET_MAX_CLASSES; i++)
                e->class_of[i] = labels || i >= e->d->n_classes ? -1 : (int)i;
        if (!labels)
                return e->n_outputs == e->d->n_classes ? 0 : fail(e, -EINVAL, "no labels, and not as many outputs as "
                                                                              "the set has classes");
        for (const char *s = labels; *s && n < DATASET_MAX_CLASSES; n++) {
                size_t length = strcspn(s, ",");

                for (unsigned c = 0; c < e->d->n_classes; c++)
                        if (strlen(e->d->labels[c]) == length && strncmp(e->d->labels[c], s, length) == 0) {
                                e->class_of[n] = (int)c;
                                n_known++;
                        }
                s += length + (s[length] == ',');
        }
        if (n != e->n_outputs)
                return fail(e, -EINVAL, "the number of labels is not that of the outputs");
        return n_known ? 0 : fail(e, -EINVAL, "no label of the model is one of the set");
}

static int read_metadata(struct evaluation *e)
{
        const char *normalisation = nn_model_metadata(e->model, "emotiond.normalisation");
        const char *output = nn_model_metadata(e->model, "emotiond.output");
        int r = normalisation ? nn_normalisation_from_string(normalisation) : NN_NORMALISE_UNIT;

        if (r < 0)
                return fail(e, -EINVAL, "unknown normalisation");
        e->normalisation = (enum nn_normalisation)r;
        if (output && strcmp(output, "probabilities") != 0 && strcmp(output, "logits") != 0)
                return fail(e, -EINVAL, "unknown kind of output");
        e->logits = output && strcmp(output, "logits") == 0;
        return match_labels(e);
}

static int make_plan(struct evaluation *e, unsigned threads)
{
        struct nn_plan_options options = { .batch = EVALUATE_BATCH, .threads = threads };
        struct nn_error error = { "" };
        int r = nn_model_load(e->path, &e->model, &error);

        if (r < 0)
                return fail(e, r, error.text[0] ? error.text : strerror(-r));
        if (nn_model_n_inputs(e->model) != 1 || nn_model_n_outputs(e->model) != 1)
                return fail(e, -EINVAL, "not one input and one output");
        r = nn_plan_new(e->model, &options, &e->plan, &error);
        if (r < 0)
                return fail(e, r, error.text);

        const struct nn_tensor *x = nn_plan_input(e->plan, 0), *y = nn_plan_output(e->plan, 0);
        if (x->type != NN_FLOAT32 || x->n_dims != 4 || x->dims[0] != EVALUATE_BATCH || x->dims[1] != 1 ||
            x->dims[2] < 1 || x->dims[2] > 4096 || x->dims[3] < 1 || x->dims[3] > 4096)
                return fail(e, -EINVAL, "the input is not [N, 1, height, width]");
        if (y->type != NN_FLOAT32 || y->n_dims != 2 || y->dims[0] != EVALUATE_BATCH || y->dims[1] < 1 ||
            y->dims[1] > DATASET_MAX_CLASSES)
                return fail(e, -EINVAL, "the output is not [N, classes]");
        e->height_px = (unsigned)x->dims[2];
        e->width_px = (unsigned)x->dims[3];
        e->n_outputs = (unsigned)y->dims[1];
        return read_metadata(e);
}

static void fill_input(const struct evaluation *e, size_t row, float *ret)
{
        const struct dataset *d = e->d;
        size_t n = (size_t)e->width_px * e->height_px;
        struct nn_image im = { .data = d->pixels + row * d->width_px * d->height_px,
                               .width_px = d->width_px,
                               .height_px = d->height_px,
                               .stride_bytes = d->width_px };
        double sx = (double)d->width_px / e->width_px, sy = (double)d->height_px / e->height_px;
        struct nn_affine map = { { sx, 0, (sx - 1) / 2, 0, sy, (sy - 1) / 2 } };

        if (nn_image_warp(&im, &map, e->width_px, e->height_px, ret) < 0)
                memset(ret, 0, n * sizeof(*ret));
        nn_normalise(e->normalisation, ret, n);
}

static void softmax(float *x, unsigned n)
{
        float max = x[0], sum = 0;

        for (unsigned i = 1; i < n; i++)
                max = MAX(max, x[i]);
        for (unsigned i = 0; i < n; i++)
                sum += x[i] = expf(x[i] - max);
        for (unsigned i = 0; i < n; i++)
                x[i] /= sum;
}

static void count(const struct evaluation *e, size_t row, const float *y, struct metrics *m)
{
        float p[DATASET_MAX_CLASSES], q[DATASET_MAX_CLASSES] = { 0 };
        unsigned winner = 0;

        memcpy(p, y, e->n_outputs * sizeof(*p));
        if (e->logits)
                softmax(p, e->n_outputs);
        for (unsigned i = 0; i < e->n_outputs; i++) {
                if (p[i] > p[winner])
                        winner = i;
                if (e->class_of[i] >= 0)
                        q[e->class_of[i]] += p[i];
                else if (!isfinite(p[i]))
                        q[0] = NAN;
        }
        if (e->class_of[winner] < 0)
                q[0] = NAN; /* a label that no row can have: invalid, not the next best */
        metrics_add(m, e->d->classes[row], q);
}

static int run_all(struct evaluation *e, struct metrics *ret)
{
        struct nn_tensor *x = nn_plan_input(e->plan, 0);
        const struct nn_tensor *y = nn_plan_output(e->plan, 0);
        size_t size = (size_t)e->width_px * e->height_px;

        metrics_init(ret, e->d->n_classes);
        for (size_t first = 0; first < e->d->n; first += EVALUATE_BATCH) {
                size_t n = MIN((size_t)EVALUATE_BATCH, e->d->n - first);

                memset(x->data, 0, EVALUATE_BATCH * size * sizeof(float));
                for (size_t i = 0; i < n; i++)
                        fill_input(e, first + i, (float *)x->data + i * size);
                int r = nn_plan_run(e->plan);
                if (r < 0)
                        return fail(e, r, strerror(-r));
                for (size_t i = 0; i < n; i++)
                        count(e, first + i, (const float *)y->data + i * e->n_outputs, ret);
        }
        return 0;
}

int evaluate(const char *path, const struct dataset *d, unsigned threads, struct metrics *ret,
             struct evaluate_error *error)
{
        /* released in reverse order: the plan before its model */
        _cleanup_(modelp) struct nn_model *model = NULL;
        _cleanup_(planp) struct nn_plan *plan = NULL;
        struct evaluate_error ignored;
        struct evaluation e = { .path = path, .d = d, .error = error ? error : &ignored };
        int r = make_plan(&e, threads);

        model = e.model;
        plan = e.plan;
        return r < 0 ? r : run_all(&e, ret);
}
