/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "basic/macro.h"
#include "reactions/crowd.h"
#include "reactions/sums.h"

/**
 * What is kept on disk: contents, plays with their totals, and cells. A cell holds the sums over all viewers of one
 * content since the cell before it was closed. It is closed, and never changed again, once it has enough viewers; only
 * closed cells leave the store, whole. So whatever is asked for is a union of cells, and so is the difference of any two
 * answers: no question, and no chain of questions, gets below the minimum group.
 *
 * SQLite in WAL mode; each change is one transaction. Times are microseconds of the wall clock (UTC). One thread.
 */

#define STORE_VERSION 1
#define STORE_CONTENTS_MAX 10000
#define STORE_PLAYS_PER_DAY_MAX 20000
#define STORE_MARKS_MAX 100 /* in one play */

struct store;

struct store_limits {
        uint64_t max_bytes;       /* of the file, 1 MB at least */
        unsigned keep_curve_days; /* histograms, curves, expressions, plays */
        unsigned keep_total_days; /* cells' totals */
};

/**
 * store_open() - open or make the store
 * @path: of the database; its folder must exist
 * @ret_aside: NULL, or the name under which a broken file was set aside, when there was one; free()
 *
 * Return: 0; -EPROTONOSUPPORT: the file is of a newer version, and stays as it is; errno of the disk.
 */
int store_open(const char *path, const struct store_limits *limits, struct store **ret, char **ret_aside);
/* Another connection to the same file, to read from in another thread. Return: 0 or negative errno. */
int store_open_reader(const char *path, struct store **ret);
struct store *store_free(struct store *s);
DEFINE_CLEANUP(struct store *, store_free)

/* A play that begins. Strings are borrowed. */
struct store_play {
        const char *content, *id, *campaign, *screen; /* @id: UUID; @campaign may be NULL */
        int64_t begin_usec;
        uint64_t duration_ms; /* of the content; 0: unknown */
};

/* Return: 0; 1: there is a play of this id, whose number is given; -EDQUOT: too many contents; -EUSERS: too many plays in
 * the last 24 hours; -ENOSPC. */
int store_begin(struct store *s, const struct store_play *p, int64_t *ret_number);
/* The play's totals, and its viewers into the content's open cell. @labels: names of the expressions in @sums, joined by
 * '|'. A cell whose labels or steps are others is closed if it may be, else begun anew in those parts. */
int store_end(struct store *s, int64_t number, int64_t end_usec, const char *reason, const struct crowd_result *result,
              const struct sums *sums, const char *labels);
/* Return: 0; -EDQUOT: too many in this play. */
int store_mark(struct store *s, int64_t number, uint64_t at_ms, const char *label);
/* A play that was begun and not ended is one that was lost. Return: how many; negative errno. */
int store_lose_running(struct store *s);

/* Contents by name. @fn returns 0 to go on. */
int store_contents(struct store *s, int (*fn)(void *userdata, const char *content, uint64_t duration_ms),
                   void *userdata);

/* Closes the open cells that have at least @group viewers, so that they may be read. */
int store_close_cells(struct store *s, unsigned group);

struct store_summary {
        int64_t begin_usec, end_usec; /* of the cells that were read */
        unsigned n_cells;
        bool suppressed; /* there are viewers who are not in it: the cell is open, or has too few */
        char labels[512];
};

/**
 * store_read() - what may be told of a content
 * @from_usec, @to_usec: cells that lie within are read; a cell that reaches out of it is not
 * @group: cells with fewer viewers are left out (of a time when the setting was lower)
 * @ret: ended by the caller with sums_done(); zeroed by this function
 * Return: 0; -ENOENT: no such content; errno.
 */
int store_read(struct store *s, const char *content, int64_t from_usec, int64_t to_usec, unsigned group,
               struct sums *ret, struct store_summary *ret_summary);

/* Marks of a content: the median time of each label, in order. */
int store_marks(struct store *s, const char *content, int (*fn)(void *userdata, const char *label, uint64_t at_ms),
                void *userdata);

/* Deletes what is older than the limits say. */
int store_retain(struct store *s, int64_t now_usec);

struct store_counts {
        int64_t contents, plays, cells, bytes;
};
int store_count(struct store *s, struct store_counts *ret);
