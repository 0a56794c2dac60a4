/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "basic/clock.h"
#include "basic/macro.h"
#include "train/net/vec.h"
#include "train/run/trainer.h"

static int allocate(struct trainer *t)
{
        size_t n = t->net->n_floats;

        t->velocity = floats_new(n);
        t->second = t->config.optimiser == OPTIMISER_ADAM ? floats_new(n) : NULL;
        t->average = t->config.average > 0 ? floats_new(n) : NULL;
        t->history = calloc(t->config.epochs, sizeof(*t->history));
        t->order = calloc(t->n_rows, sizeof(*t->order));
        if (!t->velocity || !t->history || !t->order)
                return -ENOMEM;
        if ((t->config.optimiser == OPTIMISER_ADAM && !t->second) || (t->config.average > 0 && !t->average))
                return -ENOMEM;
        if (t->average)
                memcpy(t->average, t->net->w, n * sizeof(float));
        return 0;
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

int trainer_new(struct net *net, const struct training_config *config, struct task *task, struct trainer **ret)
{
        _cleanup_(trainer_freep) struct trainer *t = calloc(1, sizeof(*t));
        int r;

        if (!t)
                return -ENOMEM;
        t->net = net;
        t->best_accuracy = -1;
        t->config = *config;
        t->task = task;
        t->n_rows = task->n_rows;
        if (t->n_rows < config->batch || net->max_batch < config->batch)
                return -EINVAL;
        t->n_batches = t->n_rows / config->batch;
        r = allocate(t);
        if (r < 0)
                return r;
        net->learn = learn;
        net->learn_userdata = t;
        *ret = STEAL(t);
        return 0;
}

struct trainer *trainer_free(struct trainer *t)
{
        if (!t)
                return NULL;
        t->net->learn = NULL;
        free(t->velocity);
        free(t->second);
        free(t->average);
        free(t->history);
        free(t->order);
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
        t->shuffled = true;
}

static struct task_rows place(const struct trainer *t)
{
        return (struct task_rows){ .order = t->order, .epoch = t->epoch, .step = t->step };
}

void trainer_show(struct trainer *t, size_t first)
{
        const struct task_rows rows = place(t);

        if (!t->shuffled)
                shuffle_rows(t);
        if (t->task->ops->show)
                t->task->ops->show(t->task, &rows, first);
        else
                t->task->ops->load(t->task, &rows, first);
        net_forward(t->net, t->config.batch, false);
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
static double run_batch(struct trainer *t, size_t first)
{
        const struct task_rows rows = place(t);
        uint64_t correct = 0;
        double loss;

        t->task->ops->load(t->task, &rows, first);
        t->net->step = t->step;
        net_forward(t->net, t->config.batch, true);
        loss = t->task->ops->loss(t->task, t->config.batch, &correct);
        t->n_correct += correct;
        if (isfinite(loss))
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

        if (!t->shuffled)
                shuffle_rows(t);
        begin_step(t);
        loss = run_batch(t, first);
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
        return t->task->n_valid > 0;
}

int trainer_finish_epoch(struct trainer *t)
{
        struct trainer_record *record = &t->history[t->epoch];
        double valid_loss = 0, valid_accuracy = 0, sum, squares;

        /* the last step's loss says nothing of what the step made of the weights */
        vec_sums(t->net->w, t->net->n_floats, 1, 0, &sum, &squares);
        if (!isfinite(squares))
                return -EDOM;
        trainer_swap(t);
        t->task->ops->evaluate(t->task, &valid_loss, &valid_accuracy);
        trainer_swap(t);
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
        t->shuffled = false;
        t->loss_sum = t->seconds = 0;
        t->n_correct = 0;
        return 0;
}
