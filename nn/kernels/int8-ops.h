/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside nn/kernels only: what each way to multiply bytes provides. */

#include "nn/kernels/int8.h"

/* A few output blocks at a few output pixels of one to three rows; as struct nn_tile, in bytes. */
struct nn_tile8 {
        const uint8_t *x;
        const void *w;           /* [outer][r][s][group of 4 lanes][output][4]; depthwise: int32 [r][s][16] */
        const int32_t *start;    /* [output]: what the sums begin with */
        const float *mul, *add;  /* [output]: y = sum * mul + add */
        const uint8_t *residual; /* like y, or NULL: y += residual * r_mul */
        float r_mul, lo, hi;
        int zero; /* y is clamped to lo..hi and rounded, then zero is added: in this order, since ties go to even */
        uint8_t *y;
        size_t y_block, y_row;
        unsigned n_outer, n_r, n_s, groups, last_groups;
        size_t x_outer, x_r, x_s, x_row, x_step;
};
typedef void (*nn_tile8_fn)(const struct nn_tile8 *t);

enum nn_step8 { NN_STEP8_BLOCK, NN_STEP8_2_BLOCKS, NN_STEP8_1, NN_STEP8_2, NN_STEP8_ANY, NN_N_STEPS8 };

#define NN_TILE8_MAX_ROWS 3
#define NN_TILE8_MAX_BLOCKS 2
#define NN_TILE8_MAX_PIXELS 14

/* Rows of x, split in high and low bytes, times a panel of weights. */
struct nn_panel8 {
        size_t n_groups;           /* of four inputs */
        const uint8_t *high, *low; /* [rows] at distance ldx, 4 * n_groups each */
        size_t ldx;
        const int8_t *w;                       /* [group][output][4] */
        const int32_t *start_high, *start_low; /* [output] */
        float *y;                              /* [rows] at distance ldy: 256 * high sum + low sum */
        size_t ldy;
};
typedef void (*nn_panel8_fn)(const struct nn_panel8 *p);

#define NN_PANEL8_MAX_ROWS 3
#define NN_PANEL8_MAX_VECTORS 4

struct nn_int8_ops {
        unsigned vector; /* outputs of a vector */
        int offset;      /* what v_dot4() takes off each byte of x */
        unsigned max_blocks;
        /* [rows - 1][blocks - 1][pixels of a row - 1]; NULL where there is none */
        nn_tile8_fn tile[NN_N_STEPS8][NN_TILE8_MAX_ROWS][NN_TILE8_MAX_BLOCKS][NN_TILE8_MAX_PIXELS];
        /* one row of one block */
        void (*depthwise)(const struct nn_tile8 *t, unsigned pixels);
        unsigned panel_vectors, panel_rows;
        nn_panel8_fn panel[NN_PANEL8_MAX_ROWS][NN_PANEL8_MAX_VECTORS];
        void (*quantize)(size_t n, const float *x, float scale, int zero, int least, uint8_t *y);
        void (*dequantize)(size_t n, const uint8_t *x, float scale, int zero, uint8_t flip, float *y);
        /* y = round(clamp(a * ma + b * mb + add)) + zero; clamped to lo..255 - zero */
        void (*add)(size_t n, const uint8_t *a, float ma, const uint8_t *b, float mb, float add, float lo, int zero,
                    uint8_t *y);
        /* maximum of rows x columns pixels of a block */
        void (*max_block)(size_t rows, size_t columns, size_t x_row, size_t x_column, const uint8_t *x, uint8_t *y);
        /* sums over pixels of a block */
        void (*sum_block)(size_t pixels, const uint8_t *x, int64_t *sums);
        /* x as 16-bit numbers in units of scale, plus 32768 */
        void (*split)(size_t n, const float *x, float scale, uint8_t *high, uint8_t *low);
};

extern const struct nn_int8_ops nn_int8_ops_portable, nn_int8_ops_neon, nn_int8_ops_neon_dot, nn_int8_ops_avx2,
        nn_int8_ops_avx2_dot, nn_int8_ops_avx512_dot;

/* NULL if @dot was not built in. */
const struct nn_int8_ops *nn_int8_ops(enum nn_dot dot);
