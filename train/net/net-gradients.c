/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory for the gradients of the layers' outputs. One lives from the first layer behind that adds to it until its own
 * layer has used it, so few are needed at one time and layers share buffers. */
#include "basic/macro.h"
#include "train/net/net.h"

struct buffer {
        size_t floats; /* of one picture */
        bool in_use;
        float *data;
};

struct buffers {
        struct buffer list[NET_MAX_LAYERS + 1];
        unsigned n;
        unsigned of[NET_MAX_LAYERS + 1]; /* [layer's index]: which, + 1; 0: none yet */
};

/* The free buffer that fits best: the smallest of those that are large enough, else the largest. */
static unsigned find_free(const struct buffers *b, size_t floats)
{
        unsigned best = b->n;

        for (unsigned i = 0; i < b->n; i++) {
                size_t have = b->list[i].floats, best_have = best < b->n ? b->list[best].floats : 0;

                if (b->list[i].in_use)
                        continue;
                if (best == b->n || (have >= floats ? best_have < floats || have < best_have : have > best_have))
                        best = i;
        }
        return best;
}

static void take(struct buffers *b, const struct layer *l)
{
        unsigned i;

        if (!l->needs_gradient || b->of[l->index])
                return;
        i = find_free(b, shape_size(l->out));
        if (i == b->n)
                b->list[b->n++] = (struct buffer){ 0 };
        b->list[i].floats = MAX(b->list[i].floats, shape_size(l->out));
        b->list[i].in_use = true;
        b->of[l->index] = i + 1;
}

/* Follows a backward pass, as net_backward() does it. */
static void plan(const struct net *net, struct buffers *b)
{
        /* the loss writes all of these before the first layer runs */
        take(b, net->layers[net->n_layers - 1]);
        for (unsigned i = 0; i < net->n_outputs; i++)
                take(b, net->outputs[i]);
        if (net->head) {
                take(b, net->head);
                take(b, net->head->inputs[0]);
        }
        for (unsigned i = net->n_layers; i-- > 1;) {
                const struct layer *l = net->layers[i];

                if (!l->needs_gradient)
                        continue;
                take(b, l);
                if (l->shares) {
                        b->of[l->inputs[0]->index] = b->of[i];
                        continue;
                }
                for (unsigned k = 0; k < l->n_inputs; k++)
                        take(b, l->inputs[k]);
                b->list[b->of[i] - 1].in_use = false;
        }
}

static void give(const struct net *net, const struct buffers *b, struct layer *l)
{
        if (b->of[l->index])
                l->dy = net->gradients[b->of[l->index] - 1];
}

int net_gradients_new(struct net *net)
{
        _cleanup_(freep) struct buffers *b = calloc(1, sizeof(*b));

        if (!b)
                return -ENOMEM;
        plan(net, b);
        net->gradients = calloc(b->n + 1, sizeof(*net->gradients)); /* ends in NULL */
        if (!net->gradients)
                return -ENOMEM;
        for (unsigned i = 0; i < b->n; i++) {
                net->gradients[i] = floats_new(b->list[i].floats * net->max_batch);
                if (!net->gradients[i])
                        return -ENOMEM;
        }
        for (unsigned i = 0; i < net->n_layers; i++)
                give(net, b, net->layers[i]);
        if (net->head)
                give(net, b, net->head);
        return 0;
}

void net_gradients_free(struct net *net)
{
        for (float **i = net->gradients; i && *i; i++)
                free(*i);
        free(net->gradients);
        net->gradients = NULL;
}
