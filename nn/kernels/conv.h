/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Convolution: describe once, prepare (choose the kernel, pack the weights), run many times.
 */

#include "nn/kernels/kernels.h"

struct nn_conv_desc {
        unsigned n, c, h, w;  /* input [n, c, h, w] */
        unsigned k, r, s;     /* filters [k, c / groups, r, s] */
        unsigned stride[2];   /* rows, columns; >= 1 */
        unsigned pad[4];      /* zeros: above, left, below, right (the order of ONNX pads) */
        unsigned dilation[2]; /* >= 1 */
        unsigned groups;      /* >= 1, divides c and k */
        struct nn_act act;    /* applied last */
        bool residual;        /* add a tensor of the output's shape and layout before the activation */
        enum nn_layout in, out;
        unsigned way; /* 0: the one with the least expected cost; or one of nn_conv_ways() */
};

struct nn_conv;

/* Output rows and columns; 0 if the kernel does not fit. */
unsigned nn_conv_out_h(const struct nn_conv_desc *d);
unsigned nn_conv_out_w(const struct nn_conv_desc *d);

/**
 * nn_conv_layouts() - the layouts in which @d runs without a reorder inside
 * @ret_in, @ret_out: the preferred layouts; @d's own in and out are ignored
 *
 * A first layer of few channels reads PLAIN and writes BLOCKED; nearly all others are BLOCKED on both sides. Any
 * other choice in the descriptor also works, at the price of a copy through scratch.
 */
void nn_conv_layouts(enum nn_isa isa, const struct nn_conv_desc *d, enum nn_layout *ret_in, enum nn_layout *ret_out);

/**
 * nn_conv_prepare() - choose a kernel and pack the weights
 * @weights: [k, c / groups, r, s]; @bias: [k] or NULL; both copied
 * @ret: owned by the caller: nn_conv_free()
 *
 * Winograd's minimal filtering (Lavin & Gray 2015, arXiv:1509.09308) may be chosen for 3x3 kernels: its result
 * differs from the direct sum by some 1e-6 (tiles of 2x2) to 1e-5 (4x4) of the largest value.
 * Return: 0; -EINVAL for a descriptor that contradicts itself; -ENOMEM.
 */
int nn_conv_prepare(enum nn_isa isa, const struct nn_conv_desc *d, const float *weights, const float *bias,
                    struct nn_conv **ret);
struct nn_conv *nn_conv_free(struct nn_conv *c);
/**
 * nn_conv_new(), nn_conv_load() - the same in two steps, for who keeps the weights of several in one piece of memory
 * @d: act.slopes are read by nn_conv_load()
 * @memory: nn_conv_packed_bytes() of any content, 64-byte aligned; borrowed until the next nn_conv_load() or nn_conv_free()
 * @pool: NULL to pack in the calling thread
 *
 * As in training the weights change with every batch, they may be loaded again and again, unless the activation is
 * PReLU. Not while it runs.
 */
int nn_conv_new(enum nn_isa isa, const struct nn_conv_desc *d, struct nn_conv **ret);
void nn_conv_load(struct nn_conv *c, void *memory, const float *weights, const float *bias, struct nn_pool *pool);

#define NN_CONV_MAX_WAYS 5
/* The ways in which @d can be computed (@d's own way is ignored), the one with the least expected cost first. Return:
 * their number, at least 1. */
unsigned nn_conv_ways(enum nn_isa isa, const struct nn_conv_desc *d, unsigned ret[NN_CONV_MAX_WAYS]);
/**
 * nn_conv_measure() - the fastest of these, found by running each a few times
 * @pool: with which it will run
 *
 * A way is taken over the expected one only where it is clearly faster. Other work on the machine can mislead it.
 * Return: 0; -EINVAL as for nn_conv_new(); -ENOMEM.
 */
int nn_conv_measure(enum nn_isa isa, const struct nn_conv_desc *d, struct nn_pool *pool, unsigned *ret_way);

/* Scratch for one run, to be 64-byte aligned; @threads: the most that the pool may use, at least 1. */
size_t nn_conv_scratch_bytes(const struct nn_conv *c, unsigned threads);
/* The kernel chosen, for people: "direct 2x12", "winograd 4x4", "depthwise 3x3/2" ...; owned by @c. */
const char *nn_conv_name(const struct nn_conv *c);
/* Bytes of packed weights, bias and slopes. */
size_t nn_conv_packed_bytes(const struct nn_conv *c);

/**
 * nn_conv_run() - y = act(conv(x) + bias + residual)
 * @residual: the shape and layout of the output, if the descriptor says so; may be @y
 * @y: must not overlap @x
 * @scratch: nn_conv_scratch_bytes(); may be NULL if that is 0
 * @pool: NULL to run in the calling thread
 */
void nn_conv_run(const struct nn_conv *c, const float *x, const float *residual, float *y, void *scratch,
                 struct nn_pool *pool);
