/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "train/evaluate.h"

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

static void count(const struct evaluation *e, size_t row, const float *y, struct metrics *m)
{
        float p[DATASET_MAX_CLASSES], q[DATASET_MAX_CLASSES] = { 0 };
        const int *class_of = e->file->class_of;
        unsigned winner = 0;

        memcpy(p, y, e->file->n_outputs * sizeof(*p));
        classifier_file_probabilities(e->file, p);
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
        metrics_add(m, e->d->classes[row], q);
}

static int run_all(struct evaluation *e, struct metrics *ret)
{
        struct nn_tensor *x = nn_plan_input(e->plan, 0);
        const struct nn_tensor *y = nn_plan_output(e->plan, 0);
        size_t size = (size_t)e->file->width_px * e->file->height_px;

        metrics_init(ret, e->d->n_classes);
        for (size_t first = 0; first < e->d->n; first += EVALUATE_BATCH) {
                size_t n = MIN((size_t)EVALUATE_BATCH, e->d->n - first);

                memset(x->data, 0, EVALUATE_BATCH * size * sizeof(float));
                for (size_t i = 0; i < n; i++)
                        evaluate_picture(e->d, first + i, e->file->width_px, e->file->height_px, e->file->normalisation,
                                         (float *)x->data + i * size);
                int r = nn_plan_run(e->plan);
                if (r < 0)
                        return r;
                for (size_t i = 0; i < n; i++)
                        count(e, first + i, (const float *)y->data + i * e->file->n_outputs, ret);
        }
        return 0;
}

int evaluate(const char *path, const struct dataset *d, unsigned threads, struct metrics *ret,
             struct classifier_error *error)
{
        /* released in reverse order: the plan before its model */
        _cleanup_(filep) struct classifier_file file = { 0 };
        _cleanup_(planp) struct nn_plan *plan = NULL;
        struct classifier_error ignored;
        int r;

        if (!error)
                error = &ignored;
        r = classifier_file_open(path, &file, error);
        if (r >= 0)
                r = classifier_file_plan(&file, EVALUATE_BATCH, threads, &plan, error);
        if (r >= 0)
                r = classifier_file_match(&file, d, error);
        if (r < 0)
                return r;
        r = run_all(&(struct evaluation) { .d = d, .file = &file, .plan = plan }, ret);
        if (r < 0)
                snprintf(error->text, sizeof(error->text), "%.200s: %s", path, strerror(-r));
        return r;
}
