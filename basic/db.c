/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>

#include "basic/db.h"

int db_errno(int code)
{
        switch (code & 0xff) {
        case SQLITE_OK:
        case SQLITE_ROW:
        case SQLITE_DONE:
                return 0;
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
                return -EUCLEAN;
        case SQLITE_CONSTRAINT:
                return -EEXIST;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EBUSY;
        case SQLITE_READONLY:
                return -EROFS;
        case SQLITE_NOMEM:
                return -ENOMEM;
        default:
                return -EIO;
        }
}

static int bind(sqlite3_stmt *s, const char *kinds, va_list ap)
{
        int code = SQLITE_OK;

        for (int i = 1; *kinds && code == SQLITE_OK; i++, kinds++) {
                const void *blob;

                switch (*kinds) {
                case 'i':
                        code = sqlite3_bind_int64(s, i, va_arg(ap, int64_t));
                        break;
                case 'd':
                        code = sqlite3_bind_double(s, i, va_arg(ap, double));
                        break;
                case 's':
                        code = sqlite3_bind_text(s, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
                        break;
                default:
                        blob = va_arg(ap, const void *);
                        code = sqlite3_bind_blob64(s, i, blob, va_arg(ap, size_t), SQLITE_STATIC);
                }
        }
        return db_errno(code);
}

static int prepare(sqlite3 *db, sqlite3_stmt **ret, const char *sql, const char *kinds, va_list ap)
{
        _cleanup_(db_donep) sqlite3_stmt *s = NULL;
        int r = db_errno(sqlite3_prepare_v2(db, sql, -1, &s, NULL));

        if (r == 0)
                r = bind(s, kinds, ap);
        if (r == 0)
                *ret = STEAL(s);
        return r;
}

int db_prepare(sqlite3 *db, sqlite3_stmt **ret, const char *sql, const char *kinds, ...)
{
        va_list ap;
        int r;

        va_start(ap, kinds);
        r = prepare(db, ret, sql, kinds, ap);
        va_end(ap);
        return r;
}

int db_step(sqlite3_stmt *s)
{
        int code = sqlite3_step(s);

        return code == SQLITE_ROW ? 1 : db_errno(code);
}

sqlite3_stmt *db_done(sqlite3_stmt *s)
{
        sqlite3_finalize(s);
        return NULL;
}

int db_run(sqlite3 *db, const char *sql, const char *kinds, ...)
{
        _cleanup_(db_donep) sqlite3_stmt *s = NULL;
        va_list ap;
        int r;

        va_start(ap, kinds);
        r = prepare(db, &s, sql, kinds, ap);
        va_end(ap);
        while (r == 0 && (r = db_step(s)) > 0)
                r = 0;
        return r;
}

int db_number(sqlite3 *db, int64_t *ret, const char *sql, const char *kinds, ...)
{
        _cleanup_(db_donep) sqlite3_stmt *s = NULL;
        va_list ap;
        int r;

        va_start(ap, kinds);
        r = prepare(db, &s, sql, kinds, ap);
        va_end(ap);
        if (r == 0)
                r = db_step(s);
        if (r > 0)
                *ret = sqlite3_column_int64(s, 0);
        return r;
}
