/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/emotion-nn.h"

size_t nn_type_size(enum nn_type t)
{
        switch (t) {
        case NN_UINT8:
        case NN_INT8:
        case NN_BOOL:
                return 1;
        case NN_FLOAT32:
        case NN_INT32:
                return 4;
        case NN_INT64:
                return 8;
        }
        return 0;
}

int64_t nn_tensor_n_elements(const struct nn_tensor *t)
{
        int64_t n = 1;
        bool empty = false;

        if (t->n_dims > NN_MAX_DIMS)
                return -1;
        for (unsigned i = 0; i < t->n_dims; i++) {
                if (t->dims[i] < 0)
                        return -1;
                /* a zero must not hide that the other dims overflow: [0, 2^62, 2^62] has no sound strides */
                if (t->dims[i] == 0)
                        empty = true;
                else if (__builtin_mul_overflow(n, t->dims[i], &n))
                        return -1;
        }
        return empty ? 0 : n;
}
