/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "basic/db-file.h"

#define PAGE_BYTES 4096

int db_begin(sqlite3 *db)
{
        return db_run(db, "BEGIN IMMEDIATE", "");
}

int db_end(sqlite3 *db, int r)
{
        int q = r < 0 ? 0 : db_run(db, "COMMIT", "");

        if (r < 0 || q < 0)
                (void)db_run(db, "ROLLBACK", "");
        return q < 0 ? q : r;
}

static int migrate_one(sqlite3 *db, const struct db_form *form, int from)
{
        char sql[64];
        int r = db_begin(db);

        if (r < 0)
                return r;
        r = db_errno(sqlite3_exec(db, form->migrations[from], NULL, NULL, NULL));
        snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", from + 1);
        if (r == 0)
                r = db_run(db, sql, "");
        return db_end(db, r);
}

static int migrate(sqlite3 *db, const struct db_form *form)
{
        int64_t version = 0;
        int r = db_number(db, &version, "PRAGMA user_version", "");

        if (r < 0)
                return r;
        if (version > form->version)
                return -EPROTONOSUPPORT;
        r = 0;
        for (int from = (int)version; from < form->version && r >= 0; from++)
                r = migrate_one(db, form, from);
        return r;
}

/* Return: 0; -EUCLEAN if the file is broken. */
static int check(sqlite3 *db)
{
        _cleanup_(db_donep) sqlite3_stmt *row = NULL;
        int r = db_prepare(db, &row, "PRAGMA quick_check(1)", "");

        if (r == 0)
                r = db_step(row);
        if (r < 0)
                return r;
        return r > 0 && strcmp((const char *)sqlite3_column_text(row, 0), "ok") == 0 ? 0 : -EUCLEAN;
}

static int configure(sqlite3 *db, uint64_t max_bytes)
{
        char sql[96];
        int r = db_run(db, "PRAGMA journal_mode = WAL", "");

        snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %llu",
                 (unsigned long long)MAX(max_bytes / PAGE_BYTES, 256ull));
        if (r == 0)
                r = db_run(db, "PRAGMA foreign_keys = ON", "");
        if (r == 0)
                r = db_run(db, "PRAGMA synchronous = FULL", ""); /* what was said to be kept is kept */
        if (r == 0)
                r = db_run(db, "PRAGMA journal_size_limit = 4194304", "");
        if (r == 0)
                r = db_run(db, "PRAGMA secure_delete = ON", ""); /* what is past its time is gone */
        return r < 0 ? r : db_run(db, sql, "");
}

static int open_file(const char *path, const struct db_form *form, sqlite3 **ret)
{
        sqlite3 *db = NULL;
        int r = db_errno(sqlite3_open_v2(
                path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
                NULL));

        if (r == 0)
                r = db_errno(sqlite3_busy_timeout(db, 5000));
        if (r == 0)
                r = check(db);
        if (r == 0)
                r = configure(db, form->max_bytes);
        if (r == 0)
                r = migrate(db, form);
        if (r == 0)
                *ret = db;
        else
                sqlite3_close(db);
        return r;
}

/* Renames the file and what belongs to it. Return: 0 or negative errno; *@ret: the new name. */
static int set_aside(const char *path, char **ret)
{
        static const char *const tails[] = { "-wal", "-shm", "" };
        time_t now = time(NULL);
        struct tm tm = { 0 };
        char stamp[32];

        gmtime_r(&now, &tm);
        strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
        if (asprintf(ret, "%s.broken-%s", path, stamp) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
                _cleanup_(freep) char *from = NULL, *to = NULL;

                if (asprintf(&from, "%s%s", path, tails[i]) < 0 || asprintf(&to, "%s%s", *ret, tails[i]) < 0)
                        return -ENOMEM;
                if (rename(from, to) < 0 && errno != ENOENT)
                        return -errno;
        }
        return 0;
}

int db_open(const char *path, const struct db_form *form, sqlite3 **ret, char **ret_aside)
{
        _cleanup_(freep) char *aside = NULL;
        int r = open_file(path, form, ret);

        if (r == -EUCLEAN) {
                r = set_aside(path, &aside);
                if (r == 0)
                        r = open_file(path, form, ret);
        }
        if (ret_aside)
                *ret_aside = r == 0 ? STEAL(aside) : NULL;
        return r;
}
