/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The commands of emotion-nn. Each lives in its own cmd-NAME.c and is a row that says what it is called, which options
 * it takes and what runs it; main.c holds the table. Reading of the options, help and messages follow from the rows.
 */

#include <stdbool.h>
#include <stddef.h>

struct cmd;

enum cmd_option_kind {
        CMD_FLAG,   /* bool */
        CMD_TEXT,   /* const char *, of argv */
        CMD_COUNT,  /* unsigned, from min to max */
        CMD_REAL,   /* double, from min to max */
        CMD_CHOICE, /* unsigned, or an enum without negative values: the place among words */
        CMD_OTHER,  /* what read() makes of it */
};

struct cmd_option {
        const char *name;  /* without its dashes; NULL ends an array */
        const char *alias; /* a second name that help does not mention; NULL: none */
        char letter;       /* of the short form; 0: none */
        enum cmd_option_kind kind;
        const char *value; /* what help calls its argument; NULL with a flag */
        size_t at;         /* where it goes, in the command's own structure; not with CMD_OTHER */
        double min, max;
        const char *const *words; /* ended by NULL */
        /* @into: the command's own structure. Return: 0, or cmd_fail() */
        int (*read)(const struct cmd *c, const struct cmd_option *o, const char *text, void *into);
        bool needed;
        const char *help; /* half a sentence */
};

struct cmd {
        const char *name;
        const char *summary;  /* half a line, for `emotion-nn --help` */
        const char *synopsis; /* what follows the name in the first line of help; NULL: of the rows */
        const char *about;    /* sentences for --help; paragraphs are parted by an empty line */
        const char *operand;  /* what help calls what stands beside the options; NULL: nothing may */
        unsigned min_operands, max_operands;
        const struct cmd_option *options; /* NULL: none but --help */
        /* argv[0] is the command's name. Return: 0, or anything else after a message on standard error */
        int (*run)(int argc, char **argv);
};

struct cmd_operands {
        char **at;
        unsigned n;
};

extern const struct cmd cmd_run, cmd_show, cmd_bench, cmd_quantize, cmd_blend; /* using a model */
extern const struct cmd cmd_adopt;                                             /* of others */
extern const struct cmd cmd_train, cmd_eval, cmd_data, cmd_plot, cmd_align;    /* making one */
extern const struct cmd cmd_crop;                                              /* of pictures */
extern const struct cmd cmd_points;                                            /* of a data set */
extern const struct cmd cmd_meanfaces, cmd_clip;                               /* the synthetic clip */

/**
 * cmd_parse() - reads the options of a command into its own structure
 * @into:         holds the defaults; untouched where an option is not given
 * @ret_operands: borrowed from @argv; may be NULL if the command has none
 *
 * Return: 0; 1 after printing help: then there is nothing to do; -EINVAL after a message.
 */
int cmd_parse(const struct cmd *c, int argc, char **argv, void *into, struct cmd_operands *ret_operands);
/* For CMD_OTHER: rows of a data set by their use, "PublicTest", "Training,PublicTest" or "all", into the unsigned at @o->at
 * (bits of enum dataset_usage; all: 0). Return: 0 or -EINVAL after a message. */
int cmd_read_usage(const struct cmd *c, const struct cmd_option *o, const char *text, void *into);
/* A number as an option takes it, for CMD_OTHER. Return: 0 or -EINVAL after a message. */
int cmd_real(const struct cmd *c, const struct cmd_option *o, const char *text, double *ret);

/* Rows that several commands have. @place: where it goes, ".at = ..." */
#define CMD_OUTPUT(what, place, text)                                                                    \
        {                                                                                                \
                .name = "output", .alias = "out", .letter = 'o', .kind = CMD_TEXT, .value = what, place, \
                .needed = true, .help = text                                                             \
        }
#define CMD_THREADS(place)                                                                      \
        {                                                                                       \
                .name = "threads", .kind = CMD_COUNT, .value = "N", place, .min = 1, .max = 64, \
                .help = "1 to 64 (default 1)"                                                   \
        }
#define CMD_LANDMARKS(place)                                                           \
        {                                                                              \
                .name = "landmarks", .kind = CMD_TEXT, .value = "FILE", place,         \
                .help = "the landmark network (default: landmarks.onnx, as installed)" \
        }
#define CMD_TEMPLATE(place)                                                   \
        {                                                                     \
                .name = "template", .kind = CMD_TEXT, .value = "FILE", place, \
                .help = "use another template, a file like template.txt"      \
        }
#define CMD_USAGE(place, text)                                                                                    \
        {                                                                                                         \
                .name = "usage", .kind = CMD_OTHER, .value = "USAGE", place, .read = cmd_read_usage, .help = text \
        }
#define CMD_FERPLUS(place, more)                                             \
        {                                                                    \
                .name = "ferplus", .kind = CMD_TEXT, .value = "FILE", place, \
                .help = "FER+ votes that go with a FER2013 csv" more         \
        }
#define CMD_MAJORITY(place)                                                                          \
        {                                                                                            \
                .name = "majority", place, .help = "take the label that most of these votes are for" \
        }
#define CMD_CONTEMPT(place)                                                                             \
        {                                                                                               \
                .name = "contempt", place, .help = "with --majority: keep contempt as the eighth class" \
        }

/* "emotion-nn NAME: " and the message, on standard error. Return: -EINVAL. */
int cmd_fail(const struct cmd *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for what is no reason to stop. */
void cmd_warn(const struct cmd *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* help.c: on standard output */
void cmd_help(const struct cmd *c);
/* @text in lines of at most 80 columns, all but the first indented by @indent, which is where the first one begins. */
void cmd_wrap(const char *text, unsigned indent);
