/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * A folder with one folder a class, PNG and JPEG pictures in each. Where every folder's name is one of our labels (or
 * "happy" for "happiness" and the like), the classes are ours in our order; else the folders' names in name order.
 */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "basic/fnv.h"
#include "train/data/reader.h"

/* With fewer, the beginnings of names are no persons. */
#define LEAST_PERSONS 5

struct entries {
        struct dirent **names;
        int n;
};

static void entries_done(struct entries *e)
{
        for (int i = 0; i < e->n; i++)
                free(e->names[i]);
        free(e->names);
}

static int is_visible(const struct dirent *d)
{
        return d->d_name[0] != '.';
}

static int read_entries(const char *path, struct entries *ret, struct dataset_error *error)
{
        int n = scandir(path, &ret->names, is_visible, alphasort);

        if (n < 0) {
                int r = -errno;

                return dataset_fail(error, r, path, 0, "%s", strerror(-r));
        }
        ret->n = n;
        return 0;
}

static bool is_folder(const char *parent, const char *name)
{
        _cleanup_(freep) char *path = NULL;
        struct stat st;

        return asprintf(&path, "%s/%s", parent, name) > 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

struct folder_class {
        const char *name; /* borrowed from the entries */
        unsigned class;
};

/* Finds the classes, and gives the set its labels. */
static int name_classes(const char *path, const struct entries *e, struct dataset *d, struct folder_class *classes,
                        unsigned *ret_n, struct dataset_error *error)
{
        unsigned n = 0, n_labels = N_LABELS_BASIC;
        bool known = true;
        size_t size = 1;

        for (int i = 0; i < e->n; i++) {
                const char *name = e->names[i]->d_name;

                if (!is_folder(path, name))
                        continue;
                if (n == DATASET_MAX_CLASSES)
                        return dataset_fail(error, -EINVAL, path, 0, "more than %d folders", DATASET_MAX_CLASSES);
                int label = dataset_label_from_word(name, strlen(name));
                known = known && label >= 0;
                if (label == LABEL_CONTEMPT)
                        n_labels = N_LABELS;
                classes[n] = (struct folder_class){ name, label >= 0 ? (unsigned)label : 0 };
                size += strlen(name) + 1;
                n++;
        }
        *ret_n = n;
        d->n_classes = n_labels;
        for (unsigned i = 0; known && i < n_labels; i++)
                d->labels[i] = dataset_labels[i];
        if (known)
                return 0;
        char *p = d->label_storage = malloc(size);
        if (!p)
                return dataset_fail(error, -ENOMEM, path, 0, "out of memory");
        d->n_classes = n;
        for (unsigned i = 0; i < n; i++) {
                classes[i].class = i;
                d->labels[i] = p;
                p = stpcpy(p, classes[i].name) + 1;
        }
        return 0;
}

/* Who is held out together. */
struct origin {
        uint64_t person, file;
        size_t row;
};

struct origins {
        struct origin *list; /* NULL: not asked for */
        size_t n, room;
};

static void origins_done(struct origins *o)
{
        free(o->list);
}

/* Spreads what FNV leaves in the low bits of short names. */
static uint64_t hash(const char *s, size_t length)
{
        uint64_t h = fnv_add(FNV_START, s, length);

        h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
        return h ^ h >> 33;
}

/* A person is what a name begins with, up to the first blank, sign or dot. */
static int add_origin(struct origins *o, const char *name, const char *file, size_t row)
{
        size_t length = strcspn(name, " -_.");

        if (o->n == o->room) {
                size_t room = MAX(2 * o->room, (size_t)256);
                struct origin *list = reallocarray(o->list, room, sizeof(*list));

                if (!list)
                        return -ENOMEM;
                o->list = list;
                o->room = room;
        }
        o->list[o->n++] = (struct origin){ hash(name, length ? length : strlen(name)), hash(file, strlen(file)), row };
        return 0;
}

static int by_person(const void *a, const void *b)
{
        const struct origin *x = a, *y = b;

        return x->person != y->person ? (x->person < y->person ? -1 : 1) : x->row < y->row ? -1 : 1;
}

static size_t count_persons(const struct origins *o)
{
        size_t n = 0;

        for (size_t i = 0; i < o->n; i++)
                n += i == 0 || o->list[i].person != o->list[i - 1].person;
        return n;
}

/* Whole persons in the order of their hashes, the same ones each time, until @share of the rows is reached. */
static void hold_out(struct dataset *d, struct origins *o, double share)
{
        size_t wanted = (size_t)(share * (double)o->n + 0.5);

        if (o->n == 0)
                return;
        qsort(o->list, o->n, sizeof(*o->list), by_person);
        if (count_persons(o) < LEAST_PERSONS) {
                for (size_t i = 0; i < o->n; i++)
                        o->list[i].person = o->list[i].file;
                qsort(o->list, o->n, sizeof(*o->list), by_person);
        }
        for (size_t i = 0; i < o->n; i++) {
                if (i >= wanted && (i == 0 || o->list[i].person != o->list[i - 1].person))
                        return;
                d->usage[o->list[i].row] = DATASET_PUBLIC_TEST;
        }
}

static int read_class(const char *path, const struct folder_class *c, const struct dataset_options *options,
                      struct origins *origins, struct dataset_builder *b, struct dataset_error *error)
{
        _cleanup_(entries_done) struct entries e = { 0 };
        _cleanup_(freep) char *folder = NULL;
        int r;

        if (asprintf(&folder, "%s/%s", path, c->name) < 0)
                return dataset_fail(error, -ENOMEM, path, 0, "out of memory");
        r = read_entries(folder, &e, error);
        for (int i = 0; r == 0 && i < e.n && (!options->limit || b->d->n < options->limit); i++) {
                _cleanup_(freep) char *file = NULL;

                if (!dataset_is_picture_name(e.names[i]->d_name))
                        continue;
                if (asprintf(&file, "%s/%s", folder, e.names[i]->d_name) < 0)
                        return dataset_fail(error, -ENOMEM, path, 0, "out of memory");
                r = dataset_add_picture(b, file, c->class, error);
                if (r == 0 && options->hold_out > 0 &&
                    add_origin(origins, e.names[i]->d_name, file + strlen(path), b->d->n - 1) < 0)
                        return dataset_fail(error, -ENOMEM, path, 0, "out of memory");
        }
        return r;
}

static int folder_load(const char *path, const struct dataset_options *options, struct dataset **ret,
                       struct dataset_error *error)
{
        _cleanup_(builder_done) struct dataset_builder b = { 0 };
        _cleanup_(entries_done) struct entries e = { 0 };
        _cleanup_(origins_done) struct origins origins = { 0 };
        struct folder_class classes[DATASET_MAX_CLASSES];
        unsigned width, height, n = 0;
        int r = dataset_picture_size(path, options, &width, &height, error);

        if (r < 0)
                return r;
        r = read_entries(path, &e, error);
        if (r < 0)
                return r;
        r = builder_init(&b, width, height, 0, false);
        if (r < 0)
                return dataset_fail(error, r, path, 0, "out of memory");
        r = name_classes(path, &e, b.d, classes, &n, error);
        for (unsigned i = 0; r == 0 && i < n && (!options->usage || options->usage & DATASET_TRAINING); i++)
                r = read_class(path, &classes[i], options, &origins, &b, error);
        if (r == 0)
                hold_out(b.d, &origins, options->hold_out);
        return r < 0 ? r : dataset_finish_pictures(&b, path, ret, error);
}

static bool folder_probe(const char *path, bool is_a_folder)
{
        return is_a_folder;
}

const struct dataset_format dataset_folder = { .name = "folder", .probe = folder_probe, .load = folder_load };
