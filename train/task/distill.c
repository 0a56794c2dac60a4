/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "train/model/classifier-file.h"
#include "train/net/loss.h"
#include "train/task/distill.h"

/* pictures of one run of a teacher: enough to keep the engine's kernels busy, few enough to share among threads */
#define CHUNK 16u

struct teacher {
        struct classifier_file file;
        struct nn_plan **plans; /* [threads] */
};

struct distill {
        unsigned n_teachers, n_views, classes, threads, max_batch;
        double temperature;
        struct teacher *teachers;
        uint8_t **bytes; /* [threads]: a picture to be resized */
        float *each;     /* [n_teachers * n_views, max_batch, classes] */
        float *mean;     /* [max_batch, classes] */
};

int distill_config_read(config_setting_t *s, const char *path, struct distill_config *ret, struct recipe_error *error)
{
        struct distill_config c = { .share = 0.7, .temperature = 2, .recipe_path = path };
        config_setting_t *list, *g;
        int r;

        r = recipe_child(s, "teachers", CONFIG_TYPE_ARRAY, &list, error);
        if (r < 0)
                return r;
        if (list && config_setting_length(list) > DISTILL_MAX_TEACHERS)
                return recipe_fail(list, error, "more than %d", DISTILL_MAX_TEACHERS);
        for (int i = 0; list && i < config_setting_length(list); i++) {
                c.teachers[i] = config_setting_get_string_elem(list, i);
                if (!c.teachers[i])
                        return recipe_fail(list, error, "must hold names of files");
                c.n_teachers++;
        }
        r = recipe_child(s, "distill", CONFIG_TYPE_GROUP, &g, error);
        if (r >= 0 && g && !c.n_teachers)
                r = recipe_fail(g, error, "needs teachers");
        if (r >= 0 && g)
                r = recipe_real(g, "share", 0, 1, &c.share, error);
        if (r >= 0 && g)
                r = recipe_real(g, "temperature", 0.1, 100, &c.temperature, error);
        if (r >= 0 && g)
                r = recipe_bool(g, "mirror", &c.mirror, error);
        if (r < 0)
                return r;
        *ret = c;
        return 0;
}

static int open_teacher(struct distill *d, struct teacher *t, const char *path, const struct dataset *set,
                        struct recipe_error *error)
{
        struct classifier_error e = { "out of memory" };
        int r;

        r = classifier_file_open(path, NULL, &t->file, &e);
        t->plans = calloc(d->threads, sizeof(*t->plans));
        if (!t->plans)
                r = -ENOMEM;
        for (unsigned i = 0; i < d->threads && r >= 0; i++)
                r = classifier_file_plan(&t->file, CHUNK, 1, &t->plans[i], &e);
        if (r >= 0)
                r = classifier_file_match(&t->file, set, &e);
        if (r >= 0 && t->file.n_known != set->n_classes) {
                r = -EINVAL;
                snprintf(e.text, sizeof(e.text), "%.200s: it does not know every class of the data", path);
        }
        if (r >= 0 && (t->file.form.n_channels != 1 || t->file.form.by_mean)) {
                r = -EINVAL;
                snprintf(e.text, sizeof(e.text), "%.200s: a teacher must take one channel, normalised as in a recipe",
                         path);
        }
        if (r < 0)
                snprintf(error->text, sizeof(error->text), "%s", e.text);
        t->file.path = NULL; /* the caller's */
        return r;
}

static int allocate(struct distill *d, const struct net *net)
{
        size_t n = (size_t)d->max_batch * d->classes;

        d->teachers = calloc(d->n_teachers, sizeof(*d->teachers));
        d->bytes = calloc(d->threads, sizeof(*d->bytes));
        d->each = floats_new(n * d->n_teachers * d->n_views);
        d->mean = floats_new(n);
        if (!d->teachers || !d->bytes || !d->each || !d->mean)
                return -ENOMEM;
        for (unsigned i = 0; i < d->threads; i++) {
                d->bytes[i] = malloc(shape_size(net->in));
                if (!d->bytes[i])
                        return -ENOMEM;
        }
        return 0;
}

int distill_new(const struct distill_config *config, const struct net *net, const struct dataset *set,
                struct distill **ret, struct recipe_error *error)
{
        _cleanup_(distill_freep) struct distill *d = calloc(1, sizeof(*d));
        int r;

        if (!d)
                return -ENOMEM;
        d->n_teachers = config->n_teachers;
        d->n_views = config->mirror ? 2 : 1;
        d->classes = net->n_classes;
        d->threads = nn_pool_threads(net->pool);
        d->max_batch = net->max_batch;
        d->temperature = config->temperature;
        r = allocate(d, net);
        for (unsigned i = 0; i < d->n_teachers && r >= 0; i++) {
                _cleanup_(freep) char *path = recipe_resolve(config->recipe_path, config->teachers[i]);

                r = path ? open_teacher(d, &d->teachers[i], path, set, error) : -ENOMEM;
        }
        if (r < 0)
                return r;
        *ret = STEAL(d);
        return 0;
}

struct distill *distill_free(struct distill *d)
{
        if (!d)
                return NULL;
        for (unsigned i = 0; d->teachers && i < d->n_teachers; i++) {
                for (unsigned k = 0; d->teachers[i].plans && k < d->threads; k++)
                        nn_plan_free(d->teachers[i].plans[k]);
                free(d->teachers[i].plans);
                classifier_file_close(&d->teachers[i].file);
        }
        free(d->teachers);
        for (unsigned i = 0; d->bytes && i < d->threads; i++)
                free(d->bytes[i]);
        free(d->bytes);
        free(d->each);
        free(d->mean);
        free(d);
        return NULL;
}

/* A picture of the batch as the teacher wants it. */
static void show(const struct classifier_file *f, const struct net *net, const float *x, uint8_t *bytes, float *ret)
{
        size_t n = (size_t)f->form.width_px * f->form.height_px;

        if (f->form.width_px == net->in.w && f->form.height_px == net->in.h) {
                memcpy(ret, x, n * sizeof(*ret));
        } else {
                struct nn_image image = {
                        .data = bytes, .width_px = net->in.w, .height_px = net->in.h, .stride_bytes = net->in.w
                };
                double sx = (double)net->in.w / f->form.width_px, sy = (double)net->in.h / f->form.height_px;
                struct nn_affine map = { { sx, 0, (sx - 1) / 2, 0, sy, (sy - 1) / 2 } };

                for (size_t i = 0; i < shape_size(net->in); i++)
                        bytes[i] = (uint8_t)(CLAMP(x[i], 0.f, 255.f) + 0.5f);
                if (nn_image_warp(&image, &map, f->form.width_px, f->form.height_px, ret) < 0)
                        memset(ret, 0, n * sizeof(*ret));
        }
        nn_normalise(f->form.normalisation, ret, n);
}

/* A teacher's output to probabilities at the temperature, in the order of the set. Those of classes that the set has
 * not are dropped, and the rest made to sum to 1. */
static void soften(const struct distill *d, const struct classifier_file *f, const float *y, float *ret)
{
        float z[DATASET_MAX_CLASSES];

        for (unsigned i = 0; i < f->n_outputs; i++) {
                /* logits but for a constant; a probability of 0 is the smallest there is */
                double log_p = f->form.logits ? (double)y[i] : log(MAX((double)y[i], 1e-37));

                if (f->class_of[i] >= 0)
                        z[f->class_of[i]] = (float)(log_p / d->temperature);
        }
        softmax(z, d->classes, ret);
}

struct job {
        struct distill *d;
        struct net *net;
        unsigned n, n_chunks;
};

static void run_chunk(void *userdata, unsigned part, unsigned thread)
{
        struct job *j = userdata;
        struct distill *d = j->d;
        unsigned look = part / j->n_chunks, first = part % j->n_chunks * CHUNK, n = MIN(j->n - first, CHUNK);
        struct teacher *t = &d->teachers[look / d->n_views];
        struct nn_plan *plan = t->plans[thread];
        float *x = nn_plan_input(plan, 0)->data, *ret = d->each + ((size_t)look * d->max_batch + first) * d->classes;
        size_t size = (size_t)t->file.form.width_px * t->file.form.height_px, n_in = shape_size(j->net->in);
        const float *y;

        for (unsigned i = 0; i < n; i++) {
                show(&t->file, j->net, net_input(j->net) + (first + i) * n_in, d->bytes[thread], x + i * size);
                if (look % d->n_views)
                        nn_mirror(x + i * size, t->file.form.width_px, t->file.form.height_px);
        }
        memset(x + n * size, 0, (CHUNK - n) * size * sizeof(*x));
        if (nn_plan_run(plan) < 0) {
                for (size_t i = 0; i < (size_t)n * d->classes; i++)
                        ret[i] = NAN;
                return;
        }
        y = nn_plan_output(plan, 0)->data;
        for (unsigned i = 0; i < n; i++)
                soften(d, &t->file, y + (size_t)i * t->file.n_outputs, ret + (size_t)i * d->classes);
}

float *distill_run(struct distill *d, struct net *net, unsigned n)
{
        struct job j = { .d = d, .net = net, .n = n, .n_chunks = (n + CHUNK - 1) / CHUNK };
        unsigned n_looks = d->n_teachers * d->n_views;

        nn_pool_run(net->pool, j.n_chunks * n_looks, run_chunk, &j);
        for (size_t i = 0; i < (size_t)n * d->classes; i++) {
                double sum = 0;

                for (unsigned t = 0; t < n_looks; t++)
                        sum += (double)d->each[(size_t)t * d->max_batch * d->classes + i];
                d->mean[i] = (float)(sum / n_looks);
        }
        return d->mean;
}
