/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The Radboud Faces Database (Langner et al. 2010): one folder of pictures whose names tell all, as in
 * Rafd090_01_Caucasian_female_angry_frontal.jpg: camera angle, model, group, sex, expression, gaze. The angle 90
 * is the frontal view; profiles (0 and 180) are left out, because a face detector gives no such crops.
 */
#include <dirent.h>
#include <string.h>

#include "train/data/reader.h"

struct rafd_name {
        unsigned angle_deg;
        int label;
};

static bool parse_name(const char *name, struct rafd_name *ret)
{
        char copy[256], *rest = copy, *parts[6];
        size_t n = 0, length = strlen(name);
        unsigned angle = 0;

        if (!dataset_is_picture_name(name) || length >= sizeof(copy) || strncasecmp(name, "rafd", 4) != 0)
                return false;
        memcpy(copy, name, length + 1);
        *strrchr(copy, '.') = '\0';
        for (char *p; (p = strsep(&rest, "_")); n++) {
                if (n == ARRAY_LEN(parts))
                        return false;
                parts[n] = p;
        }
        if (n != ARRAY_LEN(parts) || strlen(parts[0]) != 7)
                return false;
        for (const char *c = parts[0] + 4; *c; c++) {
                if (*c < '0' || *c > '9')
                        return false;
                angle = angle * 10 + (unsigned)(*c - '0');
        }
        ret->angle_deg = angle;
        ret->label = dataset_label_from_word(parts[4], strlen(parts[4]));
        return angle <= 180 && ret->label >= 0;
}

static int is_rafd(const struct dirent *d)
{
        struct rafd_name n;

        return parse_name(d->d_name, &n);
}

static bool rafd_probe(const char *path, bool is_folder)
{
        bool found = false;

        if (!is_folder)
                return false;
        DIR *dir = opendir(path);
        if (!dir)
                return false;
        for (struct dirent *d; !found && (d = readdir(dir));)
                found = is_rafd(d);
        closedir(dir);
        return found;
}

static int add_named(struct dataset_builder *b, const char *folder, const char *name, struct dataset_error *error)
{
        _cleanup_(freep) char *path = NULL;
        struct rafd_name n;

        if (!parse_name(name, &n) || n.angle_deg == 0 || n.angle_deg == 180)
                return 0;
        if (asprintf(&path, "%s/%s", folder, name) < 0)
                return dataset_fail(error, -ENOMEM, folder, 0, "out of memory");
        return dataset_add_picture(b, path, (unsigned)n.label, error);
}

static int rafd_load(const char *path, const struct dataset_options *options, struct dataset **ret,
                     struct dataset_error *error)
{
        _cleanup_(builder_done) struct dataset_builder b = { 0 };
        struct dirent **names = NULL;
        unsigned width, height;
        int r = dataset_picture_size(path, options, &width, &height, error);

        if (r < 0)
                return r;
        if (builder_init(&b, width, height, N_LABELS, false) < 0)
                return dataset_fail(error, -ENOMEM, path, 0, "out of memory");
        int n = scandir(path, &names, is_rafd, alphasort);
        if (n < 0) {
                r = -errno;
                return dataset_fail(error, r, path, 0, "%s", strerror(-r));
        }
        for (int i = 0; i < n; i++) {
                bool wanted = (!options->usage || options->usage & DATASET_TRAINING) &&
                              (!options->limit || b.d->n < options->limit);

                if (r == 0 && wanted)
                        r = add_named(&b, path, names[i]->d_name, error);
                free(names[i]);
        }
        free(names);
        return r < 0 ? r : dataset_finish_pictures(&b, path, ret, error);
}

const struct dataset_format dataset_rafd = { .name = "rafd", .probe = rafd_probe, .load = rafd_load };
