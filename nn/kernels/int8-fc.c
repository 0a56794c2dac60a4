/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fully connected layers with 8-bit weights: panels of a few vectors of outputs, each one stream in memory. */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/kernels/conv-priv.h"
#include "nn/kernels/int8-ops.h"
#include "nn/memory.h"

struct nn_fc8 {
        struct nn_fc_desc d;
        enum nn_isa isa;
        const struct nn_int8_ops *ops;
        size_t panel, n_panels; /* outputs of a full panel */
        size_t n_groups, ldx;   /* of four inputs; bytes of a row */
        int8_t *weights;
        size_t n_weights;
        int32_t *start_high, *start_low; /* padded to whole panels */
        float *scales, *bias, *slopes;
};

static size_t panel_width(const struct nn_fc8 *f, size_t i)
{
        return MIN(nn_round_up(f->d.n - i * f->panel, f->ops->vector), f->panel);
}

static int8_t weight_at(const struct nn_fc_desc *d, const int8_t *w, size_t k, size_t n)
{
        if (k >= d->k || n >= d->n)
                return 0;
        return d->weights_k_n ? w[k * d->n + n] : w[n * d->k + k];
}

static void pack(struct nn_fc8 *f, const int8_t *weights)
{
        int8_t *to = f->weights;

        for (size_t i = 0; i < f->n_panels; i++) {
                size_t width = panel_width(f, i), first = i * f->panel;

                for (size_t g = 0; g < f->n_groups; g++)
                        for (size_t j = 0; j < width; j++)
                                for (size_t b = 0; b < 4; b++) {
                                        int8_t w = weight_at(&f->d, weights, g * 4 + b, first + j);

                                        *to++ = w;
                                        f->start_low[first + j] += w;
                                }
        }
        /* sums of weights to what the sums start with: the high byte is 128 too large */
        for (size_t i = 0; i < f->n_panels * f->panel; i++) {
                f->start_high[i] = (f->ops->offset - 128) * f->start_low[i];
                f->start_low[i] *= f->ops->offset;
        }
}

static float *copy_padded(const struct nn_fc8 *f, const float *values)
{
        float *p = nn_conv_floats(f->n_panels * f->panel);

        if (p && values)
                memcpy(p, values, f->d.n * sizeof(*p));
        return p;
}

int nn_fc8_prepare(enum nn_isa isa, enum nn_dot dot, const struct nn_fc_desc *d, const int8_t *weights,
                   const float *scales, const float *bias, struct nn_fc8 **ret)
{
        struct nn_fc8 *f;

        if (!nn_int8_ops(dot) || !nn_kernel_ops(isa) || !d->m || !d->k || !d->n || d->k > NN_FC8_MAX_K ||
            (d->act.kind == NN_ACT_PRELU && !d->act.slopes))
                return -EINVAL;
        f = calloc(1, sizeof(*f));
        if (!f)
                return -ENOMEM;
        f->d = *d;
        f->isa = isa;
        f->ops = nn_int8_ops(dot);
        f->panel = (size_t)f->ops->vector * f->ops->panel_vectors;
        f->n_panels = (d->n + f->panel - 1) / f->panel;
        f->n_groups = ((size_t)d->k + 3) / 4;
        f->ldx = nn_round_up(d->k, 64);
        f->n_weights = nn_round_up(d->n, f->ops->vector) * f->n_groups * 4;
        f->weights = nn_alloc(f->n_weights);
        f->start_high = (int32_t *)(void *)copy_padded(f, NULL);
        f->start_low = (int32_t *)(void *)copy_padded(f, NULL);
        f->scales = copy_padded(f, scales);
        f->bias = copy_padded(f, bias);
        f->slopes = copy_padded(f, d->act.kind == NN_ACT_PRELU ? d->act.slopes : NULL);
        if (!f->weights || !f->start_high || !f->start_low || !f->scales || !f->bias || !f->slopes) {
                nn_fc8_free(f);
                return -ENOMEM;
        }
        pack(f, weights);
        f->d.act.slopes = NULL;
        *ret = f;
        return 0;
}

int nn_fc8_prepare_floats(enum nn_isa isa, enum nn_dot dot, const struct nn_fc_desc *d, const float *weights,
                          const float *bias, struct nn_fc8 **ret)
{
        size_t n = (size_t)d->n * d->k, by_n = d->weights_k_n ? 1 : d->k, by_k = d->weights_k_n ? d->n : 1;
        _cleanup_(freep) int8_t *bytes = malloc(n + 1);
        _cleanup_(freep) float *scales = malloc((d->n + 1) * sizeof(*scales));

        if (!bytes || !scales)
                return -ENOMEM;
        for (size_t j = 0; j < d->n; j++) {
                float largest = 0;

                for (size_t k = 0; k < d->k; k++)
                        largest = fmaxf(largest, fabsf(weights[j * by_n + k * by_k]));
                scales[j] = nn_weight_scale(largest);
                for (size_t k = 0; k < d->k; k++)
                        bytes[j * by_n + k * by_k] = nn_weight_to_int8(weights[j * by_n + k * by_k] / scales[j]);
        }
        return nn_fc8_prepare(isa, dot, d, bytes, scales, bias, ret);
}

struct nn_fc8 *nn_fc8_free(struct nn_fc8 *f)
{
        if (!f)
                return NULL;
        free(f->weights);
        free(f->start_high);
        free(f->start_low);
        free(f->scales);
        free(f->bias);
        free(f->slopes);
        free(f);
        return NULL;
}

size_t nn_fc8_packed_bytes(const struct nn_fc8 *f)
{
        return f->n_weights + 5 * sizeof(float) * f->n_panels * f->panel;
}

size_t nn_fc8_scratch_bytes(const struct nn_fc8 *f)
{
        return 2 * f->ldx * f->d.m + nn_round_up(f->d.m * sizeof(float), 64);
}

struct job {
        const struct nn_fc8 *f;
        const uint8_t *high, *low;
        const float *row_scales;
        float *y;
};

/* Scale, bias and activation of the sums of one row. */
static void finish(const struct nn_fc8 *f, size_t first, size_t width, float row_scale, float *sums, float *y)
{
        const struct nn_vec_ops *vec = nn_kernel_ops(f->isa)->vec;
        size_t b = nn_isa_block(f->isa);

        vec->binary_scalar(NN_MUL, false, width, sums, row_scale, sums);
        vec->binary(NN_MUL, false, width, sums, f->scales + first, sums);
        vec->binary(NN_ADD, f->d.act.kind == NN_ACT_RELU, width, sums, f->bias + first, sums);
        if (f->d.act.kind == NN_ACT_PRELU)
                for (size_t j = 0; j < width; j++)
                        sums[j] = sums[j] < 0 ? sums[j] * f->slopes[first + j] : sums[j];
        else if (f->d.act.kind != NN_ACT_NONE && f->d.act.kind != NN_ACT_RELU)
                vec->act(&f->d.act, 0, nn_round_up(width, b) == width ? width : MIN(width, f->d.n - first), sums, sums);
        memcpy(y, sums, MIN(width, f->d.n - first) * sizeof(*y));
}

static void run_panel(void *userdata, unsigned part, unsigned thread)
{
        const struct job *job = userdata;
        const struct nn_fc8 *f = job->f;
        float sums[NN_PANEL8_MAX_ROWS * NN_PANEL8_MAX_VECTORS * NN_MAX_BLOCK];
        size_t width = panel_width(f, part), first = part * f->panel;
        struct nn_panel8 p = {
                .n_groups = f->n_groups,
                .ldx = f->ldx,
                .w = f->weights + first * f->n_groups * 4,
                .start_high = f->start_high + first,
                .start_low = f->start_low + first,
                .y = sums,
                .ldy = width,
        };

        for (unsigned m = 0, rows; m < f->d.m; m += rows) {
                rows = MIN(f->ops->panel_rows, f->d.m - m);
                p.high = job->high + m * f->ldx;
                p.low = job->low + m * f->ldx;
                f->ops->panel[rows - 1][width / f->ops->vector - 1](&p);
                for (unsigned i = 0; i < rows; i++)
                        finish(f, first, width, job->row_scales[m + i], sums + i * width,
                               job->y + (size_t)(m + i) * f->d.n + first);
        }
}

void nn_fc8_run(const struct nn_fc8 *f, const float *x, float *y, void *scratch, struct nn_pool *pool)
{
        uint8_t *high = scratch, *low = high + f->ldx * f->d.m;
        float *row_scales = (float *)(void *)(low + f->ldx * f->d.m);
        struct job job = { .f = f, .high = high, .low = low, .row_scales = row_scales, .y = y };

        for (size_t m = 0; m < f->d.m; m++, x += f->d.k) {
                float largest = 0, sum = 0;

                for (size_t k = 0; k < f->d.k; k++) {
                        float a = fabsf(x[k]);

                        largest = a > largest ? a : largest;
                        sum += a;
                }
                row_scales[m] = isfinite(sum) ? (largest > 0 ? largest / 32767.f : 1.f) : NAN;
                /* a scale that is too small to have a reciprocal: all zeros */
                float inverse = isfinite(sum) && largest > 1e-30f ? 32767.f / largest : 0;
                f->ops->split(f->d.k, x, inverse, high + m * f->ldx, low + m * f->ldx);
                for (size_t k = f->d.k; k < f->n_groups * 4; k++)
                        high[m * f->ldx + k] = low[m * f->ldx + k] = 0;
        }
        nn_pool_run(pool, (unsigned)f->n_panels, run_panel, &job);
}
