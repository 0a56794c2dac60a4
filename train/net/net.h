/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A network in training: its layers in topological order, all parameters in flat arrays, activations and gradients
 * for one batch.
 */

#include "nn/image.h"
#include "nn/pool.h"
#include "train/net/conv-kernel.h"
#include "train/net/layer.h"

#define NET_MAX_LAYERS 512
#define NET_MAX_BATCH 1024
#define NET_MAX_OUTPUTS 16

/* One named run of the flat arrays. */
struct net_param {
        char name[64];
        size_t at, n;
        bool trainable; /* false: running statistics */
        bool decay;     /* weight decay applies */
        bool in_pieces; /* its gradient goes to net->learn, if there is one, and not to net->g */
        float rate;     /* factor of the learning rate: 1 unless a layer says otherwise */
};

/**
 * What is done with the gradient @g of @n values, from the @from-th on, of params[@param]. Called in net_backward(), by
 * several threads at a time, for runs that do not overlap, when the pass needs these values no more: they may be changed.
 */
typedef void (*net_learn_fn)(void *userdata, size_t param, size_t from, size_t n, const float *g);

struct net {
        struct layer *layers[NET_MAX_LAYERS];
        unsigned n_layers;
        struct shape in;
        enum nn_normalisation normalisation;
        unsigned n_classes;                     /* units of the last layer; 0 where the recipe names outputs */
        struct layer *head;                     /* see net_add_head(); NULL: none */
        struct layer *outputs[NET_MAX_OUTPUTS]; /* those that the recipe's "outputs" names, else the last layer */
        unsigned n_outputs;

        struct net_param *params;
        size_t n_params, n_floats;
        /* [n_floats]: parameters, their gradients. Owned. Where "learn" takes gradients, the pages of g stay untouched
         * and cost no memory. */
        float *w, *g;
        net_learn_fn learn; /* NULL: all gradients are kept */
        void *learn_userdata;

        unsigned max_batch, n; /* n: pictures in the current batch */
        bool training;         /* batch statistics and dropout, or running statistics */
        uint64_t seed, step;   /* of dropout */

        struct nn_pool *pool;
        const struct conv_kernels *kernels;
        float **gradients; /* the memory of the layers' dy, ended by NULL; see net-gradients.c */
        size_t shared_floats, thread_floats;
        float *shared;   /* one layer's scratch for all threads */
        float **scratch; /* one a thread */
};

/* Reads the groups "input", "network" and "outputs" of a recipe; layers only, no parameters yet. */
int net_new(struct recipe *recipe, unsigned threads, struct net **ret, struct recipe_error *error);
struct net *net_free(struct net *net);
static inline void net_freep(struct net **net)
{
        if (*net)
                net_free(*net);
}

/**
 * net_add_head() - a second fully connected layer of @units on the input of the last one, for a further task in
 * training: it runs in training only, is not exported, and its parameters follow those of all layers
 * Return: 0; -EINVAL the last layer is not fully connected; -EFBIG; -ENOMEM.
 */
int net_add_head(struct net *net, const char *name, unsigned units, struct recipe_error *error);
/* Learned parameters, without those of the head. */
size_t net_n_learned(const struct net *net);

/* Allocates everything for batches of up to @max_batch and sets the parameters from @seed. Return: 0 or -ENOMEM. */
int net_prepare(struct net *net, unsigned max_batch, uint64_t seed);

/* The batch's input, [max_batch, in], to be filled before net_forward(). */
float *net_input(struct net *net);
/* The last layer's output, [n, n_classes], and where the loss writes its gradient. */
const float *net_output(const struct net *net);
float *net_output_gradient(struct net *net);

/* Output of that name, or NULL. */
struct layer *net_find_output(const struct net *net, const char *name);

void net_forward(struct net *net, unsigned n, bool training);
/* After net_forward(.., true) of the same batch: sets net->g, or calls net->learn. The head's gradient goes to
 * net->head->dy. */
void net_backward(struct net *net);

/* For net.c: gives every layer that needs one its dy, for batches of max_batch. Return: 0 or -ENOMEM. */
int net_gradients_new(struct net *net);
void net_gradients_free(struct net *net);

/* For layers. */
int net_add_param(struct net *net, const struct layer *l, const char *name, size_t n, bool trainable, bool decay,
                  struct param *ret, struct recipe_error *error);
void net_need_scratch(struct net *net, size_t shared_floats, size_t thread_floats);
/* Where a layer gives the gradient of its input @i: NULL if nobody wants it; *ret_add: add to what is there. */
float *net_begin_gradient(struct layer *l, unsigned i, bool *ret_add);
/* fn(net, layer, part, thread) for each part. */
void net_parallel(struct net *net, struct layer *l, unsigned n_parts,
                  void (*fn)(struct net *net, struct layer *l, unsigned part, unsigned thread));
/* Splits 0..n-1 into @n_parts runs of nearly one length. */
void net_part(size_t n, unsigned n_parts, unsigned part, size_t *ret_from, size_t *ret_to);

/* Parts of element-wise work on the batch. */
#define NET_PARTS 16

/* @n floats, zeroed, 64-byte aligned; NULL if there are none or no memory. */
float *floats_new(size_t n);
/* So many for each thread of @pool, and NULL as the last; NULL if there are none or no memory. */
float **floats_per_thread_new(const struct nn_pool *pool, size_t n);
/* Return: NULL. */
float **floats_per_thread_free(float **p);
