/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "train/data/dataset.h"
#include "train/data/reader.h"

const char *const dataset_labels[N_LABELS] = {
        [LABEL_ANGER] = "anger",         [LABEL_DISGUST] = "disgust",   [LABEL_FEAR] = "fear",
        [LABEL_HAPPINESS] = "happiness", [LABEL_SADNESS] = "sadness",   [LABEL_SURPRISE] = "surprise",
        [LABEL_NEUTRAL] = "neutral",     [LABEL_CONTEMPT] = "contempt",
};

/* The folder format takes any folder: it comes last. */
static const struct dataset_format *const formats[] = {
        &dataset_points, &dataset_fer2013, &dataset_ckplus, &dataset_rafd, &dataset_folder,
};

int dataset_fail(struct dataset_error *error, int r, const char *path, size_t line, const char *format, ...)
{
        char what[256];
        va_list ap;

        if (!error)
                return r;
        va_start(ap, format);
        vsnprintf(what, sizeof(what), format, ap);
        va_end(ap);
        if (line)
                snprintf(error->text, sizeof(error->text), "%.200s:%zu: %s", path, line, what);
        else
                snprintf(error->text, sizeof(error->text), "%.200s: %s", path, what);
        return r;
}

struct dataset *dataset_free(struct dataset *d)
{
        if (!d)
                return NULL;
        free(d->pixels);
        free(d->classes);
        free(d->usage);
        free(d->votes);
        free(d->label_storage);
        free(d);
        return NULL;
}

int dataset_load(const char *path, const struct dataset_options *options, struct dataset **ret,
                 struct dataset_error *error)
{
        static const struct dataset_options none = { 0 };
        struct stat st;

        if (!options)
                options = &none;
        if (stat(path, &st) < 0) {
                int r = -errno;

                return dataset_fail(error, r, path, 0, "%s", strerror(-r));
        }
        if (options->ferplus_majority && !options->ferplus)
                return dataset_fail(error, -EINVAL, path, 0, "majority labels need the votes of FER+");
        if (options->ferplus_contempt && !options->ferplus_majority)
                return dataset_fail(error, -EINVAL, path, 0, "contempt is a label by majority only");
        for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
                if (!formats[i]->probe(path, S_ISDIR(st.st_mode)))
                        continue;
                if (options->ferplus && formats[i] != &dataset_fer2013)
                        return dataset_fail(error, -EINVAL, path, 0, "FER+ votes belong to a FER2013 csv only");
                if (options->hold_out > 0 && formats[i] != &dataset_folder)
                        return dataset_fail(error, -EINVAL, path, 0, "rows are held out of a folder of pictures only");
                return formats[i]->load(path, options, ret, error);
        }
        return dataset_fail(error, -EINVAL, path, 0, "not a data set of a known format");
}

static const struct {
        const char *name;
        enum dataset_usage usage;
} usages[] = {
        { "Training", DATASET_TRAINING },
        { "PublicTest", DATASET_PUBLIC_TEST },
        { "PrivateTest", DATASET_PRIVATE_TEST },
};

int dataset_usage_from_string(const char *s)
{
        for (size_t i = 0; i < ARRAY_LEN(usages); i++)
                if (strcmp(usages[i].name, s) == 0)
                        return (int)usages[i].usage;
        return -EINVAL;
}

const char *dataset_usage_to_string(enum dataset_usage usage)
{
        for (size_t i = 0; i < ARRAY_LEN(usages); i++)
                if (usages[i].usage == usage)
                        return usages[i].name;
        return "unknown";
}

/* Gives each array of @d room for @n rows. */
static int resize_rows(struct dataset *d, size_t n, bool with_votes)
{
        size_t pixels;

        if (__builtin_mul_overflow(n, (size_t)d->width_px * d->height_px, &pixels))
                return -ENOMEM;
        uint8_t *p = realloc(d->pixels, MAX(pixels, (size_t)1));
        if (!p)
                return -ENOMEM;
        d->pixels = p;
        p = realloc(d->classes, MAX(n, (size_t)1));
        if (!p)
                return -ENOMEM;
        d->classes = p;
        p = realloc(d->usage, MAX(n, (size_t)1));
        if (!p)
                return -ENOMEM;
        d->usage = p;
        if (with_votes) {
                float *v = reallocarray(d->votes, MAX(n, (size_t)1), d->n_classes * sizeof(*v));

                if (!v)
                        return -ENOMEM;
                d->votes = v;
        }
        return 0;
}

int builder_init(struct dataset_builder *b, unsigned width_px, unsigned height_px, unsigned n_classes, bool with_votes)
{
        *b = (struct dataset_builder){ .with_votes = with_votes };
        b->d = calloc(1, sizeof(*b->d));
        if (!b->d)
                return -ENOMEM;
        b->d->width_px = width_px;
        b->d->height_px = height_px;
        b->d->n_classes = n_classes;
        for (unsigned i = 0; i < n_classes && i < N_LABELS; i++)
                b->d->labels[i] = dataset_labels[i];
        return 0;
}

int builder_reserve(struct dataset_builder *b, uint8_t **ret_pixels, float **ret_votes)
{
        struct dataset *d = b->d;

        if (d->n == b->capacity) {
                size_t capacity = b->capacity ? b->capacity * 2 : 64;
                int r = resize_rows(d, capacity, b->with_votes);

                if (r < 0)
                        return r;
                b->capacity = capacity;
        }
        *ret_pixels = d->pixels + d->n * d->width_px * d->height_px;
        if (ret_votes)
                *ret_votes = b->with_votes ? d->votes + d->n * d->n_classes : NULL;
        return 0;
}

void builder_commit(struct dataset_builder *b, unsigned class, enum dataset_usage usage)
{
        b->d->classes[b->d->n] = (uint8_t) class;
        b->d->usage[b->d->n] = (uint8_t)usage;
        b->d->n++;
}

int builder_finish(struct dataset_builder *b, struct dataset **ret)
{
        if (!b->d->n)
                return -EINVAL;
        int r = resize_rows(b->d, b->d->n, b->with_votes);
        if (r < 0)
                return r;
        *ret = STEAL(b->d);
        return 0;
}

void builder_done(struct dataset_builder *b)
{
        b->d = dataset_free(b->d);
}

/* A copy of @d's labels; those that @d owns move into storage of the copy. */
static int copy_labels(const struct dataset *d, struct dataset *ret)
{
        size_t size = 0;

        ret->n_classes = d->n_classes;
        for (unsigned i = 0; i < d->n_classes; i++)
                size += strlen(d->labels[i]) + 1;
        char *p = ret->label_storage = malloc(MAX(size, (size_t)1));
        if (!p)
                return -ENOMEM;
        for (unsigned i = 0; i < d->n_classes; i++) {
                ret->labels[i] = p;
                p = stpcpy(p, d->labels[i]) + 1;
        }
        return 0;
}

int dataset_subset(const struct dataset *d, unsigned usage, size_t limit, struct dataset **ret)
{
        _cleanup_(dataset_freep) struct dataset *s = calloc(1, sizeof(*s));
        size_t size = (size_t)d->width_px * d->height_px, n = 0;

        if (!s || copy_labels(d, s) < 0)
                return -ENOMEM;
        s->width_px = d->width_px;
        s->height_px = d->height_px;
        for (size_t i = 0; i < d->n; i++)
                n += (d->usage[i] & usage) != 0;
        if (limit && n > limit)
                n = limit;
        if (!n)
                return -EINVAL;
        if (resize_rows(s, n, d->votes != NULL) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < d->n && s->n < n; i++) {
                if (!(d->usage[i] & usage))
                        continue;
                memcpy(s->pixels + s->n * size, d->pixels + i * size, size);
                s->classes[s->n] = d->classes[i];
                s->usage[s->n] = d->usage[i];
                if (d->votes)
                        memcpy(s->votes + s->n * d->n_classes, d->votes + i * d->n_classes,
                               d->n_classes * sizeof(*d->votes));
                s->n++;
        }
        *ret = STEAL(s);
        return 0;
}
