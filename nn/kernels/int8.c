/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which way to multiply bytes, and the kernels on bytes that need no preparation. */
#include "config.h"

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

#include "basic/macro.h"
#include "nn/kernels/int8-ops.h"

static const struct {
        const char *name;
        enum nn_isa isa; /* that it belongs to */
        bool dot;
        const struct nn_int8_ops *ops;
} dots[NN_N_DOTS] = {
        [NN_DOT_PORTABLE] = { "portable", NN_ISA_PORTABLE, false, &nn_int8_ops_portable },
#if defined(__aarch64__)
        [NN_DOT_NEON] = { "neon", NN_ISA_NEON, false, &nn_int8_ops_neon },
        [NN_DOT_NEON_DOT] = { "neon dotprod", NN_ISA_NEON, true, &nn_int8_ops_neon_dot },
#endif
#if defined(__x86_64__)
        [NN_DOT_AVX2] = { "avx2", NN_ISA_AVX2, false, &nn_int8_ops_avx2 },
        [NN_DOT_AVX2_VNNI] = { "avx-vnni", NN_ISA_AVX2, true, &nn_int8_ops_avx2_dot },
        [NN_DOT_AVX512_VNNI] = { "avx512-vnni", NN_ISA_AVX512, true, &nn_int8_ops_avx512_dot },
#endif
};

#if defined(__x86_64__)
#include <cpuid.h>

/* older compilers' __builtin_cpu_supports() does not know it */
static bool has_avx_vnni(void)
{
        unsigned a, b, c, d;

        return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4);
}
#endif

static bool cpu_has_dot(enum nn_dot dot)
{
        switch (dot) {
#if defined(__x86_64__)
        case NN_DOT_AVX2_VNNI:
                return has_avx_vnni();
        case NN_DOT_AVX512_VNNI:
                return __builtin_cpu_supports("avx512vnni");
#endif
#if defined(__aarch64__)
        case NN_DOT_NEON_DOT:
                return getauxval(AT_HWCAP) & HWCAP_ASIMDDP;
#endif
        default:
                return false;
        }
}

bool nn_dot_runs(enum nn_dot dot)
{
        return (unsigned)dot < NN_N_DOTS && dots[dot].ops && nn_isa_runs(dots[dot].isa) &&
               (!dots[dot].dot || cpu_has_dot(dot));
}

enum nn_dot nn_dot_best(enum nn_isa isa)
{
        enum nn_dot best = NN_DOT_PORTABLE;

        for (unsigned i = 0; i < NN_N_DOTS; i++)
                if (nn_dot_runs((enum nn_dot)i) && dots[i].isa <= isa)
                        best = (enum nn_dot)i;
        return best;
}

const char *nn_dot_name(enum nn_dot dot)
{
        return (unsigned)dot < NN_N_DOTS && dots[dot].name ? dots[dot].name : "unknown";
}

bool nn_dot_is_fast(enum nn_dot dot)
{
        return (unsigned)dot < NN_N_DOTS && dots[dot].dot;
}

const struct nn_int8_ops *nn_int8_ops(enum nn_dot dot)
{
        return (unsigned)dot < NN_N_DOTS ? dots[dot].ops : NULL;
}

size_t nn_byte_blocks(size_t n, size_t c, size_t h, size_t w)
{
        size_t r;

        if (__builtin_add_overflow(c, NN_BYTE_BLOCK - 1, &r))
                return 0;
        r -= r % NN_BYTE_BLOCK;
        if (__builtin_mul_overflow(r, n, &r) || __builtin_mul_overflow(r, h, &r) || __builtin_mul_overflow(r, w, &r))
                return 0;
        return r;
}

void nn_quantize(enum nn_dot dot, size_t n, const float *x, float scale, int zero, bool is_signed, void *y)
{
        dots[dot].ops->quantize(n, x, scale, zero, is_signed ? -128 : 0, y);
}

void nn_dequantize(enum nn_dot dot, size_t n, const void *x, float scale, int zero, bool is_signed, float *y)
{
        /* a signed byte with its sign bit turned is the value plus 128 */
        dots[dot].ops->dequantize(n, x, scale, is_signed ? zero + 128 : zero, is_signed ? 0x80 : 0, y);
}

void nn_add8(enum nn_dot dot, size_t n, const uint8_t *a, struct nn_quant qa, const uint8_t *b, struct nn_quant qb,
             struct nn_quant qy, bool relu, uint8_t *y)
{
        float ma = qa.scale / qy.scale, mb = qb.scale / qy.scale;
        float add = -(float)qa.zero * ma - (float)qb.zero * mb;

        dots[dot].ops->add(n, a, ma, b, mb, add, relu ? 0 : (float)-qy.zero, qy.zero, y);
}

/* First pixel of a window that lies inside, and how many do, when padding @pad comes before @size pixels. */
static size_t clip_window(size_t out, unsigned stride, unsigned pad, unsigned kernel, unsigned dilation, unsigned size,
                          size_t *ret_n)
{
        int64_t first = (int64_t)out * stride - pad, skip = first < 0 ? (-first + dilation - 1) / dilation : 0;
        int64_t begin = first + skip * dilation;
        int64_t n = begin >= size ? 0 : ((int64_t)size - 1 - begin) / dilation + 1;

        *ret_n = (size_t)MAX(MIN(n, (int64_t)kernel - skip), (int64_t)0);
        return *ret_n ? (size_t)begin : 0;
}

void nn_max_pool8(enum nn_dot dot, const struct nn_pool2d_desc *d, const uint8_t *x, uint8_t *y)
{
        size_t planes = d->n * (((size_t)d->c + NN_BYTE_BLOCK - 1) / NN_BYTE_BLOCK), row = (size_t)d->w * NN_BYTE_BLOCK;

        for (size_t p = 0; p < planes; p++, x += d->h * row)
                for (unsigned i = 0; i < d->out_h; i++) {
                        size_t rows,
                                r = clip_window(i, d->stride[0], d->pad[0], d->kernel[0], d->dilation[0], d->h, &rows);

                        for (unsigned j = 0; j < d->out_w; j++, y += NN_BYTE_BLOCK) {
                                size_t columns;
                                size_t s = clip_window(j, d->stride[1], d->pad[1], d->kernel[1], d->dilation[1], d->w,
                                                       &columns);

                                dots[dot].ops->max_block(rows, columns, d->dilation[0] * row,
                                                         d->dilation[1] * NN_BYTE_BLOCK,
                                                         x + r * row + s * NN_BYTE_BLOCK, y);
                        }
                }
}

void nn_global_pool8(enum nn_dot dot, size_t n, size_t c, size_t hw, const uint8_t *x, struct nn_quant q, float *y)
{
        for (size_t image = 0; image < n; image++)
                for (size_t k = 0; k < c; k += NN_BYTE_BLOCK, x += hw * NN_BYTE_BLOCK) {
                        int64_t sums[NN_BYTE_BLOCK];

                        dots[dot].ops->sum_block(hw, x, sums);
                        for (size_t i = 0; i < NN_BYTE_BLOCK && k + i < c; i++)
                                *y++ = (float)((double)(sums[i] - (int64_t)hw * q.zero) * (double)q.scale / (double)hw);
                }
}
