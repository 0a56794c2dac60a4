/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "basic/macro.h"
#include "train/data/landmark-crop.h"
#include "train/data/sample.h"
#include "train/data/scenes.h"
#include "train/model/export.h"
#include "train/task/landmark-loss.h"
#include "train/task/task.h"

/* A tracker's box comes from the points of the frame before: it is off by this share of what a detector's may
 * be. */
#define TIGHT 0.3
#define FAILURE 0.08 /* a face whose mean error is more is not found, by the usage of the 300-W set */

struct landmark_state {
        struct point_loss loss;
        double crop;      /* side of the crop over the box's height */
        double offset;    /* how far right of their places the set's points lie, of the eyes' distance */
        double tight;     /* share of faces whose box is nearly right */
        double negatives; /* rows without a face per row with one */
        double confidence_weight;
        struct layer *points, *confidence;
        struct landmark_set *set;
        struct scene_set *background;  /* without faces; may be NULL */
        size_t *rows, n_train, n_kept; /* faces to train on, then those kept back */
        float *target;                 /* [batch, LANDMARKS, 2] */
        float *is_face;                /* [batch] */
        float **scratch;               /* one a thread */
        size_t first;                  /* of the batch that is loaded */
        struct task_rows place;
};

static int configure(struct task *task, struct recipe *recipe, const struct training_config *config, struct net *net,
                     struct recipe_error *error)
{
        static const char *const losses[] = { "wing", "l2", NULL };
        config_setting_t *root = config_root_setting(&recipe->config), *s;
        struct landmark_state *l = calloc(1, sizeof(*l));
        int kind = POINT_LOSS_WING, r;

        if (!l)
                return -ENOMEM;
        *task = (struct task){ .ops = &task_landmarks, .config = config, .net = net, .state = l };
        l->crop = 1.3;
        l->negatives = 0.25;
        l->confidence_weight = 1;
        l->loss = (struct point_loss){ .width = 10, .curvature = 2 };
        r = recipe_child(root, "landmarks", CONFIG_TYPE_GROUP, &s, error);
        if (r >= 0 && s)
                r = recipe_real(s, "crop", 0.5, 4, &l->crop, error);
        if (r >= 0 && s)
                r = recipe_choice(s, "loss", losses, &kind, error);
        if (r >= 0 && s)
                r = recipe_real(s, "wing_width", 0.1, 100, &l->loss.width, error);
        if (r >= 0 && s)
                r = recipe_real(s, "wing_curvature", 0.01, 100, &l->loss.curvature, error);
        if (r >= 0 && s)
                r = recipe_real(s, "offset", -0.2, 0.2, &l->offset, error);
        if (r >= 0 && s)
                r = recipe_real(s, "tight", 0, 1, &l->tight, error);
        if (r >= 0 && s)
                r = recipe_real(s, "negatives", 0, 10, &l->negatives, error);
        if (r >= 0 && s)
                r = recipe_real(s, "confidence_weight", 0, 1000, &l->confidence_weight, error);
        if (r < 0)
                return r;
        l->loss.kind = (enum point_loss_kind)kind;
        l->points = net_find_output(net, "points");
        l->confidence = net_find_output(net, "confidence_logit");
        if (!l->points || shape_size(l->points->out) != 2 * LANDMARKS || !l->confidence ||
            shape_size(l->confidence->out) != 1 || net->n_outputs != 2)
                return recipe_fail(root, error,
                                   "outputs must be \"points\" with %d units and \"confidence_logit\" with 1",
                                   2 * LANDMARKS);
        if (net->in.c != 1 || net->in.w != net->in.h)
                return recipe_fail(root, error, "the input must be a square");
        return 0;
}

static int read_data(struct task *task, const struct task_options *options, struct dataset_error *error)
{
        const struct scene_options face_free = { .part = SCENES_TRAINING, .face_free = true };
        struct landmark_state *l = task->state;
        const struct landmark_options how = { LANDMARK_OVERSAMPLING * task->net->in.w / l->crop, options->offsets };
        int r = landmark_set_load(options->data, &how, &l->set, error);

        if (r >= 0 && options->background)
                r = scene_set_load(options->background, &face_free, &l->background, error);
        if (r < 0)
                return r;
        l->rows = calloc(l->set->n, sizeof(*l->rows));
        if (!l->rows)
                return -ENOMEM;
        for (size_t i = 0; i < l->set->n; i++)
                if (!l->set->faces[i].kept)
                        l->rows[l->n_train++] = i;
        for (size_t i = 0; i < l->set->n; i++)
                if (l->set->faces[i].kept)
                        l->rows[l->n_train + l->n_kept++] = i;
        task->n_rows = l->n_train + (size_t)((double)l->n_train * l->negatives);
        task->n_valid = l->n_kept;
        return 0;
}

/* The mean of all shapes in their own boxes: what the network gives before it has learnt anything. */
static void mean_points(struct landmark_state *l, unsigned side_px, float *ret)
{
        static const struct landmark_frame plain = { .scale = 1, .stretch = 1 };
        float points[LANDMARKS][2];

        memset(ret, 0, 2 * LANDMARKS * sizeof(*ret));
        for (size_t i = 0; i < l->n_train; i++) {
                const struct landmark_face *f = &l->set->faces[l->rows[i]];
                struct nn_affine map = landmark_crop_map(f, &plain, l->crop, side_px);

                if (landmark_crop_points(f, &map, false, side_px, points) < 0)
                        continue;
                for (unsigned k = 0; k < 2 * LANDMARKS; k++)
                        ret[k] += points[k / 2][k % 2] / (float)l->n_train;
        }
}

static int prepare(struct task *task, struct recipe_error *error)
{
        struct landmark_state *l = task->state;
        struct net *net = task->net;

        l->target = floats_new((size_t)net->max_batch * 2 * LANDMARKS);
        l->is_face = floats_new(net->max_batch);
        l->scratch = floats_per_thread_new(net->pool, shape_size(net->in));
        if (!l->target || !l->is_face || !l->scratch)
                return -ENOMEM;
        if (l->points->bias.n)
                mean_points(l, net->in.w, net->w + l->points->bias.at);
        return 0;
}

static double factor(struct rng *rng, double amount)
{
        double l = log1p(amount);

        return exp(rng_range(rng, -l, l));
}

/* @share: of the changes that are asked for */
static struct landmark_frame draw_frame(const struct augment_config *a, double share, struct rng *rng)
{
        return (struct landmark_frame){
                .roll_rad = share * rng_range(rng, -a->rotate_deg, a->rotate_deg) * (M_PI / 180),
                .shift_x = share * rng_range(rng, -a->shift, a->shift),
                .shift_y = share * rng_range(rng, -a->shift, a->shift),
                .scale = factor(rng, share * a->scale),
                .stretch = factor(rng, a->stretch),
                .mirror = rng_uniform(rng) < a->flip,
        };
}

/* A square of any size of a picture without faces. */
static void draw_background(struct landmark_state *l, struct rng *rng, unsigned side_px, float *ret)
{
        const struct scene *s = &l->background->scenes[rng_below(rng, l->background->n)];
        const struct nn_image *whole = &s->levels[0];
        double size = exp(rng_range(rng, log(20), log(MAX(MIN(whole->width_px, whole->height_px), 24u))));
        double x = rng_range(rng, 0, MAX(whole->width_px - size, 1.0)),
               y = rng_range(rng, 0, MAX(whole->height_px - size, 1.0));
        unsigned level = 0;

        while (level + 1 < SCENE_LEVELS && size / side_px > 1.5 * (1u << level))
                level++;
        double shrink = 1u << level, step = size / shrink / side_px;
        struct nn_affine map = { { step, 0, x / shrink + step / 2 - 0.5, 0, step, y / shrink + step / 2 - 0.5 } };
        struct landmark_face f = { .image = s->levels[level] };

        landmark_crop(&f, &map, side_px, ret);
}

/* A frame that no detector would draw round this face: beside it, much too tight, or much too wide. */
static struct landmark_frame draw_wrong_frame(const struct augment_config *a, struct rng *rng)
{
        struct landmark_frame f = draw_frame(a, 1, rng);
        double angle = rng_range(rng, 0, 2 * M_PI), distance = rng_range(rng, 0.75, 1.2);

        switch (rng_below(rng, 4)) {
        case 0:
                f.scale = rng_range(rng, 0.2, 0.4);
                break;
        case 1:
                f.scale = rng_range(rng, 2.5, 4);
                break;
        default:
                f.shift_x = distance * cos(angle);
                f.shift_y = distance * sin(angle);
        }
        return f;
}

static void load_row(struct task *task, size_t row, unsigned at, struct rng *rng, float *scratch)
{
        struct landmark_state *l = task->state;
        const struct augment_config *a = &task->config->augment;
        unsigned side = task->net->in.w;
        float *x = net_input(task->net) + (size_t)at * side * side;
        bool is_face = row < l->n_train;

        l->is_face[at] = is_face;
        if (!is_face && l->background && rng_uniform(rng) < 0.6)
                draw_background(l, rng, side, x);
        else {
                const struct landmark_face *f = &l->set->faces[l->rows[is_face ? row : rng_below(rng, l->n_train)]];
                double share = rng_uniform(rng) < l->tight ? TIGHT : 1;
                struct landmark_frame frame = is_face ? draw_frame(a, share, rng) : draw_wrong_frame(a, rng);
                struct nn_affine map = landmark_crop_map(f, &frame, l->crop, side);
                bool bare = l->background && rng_uniform(rng) < 0.4;
                struct landmark_face labelled = *f;

                if (bare) { /* what is beyond the picture's edge is some other picture */
                        const struct sample_area whole = { 0, 0, f->image.width_px, f->image.height_px };

                        draw_background(l, rng, side, x);
                        if (hypot(map.m[0], map.m[3]) <= 1.7)
                                sample_onto(&f->image, &whole, &map, side, side, x);
                        else
                                landmark_crop(f, &map, side, x);
                } else
                        landmark_crop(f, &map, side, x);
                if (frame.mirror)
                        landmark_offset_mirror(labelled.points, l->offset);
                if (landmark_crop_points(&labelled, &map, frame.mirror, side,
                                         (float(*)[2])(l->target + (size_t)at * 2 * LANDMARKS)) < 0)
                        l->is_face[at] = 0;
        }
        augment_pixels(a, rng, side, side, x, scratch);
        nn_normalise(task->net->normalisation, x, (size_t)side * side);
}

static void load_part(void *userdata, unsigned part, unsigned thread)
{
        struct task *task = userdata;
        struct landmark_state *l = task->state;
        size_t from, to;

        net_part(task->config->batch, NET_PARTS, part, &from, &to);
        for (; from < to; from++) {
                size_t row = l->place.order[l->first + from];
                struct rng rng;

                rng_seed_stream(&rng, task->config->seed, l->place.epoch, row);
                load_row(task, row, (unsigned)from, &rng, l->scratch[thread]);
        }
}

static void load(struct task *task, const struct task_rows *rows, size_t first)
{
        struct landmark_state *l = task->state;

        l->place = *rows;
        l->first = first;
        nn_pool_run(task->net->pool, NET_PARTS, load_part, task);
}

static double loss(struct task *task, unsigned n, uint64_t *ret_correct)
{
        struct landmark_state *l = task->state;
        double sum = 0;

        for (unsigned i = 0; i < n; i++) {
                double g, logit = (double)l->confidence->y[i], is_face = (double)l->is_face[i];
                float *dy = l->points->dy + (size_t)i * 2 * LANDMARKS;

                sum += l->confidence_weight * logit_loss(logit, is_face, &g);
                l->confidence->dy[i] = (float)(l->confidence_weight * g / n);
                *ret_correct += (logit > 0) == (is_face > 0);
                memset(dy, 0, 2 * LANDMARKS * sizeof(*dy));
                if (is_face > 0)
                        sum += point_loss(&l->loss, l->points->y + (size_t)i * 2 * LANDMARKS,
                                          l->target + (size_t)i * 2 * LANDMARKS, 2 * LANDMARKS, task->net->in.w,
                                          1.0 / n, dy);
        }
        return sum / n;
}

/* Mean error of the faces kept back, framed as they should be, and the share of those that are not failures.
 */
static void evaluate(struct task *task, double *ret_loss, double *ret_accuracy)
{
        static const struct landmark_frame plain = { .scale = 1, .stretch = 1 };
        struct landmark_state *l = task->state;
        struct net *net = task->net;
        unsigned side = net->in.w;
        size_t size = (size_t)side * side, good = 0;
        double sum = 0;

        for (size_t first = 0; first < l->n_kept; first += net->max_batch) {
                unsigned n = (unsigned)MIN(l->n_kept - first, (size_t)net->max_batch);

                for (unsigned i = 0; i < n; i++) {
                        const struct landmark_face *f = &l->set->faces[l->rows[l->n_train + first + i]];
                        struct nn_affine map = landmark_crop_map(f, &plain, l->crop, side);

                        landmark_crop(f, &map, side, net_input(net) + i * size);
                        nn_normalise(net->normalisation, net_input(net) + i * size, size);
                        landmark_crop_points(f, &map, false, side,
                                             (float(*)[2])(l->target + (size_t)i * 2 * LANDMARKS));
                }
                net_forward(net, n, false);
                for (size_t i = 0; i < n; i++) {
                        double e = landmark_error((const float(*)[2])(l->points->y + i * 2 * LANDMARKS),
                                                  (const float(*)[2])(l->target + i * 2 * LANDMARKS));

                        sum += e;
                        good += e <= FAILURE;
                }
        }
        *ret_loss = l->n_kept ? sum / (double)l->n_kept : 0;
        *ret_accuracy = l->n_kept ? (double)good / (double)l->n_kept : 0;
}

static int export_model(struct task *task, const char *path)
{
        struct landmark_state *l = task->state;
        char crop[32];
        const struct export_entry metadata[] = { { "emotiond.task", "landmarks" }, { "emotiond.crop", crop }, { 0 } };
        const struct export_info info = { .name = task->config->name,
                                          .licence = task->config->licence,
                                          .metadata = metadata };

        snprintf(crop, sizeof(crop), "%g", l->crop);
        return export_outputs(task->net, &info, path);
}

static void free_state(void *state)
{
        struct landmark_state *l = state;

        floats_per_thread_free(l->scratch);
        free(l->target);
        free(l->is_face);
        free(l->rows);
        landmark_set_free(l->set);
        scene_set_free(l->background);
        free(l);
}

const struct task_ops task_landmarks = {
        .name = "landmarks",
        .takes_offsets = true,
        .configure = configure,
        .read = read_data,
        .prepare = prepare,
        .load = load,
        .loss = loss,
        .evaluate = evaluate,
        .export = export_model,
        .free = free_state,
};
