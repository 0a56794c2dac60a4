/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "stats-crowd.h"

/* reactions-proof [RUNS]: the table of docs/REACTIONS.md. Exit status 1 if a line is out of its bounds. */
int main(int argc, char **argv)
{
        unsigned runs = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
        int bad = 0;

        if (!runs)
                return EXIT_FAILURE;
        printf("| of %u made crowds | held in | allowed |\n|---|---|---|\n", runs);
        for (size_t i = 0; i < stats_n_proofs; i++) {
                const struct stats_proof *p = &stats_proofs[i];
                double share = p->share(runs, 2024);

                printf("| %s | %.1f %% | %.0f to %.1f %% |\n", p->name, 100 * share, 100 * p->least, 100 * p->most);
                fflush(stdout);
                bad |= share < p->least || share > p->most;
        }
        return bad;
}
