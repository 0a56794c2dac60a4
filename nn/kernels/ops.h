/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Inside nn/kernels only: what each instruction set provides, one table per source file and instruction set.
 */

#include "nn/kernels/conv.h"
#include "nn/kernels/fc.h"
#include "nn/kernels/kernels.h"

/* vec.c */
struct nn_vec_ops {
        /* y = act(x), n values in one channel: slope is PReLU's */
        void (*act)(const struct nn_act *act, float slope, size_t n, const float *x, float *y);
        /* the same on `pixels` vectors of one block; @slopes: V values, only read for PReLU; may be NULL otherwise */
        void (*act_block)(const struct nn_act *act, const float *slopes, size_t pixels, const float *x, float *y);
        void (*exp)(size_t n, const float *x, float *y);
        void (*binary)(enum nn_binary op, bool relu, size_t n, const float *a, const float *b, float *y);
        void (*binary_scalar)(enum nn_binary op, bool swap, size_t n, const float *a, float s, float *y);
        /* y = x op s[0..V-1] on every one of `pixels` vectors */
        void (*binary_block)(enum nn_binary op, size_t pixels, const float *x, const float *s, float *y);
        void (*softmax_rows)(size_t rows, size_t columns, const float *x, float *y);
};

/* map.c: pooling, enlargement, layouts; names as in kernels.h */
struct nn_map_ops {
        void (*pool2d_plain)(const struct nn_pool2d_desc *d, const float *x, float *y);
        void (*pool2d_block)(const struct nn_pool2d_desc *d, const float *x, float *y);
        float (*reduce)(bool average, size_t n, const float *x);
        void (*reduce_block)(bool average, size_t pixels, const float *x, float *y);
        void (*upsample_block)(size_t h, size_t w, size_t factor_h, size_t factor_w, const float *x, float *y);
        void (*upsample_plain)(size_t h, size_t w, size_t factor_h, size_t factor_w, const float *x, float *y);
        /* @c <= V rows of @n values at distance @x_row to n rows of V at distance @y_row; the other lanes 0 */
        void (*turn)(size_t c, size_t n, const float *x, size_t x_row, float *y, size_t y_row);
        /* one block of `c` <= V channels */
        void (*from_block)(size_t c, size_t hw, const float *x, float *y);
};

/* One register tile of a convolution: a few output blocks at a few output pixels of one to three rows. */
struct nn_tile {
        const float *x;        /* input of the first pixel under the first tap, first channel */
        const float *w;        /* in the order of the sums: [outer][r][s][lane][output block][V] */
        const float *bias;     /* [output block][V] */
        const float *residual; /* like y, or NULL */
        float *y;
        size_t y_block, y_row; /* floats from one output block or row to the next */
        /* the sums: outer runs over input blocks (over channels if the input is plain), lane over what lies beside
         * each other in memory: the channels of a block, the columns of a plain row under the filter */
        unsigned n_outer, n_r, n_s, lanes, last_lanes;
        unsigned r_first, r_end;         /* of the n_r: those outside would only add zeros */
        size_t x_outer, x_r, x_s, x_row; /* floats; x_row: to the input of the next row's pixels */
        size_t x_step;                   /* floats from one output pixel's input to the next one's */
        bool clamp;                      /* min(max(y, lo), hi) at the end */
        float lo, hi;
};
typedef void (*nn_tile_fn)(const struct nn_tile *t);

/* Steps between pixels that have code of their own */
enum nn_step { NN_STEP_BLOCK, NN_STEP_2_BLOCKS, NN_STEP_1, NN_STEP_2, NN_STEP_ANY, NN_N_STEPS };

/* the widest vector, in floats */
#define NN_MAX_BLOCK 16
#define NN_TILE_MAX_PIXELS 14
#define NN_TILE_MAX_BLOCKS 2
#define NN_TILE_MAX_ROWS 3
/* Kinds of tile: one block, two blocks, and from NN_TILE_HALF on the same where the last one's channels are no more
 * than half a vector. */
#define NN_TILE_HALF NN_TILE_MAX_BLOCKS
#define NN_TILE_KINDS (2 * NN_TILE_MAX_BLOCKS)

/* tile.c */
struct nn_tile_ops {
        unsigned max_pixels; /* of a tile with NN_TILE_MAX_BLOCKS blocks, in all its rows */
        /* [rows - 1][kind][pixels of a row - 1]; NULL beyond what exists; of halves where they pay */
        nn_tile_fn fn[NN_N_STEPS][NN_TILE_MAX_ROWS][NN_TILE_KINDS][NN_TILE_MAX_PIXELS];
};

/* A depthwise convolution of one block of channels. */
struct nn_depthwise {
        const struct nn_conv_desc *d;
        unsigned out_h, out_w;
        const float *w;    /* [r][s][V] */
        const float *bias; /* [V] */
        bool clamp;
        float lo, hi;
};

/* depthwise.c */
struct nn_depthwise_ops {
        void (*rows)(const struct nn_depthwise *p, unsigned row, unsigned end, const float *x, const float *residual,
                     float *y);
};

/* One tile of one block of channels for Winograd: side^2 inputs, or points, or tile^2 outputs. */
struct nn_winograd_input {
        const float *x;
        size_t x_row, x_step; /* floats from one row or column to the next */
        float *v;
        size_t v_point; /* floats from one transformed point to the next */
};
/* The same where the tile hangs over the edge of its plane @x of @h x @w pixels: the inputs are at rows row, row +
 * stride ... and columns likewise. */
struct nn_winograd_border {
        const float *x;
        long h, w, row, column, stride;
        float *to; /* side * side pixels beside each other, zeros where there is no input */
};
struct nn_winograd_output {
        const float *m;
        size_t m_point;
        const float *bias, *residual; /* residual: like y, or NULL */
        float *y;
        size_t y_row;
        unsigned rows, columns; /* of the tile that lie inside the output */
        bool clamp;
        float lo, hi;
};

/* Side of what is transformed, tile + taps - 1, and of what comes out. */
#define NN_WINOGRAD_MIN_SIDE 4
#define NN_WINOGRAD_MAX_SIDE 6
#define NN_WINOGRAD_MIN_TILE 2
#define NN_WINOGRAD_MAX_TILE 5
#define NN_WINOGRAD_MAX_TAPS 5
#define NN_WINOGRAD_N_SIDES (NN_WINOGRAD_MAX_SIDE - NN_WINOGRAD_MIN_SIDE + 1)
#define NN_WINOGRAD_N_TILES (NN_WINOGRAD_MAX_TILE - NN_WINOGRAD_MIN_TILE + 1)

/* winograd.c */
struct nn_winograd_ops {
        /* [side - NN_WINOGRAD_MIN_SIDE][tile - NN_WINOGRAD_MIN_TILE]; outputs for up to side - 1 */
        void (*input[NN_WINOGRAD_N_SIDES])(const struct nn_winograd_input *p);
        void (*border)(unsigned side, const struct nn_winograd_border *p);
        void (*output[NN_WINOGRAD_N_SIDES][NN_WINOGRAD_N_TILES])(const struct nn_winograd_output *p);
        /* By side and tile, as the outputs. @w: taps x taps taps of V filters [taps * taps][V]; @u: a point of them every
         * @u_point floats */
        void (*filter[NN_WINOGRAD_N_SIDES][NN_WINOGRAD_N_TILES])(const float *w, float *u, size_t u_point);
};

/* lrn.c: see nn_lrn(); one image */
struct nn_lrn_ops {
        void (*plain)(const struct nn_lrn_desc *d, const float *x, float *y);
        void (*block)(const struct nn_lrn_desc *d, const float *x, float *y);
};

/* Products of rows with a panel of weights: @rows rows of x at distance @ldx, @k weights rows of @vectors * V. */
#define NN_PANEL_MAX_ROWS 6
#define NN_PANEL_MAX_VECTORS 4
struct nn_panel {
        size_t k;
        const float *x;
        size_t ldx;
        const void *w; /* [k][vectors * V] */
        float *y;      /* [rows][vectors * V] at distance ldy */
        size_t ldy;
        bool accumulate; /* add to y */
};
typedef void (*nn_panel_fn)(const struct nn_panel *p);

/* panel.c */
struct nn_panel_ops {
        unsigned max_rows;
        nn_panel_fn fn[3][NN_PANEL_MAX_ROWS][NN_PANEL_MAX_VECTORS]; /* [enum nn_fc_storage][rows - 1][vectors - 1] */
};

/* resize.c: @n output values of a row, see nn_resize_planes() */
struct nn_resize_ops {
        /* from a row of @width values */
        void (*spread)(const struct nn_resize_axis *t, size_t n, size_t width, const float *x, float *y);
        /* @n vectors of a block */
        void (*spread_block)(const struct nn_resize_axis *t, size_t n, const float *x, float *y);
        /* y = low + weight * (high - low) */
        void (*blend)(size_t n, const float *low, const float *high, float weight, float *y);
};

#define NN_DECLARE_OPS(isa)                                          \
        extern const struct nn_vec_ops nn_vec_ops_##isa;             \
        extern const struct nn_map_ops nn_map_ops_##isa;             \
        extern const struct nn_tile_ops nn_tile_ops_##isa;           \
        extern const struct nn_depthwise_ops nn_depthwise_ops_##isa; \
        extern const struct nn_winograd_ops nn_winograd_ops_##isa;   \
        extern const struct nn_lrn_ops nn_lrn_ops_##isa;             \
        extern const struct nn_panel_ops nn_panel_ops_##isa;         \
        extern const struct nn_resize_ops nn_resize_ops_##isa

NN_DECLARE_OPS(portable);
NN_DECLARE_OPS(neon);
NN_DECLARE_OPS(avx2);
NN_DECLARE_OPS(avx512);

struct nn_kernel_ops {
        const struct nn_vec_ops *vec;
        const struct nn_map_ops *map;
        const struct nn_tile_ops *tile;
        const struct nn_depthwise_ops *depthwise;
        const struct nn_winograd_ops *winograd;
        const struct nn_lrn_ops *lrn;
        const struct nn_panel_ops *panel;
        const struct nn_resize_ops *resize;
};

/* NULL if @isa was not built in. */
const struct nn_kernel_ops *nn_kernel_ops(enum nn_isa isa);

/* Whether @act is a clamp (none, ReLU, clip); its bounds. */
bool nn_act_is_clamp(const struct nn_act *act, float *ret_lo, float *ret_hi);
