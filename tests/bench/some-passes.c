/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* some-passes MODEL N [SIDE]: loads and plans a model and runs it N times on numbers, for counting what a pass takes. SIDE:
 * of a square input whose size the file leaves open. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/emotion-nn.h"

static void passes(struct nn_plan *p, unsigned n)
{
        struct nn_tensor *x = nn_plan_input(p, 0);

        for (int64_t i = 0; x->type == NN_FLOAT32 && i < nn_tensor_n_elements(x); i++)
                ((float *)x->data)[i] = (float)(i * 7919 % 1000) / 1000;
        for (unsigned i = 0; i < n; i++)
                if (nn_plan_run(p) < 0)
                        exit(1);
}

int main(int argc, char **argv)
{
        struct nn_plan_options options = { .threads = 1 };
        struct nn_error error = { "" };
        struct nn_model *m = NULL;
        struct nn_plan *p = NULL;
        struct nn_tensor size;

        if (argc < 3)
                return 1;
        if (nn_model_load(argv[1], &m, &error) == 0) {
                size = *nn_model_input(m, 0);
                for (unsigned i = 0; i < size.n_dims; i++)
                        if (size.dims[i] < 0)
                                size.dims[i] = i == 0 ? 1 : argc > 3 ? atoi(argv[3]) : 48;
                options.inputs = &size;
        }
        if (!m || nn_plan_new(m, &options, &p, &error) < 0) {
                fprintf(stderr, "%s: %s\n", argv[1], error.text);
                return 1;
        }
        passes(p, (unsigned)strtoul(argv[2], NULL, 10));
        nn_plan_free(p);
        nn_model_free(m);
        return 0;
}
