/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "nn/kernels/isa.h"

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
