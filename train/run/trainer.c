/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "basic/macro.h"
#include "train/net/loss.h"
#include "train/net/vec.h"
#include "train/run/clock.h"
#include "train/task/batch.h"

static int allocate(struct trainer *t)
{
        size_t n = t->net->n_floats;

        t->velocity = floats_new(n);
        t->second = t->config.optimiser == OPTIMISER_ADAM ? floats_new(n) : NULL;
        t->average = t->config.average > 0 ? floats_new(n) : NULL;
        t->history = calloc(t->config.epochs, sizeof(*t->history));
        t->order = calloc(t->n_rows, sizeof(*t->order));
        t->target = floats_new((size_t)t->config.batch * MAX(t->net->n_classes, 1u));
        t->scratch = floats_per_thread_new(t->net->pool, shape_size(t->net->in));
        if (!t->velocity || !t->history || !t->order || !t->target || !t->scratch)
                return -ENOMEM;
        if ((t->config.optimiser == OPTIMISER_ADAM && !t->second) || (t->config.average > 0 && !t->average))
                return -ENOMEM;
        if (t->config.votes_task > 0) {
                t->vote_target = floats_new((size_t)t->config.batch * t->net->n_classes);
                if (!t->vote_target)
                        return -ENOMEM;
        }
        if (t->average)
                memcpy(t->average, t->net->w, n * sizeof(float));
        return 0;
}

static void weigh_classes(struct trainer *t)
{
        size_t count[DATASET_MAX_CLASSES] = { 0 };
        double sum = 0;

        for (size_t i = 0; i < t->train->n; i++)
                count[t->train->classes[i]]++;
        for (unsigned k = 0; k < t->train->n_classes; k++) {
                t->weights[k] = pow((double)MAX(count[k], (size_t)1), -t->config.class_balance);
                sum += t->weights[k] * (double)count[k];
        }
        for (unsigned k = 0; k < t->train->n_classes; k++)
                t->weights[k] *= (double)t->train->n / sum;
}

/* A step of @n values from the @from-th on of a parameter, along their gradient @g. */
static void step(struct trainer *t, const struct net_param *p, size_t from, size_t n, const float *g)
{
        const struct training_config *c = &t->config;
        float *w = t->net->w + p->at + from, *velocity = t->velocity + p->at + from;
        float rate = t->rate * p->rate, decay = p->decay ? (float)c->weight_decay : 0;
        float b1 = (float)c->momentum, b2 = (float)c->beta2;

        if (c->optimiser == OPTIMISER_ADAM)
                vec_adam(w, g, velocity, t->second + p->at + from, n, rate, b1, b2, t->correction, t->second_correction,
                         decay);
        else
                vec_sgd(w, g, velocity, n, rate, b1, decay, c->nesterov);
}

/* For net->learn. */
static void learn(void *userdata, size_t param, size_t from, size_t n, const float *g)
{
        struct trainer *t = userdata;

        step(t, &t->net->params[param], from, n, g);
}

/* @train, @valid or @task: what there is to learn from, see trainer_new() and trainer_new_task() */
static int begin(struct net *net, const struct training_config *config, const struct dataset *train,
                 const struct dataset *valid, struct task *task, struct trainer **ret)
{
        _cleanup_(trainer_freep) struct trainer *t = calloc(1, sizeof(*t));
        int r;

        if (!t)
                return -ENOMEM;
        t->net = net;
        t->best_accuracy = -1;
        t->config = *config;
        t->train = train;
        t->valid = valid;
        t->task = task;
        t->n_rows = task ? task->n_rows : train->n;
        if (t->n_rows < config->batch || net->max_batch < config->batch)
                return -EINVAL;
        t->n_batches = t->n_rows / config->batch;
        if (train)
                weigh_classes(t);
        r = allocate(t);
        if (r < 0)
                return r;
        net->learn = learn;
        net->learn_userdata = t;
        *ret = STEAL(t);
        return 0;
}

int trainer_new(struct net *net, const struct training_config *config, const struct dataset *train,
                const struct dataset *valid, struct trainer **ret)
{
        if (train->n_classes != net->n_classes)
                return -EINVAL;
        if (config->votes_task > 0 && (!train->votes || !net->head || net->head->out.c != net->n_classes))
                return -EINVAL;
        return begin(net, config, train, valid, NULL, ret);
}

int trainer_new_task(struct net *net, const struct training_config *config, struct task *task, struct trainer **ret)
{
        return begin(net, config, NULL, NULL, task, ret);
}

struct trainer *trainer_free(struct trainer *t)
{
        if (!t)
                return NULL;
        t->net->learn = NULL;
        floats_per_thread_free(t->scratch);
        free(t->velocity);
        free(t->second);
        free(t->average);
        free(t->history);
        free(t->order);
        free(t->target);
        free(t->vote_target);
        distill_free(t->distill);
        free(t);
        return NULL;
}

static void shuffle_rows(struct trainer *t)
{
        struct rng rng;

        for (size_t i = 0; i < t->n_rows; i++)
                t->order[i] = i;
        rng_seed_stream(&rng, t->config.seed, t->epoch, UINT64_MAX);
        rng_shuffle(&rng, t->order, t->n_rows);
}

/* What the teachers say of the batch as it is shown. It takes its share of each row's weight from the target. */
static float *ask_teachers(struct trainer *t)
{
        unsigned classes = t->net->n_classes;
        float share = (float)t->config.distill_share, *said = distill_run(t->distill, t->net, t->config.batch);

        for (unsigned i = 0; i < t->config.batch; i++) {
                float *target = t->target + (size_t)i * classes, weight = 0;

                for (unsigned k = 0; k < classes; k++)
                        weight += target[k];
                for (unsigned k = 0; k < classes; k++) {
                        said[(size_t)i * classes + k] *= share * weight;
                        target[k] *= 1 - share;
                }
        }
        return said;
}

void trainer_teach(struct trainer *t, struct distill *d)
{
        distill_free(t->distill);
        t->distill = d;
}

void trainer_show(struct trainer *t, size_t first)
{
        if (t->order[0] == t->order[1])
                shuffle_rows(t);
        if (t->task) {
                t->task->ops->load(t->task, t, first);
        } else {
                batch_load(t, t->train, first, t->config.batch, false);
                batch_normalise(t, t->config.batch);
        }
        net_forward(t->net, t->config.batch, false);
}

static void count_correct(struct trainer *t, size_t first)
{
        const float *y = net_output(t->net);
        unsigned classes = t->net->n_classes;

        for (unsigned i = 0; i < t->config.batch; i++, y += classes) {
                unsigned best = 0;

                for (unsigned k = 1; k < classes; k++)
                        best = y[k] > y[best] ? k : best;
                t->n_correct += best == t->train->classes[t->order[first + i]];
        }
}

/* What net_backward() has not yet updated. */
static void update(struct trainer *t)
{
        const struct training_config *c = &t->config;

        for (size_t i = 0; i < t->net->n_params; i++) {
                const struct net_param *p = &t->net->params[i];

                if (p->trainable && !(p->in_pieces && t->net->learn))
                        step(t, p, 0, p->n, t->net->g + p->at);
        }
        if (t->average) {
                /* young averages forget faster, or they would be stuck at the first random weights */
                double decay = MIN(c->average, (1.0 + (double)t->step) / (10.0 + (double)t->step));

                vec_blend(t->average, t->net->w, t->net->n_floats, (float)(1 - decay));
        }
}

/* Forward, loss and backward of one batch. */
static double task_batch(struct trainer *t, size_t first)
{
        uint64_t correct = 0;
        double loss;

        t->task->ops->load(t->task, t, first);
        t->net->step = t->step;
        net_forward(t->net, t->config.batch, true);
        loss = t->task->ops->loss(t->task, t->config.batch, &correct);
        t->n_correct += correct;
        if (isfinite(loss))
                net_backward(t->net);
        return loss;
}

static double class_batch(struct trainer *t, size_t first)
{
        const float *said = NULL;
        double loss;

        batch_load(t, t->train, first, t->config.batch, false);
        batch_targets(t, first);
        if (t->config.mixup > 0)
                batch_mix(t);
        if (t->distill)
                said = ask_teachers(t);
        batch_normalise(t, t->config.batch);
        t->net->step = t->step;
        net_forward(t->net, t->config.batch, true);
        loss = loss_cross_entropy(net_output(t->net), t->target, t->config.batch, t->net->n_classes,
                                  net_output_gradient(t->net));
        if (t->vote_target)
                loss += loss_cross_entropy(t->net->head->y, t->vote_target, t->config.batch, t->net->n_classes,
                                           t->net->head->dy);
        if (said)
                loss += loss_softened(net_output(t->net), said, t->config.batch, t->net->n_classes,
                                      t->config.distill_temperature, net_output_gradient(t->net));
        if (!isfinite(loss))
                return loss;
        count_correct(t, first);
        net_backward(t->net);
        return loss;
}

/* What all values that learn in this step share. */
static void begin_step(struct trainer *t)
{
        const struct training_config *c = &t->config;
        float steps = (float)(t->step + 1);

        t->rate = (float)schedule_rate(c, t->epoch + (double)t->batch / (double)t->n_batches);
        if (c->optimiser == OPTIMISER_ADAM) {
                t->correction = 1 / (1 - powf((float)c->momentum, steps));
                t->second_correction = 1 / (1 - powf((float)c->beta2, steps));
        }
}

int trainer_step(struct trainer *t)
{
        size_t first = t->batch * t->config.batch;
        double start = clock_seconds(), loss;

        if (t->batch == 0 || t->order[0] == t->order[1])
                shuffle_rows(t); /* at the start of an epoch, or after a resume in the middle of one */
        begin_step(t);
        loss = t->task ? task_batch(t, first) : class_batch(t, first);
        if (!isfinite(loss))
                return -EDOM;
        update(t);
        t->loss_sum += loss;
        t->batch++;
        t->step++;
        t->seconds += clock_seconds() - start;
        return 0;
}

bool trainer_epoch_done(const struct trainer *t)
{
        return t->batch >= t->n_batches;
}

void trainer_swap(struct trainer *t)
{
        if (t->average) {
                float *w = t->net->w;

                t->net->w = t->average;
                t->average = w;
        }
}

bool trainer_validates(const struct trainer *t)
{
        return t->valid || (t->task && t->task->n_valid);
}

int trainer_finish_epoch(struct trainer *t)
{
        struct trainer_record *record = &t->history[t->epoch];
        struct metrics m = { 0 };
        double valid_loss = 0, valid_accuracy = 0, sum, squares;

        /* the last step's loss says nothing of what the step made of the weights */
        vec_sums(t->net->w, t->net->n_floats, 1, 0, &sum, &squares);
        if (!isfinite(squares))
                return -EDOM;
        if (t->task) {
                trainer_swap(t);
                t->task->ops->evaluate(t->task, &valid_loss, &valid_accuracy);
                trainer_swap(t);
        } else if (t->valid) {
                trainer_swap(t);
                trainer_evaluate(t, t->valid, &m, NULL);
                trainer_swap(t);
                valid_loss = m.loss;
                valid_accuracy = metrics_accuracy(&m);
        }
        *record = (struct trainer_record){
                .rate = schedule_rate(&t->config, t->epoch),
                .train_loss = t->loss_sum / (double)t->n_batches,
                .train_accuracy = (double)t->n_correct / (double)(t->n_batches * t->config.batch),
                .valid_loss = valid_loss,
                .valid_accuracy = valid_accuracy,
                .seconds = t->seconds,
        };
        if (valid_accuracy > t->best_accuracy) /* false for NaN */
                t->best_accuracy = valid_accuracy;
        t->epoch++;
        t->batch = 0;
        t->loss_sum = t->seconds = 0;
        t->n_correct = 0;
        return 0;
}
