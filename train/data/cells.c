/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "train/data/cells.h"

int cells_split(const struct lines *l, char *line, struct cells *ret, struct dataset_error *error)
{
        ret->n = 0;
        for (char *cell; (cell = strsep(&line, ","));) {
                if (ret->n == CELLS_MAX)
                        return dataset_fail(error, -EBADMSG, l->path, l->number, "more than %d columns", CELLS_MAX);
                ret->text[ret->n++] = cell;
        }
        return 0;
}

int cells_header(struct lines *l, struct cells *ret, struct dataset_error *error)
{
        char *line = NULL;
        size_t length;
        int r = lines_next(l, &line, &length, error);

        ret->n = 0;
        return r > 0 ? cells_split(l, line, ret, error) : r;
}

int cells_find(const struct cells *header, const char *const *names)
{
        for (; *names; names++)
                for (unsigned i = 0; i < header->n; i++)
                        if (strcmp(header->text[i], *names) == 0)
                                return (int)i;
        return -1;
}

int cells_number(const struct lines *l, const struct cells *c, int at, double limit, double *ret,
                 struct dataset_error *error)
{
        const char *s = at >= 0 && (unsigned)at < c->n ? c->text[at] : "";
        char *end;
        double x = strtod(s, &end);

        if (end == s || *end || !(fabs(x) <= limit))
                return dataset_fail(error, -EBADMSG, l->path, l->number, "column %d: '%.20s' is no number up to %g",
                                    at + 1, s, limit);
        *ret = x;
        return 0;
}

int cells_file(const struct lines *l, const struct cells *c, int at, const char **ret, struct dataset_error *error)
{
        const char *s = at >= 0 && (unsigned)at < c->n ? c->text[at] : "";

        if (!*s || strchr(s, '/') || strlen(s) > 200)
                return dataset_fail(error, -EBADMSG, l->path, l->number, "'%.40s' is no name of a file", s);
        *ret = s;
        return 0;
}

uint64_t cells_hash(const char *s, size_t n)
{
        uint64_t h = UINT64_C(0xcbf29ce484222325);

        for (size_t i = 0; i < n; i++)
                h = (h ^ (uint8_t)s[i]) * UINT64_C(0x100000001b3);
        return h;
}
