/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stats-crowd.h"

/* Few runs, the same each time: enough to tell an interval that is wrong from one that is right. The bounds leave three
 * standard errors of so few runs. */
static void test_proofs(void **state)
{
        enum { RUNS = 120 };
        const double slack = 3 * sqrt(0.95 * 0.05 / RUNS);

        for (size_t i = 0; i < stats_n_proofs; i++) {
                const struct stats_proof *p = &stats_proofs[i];
                double share = p->share(RUNS, 17);

                if (share < p->least - slack || share > p->most + slack)
                        fail_msg("%s: %.3f of %d runs", p->name, share, RUNS);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = { cmocka_unit_test(test_proofs) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
