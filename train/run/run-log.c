/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "train/data/reader.h"
#include "train/run/run-log.h"

static int read_header(struct lines *l, struct run_log *log, struct dataset_error *error)
{
        char *line = NULL;
        size_t length = 0;
        int r = lines_next(l, &line, &length, error);

        if (r < 0)
                return r;
        if (r == 0)
                return dataset_fail(error, -EBADMSG, l->path, 0, "empty");
        for (char *name; (name = strsep(&line, ","));) {
                if (log->n_columns == RUN_LOG_MAX_COLUMNS || strlen(name) >= sizeof(log->names[0]))
                        return dataset_fail(error, -EBADMSG, l->path, 1, "too many columns, or too long a name");
                strcpy(log->names[log->n_columns++], name);
        }
        return run_log_column(log, "epoch") < 0 ? dataset_fail(error, -EBADMSG, l->path, 1, "no column 'epoch'") : 0;
}

static int read_row(const struct lines *l, char *line, size_t n, double *ret, struct dataset_error *error)
{
        size_t i = 0;

        for (char *cell, *end; (cell = strsep(&line, ",")); i++) {
                if (i == n)
                        break;
                ret[i] = *cell ? strtod(cell, &end) : NAN;
                if (*cell && (end == cell || *end))
                        return dataset_fail(error, -EBADMSG, l->path, l->number, "'%.20s' is no number", cell);
        }
        if (i != n || line)
                return dataset_fail(error, -EBADMSG, l->path, l->number, "not %zu columns", n);
        return 0;
}

static int read_rows(struct lines *l, struct run_log *log, struct dataset_error *error)
{
        size_t room = 0, length;
        char *line = NULL;
        int r;

        while ((r = lines_next(l, &line, &length, error)) > 0) {
                if (log->n_rows == RUN_LOG_MAX_ROWS)
                        return dataset_fail(error, -EBADMSG, l->path, l->number, "more than %d rows", RUN_LOG_MAX_ROWS);
                if (log->n_rows == room) {
                        room = room ? 2 * room : 64;
                        double *v = reallocarray(log->values, room, log->n_columns * sizeof(*v));

                        if (!v)
                                return dataset_fail(error, -ENOMEM, l->path, 0, "out of memory");
                        log->values = v;
                }
                r = read_row(l, line, log->n_columns, log->values + log->n_rows * log->n_columns, error);
                if (r < 0)
                        return r;
                log->n_rows++;
        }
        if (r == 0 && !log->n_rows)
                return dataset_fail(error, -EBADMSG, l->path, 0, "no finished epoch");
        return r;
}

int run_log_read(const char *path, struct run_log *ret, struct dataset_error *error)
{
        struct run_log log = { 0 };
        struct lines l;
        int r = lines_open(&l, path, error);

        if (r < 0)
                return r;
        r = read_header(&l, &log, error);
        if (r == 0)
                r = read_rows(&l, &log, error);
        lines_close(&l);
        if (r < 0)
                run_log_done(&log);
        else
                *ret = log;
        return r;
}

void run_log_done(struct run_log *l)
{
        free(l->values);
        l->values = NULL;
}

int run_log_column(const struct run_log *l, const char *name)
{
        for (size_t i = 0; i < l->n_columns; i++)
                if (strcmp(l->names[i], name) == 0)
                        return (int)i;
        return -1;
}
