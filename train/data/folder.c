/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * A folder with one folder a class, PNG and JPEG pictures in each. Where every folder's name is one of our labels (or
 * "happy" for "happiness" and the like), the classes are ours in our order; else the folders' names in name order.
 */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "train/data/reader.h"

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

static int read_class(const char *path, const struct folder_class *c, size_t limit, struct dataset_builder *b,
                      struct dataset_error *error)
{
        _cleanup_(entries_done) struct entries e = { 0 };
        _cleanup_(freep) char *folder = NULL;
        int r;

        if (asprintf(&folder, "%s/%s", path, c->name) < 0)
                return dataset_fail(error, -ENOMEM, path, 0, "out of memory");
        r = read_entries(folder, &e, error);
        for (int i = 0; r == 0 && i < e.n && (!limit || b->d->n < limit); i++) {
                _cleanup_(freep) char *file = NULL;

                if (!dataset_is_picture_name(e.names[i]->d_name))
                        continue;
                if (asprintf(&file, "%s/%s", folder, e.names[i]->d_name) < 0)
                        return dataset_fail(error, -ENOMEM, path, 0, "out of memory");
                r = dataset_add_picture(b, file, c->class, error);
        }
        return r;
}

static int folder_load(const char *path, const struct dataset_options *options, struct dataset **ret,
                       struct dataset_error *error)
{
        _cleanup_(builder_done) struct dataset_builder b = { 0 };
        _cleanup_(entries_done) struct entries e = { 0 };
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
                r = read_class(path, &classes[i], options->limit, &b, error);
        return r < 0 ? r : dataset_finish_pictures(&b, path, ret, error);
}

static bool folder_probe(const char *path, bool is_a_folder)
{
        return is_a_folder;
}

const struct dataset_format dataset_folder = { .name = "folder", .probe = folder_probe, .load = folder_load };
