/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * 68 landmarks a row instead of a picture, as `emotion-nn points` writes them: a csv with the columns emotion and Usage
 * as in FER2013, and points, 136 numbers x0 y0 .. x67 y67 between spaces, in any unit. Place and size of the face say
 * nothing of its expression: each row's points are taken about their centre and by their root mean square distance
 * from it, and become a picture of 136 x 1 whose greys 0..255 are -2..2 of that distance.
 */
#include <math.h>
#include <string.h>

#include "train/data/reader.h"

#define N_POINTS 68u
#define N_NUMBERS (2 * N_POINTS)
#define REACH 2.0

static const char header[] = "emotion,points,Usage";

/* Return: how many numbers; -EINVAL for something else, or too many. */
static int parse_points(const char *s, const char *end, double *ret)
{
        unsigned n = 0;

        while (s < end) {
                char *stop;

                if (n == N_NUMBERS)
                        return -EINVAL;
                ret[n] = strtod(s, &stop);
                if (stop == s || stop > end || !isfinite(ret[n]) || fabs(ret[n]) > 1e6)
                        return -EINVAL;
                n++;
                for (s = stop; s < end && *s == ' '; s++)
                        ;
                if (s == stop && s < end)
                        return -EINVAL;
        }
        return (int)n;
}

/* False: all points in one place. */
static bool to_greys(const double *points, uint8_t *ret)
{
        double mean[2] = { 0 }, square = 0, scale;

        for (unsigned i = 0; i < N_NUMBERS; i++)
                mean[i % 2] += points[i] / N_POINTS;
        for (unsigned i = 0; i < N_NUMBERS; i++)
                square += (points[i] - mean[i % 2]) * (points[i] - mean[i % 2]) / N_POINTS;
        /* sums of equal numbers are not quite equal */
        if (!(sqrt(square) > 1e-6 * (1 + fabs(mean[0]) + fabs(mean[1]))))
                return false;
        scale = 127.5 / (REACH * sqrt(square));
        for (unsigned i = 0; i < N_NUMBERS; i++)
                ret[i] = (uint8_t)lrint(CLAMP(127.5 + scale * (points[i] - mean[i % 2]), 0.0, 255.0));
        return true;
}

static int read_row(struct dataset_builder *b, const struct lines *l, const struct dataset_options *o, char *line,
                    size_t length, struct dataset_error *error)
{
        double points[N_NUMBERS];
        struct csv_row row;
        uint8_t *pixels;
        int r = dataset_split_row(l, line, length, &row, error);

        if (r < 0)
                return r;
        r = parse_points(row.numbers, row.numbers_end, points);
        if (r != (int)N_NUMBERS)
                return dataset_fail(error, -EBADMSG, l->path, l->number, "points are not %u numbers", N_NUMBERS);
        if (builder_reserve(b, &pixels, NULL) < 0)
                return dataset_fail(error, -ENOMEM, l->path, l->number, "out of memory");
        if (!to_greys(points, pixels))
                return dataset_fail(error, -EBADMSG, l->path, l->number, "all points are one");
        if (!o->usage || (o->usage & row.usage))
                builder_commit(b, row.class, row.usage);
        return 0;
}

static int read_all(struct dataset_builder *b, struct lines *l, const struct dataset_options *o,
                    struct dataset_error *error)
{
        char *line;
        size_t length;
        int r = lines_next(l, &line, &length, error); /* the header */

        while (r > 0 && (!o->limit || b->d->n < o->limit)) {
                r = lines_next(l, &line, &length, error);
                if (r > 0 && read_row(b, l, o, line, length, error) < 0)
                        return -EBADMSG;
        }
        return MIN(r, 0);
}

static int points_load(const char *path, const struct dataset_options *options, struct dataset **ret,
                       struct dataset_error *error)
{
        struct dataset_builder b = { 0 };
        struct lines l = { .fd = -1 };
        int r;

        r = lines_open(&l, path, error);
        if (r >= 0) {
                r = builder_init(&b, N_NUMBERS, 1, N_LABELS_BASIC, false);
                if (r < 0)
                        dataset_fail(error, r, path, 0, "out of memory");
        }
        if (r >= 0)
                r = read_all(&b, &l, options, error);
        if (r >= 0) {
                r = builder_finish(&b, ret);
                if (r < 0)
                        dataset_fail(error, r, path, 0, r == -EINVAL ? "no row of the wanted kind" : "out of memory");
        }
        builder_done(&b);
        lines_close(&l);
        return r;
}

static bool points_probe(const char *path, bool is_folder)
{
        struct lines l = { .fd = -1 };
        struct dataset_error ignored;
        char *line;
        size_t length;
        bool yes;

        if (is_folder)
                return false;
        yes = lines_open(&l, path, &ignored) == 0 && lines_next(&l, &line, &length, &ignored) > 0 &&
              strcmp(line, header) == 0;
        lines_close(&l);
        return yes;
}

const struct dataset_format dataset_points = { .name = "points", .probe = points_probe, .load = points_load };
