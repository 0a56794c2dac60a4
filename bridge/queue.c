/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/db-file.h"
#include "basic/log.h"
#include "bridge/queue.h"

#define BYTES_PER_WINDOW 2048
#define BYTES_BESIDE (8u << 20)

struct queue {
        sqlite3 *db;
        size_t max_windows, length;
        int64_t next_sequence, dropped;
        char id[UUID_MAX];
};

/* Each brings a file of version i to version i + 1. */
static const char *const migrations[] = {
        "CREATE TABLE window(sequence INTEGER PRIMARY KEY, body TEXT NOT NULL);"
        "CREATE TABLE self(id TEXT NOT NULL, next_sequence INTEGER NOT NULL, dropped INTEGER NOT NULL);",
};

/* What the file is: made with a new name the first time. */
static int read_self(struct queue *q)
{
        _cleanup_(db_donep) sqlite3_stmt *row = NULL;
        int64_t length = 0;
        int r = db_number(q->db, &length, "SELECT count(*) FROM window", "");

        if (r >= 0)
                r = db_prepare(q->db, &row, "SELECT id, next_sequence, dropped FROM self", "");
        if (r >= 0)
                r = db_step(row);
        if (r < 0)
                return r;
        q->length = (size_t)length;
        if (r == 0) {
                uuid7_make(q->id);
                q->next_sequence = 1;
                return db_run(q->db, "INSERT INTO self(id, next_sequence, dropped) VALUES(?, 1, 0)", "s", q->id);
        }
        snprintf(q->id, sizeof(q->id), "%s", (const char *)sqlite3_column_text(row, 0));
        q->next_sequence = sqlite3_column_int64(row, 1);
        q->dropped = sqlite3_column_int64(row, 2);
        return 0;
}

int queue_open(const char *path, size_t max_windows, struct queue **ret)
{
        _cleanup_(queue_freep) struct queue *q = calloc(1, sizeof(*q));
        _cleanup_(freep) char *aside = NULL;
        const struct db_form form = { migrations, ARRAY_LEN(migrations),
                                      (uint64_t)max_windows * BYTES_PER_WINDOW + BYTES_BESIDE };
        int r;

        if (!q)
                return -ENOMEM;
        q->max_windows = max_windows;
        r = db_open(path, &form, &q->db, &aside);
        if (r < 0)
                return r;
        if (aside)
                log_error("%s was broken and is %s now; what waited in it was not sent", path, aside);
        r = read_self(q);
        if (r < 0)
                return r;
        *ret = STEAL(q);
        return 0;
}

struct queue *queue_free(struct queue *q)
{
        if (!q)
                return NULL;
        sqlite3_close(q->db);
        free(q);
        return NULL;
}

const char *queue_id(const struct queue *q)
{
        return q->id;
}

int64_t queue_next_sequence(const struct queue *q)
{
        return q->next_sequence;
}

size_t queue_length(const struct queue *q)
{
        return q->length;
}

uint64_t queue_dropped(const struct queue *q)
{
        return (uint64_t)q->dropped;
}

/* Within a transaction. @ret: how many were too many */
static int add(struct queue *q, const char *body, int *ret)
{
        int64_t excess = (int64_t)(q->length + 1) - (int64_t)q->max_windows;
        int r = 0;

        *ret = 0;
        if (excess > 0) {
                r = db_run(q->db,
                           "DELETE FROM window WHERE sequence IN (SELECT sequence FROM window ORDER BY sequence"
                           " LIMIT ?)",
                           "i", excess);
                *ret = sqlite3_changes(q->db);
        }
        if (r == 0)
                r = db_run(q->db, "INSERT INTO window(sequence, body) VALUES(?, ?)", "is", q->next_sequence, body);
        return r < 0 ? r
                     : db_run(q->db, "UPDATE self SET next_sequence = next_sequence + 1, dropped = dropped + ?", "i",
                              (int64_t)*ret);
}

int queue_add(struct queue *q, const char *body)
{
        int dropped, r = db_begin(q->db);

        if (r < 0)
                return r;
        r = db_end(q->db, add(q, body, &dropped));
        if (r < 0)
                return r;
        q->next_sequence++;
        q->dropped += dropped;
        q->length += 1 - (size_t)dropped;
        return 0;
}

int queue_after(struct queue *q, int64_t sequence, int (*fn)(void *userdata, const struct queue_item *item),
                void *userdata)
{
        _cleanup_(db_donep) sqlite3_stmt *row = NULL;
        struct queue_item item;
        int r = db_prepare(q->db, &row,
                           "SELECT sequence, body FROM window WHERE sequence > ? ORDER BY sequence LIMIT 1", "i",
                           sequence);

        if (r == 0)
                r = db_step(row);
        if (r <= 0)
                return r;
        item = (struct queue_item){ sqlite3_column_int64(row, 0), (const char *)sqlite3_column_text(row, 1) };
        return item.body ? fn(userdata, &item) : -ENOMEM;
}

int queue_remove(struct queue *q, const int64_t *sequences, size_t n)
{
        int removed = 0, r = db_begin(q->db);

        if (r < 0)
                return r;
        for (size_t i = 0; i < n && r == 0; i++) {
                r = db_run(q->db, "DELETE FROM window WHERE sequence = ?", "i", sequences[i]);
                removed += sqlite3_changes(q->db);
        }
        r = db_end(q->db, r);
        if (r == 0)
                q->length -= (size_t)removed;
        return r;
}
