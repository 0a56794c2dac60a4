/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/emotion-nn.h"
#include "train/data/landmark-crop.h"
#include "train/model/evaluate-faces.h"

#define FAILURE 0.08
#define BACKGROUND_SQUARES 8 /* a picture */

const struct evaluate_framing evaluate_framings[EVALUATE_FRAMINGS] = {
        { "as it should be", 0, 1, 0, 1 },
        { "shifted by 15 %", 0.15, 1, 0, 1 },
        { "smaller by 15 %", 0, 0.85, 0, 1 },
        { "larger by 15 %", 0, 1.15, 0, 1 },
        { "turned by 15 degrees", 0, 1, 15, 1 },
        { "turned by 30 degrees", 0, 1, 30, 1 },
        { "turned by -30 degrees", 0, 1, -30, 1 },
        { "shifted by 15 %, second pass", 0.15, 1, 0, 2 },
        { "turned by 30 degrees, second pass", 0, 1, 30, 2 },
};

static void modelp(struct nn_model **m)
{
        nn_model_free(*m);
}

static void planp(struct nn_plan **p)
{
        nn_plan_free(*p);
}

static int fail(struct classifier_error *error, int r, const char *path, const char *text)
{
        snprintf(error->text, sizeof(error->text), "%.200s: %.250s", path, text);
        return r;
}

int evaluate_kind(const char *path, struct classifier_error *error)
{
        _cleanup_(modelp) struct nn_model *model = NULL;
        struct nn_error e = { "" };
        const char *task;
        int r = nn_model_load(path, &model, &e);

        if (r < 0)
                return fail(error, r, path, e.text[0] ? e.text : strerror(-r));
        task = nn_model_metadata(model, "emotiond.task");
        if (task && strcmp(task, "landmarks") == 0)
                return EVALUATE_LANDMARKS;
        return task && strcmp(task, "detect") == 0 ? EVALUATE_DETECTOR : EVALUATE_CLASSIFIER;
}

/* A landmark network made ready for one picture at a time. */
struct aligner {
        struct nn_plan *plan;
        const float *points, *confidence;
        unsigned side_px;
        double crop;
        enum nn_normalisation normalisation;
};

static int read_metadata(const struct nn_model *m, struct aligner *a)
{
        const char *crop = nn_model_metadata(m, "emotiond.crop"),
                   *name = nn_model_metadata(m, "emotiond.normalisation");
        int r = nn_normalisation_from_string(name ? name : "unit");
        char *end = NULL;

        a->crop = crop ? strtod(crop, &end) : 1.3;
        if (r < 0 || (crop && (end == crop || *end)) || !(a->crop > 0.1 && a->crop < 10))
                return -EINVAL;
        a->normalisation = (enum nn_normalisation)r;
        return 0;
}

static int find_outputs(const struct nn_model *m, struct aligner *a)
{
        for (size_t i = 0; i < nn_model_n_outputs(m); i++) {
                const struct nn_tensor *t = nn_plan_output(a->plan, i);

                if (t->type != NN_FLOAT32)
                        continue;
                if (strcmp(nn_model_output_name(m, i), "points") == 0 && nn_tensor_n_elements(t) == 2 * LANDMARKS)
                        a->points = t->data;
                if (strcmp(nn_model_output_name(m, i), "confidence") == 0 && nn_tensor_n_elements(t) == 1)
                        a->confidence = t->data;
        }
        return a->points && a->confidence ? 0 : -EINVAL;
}

static int open_aligner(const char *path, unsigned threads, struct nn_model **ret_model, struct aligner *a,
                        struct classifier_error *error)
{
        const struct nn_plan_options options = { .batch = 1, .threads = threads };
        struct nn_error e = { "" };
        const struct nn_tensor *x;
        int r = nn_model_load(path, ret_model, &e);

        if (r >= 0)
                r = nn_plan_new(*ret_model, &options, &a->plan, &e);
        if (r < 0)
                return fail(error, r, path, e.text[0] ? e.text : strerror(-r));
        x = nn_plan_input(a->plan, 0);
        if (nn_model_n_inputs(*ret_model) != 1 || x->type != NN_FLOAT32 || x->n_dims != 4 || x->dims[1] != 1 ||
            x->dims[2] != x->dims[3] || x->dims[2] < 8 || x->dims[2] > 1024)
                return fail(error, -EINVAL, path, "the input is no grey square");
        a->side_px = (unsigned)x->dims[2];
        if (find_outputs(*ret_model, a) < 0 || read_metadata(*ret_model, a) < 0)
                return fail(error, -EINVAL, path, "not a landmark network's outputs and metadata");
        return 0;
}

static int run_on(struct aligner *a, const struct landmark_face *f, const struct nn_affine *map)
{
        float *x = nn_plan_input(a->plan, 0)->data;

        landmark_crop(f, map, a->side_px, x);
        nn_normalise(a->normalisation, x, (size_t)a->side_px * a->side_px);
        return nn_plan_run(a->plan);
}

/* Points of the last run in the picture's pixels. */
static void picture_points(const struct aligner *a, const struct nn_affine *map, float (*ret)[2])
{
        const double *m = map->m;

        for (unsigned i = 0; i < LANDMARKS; i++) {
                double x = (double)a->points[2 * i] * a->side_px - 0.5,
                       y = (double)a->points[2 * i + 1] * a->side_px - 0.5;

                ret[i][0] = (float)(m[0] * x + m[1] * y + m[2] + 0.5);
                ret[i][1] = (float)(m[3] * x + m[4] * y + m[5] + 0.5);
        }
}

/* The frame round points: their box, upright as their eyes are. */
static struct nn_affine frame_again(const struct aligner *a, const struct landmark_face *f, const float (*points)[2])
{
        struct landmark_face found = { .image = f->image };
        struct landmark_frame frame = { .scale = 1, .stretch = 1 };

        memcpy(found.points, points, sizeof(found.points));
        frame.roll_rad =
                atan2((double)points[45][1] - (double)points[36][1], (double)points[45][0] - (double)points[36][0]);
        return landmark_crop_map(&found, &frame, a->crop, a->side_px);
}

static int measure_face(struct aligner *a, const struct evaluate_framing *how, size_t index,
                        const struct landmark_face *f, double *ret_error, bool *ret_found)
{
        double angle = (double)index * 2.399963; /* the golden angle: directions are spread evenly */
        const struct landmark_frame frame = { .roll_rad = how->roll_deg * (M_PI / 180),
                                              .shift_x = how->shift * cos(angle),
                                              .shift_y = how->shift * sin(angle),
                                              .scale = how->scale,
                                              .stretch = 1 };
        struct nn_affine map = landmark_crop_map(f, &frame, a->crop, a->side_px);
        float points[LANDMARKS][2];
        int r = 0;

        for (unsigned pass = 0; pass < how->passes && r >= 0; pass++) {
                if (pass)
                        map = frame_again(a, f, (const float(*)[2])points);
                r = run_on(a, f, &map);
                picture_points(a, &map, points);
        }
        *ret_error = landmark_error((const float(*)[2])points, f->points);
        *ret_found = *a->confidence >= 0.5f;
        return r;
}

static int by_value(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static int measure(struct aligner *a, const struct evaluate_framing *how, const struct landmark_set *set,
                   double *errors, struct evaluate_points *ret)
{
        struct evaluate_points p = { 0 };

        for (size_t i = 0; i < set->n; i++) {
                bool found;
                int r;

                if (!set->faces[i].kept)
                        continue;
                r = measure_face(a, how, i, &set->faces[i], &errors[p.n], &found);
                if (r < 0)
                        return r;
                p.mean += errors[p.n];
                p.failures += !(errors[p.n] <= FAILURE);
                p.found += found;
                p.n++;
        }
        if (p.n) {
                qsort(errors, p.n, sizeof(*errors), by_value);
                p.median = errors[p.n / 2];
                p.mean /= (double)p.n;
                p.failures /= (double)p.n;
                p.found /= (double)p.n;
        }
        *ret = p;
        return 0;
}

/* Squares of several sizes, spread over each picture without faces that is kept back. */
static int measure_background(struct aligner *a, const struct scene_set *set, struct evaluate_landmarks *ret)
{
        size_t found = 0;

        for (size_t i = 0; i < set->n; i++)
                for (unsigned k = 0; k < BACKGROUND_SQUARES; k++) {
                        struct landmark_face f = { .image = set->scenes[i].levels[0] };
                        double side =
                                MIN(f.image.width_px, f.image.height_px) * (0.25 + 0.75 * k / (BACKGROUND_SQUARES - 1));
                        double at = (k * 5 % BACKGROUND_SQUARES) / (BACKGROUND_SQUARES - 1.0);
                        struct nn_affine map =
                                nn_affine_from_square(side / 2 + at * (f.image.width_px - side) - 0.5,
                                                      f.image.height_px / 2.0 - 0.5, side, 0, a->side_px);
                        int r = run_on(a, &f, &map);

                        if (r < 0)
                                return r;
                        ret->n_background++;
                        found += *a->confidence >= 0.5f;
                }
        ret->background_found = ret->n_background ? (double)found / (double)ret->n_background : 0;
        return 0;
}

int evaluate_landmarks(const char *path, const struct evaluate_landmarks_options *options,
                       struct evaluate_landmarks *ret, struct classifier_error *error)
{
        const struct scene_options kept = { .part = SCENES_KEPT, .face_free = true };
        /* released in reverse order: the plan before its model */
        _cleanup_(modelp) struct nn_model *model = NULL;
        _cleanup_(planp) struct nn_plan *plan = NULL;
        _cleanup_(landmark_set_freep) struct landmark_set *set = NULL;
        _cleanup_(scene_set_freep) struct scene_set *scenes = NULL;
        _cleanup_(freep) double *errors = NULL;
        struct dataset_error data_error = { "out of memory" };
        struct landmark_options how = { .offsets = options->offsets };
        struct aligner a = { 0 };
        int r = open_aligner(path, options->threads, &model, &a, error);

        plan = a.plan;
        if (r < 0)
                return r;
        *ret = (struct evaluate_landmarks){ 0 };
        how.side_px = LANDMARK_OVERSAMPLING * a.side_px / a.crop;
        r = landmark_set_load(options->data, &how, &set, &data_error);
        if (r >= 0 && options->background)
                r = scene_set_load(options->background, &kept, &scenes, &data_error);
        if (r < 0) {
                snprintf(error->text, sizeof(error->text), "%s", data_error.text);
                return r;
        }
        errors = calloc(set->n, sizeof(*errors));
        if (!errors)
                return fail(error, -ENOMEM, path, "out of memory");
        for (unsigned i = 0; i < EVALUATE_FRAMINGS && r >= 0; i++)
                r = measure(&a, &evaluate_framings[i], set, errors, &ret->framings[i]);
        if (r >= 0 && scenes)
                r = measure_background(&a, scenes, ret);
        return r < 0 ? fail(error, r, path, strerror(-r)) : 0;
}
