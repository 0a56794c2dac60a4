/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loops of vec.h, compiled once an instruction set with its flags; train/local.mk names the table VEC_OPS. */
#include "basic/macro.h"
#include "train/net/vec-ops.h"

#define LANES 16
#define FOLD_VALUES 4096u /* so few that the lanes' rounding stays small */
typedef float vec __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int mask __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

#define LOAD(p) (*(const vec *)(p))
#define STORE(p, v) (*(vec *)(p) = (v))
#define KEEP(condition, v) ((vec)((mask)(v) & (condition)))

static double fold(const float *lanes)
{
        double s = 0;

        for (int i = 0; i < LANES; i++)
                s += (double)lanes[i];
        return s;
}

/* Runs of @n values that are summed before their lanes are folded to double. */
static size_t runs_to_fold(size_t n)
{
        return n < FOLD_VALUES ? FOLD_VALUES / n : 1;
}

static void vec_sums(const float *x, size_t n, size_t n_runs, size_t stride, double *ret_sum, double *ret_squares)
{
        float lanes[LANES];

        *ret_sum = *ret_squares = 0;
        for (size_t end, run = 0; n && run < n_runs; run = end) {
                vec s0 = { 0 }, s1 = { 0 }, q0 = { 0 }, q1 = { 0 };
                float sum = 0, squares = 0; /* of what is left over by whole vectors */

                end = MIN(n_runs, run + runs_to_fold(n));
                for (size_t r = run; r < end; r++, x += stride) {
                        size_t i = 0;

                        for (; i + 2 * LANES <= n; i += 2 * LANES) {
                                vec a = LOAD(x + i), b = LOAD(x + i + LANES);

                                s0 += a;
                                s1 += b;
                                q0 += a * a;
                                q1 += b * b;
                        }
                        for (; i < n; i++) {
                                sum += x[i];
                                squares += x[i] * x[i];
                        }
                }
                s0 += s1;
                STORE(lanes, s0);
                *ret_sum += fold(lanes) + (double)sum;
                q0 += q1;
                STORE(lanes, q0);
                *ret_squares += fold(lanes) + (double)squares;
        }
}

static void vec_affine(const float *x, size_t n, float a, float b, bool relu, float *y)
{
        size_t i = 0;

        for (; i + LANES <= n; i += LANES) {
                vec v = LOAD(x + i) * a + b;

                if (relu)
                        v = KEEP(~(v <= 0), v); /* a NaN stays one */
                STORE(y + i, v);
        }
        for (; i < n; i++) {
                float v = x[i] * a + b;

                if (relu)
                        v = v <= 0 ? 0 : v;
                y[i] = v;
        }
}

static void vec_affine_sums(const float *dy, const float *x, size_t n, size_t n_runs, size_t stride, float a, float b,
                            bool relu, double *ret_sum, double *ret_products)
{
        float lanes[LANES];

        *ret_sum = *ret_products = 0;
        for (size_t end, run = 0; n && run < n_runs; run = end) {
                vec s = { 0 }, q = { 0 };
                float sum = 0, products = 0;

                end = MIN(n_runs, run + runs_to_fold(n));
                for (size_t r = run; r < end; r++, x += stride, dy += stride) {
                        size_t i = 0;

                        for (; i + LANES <= n; i += LANES) {
                                vec v = LOAD(x + i), d = LOAD(dy + i);

                                if (relu)
                                        d = KEEP(v * a + b > 0, d);
                                s += d;
                                q += d * v;
                        }
                        for (; i < n; i++) {
                                float d = dy[i];

                                if (relu)
                                        d = x[i] * a + b > 0 ? d : 0;
                                sum += d;
                                products += d * x[i];
                        }
                }
                STORE(lanes, s);
                *ret_sum += fold(lanes) + (double)sum;
                STORE(lanes, q);
                *ret_products += fold(lanes) + (double)products;
        }
}

static void vec_affine_gradient(const float *dy, const float *x, size_t n, float a, float b, bool relu, float p,
                                float q, float r, bool add, float *dx)
{
        size_t i = 0;

        for (; i + LANES <= n; i += LANES) {
                vec v = LOAD(x + i), d = LOAD(dy + i);

                if (relu)
                        d = KEEP(v * a + b > 0, d);
                d = d * p + v * q + r;
                if (add)
                        d += LOAD(dx + i);
                STORE(dx + i, d);
        }
        for (; i < n; i++) {
                float d = dy[i];

                if (relu)
                        d = x[i] * a + b > 0 ? d : 0;
                d = d * p + x[i] * q + r;
                dx[i] = add ? dx[i] + d : d;
        }
}

static void vec_add(const float *x, size_t n, bool add, float *y)
{
        size_t i = 0;

        for (; i + LANES <= n; i += LANES) {
                vec v = LOAD(x + i);

                if (add)
                        v += LOAD(y + i);
                STORE(y + i, v);
        }
        for (; i < n; i++)
                y[i] = add ? y[i] + x[i] : x[i];
}

/* Rows are short, so these two take small vectors, which every processor has. */
typedef float vec4 __attribute__((vector_size(16), aligned(4), may_alias));

#define LOAD4(p) (*(const vec4 *)(p))
#define STORE4(p, v) (*(vec4 *)(p) = (v))

static void take_every_second(const float *x, size_t n, float *y)
{
        size_t i = 0;

        for (; 2 * i + 8 <= n; i += 4)
                STORE4(y + i, __builtin_shufflevector(LOAD4(x + 2 * i), LOAD4(x + 2 * i + 4), 0, 2, 4, 6));
        for (; 2 * i < n; i++)
                y[i] = x[2 * i];
}

static void vec_split(const float *x, size_t n, float *even, float *odd)
{
        if (even)
                take_every_second(x, n, even);
        if (odd && n)
                take_every_second(x + 1, n - 1, odd);
}

static void vec_join(const float *even, const float *odd, size_t n, bool add, float *y)
{
        size_t i = 0;

        for (; 2 * i + 8 <= n; i += 4) {
                vec4 e = LOAD4(even + i), o = LOAD4(odd + i);
                vec4 a = __builtin_shufflevector(e, o, 0, 4, 1, 5), b = __builtin_shufflevector(e, o, 2, 6, 3, 7);

                if (add) {
                        a += LOAD4(y + 2 * i);
                        b += LOAD4(y + 2 * i + 4);
                }
                STORE4(y + 2 * i, a);
                STORE4(y + 2 * i + 4, b);
        }
        for (; 2 * i + 2 <= n; i++) {
                y[2 * i] = (add ? y[2 * i] : 0) + even[i];
                y[2 * i + 1] = (add ? y[2 * i + 1] : 0) + odd[i];
        }
        if (n % 2)
                y[n - 1] = (add ? y[n - 1] : 0) + even[n / 2];
}

static void vec_relu_gradient(const float *dy, const float *y, size_t n, bool add, float *dx)
{
        size_t i = 0;

        for (; i + LANES <= n; i += LANES) {
                vec d = KEEP(LOAD(y + i) > 0, LOAD(dy + i));

                if (add)
                        d += LOAD(dx + i);
                STORE(dx + i, d);
        }
        for (; i < n; i++) {
                float d = dy[i]; /* loaded whatever y is, as what is left need not branch then */

                d = y[i] > 0 ? d : 0;
                dx[i] = add ? dx[i] + d : d;
        }
}

static void vec_sgd(float *w, const float *g, float *v, size_t n, float rate, float momentum, float decay,
                    bool nesterov)
{
        for (size_t i = 0; i < n; i++) {
                float d = g[i] + decay * w[i];

                v[i] = momentum * v[i] + d;
                w[i] -= rate * (nesterov ? d + momentum * v[i] : v[i]);
        }
}

static void vec_adam(float *w, const float *g, float *m, float *v, size_t n, float rate, float b1, float b2, float c1,
                     float c2, float decay)
{
        for (size_t i = 0; i < n; i++) {
                m[i] = b1 * m[i] + (1 - b1) * g[i];
                v[i] = b2 * v[i] + (1 - b2) * g[i] * g[i];
                w[i] -= rate * (m[i] * c1 / (__builtin_sqrtf(v[i] * c2) + 1e-8f) + decay * w[i]);
        }
}

static void vec_blend(float *m, const float *w, size_t n, float k)
{
        for (size_t i = 0; i < n; i++)
                m[i] += k * (w[i] - m[i]);
}

const struct vec_ops VEC_OPS = {
        .sums = vec_sums,
        .affine = vec_affine,
        .affine_sums = vec_affine_sums,
        .affine_gradient = vec_affine_gradient,
        .add = vec_add,
        .split = vec_split,
        .join = vec_join,
        .relu_gradient = vec_relu_gradient,
        .sgd = vec_sgd,
        .adam = vec_adam,
        .blend = vec_blend,
};
