/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The core of convolution on bytes: register tiles of sums as in tile.c, four input channels a step. Scale, bias,
 * residual and activation are applied in float while the sums are in registers.
 */
#include "nn/kernels/int8-ops.h"
#include "nn/kernels/int8-simd.h"

#define PER_BLOCK (NN_BYTE_BLOCK / V)
#define MAX_SUMS 32

/* Where vector @v of the outputs begins at a pixel. */
#define AT(t, v) ((v) / PER_BLOCK * (t)->y_block + (v) % PER_BLOCK * V)

NN_INLINE void store(const struct nn_tile8 *t, unsigned vectors, unsigned rows, unsigned pixels, const vi *acc)
{
        const unsigned n = rows * pixels;
        const vf lo = v_set1(t->lo), hi = v_set1(t->hi), r_mul = v_set1(t->r_mul);
        vf y[MAX_SUMS];

        NN_UNROLL for (unsigned i = 0; i < vectors * n; i++) y[i] =
                v_fma(v_from_int(acc[i]), v_load(t->mul + i / n * V), v_load(t->add + i / n * V));
        if (t->residual)
                NN_UNROLL for (unsigned i = 0; i < vectors * n; i++) y[i] =
                        v_fma(v_from_int(v_load_u8(t->residual + AT(t, i / n) + i % n / pixels * t->y_row +
                                                   i % pixels * NN_BYTE_BLOCK)),
                              r_mul, y[i]);
        NN_UNROLL for (unsigned i = 0; i < vectors * n; i++)
                v_store_byte(t->y + AT(t, i / n) + i % n / pixels * t->y_row + i % pixels * NN_BYTE_BLOCK,
                             v_round(v_min(hi, v_max(y[i], lo))) + t->zero);
}

NN_INLINE void tile(const struct nn_tile8 *t, unsigned blocks, unsigned rows, unsigned pixels, size_t step)
{
        const unsigned vectors = blocks * PER_BLOCK, n = rows * pixels;
        vi acc[MAX_SUMS];
        const int8_t *w = t->w;
        size_t x_row = t->x_row;

        NN_UNROLL for (unsigned i = 0; i < vectors * n; i++) acc[i] = vi_load(t->start + i / n * V);
        for (unsigned o = 0; o < t->n_outer; o++) {
                const uint8_t *x_outer = t->x + o * t->x_outer;
                size_t lanes = 4 * (size_t)(o + 1 < t->n_outer ? t->groups : t->last_groups);

                for (unsigned r = 0; r < t->n_r; r++)
                        for (unsigned s = 0; s < t->n_s; s++) {
                                const uint8_t *x = x_outer + r * t->x_r + s * t->x_s, *end = x + lanes;

                                for (; x < end; x += 4, w += vectors * V * 4) {
                                        vi wv[NN_TILE8_MAX_BLOCKS * PER_BLOCK];

                                        NN_UNROLL for (unsigned v = 0; v < vectors; v++) wv[v] = vi_load(w + v * V * 4);
                                        NN_UNROLL for (unsigned i = 0; i < n; i++)
                                        {
                                                vi xv = v_four(x + i / pixels * x_row + i % pixels * step);

                                                NN_UNROLL for (unsigned v = 0; v < vectors; v++) acc[v * n + i] =
                                                        v_dot4(acc[v * n + i], xv, wv[v]);
                                        }
                                }
                        }
        }
        store(t, vectors, rows, pixels, acc);
}

#define STEP_NN_STEP8_BLOCK NN_BYTE_BLOCK
#define STEP_NN_STEP8_2_BLOCKS (2 * NN_BYTE_BLOCK)
#define STEP_NN_STEP8_1 1
#define STEP_NN_STEP8_2 2
#define STEP_NN_STEP8_ANY t->x_step

#define TILE(step, r, b, p)                                                 \
        static void tile_##step##_##r##_##b##_##p(const struct nn_tile8 *t) \
        {                                                                   \
                tile(t, b, r, p, STEP_##step);                              \
        }
#define ENTRY(step, r, b, p) [(p)-1] = tile_##step##_##r##_##b##_##p,

/* the widths that registers hold, by number of rows; a row of another width takes several */
#define NARROW(f, ...) f(__VA_ARGS__, 1) f(__VA_ARGS__, 2)
#define MIDDLE(f, ...) NARROW(f, __VA_ARGS__) f(__VA_ARGS__, 3)
#define WIDE(f, ...) MIDDLE(f, __VA_ARGS__) f(__VA_ARGS__, 4)
#if V == 16
#define BLOCKS 2
#define ONE_ROW(f, ...) WIDE(f, __VA_ARGS__) f(__VA_ARGS__, 6) f(__VA_ARGS__, 8) f(__VA_ARGS__, 12) f(__VA_ARGS__, 14)
#define TWO_ROWS(f, ...) WIDE(f, __VA_ARGS__) f(__VA_ARGS__, 6) f(__VA_ARGS__, 7)
#define THREE_ROWS WIDE
#elif defined(NN_SIMD_DOT)
#define BLOCKS 1
#define ONE_ROW(f, ...) WIDE(f, __VA_ARGS__) f(__VA_ARGS__, 6)
#define TWO_ROWS MIDDLE
#define THREE_ROWS NARROW
#else
#define BLOCKS 1
#define ONE_ROW WIDE
#define TWO_ROWS NARROW
#define THREE_ROWS(f, ...) f(__VA_ARGS__, 1)
#endif

#if BLOCKS == 2
#define TILES(widths, step, r) widths(TILE, step, r, 1) widths(TILE, step, r, 2)
#define ENTRIES(widths, step, r) [(r)-1] = { { widths(ENTRY, step, r, 1) }, { widths(ENTRY, step, r, 2) } },
#else
#define TILES(widths, step, r) widths(TILE, step, r, 1)
#define ENTRIES(widths, step, r) [(r)-1] = { { widths(ENTRY, step, r, 1) } },
#endif
#define ALL_ROWS(f, step) f(ONE_ROW, step, 1) f(TWO_ROWS, step, 2) f(THREE_ROWS, step, 3)

ALL_ROWS(TILES, NN_STEP8_BLOCK)
ALL_ROWS(TILES, NN_STEP8_2_BLOCKS)
TILES(ONE_ROW, NN_STEP8_1, 1)
TILES(ONE_ROW, NN_STEP8_2, 1)
TILES(MIDDLE, NN_STEP8_ANY, 1)

NN_INLINE void depthwise_pixels(const struct nn_tile8 *t, unsigned pixels, unsigned at)
{
        for (unsigned v = 0; v < PER_BLOCK; v++) {
                const int32_t *w = (const int32_t *)t->w + v * V;
                struct nn_tile8 part = *t;
                vi acc[4];

                NN_UNROLL for (unsigned i = 0; i < pixels; i++) acc[i] = vi_load(t->start + v * V);
                for (unsigned r = 0; r < t->n_r; r++)
                        for (unsigned s = 0; s < t->n_s; s++, w += NN_BYTE_BLOCK) {
                                const uint8_t *x = t->x + r * t->x_r + s * t->x_s + at * t->x_step + v * V;
                                vi wv = vi_load(w);

                                NN_UNROLL for (unsigned i = 0; i < pixels; i++) acc[i] +=
                                        v_mul_byte(v_load_u8(x + i * t->x_step), wv);
                        }
                part.mul += v * V;
                part.add += v * V;
                part.y += at * NN_BYTE_BLOCK + v * V;
                if (part.residual)
                        part.residual += at * NN_BYTE_BLOCK + v * V;
                store(&part, 1, 1, pixels, acc);
        }
}

static void depthwise(const struct nn_tile8 *t, unsigned pixels)
{
        unsigned at = 0;

        for (; at + 4 <= pixels; at += 4)
                depthwise_pixels(t, 4, at);
        for (; at < pixels; at++)
                depthwise_pixels(t, 1, at);
}

NN_INLINE void panel(const struct nn_panel8 *p, unsigned rows, unsigned vectors)
{
        vi high[NN_PANEL8_MAX_ROWS * NN_PANEL8_MAX_VECTORS], low[NN_PANEL8_MAX_ROWS * NN_PANEL8_MAX_VECTORS];
        const uint8_t *xh = p->high, *xl = p->low;
        const int8_t *w = p->w;
        size_t ldx = p->ldx;

        NN_UNROLL for (unsigned i = 0; i < rows * vectors; i++)
        {
                high[i] = vi_load(p->start_high + i % vectors * V);
                low[i] = vi_load(p->start_low + i % vectors * V);
        }
        for (size_t g = 0; g < p->n_groups; g++, xh += 4, xl += 4, w += vectors * V * 4) {
                vi wv[NN_PANEL8_MAX_VECTORS];

                __builtin_prefetch(w + 4096);
                NN_UNROLL for (unsigned v = 0; v < vectors; v++) wv[v] = vi_load(w + v * V * 4);
                NN_UNROLL for (unsigned i = 0; i < rows * vectors; i++)
                {
                        high[i] = v_dot4(high[i], v_four(xh + i / vectors * ldx), wv[i % vectors]);
                        low[i] = v_dot4(low[i], v_four(xl + i / vectors * ldx), wv[i % vectors]);
                }
        }
        NN_UNROLL for (unsigned i = 0; i < rows * vectors; i++)
                v_store(p->y + i / vectors * p->ldy + i % vectors * V,
                        v_fma(v_from_int(high[i]), v_set1(256.f), v_from_int(low[i])));
}

#define PANEL(rows, vectors)                                            \
        static void panel_##rows##_##vectors(const struct nn_panel8 *p) \
        {                                                               \
                panel(p, rows, vectors);                                \
        }
#define PANEL_ENTRY(rows, vectors) [(vectors)-1] = panel_##rows##_##vectors,
#if NN_SIMD_REGISTERS == 32
#define FOR_VECTORS(f, rows) f(rows, 1) f(rows, 2) f(rows, 3) f(rows, 4)
#define FOR_ROWS(f) f(1) f(2) f(3)
#define PANEL_VECTORS 4
#define PANEL_ROWS 3
#else
#define FOR_VECTORS(f, rows) f(rows, 1) f(rows, 2)
#define FOR_ROWS(f) f(1) f(2)
#define PANEL_VECTORS 2
#define PANEL_ROWS 2
#endif
#define ROW_PANELS(rows) FOR_VECTORS(PANEL, rows)
#define ROW_PANEL_ENTRIES(rows) [(rows)-1] = { FOR_VECTORS(PANEL_ENTRY, rows) },
FOR_ROWS(ROW_PANELS)

/* Bytes of the values in a partly filled vector, one at a time through a full one. */
static void quantize(size_t n, const float *x, float scale, int zero, int least, uint8_t *y)
{
        const vf s = v_set1(scale), lo = v_set1((float)(least - zero)), hi = v_set1((float)(least + 255 - zero));
        size_t i = 0;

        for (; i + V <= n; i += V)
                v_store_u8(y + i, v_round(v_min(hi, v_max(v_load(x + i) / s, lo))) + zero);
        if (i < n) {
                uint8_t tail[V];

                v_store_u8(tail, v_round(v_min(hi, v_max(v_load_n(x + i, n - i) / s, lo))) + zero);
                memcpy(y + i, tail, n - i);
        }
}

static void dequantize(size_t n, const uint8_t *x, float scale, int zero, uint8_t flip, float *y)
{
        const vf s = v_set1(scale);
        size_t i = 0;

        for (; i + V <= n; i += V)
                v_store(y + i, v_from_int((v_load_u8(x + i) ^ flip) - zero) * s);
        for (; i < n; i++)
                y[i] = (float)((x[i] ^ flip) - zero) * scale;
}

static void add(size_t n, const uint8_t *a, float ma, const uint8_t *b, float mb, float add, float lo, int zero,
                uint8_t *y)
{
        const vf va = v_set1(ma), vb = v_set1(mb), c = v_set1(add), l = v_set1(lo), h = v_set1((float)(255 - zero));

        for (size_t i = 0; i < n; i += V) {
                vf sum = v_fma(v_from_int(v_load_u8(a + i)), va, v_fma(v_from_int(v_load_u8(b + i)), vb, c));

                v_store_byte(y + i, v_round(v_min(h, v_max(sum, l))) + zero);
        }
}

static void max_block(size_t rows, size_t columns, size_t x_row, size_t x_column, const uint8_t *x, uint8_t *y)
{
        uint8_t m[NN_BYTE_BLOCK] = { 0 };

        for (size_t r = 0; r < rows; r++)
                for (size_t s = 0; s < columns; s++) {
                        const uint8_t *p = x + r * x_row + s * x_column;

                        for (unsigned i = 0; i < NN_BYTE_BLOCK; i++)
                                m[i] = p[i] > m[i] ? p[i] : m[i];
                }
        memcpy(y, m, sizeof(m));
}

static void sum_block(size_t pixels, const uint8_t *x, int64_t *sums)
{
        for (unsigned i = 0; i < NN_BYTE_BLOCK; i++)
                sums[i] = 0;
        /* 2^23 pixels fit 32 bits */
        while (pixels) {
                size_t n = MIN(pixels, (size_t)1 << 23);
                vi acc[PER_BLOCK];

                for (unsigned v = 0; v < PER_BLOCK; v++)
                        acc[v] = (vi){ 0 };
                for (size_t p = 0; p < n; p++, x += NN_BYTE_BLOCK)
                        for (unsigned v = 0; v < PER_BLOCK; v++)
                                acc[v] += v_load_u8(x + v * V);
                for (unsigned i = 0; i < NN_BYTE_BLOCK; i++)
                        sums[i] += acc[i / V][i % V];
                pixels -= n;
        }
}

static void split(size_t n, const float *x, float scale, uint8_t *high, uint8_t *low)
{
        const vf s = v_set1(scale), lo = v_set1(-32767.f), hi = v_set1(32767.f);

        for (size_t i = 0; i < n; i += V) {
                uint8_t tail[2][V];
                size_t count = n - i < V ? n - i : V;
                vf v = count < V ? v_load_n(x + i, count) : v_load(x + i);
                vi q = v_round(v_min(hi, v_max(lo, v * s))) + 32768;

                v_store_u8(tail[0], q >> 8);
                v_store_u8(tail[1], q);
                memcpy(high + i, tail[0], count);
                memcpy(low + i, tail[1], count);
        }
}

const struct nn_int8_ops DOT(nn_int8_ops) = {
        .vector = V,
        .offset = V_DOT_OFFSET,
        .max_blocks = BLOCKS,
        .tile = {
                [NN_STEP8_BLOCK] = { ALL_ROWS(ENTRIES, NN_STEP8_BLOCK) },
                [NN_STEP8_2_BLOCKS] = { ALL_ROWS(ENTRIES, NN_STEP8_2_BLOCKS) },
                [NN_STEP8_1] = { ENTRIES(ONE_ROW, NN_STEP8_1, 1) },
                [NN_STEP8_2] = { ENTRIES(ONE_ROW, NN_STEP8_2, 1) },
                [NN_STEP8_ANY] = { ENTRIES(MIDDLE, NN_STEP8_ANY, 1) },
        },
        .depthwise = depthwise,
        .panel_vectors = PANEL_VECTORS,
        .panel_rows = PANEL_ROWS,
        .panel = { FOR_ROWS(ROW_PANEL_ENTRIES) },
        .quantize = quantize,
        .dequantize = dequantize,
        .add = add,
        .max_block = max_block,
        .sum_block = sum_block,
        .split = split,
};
