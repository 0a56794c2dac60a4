/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Extended Cohn-Kanade (Lucey et al. 2010) in its original layout: cohn-kanade-images/S005/001/S005_001_00000001.png
 * to the peak of the expression, and Emotion/S005/001/S005_001_00000011_emotion.txt with one number: 1 anger, 2 contempt,
 * 3 disgust, 4 fear, 5 happiness, 6 sadness, 7 surprise. The last three frames of a labelled sequence are taken for the
 * expression and the first for neutral, as is usual; sequences without a label are left out.
 */
#include <dirent.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "train/data/reader.h"

#define N_PEAK_FRAMES 3

static const int labels_of_codes[] = { LABEL_NEUTRAL, LABEL_ANGER,     LABEL_CONTEMPT, LABEL_DISGUST,
                                       LABEL_FEAR,    LABEL_HAPPINESS, LABEL_SADNESS,  LABEL_SURPRISE };

struct names {
        struct dirent **entries;
        int n;
};

static void names_done(struct names *l)
{
        for (int i = 0; i < l->n; i++)
                free(l->entries[i]);
        free(l->entries);
}

static int is_visible(const struct dirent *d)
{
        return d->d_name[0] != '.';
}

static int is_frame(const struct dirent *d)
{
        return dataset_is_picture_name(d->d_name);
}

static int is_label_file(const struct dirent *d)
{
        const char *end = strstr(d->d_name, "_emotion.txt");

        return d->d_name[0] != '.' && end && end[12] == '\0';
}

/* The names in root/branch/subject/sequence, or fewer parts where NULL. A folder that is not there has none. */
static int read_names(const char *folder, int (*filter)(const struct dirent *), struct names *ret,
                      struct dataset_error *error)
{
        int n = scandir(folder, &ret->entries, filter, alphasort);

        if (n < 0 && (errno == ENOENT || errno == ENOTDIR)) {
                ret->entries = NULL;
                return 0;
        }
        if (n < 0) {
                int r = -errno;

                return dataset_fail(error, r, folder, 0, "%s", strerror(-r));
        }
        ret->n = n;
        return 0;
}

/* The label in a file such as "   3.0000000e+00". */
static int read_label(const char *path, int *ret, struct dataset_error *error)
{
        struct lines l;
        size_t length;
        char *line = NULL, *end = NULL;
        int r = lines_open(&l, path, error);

        if (r < 0)
                return r;
        r = lines_next(&l, &line, &length, error);
        double v = r > 0 ? strtod(line, &end) : NAN;
        bool good = r > 0 && end != line && end[strspn(end, " \t")] == '\0' && v >= 0 && v <= 7 && v == floor(v);
        lines_close(&l);
        if (r < 0)
                return r;
        if (!good)
                return dataset_fail(error, -EBADMSG, path, 1, "not one of the numbers 0 to 7");
        *ret = labels_of_codes[(size_t)v];
        return 0;
}

struct ckplus {
        const char *root;
        size_t limit;
        struct dataset_builder builder;
        struct dataset_error *error;
};

static int add_frame(struct ckplus *c, const char *folder, const char *name, int label)
{
        _cleanup_(freep) char *path = NULL;

        if (c->limit && c->builder.d->n >= c->limit)
                return 0;
        if (asprintf(&path, "%s/%s", folder, name) < 0)
                return dataset_fail(c->error, -ENOMEM, folder, 0, "out of memory");
        return dataset_add_picture(&c->builder, path, (unsigned)label, c->error);
}

static int read_frames(struct ckplus *c, const char *folder, int label)
{
        _cleanup_(names_done) struct names frames = { 0 };
        int r = read_names(folder, is_frame, &frames, c->error);

        if (r < 0)
                return r;
        if (frames.n < N_PEAK_FRAMES + 1)
                return dataset_fail(c->error, -EBADMSG, folder, 0, "a labelled sequence of %d frames", frames.n);
        r = add_frame(c, folder, frames.entries[0]->d_name, LABEL_NEUTRAL);
        for (int i = frames.n - N_PEAK_FRAMES; r == 0 && i < frames.n; i++)
                r = add_frame(c, folder, frames.entries[i]->d_name, label);
        return r;
}

static int read_sequence(struct ckplus *c, const char *subject, const char *sequence)
{
        _cleanup_(freep) char *emotion = NULL, *images = NULL, *file = NULL;
        _cleanup_(names_done) struct names labels = { 0 };
        int label = 0, r;

        if (asprintf(&emotion, "%s/Emotion/%s/%s", c->root, subject, sequence) < 0 ||
            asprintf(&images, "%s/cohn-kanade-images/%s/%s", c->root, subject, sequence) < 0)
                return dataset_fail(c->error, -ENOMEM, c->root, 0, "out of memory");
        r = read_names(emotion, is_label_file, &labels, c->error);
        if (r < 0 || labels.n == 0)
                return r;
        if (labels.n > 1)
                return dataset_fail(c->error, -EBADMSG, emotion, 0, "more than one label");
        if (asprintf(&file, "%s/%s", emotion, labels.entries[0]->d_name) < 0)
                return dataset_fail(c->error, -ENOMEM, c->root, 0, "out of memory");
        r = read_label(file, &label, c->error);
        return r < 0 ? r : read_frames(c, images, label);
}

static int read_subject(struct ckplus *c, const char *subject)
{
        _cleanup_(names_done) struct names sequences = { 0 };
        _cleanup_(freep) char *folder = NULL;

        if (asprintf(&folder, "%s/Emotion/%s", c->root, subject) < 0)
                return dataset_fail(c->error, -ENOMEM, c->root, 0, "out of memory");
        int r = read_names(folder, is_visible, &sequences, c->error);
        for (int i = 0; r == 0 && i < sequences.n; i++)
                r = read_sequence(c, subject, sequences.entries[i]->d_name);
        return r;
}

static int ckplus_load(const char *path, const struct dataset_options *options, struct dataset **ret,
                       struct dataset_error *error)
{
        struct ckplus c = { .root = path, .limit = options->limit, .error = error };
        _cleanup_(names_done) struct names subjects = { 0 };
        _cleanup_(freep) char *folder = NULL;
        unsigned width, height;
        int r = dataset_picture_size(path, options, &width, &height, error);

        if (r < 0)
                return r;
        if (asprintf(&folder, "%s/Emotion", path) < 0 || builder_init(&c.builder, width, height, N_LABELS, false) < 0)
                return dataset_fail(error, -ENOMEM, path, 0, "out of memory");
        r = read_names(folder, is_visible, &subjects, error);
        bool wanted = !options->usage || options->usage & DATASET_TRAINING;
        for (int i = 0; r == 0 && wanted && i < subjects.n; i++)
                r = read_subject(&c, subjects.entries[i]->d_name);
        if (r == 0)
                r = dataset_finish_pictures(&c.builder, path, ret, error);
        builder_done(&c.builder);
        return r;
}

static bool ckplus_probe(const char *path, bool is_folder)
{
        static const char *const parts[] = { "Emotion", "cohn-kanade-images" };

        for (size_t i = 0; is_folder && i < ARRAY_LEN(parts); i++) {
                _cleanup_(freep) char *part = NULL;
                struct stat st;

                if (asprintf(&part, "%s/%s", path, parts[i]) < 0 || stat(part, &st) < 0 || !S_ISDIR(st.st_mode))
                        return false;
        }
        return is_folder;
}

const struct dataset_format dataset_ckplus = { .name = "ckplus", .probe = ckplus_probe, .load = ckplus_load };
