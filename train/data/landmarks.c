/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "picture/picture.h"
#include "train/data/cells.h"
#include "train/data/landmark-offsets.h"
#include "train/data/landmarks.h"

#define MAX_FACES 1000000u
#define MAX_SIDE_PX 2048u
#define FIRST_POINT 3 /* after file, width and height */

/* One folder's table while it is read. */
struct reading {
        const char *folder;
        struct lines lines;
        double side_px;
        const struct landmark_offsets *offsets; /* NULL: the points are where they should be */
};

struct landmark_set *landmark_set_free(struct landmark_set *s)
{
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n; i++)
                free((void *)(uintptr_t)s->faces[i].image.data);
        free(s->faces);
        free(s);
        return NULL;
}

static int check_header(struct lines *l, struct dataset_error *error)
{
        struct cells c;
        int r = cells_header(l, &c, error);

        if (r < 0)
                return r;
        if (c.n != FIRST_POINT + 2 * LANDMARKS || strcmp(c.text[0], "file") != 0 ||
            strcmp(c.text[FIRST_POINT], "x0") != 0 || strcmp(c.text[c.n - 1], "y67") != 0)
                return dataset_fail(error, -EBADMSG, l->path, 1, "not file,width,height,x0,y0, ... x67,y67");
        return 0;
}

static int read_points(const struct lines *l, const struct cells *c, struct landmark_face *f,
                       struct dataset_error *error)
{
        for (int i = 0; i < 2 * LANDMARKS; i++) {
                double v;
                int r = cells_number(l, c, FIRST_POINT + i, 4 * MAX_SIDE_PX, &v, error);

                if (r < 0)
                        return r;
                f->points[i / 2][i % 2] = (float)(v + 0.5);
        }
        if (!(landmark_box(f->points).height > 1) || !(landmark_eye_distance(f->points) > 1))
                return dataset_fail(error, -EBADMSG, l->path, l->number, "the points are no face");
        return 0;
}

/* Shrinks by a whole picture's factor, points with it. Takes the picture's bytes. */
static int take_picture(struct picture *p, double side_px, struct landmark_face *f)
{
        double factor = side_px > 0 ? MIN(side_px / landmark_box(f->points).height, 1.0) : 1;
        unsigned w = (unsigned)MAX(lround(p->width_px * factor), 1L),
                 h = (unsigned)MAX(lround(p->height_px * factor), 1L);
        const struct nn_image im = { p->data, p->width_px, p->height_px, p->stride_bytes };
        uint8_t *data = malloc((size_t)w * h);

        if (!data)
                return -ENOMEM;
        f->image = (struct nn_image){ .data = data, .width_px = w, .height_px = h, .stride_bytes = w };
        for (unsigned i = 0; i < LANDMARKS; i++) {
                f->points[i][0] *= (float)w / (float)p->width_px;
                f->points[i][1] *= (float)h / (float)p->height_px;
        }
        return nn_image_resize(&im, w, h, data);
}

static int read_face(const struct reading *from, char *line, struct landmark_face *f, struct dataset_error *error)
{
        _cleanup_(picture_freep) struct picture *p = NULL;
        const struct lines *l = &from->lines;
        const char *file = NULL, *end;
        double width, height;
        struct cells c;
        char path[4096];
        int r = cells_split(l, line, &c, error);

        if (r >= 0 && c.n != FIRST_POINT + 2 * LANDMARKS)
                r = dataset_fail(error, -EBADMSG, l->path, l->number, "%u columns instead of %d", c.n,
                                 FIRST_POINT + 2 * LANDMARKS);
        if (r >= 0)
                r = cells_file(l, &c, 0, &file, error);
        if (r >= 0)
                r = cells_number(l, &c, 1, MAX_SIDE_PX, &width, error);
        if (r >= 0)
                r = cells_number(l, &c, 2, MAX_SIDE_PX, &height, error);
        if (r >= 0)
                r = read_points(l, &c, f, error);
        if (r < 0)
                return r;
        if (from->offsets)
                landmark_offsets_take_away(from->offsets, f->points);
        end = strrchr(file, '_');
        f->kept = cells_hash(file, end ? (size_t)(end - file) : strlen(file)) % 10 == 0;
        if (snprintf(path, sizeof(path), "%s/%s", from->folder, file) >= (int)sizeof(path))
                return dataset_fail(error, -ENAMETOOLONG, l->path, l->number, "too long a path");
        r = picture_decode_file(path, PICTURE_GRAY8, &p);
        if (r < 0)
                return dataset_fail(error, r, path, 0, "%s",
                                    r == -EBADMSG ? "not a PNG or JPEG, or broken" : strerror(-r));
        if (p->width_px != (unsigned)width || p->height_px != (unsigned)height)
                return dataset_fail(error, -EBADMSG, path, 0, "%u x %u pixels, not as %.100s:%zu says", p->width_px,
                                    p->height_px, l->path, l->number);
        r = take_picture(p, from->side_px, f);
        return r < 0 ? dataset_fail(error, r, path, 0, "%s", strerror(-r)) : 0;
}

static int read_all(struct reading *from, struct landmark_set *s, size_t *room, struct dataset_error *error)
{
        struct lines *l = &from->lines;
        size_t length;
        char *line = NULL;
        int r = check_header(l, error);

        while (r >= 0 && (r = lines_next(l, &line, &length, error)) > 0) {
                if (s->n == MAX_FACES)
                        return dataset_fail(error, -EFBIG, l->path, l->number, "more than %u faces", MAX_FACES);
                if (s->n == *room) {
                        *room = *room ? 2 * *room : 256;
                        struct landmark_face *f = reallocarray(s->faces, *room, sizeof(*f));

                        if (!f)
                                return dataset_fail(error, -ENOMEM, l->path, 0, "out of memory");
                        s->faces = f;
                }
                s->faces[s->n] = (struct landmark_face){ 0 };
                /* counted before it is read: what it has got by an error is freed with the rest */
                s->n++;
                r = read_face(from, line, &s->faces[s->n - 1], error);
        }
        return r;
}

static int read_folder(struct reading *from, struct landmark_set *s, size_t *room, struct dataset_error *error)
{
        size_t before = s->n;
        char table[4096];
        int r;

        if (snprintf(table, sizeof(table), "%s/train.csv", from->folder) >= (int)sizeof(table))
                return dataset_fail(error, -ENAMETOOLONG, from->folder, 0, "too long a path");
        r = lines_open(&from->lines, table, error);
        if (r < 0)
                return r;
        r = read_all(from, s, room, error);
        lines_close(&from->lines);
        return r >= 0 && s->n == before ? dataset_fail(error, -EBADMSG, table, 0, "no face") : r;
}

int landmark_set_load(const char *path, const struct landmark_options *options, struct landmark_set **ret,
                      struct dataset_error *error)
{
        _cleanup_(landmark_set_freep) struct landmark_set *s = calloc(1, sizeof(*s));
        _cleanup_(freep) char *folders = strdup(path);
        struct reading from = { .side_px = options->side_px };
        struct landmark_offsets offsets;
        char *rest = folders;
        size_t room = 0;
        int r = 0;

        if (!s || !folders)
                return dataset_fail(error, -ENOMEM, path, 0, "out of memory");
        if (options->offsets) {
                r = landmark_offsets_read(options->offsets, &offsets, error);
                from.offsets = &offsets;
        }
        while (r >= 0 && (from.folder = strsep(&rest, ":"))) {
                r = read_folder(&from, s, &room, error);
                from.offsets = NULL; /* of the first folder only */
        }
        if (r < 0)
                return r;
        *ret = STEAL(s);
        return 0;
}
