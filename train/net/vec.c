/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/kernels/isa.h"
#include "train/net/vec-ops.h"
#include "train/net/vec.h"

/* Vectors of plain C are NEON's where that is the machine's. */
static const struct vec_ops *const tables[NN_N_ISAS] = {
        [NN_ISA_PORTABLE] = &vec_ops_portable,
        [NN_ISA_NEON] = &vec_ops_portable,
#if defined(__x86_64__)
        [NN_ISA_AVX2] = &vec_ops_avx2,
        [NN_ISA_AVX512] = &vec_ops_avx512,
#endif
};

/* The table of this CPU; asked for once, as runs are short. */
static const struct vec_ops *ops(void)
{
        static const struct vec_ops *chosen;
        const struct vec_ops *o = __atomic_load_n(&chosen, __ATOMIC_RELAXED);

        if (!o) {
                o = tables[nn_isa_best()];
                __atomic_store_n(&chosen, o, __ATOMIC_RELAXED);
        }
        return o;
}

void vec_sums(const float *x, size_t n, size_t n_runs, size_t stride, double *ret_sum, double *ret_squares)
{
        ops()->sums(x, n, n_runs, stride, ret_sum, ret_squares);
}

void vec_affine(const float *x, size_t n, float a, float b, bool relu, float *y)
{
        ops()->affine(x, n, a, b, relu, y);
}

void vec_affine_sums(const float *dy, const float *x, size_t n, size_t n_runs, size_t stride, float a, float b,
                     bool relu, double *ret_sum, double *ret_products)
{
        ops()->affine_sums(dy, x, n, n_runs, stride, a, b, relu, ret_sum, ret_products);
}

void vec_affine_gradient(const float *dy, const float *x, size_t n, float a, float b, bool relu, float p, float q,
                         float r, bool add, float *dx)
{
        ops()->affine_gradient(dy, x, n, a, b, relu, p, q, r, add, dx);
}

void vec_add(const float *x, size_t n, bool add, float *y)
{
        ops()->add(x, n, add, y);
}

void vec_split(const float *x, size_t n, float *even, float *odd)
{
        ops()->split(x, n, even, odd);
}

void vec_join(const float *even, const float *odd, size_t n, bool add, float *y)
{
        ops()->join(even, odd, n, add, y);
}

void vec_relu_gradient(const float *dy, const float *y, size_t n, bool add, float *dx)
{
        ops()->relu_gradient(dy, y, n, add, dx);
}

void vec_sgd(float *w, const float *g, float *v, size_t n, float rate, float momentum, float decay, bool nesterov)
{
        ops()->sgd(w, g, v, n, rate, momentum, decay, nesterov);
}

void vec_adam(float *w, const float *g, float *m, float *v, size_t n, float rate, float b1, float b2, float c1,
              float c2, float decay)
{
        ops()->adam(w, g, m, v, n, rate, b1, b2, c1, c2, decay);
}

void vec_blend(float *m, const float *w, size_t n, float k)
{
        ops()->blend(m, w, n, k);
}
