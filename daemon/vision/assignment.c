/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <stdbool.h>

#include "basic/macro.h"
#include "daemon/vision/assignment.h"

/* State of one search; index 0 of the arrays stands for "no row" and "no column". */
struct search {
        double u[ASSIGNMENT_MAX + 1], v[ASSIGNMENT_MAX + 1]; /* potentials of rows and columns */
        size_t row_of[ASSIGNMENT_MAX + 1];                   /* row matched to a column */
        size_t way[ASSIGNMENT_MAX + 1];                      /* column before this one on the path */
        double least[ASSIGNMENT_MAX + 1];                    /* cheapest way to a column yet */
        bool done[ASSIGNMENT_MAX + 1];
        size_t n; /* the problem is made square: what is missing costs as much as a forbidden pair */
};

static double cost_at(const float *cost, size_t stride, size_t n_rows, size_t n_columns, size_t i, size_t j)
{
        float c;

        if (i > n_rows || j > n_columns)
                return ASSIGNMENT_FORBIDDEN;
        c = cost[(i - 1) * stride + j - 1];
        return c < ASSIGNMENT_FORBIDDEN ? c : ASSIGNMENT_FORBIDDEN;
}

/* Grows the shortest path from the row at column 0 until it meets a free column, which is returned. */
static size_t find_path(struct search *s, const float *cost, size_t stride, size_t n_rows, size_t n_columns)
{
        size_t j0 = 0;

        for (size_t j = 0; j <= s->n; j++) {
                s->least[j] = INFINITY;
                s->done[j] = false;
        }
        do {
                size_t i0 = s->row_of[j0], next = 0;
                double step = INFINITY;

                s->done[j0] = true;
                for (size_t j = 1; j <= s->n; j++) {
                        if (s->done[j])
                                continue;
                        double reduced = cost_at(cost, stride, n_rows, n_columns, i0, j) - s->u[i0] - s->v[j];
                        if (reduced < s->least[j]) {
                                s->least[j] = reduced;
                                s->way[j] = j0;
                        }
                        if (s->least[j] < step) {
                                step = s->least[j];
                                next = j;
                        }
                }
                for (size_t j = 0; j <= s->n; j++) {
                        if (s->done[j]) {
                                s->u[s->row_of[j]] += step;
                                s->v[j] -= step;
                        } else {
                                s->least[j] -= step;
                        }
                }
                j0 = next;
        } while (s->row_of[j0] != 0);
        return j0;
}

void assignment_solve(const float *cost, size_t stride, size_t n_rows, size_t n_columns, int *ret)
{
        struct search s = { .n = MAX(n_rows, n_columns) };

        for (size_t i = 1; i <= s.n; i++) {
                s.row_of[0] = i;
                size_t j = find_path(&s, cost, stride, n_rows, n_columns);

                while (j) {
                        s.row_of[j] = s.row_of[s.way[j]];
                        j = s.way[j];
                }
        }
        for (size_t i = 0; i < n_rows; i++)
                ret[i] = -1;
        for (size_t j = 1; j <= s.n; j++) {
                size_t i = s.row_of[j];

                if (cost_at(cost, stride, n_rows, n_columns, i, j) < ASSIGNMENT_FORBIDDEN)
                        ret[i - 1] = (int)j - 1;
        }
}
