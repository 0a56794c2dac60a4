/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "basic/macro.h"
#include "nn/kernels/isa.h"
#include "train/net/conv-kernel.h"

#define STRING_(x) #x
#define STRING(x) STRING_(x) " lanes"

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#define UNROLL_MORE UNROLL
#else
#define UNROLL _Pragma("GCC unroll 8")
#define UNROLL_MORE _Pragma("GCC unroll 9")
#endif

#define LANES 4
#define ROWS 4
#define NAME(x) portable_##x
#define TARGET
#include "train/net/conv-kernel-simd.h"

#if defined(__x86_64__)
#define LANES 8
#define ROWS 4
#define NAME(x) avx2_##x
#define TARGET __attribute__((target("avx2,fma")))
#include "train/net/conv-kernel-simd.h"

#define LANES 16
#define ROWS 8
#define NAME(x) avx512_##x
#define TARGET __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,fma")))
#include "train/net/conv-kernel-simd.h"
#endif

const struct conv_kernels *conv_kernels_portable(void)
{
        return &portable_kernels;
}

/* Vectors of plain C are NEON's where that is the machine's. */
static const struct conv_kernels *const tables[NN_N_ISAS] = {
        [NN_ISA_PORTABLE] = &portable_kernels,
        [NN_ISA_NEON] = &portable_kernels,
#if defined(__x86_64__)
        [NN_ISA_AVX2] = &avx2_kernels,
        [NN_ISA_AVX512] = &avx512_kernels,
#endif
};

const struct conv_kernels *conv_kernels_get(void)
{
        return tables[nn_isa_best()];
}
