/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>
#include <time.h>

#include "basic/macro.h"
#include "train/loss.h"
#include "train/trainer.h"
#include "train/vec.h"

#define CALIBRATION_ROWS 6000

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
                vec_adam(w, g, velocity, t->second + p->at + from, n, rate, b1, b2, t->correction,
                         t->second_correction, decay);
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

static struct nn_image picture(const struct dataset *d, size_t row)
{
        size_t size = (size_t)d->width_px * d->height_px;

        return (struct nn_image) { .data = d->pixels + row * size,
                                   .width_px = d->width_px,
                                   .height_px = d->height_px,
                                   .stride_bytes = d->width_px };
}

struct load {
        struct trainer *t;
        const struct dataset *set;
        size_t first;
        unsigned n;
        bool plain; /* rows in order and unchanged */
};

static void load_part(void *userdata, unsigned part, unsigned thread)
{
        static const struct augment_config unchanged;
        struct load *load = userdata;
        struct trainer *t = load->t;
        struct net *net = t->net;
        size_t from, to;

        net_part(load->n, NET_PARTS, part, &from, &to);
        for (; from < to; from++) {
                size_t row = load->plain ? load->first + from : t->order[load->first + from];
                float *x = net_input(net) + from * shape_size(net->in);
                struct nn_image image = picture(load->set, row);
                struct rng rng;

                rng_seed_stream(&rng, t->config.seed, t->epoch, row);
                augment(load->plain ? &unchanged : &t->config.augment, &rng, &image, net->in.w, net->in.h, x,
                        t->scratch[thread]);
        }
}

static void normalise_part(void *userdata, unsigned part, unsigned thread)
{
        struct load *load = userdata;
        struct net *net = load->t->net;
        size_t from, to, size = shape_size(net->in);

        net_part(load->n, NET_PARTS, part, &from, &to);
        for (; from < to; from++)
                nn_normalise(net->normalisation, net_input(net) + from * size, size);
}

/* Fills the network's input with pictures in 0..255; normalise_batch() makes of them what the network wants. */
static void load_batch(struct trainer *t, const struct dataset *set, size_t first, unsigned n, bool plain)
{
        struct load load = { .t = t, .set = set, .first = first, .n = n, .plain = plain };

        nn_pool_run(t->net->pool, NET_PARTS, load_part, &load);
}

static void normalise_batch(struct trainer *t, unsigned n)
{
        struct load load = { .t = t, .n = n };

        nn_pool_run(t->net->pool, NET_PARTS, normalise_part, &load);
}

/* False: no tagger chose a class of the set. */
static bool has_votes(const struct dataset *d, size_t row)
{
        double sum = 0;

        for (unsigned k = 0; d->votes && k < d->n_classes; k++)
                sum += (double)d->votes[row * d->n_classes + k];
        return sum > 0;
}

static void make_target(struct trainer *t, unsigned i, size_t row)
{
        const struct training_config *c = &t->config;
        unsigned classes = t->net->n_classes, class = t->train->classes[row];
        bool voted = has_votes(t->train, row);
        double share = voted ? c->votes : 0, weight = t->weights[class];

        for (unsigned k = 0; k < classes; k++) {
                double vote = voted ? t->train->votes[row * classes + k] : 0;
                double x = (1 - share) * (class == k) + share * vote;

                t->target[i * classes + k] =
                        (float)(weight * ((1 - c->label_smoothing) * x + c->label_smoothing / classes));
                if (t->vote_target)
                        t->vote_target[i * classes + k] = (float)(weight * c->votes_task * vote);
        }
}

static void make_targets(struct trainer *t, size_t first)
{
        for (unsigned i = 0; i < t->config.batch; i++)
                make_target(t, i, t->order[first + i]);
}

/* a = k * a + (1 - k) * b and the reverse */
static void blend(float *a, float *b, size_t n, float k)
{
        for (size_t i = 0; i < n; i++) {
                float x = a[i];

                a[i] = k * x + (1 - k) * b[i];
                b[i] = k * b[i] + (1 - k) * x;
        }
}

/* The i-th picture and the i-th from the end, which the shuffle made strangers, are mixed, and so are their targets. */
static void mix(struct trainer *t)
{
        size_t size = shape_size(t->net->in), classes = t->net->n_classes, n = t->config.batch;

        for (size_t i = 0; i < n / 2; i++) {
                double u, v, k;
                struct rng rng;

                rng_seed_stream(&rng, t->config.seed ^ UINT64_C(0x6d6978), t->step, i);
                /* Beta(alpha, alpha) from two powers of uniforms whose sum is at most 1 (Joehnk 1964) */
                do {
                        u = pow(rng_uniform(&rng), 1 / t->config.mixup);
                        v = pow(rng_uniform(&rng), 1 / t->config.mixup);
                } while (u + v > 1);
                k = u + v > 0 ? u / (u + v) : 1;
                blend(net_input(t->net) + i * size, net_input(t->net) + (n - 1 - i) * size, size, (float)k);
                blend(t->target + i * classes, t->target + (n - 1 - i) * classes, classes, (float)k);
                if (t->vote_target)
                        blend(t->vote_target + i * classes, t->vote_target + (n - 1 - i) * classes, classes, (float)k);
        }
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
        load_batch(t, t->train, first, t->config.batch, false);
        normalise_batch(t, t->config.batch);
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

static double now(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
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

        load_batch(t, t->train, first, t->config.batch, false);
        make_targets(t, first);
        if (t->config.mixup > 0)
                mix(t);
        if (t->distill)
                said = ask_teachers(t);
        normalise_batch(t, t->config.batch);
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
        double start = now(), loss;

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
        t->seconds += now() - start;
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

void trainer_evaluate(struct trainer *t, const struct dataset *set, struct metrics *ret, float *ret_logits)
{
        float p[DATASET_MAX_CLASSES];
        unsigned classes = t->net->n_classes;

        metrics_init(ret, classes);
        for (size_t first = 0; first < set->n; first += t->net->max_batch) {
                unsigned n = (unsigned)MIN(set->n - first, (size_t)t->net->max_batch);

                load_batch(t, set, first, n, true);
                normalise_batch(t, n);
                net_forward(t->net, n, false);
                if (ret_logits)
                        memcpy(ret_logits + first * classes, net_output(t->net), n * classes * sizeof(float));
                for (unsigned i = 0; i < n; i++) {
                        softmax(net_output(t->net) + i * classes, classes, p);
                        metrics_add(ret, set->classes[first + i], p);
                }
        }
}

/* Logits and labels of about @want rows spread over @set. */
static int sample_logits(struct trainer *t, const struct dataset *set, size_t want, struct dataset **ret_rows,
                         float **ret_logits)
{
        _cleanup_(dataset_freep) struct dataset *rows = NULL;
        size_t every = MAX(set->n / want, (size_t)1), size = (size_t)set->width_px * set->height_px;
        struct metrics m;
        int r;

        r = dataset_subset(set, ~0u, 0, &rows);
        if (r < 0)
                return r;
        for (size_t i = 0; i < set->n / every; i++) {
                memcpy(rows->pixels + i * size, set->pixels + i * every * size, size);
                rows->classes[i] = set->classes[i * every];
        }
        rows->n = set->n / every;
        *ret_logits = floats_new(rows->n * t->net->n_classes);
        if (!*ret_logits)
                return -ENOMEM;
        trainer_evaluate(t, rows, &m, *ret_logits);
        *ret_rows = STEAL(rows);
        return 0;
}

static int calibrate_classes(struct trainer *t, struct calibration *ret)
{
        _cleanup_(dataset_freep) struct dataset *rows = NULL;
        _cleanup_(freep) float *logits = NULL;
        _cleanup_(freep) float *work = NULL;
        int r;

        r = sample_logits(t, t->train, CALIBRATION_ROWS, &rows, &logits);
        if (r < 0)
                return r;
        work = floats_new(rows->n * t->net->n_classes);
        if (!work)
                return -ENOMEM;
        calibration_classes(logits, rows->classes, rows->n, t->net->n_classes, work, ret);
        return 0;
}

int trainer_calibrate(struct trainer *t, struct calibration *ret)
{
        _cleanup_(freep) float *logits = NULL;
        unsigned classes = t->net->n_classes;
        struct calibration c;
        struct metrics m;
        int r;

        calibration_init(&c);
        if (t->config.class_bias) {
                r = calibrate_classes(t, &c);
                if (r < 0)
                        return r;
        }
        if (t->valid) {
                logits = floats_new(t->valid->n * classes);
                if (!logits)
                        return -ENOMEM;
                trainer_evaluate(t, t->valid, &m, logits);
                calibration_apply(&c, logits, t->valid->n, classes);
                calibration_sharpen(&c, calibration_temperature(logits, t->valid->classes, t->valid->n, classes));
        }
        *ret = c;
        return 0;
}

int trainer_finish_epoch(struct trainer *t, struct metrics *ret)
{
        struct trainer_record *record = &t->history[t->epoch];
        struct metrics m = { 0 };
        double valid_loss = 0, valid_accuracy = 0;

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
        *record = (struct trainer_record) {
                .rate = schedule_rate(&t->config, t->epoch),
                .train_loss = t->loss_sum / (double)t->n_batches,
                .train_accuracy = (double)t->n_correct / (double)(t->n_batches * t->config.batch),
                .valid_loss = valid_loss,
                .valid_accuracy = valid_accuracy,
                .seconds = t->seconds,
        };
        t->best_accuracy = MAX(t->best_accuracy, record->valid_accuracy);
        t->epoch++;
        t->batch = 0;
        t->loss_sum = t->seconds = 0;
        t->n_correct = 0;
        if (ret)
                *ret = m;
        return 0;
}
