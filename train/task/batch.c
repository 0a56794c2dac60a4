/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "basic/macro.h"
#include "train/task/batch.h"

static struct nn_image picture(const struct dataset *d, size_t row)
{
        size_t size = (size_t)d->width_px * d->height_px;

        return (struct nn_image){ .data = d->pixels + row * size,
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

void batch_load(struct trainer *t, const struct dataset *set, size_t first, unsigned n, bool plain)
{
        struct load load = { .t = t, .set = set, .first = first, .n = n, .plain = plain };

        nn_pool_run(t->net->pool, NET_PARTS, load_part, &load);
}

void batch_normalise(struct trainer *t, unsigned n)
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

void batch_targets(struct trainer *t, size_t first)
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

void batch_mix(struct trainer *t)
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
