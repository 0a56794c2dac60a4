/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * Made crowds whose truth is known: in how many of @runs does an interval hold it? Each run is another crowd; the seed
 * makes all of them the same everywhere.
 */
struct stats_proof {
        const char *name;
        double (*share)(unsigned runs, uint64_t seed); /* of runs in which it held */
        double least, most;                            /* allowed, over 1,000 runs */
};

extern const struct stats_proof stats_proofs[];
extern const size_t stats_n_proofs;
