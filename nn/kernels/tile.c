/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The register tile of direct convolution: B output blocks at R rows of P output pixels. Every step of the inner
 * loop loads the weights of B blocks for one input channel and multiplies them by one broadcast input value per
 * pixel, so B * R * P sums stay in registers and B + R * P loads feed as many products. A product of matrices is
 * the case of one tap.
 */
#include "nn/kernels/ops.h"
#include "nn/kernels/simd.h"

/* Registers for sums: all but the weights' and one for the broadcast value. */
#if NN_SIMD_REGISTERS == 32
#define MAX_PIXELS 14
#else
#define MAX_PIXELS 6
#endif

NN_INLINE void tile_store(const struct nn_tile *t, unsigned blocks, unsigned rows, unsigned pixels, const vf *acc)
{
        const vf lo = v_set1(t->lo), hi = v_set1(t->hi);

        NN_UNROLL for (unsigned k = 0; k < blocks; k++)
                NN_UNROLL for (unsigned r = 0; r < rows; r++) {
                        size_t at = k * t->y_block + r * t->y_row;

                        NN_UNROLL for (unsigned p = 0; p < pixels; p++) {
                                vf v = acc[(k * rows + r) * pixels + p];

                                if (t->residual)
                                        v += v_load(t->residual + at + p * V);
                                if (t->clamp)
                                        v = v_min(hi, v_max(lo, v));
                                v_store(t->y + at + p * V, v);
                        }
                }
}

NN_INLINE void tile(const struct nn_tile *t, unsigned blocks, unsigned rows, unsigned pixels, size_t step)
{
        vf acc[NN_TILE_MAX_BLOCKS * NN_TILE_MAX_PIXELS];
        const float *w = t->w;
        size_t x_row = t->x_row;

        NN_UNROLL for (unsigned k = 0; k < blocks; k++)
                NN_UNROLL for (unsigned p = 0; p < rows * pixels; p++)
                        acc[k * rows * pixels + p] = v_load(t->bias + k * V);

        for (unsigned o = 0; o < t->n_outer; o++) {
                const float *x_outer = t->x + o * t->x_outer;
                unsigned lanes = o + 1 < t->n_outer ? t->lanes : t->last_lanes;

                for (unsigned r = 0; r < t->n_r; r++)
                        for (unsigned s = 0; s < t->n_s; s++) {
                                const float *x = x_outer + r * t->x_r + s * t->x_s, *end = x + lanes;

                                for (; x < end; x++, w += blocks * V) {
                                        vf wv[NN_TILE_MAX_BLOCKS];

                                        NN_UNROLL for (unsigned k = 0; k < blocks; k++)
                                                wv[k] = v_load(w + k * V);
                                        NN_UNROLL for (unsigned i = 0; i < rows; i++)
                                                NN_UNROLL for (unsigned p = 0; p < pixels; p++) {
                                                        vf xv = v_set1(x[i * x_row + p * step]);

                                                        NN_UNROLL for (unsigned k = 0; k < blocks; k++) {
                                                                vf *a = &acc[(k * rows + i) * pixels + p];

                                                                *a = v_fma(wv[k], xv, *a);
                                                        }
                                                }
                                }
                        }
        }
        tile_store(t, blocks, rows, pixels, acc);
}

#define STEP_NN_STEP_BLOCK V
#define STEP_NN_STEP_2_BLOCKS (2 * V)
#define STEP_NN_STEP_1 1
#define STEP_NN_STEP_2 2
#define STEP_NN_STEP_ANY t->x_step

#define TILE(step, b, r, p) \
        static void tile_##step##_##b##_##r##_##p(const struct nn_tile *t) \
        { \
                tile(t, b, r, p, STEP_##step); \
        }

#define FOR_PIXELS_3(f, ...) f(__VA_ARGS__, 1) f(__VA_ARGS__, 2) f(__VA_ARGS__, 3)
#define FOR_PIXELS_6(f, ...) FOR_PIXELS_3(f, __VA_ARGS__) f(__VA_ARGS__, 4) f(__VA_ARGS__, 5) f(__VA_ARGS__, 6)
#define FOR_PIXELS_7(f, ...) FOR_PIXELS_6(f, __VA_ARGS__) f(__VA_ARGS__, 7)
#define FOR_PIXELS_14(f, ...) \
        FOR_PIXELS_7(f, __VA_ARGS__) \
        f(__VA_ARGS__, 8) f(__VA_ARGS__, 9) f(__VA_ARGS__, 10) f(__VA_ARGS__, 11) f(__VA_ARGS__, 12) \
        f(__VA_ARGS__, 13) f(__VA_ARGS__, 14)
#if MAX_PIXELS == 14
#define FOR_ONE_ROW FOR_PIXELS_14
#define FOR_TWO_ROWS FOR_PIXELS_7
#else
#define FOR_ONE_ROW FOR_PIXELS_6
#define FOR_TWO_ROWS FOR_PIXELS_3
#endif

FOR_ONE_ROW(TILE, NN_STEP_BLOCK, 1, 1)
FOR_ONE_ROW(TILE, NN_STEP_BLOCK, 2, 1)
FOR_TWO_ROWS(TILE, NN_STEP_BLOCK, 1, 2)
FOR_TWO_ROWS(TILE, NN_STEP_BLOCK, 2, 2)
FOR_ONE_ROW(TILE, NN_STEP_2_BLOCKS, 1, 1)
FOR_ONE_ROW(TILE, NN_STEP_2_BLOCKS, 2, 1)
FOR_TWO_ROWS(TILE, NN_STEP_2_BLOCKS, 1, 2)
FOR_TWO_ROWS(TILE, NN_STEP_2_BLOCKS, 2, 2)
FOR_ONE_ROW(TILE, NN_STEP_1, 1, 1)
FOR_ONE_ROW(TILE, NN_STEP_1, 2, 1)
FOR_ONE_ROW(TILE, NN_STEP_2, 1, 1)
FOR_ONE_ROW(TILE, NN_STEP_2, 2, 1)
FOR_PIXELS_3(TILE, NN_STEP_ANY, 1, 1)
FOR_PIXELS_3(TILE, NN_STEP_ANY, 2, 1)

#define ENTRY(step, b, r, p) [(p)-1] = tile_##step##_##b##_##r##_##p,

const struct nn_tile_ops ISA(nn_tile_ops) = {
        .max_pixels = MAX_PIXELS,
        .one_row = {
                [NN_STEP_BLOCK] = { { FOR_ONE_ROW(ENTRY, NN_STEP_BLOCK, 1, 1) },
                                    { FOR_ONE_ROW(ENTRY, NN_STEP_BLOCK, 2, 1) } },
                [NN_STEP_2_BLOCKS] = { { FOR_ONE_ROW(ENTRY, NN_STEP_2_BLOCKS, 1, 1) },
                                       { FOR_ONE_ROW(ENTRY, NN_STEP_2_BLOCKS, 2, 1) } },
                [NN_STEP_1] = { { FOR_ONE_ROW(ENTRY, NN_STEP_1, 1, 1) }, { FOR_ONE_ROW(ENTRY, NN_STEP_1, 2, 1) } },
                [NN_STEP_2] = { { FOR_ONE_ROW(ENTRY, NN_STEP_2, 1, 1) }, { FOR_ONE_ROW(ENTRY, NN_STEP_2, 2, 1) } },
                [NN_STEP_ANY] = { { FOR_PIXELS_3(ENTRY, NN_STEP_ANY, 1, 1) },
                                  { FOR_PIXELS_3(ENTRY, NN_STEP_ANY, 2, 1) } },
        },
        .two_rows = {
                [NN_STEP_BLOCK] = { { FOR_TWO_ROWS(ENTRY, NN_STEP_BLOCK, 1, 2) },
                                    { FOR_TWO_ROWS(ENTRY, NN_STEP_BLOCK, 2, 2) } },
                [NN_STEP_2_BLOCKS] = { { FOR_TWO_ROWS(ENTRY, NN_STEP_2_BLOCKS, 1, 2) },
                                       { FOR_TWO_ROWS(ENTRY, NN_STEP_2_BLOCKS, 2, 2) } },
        },
};
