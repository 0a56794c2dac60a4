/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The assignment problem: which detection belongs to which track, so that the sum of costs is least.
 */

#include <stddef.h>

#define ASSIGNMENT_MAX 64

/* A pair that must not be made. */
#define ASSIGNMENT_FORBIDDEN 1e6f

/**
 * assignment_solve() - minimum cost matching of rows to columns (Kuhn 1955; shortest augmenting paths with potentials,
 *                      as in Jonker and Volgenant 1987)
 * @cost:   row-major, row i and column j at cost[i * stride + j], each >= 0; ASSIGNMENT_FORBIDDEN or more, or a NaN,
 *          is never chosen
 * @n_rows, @n_columns: 0..ASSIGNMENT_MAX each
 * @ret:    the column of each row, or -1
 *
 * As many pairs as possible are made, then the cheapest of them. O(n^3), no allocation.
 */
void assignment_solve(const float *cost, size_t stride, size_t n_rows, size_t n_columns, int *ret);
