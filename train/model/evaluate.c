/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "train/model/evaluate.h"

static void filep(struct classifier_file *f)
{
        classifier_file_close(f);
}

static void planp(struct nn_plan **p)
{
        nn_plan_free(*p);
}

struct evaluation {
        const struct dataset *d;
        struct classifier_file *file;
        struct nn_plan *plan;
        bool mirror;
        float *gray;             /* a picture of the set, at the size of the input */
        struct metrics *metrics; /* may be NULL */
        float *answers;          /* [d->n, d->n_classes]; may be NULL */
};

void evaluate_picture(const struct dataset *d, size_t row, unsigned width_px, unsigned height_px,
                      enum nn_normalisation normalisation, float *ret)
{
        size_t n = (size_t)width_px * height_px;
        struct nn_image im = { .data = d->pixels + row * d->width_px * d->height_px,
                               .width_px = d->width_px,
                               .height_px = d->height_px,
                               .stride_bytes = d->width_px };
        double sx = (double)d->width_px / width_px, sy = (double)d->height_px / height_px;
        struct nn_affine map = { { sx, 0, (sx - 1) / 2, 0, sy, (sy - 1) / 2 } };

        if (nn_image_warp(&im, &map, width_px, height_px, ret) < 0)
                memset(ret, 0, n * sizeof(*ret));
        nn_normalise(normalisation, ret, n);
}

/* @p: [n_outputs] probabilities */
static void count(const struct evaluation *e, size_t row, const float *p)
{
        float q[DATASET_MAX_CLASSES] = { 0 };
        const int *class_of = e->file->class_of;
        unsigned winner = 0;

        for (unsigned i = 0; i < e->file->n_outputs; i++) {
                if (p[i] > p[winner])
                        winner = i;
                if (class_of[i] >= 0)
                        q[class_of[i]] += p[i];
                else if (!isfinite(p[i]))
                        q[0] = NAN;
        }
        if (class_of[winner] < 0)
                q[0] = NAN; /* a label that no row can have: invalid, not the next best */
        if (e->metrics)
                metrics_add(e->metrics, e->d->classes[row], q);
        if (e->answers)
                memcpy(e->answers + row * e->d->n_classes, q, e->d->n_classes * sizeof(*q));
}

/* Adds to @sum what the network says of @n rows, or of their mirror images. */
static int look(struct evaluation *e, size_t first, size_t n, bool mirror, float (*sum)[DATASET_MAX_CLASSES])
{
        const struct classifier_file *f = e->file;
        size_t size = nn_form_size(&f->form);
        float *x = nn_plan_input(e->plan, 0)->data, p[DATASET_MAX_CLASSES];
        int r;

        memset(x, 0, EVALUATE_BATCH * size * sizeof(*x));
        for (size_t i = 0; i < n; i++) {
                evaluate_picture(e->d, first + i, f->form.width_px, f->form.height_px, NN_NORMALISE_NONE, e->gray);
                nn_form_fill(&f->form, e->gray, NULL, mirror, x + i * size);
        }
        r = nn_plan_run(e->plan);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                memcpy(p, (const float *)nn_plan_output(e->plan, 0)->data + i * f->n_outputs,
                       f->n_outputs * sizeof(*p));
                classifier_file_probabilities(f, p);
                for (unsigned k = 0; k < f->n_outputs; k++)
                        sum[i][k] += p[k];
        }
        return 0;
}

static int run_all(struct evaluation *e)
{
        unsigned n_looks = e->mirror ? 2 : 1;

        if (e->metrics)
                metrics_init(e->metrics, e->d->n_classes);
        for (size_t first = 0; first < e->d->n; first += EVALUATE_BATCH) {
                size_t n = MIN((size_t)EVALUATE_BATCH, e->d->n - first);
                float p[EVALUATE_BATCH][DATASET_MAX_CLASSES] = { 0 };

                for (unsigned i = 0; i < n_looks; i++) {
                        int r = look(e, first, n, i > 0, p);

                        if (r < 0)
                                return r;
                }
                for (size_t i = 0; i < n; i++) {
                        for (unsigned k = 0; k < e->file->n_outputs; k++)
                                p[i][k] /= (float)n_looks;
                        count(e, first + i, p[i]);
                }
        }
        return 0;
}

/* @what: what is wanted; its file and plan are made here */
static int evaluate_file(const char *path, const struct nn_form_text *text, unsigned threads, bool all_classes,
                         struct evaluation what, struct classifier_error *error)
{
        /* released in reverse order: the plan before its model */
        _cleanup_(filep) struct classifier_file file = { 0 };
        _cleanup_(planp) struct nn_plan *plan = NULL;
        _cleanup_(freep) float *gray = NULL;
        struct classifier_error ignored;
        int r;

        if (!error)
                error = &ignored;
        r = classifier_file_open(path, text, &file, error);
        if (r >= 0)
                r = classifier_file_plan(&file, EVALUATE_BATCH, threads, &plan, error);
        if (r >= 0)
                r = classifier_file_match(&file, what.d, error);
        if (r >= 0 && all_classes)
                r = classifier_file_need_all(&file, what.d, error);
        if (r < 0)
                return r;
        what.file = &file;
        what.plan = plan;
        what.gray = gray = calloc((size_t)file.form.width_px * file.form.height_px, sizeof(*gray));
        r = gray ? run_all(&what) : -ENOMEM;
        if (r < 0)
                snprintf(error->text, sizeof(error->text), "%.200s: %s", path, strerror(-r));
        return r;
}

int evaluate(const char *path, const struct dataset *d, unsigned threads, bool mirror, struct metrics *ret,
             struct classifier_error *error)
{
        return evaluate_file(path, NULL, threads, false,
                             (struct evaluation){ .d = d, .mirror = mirror, .metrics = ret }, error);
}

int evaluate_answers(const char *path, const struct dataset *d, unsigned threads, bool mirror, float *ret,
                     struct classifier_error *error)
{
        return evaluate_file(path, NULL, threads, true, (struct evaluation){ .d = d, .mirror = mirror, .answers = ret },
                             error);
}

int evaluate_as(const char *path, const struct nn_form_text *text, const struct dataset *d, unsigned threads,
                bool mirror, float *ret, struct classifier_error *error)
{
        return evaluate_file(path, text, threads, false,
                             (struct evaluation){ .d = d, .mirror = mirror, .answers = ret }, error);
}
