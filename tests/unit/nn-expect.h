/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* To be included after cmocka.h. */

#include "nn/emotion-nn.h"
#include "tests/unit/nn-net.h"

/* Loads what @w holds, frees it, and plans: with the result @expected. */
static inline struct nn_plan *net_plan(struct onnx_writer *w, int expected, struct nn_model **ret,
                                       struct nn_error *error)
{
        struct nn_plan *p = NULL;
        int r;

        if (net_load(w, ret, error) < 0)
                fail_msg("%s", error->text);
        onnx_writer_free(w);
        r = nn_plan_new(*ret, NULL, &p, error);
        if (r != expected)
                fail_msg("%d instead of %d: %s", r, expected, error->text);
        return p;
}
