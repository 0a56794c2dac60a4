/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <search.h>
#include <string.h>

#include "picture/picture.h"
#include "train/data/cells.h"
#include "train/data/scenes.h"

#define MAX_SCENES 200000u
#define MAX_FACES 1000u
#define MAX_SIDE_PX 8192u
/* A group with a larger share of all pictures is cut into runs of so many. */
#define LARGE_GROUP 20u /* a twentieth */
#define RUN_PICTURES 40u

/* What sources.csv says of one file. */
struct source {
        char *file;
        uint64_t group;
        bool hard, covered;
};

struct sources {
        size_t n;
        struct source *list; /* sorted by file */
};

static void sources_done(struct sources *s)
{
        for (size_t i = 0; i < s->n; i++)
                free(s->list[i].file);
        free(s->list);
}

static int by_file(const void *a, const void *b)
{
        return strcmp(((const struct source *)a)->file, ((const struct source *)b)->file);
}

/* Room for one more element of a growing array that doubles. */
static int grow(void **list, size_t n, size_t size)
{
        void *p;

        if (n & (n - 1))
                return 0;
        p = reallocarray(*list, n ? 2 * n : 1, size);
        if (!p)
                return -ENOMEM;
        *list = p;
        return 0;
}

/* Whether @word is one of those that @note joins by '+'. */
static bool has_word(const char *note, const char *word)
{
        size_t n = strlen(word);

        for (const char *at = note; (at = strstr(at, word)); at += n)
                if ((at == note || at[-1] == '+') && (!at[n] || at[n] == '+'))
                        return true;
        return false;
}

static int by_group(const void *a, const void *b)
{
        const struct source *x = *(struct source *const *)a, *y = *(struct source *const *)b;

        return x->group != y->group ? (x->group < y->group ? -1 : 1) : x < y ? -1 : x > y;
}

/* @s is sorted by file. */
static int split_large_groups(struct sources *s)
{
        _cleanup_(freep) struct source **order = calloc(s->n, sizeof(*order));

        if (!order)
                return -ENOMEM;
        for (size_t i = 0; i < s->n; i++)
                order[i] = &s->list[i];
        qsort(order, s->n, sizeof(struct source *), by_group);
        for (size_t i = 0, end; i < s->n; i = end) {
                uint64_t group = order[i]->group;

                for (end = i + 1; end < s->n && order[end]->group == group;)
                        end++;
                for (size_t k = i; (end - i) * LARGE_GROUP > s->n && end - i > RUN_PICTURES && k < end; k++) {
                        uint64_t part[2] = { group, (k - i) / RUN_PICTURES };

                        order[k]->group = cells_hash((const char *)part, sizeof(part));
                }
        }
        return 0;
}

static int read_source(struct lines *l, const struct cells *c, const int at[3], struct sources *s,
                       struct dataset_error *error)
{
        const char *file = NULL, *note = at[2] >= 0 && (unsigned)at[2] < c->n ? c->text[at[2]] : "";
        int r = cells_file(l, c, at[0], &file, error);
        void *list = s->list;

        if (r < 0)
                return r;
        if ((unsigned)at[1] >= c->n)
                return dataset_fail(error, -EBADMSG, l->path, l->number, "no group");
        if (s->n == MAX_SCENES || grow(&list, s->n, sizeof(*s->list)) < 0)
                return dataset_fail(error, -ENOMEM, l->path, l->number, "out of memory");
        s->list = list;
        s->list[s->n] = (struct source){
                .file = strdup(file),
                .group = cells_hash(c->text[at[1]], strlen(c->text[at[1]])),
                .hard = has_word(note, "hard"),
                .covered = has_word(note, "mask") || has_word(note, "sunglasses"),
        };
        return s->list[s->n++].file ? 0 : dataset_fail(error, -ENOMEM, l->path, l->number, "out of memory");
}

/* Reads the first line and finds columns by the names; -1 for one that is missing. */
static int read_header(struct lines *l, const char *const (*names)[3], unsigned n, int *ret,
                       struct dataset_error *error)
{
        struct cells c;
        int r = cells_header(l, &c, error);

        for (unsigned i = 0; r >= 0 && i < n; i++)
                ret[i] = cells_find(&c, names[i]);
        return r;
}

static int read_sources(const char *folder, struct sources *s, struct dataset_error *error)
{
        static const char *const names[][3] = { { "file" }, { "group" }, { "note" } };
        char path[4096], *line = NULL;
        struct cells c;
        struct lines l;
        size_t length;
        int at[3], r;

        if (snprintf(path, sizeof(path), "%s/sources.csv", folder) >= (int)sizeof(path))
                return dataset_fail(error, -ENAMETOOLONG, folder, 0, "too long a path");
        if (access(path, F_OK) < 0)
                return 0;
        r = lines_open(&l, path, error);
        if (r < 0)
                return r;
        r = read_header(&l, names, 3, at, error);
        if (r >= 0 && (at[0] < 0 || at[1] < 0))
                r = dataset_fail(error, -EBADMSG, path, 1, "no columns file and group");
        while (r >= 0 && (r = lines_next(&l, &line, &length, error)) > 0) {
                r = cells_split(&l, line, &c, error);
                if (r >= 0)
                        r = read_source(&l, &c, at, s, error);
        }
        lines_close(&l);
        if (s->n)
                qsort(s->list, s->n, sizeof(*s->list), by_file);
        if (r >= 0 && s->n)
                r = split_large_groups(s);
        return r;
}

enum { FILE_NAME, WIDTH, HEIGHT, INDEX, BOX_X, BOX_Y, BOX_W, BOX_H, POINTS, N_COLUMNS = POINTS + 2 * SCENE_POINTS };

struct reading {
        const char *folder;
        const struct scene_options *options;
        struct lines lines;
        int at[N_COLUMNS];
        struct sources sources;
        struct scene_set *set;
        size_t first; /* scene of this folder */
        struct dataset_error *error;
        char skipped[208]; /* the last file that is not wanted */
};

static int read_number(struct reading *r, const struct cells *c, int column, double *ret)
{
        return cells_number(&r->lines, c, r->at[column], 4 * MAX_SIDE_PX, ret, r->error);
}

static int read_columns(struct reading *r)
{
        static const char *const names[N_COLUMNS][3] = {
                { "file" },          { "width" },         { "height" },         { "face_index", "index" },
                { "x", "left" },     { "y", "top" },      { "w", "box_width" }, { "h", "box_height" },
                { "left_eye_x" },    { "left_eye_y" },    { "right_eye_x" },    { "right_eye_y" },
                { "nose_x" },        { "nose_y" },        { "mouth_left_x" },   { "mouth_left_y" },
                { "mouth_right_x" }, { "mouth_right_y" },
        };
        int e = read_header(&r->lines, names, N_COLUMNS, r->at, r->error);

        for (unsigned i = 0; e >= 0 && i < POINTS; i++)
                if (r->at[i] < 0)
                        e = dataset_fail(r->error, -EBADMSG, r->lines.path, 1, "no column %s", names[i][0]);
        return e;
}

static int shrink(const struct nn_image *from, struct nn_image *ret)
{
        unsigned w = MAX(from->width_px / 2, 1u), h = MAX(from->height_px / 2, 1u);
        uint8_t *data = malloc((size_t)w * h);

        if (!data)
                return -ENOMEM;
        *ret = (struct nn_image){ .data = data, .width_px = w, .height_px = h, .stride_bytes = w };
        return nn_image_resize(from, w, h, data);
}

static int read_picture(struct reading *r, const struct cells *c, struct scene *s)
{
        _cleanup_(picture_freep) struct picture *p = NULL;
        double width, height;
        char path[4096];
        int e;

        if (snprintf(path, sizeof(path), "%s/%s", r->folder, s->file) >= (int)sizeof(path))
                return dataset_fail(r->error, -ENAMETOOLONG, r->folder, 0, "too long a path");
        e = picture_decode_file(path, PICTURE_GRAY8, &p);
        if (e < 0)
                return dataset_fail(r->error, e, path, 0, "%s",
                                    e == -EBADMSG ? "not a PNG or JPEG, or broken" : strerror(-e));
        if (read_number(r, c, WIDTH, &width) < 0 || read_number(r, c, HEIGHT, &height) < 0)
                return -EBADMSG;
        if (p->width_px != (unsigned)width || p->height_px != (unsigned)height || p->width_px > MAX_SIDE_PX ||
            p->height_px > MAX_SIDE_PX)
                return dataset_fail(r->error, -EBADMSG, path, 0, "%u x %u pixels, not as %.100s:%zu says", p->width_px,
                                    p->height_px, r->lines.path, r->lines.number);
        const struct nn_image whole = { p->data, p->width_px, p->height_px, p->stride_bytes };
        uint8_t *data = malloc((size_t)whole.width_px * whole.height_px);

        if (!data)
                return dataset_fail(r->error, -ENOMEM, path, 0, "out of memory");
        s->levels[0] = (struct nn_image){ data, whole.width_px, whole.height_px, whole.width_px };
        e = nn_image_resize(&whole, whole.width_px, whole.height_px, data);
        for (unsigned i = 1; e >= 0 && i < SCENE_LEVELS; i++)
                e = shrink(&s->levels[i - 1], &s->levels[i]);
        return e < 0 ? dataset_fail(r->error, e, path, 0, "%s", strerror(-e)) : 0;
}

static int read_face(struct reading *r, const struct cells *c, struct scene *s)
{
        double v[N_COLUMNS];
        struct scene_face f;
        void *faces = s->faces;

        for (int i = BOX_X; i < POINTS; i++)
                if (read_number(r, c, i, &v[i]) < 0)
                        return -EBADMSG;
        f = (struct scene_face){ .x = (float)v[BOX_X],
                                 .y = (float)v[BOX_Y],
                                 .w = (float)v[BOX_W],
                                 .h = (float)v[BOX_H],
                                 .has_points = r->at[POINTS] >= 0 };
        if (!(f.w >= 1) || !(f.h >= 1))
                return dataset_fail(r->error, -EBADMSG, r->lines.path, r->lines.number, "an empty box");
        for (int i = 0; i < 2 * SCENE_POINTS && f.has_points; i++) {
                if (read_number(r, c, POINTS + i, &v[POINTS + i]) < 0)
                        return -EBADMSG;
                f.points[i / 2][i % 2] = (float)v[POINTS + i];
        }
        if (s->n_faces == MAX_FACES || grow(&faces, s->n_faces, sizeof(f)) < 0)
                return dataset_fail(r->error, -ENOMEM, r->lines.path, r->lines.number, "too many faces");
        s->faces = faces;
        s->faces[s->n_faces++] = f;
        return 0;
}

/* A new picture, or NULL if it is not wanted. */
static int begin_scene(struct reading *r, const struct cells *c, const char *file, bool face_free, struct scene **ret)
{
        const struct source *source = NULL;
        struct source key = { .file = (char *)(uintptr_t)file };
        uint64_t group = cells_hash(file, strlen(file));
        void *scenes = r->set->scenes;
        struct scene *s;
        bool kept;

        if (r->sources.n)
                source = bsearch(&key, r->sources.list, r->sources.n, sizeof(key), by_file);
        if (source)
                group = source->group;
        kept = group % 10 == 0;
        *ret = NULL;
        if ((r->options->part == SCENES_TRAINING && kept) || (r->options->part == SCENES_KEPT && !kept) ||
            (r->options->face_free && !face_free)) {
                snprintf(r->skipped, sizeof(r->skipped), "%s", file);
                return 0;
        }
        if (r->set->n == MAX_SCENES || grow(&scenes, r->set->n, sizeof(*s)) < 0)
                return dataset_fail(r->error, -ENOMEM, r->lines.path, r->lines.number, "too many pictures");
        r->set->scenes = scenes;
        s = &r->set->scenes[r->set->n++];
        *s = (struct scene){
                .file = strdup(file), .hard = source && source->hard, .covered = source && source->covered, .kept = kept
        };
        if (!s->file)
                return dataset_fail(r->error, -ENOMEM, r->lines.path, r->lines.number, "out of memory");
        *ret = s;
        return read_picture(r, c, s);
}

static int read_row(struct reading *r, char *line)
{
        struct scene *s = r->set->n > r->first ? &r->set->scenes[r->set->n - 1] : NULL;
        const char *file = NULL;
        bool face_free;
        struct cells c;
        int e = cells_split(&r->lines, line, &c, r->error);

        if (e >= 0)
                e = cells_file(&r->lines, &c, r->at[FILE_NAME], &file, r->error);
        if (e < 0)
                return e;
        face_free = (unsigned)r->at[BOX_W] >= c.n || !c.text[r->at[BOX_W]][0];
        if (strcmp(file, r->skipped) == 0)
                return 0;
        if (!s || strcmp(s->file, file) != 0) {
                e = begin_scene(r, &c, file, face_free, &s);
                if (e < 0 || !s)
                        return e;
        }
        return face_free ? 0 : read_face(r, &c, s);
}

struct scene_set *scene_set_free(struct scene_set *s)
{
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n; i++) {
                for (unsigned k = 0; k < SCENE_LEVELS; k++)
                        free((void *)(uintptr_t)s->scenes[i].levels[k].data);
                free(s->scenes[i].file);
                free(s->scenes[i].faces);
        }
        free(s->scenes);
        free(s);
        return NULL;
}

/* Adds the pictures of one folder. */
static int load_folder(const char *path, const struct scene_options *options, struct scene_set *set,
                       struct dataset_error *error)
{
        struct reading r = { .folder = path, .options = options, .set = set, .first = set->n, .error = error };
        char table[4096], *line = NULL;
        size_t length;
        int e;

        if (snprintf(table, sizeof(table), "%s/boxes.csv", path) >= (int)sizeof(table))
                return dataset_fail(error, -ENAMETOOLONG, path, 0, "too long a path");
        e = read_sources(path, &r.sources, error);
        if (e >= 0)
                e = lines_open(&r.lines, table, error);
        if (e >= 0) {
                e = read_columns(&r);
                while (e >= 0 && (e = lines_next(&r.lines, &line, &length, error)) > 0)
                        e = read_row(&r, line);
                lines_close(&r.lines);
        }
        sources_done(&r.sources);
        return e;
}

int scene_set_load(const char *path, const struct scene_options *options, struct scene_set **ret,
                   struct dataset_error *error)
{
        _cleanup_(scene_set_freep) struct scene_set *set = calloc(1, sizeof(*set));
        _cleanup_(freep) char *folders = strdup(path);
        char *rest = folders, *folder;
        int e = 0;

        if (!set || !folders)
                return dataset_fail(error, -ENOMEM, path, 0, "out of memory");
        while (e >= 0 && (folder = strsep(&rest, ":")))
                e = load_folder(folder, options, set, error);
        if (e >= 0 && !set->n)
                e = dataset_fail(error, -EBADMSG, path, 0, "no picture of the wanted kind");
        if (e < 0)
                return e;
        *ret = STEAL(set);
        return 0;
}
