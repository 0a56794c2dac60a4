/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fully connected layers: weights in panels of a few vectors of outputs. */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/kernels/conv-priv.h"
#include "nn/kernels/int8.h"
#include "nn/memory.h"

/* Rows of x whose sums are kept at a time, and weights rows per pass over them: with more than one pass over a panel
 * its part must still be in the second-level cache. */
#define ROWS_AT_ONCE 32u
#define K_AT_ONCE 1024u

struct nn_fc {
        struct nn_fc_desc d;
        enum nn_isa isa;
        const struct nn_kernel_ops *ops;
        size_t b, panel; /* floats of a vector, of a full panel */
        size_t n_panels;
        unsigned char *weights;
        size_t n_weights;              /* elements */
        float *bias, *slopes, *scales; /* padded to whole panels */
};

static size_t element_bytes(enum nn_fc_storage s)
{
        return s == NN_FC_INT8 ? 1 : s == NN_FC_BFLOAT16 ? 2 : 4;
}

/* Vectors of panel @i; only the last one may be narrow. */
static unsigned panel_vectors(const struct nn_fc *f, size_t i)
{
        size_t left = f->d.n - i * f->panel;

        return (unsigned)((MIN(left, f->panel) + f->b - 1) / f->b);
}

/* Nearest, ties to even; NaN stays NaN. */
static uint16_t to_bfloat16(float v)
{
        uint32_t u;

        memcpy(&u, &v, sizeof(u));
        if (isnan(v))
                return (uint16_t)(u >> 16 | 0x40);
        return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

/* @rows rows of @width weights to their place, @at elements into the packed ones; outputs first.. */
static void store_strip(struct nn_fc *f, size_t at, size_t first, size_t rows, size_t width, const float *strip)
{
        size_t n = rows * width;

        switch (f->d.storage) {
        case NN_FC_FLOAT32:
                memcpy((float *)(void *)f->weights + at, strip, n * sizeof(*strip));
                break;
        case NN_FC_BFLOAT16:
                for (size_t i = 0; i < n; i++)
                        ((uint16_t *)(void *)f->weights)[at + i] = to_bfloat16(strip[i]);
                break;
        case NN_FC_INT8:
                for (size_t i = 0; i < n; i++)
                        ((int8_t *)f->weights)[at + i] = nn_weight_to_int8(strip[i] / f->scales[first + i % width]);
                break;
        }
}

static float get_weight(const struct nn_fc_desc *d, const float *weights, size_t k, size_t n)
{
        return d->weights_k_n ? weights[k * d->n + n] : weights[n * d->k + k];
}

/* The scale of each output that carries its largest weight to 127; 1 where all are 0. */
static void find_scales(struct nn_fc *f, const float *weights)
{
        for (size_t n = 0; n < f->d.n; n++) {
                float largest = 0;

                for (size_t k = 0; k < f->d.k; k++)
                        largest = fmaxf(largest, fabsf(get_weight(&f->d, weights, k, n)));
                f->scales[n] = nn_weight_scale(largest);
        }
}

/* Weights rows that are turned at a time: reads and writes stay in the first cache. */
#define STRIP_ROWS 64u

static void pack(struct nn_fc *f, const float *weights)
{
        float strip[STRIP_ROWS * NN_PANEL_MAX_VECTORS * NN_MAX_BLOCK];

        if (f->scales)
                find_scales(f, weights);
        for (size_t i = 0; i < f->n_panels; i++) {
                size_t width = panel_vectors(f, i) * f->b, first = i * f->panel, n = MIN(width, f->d.n - first);

                memset(strip, 0, sizeof(strip));
                for (size_t k0 = 0; k0 < f->d.k; k0 += STRIP_ROWS) {
                        size_t rows = MIN((size_t)STRIP_ROWS, f->d.k - k0);

                        if (f->d.weights_k_n)
                                for (size_t k = 0; k < rows; k++)
                                        memcpy(strip + k * width, weights + (k0 + k) * f->d.n + first,
                                               n * sizeof(*strip));
                        else
                                for (size_t j = 0; j < n; j += f->b)
                                        f->ops->map->turn(MIN(f->b, n - j), rows, weights + (first + j) * f->d.k + k0,
                                                          f->d.k, strip + j, width);
                        store_strip(f, first * f->d.k + k0 * width, first, rows, width, strip);
                }
        }
}

static int alloc_parts(struct nn_fc *f, const float *bias)
{
        size_t padded = f->n_panels * f->panel, bytes;

        f->n_weights = nn_round_up(f->d.n, f->b);
        if (__builtin_mul_overflow(f->n_weights, (size_t)f->d.k, &f->n_weights) ||
            __builtin_mul_overflow(f->n_weights, element_bytes(f->d.storage), &bytes))
                return -ENOMEM;
        f->weights = nn_alloc(bytes);
        f->bias = nn_conv_floats(padded);
        if (!f->weights || !f->bias)
                return -ENOMEM;
        if (bias)
                memcpy(f->bias, bias, f->d.n * sizeof(*bias));
        if (f->d.storage == NN_FC_INT8) {
                f->scales = nn_conv_floats(padded);
                if (!f->scales)
                        return -ENOMEM;
                for (size_t i = f->d.n; i < padded; i++)
                        f->scales[i] = 1;
        }
        if (f->d.act.kind == NN_ACT_PRELU) {
                f->slopes = nn_conv_floats(padded);
                if (!f->slopes)
                        return -ENOMEM;
                memcpy(f->slopes, f->d.act.slopes, f->d.n * sizeof(float));
        }
        return 0;
}

int nn_fc_prepare(enum nn_isa isa, const struct nn_fc_desc *d, const float *weights, const float *bias,
                  struct nn_fc **ret)
{
        struct nn_fc *f;
        int r;

        if (!nn_kernel_ops(isa) || !d->m || !d->k || !d->n || (unsigned)d->storage > NN_FC_INT8 ||
            (d->act.kind == NN_ACT_PRELU && !d->act.slopes))
                return -EINVAL;
        f = calloc(1, sizeof(*f));
        if (!f)
                return -ENOMEM;
        f->d = *d;
        f->isa = isa;
        f->ops = nn_kernel_ops(isa);
        f->b = nn_isa_block(isa);
        f->panel = f->b * NN_PANEL_MAX_VECTORS;
        f->n_panels = ((size_t)d->n + f->panel - 1) / f->panel;
        r = alloc_parts(f, bias);
        if (r < 0) {
                nn_fc_free(f);
                return r;
        }
        pack(f, weights);
        f->d.act.slopes = NULL;
        *ret = f;
        return 0;
}

struct nn_fc *nn_fc_free(struct nn_fc *f)
{
        if (!f)
                return NULL;
        free(f->weights);
        free(f->bias);
        free(f->slopes);
        free(f->scales);
        free(f);
        return NULL;
}

const char *nn_fc_name(const struct nn_fc *f)
{
        static const char *const names[] = {
                [NN_FC_FLOAT32] = "fc float32",
                [NN_FC_BFLOAT16] = "fc bfloat16",
                [NN_FC_INT8] = "fc int8",
        };

        return names[f->d.storage];
}

size_t nn_fc_packed_bytes(const struct nn_fc *f)
{
        size_t vectors = 1 + (f->slopes != NULL) + (f->scales != NULL);

        return f->n_weights * element_bytes(f->d.storage) + vectors * f->n_panels * f->panel * sizeof(float);
}

struct job {
        const struct nn_fc *f;
        const float *x;
        float *y;
};

/* Scale, bias and activation of @n sums of outputs first.., into y. */
static void finish(const struct nn_fc *f, size_t first, size_t width, size_t n, float *sums, float *y)
{
        const struct nn_vec_ops *vec = f->ops->vec;

        if (f->scales)
                vec->binary(NN_MUL, false, width, sums, f->scales + first, sums);
        vec->binary(NN_ADD, f->d.act.kind == NN_ACT_RELU, width, sums, f->bias + first, sums);
        if (f->slopes)
                for (size_t j = 0; j < width; j += f->b)
                        vec->act_block(&f->d.act, f->slopes + first + j, 1, sums + j, sums + j);
        else if (f->d.act.kind != NN_ACT_NONE && f->d.act.kind != NN_ACT_RELU)
                vec->act(&f->d.act, 0, width, sums, sums);
        memcpy(y, sums, n * sizeof(*y));
}

static void run_panel(void *userdata, unsigned part, unsigned thread)
{
        const struct job *job = userdata;
        const struct nn_fc *f = job->f;
        const struct nn_panel_ops *ops = f->ops->panel;
        float sums[ROWS_AT_ONCE * NN_PANEL_MAX_VECTORS * NN_MAX_BLOCK];
        unsigned vectors = panel_vectors(f, part);
        size_t width = vectors * f->b, first = part * f->panel, size = element_bytes(f->d.storage);
        const unsigned char *weights = f->weights + first * f->d.k * size;
        size_t step = f->d.m > ops->max_rows ? K_AT_ONCE : f->d.k;

        for (unsigned m = 0; m < f->d.m; m += ROWS_AT_ONCE) {
                unsigned rows = MIN(ROWS_AT_ONCE, f->d.m - m);

                for (size_t k = 0; k < f->d.k; k += step)
                        for (unsigned i = 0, n; i < rows; i += n) {
                                struct nn_panel p = {
                                        .k = MIN(step, f->d.k - k),
                                        .x = job->x + (size_t)(m + i) * f->d.k + k,
                                        .ldx = f->d.k,
                                        .w = weights + k * width * size,
                                        .y = sums + i * width,
                                        .ldy = width,
                                        .accumulate = k > 0,
                                };

                                n = MIN(ops->max_rows, rows - i);
                                ops->fn[f->d.storage][n - 1][vectors - 1](&p);
                        }
                for (unsigned i = 0; i < rows; i++)
                        finish(f, first, width, MIN(width, f->d.n - first), sums + i * width,
                               job->y + (size_t)(m + i) * f->d.n + first);
        }
}

void nn_fc_run(const struct nn_fc *f, const float *x, float *y, struct nn_pool *pool)
{
        struct job job = { .f = f, .x = x, .y = y };

        nn_pool_run(pool, (unsigned)f->n_panels, run_panel, &job);
}
