/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "reactions/store-private.h"

#define DAY_USEC (86400LL * 1000000)

/* Each brings a file of version i to version i + 1. */
static const char *const migrations[STORE_VERSION] = {
        "CREATE TABLE content(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, duration_ms INTEGER NOT NULL);"
        "CREATE TABLE play(number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
        " content INTEGER NOT NULL REFERENCES content(id), campaign TEXT, screen TEXT NOT NULL,"
        " begin_usec INTEGER NOT NULL, end_usec INTEGER, reason TEXT, shown_ms INTEGER, observed_ms INTEGER,"
        " viewers INTEGER, watchers INTEGER, dwell_ms INTEGER, attention_ms INTEGER);"
        "CREATE INDEX play_begin ON play(begin_usec);"
        "CREATE INDEX play_content ON play(content);"
        "CREATE TABLE mark(play INTEGER NOT NULL REFERENCES play(number) ON DELETE CASCADE, at_ms INTEGER NOT NULL,"
        " label TEXT NOT NULL);"
        "CREATE INDEX mark_play ON mark(play);"
        "CREATE TABLE cell(id INTEGER PRIMARY KEY AUTOINCREMENT, content INTEGER NOT NULL REFERENCES content(id),"
        " begin_usec INTEGER NOT NULL, end_usec INTEGER NOT NULL, closed INTEGER NOT NULL DEFAULT 0,"
        " viewers INTEGER NOT NULL, totals BLOB NOT NULL, labels TEXT NOT NULL, times BLOB, step_ms INTEGER NOT NULL,"
        " n_points INTEGER NOT NULL, curve BLOB);"
        "CREATE INDEX cell_content ON cell(content, closed);"
        "CREATE TABLE histogram(cell INTEGER NOT NULL REFERENCES cell(id) ON DELETE CASCADE, kind INTEGER NOT NULL,"
        " block INTEGER NOT NULL, value INTEGER NOT NULL, n INTEGER NOT NULL,"
        " PRIMARY KEY(cell, kind, block, value)) WITHOUT ROWID;",
};

int store_transaction(struct store *s, int (*fn)(struct store *s, void *userdata), void *userdata)
{
        int r = db_begin(s->db);

        return r < 0 ? r : db_end(s->db, fn(s, userdata));
}

int store_open(const char *path, const struct store_limits *limits, struct store **ret, char **ret_aside)
{
        _cleanup_(store_freep) struct store *s = calloc(1, sizeof(*s));
        const struct db_form form = { migrations, STORE_VERSION, limits->max_bytes };
        int r;

        if (ret_aside)
                *ret_aside = NULL;
        if (!s)
                return -ENOMEM;
        s->limits = *limits;
        r = db_open(path, &form, &s->db, ret_aside);
        if (r == 0)
                *ret = STEAL(s);
        return r;
}

int store_open_reader(const char *path, struct store **ret)
{
        _cleanup_(store_freep) struct store *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        r = db_errno(
                sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL));
        if (r < 0)
                return r;
        sqlite3_busy_timeout(s->db, 5000);
        *ret = STEAL(s);
        return 0;
}

struct store *store_free(struct store *s)
{
        if (!s)
                return NULL;
        sqlite3_close(s->db);
        free(s);
        return NULL;
}

struct begin {
        const struct store_play *play;
        int64_t number;
};

static int check_limits(struct store *s, const struct begin *b)
{
        int64_t plays = 0, contents = 0, known = 0;
        int r = db_number(s->db, &plays, "SELECT count(*) FROM play WHERE begin_usec BETWEEN ? AND ?", "ii",
                          b->play->begin_usec - DAY_USEC, b->play->begin_usec);

        if (r >= 0)
                r = db_number(s->db, &known, "SELECT 1 FROM content WHERE name = ?", "s", b->play->content);
        if (r >= 0 && !known)
                r = db_number(s->db, &contents, "SELECT count(*) FROM content", "");
        if (r < 0)
                return r;
        if (plays >= STORE_PLAYS_PER_DAY_MAX)
                return -EUSERS;
        return contents >= STORE_CONTENTS_MAX ? -EDQUOT : 0;
}

static int begin_play(struct store *s, void *userdata)
{
        struct begin *b = userdata;
        const struct store_play *p = b->play;
        int r = db_number(s->db, &b->number, "SELECT number FROM play WHERE id = ?", "s", p->id);

        if (r != 0)
                return r;
        r = check_limits(s, b);
        if (r == 0)
                r = db_run(s->db,
                           "INSERT INTO content(name, duration_ms) VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET "
                           "duration_ms = CASE WHEN ?2 > 0 THEN ?2 ELSE duration_ms END",
                           "si", p->content, (int64_t)p->duration_ms);
        if (r == 0)
                r = db_run(s->db,
                           "INSERT INTO play(id, content, campaign, screen, begin_usec) "
                           "SELECT ?, id, ?, ?, ? FROM content WHERE name = ?",
                           "sssis", p->id, p->campaign, p->screen, p->begin_usec, p->content);
        b->number = sqlite3_last_insert_rowid(s->db);
        return r;
}

int store_begin(struct store *s, const struct store_play *p, int64_t *ret_number)
{
        struct begin b = { .play = p };
        int r = store_transaction(s, begin_play, &b);

        if (r >= 0)
                *ret_number = b.number;
        return r;
}

struct end {
        int64_t number, end_usec;
        const char *reason, *labels;
        const struct crowd_result *result;
        const struct sums *sums;
};

static int end_play(struct store *s, void *userdata)
{
        const struct end *e = userdata;
        const struct crowd_result *x = e->result;
        int64_t content = 0, begin = 0;
        int r = db_number(s->db, &content, "SELECT content FROM play WHERE number = ? AND reason IS NULL", "i",
                          e->number);

        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        r = db_number(s->db, &begin, "SELECT begin_usec FROM play WHERE number = ?", "i", e->number);
        if (r >= 0)
                r = db_run(s->db,
                           "UPDATE play SET end_usec = ?, reason = ?, shown_ms = ?, observed_ms = ?, viewers = ?, "
                           "watchers = ?, dwell_ms = ?, attention_ms = ? WHERE number = ?",
                           "isiiiiiii", e->end_usec, e->reason, (int64_t)x->shown_ms, (int64_t)x->observed_ms,
                           (int64_t)x->viewers, (int64_t)x->watchers, (int64_t)x->dwell_ms, (int64_t)x->attention_ms,
                           e->number);
        /* a clock that was set back must not turn a cell round */
        return r < 0 ? r
                     : store_add_to_cell(s, content, MIN(begin, e->end_usec), MAX(begin, e->end_usec), e->sums,
                                         e->labels);
}

int store_end(struct store *s, int64_t number, int64_t end_usec, const char *reason, const struct crowd_result *result,
              const struct sums *sums, const char *labels)
{
        struct end e = { number, end_usec, reason, labels, result, sums };

        return store_transaction(s, end_play, &e);
}

int store_mark(struct store *s, int64_t number, uint64_t at_ms, const char *label)
{
        int64_t n = 0;
        int r = db_number(s->db, &n, "SELECT count(*) FROM mark WHERE play = ?", "i", number);

        if (r < 0)
                return r;
        if (n >= STORE_MARKS_MAX)
                return -EDQUOT;
        return db_run(s->db, "INSERT INTO mark(play, at_ms, label) VALUES(?, ?, ?)", "iis", number, (int64_t)at_ms,
                      label);
}

int store_lose_running(struct store *s)
{
        int r = db_run(s->db, "UPDATE play SET reason = 'lost', end_usec = begin_usec WHERE reason IS NULL", "");

        return r < 0 ? r : sqlite3_changes(s->db);
}

int store_contents(struct store *s, int (*fn)(void *userdata, const char *content, uint64_t duration_ms),
                   void *userdata)
{
        _cleanup_(db_donep) sqlite3_stmt *row = NULL;
        int r = db_prepare(s->db, &row, "SELECT name, duration_ms FROM content ORDER BY name", "");

        while (r == 0 && (r = db_step(row)) > 0)
                r = fn(userdata, (const char *)sqlite3_column_text(row, 0), (uint64_t)sqlite3_column_int64(row, 1));
        return r;
}

int store_marks(struct store *s, const char *content, int (*fn)(void *userdata, const char *label, uint64_t at_ms),
                void *userdata)
{
        _cleanup_(db_donep) sqlite3_stmt *row = NULL;
        int r = db_prepare(s->db, &row,
                           "WITH m AS (SELECT label, at_ms, row_number() OVER (PARTITION BY label ORDER BY at_ms) AS i,"
                           " count(*) OVER (PARTITION BY label) AS n FROM mark JOIN play ON play.number = mark.play"
                           " JOIN content ON content.id = play.content WHERE content.name = ?)"
                           " SELECT label, at_ms FROM m WHERE i = (n + 1) / 2 ORDER BY at_ms LIMIT 100",
                           "s", content);

        while (r == 0 && (r = db_step(row)) > 0)
                r = fn(userdata, (const char *)sqlite3_column_text(row, 0), (uint64_t)sqlite3_column_int64(row, 1));
        return r;
}

static int retain(struct store *s, void *userdata)
{
        int64_t now = *(int64_t *)userdata, curves = now - s->limits.keep_curve_days * DAY_USEC;
        int64_t totals = now - s->limits.keep_total_days * DAY_USEC;
        int r = db_run(s->db, "DELETE FROM cell WHERE end_usec < ?", "i", totals);

        if (r == 0)
                r = db_run(s->db, "DELETE FROM play WHERE begin_usec < ? AND reason IS NOT NULL", "i", curves);
        if (r == 0)
                r = db_run(s->db, "DELETE FROM histogram WHERE cell IN (SELECT id FROM cell WHERE end_usec < ?)", "i",
                           curves);
        if (r == 0)
                r = db_run(s->db, "UPDATE cell SET times = NULL, curve = NULL WHERE end_usec < ?", "i", curves);
        return r < 0 ? r
                     : db_run(s->db,
                              "DELETE FROM content WHERE NOT EXISTS (SELECT 1 FROM cell WHERE cell.content = "
                              "content.id) AND NOT EXISTS (SELECT 1 FROM play WHERE play.content = content.id)",
                              "");
}

int store_retain(struct store *s, int64_t now_usec)
{
        return store_transaction(s, retain, &now_usec);
}

int store_count(struct store *s, struct store_counts *ret)
{
        int64_t pages = 0, size = 0;
        int r = db_number(s->db, &ret->contents, "SELECT count(*) FROM content", "");

        if (r >= 0)
                r = db_number(s->db, &ret->plays, "SELECT count(*) FROM play", "");
        if (r >= 0)
                r = db_number(s->db, &ret->cells, "SELECT count(*) FROM cell", "");
        if (r >= 0)
                r = db_number(s->db, &pages, "PRAGMA page_count", "");
        if (r >= 0)
                r = db_number(s->db, &size, "PRAGMA page_size", "");
        ret->bytes = pages * size;
        return MIN(r, 0);
}
