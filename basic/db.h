/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sqlite3.h>
#include <stdint.h>

#include "basic/macro.h"

/** SQLite with our errors: functions give 0 or a negative errno. */

/* -ENOSPC (disk full, or the size limit of the file), -EUCLEAN (not a database, or a broken one), -EEXIST (a constraint),
 * -EBUSY, -EROFS, -ENOMEM, else -EIO. @code: of sqlite3.h, also an extended one. */
int db_errno(int code);

/**
 * db_prepare() - a statement with its values
 * @kinds: one letter for each value that follows: i int64_t, d double, s const char * (NULL is NULL), b const void * and
 *         size_t; borrowed until db_done()
 * @ret: ended by db_done()
 */
int db_prepare(sqlite3 *db, sqlite3_stmt **ret, const char *sql, const char *kinds, ...);
/* Return: 1 there is a row; 0 there is none left; negative errno. */
int db_step(sqlite3_stmt *s);
sqlite3_stmt *db_done(sqlite3_stmt *s);
DEFINE_CLEANUP(sqlite3_stmt *, db_done)

/* A statement whose rows nobody wants. */
int db_run(sqlite3 *db, const char *sql, const char *kinds, ...);
/* The first column of the first row; @ret stays as it is if there is none. Return: 1, 0 or negative errno. */
int db_number(sqlite3 *db, int64_t *ret, const char *sql, const char *kinds, ...);
