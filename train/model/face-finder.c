/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/emotion-nn.h"
#include "train/model/detect-score.h"
#include "train/model/face-finder.h"

#define SUPPRESS_IOU 0.4

struct face_finder {
        struct nn_model *model;
        struct nn_plan *plan;
        unsigned side_px;
        bool head;
        enum nn_normalisation normalisation;
        struct detect_level levels[DETECT_LEVELS];
};

static int fail(struct classifier_error *error, int r, const char *path, const char *text)
{
        snprintf(error->text, sizeof(error->text), "%.200s: %.250s", path, text);
        return r;
}

static int open_finder(const char *path, unsigned threads, struct face_finder *f, struct classifier_error *error)
{
        const struct nn_tensor input = { .type = NN_FLOAT32, .n_dims = 4, .dims = { 1, 1, f->side_px, f->side_px } };
        const struct nn_plan_options options = { .threads = threads, .inputs = &input };
        struct nn_error e = { "" };
        const char *normalisation, *box;
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
        box = nn_model_metadata(f->model, "emotiond.box");
        f->head = !box || strcmp(box, "head") == 0;
        r = detect_find_levels(f->model, f->plan, f->side_px, f->side_px, f->levels, &e);
        return r < 0 ? fail(error, r, path, e.text) : 0;
}

int face_finder_new(const char *path, unsigned side_px, unsigned threads, struct face_finder **ret,
                    struct classifier_error *error)
{
        _cleanup_(face_finder_freep) struct face_finder *f = calloc(1, sizeof(*f));
        int r;

        if (!f)
                return fail(error, -ENOMEM, path, "out of memory");
        f->side_px = side_px;
        r = open_finder(path, threads, f, error);
        if (r < 0)
                return r;
        *ret = STEAL(f);
        return 0;
}

struct face_finder *face_finder_free(struct face_finder *f)
{
        if (!f)
                return NULL;
        nn_plan_free(f->plan);
        nn_model_free(f->model);
        free(f);
        return NULL;
}

bool face_finder_has_head(const struct face_finder *f)
{
        return f->head;
}

/* The picture, scaled, in the top left corner, grey beside it. */
static int fill_input(const struct face_finder *f, const struct nn_image *im, double scale)
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

int face_finder_find(struct face_finder *f, const struct nn_image *im, double threshold, struct detections *ret)
{
        double scale = MIN((double)f->side_px / MAX(im->width_px, im->height_px), 1.0);
        int r = fill_input(f, im, scale);

        ret->n = 0;
        if (r >= 0)
                r = nn_plan_run(f->plan);
        for (unsigned i = 0; i < DETECT_LEVELS && r >= 0; i++)
                r = detect_decode(&f->levels[i], threshold, ret);
        detect_suppress(ret, SUPPRESS_IOU);
        detect_to_picture(ret, scale);
        return r;
}
