/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gemm, MatMul */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nn/op.h"

static const struct nn_tensor *weights(const struct nn_call *c)
{
        return c->fused_weights ? c->fused_weights : c->in[1];
}

/* A dimension that the kernels can count. */
static bool fits(int64_t n)
{
        return n >= 1 && n <= INT32_MAX;
}

int nn_shape_gemm(struct nn_call *c)
{
        const struct nn_tensor *a = c->in[0], *b = c->in[1], *y = nn_call_in(c, 2);
        int64_t dims[2];
        int r;

        for (unsigned i = 0; i < 3; i++)
                if ((r = nn_call_need_float(c, i)) < 0)
                        return r;
        if (a->n_dims != 2 || b->n_dims != 2)
                return nn_call_fail(c, -EINVAL, "inputs %s and %s", NN_SHAPE_STRING(a), NN_SHAPE_STRING(b));
        c->p.gemm.trans_a = nn_node_int(c->node, "transA", 0) != 0;
        c->p.gemm.trans_b = nn_node_int(c->node, "transB", 0) != 0;
        c->p.gemm.alpha = nn_node_float(c->node, "alpha", 1);
        c->p.gemm.beta = nn_node_float(c->node, "beta", 1);
        c->p.gemm.m = dims[0] = a->dims[c->p.gemm.trans_a ? 1 : 0];
        c->p.gemm.n = dims[1] = b->dims[c->p.gemm.trans_b ? 0 : 1];
        c->p.gemm.k = a->dims[c->p.gemm.trans_a ? 0 : 1];
        if (!fits(dims[0]) || !fits(dims[1]) || !fits(c->p.gemm.k) || c->p.gemm.k != b->dims[c->p.gemm.trans_b ? 1 : 0])
                return nn_call_fail(c, -EINVAL, "inputs %s and %s", NN_SHAPE_STRING(a), NN_SHAPE_STRING(b));
        for (unsigned i = 0; y && i < y->n_dims; i++) {
                int64_t full = y->n_dims > 2 ? -1 : dims[2 - y->n_dims + i];

                if (y->dims[i] != 1 && y->dims[i] != full)
                        return nn_call_fail(c, -EINVAL, "C of shape %s", NN_SHAPE_STRING(y));
        }
        return nn_call_set_output(c, 0, NN_FLOAT32, 2, dims);
}

/* Weights that the file has as bytes. */
static int prepare_fc8(struct nn_call *c, const struct nn_fc_desc *d, const float *bias)
{
        _cleanup_(freep) float *scales = malloc((d->n + 1) * sizeof(*scales));
        size_t step = nn_tensor_n_elements(c->weights8_scales) == 1 ? 0 : 1;

        if (!scales)
                return -ENOMEM;
        for (size_t i = 0; i < d->n; i++)
                scales[i] = c->p.gemm.alpha * nn_f32(c->weights8_scales)[i * step];
        return nn_fc8_prepare(c->isa, c->dot, d, c->weights8->data, scales, bias, &c->p.gemm.prepared8);
}

/* Constant weights are packed, with alpha in them and beta * C as the bias. */
static int prepare_fc(struct nn_call *c)
{
        const struct nn_tensor *w = weights(c), *y = c->fused_bias ? c->fused_bias : nn_call_in(c, 2);
        struct nn_fc_desc d = { .m = (unsigned)c->p.gemm.m,
                                .k = (unsigned)c->p.gemm.k,
                                .n = (unsigned)c->p.gemm.n,
                                .weights_k_n = !c->p.gemm.trans_b,
                                .act = c->act };
        size_t n = (size_t)c->p.gemm.n, n_weights = n * (size_t)c->p.gemm.k;
        _cleanup_(freep) float *scaled = NULL, *bias = NULL;

        if (c->p.gemm.alpha != 1 && !c->weights8) {
                scaled = malloc(n_weights * sizeof(*scaled));
                if (!scaled)
                        return -ENOMEM;
                for (size_t i = 0; i < n_weights; i++)
                        scaled[i] = c->p.gemm.alpha * nn_f32(w)[i];
        }
        if (y) {
                size_t step = nn_tensor_n_elements(y) == 1 ? 0 : 1;

                bias = malloc(n * sizeof(*bias));
                if (!bias)
                        return -ENOMEM;
                for (size_t i = 0; i < n; i++)
                        bias[i] = (c->fused_bias ? 1 : c->p.gemm.beta) * nn_f32(y)[i * step];
        }
        if (c->weights8)
                return prepare_fc8(c, &d, bias);
        if (c->weight_bits == 8 && d.k <= NN_FC8_MAX_K)
                return nn_fc8_prepare_floats(c->isa, c->dot, &d, scaled ? scaled : nn_f32(w), bias,
                                             &c->p.gemm.prepared8);
        d.storage = c->weight_bits == 8 ? NN_FC_INT8 : c->weight_bits == 16 ? NN_FC_BFLOAT16 : NN_FC_FLOAT32;
        return nn_fc_prepare(c->isa, &d, scaled ? scaled : nn_f32(w), bias, &c->p.gemm.prepared);
}

/* Outputs are packed in whole vectors: a few of them take several times what the file has. */
static bool packed_is_too_large(const struct nn_call *c)
{
        size_t block = nn_isa_block(c->isa), n = ((size_t)c->p.gemm.n + block - 1) / block * block;

        return n > NN_MAX_TENSOR_BYTES / sizeof(float) / (size_t)c->p.gemm.k;
}

int nn_prepare_gemm(struct nn_call *c)
{
        int r;

        c->p.gemm.prepared = NULL;
        c->p.gemm.prepared8 = NULL;
        if (nn_gemm_is_layer(c)) {
                if (packed_is_too_large(c))
                        return nn_call_fail(c, -EFBIG, "weights of shape %s take too much memory",
                                            NN_SHAPE_STRING(weights(c)));
                r = prepare_fc(c);
                if (r < 0)
                        return r == -ENOMEM ? r : nn_call_fail(c, r, "the product cannot be prepared");
                c->took_weights = true;
                if (c->p.gemm.prepared8) {
                        c->kernel = "fc int8 weights";
                        c->packed_bytes = nn_fc8_packed_bytes(c->p.gemm.prepared8);
                        c->scratch_bytes = nn_fc8_scratch_bytes(c->p.gemm.prepared8);
                        return 0;
                }
                c->kernel = nn_fc_name(c->p.gemm.prepared);
                c->packed_bytes = nn_fc_packed_bytes(c->p.gemm.prepared);
                return 0;
        }
        c->scratch_bytes = nn_gemm_scratch_bytes(c->isa, (size_t)c->p.gemm.m, (size_t)c->p.gemm.n, (size_t)c->p.gemm.k);
        return 0;
}

bool nn_gemm_is_layer(const struct nn_call *c)
{
        const struct nn_tensor *w = weights(c), *y = nn_call_in(c, 2);

        return w->data && w->n_dims == 2 && !c->p.gemm.trans_a && c->in[0]->n_dims >= 1 &&
               nn_tensor_n_elements(c->out[0]) == c->p.gemm.m * c->p.gemm.n &&
               (!y || (y->data && (nn_tensor_n_elements(y) == 1 ||
                                   (nn_tensor_n_elements(y) == c->p.gemm.n && y->dims[y->n_dims - 1] == c->p.gemm.n))));
}

/* y = beta * C, broadcast */
static void spread(const struct nn_tensor *t, float beta, int64_t m, int64_t n, float *y)
{
        int64_t rows = t->n_dims == 2 ? t->dims[0] : 1, columns = t->n_dims ? t->dims[t->n_dims - 1] : 1;
        const float *x = nn_f32(t);

        for (int64_t i = 0; i < m; i++)
                for (int64_t j = 0; j < n; j++)
                        y[i * n + j] = beta * x[(rows == 1 ? 0 : i) * columns + (columns == 1 ? 0 : j)];
}

int nn_run_gemm(struct nn_call *c)
{
        const struct nn_tensor *y = nn_call_in(c, 2);
        int64_t m = c->p.gemm.m, n = c->p.gemm.n;
        float *out = nn_f32(c->out[0]);

        if (c->p.gemm.prepared8) {
                nn_fc8_run(c->p.gemm.prepared8, nn_f32(c->in[0]), out, c->scratch, c->pool);
                return 0;
        }
        if (c->p.gemm.prepared) {
                nn_fc_run(c->p.gemm.prepared, nn_f32(c->in[0]), out, c->pool);
                return 0;
        }
        if (y)
                spread(y, c->p.gemm.beta, m, n, out);
        nn_gemm(c->isa, c->p.gemm.trans_a, c->p.gemm.trans_b, (size_t)m, (size_t)n, (size_t)c->p.gemm.k,
                c->p.gemm.alpha, nn_f32(c->in[0]), nn_f32(c->in[1]), y ? 1 : 0, out, c->scratch);
        return 0;
}

void nn_release_gemm(struct nn_call *c)
{
        c->p.gemm.prepared = nn_fc_free(c->p.gemm.prepared);
        c->p.gemm.prepared8 = nn_fc8_free(c->p.gemm.prepared8);
}

/* Rows are images when A is not turned and nothing else depends on the image. */
bool nn_batched_gemm(const struct nn_call *c)
{
        const struct nn_tensor *y = nn_call_in(c, 2);

        return !c->p.gemm.trans_a && !c->in[0]->data && c->in[1]->data &&
               (!y || (y->data && (y->n_dims < 2 || y->dims[0] == 1)));
}

double nn_macs_gemm(const struct nn_call *c)
{
        return (double)c->p.gemm.m * (double)c->p.gemm.n * (double)c->p.gemm.k;
}

/* Leading dims of A and B, aligned at the right, broadcast to those of the output. Return: their number; -1. */
static int lead_dims(const struct nn_tensor *a, const struct nn_tensor *b, int64_t *dims)
{
        unsigned na = a->n_dims > 2 ? a->n_dims - 2 : 0, nb = b->n_dims > 2 ? b->n_dims - 2 : 0, n = MAX(na, nb);

        for (unsigned i = 0; i < n; i++) {
                int64_t da = i < n - na ? 1 : a->dims[i - (n - na)], db = i < n - nb ? 1 : b->dims[i - (n - nb)];

                if (da != db && da != 1 && db != 1)
                        return -1;
                dims[i] = da == 1 ? db : da;
        }
        return (int)n;
}

int nn_shape_matmul(struct nn_call *c)
{
        const struct nn_tensor *a = c->in[0], *b = c->in[1];
        int64_t dims[NN_MAX_DIMS + 2];
        int lead, r;

        if ((r = nn_call_need_float(c, 0)) < 0 || (r = nn_call_need_float(c, 1)) < 0)
                return r;
        if (a->n_dims < 1 || b->n_dims < 1 || (lead = lead_dims(a, b, dims)) < 0)
                return nn_call_fail(c, -EINVAL, "inputs %s and %s", NN_SHAPE_STRING(a), NN_SHAPE_STRING(b));
        c->p.gemm.alpha = 1;
        c->p.gemm.k = a->dims[a->n_dims - 1];
        c->p.gemm.m = a->n_dims > 1 ? a->dims[a->n_dims - 2] : 1;
        c->p.gemm.n = b->n_dims > 1 ? b->dims[b->n_dims - 1] : 1;
        if (!fits(c->p.gemm.m) || !fits(c->p.gemm.n) || !fits(c->p.gemm.k) ||
            c->p.gemm.k != b->dims[b->n_dims > 1 ? b->n_dims - 2 : 0])
                return nn_call_fail(c, -EINVAL, "inputs %s and %s", NN_SHAPE_STRING(a), NN_SHAPE_STRING(b));
        /* every row of A meets the same B: one tall product */
        if (b->n_dims == 2 && nn_product(a->dims, 0, a->n_dims - 1) <= INT32_MAX)
                c->p.gemm.m = nn_product(a->dims, 0, a->n_dims - 1);
        if (a->n_dims > 1)
                dims[lead++] = a->dims[a->n_dims - 2];
        if (b->n_dims > 1)
                dims[lead++] = b->dims[b->n_dims - 1];
        return nn_call_set_output(c, 0, NN_FLOAT32, (unsigned)lead, dims);
}

/* Number of matrices before the one that output matrix @i multiplies. */
static int64_t matrix_index(const struct nn_tensor *t, const int64_t *dims, unsigned n_lead, int64_t i)
{
        unsigned own = t->n_dims > 2 ? t->n_dims - 2 : 0;
        int64_t at = 0, stride = 1;

        for (unsigned k = n_lead; k-- > 0;) {
                int64_t index = i % dims[k];

                i /= dims[k];
                if (k < n_lead - own)
                        continue;
                if (t->dims[k - (n_lead - own)] != 1)
                        at += index * stride;
                stride *= t->dims[k - (n_lead - own)];
        }
        return at;
}

int nn_run_matmul(struct nn_call *c)
{
        const struct nn_tensor *a = c->in[0], *b = c->in[1];
        int64_t m = c->p.gemm.m, n = c->p.gemm.n, k = c->p.gemm.k, total = nn_tensor_n_elements(c->out[0]);
        int64_t dims[NN_MAX_DIMS];
        unsigned lead = (unsigned)MAX(lead_dims(a, b, dims), 0);
        float *out = nn_f32(c->out[0]);

        if (c->p.gemm.prepared8) {
                nn_fc8_run(c->p.gemm.prepared8, nn_f32(a), out, c->scratch, c->pool);
                return 0;
        }
        if (c->p.gemm.prepared) {
                nn_fc_run(c->p.gemm.prepared, nn_f32(a), out, c->pool);
                return 0;
        }
        for (int64_t i = 0; i * m * n < total; i++) {
                bool tall = b->n_dims <= 2 && total == m * n;
                const float *x = nn_f32(a) + (tall ? 0 : matrix_index(a, dims, lead, i)) * m * k;
                const float *w = nn_f32(b) + (tall ? 0 : matrix_index(b, dims, lead, i)) * k * n;

                nn_gemm(c->isa, false, false, (size_t)m, (size_t)n, (size_t)k, 1, x, w, 0, out + i * m * n, c->scratch);
        }
        return 0;
}

bool nn_batched_matmul(const struct nn_call *c)
{
        const struct nn_tensor *a = c->in[0], *b = c->in[1];

        if (!a->data && b->data)
                return b->n_dims == 2 ? a->n_dims >= 2 : b->n_dims >= 2 && a->n_dims >= b->n_dims && a->n_dims > 2;
        return !a->data && !b->data && a->n_dims == b->n_dims && a->n_dims > 2;
}

double nn_macs_matmul(const struct nn_call *c)
{
        return (double)nn_tensor_n_elements(c->out[0]) * (double)c->p.gemm.k;
}
