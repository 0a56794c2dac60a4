/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Inside layer-conv.c and its ways only. The three products of a convolution in training - the output, the gradient of
 * the input and that of the weights - are each computed in the way that is fastest for its shape:
 *
 *   conv-planes.c    any of the three, any shape, in the displaced-plane form of conv-kernel.h
 *   conv-engine.c    the output and the gradient of the input by the kernels of the engine
 *   conv-winograd.c  the gradient of the weights by Winograd's minimal filtering
 *   conv-columns.c   the same as a product of two matrices
 */

#include "train/net/net.h"

#define CONV_MAX_STRIDE 8

/* How planes of one side are laid out for a set of taps. */
struct conv_layout {
        size_t stride, plane; /* floats between rows, between planes */
        size_t origin;        /* of pixel (0, 0) in a plane */
        size_t run;           /* floats from the first to past the last result, rounded up to CONV_P */
};

struct conv_planes {
        struct conv_layout x, dy; /* of the padded input phases; of the padded gradient of the output */
        size_t image;             /* floats of one packed input */
        unsigned n_slots, *slot;  /* [stride * stride]: place of a phase among those that a tap reads, or NO_SLOT */
        size_t *offset;           /* [n_taps] of one group: [in channels of a group, kernel_h, kernel_w] */
        struct phase *phases;     /* [stride * stride] */
        unsigned group_images;    /* images whose packed gradients of one tile fit the first cache */
};

/* A layer's state. */
struct conv {
        unsigned filters, kernel_h, kernel_w, stride, dilation, groups;
        unsigned pad_top, pad_left, pad_bottom, pad_right;
        size_t n_taps; /* of one filter */
        struct conv_planes planes;
        struct conv_engine *output, *input_gradient; /* NULL: by planes */
        struct conv_winograd *weight_winograd;       /* the gradient of the weights; NULL: not the way */
        struct conv_columns *weight_columns;         /* likewise; neither: by planes */
};

enum conv_product {
        CONV_FORWARD = 1 << 0,
        CONV_INPUT_GRADIENT = 1 << 1,
        CONV_WEIGHT_GRADIENT = 1 << 2,
};

/* Return: 0 or -ENOMEM. */
int conv_planes_configure(struct layer *l);
/* Declares the scratch of those of the @products (bits of enum conv_product) that are computed by planes. */
void conv_planes_prepare(struct net *net, struct layer *l, unsigned products);
void conv_planes_forward(struct net *net, struct layer *l);
/* Sets the gradient of the weights. */
void conv_planes_weight_gradient(struct net *net, struct layer *l);
/* Sets the gradient of the first input, or adds to it. */
void conv_planes_input_gradient(struct net *net, struct layer *l, bool add);
void conv_planes_free(struct conv *c);

/**
 * conv_engine_new_output() - the layer's output by the engine, if its kernels have the shape
 * conv_engine_new_input_gradient() - the gradient of its input: a convolution of the output's gradient with the kernel
 * turned by 180 degrees and its channels exchanged
 * @ret: NULL where the engine is not the way; else owned by the caller: conv_engine_free()
 * Return: 0 or -ENOMEM. Scratch is declared.
 */
int conv_engine_new_output(struct net *net, const struct layer *l, struct conv_engine **ret);
int conv_engine_new_input_gradient(struct net *net, const struct layer *l, struct conv_engine **ret);
struct conv_engine *conv_engine_free(struct conv_engine *e);
/* Both read the layer's weights as they are now. */
void conv_engine_forward(struct conv_engine *e, struct net *net, const struct layer *l);
void conv_engine_input_gradient(struct conv_engine *e, struct net *net, struct layer *l, bool add);

/**
 * conv_winograd_new() - the gradient of the weights of square kernels at stride 1
 * @ret: NULL where it is not the way; else owned by the caller: conv_winograd_free()
 * Return: 0 or -ENOMEM. Scratch is declared.
 */
int conv_winograd_new(struct net *net, const struct layer *l, struct conv_winograd **ret);
struct conv_winograd *conv_winograd_free(struct conv_winograd *w);
void conv_winograd_weight_gradient(const struct conv_winograd *w, struct net *net, const struct layer *l);

/**
 * conv_columns_new() - the gradient of the weights of any kernel, of channels and filters that fill vectors
 * @ret: NULL where it is not the way; else owned by the caller: conv_columns_free()
 * Return: 0 or -ENOMEM. Scratch is declared.
 */
int conv_columns_new(struct net *net, const struct layer *l, struct conv_columns **ret);
struct conv_columns *conv_columns_free(struct conv_columns *w);
void conv_columns_weight_gradient(const struct conv_columns *w, struct net *net, const struct layer *l);
