/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A labelled set of grey pictures in memory, whatever file format it came from (one file a format in train/data/).
 */

#include <stdint.h>

#include "basic/macro.h"

#define DATASET_MAX_CLASSES 16
#define DATASET_LABEL_MAX 64 /* bytes of a class name with its NUL, so that all fit into a model's metadata */

enum dataset_usage { /* bits; formats without a split are DATASET_TRAINING */
                     DATASET_TRAINING = 1,
                     DATASET_PUBLIC_TEST = 2, /* validation */
                     DATASET_PRIVATE_TEST = 4,
};

struct dataset {
        unsigned width_px, height_px; /* of every picture */
        size_t n;
        unsigned n_classes;
        const char *labels[DATASET_MAX_CLASSES]; /* "anger", ...; static strings or owned by the set */
        uint8_t *pixels;                         /* [n, height, width] */
        uint8_t *classes;                        /* [n], the hard label */
        uint8_t *usage;                          /* [n], one bit of enum dataset_usage */
        /* [n, n_classes], or NULL: shares of the taggers' votes (FER+); a row sums to 1, or to 0 where no tagger
         * chose a class of the set */
        float *votes;
        char *label_storage;
};

/* Which rows and labels to read. All zero: everything, original labels. */
struct dataset_options {
        unsigned usage;               /* bits wanted; 0 for all */
        const char *ferplus;          /* path of fer2013new.csv beside a FER2013 csv; fills votes; NULL for none */
        bool ferplus_majority;        /* classes from the majority of votes instead of the original labels; rows
                                     without one, or whose majority is no class of the set, are left out */
        bool ferplus_contempt;        /* with the above: 8 classes */
        unsigned width_px, height_px; /* for folders of pictures: resize to this; 0: 48x48 */
        double hold_out; /* of a folder: so large a share of its rows becomes DATASET_PUBLIC_TEST; 0 to 0.5 */
        size_t limit;    /* the first so many rows of those wanted; 0 for all */
};

struct dataset_error {
        char text[512]; /* names the file and, where it has lines, the line */
};

/**
 * dataset_load() - read a set; the format is told by the path (a file with FER2013's header, a folder with one folder
 * a class, CK+'s layout, RaFD's file names)
 * Return: 0; -EBADMSG a wrong or cut file (nothing is returned); -EINVAL unknown format or no row; -ENOMEM; errno.
 */
int dataset_load(const char *path, const struct dataset_options *options, struct dataset **ret,
                 struct dataset_error *error);
struct dataset *dataset_free(struct dataset *d);
DEFINE_CLEANUP(struct dataset *, dataset_free)

/* The rows whose usage is in @usage, as a new set that shares nothing with @d. */
int dataset_subset(const struct dataset *d, unsigned usage, size_t limit, struct dataset **ret);

/* "Training", "PublicTest", "PrivateTest", FER2013's names. Return: the bit, or -EINVAL. */
int dataset_usage_from_string(const char *s);
const char *dataset_usage_to_string(enum dataset_usage usage); /* one bit; a static string */
