/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** Private to store*.c. */

#include "basic/db-file.h"
#include "reactions/store.h"

struct store {
        sqlite3 *db;
        struct store_limits limits;
};

/* BEGIN IMMEDIATE .. COMMIT around @fn, which gives 0, a positive outcome or a negative errno; what failed is undone. */
int store_transaction(struct store *s, int (*fn)(struct store *s, void *userdata), void *userdata);

/* Adds @sums to the open cell of the content with this number. Within a transaction. */
int store_add_to_cell(struct store *s, int64_t content, int64_t begin_usec, int64_t end_usec, const struct sums *sums,
                      const char *labels);
