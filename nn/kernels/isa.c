/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/kernels/ops.h"

#define OPS_OF(isa)                                                                                                 \
        {                                                                                                           \
                .vec = &nn_vec_ops_##isa, .map = &nn_map_ops_##isa, .tile = &nn_tile_ops_##isa,                     \
                .depthwise = &nn_depthwise_ops_##isa, .winograd = &nn_winograd_ops_##isa, .lrn = &nn_lrn_ops_##isa, \
                .panel = &nn_panel_ops_##isa                                                                        \
        }

/* Instruction sets that were not built in are left zero. */
static const struct nn_kernel_ops all_ops[NN_N_ISAS] = {
        [NN_ISA_PORTABLE] = OPS_OF(portable),
#if defined(__aarch64__)
        [NN_ISA_NEON] = OPS_OF(neon),
#endif
#if defined(__x86_64__)
        [NN_ISA_AVX2] = OPS_OF(avx2),
        [NN_ISA_AVX512] = OPS_OF(avx512),
#endif
};

static const struct {
        const char *name;
        unsigned block;
} isas[NN_N_ISAS] = {
        [NN_ISA_PORTABLE] = { "portable", 4 },
        [NN_ISA_NEON] = { "neon", 4 },
        [NN_ISA_AVX2] = { "avx2", 8 },
        [NN_ISA_AVX512] = { "avx512", 16 },
};

bool nn_isa_runs(enum nn_isa isa)
{
        switch (isa) {
        case NN_ISA_PORTABLE:
                return true;
        case NN_ISA_NEON:
#if defined(__aarch64__)
                return true;
#else
                return false;
#endif
#if defined(__x86_64__)
        /* these also ask whether the operating system saves the registers */
        case NN_ISA_AVX2:
                return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        case NN_ISA_AVX512:
                return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                       nn_isa_runs(NN_ISA_AVX2);
#endif
        default:
                return false;
        }
}

enum nn_isa nn_isa_best(void)
{
        const char *wanted = getenv("EMOTION_NN_ISA");
        enum nn_isa best = NN_ISA_PORTABLE;

        for (unsigned i = 0; i < NN_N_ISAS; i++) {
                if (!nn_isa_runs((enum nn_isa)i))
                        continue;
                best = (enum nn_isa)i;
                if (wanted && strcmp(wanted, isas[i].name) == 0)
                        return best;
        }
        return best;
}

const char *nn_isa_name(enum nn_isa isa)
{
        return (unsigned)isa < NN_N_ISAS ? isas[isa].name : "unknown";
}

unsigned nn_isa_block(enum nn_isa isa)
{
        return (unsigned)isa < NN_N_ISAS ? isas[isa].block : isas[NN_ISA_PORTABLE].block;
}

size_t nn_blocked_floats(enum nn_isa isa, size_t n, size_t c, size_t h, size_t w)
{
        size_t b = nn_isa_block(isa), r;

        if (__builtin_add_overflow(c, b - 1, &r))
                return 0;
        r -= r % b;
        if (__builtin_mul_overflow(r, n, &r) || __builtin_mul_overflow(r, h, &r) || __builtin_mul_overflow(r, w, &r))
                return 0;
        return r;
}

const struct nn_kernel_ops *nn_kernel_ops(enum nn_isa isa)
{
        if ((unsigned)isa >= NN_N_ISAS || !all_ops[isa].vec)
                return NULL;
        return &all_ops[isa];
}
