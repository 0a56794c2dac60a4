/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/error.h"
#include "nn/landmarks.h"

#define MIN_SIDE_PX 8
#define MAX_SIDE_PX 1024
/* See struct landmarks_square. */
#define SQUARE_DOWN 0.32
#define SQUARE_SIDE 2.78
/* Side of FER2013's pictures in boxes from the brows to the chin; plugins/box/README.md tells how it was measured. */
#define CROP_PER_BOX 1.035
/* The next pass is worth its time if the face lies farther from where it should be than this: turn in radians (15
 * degrees), shift in sides, ratio of sides. */
#define MAX_TURN 0.262
#define MAX_SHIFT 0.12
#define MAX_RATIO 1.2
/* Under this there is nothing to come nearer to. */
#define NO_FACE 0.1f
/* A later pass about a worse place can only be a false step if its confidence falls below this share. */
#define KEEP_SHARE 0.8f

struct landmarks {
        struct nn_model *model;
        struct nn_plan *plan;
        const float *points, *confidence; /* outputs */
        float *input;
        enum nn_normalisation normalisation;
        unsigned side_px; /* of the input */
        double crop;
};

static int read_metadata(struct landmarks *l, struct nn_error *error)
{
        const char *task = nn_model_metadata(l->model, "emotiond.task");
        const char *normalisation = nn_model_metadata(l->model, "emotiond.normalisation");
        const char *crop = nn_model_metadata(l->model, "emotiond.crop");
        char *end;
        int r;

        if (!task || strcmp(task, "landmarks") != 0)
                return nn_fail(error, -EINVAL, "its task (metadata emotiond.task) is '%.40s', not 'landmarks'",
                               task ?: "");
        r = nn_normalisation_from_string(normalisation ?: "unit");
        if (r < 0)
                return nn_fail(error, -EINVAL, "it wants the unknown normalisation '%.40s'", normalisation);
        l->normalisation = (enum nn_normalisation)r;
        l->crop = crop ? strtod(crop, &end) : 1;
        if (crop && (end == crop || *end || !(l->crop >= 0.5 && l->crop <= 4)))
                return nn_fail(error, -EINVAL, "its emotiond.crop is '%.40s', not a number in 0.5..4", crop);
        return 0;
}

static int check_input(struct landmarks *l, struct nn_error *error)
{
        const struct nn_tensor *in = nn_model_input(l->model, 0);

        if (nn_model_n_inputs(l->model) != 1 || in->type != NN_FLOAT32 || in->n_dims != 4 || in->dims[0] > 1 ||
            in->dims[1] != 1 || in->dims[2] != in->dims[3] || in->dims[2] < MIN_SIDE_PX || in->dims[2] > MAX_SIDE_PX)
                return nn_fail(error, -EINVAL, "it must have one input [1, 1, S, S] of float32, S in %d..%d",
                               MIN_SIDE_PX, MAX_SIDE_PX);
        l->side_px = (unsigned)in->dims[2];
        return 0;
}

static const float *find_output(const struct landmarks *l, const char *name, int64_t n)
{
        for (size_t i = 0; i < nn_model_n_outputs(l->model); i++) {
                const struct nn_tensor *t = nn_plan_output(l->plan, i);

                if (strcmp(nn_model_output_name(l->model, i), name) == 0)
                        return t && t->type == NN_FLOAT32 && nn_tensor_n_elements(t) == n ? t->data : NULL;
        }
        return NULL;
}

static int make_plan(struct landmarks *l, struct nn_error *error)
{
        int r = nn_plan_new_last(l->model, NULL, &l->plan, error);

        if (r < 0)
                return r;
        l->input = nn_plan_input(l->plan, 0)->data;
        l->points = find_output(l, "points", 2 * LANDMARKS_N);
        l->confidence = find_output(l, "confidence", 1);
        if (!l->points || !l->confidence)
                return nn_fail(error, -EINVAL,
                               "it must have the outputs points [1, %d] and confidence [1, 1] of float32",
                               2 * LANDMARKS_N);
        return 0;
}

int landmarks_new(const char *path, struct landmarks **ret, struct nn_error *error)
{
        struct landmarks *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return nn_fail(error, -ENOMEM, "out of memory");
        r = nn_model_load(path, &l->model, error);
        if (r >= 0)
                r = read_metadata(l, error);
        if (r >= 0)
                r = check_input(l, error);
        if (r >= 0)
                r = make_plan(l, error);
        if (r < 0) {
                landmarks_free(l);
                return r;
        }
        *ret = l;
        return 0;
}

struct landmarks *landmarks_free(struct landmarks *l)
{
        if (!l)
                return NULL;
        nn_plan_free(l->plan);
        nn_model_free(l->model);
        free(l);
        return NULL;
}

/* Shares of the crop to pixels of the picture. */
static int place_points(const struct landmarks *l, const struct nn_affine *map, struct landmarks_face *ret)
{
        const double *m = map->m;

        for (size_t i = 0; i < LANDMARKS_N; i++) {
                double x = (double)l->points[2 * i] * l->side_px - 0.5;
                double y = (double)l->points[2 * i + 1] * l->side_px - 0.5;

                ret->points[i][0] = (float)(m[0] * x + m[1] * y + m[2]);
                ret->points[i][1] = (float)(m[3] * x + m[4] * y + m[5]);
                if (!isfinite(ret->points[i][0]) || !isfinite(ret->points[i][1]))
                        return -EBADMSG;
        }
        return 0;
}

int landmarks_run(struct landmarks *l, const struct nn_image *image, const struct landmarks_square *square,
                  struct landmarks_face *ret)
{
        struct landmarks_face face;
        struct nn_affine map;
        int r;

        if (!(square->side_px >= 1))
                return -EINVAL;
        map = nn_affine_from_square(square->x, square->y, square->side_px * l->crop, square->roll_rad, l->side_px);
        r = nn_image_warp(image, &map, l->side_px, l->side_px, l->input);
        if (r < 0)
                return r;
        nn_normalise(l->normalisation, l->input, (size_t)l->side_px * l->side_px);
        r = nn_plan_run(l->plan);
        if (r < 0)
                return r;
        face.confidence = CLAMP(*l->confidence, 0.f, 1.f);
        r = isfinite(*l->confidence) ? place_points(l, &map, &face) : -EBADMSG;
        if (r < 0)
                return r;
        *ret = face;
        return 0;
}

/* Mean of @n points from @first on. */
static void mean_of(const float (*points)[2], unsigned first, unsigned n, double *ret_x, double *ret_y)
{
        *ret_x = *ret_y = 0;
        for (unsigned i = first; i < first + n; i++) {
                *ret_x += (double)points[i][0] / n;
                *ret_y += (double)points[i][1] / n;
        }
}

struct landmarks_square landmarks_square_of_crop(unsigned side_px)
{
        return (struct landmarks_square){ .x = (side_px - 1) / 2.0,
                                          .y = (side_px - 1) / 2.0,
                                          .side_px = side_px * (LANDMARKS_SQUARE_PER_BOX / CROP_PER_BOX) };
}

bool landmarks_square_of(const float (*points)[2], struct landmarks_square *ret)
{
        double left[2], right[2], eyes[2], down[2];

        mean_of(points, 36, 6, &left[0], &left[1]);
        mean_of(points, 42, 6, &right[0], &right[1]);
        for (size_t k = 0; k < 2; k++) {
                eyes[k] = (left[k] + right[k]) / 2;
                down[k] = ((double)points[48][k] + (double)points[54][k]) / 2 - eyes[k];
        }
        /* both lines as directions to the right: in a profile the first is short, in a bowed head the second */
        double dx = right[0] - left[0] + down[1], dy = right[1] - left[1] - down[0];
        double side = SQUARE_SIDE * hypot(down[0], down[1]);

        /* written so that a NaN fails */
        if (!(side >= 1 && side < 1e9 && hypot(dx, dy) > 1e-3 * side))
                return false;
        *ret = (struct landmarks_square){ .x = eyes[0] + SQUARE_DOWN * down[0],
                                          .y = eyes[1] + SQUARE_DOWN * down[1],
                                          .side_px = side,
                                          .roll_rad = atan2(dy, dx) };
        return true;
}

/* True if what was found lies well in the crop that it was found in. */
static bool is_settled(const struct landmarks_square *crop, const struct landmarks_square *found)
{
        double ratio = found->side_px / crop->side_px;

        return fabs(remainder(found->roll_rad - crop->roll_rad, 2 * M_PI)) <= MAX_TURN && ratio <= MAX_RATIO &&
               ratio >= 1 / MAX_RATIO && hypot(found->x - crop->x, found->y - crop->y) <= MAX_SHIFT * crop->side_px;
}

int landmarks_find(struct landmarks *l, const struct nn_image *image, const struct landmarks_square *start,
                   unsigned max_passes, struct landmarks_face *ret)
{
        struct landmarks_square crop = *start, found;
        struct landmarks_face best, face;
        int r = landmarks_run(l, image, &crop, &best);

        if (r < 0)
                return r;
        face = best;
        for (unsigned pass = 1; pass < max_passes && face.confidence >= NO_FACE; pass++) {
                if (!landmarks_square_of(face.points, &found) || is_settled(&crop, &found))
                        break;
                crop = found;
                r = landmarks_run(l, image, &crop, &face);
                if (r < 0)
                        return r;
                if (face.confidence >= KEEP_SHARE * best.confidence)
                        best = face;
        }
        *ret = best;
        return 0;
}
