/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The arithmetic of the engine, float32: what every kernel shares, and the kernels that need no preparation.
 * Convolution is in nn/kernels/conv.h, matrix products in nn/kernels/fc.h.
 *
 * Every kernel exists once per instruction set; the sources are the same, compiled with different target flags over
 * the layer nn/kernels/simd.h. The caller picks an instruction set once (nn_isa_best()) and hands it to every call
 * that takes one. Kernels allocate nothing, keep no state, and are safe in parallel on distinct outputs and scratch.
 *
 * Layouts. PLAIN is ONNX's [N, C, H, W]. BLOCKED is [N, ceil(C / b), H, W, b], b = nn_isa_block(): the b channels of
 * a block lie beside each other, so that one vector holds one pixel of b channels. Where C is no multiple of b, the
 * last lanes of the last block hold finite values without meaning: no kernel lets them reach a real channel.
 * A blocked tensor takes nn_blocked_floats() floats.
 *
 * Contract for the planner (which operator takes which layout; a reorder goes where neighbours disagree):
 *   conv          PLAIN or BLOCKED on either side; nn_conv_layouts() says what it runs without an inner reorder
 *   pool, global pool, activation, upsampling    either, output in the layout of the input
 *   same-shape add/sub/mul/div/max/min     both operands in one layout: plain vectors of nn_blocked_floats() floats
 *                   (division fills meaningless lanes with NaN: use it on PLAIN only)
 *   per-channel and per-image-channel scalars (SE blocks)    BLOCKED through nn_scale_channels()
 *   concat on channels    BLOCKED when every part but the last has C a multiple of b: then it is a copy, or nothing
 *   fully connected after global pool    [N, C, 1, 1] is the same memory in both layouts when N == 1 or b divides C
 *   everything else    PLAIN
 */

#include "nn/kernels/isa.h"

struct nn_pool;

enum nn_layout {
        NN_PLAIN,
        NN_BLOCKED,
};

/* Floats of a blocked [n, c, h, w]; 0 if the product overflows. */
size_t nn_blocked_floats(enum nn_isa isa, size_t n, size_t c, size_t h, size_t w);

/* Activations; X is a macro of one name. What each computes is in act_one() of vec.c, once more in naive_act() of
 * tests/unit/kernels-common.h; all else that goes through them is made of this list.
 *   NONE x | RELU max(x, 0) | CLIP min(max(x, a), b) | LEAKY x < 0 ? a * x : x | PRELU the same with slopes[channel]
 *   SIGMOID 1 / (1 + exp(-x)) | TANH | HARD_SIGMOID min(max(a * x + b, 0), 1)
 *   HARD_SWISH x * min(max(x / 6 + 0.5, 0), 1) | SILU x * sigmoid(x) | ELU x < 0 ? a * (exp(x) - 1) : x */
#define NN_ACTS(X)      \
        X(NONE)         \
        X(RELU)         \
        X(CLIP)         \
        X(LEAKY)        \
        X(PRELU)        \
        X(SIGMOID)      \
        X(TANH)         \
        X(HARD_SIGMOID) \
        X(HARD_SWISH)   \
        X(SILU)         \
        X(ELU)

#define NN_ACT_NAME(name) NN_ACT_##name,
enum nn_act_kind { NN_ACTS(NN_ACT_NAME) };
#define NN_ACT_COUNT(name) +1
#define NN_N_ACTS (0 NN_ACTS(NN_ACT_COUNT))

struct nn_act {
        enum nn_act_kind kind;
        float a, b;
        const float *slopes; /* NN_ACT_PRELU: one per channel; borrowed, copied by nn_conv_prepare() and the like */
};

/**
 * nn_act_run() - y = act(x) on [n, c, hw]
 * @y: may be @x
 *
 * exp() inside is a polynomial, relative error under 3e-7 against libm; NaN stays NaN.
 */
void nn_act_run(enum nn_isa isa, const struct nn_act *act, enum nn_layout layout, size_t n, size_t c, size_t hw,
                const float *x, float *y);

/* y[i] = exp(x[i]), @n values, as in nn_act_run(). */
void nn_vec_exp(enum nn_isa isa, size_t n, const float *x, float *y);

/* As NN_ACTS: binary_one() of vec.c, naive_binary() of tests/unit/test-kernels-vec.c. */
#define NN_BINARIES(X) X(ADD) X(SUB) X(MUL) X(DIV) X(MAX) X(MIN)
#define NN_BINARY_NAME(name) NN_##name,
enum nn_binary { NN_BINARIES(NN_BINARY_NAME) };

/* y[i] = a[i] op b[i], then ReLU if @relu; @n values; @y may be @a or @b. NN_MAX and NN_MIN as fmaxf without NaN. */
void nn_vec_binary(enum nn_isa isa, enum nn_binary op, bool relu, size_t n, const float *a, const float *b, float *y);
/* y[i] = a[i] op s, or s op a[i] if @swap */
void nn_vec_binary_scalar(enum nn_isa isa, enum nn_binary op, bool swap, size_t n, const float *a, float s, float *y);

/**
 * nn_scale_channels() - y[n][c][p] = x[n][c][p] op s[n][c]; the scale of a squeeze-and-excite block
 * @op: NN_ADD or NN_MUL
 * @s: n * c values (blocked: n * ceil(c / b) * b); @per_image: false if the same c values serve every image
 */
void nn_scale_channels(enum nn_isa isa, enum nn_binary op, enum nn_layout layout, bool per_image, size_t n, size_t c,
                       size_t hw, const float *x, const float *s, float *y);

struct nn_pool2d_desc {
        unsigned n, c, h, w;    /* input */
        unsigned out_h, out_w;  /* output; the caller has applied ceil_mode and auto_pad */
        unsigned kernel[2];     /* rows, columns */
        unsigned stride[2];     /* >= 1 */
        unsigned pad[2];        /* rows above, columns left; what overhangs at the other end is padding too */
        unsigned dilation[2];   /* >= 1 */
        bool average;           /* else maximum */
        bool count_include_pad; /* average: padding counts as zeros, within the pads given and pad_end */
        unsigned pad_end[2];    /* rows below, columns right, for count_include_pad */
        enum nn_layout layout;  /* of input and output */
};

/* Window maximum or average. @y must not overlap @x. A window that is all padding gives -FLT_MAX or 0. */
void nn_pool2d_run(enum nn_isa isa, const struct nn_pool2d_desc *d, const float *x, float *y);

/* Mean or maximum over hw of [n, c, hw]: y is [n, c], in blocked form n * ceil(c / b) * b. */
void nn_global_pool(enum nn_isa isa, bool average, enum nn_layout layout, size_t n, size_t c, size_t hw, const float *x,
                    float *y);

/* Nearest-neighbour enlargement by whole factors: y[n][c][i][j] = x[n][c][i / factor_h][j / factor_w]. */
void nn_upsample(enum nn_isa isa, enum nn_layout layout, size_t n, size_t c, size_t h, size_t w, size_t factor_h,
                 size_t factor_w, const float *x, float *y);

/* One axis of a Resize: where each output value lies in the input. */
struct nn_resize_axis {
        int32_t *first, *second; /* per output index, never falling: the input indices; second: NULL for nearest */
        float *weight;           /* of the second, 0 to 1; NULL for nearest */
};

/* Nearest neighbour or linear interpolation of the two last axes of [n, c, h, w], by tables of both axes alike. */
struct nn_resize_desc {
        size_t n, c, h, w, out_h, out_w;
        const struct nn_resize_axis *rows, *columns;
        enum nn_layout layout; /* of input and output, which must not overlap */
};
/* Of scratch for linear interpolation; 0 for nearest. */
size_t nn_resize_scratch_bytes(enum nn_isa isa, const struct nn_resize_desc *d);
/* An input value whose weight is 0 has no influence, even if it is not finite. */
void nn_resize_planes(enum nn_isa isa, const struct nn_resize_desc *d, const float *x, float *y, void *scratch);

/* Response normalisation over channels, as ONNX's LRN: y = x / (bias + alpha / size * the sum of the squares of the
 * channels c - (size - 1) / 2 to c + size / 2)^beta. */
struct nn_lrn_desc {
        size_t n, c, hw;
        unsigned size; /* >= 1 */
        float alpha, beta, bias;
        enum nn_layout layout; /* of input and output, which must not overlap */
};
void nn_lrn(enum nn_isa isa, const struct nn_lrn_desc *d, const float *x, float *y);

/* y[i][j] = exp(x[i][j] - max_j) / sum_j; @y may be @x */
void nn_softmax_rows(enum nn_isa isa, size_t rows, size_t columns, const float *x, float *y);

/* [n, c, hw] from one layout to the other; must not overlap. To BLOCKED: lanes past c become 0. */
void nn_to_blocked(enum nn_isa isa, size_t n, size_t c, size_t hw, const float *x, float *y);
void nn_from_blocked(enum nn_isa isa, size_t n, size_t c, size_t hw, const float *x, float *y);
