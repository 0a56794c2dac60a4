/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** A file of SQLite that is one program's own: brought to the program's version, and whole after a kill. */

#include "basic/db.h"

/* @migrations: each brings a file of version i to version i + 1; @version: how many there are */
struct db_form {
        const char *const *migrations;
        int version;
        uint64_t max_bytes; /* the file grows no larger: -ENOSPC. 1 MiB at least */
};

/**
 * db_open() - open, or make, check, and migrate in one transaction a version
 * @ret: sqlite3_close(); what was committed is on disk, what was deleted is overwritten
 * @ret_aside: a broken file was renamed to this, and a new one made; freed by the caller. Else NULL. May be NULL.
 * Return: 0; -EPROTONOSUPPORT if a newer program wrote it; -EROFS, -ENOSPC and what else db_errno() gives.
 */
int db_open(const char *path, const struct db_form *form, sqlite3 **ret, char **ret_aside);

int db_begin(sqlite3 *db);
/* Commits if @r is not negative, else undoes. Return: @r, or why it was not committed. */
int db_end(sqlite3 *db, int r);
