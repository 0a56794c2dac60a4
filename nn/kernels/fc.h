/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Matrix products: a fully connected layer with constant weights (packed once), and a general product.
 */

#include "nn/kernels/kernels.h"

/* How the weights of a fully connected layer are kept. At batch 1 the layer costs what reading its weights costs. */
enum nn_fc_storage {
        NN_FC_FLOAT32,
        NN_FC_BFLOAT16, /* half the bytes; relative error of a weight up to 2^-9 */
        NN_FC_INT8,     /* a quarter, one scale per output row; error of a weight up to 1/254 of the row's largest */
};

struct nn_fc_desc {
        unsigned m;        /* rows of x: the batch */
        unsigned k, n;     /* inputs and outputs of the layer */
        bool weights_k_n;  /* weights given as [k, n] (Gemm without transB, MatMul); else [n, k] */
        struct nn_act act; /* NN_ACT_PRELU: one slope per output */
        enum nn_fc_storage storage;
};

struct nn_fc;

/**
 * nn_fc_prepare() - pack the weights of a fully connected layer
 * @weights: n * k values, copied; @bias: [n] or NULL, copied
 * @ret: owned by the caller: nn_fc_free()
 * Return: 0; -EINVAL for an empty shape; -ENOMEM.
 */
int nn_fc_prepare(enum nn_isa isa, const struct nn_fc_desc *d, const float *weights, const float *bias,
                  struct nn_fc **ret);
struct nn_fc *nn_fc_free(struct nn_fc *f);
const char *nn_fc_name(const struct nn_fc *f);
size_t nn_fc_packed_bytes(const struct nn_fc *f);
/* y [m, n] = act(x [m, k] times weights + bias); no scratch; no overlap */
void nn_fc_run(const struct nn_fc *f, const float *x, float *y, struct nn_pool *pool);

/* Scratch of nn_gemm() in bytes. */
size_t nn_gemm_scratch_bytes(enum nn_isa isa, size_t m, size_t n, size_t k);

/**
 * nn_gemm() - y [m, n] = alpha * op(a) * op(b) + beta * y
 * @a: [m, k], or [k, m] if @trans_a; @b: [k, n], or [n, k] if @trans_b; all without gaps between rows
 * @y: not read if beta is 0
 * @scratch: nn_gemm_scratch_bytes(), 64-byte aligned
 */
void nn_gemm(enum nn_isa isa, bool trans_a, bool trans_b, size_t m, size_t n, size_t k, float alpha, const float *a,
             const float *b, float beta, float *y, void *scratch);
