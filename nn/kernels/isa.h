/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The choice of the instruction set, for the engine, its pictures and the trainer alike. What exists once for each set
 * is a table by enum nn_isa; nothing else asks the CPU.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nn_isa {
        NN_ISA_PORTABLE, /* any CPU: four floats at a time in plain C with vector types */
        NN_ISA_NEON,     /* aarch64 */
        NN_ISA_AVX2,     /* x86-64 with AVX2 and FMA */
        NN_ISA_AVX512,   /* x86-64 with AVX-512 F, BW, DQ, VL */
        NN_N_ISAS
};

/* The best that was built in and that this CPU and its operating system run. The environment variable EMOTION_NN_ISA
 * (portable, neon, avx2, avx512) lowers it, for tests; a name that cannot run here is ignored. */
enum nn_isa nn_isa_best(void);
/* Whether @isa was built in and runs here. NN_ISA_PORTABLE always does. */
bool nn_isa_runs(enum nn_isa isa);
const char *nn_isa_name(enum nn_isa isa);
/* Channels in a block, a power of two: 16 for AVX-512, 8 for AVX2, 4 otherwise. */
unsigned nn_isa_block(enum nn_isa isa);
