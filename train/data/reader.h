/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What the readers of the data set formats share; for the files of train/data/ only.
 */

#include <sys/types.h>

#include "train/data/dataset.h"

enum { /* positions of the label in dataset_labels */
       LABEL_ANGER,
       LABEL_DISGUST,
       LABEL_FEAR,
       LABEL_HAPPINESS,
       LABEL_SADNESS,
       LABEL_SURPRISE,
       LABEL_NEUTRAL,
       LABEL_CONTEMPT,
       N_LABELS,
       N_LABELS_BASIC = LABEL_CONTEMPT,
};

/* "anger" ... "contempt" */
extern const char *const dataset_labels[N_LABELS];

/* Fills @error and returns @r, for `return fail(...)`; the text begins with "@path: " or, if @line, "@path:@line: ". */
int dataset_fail(struct dataset_error *error, int r, const char *path, size_t line, const char *format, ...)
        _printf_(5, 6);

/* A set under construction: room doubles as rows come. */
struct dataset_builder {
        struct dataset *d;
        size_t capacity;
        bool with_votes;
};

/* An empty set with the first @n_classes of dataset_labels. */
int builder_init(struct dataset_builder *b, unsigned width_px, unsigned height_px, unsigned n_classes, bool with_votes);
/* Room for one row: where its pixels (and votes) go. They count once builder_commit() is called. */
int builder_reserve(struct dataset_builder *b, uint8_t **ret_pixels, float **ret_votes);
void builder_commit(struct dataset_builder *b, unsigned class, enum dataset_usage usage);
/* Gives the set away; -EINVAL if it has no row. */
int builder_finish(struct dataset_builder *b, struct dataset **ret);
void builder_done(struct dataset_builder *b);

/* Lines of a text file, through one buffer of fixed size. */
struct lines {
        int fd;
        const char *path; /* borrowed */
        size_t number;    /* of the line last read, from 1 */
        char *buffer;
        size_t start, end; /* unread bytes in buffer */
        bool at_end;
};
#define LINES_MAX_BYTES ((size_t)64 << 10)

/* Only a regular file is opened. */
int lines_open(struct lines *l, const char *path, struct dataset_error *error);
void lines_close(struct lines *l);
/* @ret: the line without its end (LF or CRLF), 0-terminated, valid until the next call; a 0 byte inside is -EBADMSG.
 * Return: 1; 0 at the end of the file; -EBADMSG a line longer than LINES_MAX_BYTES; errno of read(2). */
int lines_next(struct lines *l, char **ret, size_t *ret_length, struct dataset_error *error);

/* Decodes a PNG or JPEG to grey of @width_px x @height_px, the whole picture. */
int dataset_read_picture(const char *path, unsigned width_px, unsigned height_px, uint8_t *ret,
                         struct dataset_error *error);

/* The size that @options ask for, within limits; 48 x 48 if they do not. */
int dataset_picture_size(const char *path, const struct dataset_options *options, unsigned *ret_width_px,
                         unsigned *ret_height_px, struct dataset_error *error);
/* Reads a picture as a new row, DATASET_TRAINING. */
int dataset_add_picture(struct dataset_builder *b, const char *path, unsigned class, struct dataset_error *error);
/* builder_finish() with messages. */
int dataset_finish_pictures(struct dataset_builder *b, const char *path, struct dataset **ret,
                            struct dataset_error *error);
/* By its ending; hidden files are none. */
bool dataset_is_picture_name(const char *name);
/* "happy", "happiness": LABEL_HAPPINESS, and so on; -EINVAL for other words. */
int dataset_label_from_word(const char *s, size_t length);

/* A row "emotion,numbers,Usage" of FER2013 and the like. */
struct csv_row {
        unsigned class;
        enum dataset_usage usage;
        const char *numbers, *numbers_end;
};

/* Splits @line and checks the outer two columns. -EBADMSG with a message. */
int dataset_split_row(const struct lines *l, char *line, size_t length, struct csv_row *ret,
                      struct dataset_error *error);

/* One format. probe says whether @path is of it; is_folder tells what @path is. */
struct dataset_format {
        const char *name;
        bool (*probe)(const char *path, bool is_folder);
        int (*load)(const char *path, const struct dataset_options *options, struct dataset **ret,
                    struct dataset_error *error);
};
extern const struct dataset_format dataset_points, dataset_fer2013, dataset_ckplus, dataset_rafd, dataset_folder;
