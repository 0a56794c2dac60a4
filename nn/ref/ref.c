/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <float.h>
#include <math.h>

#include "nn/ref/ref.h"

float nn_ref_act(const struct nn_act *act, size_t channel, float x)
{
        switch (act->kind) {
        case NN_ACT_NONE:
                return x;
        case NN_ACT_RELU:
                return x < 0 ? 0 : x;
        case NN_ACT_CLIP:
                x = x < act->a ? act->a : x;
                return x > act->b ? act->b : x;
        case NN_ACT_LEAKY:
                return x < 0 ? act->a * x : x;
        case NN_ACT_PRELU:
                return x < 0 ? act->slopes[channel] * x : x;
        case NN_ACT_SIGMOID:
                return 1 / (1 + expf(-x));
        case NN_ACT_TANH:
                return tanhf(x);
        case NN_ACT_HARD_SIGMOID:
                x = act->a * x + act->b;
                x = x < 0 ? 0 : x;
                return x > 1 ? 1 : x;
        case NN_ACT_HARD_SWISH: {
                float s = x / 6 + 0.5f;

                s = s < 0 ? 0 : s;
                return x * (s > 1 ? 1 : s);
        }
        case NN_ACT_SILU:
                return x / (1 + expf(-x));
        case NN_ACT_ELU:
                return x < 0 ? act->a * expm1f(x) : x;
        }
        return x;
}

static double window_sum(const struct nn_conv_desc *d, const float *x, const float *w, long top, long left)
{
        double sum = 0;

        for (unsigned c = 0; c < d->c / d->groups; c++)
                for (unsigned i = 0; i < d->r; i++) {
                        long row = top + (long)(i * d->dilation[0]);

                        if (row < 0 || row >= (long)d->h)
                                continue;
                        for (unsigned j = 0; j < d->s; j++) {
                                long column = left + (long)(j * d->dilation[1]);

                                if (column >= 0 && column < (long)d->w)
                                        sum += (double)x[((size_t)c * d->h + (size_t)row) * d->w + (size_t)column] *
                                               w[((size_t)c * d->r + i) * d->s + j];
                        }
                }
        return sum;
}

static unsigned out_length(unsigned in, unsigned kernel, unsigned stride, unsigned dilation, unsigned pad)
{
        unsigned span = (kernel - 1) * dilation + 1;

        return in + pad < span ? 0 : (in + pad - span) / stride + 1;
}

void nn_ref_conv(const struct nn_conv_desc *d, const float *weights, const float *bias, const float *x,
                 const float *residual, float *y)
{
        unsigned out_h = out_length(d->h, d->r, d->stride[0], d->dilation[0], d->pad[0] + d->pad[2]);
        unsigned out_w = out_length(d->w, d->s, d->stride[1], d->dilation[1], d->pad[1] + d->pad[3]);
        size_t per_group = d->k / d->groups, filter = (size_t)(d->c / d->groups) * d->r * d->s, at = 0;

        for (unsigned n = 0; n < d->n; n++)
                for (unsigned k = 0; k < d->k; k++) {
                        const float *xg = x + ((size_t)n * d->c + k / per_group * (d->c / d->groups)) * d->h * d->w;

                        for (unsigned i = 0; i < out_h; i++)
                                for (unsigned j = 0; j < out_w; j++, at++) {
                                        double sum = window_sum(d, xg, weights + k * filter,
                                                                (long)(i * d->stride[0]) - (long)d->pad[0],
                                                                (long)(j * d->stride[1]) - (long)d->pad[1]);

                                        sum += bias ? bias[k] : 0;
                                        sum += residual ? residual[at] : 0;
                                        y[at] = nn_ref_act(&d->act, k, (float)sum);
                                }
                }
}

void nn_ref_gemm(bool trans_a, bool trans_b, size_t m, size_t n, size_t k, float alpha, const float *a, const float *b,
                 float beta, float *y)
{
        for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < n; j++) {
                        double sum = 0;

                        for (size_t l = 0; l < k; l++)
                                sum += (double)(trans_a ? a[l * m + i] : a[i * k + l]) *
                                       (trans_b ? b[j * k + l] : b[l * n + j]);
                        y[i * n + j] = (float)(alpha * sum + (beta != 0 ? (double)beta * y[i * n + j] : 0));
                }
}

static float pool_window(const struct nn_pool2d_desc *d, const float *x, long top, long left)
{
        double sum = 0;
        float most = -FLT_MAX;
        size_t n_inside = 0, n_padded = 0;

        for (unsigned i = 0; i < d->kernel[0]; i++)
                for (unsigned j = 0; j < d->kernel[1]; j++) {
                        long row = top + (long)(i * d->dilation[0]), column = left + (long)(j * d->dilation[1]);
                        float v;

                        if (row < (long)(d->h + d->pad_end[0]) && column < (long)(d->w + d->pad_end[1]))
                                n_padded++;
                        if (row < 0 || row >= (long)d->h || column < 0 || column >= (long)d->w)
                                continue;
                        v = x[(size_t)row * d->w + (size_t)column];
                        n_inside++;
                        sum += v;
                        /* a NaN sticks */
                        if (v > most || v != v)
                                most = v;
                }
        if (!d->average)
                return most;
        if (d->count_include_pad)
                n_inside = n_padded;
        return n_inside ? (float)(sum / (double)n_inside) : 0;
}

void nn_ref_pool(const struct nn_pool2d_desc *d, const float *x, float *y)
{
        for (size_t nc = 0; nc < (size_t)d->n * d->c; nc++, x += (size_t)d->h * d->w)
                for (unsigned i = 0; i < d->out_h; i++)
                        for (unsigned j = 0; j < d->out_w; j++)
                                *y++ = pool_window(d, x, (long)(i * d->stride[0]) - (long)d->pad[0],
                                                   (long)(j * d->stride[1]) - (long)d->pad[1]);
}
