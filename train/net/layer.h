/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Layers of a network in training. A kind of layer is one table of operations in one file layer-*.c; net.c strings
 * them together. Tensors are float32 [N, C, H, W], one output a layer, held for the whole batch.
 *
 * Sums over the batch are made in an order that does not depend on the number of threads: work is divided into
 * parts fixed by the shapes, and each sum belongs to one part.
 */

#include <stdbool.h>
#include <stddef.h>

#include "train/data/recipe.h"
#include "train/net/random.h"

#define LAYER_MAX_INPUTS 8
#define LAYER_MAX_UNITS 65536 /* channels, or width and height of an input */

struct net;
struct layer;
struct export;

struct shape {
        unsigned c, h, w;
};

static inline size_t shape_size(struct shape s)
{
        return (size_t)s.c * s.h * s.w;
}

/* A run of the network's flat arrays. */
struct param {
        size_t at, n;
        size_t index; /* in the network's params */
};

struct layer_ops {
        const char *type;
        unsigned min_inputs, max_inputs;
        bool reads_output; /* backward() wants the layer's own output: nobody may write over it */
        bool in_place;     /* the layer may write its output over its input, element by element, and so backward() the
                              gradient: what it wants is in the output */
        /**
         * configure() - read @settings and, from the inputs' shapes, set l->out, declare parameters and scratch
         * @settings: NULL for the network's input
         */
        int (*configure)(struct net *net, struct layer *l, config_setting_t *settings, struct recipe_error *error);
        /* sets the parameters to their first values; NULL if there are none */
        void (*reset)(struct net *net, struct layer *l, struct rng *rng);
        /* allocates what depends on the largest batch; NULL if nothing does */
        int (*prepare)(struct net *net, struct layer *l);
        void (*forward)(struct net *net, struct layer *l);
        /* gives or adds (see net_begin_gradient()) the gradients of the inputs that need one, and adds nothing to
         * the parameters' gradients but sets them, or hands them to net->learn */
        void (*backward)(struct net *net, struct layer *l);
        /* writes the nodes that compute the layer; see export.h */
        int (*export)(struct export *e, struct net *net, struct layer *l);
        void (*free)(struct layer *l);
};

struct layer {
        const struct layer_ops *ops;
        char name[48];
        unsigned index;
        unsigned n_inputs;
        struct layer *inputs[LAYER_MAX_INPUTS];
        unsigned n_consumers;
        struct layer *consumer; /* the last of them */
        bool is_output;         /* the loss sets its dy */
        bool shares;            /* y and dy are those of the input */
        struct shape in, out;   /* in: of the first input */
        float *y, *dy;          /* [batch, out]; dy is NULL where nothing before the layer learns, and holds the
                                   gradient only until the layer's own backward() is done */
        bool needs_gradient;    /* its output's gradient is wanted: it or a layer before it has parameters */
        bool gradient_begun;    /* in this backward pass dy holds something */
        struct param weight, bias;
        /* Sums of multiplications and additions for one picture, for the recipe's summary. */
        size_t macs;
        void *state;
};

extern const struct layer_ops layer_input, layer_conv, layer_batchnorm, layer_fc, layer_dropout, layer_lrn, layer_lcn;
extern const struct layer_ops layer_relu, layer_leakyrelu, layer_prelu, layer_sigmoid, layer_tanh, layer_hardswish,
        layer_hardsigmoid;
extern const struct layer_ops layer_maxpool, layer_avgpool, layer_global_avgpool, layer_add, layer_concat, layer_scale;
extern const struct layer_ops layer_upsample;

/* Makes @l a fully connected layer on its first input; for layers that no recipe lists. */
int layer_fc_configure(struct net *net, struct layer *l, unsigned units, bool bias, struct recipe_error *error);

/* NULL if @type is unknown. */
const struct layer_ops *layer_ops_find(const char *type);
