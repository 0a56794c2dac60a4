/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Kernels on bytes: convolution of 8-bit activations with 8-bit weights, sums in 32 bits, and fully connected layers
 * with 8-bit weights.
 *
 * A quantised value q stands for scale * (q - zero). Activations here are unsigned bytes, a scale for the tensor;
 * signed ones are moved up by 128 with their zero. Weights are signed bytes with zero 0 and a scale per output.
 *
 * Layout. Activations are kept in byte blocks, [N, ceil(C / 16), H, W, 16] with 16 on every instruction set; in a
 * struct nn_conv_desc NN_BLOCKED means these. Lanes past C hold bytes without meaning.
 */

#include <math.h>

#include "nn/kernels/conv.h"
#include "nn/kernels/fc.h"

#define NN_BYTE_BLOCK 16u

/* How sums of products of bytes are made; each has its own build of the kernels. */
enum nn_dot {
        NN_DOT_PORTABLE,
        NN_DOT_NEON,     /* aarch64 */
        NN_DOT_NEON_DOT, /* aarch64 with the dot product instructions of ARMv8.2 */
        NN_DOT_AVX2,
        NN_DOT_AVX2_VNNI,   /* AVX-VNNI */
        NN_DOT_AVX512_VNNI, /* AVX-512 with VNNI */
        NN_N_DOTS
};

/* Whether @dot was built in and runs here. */
bool nn_dot_runs(enum nn_dot dot);
/* The best that runs here and needs no more than @isa and its dot product instructions. */
enum nn_dot nn_dot_best(enum nn_isa isa);
const char *nn_dot_name(enum nn_dot dot);
/* True if the CPU multiplies bytes faster than floats with @dot. */
bool nn_dot_is_fast(enum nn_dot dot);

/* Bytes of byte blocks [n, c, h, w]; 0 if the product overflows. */
size_t nn_byte_blocks(size_t n, size_t c, size_t h, size_t w);

struct nn_quant {
        float scale; /* > 0 */
        int zero;    /* 0..255 */
};

struct nn_conv8_desc {
        struct nn_conv_desc d; /* groups: 1 or depthwise; act: none, ReLU or clip; out: NN_BLOCKED; in: NN_BLOCKED, or
                                      NN_PLAIN for at most NN_CONV8_PLAIN_CHANNELS channels; residual: byte blocks */
        struct nn_quant x, y, residual;
        bool x_signed;         /* PLAIN input of signed bytes; x.zero is moved up by 128 all the same */
        const float *w_scales; /* [k] */
};

#define NN_CONV8_PLAIN_CHANNELS 4u

struct nn_conv8;

/**
 * nn_conv8_prepare() - pack the weights
 * @weights: [k, c / groups, r, s], @bias: [k] in units of the real output, or NULL; both copied
 * Return: 0; -EINVAL for a descriptor that contradicts itself or has more than NN_CONV8_MAX_TAPS products a sum;
 * -ENOMEM.
 */
int nn_conv8_prepare(enum nn_dot dot, const struct nn_conv8_desc *q, const int8_t *weights, const float *bias,
                     struct nn_conv8 **ret);
#define NN_CONV8_MAX_TAPS 65536u
struct nn_conv8 *nn_conv8_free(struct nn_conv8 *c);
size_t nn_conv8_scratch_bytes(const struct nn_conv8 *c);
const char *nn_conv8_name(const struct nn_conv8 *c);
size_t nn_conv8_packed_bytes(const struct nn_conv8 *c);
/* y = quantise(act(conv(x) + bias + residual)) as nn_quantize(), in single precision. @residual may be @y. */
void nn_conv8_run(const struct nn_conv8 *c, const uint8_t *x, const uint8_t *residual, uint8_t *y, void *scratch,
                  struct nn_pool *pool);

/* y[i] = saturate(round(x[i] / scale) + zero), ties to even; @is_signed: to -128..127, else 0..255. NaN: the least. */
void nn_quantize(enum nn_dot dot, size_t n, const float *x, float scale, int zero, bool is_signed, void *y);
/* y[i] = (x[i] - zero) * scale */
void nn_dequantize(enum nn_dot dot, size_t n, const void *x, float scale, int zero, bool is_signed, float *y);
/* y = quantise(a + b) as nn_quantize(), then ReLU if @relu; @n bytes, a multiple of NN_BYTE_BLOCK */
void nn_add8(enum nn_dot dot, size_t n, const uint8_t *a, struct nn_quant qa, const uint8_t *b, struct nn_quant qb,
             struct nn_quant qy, bool relu, uint8_t *y);
/* Maximum over windows of byte blocks; fields as for floats, padding never wins. */
void nn_max_pool8(enum nn_dot dot, const struct nn_pool2d_desc *d, const uint8_t *x, uint8_t *y);
/* Mean over hw of byte blocks [n, c, hw]: y [n, c], floats. */
void nn_global_pool8(enum nn_dot dot, size_t n, size_t c, size_t hw, const uint8_t *x, struct nn_quant q, float *y);

/**
 * A fully connected layer with 8-bit weights and float activations: these are taken as whole numbers of 16 bits, a
 * scale per row, so that the error is that of the weights.
 */
struct nn_fc8;

#define NN_FC8_MAX_K 65536u

/* A weight over its scale to the nearest of -127..127, ties to even; NaN becomes 0. */
static inline int8_t nn_weight_to_int8(float v)
{
        return (int8_t)lrintf(v > -127.f ? (v < 127.f ? v : 127.f) : v < 0 ? -127.f : 0.f);
}

/* The scale that carries the largest weight, @largest, to 127; 1 where all are 0. */
static inline float nn_weight_scale(float largest)
{
        return largest > 0 && isfinite(largest) ? largest / 127.f : 1.f;
}

/**
 * nn_fc8_prepare() - pack the weights
 * @d: storage is ignored; act, k and n as in nn_fc_prepare(); k <= NN_FC8_MAX_K
 * @weights: n * k signed bytes in the order that @d says, @scales: [n], @bias: [n] or NULL; all copied
 * Return: 0; -EINVAL; -ENOMEM.
 */
int nn_fc8_prepare(enum nn_isa isa, enum nn_dot dot, const struct nn_fc_desc *d, const int8_t *weights,
                   const float *scales, const float *bias, struct nn_fc8 **ret);
/* The same from floats: each output's largest weight becomes 127. */
int nn_fc8_prepare_floats(enum nn_isa isa, enum nn_dot dot, const struct nn_fc_desc *d, const float *weights,
                          const float *bias, struct nn_fc8 **ret);
struct nn_fc8 *nn_fc8_free(struct nn_fc8 *f);
size_t nn_fc8_packed_bytes(const struct nn_fc8 *f);
size_t nn_fc8_scratch_bytes(const struct nn_fc8 *f);
/* y [m, n] = act(x [m, k] times weights + bias). A row that holds a value that is not finite gives NaN. */
void nn_fc8_run(const struct nn_fc8 *f, const float *x, float *y, void *scratch, struct nn_pool *pool);
