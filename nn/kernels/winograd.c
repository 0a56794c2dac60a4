/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The transforms of Winograd's minimal filtering for 3x3 kernels and output tiles of 2x2, 3x3, 4x4 (Lavin & Gray
 * 2015, arXiv:1509.09308), on vectors of channels. With interpolation points 0, 1, -1, 2, -2 as far as needed and
 * infinity, the row of B^T that belongs to point a holds the coefficients of M(x) / (x - a), M(x) being the product
 * of all (x - a), and the last row those of M(x). Signs and factors are moved to the filter's side where that saves
 * work on the inputs.
 */
#include "nn/kernels/ops.h"
#include "nn/kernels/simd.h"

#define MAX_TILE 4
#define MAX_SIDE (MAX_TILE + 2)

/* out = B^T in, for tiles of @m */
NN_INLINE void input_line(unsigned m, const vf *d, vf *out)
{
        const vf two = v_set1(2.f), four = v_set1(4.f), five = v_set1(5.f);

        if (m == 2) {
                out[0] = d[0] - d[2];
                out[1] = d[1] + d[2];
                out[2] = d[2] - d[1];
                out[3] = d[1] - d[3];
        } else if (m == 3) {
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

/* out = A^T in */
NN_INLINE void output_line(unsigned m, const vf *d, vf *out)
{
        if (m == 2) {
                out[0] = d[0] + d[1] + d[2];
                out[1] = d[1] - d[2] - d[3];
        } else if (m == 3) {
                vf sum = d[1] + d[2], two = d[3] + d[3];

                out[0] = d[0] + sum + d[3];
                out[1] = d[1] - d[2] + two;
                out[2] = sum + two + two + d[4];
        } else {
                vf s = d[1] + d[2], t = d[1] - d[2], u = d[3] + d[4], w = d[3] - d[4];

                out[0] = d[0] + s + u;
                out[1] = v_fma(v_set1(2.f), w, t);
                out[2] = v_fma(v_set1(4.f), u, s);
                out[3] = v_fma(v_set1(8.f), w, t) + d[5];
        }
}

NN_INLINE void input(unsigned m, const struct nn_winograd_input *p)
{
        const unsigned side = m + 2;
        vf half[MAX_SIDE * MAX_SIDE], line[MAX_SIDE], out[MAX_SIDE];

        /* columns first, read line by line; half is kept turned by 90 degrees */
        NN_UNROLL for (unsigned j = 0; j < side; j++) {
                NN_UNROLL for (unsigned i = 0; i < side; i++)
                        line[i] = v_load(p->x + i * p->x_row + j * V);
                input_line(m, line, out);
                NN_UNROLL for (unsigned i = 0; i < side; i++)
                        half[i * side + j] = out[i];
        }
        NN_UNROLL for (unsigned i = 0; i < side; i++) {
                input_line(m, half + i * side, out);
                NN_UNROLL for (unsigned j = 0; j < side; j++)
                        v_store(p->v + (i * side + j) * p->v_point, out[j]);
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

NN_INLINE void output(unsigned m, const struct nn_winograd_output *p)
{
        const unsigned side = m + 2;
        vf half[MAX_TILE * MAX_SIDE], line[MAX_SIDE], out[MAX_TILE], bias = v_load(p->bias);

        NN_UNROLL for (unsigned j = 0; j < side; j++) {
                NN_UNROLL for (unsigned i = 0; i < side; i++)
                        line[i] = v_load(p->m + (i * side + j) * p->m_point);
                output_line(m, line, out);
                NN_UNROLL for (unsigned i = 0; i < m; i++)
                        half[i * side + j] = out[i];
        }
        NN_UNROLL for (unsigned i = 0; i < m; i++) {
                if (i >= p->rows)
                        break;
                output_line(m, half + i * side, out);
                NN_UNROLL for (unsigned j = 0; j < m; j++)
                        if (j < p->columns) {
                                size_t at = i * p->y_row + j * V;

                                v_store(p->y + at, finish(p, bias, out[j], at));
                        }
        }
}

/* The filter's side, rows by point: (1, a, a^2) / M'(a), and with the signs and factors left out above. */
static const float filters[3][MAX_SIDE][3] = {
        { { 1, 0, 0 }, { .5f, .5f, .5f }, { .5f, -.5f, .5f }, { 0, 0, 1 } },
        { { 1.f / 2, 0, 0 },
          { -1.f / 2, -1.f / 2, -1.f / 2 },
          { -1.f / 6, 1.f / 6, -1.f / 6 },
          { 1.f / 6, 1.f / 3, 2.f / 3 },
          { 0, 0, 1 } },
        { { 1.f / 4, 0, 0 },
          { -1.f / 6, -1.f / 6, -1.f / 6 },
          { -1.f / 6, 1.f / 6, -1.f / 6 },
          { 1.f / 24, 1.f / 12, 1.f / 6 },
          { 1.f / 24, -1.f / 12, 1.f / 6 },
          { 0, 0, 1 } },
};

static void filter(unsigned m, const float *w, float *u, size_t u_point)
{
        const float (*g)[3] = filters[m - NN_WINOGRAD_MIN_TILE];
        const unsigned side = m + 2;

        for (unsigned i = 0; i < side; i++) {
                vf row[3];

                for (unsigned s = 0; s < 3; s++)
                        row[s] = v_set1(g[i][0]) * v_load(w + s * V) + v_set1(g[i][1]) * v_load(w + (3 + s) * V) +
                                 v_set1(g[i][2]) * v_load(w + (6 + s) * V);
                for (unsigned j = 0; j < side; j++)
                        v_store(u + (i * side + j) * u_point,
                                v_set1(g[j][0]) * row[0] + v_set1(g[j][1]) * row[1] + v_set1(g[j][2]) * row[2]);
        }
}

#define TRANSFORMS(m) \
        static void input_##m(const struct nn_winograd_input *p) \
        { \
                input(m, p); \
        } \
        static void output_##m(const struct nn_winograd_output *p) \
        { \
                output(m, p); \
        }

TRANSFORMS(2)
TRANSFORMS(3)
TRANSFORMS(4)

const struct nn_winograd_ops ISA(nn_winograd_ops) = {
        .input = { input_2, input_3, input_4 },
        .output = { output_2, output_3, output_4 },
        .filter = filter,
};
