/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "train/data/picture-list.h"
#include "train/data/reader.h"

#define MAX_LEVELS 16u

void picture_list_done(struct picture_list *l)
{
        for (size_t i = 0; i < l->n; i++)
                free(l->names[i]);
        free(l->names);
        *l = (struct picture_list){ 0 };
}

static int add(struct picture_list *l, const char *name)
{
        if (l->n == l->room) {
                size_t room = MAX(2 * l->room, (size_t)64);
                char **names = reallocarray(l->names, room, sizeof(*names));

                if (!names)
                        return -ENOMEM;
                l->names = names;
                l->room = room;
        }
        l->names[l->n] = strdup(name);
        return l->names[l->n] ? (l->n++, 0) : -ENOMEM;
}

static int is_visible(const struct dirent *d)
{
        return d->d_name[0] != '.';
}

static int read_level(const char *folder, const char *below, unsigned level, struct picture_list *l);

/* @name: below @folder */
static int read_entry(const char *folder, const char *name, unsigned level, struct picture_list *l)
{
        _cleanup_(freep) char *path = NULL;
        struct stat st;

        if (asprintf(&path, "%s/%s", folder, name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        if (lstat(path, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return read_level(folder, name, level + 1, l);
        return dataset_is_picture_name(strrchr(path, '/') + 1) ? add(l, name) : 0;
}

static int read_level(const char *folder, const char *below, unsigned level, struct picture_list *l)
{
        _cleanup_(freep) char *path = NULL;
        struct dirent **entries;
        int n, r = 0;

        if (level > MAX_LEVELS)
                return -ELOOP;
        if (asprintf(&path, "%s/%s", folder, below) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        n = scandir(path, &entries, is_visible, alphasort);
        if (n < 0)
                return -errno;
        for (int i = 0; i < n; i++) {
                _cleanup_(freep) char *name = NULL;

                if (r == 0 && asprintf(&name, "%s%s%s", below, *below ? "/" : "", entries[i]->d_name) < 0) {
                        name = NULL;
                        r = -ENOMEM;
                }
                if (r == 0)
                        r = read_entry(folder, name, level, l);
                free(entries[i]);
        }
        free(entries);
        return r;
}

int picture_list_read(const char *folder, struct picture_list *ret)
{
        struct picture_list l = { 0 };
        int r = read_level(folder, "", 0, &l);

        if (r < 0) {
                picture_list_done(&l);
                return r;
        }
        *ret = l;
        return 0;
}
