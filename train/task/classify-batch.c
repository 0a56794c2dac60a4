/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "basic/macro.h"
#include "train/net/loss.h"
#include "train/task/classify.h"

static struct nn_image picture(const struct dataset *d, size_t row)
{
        size_t size = (size_t)d->width_px * d->height_px;

        return (struct nn_image){ .data = d->pixels + row * size,
                                  .width_px = d->width_px,
                                  .height_px = d->height_px,
                                  .stride_bytes = d->width_px };
}

struct load {
        struct task *task;
        const struct dataset *set;
        const struct task_rows *rows; /* NULL: rows as they stand and unchanged */
        size_t first;
        unsigned n;
};

static void load_part(void *userdata, unsigned part, unsigned thread)
{
        static const struct augment_config unchanged;
        struct load *load = userdata;
        struct task *task = load->task;
        struct classify *c = task->state;
        struct net *net = task->net;
        size_t from, to;

        net_part(load->n, NET_PARTS, part, &from, &to);
        for (; from < to; from++) {
                size_t row = load->rows ? load->rows->order[load->first + from] : load->first + from;
                float *x = net_input(net) + from * shape_size(net->in);
                struct nn_image image = picture(load->set, row);
                struct rng rng;

                rng_seed_stream(&rng, task->config->seed, load->rows ? load->rows->epoch : 0, row);
                augment(load->rows ? &task->config->augment : &unchanged, &rng, &image, net->in.w, net->in.h, x,
                        c->scratch[thread]);
        }
}

static void normalise_part(void *userdata, unsigned part, unsigned thread)
{
        struct load *load = userdata;
        struct net *net = load->task->net;
        size_t from, to, size = shape_size(net->in);

        net_part(load->n, NET_PARTS, part, &from, &to);
        for (; from < to; from++)
                nn_normalise(net->normalisation, net_input(net) + from * size, size);
}

static void normalise(struct task *task, unsigned n)
{
        struct load load = { .task = task, .n = n };

        nn_pool_run(task->net->pool, NET_PARTS, normalise_part, &load);
}

void classify_load_plain(struct task *task, const struct dataset *set, size_t first, unsigned n)
{
        struct load load = { .task = task, .set = set, .first = first, .n = n };

        nn_pool_run(task->net->pool, NET_PARTS, load_part, &load);
        normalise(task, n);
}

/* Pictures in 0..255, changed at random. */
static void load_pictures(struct task *task, const struct task_rows *rows, size_t first)
{
        const struct classify *c = task->state;
        struct load load = { .task = task, .set = c->train, .rows = rows, .first = first, .n = task->config->batch };

        nn_pool_run(task->net->pool, NET_PARTS, load_part, &load);
}

/* False: no tagger chose a class of the set. */
static bool has_votes(const struct dataset *d, size_t row)
{
        double sum = 0;

        for (unsigned k = 0; d->votes && k < d->n_classes; k++)
                sum += (double)d->votes[row * d->n_classes + k];
        return sum > 0;
}

static void make_target(struct task *task, unsigned i, size_t row)
{
        struct classify *s = task->state;
        const struct classify_config *c = &s->config;
        unsigned classes = task->net->n_classes, class = s->train->classes[row];
        bool voted = has_votes(s->train, row);
        double share = voted ? c->votes : 0, weight = s->weights[class];

        for (unsigned k = 0; k < classes; k++) {
                double vote = voted ? s->train->votes[row * classes + k] : 0;
                double x = (1 - share) * (class == k) + share * vote;

                s->target[i * classes + k] =
                        (float)(weight * ((1 - c->label_smoothing) * x + c->label_smoothing / classes));
                if (s->vote_target)
                        s->vote_target[i * classes + k] = (float)(weight * c->votes_task * vote);
        }
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
static void mix(struct task *task)
{
        const struct classify *c = task->state;
        struct net *net = task->net;
        size_t size = shape_size(net->in), classes = net->n_classes, n = task->config->batch;

        for (size_t i = 0; i < n / 2; i++) {
                double u, v, k;
                struct rng rng;

                rng_seed_stream(&rng, task->config->seed ^ UINT64_C(0x6d6978), c->place.step, i);
                /* Beta(alpha, alpha) from two powers of uniforms whose sum is at most 1 (Joehnk 1964) */
                do {
                        u = pow(rng_uniform(&rng), 1 / c->config.mixup);
                        v = pow(rng_uniform(&rng), 1 / c->config.mixup);
                } while (u + v > 1);
                k = u + v > 0 ? u / (u + v) : 1;
                blend(net_input(net) + i * size, net_input(net) + (n - 1 - i) * size, size, (float)k);
                blend(c->target + i * classes, c->target + (n - 1 - i) * classes, classes, (float)k);
                if (c->vote_target)
                        blend(c->vote_target + i * classes, c->vote_target + (n - 1 - i) * classes, classes, (float)k);
        }
}

/* What the teachers say of the batch as it is shown. It takes its share of each row's weight from the target. */
static float *ask_teachers(struct task *task)
{
        const struct classify *c = task->state;
        unsigned classes = task->net->n_classes, n = task->config->batch;
        float share = (float)c->config.distill.share, *said = distill_run(c->distill, task->net, n);

        for (unsigned i = 0; i < n; i++) {
                float *target = c->target + (size_t)i * classes, weight = 0;

                for (unsigned k = 0; k < classes; k++)
                        weight += target[k];
                for (unsigned k = 0; k < classes; k++) {
                        said[(size_t)i * classes + k] *= share * weight;
                        target[k] *= 1 - share;
                }
        }
        return said;
}

void classify_load(struct task *task, const struct task_rows *rows, size_t first)
{
        struct classify *c = task->state;

        c->place = *rows;
        c->first = first;
        load_pictures(task, rows, first);
        for (unsigned i = 0; i < task->config->batch; i++)
                make_target(task, i, rows->order[first + i]);
        if (c->config.mixup > 0)
                mix(task);
        c->said = c->distill ? ask_teachers(task) : NULL;
        normalise(task, task->config->batch);
}

void classify_show(struct task *task, const struct task_rows *rows, size_t first)
{
        load_pictures(task, rows, first);
        normalise(task, task->config->batch);
}

static uint64_t count_correct(const struct task *task, unsigned n)
{
        const struct classify *c = task->state;
        const float *y = net_output(task->net);
        unsigned classes = task->net->n_classes;
        uint64_t correct = 0;

        for (unsigned i = 0; i < n; i++, y += classes) {
                unsigned best = 0;

                for (unsigned k = 1; k < classes; k++)
                        best = y[k] > y[best] ? k : best;
                correct += best == c->train->classes[c->place.order[c->first + i]];
        }
        return correct;
}

double classify_loss(struct task *task, unsigned n, uint64_t *ret_correct)
{
        const struct classify *c = task->state;
        struct net *net = task->net;
        double loss = loss_cross_entropy(net_output(net), c->target, n, net->n_classes, net_output_gradient(net));

        if (c->vote_target)
                loss += loss_cross_entropy(net->head->y, c->vote_target, n, net->n_classes, net->head->dy);
        if (c->said)
                loss += loss_softened(net_output(net), c->said, n, net->n_classes, c->config.distill.temperature,
                                      net_output_gradient(net));
        *ret_correct = count_correct(task, n);
        return loss;
}
