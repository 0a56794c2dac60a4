/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of a Resize: spread over the columns of the output, and what lies between two of them. */
#include "nn/kernels/ops.h"
#include "nn/kernels/simd.h"

NN_INLINE vf between(vf low, vf high, vf weight)
{
        /* a value that is not finite counts only where it has a weight */
        return v_select_lt(v_zero(), weight, v_fma(weight, high - low, low), low);
}

/* Two vectors that hold all of x[*base .. last]; *base moves down where they would end behind the row. */
NN_INLINE void load_two(const float *x, size_t width, size_t *base, vf *a, vf *b)
{
        if (width >= 2 * V) {
                *base = MIN(*base, width - 2 * V);
                *a = v_load(x + *base);
                *b = v_load(x + *base + V);
                return;
        }
        *base = 0;
        *a = width >= V ? v_load(x) : v_load_n(x, width);
        *b = width > V ? v_load_n(x + V, width - V) : v_zero();
}

/* Output values i .. i + V - 1, if the input values they need fit into two vectors. */
NN_INLINE bool spread_vector(const struct nn_resize_axis *t, size_t i, size_t width, const float *x, float *y)
{
        size_t base = (size_t)t->first[i], last = (size_t)(t->second ? t->second[i + V - 1] : t->first[i + V - 1]);
        vf a, b, low;
        vi at;

        if (last - base >= 2 * V)
                return false;
        load_two(x, width, &base, &a, &b);
        at = vi_load(t->first + i) - (int32_t)base;
        low = v_pick(a, b, at);
        if (t->second)
                low = between(low, v_pick(a, b, vi_load(t->second + i) - (int32_t)base), v_load(t->weight + i));
        v_store(y, low);
        return true;
}

static void spread(const struct nn_resize_axis *t, size_t n, size_t width, const float *x, float *y)
{
        size_t i = 0;

        while (i < n) {
                if (i + V <= n && spread_vector(t, i, width, x, y + i)) {
                        i += V;
                        continue;
                }
                for (size_t end = MIN(n, i + V); i < end; i++) {
                        float low = x[t->first[i]];

                        y[i] = !t->second || t->weight[i] == 0 ? low : low + t->weight[i] * (x[t->second[i]] - low);
                }
        }
}

static void spread_block(const struct nn_resize_axis *t, size_t n, const float *x, float *y)
{
        for (size_t i = 0; i < n; i++, y += V) {
                vf low = v_load(x + (size_t)t->first[i] * V);

                if (t->second)
                        low = between(low, v_load(x + (size_t)t->second[i] * V), v_set1(t->weight[i]));
                v_store(y, low);
        }
}

static void blend(size_t n, const float *low, const float *high, float weight, float *y)
{
        size_t i = 0;
        vf w = v_set1(weight);

        for (; i + V <= n; i += V) {
                vf l = v_load(low + i);

                v_store(y + i, v_fma(w, v_load(high + i) - l, l));
        }
        if (i < n) {
                vf l = v_load_n(low + i, n - i);

                v_store_n(y + i, v_fma(w, v_load_n(high + i, n - i) - l, l), n - i);
        }
}

const struct nn_resize_ops ISA(nn_resize_ops) = {
        .spread = spread,
        .spread_block = spread_block,
        .blend = blend,
};
