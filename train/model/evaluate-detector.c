/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/emotion-nn.h"
#include "train/model/evaluate-faces.h"

#define LEAST_SCORE 0.02 /* what is below is not part of the curve */
#define SUPPRESS_IOU 0.4

static void modelp(struct nn_model **m)
{
        nn_model_free(*m);
}

static void planp(struct nn_plan **p)
{
        nn_plan_free(*p);
}

struct finder {
        struct nn_model *model;
        struct nn_plan *plan;
        unsigned side_px;
        enum nn_normalisation normalisation;
        struct detect_level levels[DETECT_LEVELS];
};

static int fail(struct classifier_error *error, int r, const char *path, const char *text)
{
        snprintf(error->text, sizeof(error->text), "%.200s: %.250s", path, text);
        return r;
}

static int open_finder(const char *path, unsigned threads, struct finder *f, struct classifier_error *error)
{
        const struct nn_tensor input = { .type = NN_FLOAT32, .n_dims = 4, .dims = { 1, 1, f->side_px, f->side_px } };
        const struct nn_plan_options options = { .threads = threads, .inputs = &input };
        struct nn_error e = { "" };
        const char *normalisation;
        int r = nn_model_load(path, &f->model, &e);

        if (r >= 0 && nn_model_n_inputs(f->model) != 1)
                return fail(error, -EINVAL, path, "not one input");
        if (r >= 0)
                r = nn_plan_new(f->model, &options, &f->plan, &e);
        if (r < 0)
                return fail(error, r, path, e.text[0] ? e.text : strerror(-r));
        normalisation = nn_model_metadata(f->model, "emotiond.normalisation");
        r = nn_normalisation_from_string(normalisation ? normalisation : "none");
        if (r < 0)
                return fail(error, r, path, "unknown normalisation");
        f->normalisation = (enum nn_normalisation)r;
        r = detect_find_levels(f->model, f->plan, f->side_px, f->side_px, f->levels, &e);
        return r < 0 ? fail(error, r, path, e.text) : 0;
}

/* The picture, scaled, in the top left corner, grey beside it. */
static int fill_input(const struct finder *f, const struct nn_image *im, double scale)
{
        unsigned w = (unsigned)CLAMP(lround(im->width_px * scale), 1L, (long)f->side_px);
        unsigned h = (unsigned)CLAMP(lround(im->height_px * scale), 1L, (long)f->side_px);
        _cleanup_(freep) uint8_t *small = malloc((size_t)w * h);
        float *x = nn_plan_input(f->plan, 0)->data;
        size_t n = (size_t)f->side_px * f->side_px;
        int r = small ? nn_image_resize(im, w, h, small) : -ENOMEM;

        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                x[i] = 127.5f;
        for (size_t i = 0; i < h; i++)
                for (size_t k = 0; k < w; k++)
                        x[i * f->side_px + k] = small[i * w + k];
        nn_normalise(f->normalisation, x, n);
        return 0;
}

static int find_faces(const struct finder *f, const struct scene *s, struct detections *ret)
{
        const struct nn_image *im = &s->levels[0];
        double scale = MIN((double)f->side_px / MAX(im->width_px, im->height_px), 1.0);
        int r = fill_input(f, im, scale);

        ret->n = 0;
        if (r >= 0)
                r = nn_plan_run(f->plan);
        for (unsigned i = 0; i < DETECT_LEVELS && r >= 0; i++)
                r = detect_decode(&f->levels[i], LEAST_SCORE, ret);
        detect_suppress(ret, SUPPRESS_IOU);
        detect_to_picture(ret, scale);
        return r;
}

int evaluate_detector(const char *path, const char *data, const struct evaluate_detector_options *options,
                      struct detect_score *ret, struct classifier_error *error)
{
        const struct scene_options wanted = { .part = options->part };
        /* released in reverse order: the plan before its model */
        _cleanup_(modelp) struct nn_model *model = NULL;
        _cleanup_(planp) struct nn_plan *plan = NULL;
        _cleanup_(scene_set_freep) struct scene_set *set = NULL;
        struct dataset_error data_error = { "out of memory" };
        struct finder f = { .side_px = options->side_px };
        struct detections found = { 0 };
        struct detect_score score = { 0 };
        int r = open_finder(path, options->threads, &f, error);

        model = f.model;
        plan = f.plan;
        if (r < 0)
                return r;
        r = scene_set_load(data, &wanted, &set, &data_error);
        if (r < 0) {
                snprintf(error->text, sizeof(error->text), "%s", data_error.text);
                return r;
        }
        for (size_t i = 0; i < set->n && r >= 0; i++) {
                r = find_faces(&f, &set->scenes[i], &found);
                if (r >= 0)
                        r = detect_score_add(&score, &found, set->scenes[i].faces, set->scenes[i].n_faces,
                                             options->iou);
        }
        detections_done(&found);
        if (r < 0) {
                detect_score_done(&score);
                return fail(error, r, path, strerror(-r));
        }
        detect_score_sort(&score);
        *ret = score;
        return 0;
}
