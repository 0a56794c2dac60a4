/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "train/model/model-size.h"

bool model_size(const struct nn_model *m, unsigned batch, struct nn_tensor *ret)
{
        const char *size = nn_model_metadata(m, "emotiond.size");
        const struct nn_tensor *in = nn_model_input(m, 0);
        unsigned w, h, at = in && in->n_dims == 4 && in->dims[3] >= 0 ? 1 : 2; /* 1: channels stand last */
        char end;

        if (!size || nn_model_n_inputs(m) != 1 || in->n_dims != 4 || in->dims[at] >= 0 || in->dims[at + 1] >= 0 ||
            sscanf(size, "%5ux%5u%c", &w, &h, &end) != 2 || !w || !h)
                return false;
        *ret = *in;
        ret->dims[0] = batch ? batch : 1;
        ret->dims[at] = h;
        ret->dims[at + 1] = w;
        return true;
}
