/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "basic/macro.h"
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

const struct conv_kernels *conv_kernels_get(void)
{
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
                return &avx512_kernels;
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
                return &avx2_kernels;
#endif
        return &portable_kernels;
}
