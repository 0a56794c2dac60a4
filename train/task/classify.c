/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "basic/macro.h"
#include "train/data/cells.h"
#include "train/data/template-file.h"
#include "train/model/export.h"
#include "train/task/classify.h"

static int read_keys(config_setting_t *s, const char *path, struct classify_config *c, struct recipe_error *error)
{
        int r = recipe_real(s, "label_smoothing", 0, 1, &c->label_smoothing, error);

        if (r >= 0)
                r = recipe_real(s, "votes", 0, 1, &c->votes, error);
        if (r >= 0)
                r = recipe_real(s, "votes_task", 0, 100, &c->votes_task, error);
        if (r >= 0)
                r = recipe_real(s, "class_balance", 0, 1, &c->class_balance, error);
        if (r >= 0)
                r = recipe_real(s, "mixup", 0, 1, &c->mixup, error);
        if (r >= 0)
                r = recipe_bool(s, "class_bias", &c->class_bias, error);
        if (r >= 0)
                r = recipe_unsigned(s, "rows", 0, UINT32_MAX / 2, &c->rows, error);
        if (r >= 0)
                r = recipe_unsigned(s, "validation_rows", 0, UINT32_MAX / 2, &c->validation_rows, error);
        return r < 0 ? r : distill_config_read(s, path, &c->distill, error);
}

static int configure(struct task *task, struct recipe *recipe, const struct training_config *config, struct net *net,
                     struct recipe_error *error)
{
        config_setting_t *root = config_root_setting(&recipe->config), *s;
        struct classify *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        *task = (struct task){ .ops = &task_classify, .config = config, .net = net, .state = c };
        r = recipe_child(root, "training", CONFIG_TYPE_GROUP, &s, error);
        if (r >= 0 && s)
                r = read_keys(s, recipe->path, &c->config, error);
        if (r < 0)
                return r;
        if (!net->n_classes)
                return recipe_fail(root, error, "a classifier has no outputs = [...]");
        return c->config.votes_task > 0 ? net_add_head(net, "votes_task", net->n_classes, error) : 0;
}

static int refuse(struct dataset_error *error, const char *format, ...) _printf_(2, 3);
static int refuse(struct dataset_error *error, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        vsnprintf(error->text, sizeof(error->text), format, ap);
        va_end(ap);
        return -EINVAL;
}

/* The classes for the model's metadata, where commas part them. */
static int join_labels(struct classify *c, const struct dataset *d, struct dataset_error *error)
{
        size_t used = 0;

        for (unsigned i = 0; i < d->n_classes; i++) {
                size_t left = sizeof(c->labels) - used;
                int n = snprintf(c->labels + used, left, "%s%s", i ? "," : "", d->labels[i]);

                if (strchr(d->labels[i], ',') || (size_t)n >= left)
                        return refuse(error, "\"%.64s\" is too long for the name of a class, or has a comma",
                                      d->labels[i]);
                used += (size_t)n;
        }
        return 0;
}

static void weigh_classes(struct classify *c)
{
        const struct dataset *d = c->train;
        size_t count[DATASET_MAX_CLASSES] = { 0 };
        double sum = 0;

        for (size_t i = 0; i < d->n; i++)
                count[d->classes[i]]++;
        for (unsigned k = 0; k < d->n_classes; k++) {
                c->weights[k] = pow((double)MAX(count[k], (size_t)1), -c->config.class_balance);
                sum += c->weights[k] * (double)count[k];
        }
        for (unsigned k = 0; k < d->n_classes; k++)
                c->weights[k] *= (double)d->n / sum;
}

int classify_use(struct task *task, const struct dataset *train, const struct dataset *valid,
                 struct dataset_error *error)
{
        struct classify *c = task->state;
        unsigned classes = task->net->n_classes;

        if (train->n_classes != classes)
                return refuse(error, "the data have %u classes, the network %u", train->n_classes, classes);
        if ((c->config.votes_task > 0 || c->config.votes > 0) && !train->votes)
                return refuse(error, "%s needs --ferplus", c->config.votes_task > 0 ? "votes_task" : "votes");
        c->train = train;
        c->valid = valid && valid->n ? valid : NULL;
        task->n_rows = train->n;
        task->n_valid = c->valid ? c->valid->n : 0;
        weigh_classes(c);
        return join_labels(c, train, error);
}

/* A set without validation rows is trained without validation. */
static int divide(struct classify *c, const struct dataset *all)
{
        int r = dataset_subset(all, DATASET_TRAINING, c->config.rows, &c->own_train);

        if (r >= 0)
                r = dataset_subset(all, DATASET_PUBLIC_TEST, c->config.validation_rows, &c->own_valid);
        return r == -EINVAL && c->own_train ? 0 : r;
}

static int read_data(struct task *task, const struct task_options *from, struct dataset_error *error)
{
        _cleanup_(dataset_freep) struct dataset *all = NULL;
        struct dataset_options options = from->labels;
        struct classify *c = task->state;
        struct dataset_error why = { "" };
        int r;

        options.usage = DATASET_TRAINING | DATASET_PUBLIC_TEST;
        options.width_px = task->net->in.w;
        options.height_px = task->net->in.h;
        r = dataset_load(from->data, &options, &all, error);
        if (r >= 0)
                r = template_file_read(from->data, c->face_template, error);
        if (r < 0)
                return r;
        r = divide(c, all);
        if (r < 0)
                return refuse(error, "%.200s: %s", from->data, strerror(-r));
        r = classify_use(task, c->own_train, c->own_valid, &why);
        if (r < 0)
                return refuse(error, "%.200s: %s", from->data, why.text);
        if (!c->valid)
                snprintf(task->remark, sizeof(task->remark),
                         "%.100s has no rows marked PublicTest: best.onnx will be the last, and its probabilities are "
                         "not calibrated",
                         from->data);
        return 0;
}

static int prepare(struct task *task, struct recipe_error *error)
{
        struct classify *c = task->state;
        struct net *net = task->net;
        size_t n = (size_t)task->config->batch * net->n_classes;

        if (c->config.votes_task > 0 && (!net->head || net->head->out.c != net->n_classes))
                return -EINVAL;
        c->target = floats_new(n);
        c->vote_target = c->config.votes_task > 0 ? floats_new(n) : NULL;
        c->scratch = floats_per_thread_new(net->pool, shape_size(net->in));
        if (!c->target || !c->scratch || (c->config.votes_task > 0 && !c->vote_target))
                return -ENOMEM;
        return c->config.distill.n_teachers ? distill_new(&c->config.distill, net, c->train, &c->distill, error) : 0;
}

static int export_model(struct task *task, const char *path)
{
        struct classify *c = task->state;
        const struct export_info info = { .name = task->config->name,
                                          .licence = task->config->licence,
                                          .labels = c->labels,
                                          .face_template = c->face_template,
                                          .calibration = c->calibrated ? &c->calibration : NULL };

        return export_net(task->net, &info, path);
}

static uint64_t identity(const struct task *task)
{
        const struct dataset *d = ((const struct classify *)task->state)->train;
        size_t picture = (size_t)d->width_px * d->height_px;
        uint64_t hash = cells_hash((const char *)d->pixels, d->n * picture);

        hash = hash * 31 + cells_hash((const char *)d->classes, d->n);
        return d->votes ? hash * 31 + cells_hash((const char *)d->votes, d->n * d->n_classes * sizeof(*d->votes))
                        : hash;
}

static void free_state(void *state)
{
        struct classify *c = state;

        floats_per_thread_free(c->scratch);
        free(c->target);
        free(c->vote_target);
        distill_free(c->distill);
        dataset_free(c->own_train);
        dataset_free(c->own_valid);
        free(c);
}

const struct task_ops task_classify = {
        .name = "classify",
        .takes_votes = true,
        .configure = configure,
        .read = read_data,
        .prepare = prepare,
        .load = classify_load,
        .show = classify_show,
        .loss = classify_loss,
        .evaluate = classify_evaluate,
        .calibrate = classify_calibrate,
        .export = export_model,
        .identity = identity,
        .free = free_state,
};
