/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables of all instruction sets that were built in. */
#include "nn/kernels/ops.h"

#define OPS_OF(isa)                                                                                                 \
        {                                                                                                           \
                .vec = &nn_vec_ops_##isa, .map = &nn_map_ops_##isa, .tile = &nn_tile_ops_##isa,                     \
                .depthwise = &nn_depthwise_ops_##isa, .winograd = &nn_winograd_ops_##isa, .lrn = &nn_lrn_ops_##isa, \
                .panel = &nn_panel_ops_##isa, .resize = &nn_resize_ops_##isa                                        \
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

const struct nn_kernel_ops *nn_kernel_ops(enum nn_isa isa)
{
        if ((unsigned)isa >= NN_N_ISAS || !all_ops[isa].vec)
                return NULL;
        return &all_ops[isa];
}
