/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The register tile of direct convolution: B output blocks at 1..3 rows R of P output pixels. Every step of the inner
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

/* Here and below the loops over sums are flat and without branches: then both gcc and clang unroll them early enough
 * for the sums to be registers. */
NN_INLINE void tile_store(const struct nn_tile *t, unsigned blocks, unsigned rows, unsigned pixels, vf *acc)
{
        if (t->residual)
                NN_UNROLL for (unsigned i = 0; i < blocks * rows * pixels; i++) acc[i] += v_load(
                        t->residual + i / pixels / rows * t->y_block + i / pixels % rows * t->y_row + i % pixels * V);
        if (t->clamp) {
                const vf lo = v_set1(t->lo), hi = v_set1(t->hi);

                NN_UNROLL for (unsigned i = 0; i < blocks * rows * pixels; i++) acc[i] = v_min(hi, v_max(lo, acc[i]));
        }
        NN_UNROLL for (unsigned i = 0; i < blocks * rows * pixels; i++)
                v_store(t->y + i / pixels / rows * t->y_block + i / pixels % rows * t->y_row + i % pixels * V, acc[i]);
}

/* The block past the first @blocks ones, of which half is real: the other lanes become zeros. */
#ifdef NN_SIMD_HALVES
NN_INLINE void tile_store_half(const struct nn_tile *t, unsigned blocks, unsigned rows, unsigned pixels, hf *acc)
{
        size_t block = blocks * t->y_block;

        if (t->residual)
                NN_UNROLL for (unsigned i = 0; i < rows * pixels; i++) acc[i] +=
                        h_load(t->residual + block + i / pixels * t->y_row + i % pixels * V);
        if (t->clamp)
                NN_UNROLL for (unsigned i = 0; i < rows * pixels; i++) acc[i] = h_clamp(acc[i], t->lo, t->hi);
        NN_UNROLL for (unsigned i = 0; i < rows * pixels; i++)
                v_store(t->y + block + i / pixels * t->y_row + i % pixels * V, h_widen(acc[i]));
}
#endif

/* The weights of the first tap, and how many input values lie beside each other under each. */
NN_INLINE const float *tile_weights(const struct nn_tile *t, unsigned outer, unsigned lanes, size_t width)
{
        return t->w + ((size_t)outer * t->n_r * t->lanes + (size_t)t->r_first * lanes) * t->n_s * width;
}

NN_INLINE void tile(const struct nn_tile *t, unsigned blocks, unsigned rows, unsigned pixels, size_t step)
{
        vf acc[NN_TILE_MAX_BLOCKS * NN_TILE_MAX_PIXELS];
        size_t x_row = t->x_row;

        NN_UNROLL for (unsigned i = 0; i < blocks * rows * pixels; i++) acc[i] =
                v_load(t->bias + i / pixels / rows * V);

        for (unsigned o = 0; o < t->n_outer; o++) {
                const float *x_outer = t->x + o * t->x_outer;
                unsigned lanes = o + 1 < t->n_outer ? t->lanes : t->last_lanes;
                const float *w = tile_weights(t, o, lanes, blocks * V);

                for (unsigned r = t->r_first; r < t->r_end; r++)
                        for (unsigned s = 0; s < t->n_s; s++) {
                                const float *x = x_outer + r * t->x_r + s * t->x_s, *end = x + lanes;

                                for (; x < end; x++, w += blocks * V) {
                                        vf w0 = v_load(w), w1 = blocks > 1 ? v_load(w + V) : w0;

                                        NN_UNROLL for (unsigned i = 0; i < rows * pixels; i++)
                                        {
                                                vf xv = v_set1(x[i / pixels * x_row + i % pixels * step]);

                                                acc[i] = v_fma(w0, xv, acc[i]);
                                                if (blocks > 1)
                                                        acc[rows * pixels + i] = v_fma(w1, xv, acc[rows * pixels + i]);
                                        }
                                }
                        }
        }
        tile_store(t, blocks, rows, pixels, acc);
}

#ifdef NN_SIMD_HALVES
/* The same with half a block after @blocks whole ones, none or one. */
NN_INLINE void tile_half(const struct nn_tile *t, unsigned blocks, unsigned rows, unsigned pixels, size_t step)
{
        vf acc[NN_TILE_MAX_PIXELS];
        hf last[NN_TILE_MAX_PIXELS];
        size_t x_row = t->x_row;

        NN_UNROLL for (unsigned i = 0; i < rows * pixels; i++)
        {
                if (blocks)
                        acc[i] = v_load(t->bias);
                last[i] = h_load(t->bias + blocks * V);
        }
        for (unsigned o = 0; o < t->n_outer; o++) {
                const float *x_outer = t->x + o * t->x_outer;
                unsigned lanes = o + 1 < t->n_outer ? t->lanes : t->last_lanes;
                const float *w = tile_weights(t, o, lanes, (blocks + 1) * V);

                for (unsigned r = t->r_first; r < t->r_end; r++)
                        for (unsigned s = 0; s < t->n_s; s++) {
                                const float *x = x_outer + r * t->x_r + s * t->x_s, *end = x + lanes;

                                for (; x < end; x++, w += (blocks + 1) * V) {
                                        vf w0 = v_load(w);
                                        hf w1 = h_load(w + blocks * V);

                                        NN_UNROLL for (unsigned i = 0; i < rows * pixels; i++)
                                        {
                                                float xs = x[i / pixels * x_row + i % pixels * step];

                                                if (blocks) {
                                                        vf xv = v_set1(xs);

                                                        acc[i] = v_fma(w0, xv, acc[i]);
                                                        last[i] = h_fma(w1, h_low(xv), last[i]);
                                                } else {
                                                        last[i] = h_fma(w1, h_set1(xs), last[i]);
                                                }
                                        }
                                }
                        }
        }
        if (blocks)
                tile_store(t, blocks, rows, pixels, acc);
        tile_store_half(t, blocks, rows, pixels, last);
}
#endif

#define STEP_NN_STEP_BLOCK V
#define STEP_NN_STEP_2_BLOCKS (2 * V)
#define STEP_NN_STEP_1 1
#define STEP_NN_STEP_2 2
#define STEP_NN_STEP_ANY t->x_step

#define TILE(step, r, b, p)                                                \
        static void tile_##step##_##r##_##b##_##p(const struct nn_tile *t) \
        {                                                                  \
                tile(t, b, r, p, STEP_##step);                             \
        }
#define ENTRY(step, r, b, p) [(p)-1] = tile_##step##_##r##_##b##_##p,
#define TILE_HALF(step, r, b, p)                                                \
        static void tile_half_##step##_##r##_##b##_##p(const struct nn_tile *t) \
        {                                                                       \
                tile_half(t, b, r, p, STEP_##step);                             \
        }
#define ENTRY_HALF(step, r, b, p) [(p)-1] = tile_half_##step##_##r##_##b##_##p,

#define PIXELS_2(f, ...) f(__VA_ARGS__, 1) f(__VA_ARGS__, 2)
#define PIXELS_3(f, ...) PIXELS_2(f, __VA_ARGS__) f(__VA_ARGS__, 3)
#define PIXELS_4(f, ...) PIXELS_3(f, __VA_ARGS__) f(__VA_ARGS__, 4)
#define PIXELS_6(f, ...) PIXELS_4(f, __VA_ARGS__) f(__VA_ARGS__, 5) f(__VA_ARGS__, 6)
#define PIXELS_7(f, ...) PIXELS_6(f, __VA_ARGS__) f(__VA_ARGS__, 7)
#define PIXELS_14(f, ...)                                                                            \
        PIXELS_7(f, __VA_ARGS__)                                                                     \
        f(__VA_ARGS__, 8) f(__VA_ARGS__, 9) f(__VA_ARGS__, 10) f(__VA_ARGS__, 11) f(__VA_ARGS__, 12) \
                f(__VA_ARGS__, 13) f(__VA_ARGS__, 14)
/* as many pixels as the registers hold, by number of rows */
#if MAX_PIXELS == 14
#define ONE_ROW PIXELS_14
#define TWO_ROWS PIXELS_7
#define THREE_ROWS PIXELS_4
#else
#define ONE_ROW PIXELS_6
#define TWO_ROWS PIXELS_3
#define THREE_ROWS PIXELS_2
#endif

#define TILES(pixels, step, r) pixels(TILE, step, r, 1) pixels(TILE, step, r, 2)
#define ENTRIES(pixels, step, r) { pixels(ENTRY, step, r, 1) }, { pixels(ENTRY, step, r, 2) },
#ifdef NN_SIMD_HALVES
#define HALF_TILES(pixels, step, r) pixels(TILE_HALF, step, r, 0) pixels(TILE_HALF, step, r, 1)
#define HALF_ENTRIES(pixels, step, r) { pixels(ENTRY_HALF, step, r, 0) }, { pixels(ENTRY_HALF, step, r, 1) },
#else
#define HALF_TILES(pixels, step, r)
#define HALF_ENTRIES(pixels, step, r)
#endif
#define ALL_TILES(pixels, step, r) TILES(pixels, step, r) HALF_TILES(pixels, step, r)
#define WHOLE_KINDS(pixels, step, r) [(r)-1] = { ENTRIES(pixels, step, r) },
#define ALL_KINDS(pixels, step, r) [(r)-1] = { ENTRIES(pixels, step, r) HALF_ENTRIES(pixels, step, r) },
#define ALL_ROWS(f, step) f(ONE_ROW, step, 1) f(TWO_ROWS, step, 2) f(THREE_ROWS, step, 3)

ALL_ROWS(ALL_TILES, NN_STEP_BLOCK)
ALL_ROWS(TILES, NN_STEP_2_BLOCKS)
ALL_TILES(ONE_ROW, NN_STEP_1, 1)
TILES(ONE_ROW, NN_STEP_2, 1)
TILES(PIXELS_3, NN_STEP_ANY, 1)

const struct nn_tile_ops ISA(nn_tile_ops) = {
        .max_pixels = MAX_PIXELS,
        .fn = {
                [NN_STEP_BLOCK] = { ALL_ROWS(ALL_KINDS, NN_STEP_BLOCK) },
                [NN_STEP_2_BLOCKS] = { ALL_ROWS(WHOLE_KINDS, NN_STEP_2_BLOCKS) },
                [NN_STEP_1] = { ALL_KINDS(ONE_ROW, NN_STEP_1, 1) },
                [NN_STEP_2] = { WHOLE_KINDS(ONE_ROW, NN_STEP_2, 1) },
                [NN_STEP_ANY] = { WHOLE_KINDS(PIXELS_3, NN_STEP_ANY, 1) },
        },
};
