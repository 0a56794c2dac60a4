/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "reactions/store-private.h"

/* === Sums as bytes: doubles and floats of this machine; a database does not move to another kind === */

#define N_TOTALS 20
#define N_TIMES (1 + SUMS_LABELS_MAX + SUMS_LABELS_MAX * (SUMS_LABELS_MAX + 1) / 2)

static void pairs_out(const struct stats_pairs *p, double *ret)
{
        const double v[] = { p->n, p->x, p->y, p->xx, p->xy, p->yy };

        memcpy(ret, v, sizeof(v));
}

static struct stats_pairs pairs_in(const double *v)
{
        return (struct stats_pairs){ v[0], v[1], v[2], v[3], v[4], v[5] };
}

static void totals_out(const struct sums *s, double ret[static N_TOTALS])
{
        const uint64_t v[] = { s->plays,    s->shown_ms,    s->observed_ms, s->viewers,
                               s->watchers, s->watchers_2s, s->smilers,     s->no_baseline };

        for (size_t i = 0; i < ARRAY_LEN(v); i++)
                ret[i] = (double)v[i];
        pairs_out(&s->attraction, ret + 8);
        pairs_out(&s->audience, ret + 14);
}

static void totals_in(const double v[static N_TOTALS], struct sums *s)
{
        uint64_t *const to[] = { &s->plays,    &s->shown_ms,    &s->observed_ms, &s->viewers,
                                 &s->watchers, &s->watchers_2s, &s->smilers,     &s->no_baseline };

        for (size_t i = 0; i < ARRAY_LEN(to); i++)
                *to[i] = (uint64_t)v[i];
        s->attraction = pairs_in(v + 8);
        s->audience = pairs_in(v + 14);
}

static size_t times_out(const struct sums *s, double *ret)
{
        size_t n = 0;

        ret[n++] = s->times.n;
        for (size_t i = 0; i < s->n_labels; i++)
                ret[n++] = s->times.sum[i];
        for (size_t i = 0; i < s->n_labels; i++)
                for (size_t j = 0; j <= i; j++)
                        ret[n++] = s->times.product[i][j];
        return n * sizeof(*ret);
}

static void times_in(const double *v, struct sums *s)
{
        s->times.n = *v++;
        for (size_t i = 0; i < s->n_labels; i++)
                s->times.sum[i] = *v++;
        for (size_t i = 0; i < s->n_labels; i++)
                for (size_t j = 0; j <= i; j++)
                        s->times.product[i][j] = s->times.product[j][i] = *v++;
}

static size_t curve_bytes(size_t n)
{
        return (n * (n + 1) + n * n) * sizeof(float);
}

static void curve_out(const struct stats_curve *c, float *ret)
{
        for (size_t i = 0; i < c->n_points; i++)
                for (size_t j = 0; j <= i; j++) {
                        *ret++ = (float)c->both[i * c->n_points + j];
                        *ret++ = (float)c->product[i * c->n_points + j];
                }
        for (size_t i = 0; i < c->n_points * c->n_points; i++)
                *ret++ = (float)c->first[i];
}

static void curve_in(const float *v, struct stats_curve *c)
{
        size_t n = c->n_points;

        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j <= i; j++) {
                        c->both[i * n + j] = c->both[j * n + i] = (double)*v++;
                        c->product[i * n + j] = c->product[j * n + i] = (double)*v++;
                }
        for (size_t i = 0; i < n * n; i++)
                c->first[i] = (double)*v++;
}

static size_t count_labels(const char *labels)
{
        size_t n = *labels != 0;

        for (; *labels; labels++)
                n += *labels == '|';
        return MIN(n, (size_t)SUMS_LABELS_MAX);
}

/* === One cell === */

#define CELL_COLUMNS "id, begin_usec, end_usec, totals, labels, times, step_ms, n_points, curve"

/* A blob of exactly @bytes, copied to aligned memory; else NULL. */
static void *column_copy(sqlite3_stmt *row, int column, size_t bytes)
{
        const void *blob = sqlite3_column_blob(row, column);
        void *copy;

        if (!blob || (size_t)sqlite3_column_bytes(row, column) != bytes)
                return NULL;
        copy = malloc(MAX(bytes, 1u));
        return copy ? memcpy(copy, blob, bytes) : NULL;
}

/* All but the histograms of @row (CELL_COLUMNS). @ret: ended by the caller, also after an error. */
static int read_cell(sqlite3_stmt *row, struct sums *ret)
{
        size_t n_labels = count_labels((const char *)sqlite3_column_text(row, 4));
        size_t n_points = (size_t)CLAMP(sqlite3_column_int(row, 7), 0, SUMS_POINTS_MAX);
        _cleanup_(freep) void *totals = column_copy(row, 3, N_TOTALS * sizeof(double));
        _cleanup_(freep) void *times =
                column_copy(row, 5, (1 + n_labels + n_labels * (n_labels + 1) / 2) * sizeof(double));
        _cleanup_(freep) void *curve = column_copy(row, 8, curve_bytes(n_points));
        int r = sums_init(ret, times ? n_labels : 0, curve ? (uint64_t)sqlite3_column_int64(row, 6) : 0, n_points);

        if (r < 0)
                return r;
        if (!totals)
                return -EUCLEAN;
        totals_in(totals, ret);
        if (times)
                times_in(times, ret);
        if (curve && ret->step_ms)
                curve_in(curve, &ret->curve);
        return 0;
}

static int write_histograms(struct store *s, int64_t cell, const struct sums *sums)
{
        int r = 0;

        for (int kind = 0; kind < SUMS_N_KINDS; kind++)
                for (int block = 0; block < SUMS_BLOCKS; block++)
                        for (int i = 0; i < SUMS_CELLS && r == 0; i++)
                                if (sums->histograms[kind][block][i])
                                        r = db_run(s->db,
                                                   "INSERT INTO histogram VALUES(?, ?, ?, ?, ?) ON CONFLICT DO UPDATE "
                                                   "SET n = n + excluded.n",
                                                   "iiiii", cell, (int64_t)kind, (int64_t)block, (int64_t)i,
                                                   (int64_t)sums->histograms[kind][block][i]);
        return r;
}

/* A new cell (@id 0) or all of an old one but its histograms. */
static int write_cell(struct store *s, int64_t id, int64_t content, int64_t begin_usec, int64_t end_usec,
                      const struct sums *sums, const char *labels)
{
        double totals[N_TOTALS], times[N_TIMES];
        size_t bytes = sums->step_ms ? curve_bytes(sums->curve.n_points) : 0, times_bytes = times_out(sums, times);
        _cleanup_(freep) float *curve = malloc(MAX(bytes, 1u));

        if (!curve)
                return -ENOMEM;
        totals_out(sums, totals);
        if (bytes)
                curve_out(&sums->curve, curve);
        return db_run(
                s->db,
                "INSERT INTO cell(id, content, begin_usec, end_usec, viewers, totals, labels, times, step_ms, "
                "n_points, curve) VALUES(nullif(?, 0), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET "
                "begin_usec = excluded.begin_usec, end_usec = excluded.end_usec, viewers = excluded.viewers, "
                "totals = excluded.totals, labels = excluded.labels, times = excluded.times, "
                "step_ms = excluded.step_ms, n_points = excluded.n_points, curve = excluded.curve",
                "iiiiibsbiib", id, content, begin_usec, end_usec, (int64_t)sums->viewers, (const void *)totals,
                sizeof(totals), labels, (const void *)times, times_bytes, (int64_t)sums->step_ms,
                (int64_t)(bytes ? sums->curve.n_points : 0), bytes ? (const void *)curve : NULL, bytes);
}

static bool fits(const struct sums *old, const char *old_labels, const struct sums *sums, const char *labels)
{
        return strcmp(old_labels, labels) == 0 && old->step_ms == sums->step_ms &&
               old->curve.n_points == sums->curve.n_points;
}

/* What cannot be added to @sums any more, for its labels or steps changed: the old ones go, the totals stay. */
static int start_parts_anew(struct sums *old, const struct sums *sums)
{
        stats_curve_done(&old->curve);
        old->step_ms = 0;
        old->n_labels = sums->n_labels;
        memset(&old->times, 0, sizeof(old->times));
        return 0;
}

int store_add_to_cell(struct store *s, int64_t content, int64_t begin_usec, int64_t end_usec, const struct sums *sums,
                      const char *labels)
{
        _cleanup_(db_donep) sqlite3_stmt *row = NULL;
        struct sums cell = { 0 };
        int64_t id = 0;
        int r = db_prepare(s->db, &row,
                           "SELECT " CELL_COLUMNS " FROM cell WHERE content = ? AND closed = 0 ORDER BY id LIMIT 1",
                           "i", content);

        if (r == 0)
                r = db_step(row);
        if (r > 0) {
                id = sqlite3_column_int64(row, 0);
                begin_usec = MIN(begin_usec, (int64_t)sqlite3_column_int64(row, 1));
                end_usec = MAX(end_usec, (int64_t)sqlite3_column_int64(row, 2));
                r = read_cell(row, &cell);
                if (r == 0 && !fits(&cell, (const char *)sqlite3_column_text(row, 4), sums, labels))
                        r = start_parts_anew(&cell, sums);
        }
        row = db_done(row);
        if (r >= 0)
                r = sums_merge(&cell, sums);
        if (r >= 0)
                r = write_cell(s, id, content, begin_usec, end_usec, &cell, labels);
        if (r >= 0)
                r = write_histograms(s, id ?: sqlite3_last_insert_rowid(s->db), sums);
        sums_done(&cell);
        return r;
}

int store_close_cells(struct store *s, unsigned group)
{
        return db_run(s->db, "UPDATE cell SET closed = 1 WHERE closed = 0 AND viewers >= ?", "i", (int64_t)group);
}

/* === What may be told === */

static int read_histograms(struct store *s, int64_t cell, struct sums *ret)
{
        _cleanup_(db_donep) sqlite3_stmt *row = NULL;
        int r = db_prepare(s->db, &row, "SELECT kind, block, value, n FROM histogram WHERE cell = ?", "i", cell);

        while (r == 0 && (r = db_step(row)) > 0) {
                int kind = sqlite3_column_int(row, 0), block = sqlite3_column_int(row, 1),
                    value = sqlite3_column_int(row, 2);

                if (kind < 0 || kind >= SUMS_N_KINDS || block < 0 || block >= SUMS_BLOCKS || value < 0 ||
                    value >= SUMS_CELLS)
                        return -EUCLEAN;
                ret->histograms[kind][block][value] += (uint64_t)sqlite3_column_int64(row, 3);
                r = 0;
        }
        return r;
}

static int merge_cell(struct store *s, sqlite3_stmt *row, struct sums *ret, struct store_summary *summary)
{
        const char *labels = (const char *)sqlite3_column_text(row, 4);
        struct sums cell = { 0 };
        int r = read_cell(row, &cell);

        if (r == 0)
                r = read_histograms(s, sqlite3_column_int64(row, 0), &cell);
        if (r == 0 && ret->n_labels && strcmp(labels, summary->labels) != 0) { /* of another model: the newest count */
                cell.n_labels = 0;
                memset(&cell.times, 0, sizeof(cell.times));
        }
        if (r == 0)
                r = sums_merge(ret, &cell);
        if (r >= 0 && !summary->labels[0])
                snprintf(summary->labels, sizeof(summary->labels), "%s", labels);
        sums_done(&cell);
        summary->begin_usec = summary->n_cells ? MIN(summary->begin_usec, (int64_t)sqlite3_column_int64(row, 1))
                                               : sqlite3_column_int64(row, 1);
        summary->end_usec = MAX(summary->end_usec, (int64_t)sqlite3_column_int64(row, 2));
        summary->n_cells++;
        return MIN(r, 0);
}

int store_read(struct store *s, const char *content, int64_t from_usec, int64_t to_usec, unsigned group,
               struct sums *ret, struct store_summary *ret_summary)
{
        _cleanup_(db_donep) sqlite3_stmt *row = NULL;
        int64_t id = 0, hidden = 0;
        int r = db_number(s->db, &id, "SELECT id FROM content WHERE name = ?", "s", content);

        memset(ret, 0, sizeof(*ret));
        memset(ret_summary, 0, sizeof(*ret_summary));
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        r = db_prepare(s->db, &row,
                       "SELECT " CELL_COLUMNS " FROM cell WHERE content = ? AND closed = 1 AND viewers >= ? AND "
                       "begin_usec >= ? AND end_usec <= ? ORDER BY id DESC",
                       "iiii", id, (int64_t)group, from_usec, to_usec);
        while (r == 0 && (r = db_step(row)) > 0)
                r = merge_cell(s, row, ret, ret_summary);
        if (r == 0)
                r = db_number(
                        s->db, &hidden,
                        "SELECT 1 FROM cell WHERE content = ? AND (closed = 0 OR viewers < ?) AND viewers > 0 AND "
                        "begin_usec <= ? AND end_usec >= ? LIMIT 1",
                        "iiii", id, (int64_t)group, to_usec, from_usec);
        ret_summary->suppressed = hidden != 0;
        return MIN(r, 0);
}
