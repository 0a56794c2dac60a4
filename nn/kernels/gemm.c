/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * General matrix product: b is packed into panels of a few vectors, a is read in place (packed if transposed), and
 * the sum over k is cut so that a packed panel stays in the first two caches.
 */
#include "config.h"

#include <string.h>

#include "basic/macro.h"
#include "nn/kernels/conv-priv.h"

#define K_AT_ONCE 512u

struct gemm {
        const struct nn_kernel_ops *ops;
        bool trans_a, trans_b;
        size_t m, n, k, b, panel;
        float alpha, beta;
        const float *a_in, *b_in;
        float *y;
        float *packed_b, *packed_a, *sums;
};

size_t nn_gemm_scratch_bytes(enum nn_isa isa, size_t m, size_t n, size_t k)
{
        size_t panel = (size_t)nn_isa_block(isa) * NN_PANEL_MAX_VECTORS, depth = MIN(k, (size_t)K_AT_ONCE);

        return nn_round_up((depth * (panel + NN_PANEL_MAX_ROWS) + NN_PANEL_MAX_ROWS * panel) * sizeof(float), 64);
}

static void pack_b(const struct gemm *g, size_t first_k, size_t depth, size_t first_n, size_t width)
{
        size_t n = MIN(width, g->n - first_n);

        for (size_t k = 0; k < depth; k++) {
                float *to = g->packed_b + k * width;

                if (g->trans_b)
                        for (size_t j = 0; j < n; j++)
                                to[j] = g->b_in[(first_n + j) * g->k + first_k + k];
                else
                        memcpy(to, g->b_in + (first_k + k) * g->n + first_n, n * sizeof(*to));
                if (n < width)
                        memset(to + n, 0, (width - n) * sizeof(*to));
        }
}

static void pack_a(const struct gemm *g, size_t first_k, size_t depth, size_t row, size_t rows)
{
        for (size_t i = 0; i < rows; i++)
                for (size_t k = 0; k < depth; k++)
                        g->packed_a[i * depth + k] = g->a_in[(first_k + k) * g->m + row + i];
}

/* y = alpha * sums + beta * y on one row; the parts of the sum over k after the first add up */
static void store_row(const struct gemm *g, bool first_part, size_t n, float *sums, float *y)
{
        const struct nn_vec_ops *vec = g->ops->vec;

        if (g->alpha != 1.f)
                vec->binary_scalar(NN_MUL, false, n, sums, g->alpha, sums);
        if (first_part && g->beta == 0) {
                memcpy(y, sums, n * sizeof(*y));
                return;
        }
        if (first_part && g->beta != 1.f)
                vec->binary_scalar(NN_MUL, false, n, y, g->beta, y);
        vec->binary(NN_ADD, false, n, sums, y, y);
}

static void run_panel(const struct gemm *g, size_t first_k, size_t depth, size_t first_n, size_t width)
{
        const struct nn_panel_ops *ops = g->ops->panel;
        size_t n = MIN(width, g->n - first_n);

        pack_b(g, first_k, depth, first_n, width);
        for (size_t i = 0, rows; i < g->m; i += rows) {
                rows = MIN((size_t)ops->max_rows, g->m - i);
                struct nn_panel p = {
                        .k = depth,
                        .x = g->trans_a ? g->packed_a : g->a_in + i * g->k + first_k,
                        .ldx = g->trans_a ? depth : g->k,
                        .w = g->packed_b,
                        .y = g->sums,
                        .ldy = width,
                };

                if (g->trans_a)
                        pack_a(g, first_k, depth, i, rows);
                ops->fn[NN_FC_FLOAT32][rows - 1][width / g->b - 1](&p);
                for (size_t r = 0; r < rows; r++)
                        store_row(g, first_k == 0, n, g->sums + r * width, g->y + (i + r) * g->n + first_n);
        }
}

void nn_gemm(enum nn_isa isa, bool trans_a, bool trans_b, size_t m, size_t n, size_t k, float alpha, const float *a,
             const float *b, float beta, float *y, void *scratch)
{
        struct gemm g = {
                .ops = nn_kernel_ops(isa),
                .trans_a = trans_a,
                .trans_b = trans_b,
                .m = m,
                .n = n,
                .k = k,
                .b = nn_isa_block(isa),
                .alpha = alpha,
                .beta = beta,
                .a_in = a,
                .b_in = b,
                .y = y,
        };
        size_t depth = MIN(k, (size_t)K_AT_ONCE);

        g.panel = g.b * NN_PANEL_MAX_VECTORS;
        g.packed_b = scratch;
        g.sums = g.packed_b + depth * g.panel;
        g.packed_a = g.sums + NN_PANEL_MAX_ROWS * g.panel;
        for (size_t j = 0; j < n; j += g.panel) {
                size_t width = nn_round_up(MIN(g.panel, n - j), g.b);

                if (k == 0)
                        for (size_t i = 0; i < m; i++) {
                                memset(g.sums, 0, width * sizeof(float));
                                store_row(&g, true, MIN(width, n - j), g.sums, y + i * n + j);
                        }
                for (size_t at = 0; at < k; at += depth)
                        run_panel(&g, at, MIN(depth, k - at), j, width);
        }
}
