/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Rows of x times a panel of weights, the core of fully connected layers and of the general product. With few rows
 * the weights come from memory once and that is the cost; so a panel is one stream, in the order of its use.
 */
#include "nn/kernels/ops.h"
#include "nn/kernels/simd.h"

#if NN_SIMD_REGISTERS == 32
#define MAX_ROWS 6
#else
#define MAX_ROWS 3
#endif

NN_INLINE vf weight(enum nn_fc_storage storage, const void *w, size_t at)
{
        if (storage == NN_FC_BFLOAT16)
                return v_load_bf16((const uint16_t *)w + at);
        if (storage == NN_FC_INT8)
                return v_load_i8((const int8_t *)w + at);
        return v_load((const float *)w + at);
}

/* One row: two or more sets of sums, so that a product need not wait for the one before. */
NN_INLINE void one_row(const struct nn_panel *p, enum nn_fc_storage storage, unsigned vectors)
{
        const unsigned sets = vectors == 1 ? 4 : 2;
        vf acc[8];
        size_t k = 0;

        NN_UNROLL for (unsigned i = 0; i < sets * vectors; i++) acc[i] = v_zero();
        if (p->accumulate)
                NN_UNROLL for (unsigned v = 0; v < vectors; v++) acc[v] = v_load(p->y + v * V);
        for (; k + sets <= p->k; k += sets)
                NN_UNROLL for (unsigned i = 0; i < sets * vectors; i++) acc[i] =
                        v_fma(v_set1(p->x[k + i / vectors]), weight(storage, p->w, (k * vectors + i) * V), acc[i]);
        for (; k < p->k; k++) {
                vf xv = v_set1(p->x[k]);

                NN_UNROLL for (unsigned v = 0; v < vectors; v++) acc[v] =
                        v_fma(xv, weight(storage, p->w, (k * vectors + v) * V), acc[v]);
        }
        NN_UNROLL for (unsigned v = 0; v < vectors; v++)
        {
                vf sum = acc[v] + acc[vectors + v];

                if (sets == 4)
                        sum += acc[2 * vectors + v] + acc[3 * vectors + v];
                v_store(p->y + v * V, sum);
        }
}

NN_INLINE void panel(const struct nn_panel *p, enum nn_fc_storage storage, unsigned rows, unsigned vectors)
{
        vf acc[NN_PANEL_MAX_ROWS * NN_PANEL_MAX_VECTORS];
        const float *x = p->x;
        size_t ldx = p->ldx;

        if (rows == 1) {
                one_row(p, storage, vectors);
                return;
        }
        NN_UNROLL for (unsigned i = 0; i < rows * vectors; i++) acc[i] = v_zero();
        if (p->accumulate)
                NN_UNROLL for (unsigned i = 0; i < rows * vectors; i++) acc[i] =
                        v_load(p->y + i / vectors * p->ldy + i % vectors * V);
        for (size_t k = 0; k < p->k; k++) {
                vf wv[NN_PANEL_MAX_VECTORS];

                NN_UNROLL for (unsigned v = 0; v < vectors; v++) wv[v] = weight(storage, p->w, (k * vectors + v) * V);
                NN_UNROLL for (unsigned i = 0; i < rows * vectors; i++) acc[i] =
                        v_fma(v_set1(x[i / vectors * ldx + k]), wv[i % vectors], acc[i]);
        }
        NN_UNROLL for (unsigned i = 0; i < rows * vectors; i++)
                v_store(p->y + i / vectors * p->ldy + i % vectors * V, acc[i]);
}

#define PANEL(storage, rows, vectors)                                              \
        static void panel_##storage##_##rows##_##vectors(const struct nn_panel *p) \
        {                                                                          \
                panel(p, storage, rows, vectors);                                  \
        }
#define ENTRY(storage, rows, vectors) [vectors - 1] = panel_##storage##_##rows##_##vectors,

#define FOR_VECTORS(f, storage, rows) f(storage, rows, 1) f(storage, rows, 2) f(storage, rows, 3) f(storage, rows, 4)
#define ROW_ENTRIES(storage, rows) [rows - 1] = { FOR_VECTORS(ENTRY, storage, rows) },
#define ROW_PANELS(storage, rows) FOR_VECTORS(PANEL, storage, rows)
#if MAX_ROWS == 6
#define FOR_ROWS(f, storage) f(storage, 1) f(storage, 2) f(storage, 3) f(storage, 4) f(storage, 5) f(storage, 6)
#else
#define FOR_ROWS(f, storage) f(storage, 1) f(storage, 2) f(storage, 3)
#endif

FOR_ROWS(ROW_PANELS, NN_FC_FLOAT32)
FOR_ROWS(ROW_PANELS, NN_FC_BFLOAT16)
FOR_ROWS(ROW_PANELS, NN_FC_INT8)

const struct nn_panel_ops ISA(nn_panel_ops) = {
        .max_rows = MAX_ROWS,
        .fn = {
                [NN_FC_FLOAT32] = { FOR_ROWS(ROW_ENTRIES, NN_FC_FLOAT32) },
                [NN_FC_BFLOAT16] = { FOR_ROWS(ROW_ENTRIES, NN_FC_BFLOAT16) },
                [NN_FC_INT8] = { FOR_ROWS(ROW_ENTRIES, NN_FC_INT8) },
        },
};
