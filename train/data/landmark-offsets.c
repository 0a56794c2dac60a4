/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdbool.h>
#include <string.h>

#include "train/data/cells.h"
#include "train/data/landmark-offsets.h"

#define MAX_SHARE 0.2

static int read_line(const struct lines *l, char *line, struct landmark_offsets *o, bool *seen,
                     struct dataset_error *error)
{
        double point, right, low;
        struct cells c;
        int r = cells_split(l, line, &c, error);

        if (r >= 0 && c.n != 3)
                r = dataset_fail(error, -EBADMSG, l->path, l->number, "%u columns instead of 3", c.n);
        if (r >= 0)
                r = cells_number(l, &c, 0, LANDMARKS - 1, &point, error);
        if (r >= 0)
                r = cells_number(l, &c, 1, MAX_SHARE, &right, error);
        if (r >= 0)
                r = cells_number(l, &c, 2, MAX_SHARE, &low, error);
        if (r < 0)
                return r;
        if (point < 0 || point != (int)point || seen[(int)point])
                return dataset_fail(error, -EBADMSG, l->path, l->number, "%s is no point, or there twice", c.text[0]);
        seen[(int)point] = true;
        o->by[(int)point][0] = (float)right;
        o->by[(int)point][1] = (float)low;
        return 0;
}

static int read_all(struct lines *l, struct landmark_offsets *o, struct dataset_error *error)
{
        bool seen[LANDMARKS] = { false };
        struct cells header;
        size_t length;
        char *line;
        int r = cells_header(l, &header, error);

        if (r >= 0 && (header.n != 3 || strcmp(header.text[0], "point") != 0 || strcmp(header.text[1], "right") != 0 ||
                       strcmp(header.text[2], "low") != 0))
                r = dataset_fail(error, -EBADMSG, l->path, 1, "not point,right,low");
        while (r >= 0 && (r = lines_next(l, &line, &length, error)) > 0)
                r = read_line(l, line, o, seen, error);
        for (unsigned i = 0; i < LANDMARKS && r >= 0; i++)
                if (!seen[i])
                        r = dataset_fail(error, -EBADMSG, l->path, 0, "point %u is missing", i);
        return r;
}

int landmark_offsets_read(const char *path, struct landmark_offsets *ret, struct dataset_error *error)
{
        struct lines l;
        int r = lines_open(&l, path, error);

        if (r < 0)
                return r;
        r = read_all(&l, ret, error);
        lines_close(&l);
        return r;
}

void landmark_offsets_take_away(const struct landmark_offsets *o, float (*points)[2])
{
        float unit = (float)landmark_eye_distance((const float(*)[2])points);

        for (unsigned i = 0; i < LANDMARKS; i++)
                for (unsigned axis = 0; axis < 2; axis++)
                        points[i][axis] -= o->by[i][axis] * unit;
}
