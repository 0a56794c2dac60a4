/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Cells of a CSV line without quotes, found by the names in the file's first line.
 */

#include "train/data/reader.h"

#define CELLS_MAX 160

struct cells {
        unsigned n;
        char *text[CELLS_MAX]; /* in the line that was split */
};

/* Cuts @line, which is changed, at its commas. -EBADMSG beyond CELLS_MAX. */
int cells_split(const struct lines *l, char *line, struct cells *ret, struct dataset_error *error);
/* The first line of the file; one without lines has a header without cells. Return: 0 or as lines_next(). */
int cells_header(struct lines *l, struct cells *ret, struct dataset_error *error);
/* Position of the first of @names (ended by NULL) in a header, or -1. */
int cells_find(const struct cells *header, const char *const *names);
/* A finite number of at most @limit either way. */
int cells_number(const struct lines *l, const struct cells *c, int at, double limit, double *ret,
                 struct dataset_error *error);
/* A name without '/', not empty, no longer than 200 bytes: a file in the folder of the table. */
int cells_file(const struct lines *l, const struct cells *c, int at, const char **ret, struct dataset_error *error);
/* FNV-1a (Fowler, Noll & Vo), 64 bits, of the first @n bytes: which tenth a person or group belongs to. */
uint64_t cells_hash(const char *s, size_t n);
