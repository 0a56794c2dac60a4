/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/plan.h"

int nn_plan_layout(struct nn_plan *p, struct nn_error *error)
{
        return 0;
}
