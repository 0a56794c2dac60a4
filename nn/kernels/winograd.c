/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The transforms of Winograd's minimal filtering for kernels of 2x2 to 5x5 (Lavin & Gray 2015, arXiv:1509.09308), on
 * vectors of channels. The points, and with them what is done to the inputs, depend on the side of the transformed
 * tile alone: the outputs are so many as the kernel leaves. With interpolation points 0, 1, -1, 2, -2 as far as needed and
 * infinity, the row of B^T that belongs to point a holds the coefficients of M(x) / (x - a), M(x) being the product
 * of all (x - a), and the last row those of M(x). Signs and factors are moved to the filter's side where that saves
 * work on the inputs.
 */
#include "nn/kernels/ops.h"
#include "nn/kernels/simd.h"

#define MAX_TILE NN_WINOGRAD_MAX_TILE
#define MAX_SIDE NN_WINOGRAD_MAX_SIDE

/* out = B^T in, for @side inputs */
NN_INLINE void input_line(unsigned side, const vf *d, vf *out)
{
        const vf two = v_set1(2.f), four = v_set1(4.f), five = v_set1(5.f);

        if (side == 4) {
                out[0] = d[0] - d[2];
                out[1] = d[1] + d[2];
                out[2] = d[2] - d[1];
                out[3] = d[1] - d[3];
        } else if (side == 5) {
                vf t = d[3] - d[1], u = d[1] + d[1];

                out[0] = v_fma(two, d[0] - d[2], t);
                out[1] = d[3] - d[2] - u;
                out[2] = v_fma(v_set1(-3.f), d[2], d[3] + u);
                out[3] = t;
                out[4] = v_fma(two, d[1] - d[3], d[4] - d[2]);
        } else {
                vf a = v_fma(-four, d[2], d[4]), b = v_fma(-four, d[1], d[3]);
                vf e = d[4] - d[2], f = (d[3] - d[1]) * two;

                out[0] = v_fma(four, d[0], v_fma(-five, d[2], d[4]));
                out[1] = a + b;
                out[2] = a - b;
                out[3] = e + f;
                out[4] = e - f;
                out[5] = v_fma(four, d[1], v_fma(-five, d[3], d[5]));
        }
}

/* out = A^T in: the i-th of @m outputs is the sum over points a of a^i times the value there, and the last one also
 * holds the value at infinity. */
NN_INLINE void output_line(unsigned side, unsigned m, const vf *d, vf *out)
{
        vf s = d[1] + d[2], t = d[1] - d[2];
        vf even = side == 6 ? d[3] + d[4] : d[3], odd = side == 6 ? d[3] - d[4] : d[3];

        NN_UNROLL for (unsigned i = 0; i < m; i++)
        {
                vf v = i % 2 ? t : s;

                if (i == 0)
                        v += side > 4 ? d[0] + even : d[0];
                else if (side > 4)
                        v = v_fma(v_set1((float)(1u << i)), i % 2 ? odd : even, v);
                if (i == m - 1)
                        v = side == 4 ? v - d[3] : v + d[side - 1];
                out[i] = v;
        }
}

NN_INLINE void input(unsigned side, const struct nn_winograd_input *p)
{
        vf half[MAX_SIDE * MAX_SIDE], line[MAX_SIDE], out[MAX_SIDE];

        /* columns first, read line by line; half is kept turned by 90 degrees */
        NN_UNROLL for (unsigned j = 0; j < side; j++)
        {
                NN_UNROLL for (unsigned i = 0; i < side; i++) line[i] = v_load(p->x + i * p->x_row + j * p->x_step);
                input_line(side, line, out);
                NN_UNROLL for (unsigned i = 0; i < side; i++) half[i * side + j] = out[i];
        }
        NN_UNROLL for (unsigned i = 0; i < side; i++)
        {
                input_line(side, half + i * side, out);
                NN_UNROLL for (unsigned j = 0; j < side; j++) v_store(p->v + (i * side + j) * p->v_point, out[j]);
        }
}

static void border(unsigned side, const struct nn_winograd_border *p)
{
        float *to = p->to;
        long end = p->row + (long)side * p->stride;

        for (long y = p->row; y < end; y += p->stride) {
                const float *row = p->x + y * p->w * V;
                bool inside = y >= 0 && y < p->h;
                long x = p->column;

                for (unsigned j = 0; j < side; j++, x += p->stride, to += V)
                        v_store(to, inside && x >= 0 && x < p->w ? v_load(row + x * V) : v_zero());
        }
}

NN_INLINE vf finish(const struct nn_winograd_output *p, vf bias, vf v, size_t at)
{
        v += bias;
        if (p->residual)
                v += v_load(p->residual + at);
        if (p->clamp)
                v = v_min(v_set1(p->hi), v_max(v_set1(p->lo), v));
        return v;
}

NN_INLINE void output(unsigned side, unsigned m, const struct nn_winograd_output *p)
{
        vf half[MAX_TILE * MAX_SIDE], line[MAX_SIDE], out[MAX_TILE], bias = v_load(p->bias);

        NN_UNROLL for (unsigned j = 0; j < side; j++)
        {
                NN_UNROLL for (unsigned i = 0; i < side; i++) line[i] = v_load(p->m + (i * side + j) * p->m_point);
                output_line(side, m, line, out);
                NN_UNROLL for (unsigned i = 0; i < m; i++) half[i * side + j] = out[i];
        }
        NN_UNROLL for (unsigned i = 0; i < m; i++)
        {
                if (i >= p->rows)
                        break;
                output_line(side, m, half + i * side, out);
                NN_UNROLL for (unsigned j = 0; j < m; j++) if (j < p->columns)
                {
                        size_t at = i * p->y_row + j * V;

                        v_store(p->y + at, finish(p, bias, out[j], at));
                }
        }
}

/* The filter's side: its row for point a is (1, a, a^2 ...) / M'(a), with the signs and factors left out above. */
static const float points[NN_WINOGRAD_N_SIDES][MAX_SIDE] = { { 0, 1, -1 }, { 0, 1, -1, 2 }, { 0, 1, -1, 2, -2 } };
static const float factors[NN_WINOGRAD_N_SIDES][MAX_SIDE] = {
        { 1, 1.f / 2, 1.f / 2, 1 },
        { 1.f / 2, -1.f / 2, -1.f / 6, 1.f / 6, 1 },
        { 1.f / 4, -1.f / 6, -1.f / 6, 1.f / 24, 1.f / 24, 1 },
};

/* Column @t of the row for point @i */
NN_INLINE float coefficient(unsigned side, unsigned taps, unsigned i, unsigned t)
{
        float power = factors[side - NN_WINOGRAD_MIN_SIDE][i];

        if (i == side - 1)
                return t == taps - 1 ? power : 0;
        NN_UNROLL for (unsigned k = 0; k < t; k++) power *= points[side - NN_WINOGRAD_MIN_SIDE][i];
        return power;
}

/* The @taps values of a row or column at point @i; all coefficients are known when this is compiled. */
NN_INLINE vf filter_line(unsigned side, unsigned taps, unsigned i, const vf *w)
{
        vf sum = v_zero();

        NN_UNROLL for (unsigned t = 0; t < taps; t++) if (coefficient(side, taps, i, t) != 0) sum =
                v_fma(v_set1(coefficient(side, taps, i, t)), w[t], sum);
        return sum;
}

NN_INLINE void filter(unsigned side, unsigned taps, const float *w, float *u, size_t u_point)
{
        vf line[NN_WINOGRAD_MAX_TAPS], half[MAX_SIDE * NN_WINOGRAD_MAX_TAPS];

        NN_UNROLL for (unsigned s = 0; s < taps; s++)
        {
                NN_UNROLL for (unsigned t = 0; t < taps; t++) line[t] = v_load(w + (t * taps + s) * V);
                NN_UNROLL for (unsigned i = 0; i < side; i++) half[i * taps + s] = filter_line(side, taps, i, line);
        }
        NN_UNROLL for (unsigned i = 0; i < side; i++) NN_UNROLL for (unsigned j = 0; j < side; j++)
                v_store(u + (i * side + j) * u_point, filter_line(side, taps, j, half + i * taps));
}

#define INPUT(side)                                                 \
        static void input_##side(const struct nn_winograd_input *p) \
        {                                                           \
                input(side, p);                                     \
        }
#define OUTPUT(side, m)                                                     \
        static void output_##side##_##m(const struct nn_winograd_output *p) \
        {                                                                   \
                output(side, m, p);                                         \
        }
#define FILTER(side, m)                                                           \
        static void filter_##side##_##m(const float *w, float *u, size_t u_point) \
        {                                                                         \
                filter(side, side + 1 - m, w, u, u_point);                        \
        }

INPUT(4)
INPUT(5)
INPUT(6)
OUTPUT(4, 2)
OUTPUT(4, 3)
OUTPUT(5, 2)
OUTPUT(5, 3)
OUTPUT(5, 4)
OUTPUT(6, 2)
OUTPUT(6, 3)
OUTPUT(6, 4)
OUTPUT(6, 5)
FILTER(4, 2)
FILTER(4, 3)
FILTER(5, 2)
FILTER(5, 3)
FILTER(5, 4)
FILTER(6, 2)
FILTER(6, 3)
FILTER(6, 4)
FILTER(6, 5)

const struct nn_winograd_ops ISA(nn_winograd_ops) = {
        .input = { input_4, input_5, input_6 },
        .border = border,
        .output = { { output_4_2, output_4_3 },
                    { output_5_2, output_5_3, output_5_4 },
                    { output_6_2, output_6_3, output_6_4, output_6_5 } },
        .filter = { { filter_4_2, filter_4_3 },
                    { filter_5_2, filter_5_3, filter_5_4 },
                    { filter_6_2, filter_6_3, filter_6_4, filter_6_5 } },
};
