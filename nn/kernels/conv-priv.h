/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Inside nn/kernels only: the ways to compute a convolution. Each works on layouts of its own choice, which nn_conv
 * writes down at preparation; conv.c reorders around it where the caller wants others.
 */

#include "nn/kernels/ops.h"
#include "nn/pool.h"

struct nn_conv_call {
        const float *x, *residual;
        float *y;
        void *scratch; /* of the way itself, 64-byte aligned */
        struct nn_pool *pool;
};

struct nn_conv_way {
        /* Sets the name, the units, n_weights, n_packs and sparse. Return: 0 or -ENOMEM. */
        int (*prepare)(struct nn_conv *c);
        /* Packs one of n_packs parts of @weights; parts may be packed at the same time. */
        void (*pack)(struct nn_conv *c, unsigned part, const float *weights);
        size_t (*scratch_bytes)(const struct nn_conv *c, unsigned threads);
        void (*run)(const struct nn_conv *c, const struct nn_conv_call *call);
};

/* Output blocks that a tile computes together, and the input channels that they read. */
struct nn_conv_unit {
        unsigned block, n_blocks; /* 1..NN_TILE_MAX_BLOCKS */
        unsigned first, count;    /* channels; first is a multiple of the block if the input is blocked */
        size_t weights;           /* floats into the packed weights */
};

struct nn_conv {
        struct nn_conv_desc d; /* act.slopes: the caller's until nn_conv_load(), then NULL */
        enum nn_isa isa;
        const struct nn_kernel_ops *ops;
        const struct nn_conv_way *way;
        enum nn_layout in, out; /* of the way */
        unsigned b, out_h, out_w;
        unsigned n_kb;  /* output blocks */
        bool half_tail; /* the last one has no more than half of its channels */
        bool clamp;     /* the activation is min(max(y, lo), hi), done where the sums are stored */
        float lo, hi;
        void *owned; /* the memory of the following, if nobody else owns it */
        float *weights;
        float *bias;   /* padded to whole blocks */
        float *slopes; /* PReLU's, padded likewise, or NULL */
        size_t n_weights;
        unsigned n_packs;
        bool sparse; /* packing leaves gaps between the weights, which must be zeros */
        struct nn_conv_unit *units;
        size_t n_units;
        unsigned tile; /* Winograd: side of the output tile */
        char name[48];
};

extern const struct nn_conv_way nn_conv_direct, nn_conv_depthwise, nn_conv_winograd;

/* The side of the output tile with which Winograd is expected to be faster than the direct sum; 0 if none is. */
unsigned nn_conv_winograd_tile(enum nn_isa isa, const struct nn_conv_desc *d);
/* Whether tiles of that side can be had at all. */
bool nn_conv_winograd_can(const struct nn_conv_desc *d, unsigned tile);

/* Values of nn_conv_desc.way; any larger one is the side of Winograd's tile. */
enum { NN_CONV_EXPECTED = 0, NN_CONV_DIRECT = 1 };

/* Whether the descriptor does not contradict itself and @isa was built in. */
bool nn_conv_is_valid(enum nn_isa isa, const struct nn_conv_desc *d);
/* nn_conv_load() without values: weights, bias and slopes get their places in @memory. */
void nn_conv_place(struct nn_conv *c, void *memory);

/* @n zeroed floats, 64-byte aligned, for free(); NULL if there is no memory or n * 4 overflows. */
float *nn_conv_floats(size_t n);

/* The activation on @pixels finished pixels of output block @block; nothing if it is a clamp. */
void nn_conv_finish(const struct nn_conv *c, unsigned block, size_t pixels, float *y);

/* Where the padded input of one image lies when @c needs a copy with its zeros. */
struct nn_conv_frame {
        size_t h, w;   /* of one plane, padding included */
        size_t pixel;  /* floats of a pixel: the block, or 1 if the input is plain */
        size_t planes; /* blocks or channels */
        bool copied;
};
struct nn_conv_frame nn_conv_frame(const struct nn_conv *c);
/* Copies plane @plane of one image and surrounds it with zeros. */
void nn_conv_frame_copy(const struct nn_conv *c, const struct nn_conv_frame *f, size_t plane, const float *x,
                        float *to);

/* The code for @pixels pixels of @n_blocks output blocks from @block on. */
static inline nn_tile_fn nn_conv_tile(const struct nn_conv *c, enum nn_step step, unsigned rows, unsigned block,
                                      unsigned n_blocks, unsigned pixels)
{
        const nn_tile_fn(*fn)[NN_TILE_MAX_PIXELS] = c->ops->tile->fn[step][rows - 1];
        nn_tile_fn half = NULL;

        if (c->half_tail && block + n_blocks == c->n_kb)
                half = fn[NN_TILE_HALF + n_blocks - 1][pixels - 1];
        return half ? half : fn[n_blocks - 1][pixels - 1];
}

static inline size_t nn_round_up(size_t n, size_t to)
{
        return (n + to - 1) / to * to;
}
