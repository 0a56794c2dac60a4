/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "train/vec.h"

/* Clones are resolved before a sanitizer has set up its memory, so sanitized builds go without. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
        !defined(__SANITIZE_THREAD__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

#define LANES 16
typedef float vec __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int mask __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

/* Macros, not functions: a vector argument has no fixed convention between the clones. */
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

CLONES void vec_sums(const float *x, size_t n, double *ret_sum, double *ret_squares)
{
        vec s0 = { 0 }, s1 = { 0 }, q0 = { 0 }, q1 = { 0 };
        float lanes[LANES];
        size_t i = 0;
        double sum, squares;

        for (; i + 2 * LANES <= n; i += 2 * LANES) {
                vec a = LOAD(x + i), b = LOAD(x + i + LANES);

                s0 += a;
                s1 += b;
                q0 += a * a;
                q1 += b * b;
        }
        s0 += s1;
        STORE(lanes, s0);
        sum = fold(lanes);
        q0 += q1;
        STORE(lanes, q0);
        squares = fold(lanes);
        for (; i < n; i++) {
                sum += (double)x[i];
                squares += (double)x[i] * (double)x[i];
        }
        *ret_sum = sum;
        *ret_squares = squares;
}

CLONES void vec_affine(const float *x, size_t n, float a, float b, bool relu, float *y)
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

                y[i] = relu && v <= 0 ? 0 : v;
        }
}

CLONES void vec_affine_sums(const float *dy, const float *x, size_t n, float a, float b, bool relu,
                            double *ret_sum, double *ret_products)
{
        vec s = { 0 }, q = { 0 };
        float lanes[LANES];
        double sum, products;
        size_t i = 0;

        for (; i + LANES <= n; i += LANES) {
                vec v = LOAD(x + i), d = LOAD(dy + i);

                if (relu)
                        d = KEEP(v * a + b > 0, d);
                s += d;
                q += d * v;
        }
        STORE(lanes, s);
        sum = fold(lanes);
        STORE(lanes, q);
        products = fold(lanes);
        for (; i < n; i++) {
                float d = relu && !(x[i] * a + b > 0) ? 0 : dy[i];

                sum += (double)d;
                products += (double)d * (double)x[i];
        }
        *ret_sum = sum;
        *ret_products = products;
}

CLONES void vec_affine_gradient(const float *dy, const float *x, size_t n, float a, float b, bool relu, float p,
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
                float d = relu && !(x[i] * a + b > 0) ? 0 : dy[i];

                d = d * p + x[i] * q + r;
                dx[i] = add ? dx[i] + d : d;
        }
}

CLONES void vec_add(const float *x, size_t n, bool add, float *y)
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

void vec_split(const float *x, size_t n, float *even, float *odd)
{
        if (even)
                take_every_second(x, n, even);
        if (odd && n)
                take_every_second(x + 1, n - 1, odd);
}

void vec_join(const float *even, const float *odd, size_t n, bool add, float *y)
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
        for (size_t k = 2 * i; k < n; k++)
                y[k] = (add ? y[k] : 0) + (k % 2 ? odd : even)[k / 2];
}

CLONES void vec_relu_gradient(const float *dy, const float *y, size_t n, bool add, float *dx)
{
        size_t i = 0;

        for (; i + LANES <= n; i += LANES) {
                vec d = KEEP(LOAD(y + i) > 0, LOAD(dy + i));

                if (add)
                        d += LOAD(dx + i);
                STORE(dx + i, d);
        }
        for (; i < n; i++)
                dx[i] = (add ? dx[i] : 0) + (y[i] > 0 ? dy[i] : 0);
}

CLONES void vec_sgd(float *w, const float *g, float *v, size_t n, float rate, float momentum, float decay,
                    bool nesterov)
{
        for (size_t i = 0; i < n; i++) {
                float d = g[i] + decay * w[i];

                v[i] = momentum * v[i] + d;
                w[i] -= rate * (nesterov ? d + momentum * v[i] : v[i]);
        }
}

CLONES void vec_adam(float *w, const float *g, float *m, float *v, size_t n, float rate, float b1, float b2, float c1,
                     float c2, float decay)
{
        for (size_t i = 0; i < n; i++) {
                m[i] = b1 * m[i] + (1 - b1) * g[i];
                v[i] = b2 * v[i] + (1 - b2) * g[i] * g[i];
                w[i] -= rate * (m[i] * c1 / (__builtin_sqrtf(v[i] * c2) + 1e-8f) + decay * w[i]);
        }
}

CLONES void vec_blend(float *m, const float *w, size_t n, float k)
{
        for (size_t i = 0; i < n; i++)
                m[i] += k * (w[i] - m[i]);
}
