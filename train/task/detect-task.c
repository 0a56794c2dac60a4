/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "basic/macro.h"
#include "train/model/detect-score.h"
#include "train/model/export.h"
#include "train/task/detect-loss.h"
#include "train/task/detect-target.h"
#include "train/task/task.h"

#define POINT_SCALE 8.0     /* an error of an eighth of the face's size is where the loss of a point becomes linear */
#define FIRST_LOGIT (-4.0f) /* cells say no to begin with, or their number would drown the few faces */
#define MAX_SOURCES 64
#define MAX_PHANTOMS 2000
#define PHANTOM_SCORE 0.25f
#define PHANTOM_STREAM 0x9e3779b9u /* their random numbers are none of the samples' */
#define EVALUATE_IOU 0.5
#define EVALUATE_FALSE 0.1 /* false ones a picture at which the log's loss, the share of faces missed, is taken */

struct detect_state {
        double alpha, gamma, box_weight, point_weight, guessed_weight, min_px, max_px, occlude;
        unsigned samples; /* an epoch */
        unsigned looks;   /* at face-free pictures, for phantoms, before each epoch */
        struct detect_source sources[MAX_SOURCES];
        size_t n_sources;
        struct detect_phantom *phantoms;
        struct layer *cls[DETECT_LEVELS], *bbox[DETECT_LEVELS], *kps[DETECT_LEVELS];
        struct scene_set *set, *kept;
        struct detect_sampler sampler;
        struct detect_truth *truth; /* [batch] */
        unsigned char *cells;       /* [cells of the first level] */
        float **scratch;
        size_t first;
        struct task_rows place;
};

static int read_sources(struct detect_state *d, config_setting_t *s, struct recipe_error *error)
{
        config_setting_t *list;
        int r = recipe_child(s, "sources", CONFIG_TYPE_LIST, &list, error);

        if (r < 0 || !list)
                return r;
        d->n_sources = (size_t)config_setting_length(list);
        if (d->n_sources > MAX_SOURCES)
                return recipe_fail(list, error, "more than %d sources", MAX_SOURCES);
        for (unsigned i = 0; i < d->n_sources && r >= 0; i++) {
                config_setting_t *g = config_setting_get_elem(list, i);
                struct detect_source *to = &d->sources[i];

                if (!config_setting_is_group(g))
                        return recipe_fail(list, error, "sources must hold groups with prefix and weight");
                recipe_known(g);
                to->weight = 1;
                r = recipe_string(g, "prefix", &to->prefix, error);
                if (r >= 0)
                        r = recipe_real(g, "weight", 0, 1000, &to->weight, error);
                if (r >= 0 && !to->prefix)
                        r = recipe_fail(g, error, "a source needs a prefix");
        }
        return r;
}

static int read_group(struct detect_state *d, config_setting_t *s, struct recipe_error *error)
{
        const struct {
                const char *key;
                double min, max, *value;
        } reals[] = {
                { "alpha", 0, 1, &d->alpha },
                { "gamma", 0, 10, &d->gamma },
                { "box_weight", 0, 100, &d->box_weight },
                { "point_weight", 0, 100, &d->point_weight },
                { "guessed_weight", 0, 1, &d->guessed_weight },
                { "min_px", 4, 1000, &d->min_px },
                { "max_px", 4, 10000, &d->max_px },
                { "occlude", 0, 1, &d->occlude },
        };
        int r = recipe_unsigned(s, "samples", 2, 10000000, &d->samples, error);

        if (r >= 0)
                r = recipe_unsigned(s, "phantom_looks", 0, 1000000, &d->looks, error);
        for (size_t i = 0; i < ARRAY_LEN(reals) && r >= 0; i++)
                r = recipe_real(s, reals[i].key, reals[i].min, reals[i].max, reals[i].value, error);
        return r < 0 ? r : read_sources(d, s, error);
}

static struct layer *find_map(struct net *net, const char *kind, const char *end, unsigned stride, unsigned channels)
{
        char name[48];
        struct layer *l;

        snprintf(name, sizeof(name), "%s_%u%s", kind, stride, end);
        l = net_find_output(net, name);
        return l && l->out.c == channels && l->out.w == net->in.w / stride && l->out.h == net->in.h / stride ? l : NULL;
}

static int configure(struct task *task, struct recipe *recipe, const struct training_config *config, struct net *net,
                     struct recipe_error *error)
{
        config_setting_t *root = config_root_setting(&recipe->config), *s;
        struct detect_state *d = calloc(1, sizeof(*d));
        int r;

        if (!d)
                return -ENOMEM;
        *task = (struct task){ .ops = &task_detect, .config = config, .net = net, .state = d };
        d->alpha = 0.25;
        d->gamma = 2;
        d->box_weight = d->point_weight = d->guessed_weight = 1;
        d->min_px = 10;
        d->max_px = 230;
        d->samples = 4000;
        r = recipe_child(root, "detect", CONFIG_TYPE_GROUP, &s, error);
        if (r >= 0 && s)
                r = read_group(d, s, error);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < DETECT_LEVELS; i++) {
                d->cls[i] = find_map(net, "cls", "_logit", detect_strides[i], 1);
                d->bbox[i] = find_map(net, "bbox", "", detect_strides[i], 4);
                d->kps[i] = find_map(net, "kps", "", detect_strides[i], 2 * SCENE_POINTS);
                if (!d->cls[i] || !d->bbox[i] || !d->kps[i])
                        return recipe_fail(root, error,
                                           "outputs must be cls_%u_logit with 1, bbox_%u with 4 and kps_%u "
                                           "with 10 maps of "
                                           "a %u-th of the input",
                                           detect_strides[i], detect_strides[i], detect_strides[i], detect_strides[i]);
        }
        if (net->in.c != 1 || net->in.w % 32 || net->in.h % 32 || net->n_outputs != 3 * DETECT_LEVELS ||
            net->normalisation == NN_NORMALISE_CONTRAST)
                return recipe_fail(root, error,
                                   "the input must be grey, of 32 pixels' multiples, its normalisation one "
                                   "without a mean of the picture, and no other outputs named");
        return 0;
}

static int read_data(struct task *task, const struct task_options *options, struct dataset_error *error)
{
        const struct scene_options training = { .part = SCENES_TRAINING }, kept = { .part = SCENES_KEPT };
        struct detect_state *d = task->state;
        int r = scene_set_load(options->data, &training, &d->set, error);

        if (r >= 0)
                r = scene_set_load(options->data, &kept, &d->kept, error);
        if (r < 0)
                return r;
        r = detect_sampler_init(&d->sampler, d->set, d->sources, d->n_sources);
        if (r < 0) {
                snprintf(error->text, sizeof(error->text), "%.200s: %s", options->data,
                         r == -EINVAL ? "pictures with and without faces are needed" : strerror(-r));
                return r;
        }
        d->sampler.augment = &task->config->augment;
        d->sampler.min_px = d->min_px;
        d->sampler.max_px = d->max_px;
        d->sampler.occlude = d->occlude;
        task->n_rows = d->samples;
        task->n_valid = d->kept->n;
        return 0;
}

static int prepare(struct task *task, struct recipe_error *error)
{
        struct detect_state *d = task->state;
        struct net *net = task->net;

        d->truth = calloc(net->max_batch, sizeof(*d->truth));
        d->cells = calloc((size_t)d->cls[0]->out.w * d->cls[0]->out.h, 1);
        d->scratch = floats_per_thread_new(net->pool, shape_size(net->in));
        d->phantoms = calloc(MAX_PHANTOMS, sizeof(*d->phantoms));
        d->sampler.phantoms = d->phantoms;
        if (!d->truth || !d->cells || !d->scratch || !d->phantoms)
                return -ENOMEM;
        for (unsigned i = 0; i < DETECT_LEVELS; i++) {
                /* small faces and large ones: two to four strides at first */
                for (unsigned k = 0; k < d->bbox[i]->bias.n; k++)
                        net->w[d->bbox[i]->bias.at + k] = k < 2 ? 0.5f : 1.0f;
                if (d->cls[i]->bias.n)
                        net->w[d->cls[i]->bias.at] = FIRST_LOGIT;
        }
        return 0;
}

static void load_part(void *userdata, unsigned part, unsigned thread)
{
        struct task *task = userdata;
        struct detect_state *d = task->state;
        struct net *net = task->net;
        size_t from, to, size = shape_size(net->in);

        net_part(task->config->batch, NET_PARTS, part, &from, &to);
        for (; from < to; from++) {
                float *x = net_input(net) + from * size;
                struct rng rng;

                rng_seed_stream(&rng, task->config->seed, d->place.epoch, d->place.order[d->first + from]);
                detect_sample(&d->sampler, &rng, net->in.w, net->in.h, x, d->scratch[thread], &d->truth[from]);
                nn_normalise(net->normalisation, x, size);
        }
}

static int find_faces(const struct detect_state *d, unsigned picture, double scale, struct detections *ret)
{
        int r = 0;

        ret->n = 0;
        for (unsigned i = 0; i < DETECT_LEVELS && r >= 0; i++) {
                size_t plane = (size_t)d->cls[i]->out.w * d->cls[i]->out.h;
                struct detect_level level =
                        detect_level_from_maps(d->cls[i]->y + picture * plane, d->bbox[i]->y + picture * 4 * plane,
                                               detect_strides[i], d->cls[i]->out.w, d->cls[i]->out.h);

                level.logits = true;
                r = detect_decode(&level, 0.05, ret);
        }
        detect_suppress(ret, 0.4);
        detect_to_picture(ret, scale);
        return r;
}

/* Notes the surest false face of each picture of the batch. */
static void note_phantoms(struct detect_state *d, unsigned n, const size_t *scene, double (*at)[2], const double *scale,
                          struct detections *found)
{
        for (unsigned i = 0; i < n && d->sampler.n_phantoms < MAX_PHANTOMS; i++) {
                const struct detection *f = found->list;

                if (find_faces(d, i, scale[i], found) < 0 || !found->n || found->list[0].score < PHANTOM_SCORE)
                        continue;
                f = &found->list[0];
                d->phantoms[d->sampler.n_phantoms++] =
                        (struct detect_phantom){ .scene = scene[i],
                                                 .x = at[i][0] + (double)(f->x + f->w / 2),
                                                 .y = at[i][1] + (double)(f->y + f->h / 2),
                                                 .size_px = sqrt((double)f->w * (double)f->h),
                                                 .seen_px = sqrt((double)f->w * (double)f->h) * scale[i] };
        }
}

/* What the network, as it is at the start of this epoch, takes for a face where there is none. A run that goes on from a
 * checkpoint finds the same. */
static void look_for_phantoms(struct task *task)
{
        struct detect_state *d = task->state;
        struct net *net = task->net;
        size_t scene[NET_MAX_BATCH], size = shape_size(net->in);
        double at[NET_MAX_BATCH][2], scale[NET_MAX_BATCH];
        struct detections found = { 0 };

        d->sampler.n_phantoms = 0;
        for (unsigned first = 0; first < d->looks; first += net->max_batch) {
                unsigned n = MIN(d->looks - first, net->max_batch);

                for (unsigned i = 0; i < n; i++) {
                        float *x = net_input(net) + i * size;
                        struct rng rng;

                        rng_seed_stream(&rng, task->config->seed + PHANTOM_STREAM, d->place.epoch, first + i);
                        scene[i] = detect_sample_empty(&d->sampler, &rng, net->in.w, net->in.h, x, at[i], &scale[i]);
                        nn_normalise(net->normalisation, x, size);
                }
                net_forward(net, n, false);
                note_phantoms(d, n, scene, at, scale, &found);
        }
        detections_done(&found);
}

static void load(struct task *task, const struct task_rows *rows, size_t first)
{
        struct detect_state *d = task->state;

        d->place = *rows;
        d->first = first;
        if (first == 0 && d->looks)
                look_for_phantoms(task);
        nn_pool_run(task->net->pool, NET_PARTS, load_part, task);
}

/* Box and points of a cell that answers for @f; their gradients are set. */
static double face_loss(const struct detect_state *d, unsigned level, unsigned picture, unsigned row, unsigned col,
                        const struct detect_face *face, double weight)
{
        const struct scene_face *f = &face->face;
        const struct layer *b = d->bbox[level], *k = d->kps[level];
        size_t plane = (size_t)b->out.w * b->out.h, at = (size_t)row * b->out.w + col;
        double s = detect_strides[level], size = sqrt((double)f->w * (double)f->h) / s, loss, value[4], g[4], slope;
        const double target[] = { (double)(f->x + f->w / 2) / s - col, (double)(f->y + f->h / 2) / s - row,
                                  (double)f->w / s, (double)f->h / s };

        for (unsigned i = 0; i < 4; i++)
                value[i] = (double)b->y[(size_t)picture * 4 * plane + i * plane + at];
        loss = d->box_weight * box_loss(value, target, g);
        for (unsigned i = 0; i < 4; i++)
                b->dy[(size_t)picture * 4 * plane + i * plane + at] = (float)(weight * d->box_weight * g[i]);
        for (unsigned i = 0; i < 2 * SCENE_POINTS && f->has_points; i++) {
                size_t to = ((size_t)picture * 2 * SCENE_POINTS + i) * plane + at;
                double want = (double)f->points[i / 2][i % 2] / s - (i % 2 ? row : col);
                double scale = POINT_SCALE / size, part = d->point_weight / (2 * SCENE_POINTS);

                if (face->guessed)
                        part *= d->guessed_weight;

                loss += part * smooth_l1(scale * ((double)k->y[to] - want), &slope);
                k->dy[to] = (float)(weight * part * scale * slope);
        }
        return loss;
}

static size_t count_faces(struct detect_state *d, unsigned n)
{
        size_t cells = 0;

        for (unsigned i = 0; i < DETECT_LEVELS; i++)
                for (unsigned p = 0; p < n; p++) {
                        unsigned w = d->cls[i]->out.w, h = d->cls[i]->out.h;

                        detect_assign(&d->truth[p], detect_strides[i], w, h, d->cells);
                        for (size_t c = 0; c < (size_t)w * h; c++)
                                cells += d->cells[c] >= DETECT_FACE;
                }
        return cells;
}

static double picture_loss(struct detect_state *d, unsigned level, unsigned picture, double weight)
{
        struct layer *l = d->cls[level];
        unsigned w = l->out.w, h = l->out.h;
        double sum = 0, g;

        detect_assign(&d->truth[picture], detect_strides[level], w, h, d->cells);
        for (unsigned row = 0; row < h; row++)
                for (unsigned col = 0; col < w; col++) {
                        size_t at = (size_t)row * w + col, to = (size_t)picture * w * h + at;
                        unsigned cell = d->cells[at];

                        l->dy[to] = 0;
                        if (cell == DETECT_IGNORED)
                                continue;
                        sum += focal_loss((double)l->y[to], cell >= DETECT_FACE, d->alpha, d->gamma, &g);
                        l->dy[to] = (float)(weight * g);
                        if (cell >= DETECT_FACE)
                                sum += face_loss(d, level, picture, row, col,
                                                 &d->truth[picture].faces[cell - DETECT_FACE], weight);
                }
        return sum;
}

/* Right pictures: the surest cell of all speaks for a face if there is one, and none speaks where there is
 * none. */
static bool is_right(const struct detect_state *d, unsigned picture)
{
        float best = -INFINITY;

        for (unsigned i = 0; i < DETECT_LEVELS; i++) {
                size_t plane = (size_t)d->cls[i]->out.w * d->cls[i]->out.h;

                for (size_t c = 0; c < plane; c++)
                        best = MAX(best, d->cls[i]->y[picture * plane + c]);
        }
        return (best > 0) == (d->truth[picture].n > 0);
}

static double loss(struct task *task, unsigned n, uint64_t *ret_correct)
{
        struct detect_state *d = task->state;
        double sum = 0, weight = 1 / (double)MAX(count_faces(d, n), (size_t)1);

        for (unsigned i = 0; i < DETECT_LEVELS; i++) {
                memset(d->bbox[i]->dy, 0, n * shape_size(d->bbox[i]->out) * sizeof(float));
                memset(d->kps[i]->dy, 0, n * shape_size(d->kps[i]->out) * sizeof(float));
                for (unsigned p = 0; p < n; p++)
                        sum += picture_loss(d, i, p, weight);
        }
        for (unsigned p = 0; p < n; p++)
                *ret_correct += is_right(d, p);
        return sum * weight;
}

/* Lays the whole picture, shrunk if need be, into the input's top left corner. Return: pixels of the input a
 * pixel. */
static double frame_picture(const struct net *net, const struct scene *s, float *x)
{
        const struct nn_image *im = &s->levels[0];
        double scale = MIN(MIN((double)net->in.w / im->width_px, (double)net->in.h / im->height_px), 1.0);
        unsigned w = (unsigned)MAX(im->width_px * scale, 1.0), h = (unsigned)MAX(im->height_px * scale, 1.0);
        struct nn_affine map = { { 1 / scale, 0, (1 / scale - 1) / 2, 0, 1 / scale, (1 / scale - 1) / 2 } };
        float *rows = x + shape_size(net->in) - (size_t)w * h; /* narrow rows are made at the end, then moved */

        for (size_t i = 0; i < shape_size(net->in); i++)
                x[i] = 127.5f;
        if (nn_image_warp(im, &map, w, h, rows) < 0)
                return scale;
        for (unsigned i = 0; i < h; i++)
                memmove(x + (size_t)i * net->in.w, rows + (size_t)i * w, w * sizeof(*x));
        for (unsigned i = 0; i < net->in.h; i++)
                for (unsigned k = i < h ? w : 0; k < net->in.w; k++)
                        x[(size_t)i * net->in.w + k] = 127.5f;
        return scale;
}

static void evaluate(struct task *task, double *ret_loss, double *ret_accuracy)
{
        struct detect_state *d = task->state;
        struct net *net = task->net;
        struct detect_score score = { 0 };
        struct detections found = { 0 };
        double scale[NET_MAX_BATCH];
        int r = 0;

        for (size_t first = 0; first < d->kept->n && r >= 0; first += net->max_batch) {
                unsigned n = (unsigned)MIN(d->kept->n - first, (size_t)net->max_batch);

                for (unsigned i = 0; i < n; i++) {
                        float *x = net_input(net) + i * shape_size(net->in);

                        scale[i] = frame_picture(net, &d->kept->scenes[first + i], x);
                        nn_normalise(net->normalisation, x, shape_size(net->in));
                }
                net_forward(net, n, false);
                for (unsigned i = 0; i < n && r >= 0; i++) {
                        const struct scene *s = &d->kept->scenes[first + i];

                        r = find_faces(d, i, scale[i], &found);
                        if (r >= 0)
                                r = detect_score_add(&score, &found, s->faces, s->n_faces, EVALUATE_IOU);
                }
        }
        detect_score_sort(&score);
        *ret_accuracy = r < 0 ? 0 : detect_score_average_precision(&score);
        *ret_loss = r < 0 ? 1 : 1 - detect_score_recall(&score, EVALUATE_FALSE, NULL);
        detect_score_done(&score);
        detections_done(&found);
}

static int export_model(struct task *task, const char *path)
{
        char size[32];
        const struct export_entry metadata[] = { { "emotiond.task", "detect" }, { "emotiond.size", size }, { 0 } };
        const struct export_info info = {
                .name = task->config->name, .licence = task->config->licence, .metadata = metadata, .any_size = true
        };

        snprintf(size, sizeof(size), "%ux%u", task->net->in.w, task->net->in.h);
        return export_outputs(task->net, &info, path);
}

static void free_state(void *state)
{
        struct detect_state *d = state;

        floats_per_thread_free(d->scratch);
        free(d->truth);
        free(d->phantoms);
        free(d->cells);
        detect_sampler_done(&d->sampler);
        scene_set_free(d->set);
        scene_set_free(d->kept);
        free(d);
}

const struct task_ops task_detect = {
        .name = "detect",
        .configure = configure,
        .read = read_data,
        .prepare = prepare,
        .load = load,
        .loss = loss,
        .evaluate = evaluate,
        .export = export_model,
        .free = free_state,
};
