/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/cmd/cmd.h"
#include "train/data/dataset.h"

#define MAX_OPTIONS 24
#define FIRST 256 /* what getopt_long() gives for row 0: letters are below */
#define HELP (FIRST + MAX_OPTIONS)

static void __attribute__((format(printf, 2, 0))) message(const struct cmd *c, const char *format, va_list ap)
{
        fprintf(stderr, "emotion-nn %s: ", c->name);
        vfprintf(stderr, format, ap);
        fputc('\n', stderr);
}

int cmd_fail(const struct cmd *c, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        message(c, format, ap);
        va_end(ap);
        return -EINVAL;
}

void cmd_warn(const struct cmd *c, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        message(c, format, ap);
        va_end(ap);
}

static int read_count(const struct cmd *c, const struct cmd_option *o, const char *text, unsigned *ret)
{
        unsigned long long v;
        char *end;

        errno = 0;
        v = strtoull(text, &end, 10);
        if (errno || end == text || *end || strchr(text, '-') || (double)v < o->min || (double)v > o->max)
                return cmd_fail(c, "--%s: \"%s\" is not a whole number from %.0f to %.0f", o->name, text, o->min,
                                o->max);
        *ret = (unsigned)v;
        return 0;
}

int cmd_real(const struct cmd *c, const struct cmd_option *o, const char *text, double *ret)
{
        char *end;
        double v = strtod(text, &end);

        /* written so that NaN fails */
        if (end == text || *end || !(v >= o->min && v <= o->max))
                return cmd_fail(c, "--%s: \"%s\" is not a number from %g to %g", o->name, text, o->min, o->max);
        *ret = v;
        return 0;
}

static int read_choice(const struct cmd *c, const struct cmd_option *o, const char *text, unsigned *ret)
{
        char all[128] = "";

        for (unsigned i = 0; o->words[i]; i++) {
                size_t used = strlen(all);

                if (strcmp(o->words[i], text) == 0) {
                        *ret = i;
                        return 0;
                }
                snprintf(all + used, sizeof(all) - used, "%s%s",
                         !i                ? ""
                         : o->words[i + 1] ? ", "
                                           : " or ",
                         o->words[i]);
        }
        return cmd_fail(c, "--%s: \"%s\" is not %s", o->name, text, all);
}

int cmd_read_usage(const struct cmd *c, const struct cmd_option *o, const char *text, void *into)
{
        unsigned bits = 0, *ret = (void *)((char *)into + o->at);

        if (strcmp(text, "all") == 0) {
                *ret = 0;
                return 0;
        }
        for (const char *s = text; *s;) {
                size_t n = strcspn(s, ",");
                char name[32] = "";
                int usage;

                memcpy(name, s, n < sizeof(name) ? n : sizeof(name) - 1);
                usage = dataset_usage_from_string(name);
                if (usage < 0)
                        return cmd_fail(c, "--%s: \"%s\" is not Training, PublicTest, PrivateTest or all", o->name,
                                        name);
                bits |= (unsigned)usage;
                s += n + (s[n] == ',');
        }
        if (!bits)
                return cmd_fail(c, "--%s is empty", o->name);
        *ret = bits;
        return 0;
}

static int take(const struct cmd *c, const struct cmd_option *o, const char *text, void *into)
{
        void *at = (char *)into + o->at;

        switch (o->kind) {
        case CMD_FLAG:
                *(bool *)at = true;
                return 0;
        case CMD_TEXT:
                *(const char **)at = text;
                return 0;
        case CMD_COUNT:
                return read_count(c, o, text, at);
        case CMD_REAL:
                return cmd_real(c, o, text, at);
        case CMD_CHOICE:
                return read_choice(c, o, text, at);
        case CMD_OTHER:
                return o->read(c, o, text, into);
        }
        return -EINVAL;
}

struct tables {
        struct option longs[2 * MAX_OPTIONS + 2];
        char shorts[2 * MAX_OPTIONS + 2];
        unsigned n; /* rows */
};

static void make_tables(const struct cmd *c, struct tables *t)
{
        unsigned n_longs = 0, n_shorts = 0;

        *t = (struct tables){ 0 };
        t->shorts[n_shorts++] = 'h';
        t->longs[n_longs++] = (struct option){ "help", no_argument, NULL, HELP };
        for (const struct cmd_option *o = c->options; o && o->name && t->n < MAX_OPTIONS; o++, t->n++) {
                int argument = o->kind == CMD_FLAG ? no_argument : required_argument;

                t->longs[n_longs++] = (struct option){ o->name, argument, NULL, FIRST + (int)t->n };
                if (o->alias)
                        t->longs[n_longs++] = (struct option){ o->alias, argument, NULL, FIRST + (int)t->n };
                if (o->letter)
                        t->shorts[n_shorts++] = o->letter;
                if (o->letter && argument == required_argument)
                        t->shorts[n_shorts++] = ':';
        }
}

/* The row that getopt_long() means; -1: none. */
static int row_of(const struct cmd *c, const struct tables *t, int found)
{
        for (unsigned i = 0; i < t->n; i++)
                if (found == FIRST + (int)i || (found && found == c->options[i].letter))
                        return (int)i;
        return -1;
}

/* Adds @what to a list of @n words so far. */
static void append(char *list, size_t size, unsigned n, const char *dashes, const char *what)
{
        size_t used = strlen(list);

        snprintf(list + used, size - used, "%s%s%s", n ? ", " : "", dashes, what);
}

/* Names all that a command cannot do without, so that one message is enough. */
static int check_needed(const struct cmd *c, const bool *given, unsigned n_operands)
{
        bool missing = n_operands < c->min_operands;
        char list[256] = "";
        unsigned n = 0;

        if (c->min_operands)
                append(list, sizeof(list), n++, "", c->operand);
        for (unsigned i = 0; c->options && c->options[i].name; i++)
                if (c->options[i].needed) {
                        append(list, sizeof(list), n++, "--", c->options[i].name);
                        missing |= !given[i];
                }
        if (missing)
                return cmd_fail(c, "%s %s needed; see emotion-nn %s --help", list, n > 1 ? "are" : "is", c->name);
        return 0;
}

static int read_options(const struct cmd *c, int argc, char **argv, void *into, bool *given)
{
        struct tables t;
        int found, r = 0;

        make_tables(c, &t);
        optind = 0; /* from the beginning */
        while (r == 0 && (found = getopt_long(argc, argv, t.shorts, t.longs, NULL)) >= 0) {
                int row = row_of(c, &t, found);

                if (found == 'h' || found == HELP) {
                        cmd_help(c);
                        return 1;
                }
                if (row < 0)
                        return -EINVAL;
                r = take(c, &c->options[row], optarg, into);
                given[row] = true;
        }
        return r;
}

int cmd_parse(const struct cmd *c, int argc, char **argv, void *into, struct cmd_operands *ret_operands)
{
        bool given[MAX_OPTIONS] = { false };
        struct cmd_operands operands;
        char program[64], *name = argv[0];
        int r;

        snprintf(program, sizeof(program), "emotion-nn %s", c->name);
        argv[0] = program; /* for what getopt_long() says */
        r = read_options(c, argc, argv, into, given);
        argv[0] = name;
        if (r != 0)
                return r;
        operands = (struct cmd_operands){ argv + optind, (unsigned)(argc - optind) };
        if (operands.n > c->max_operands)
                return cmd_fail(c, "\"%s\" is one argument too many; see emotion-nn %s --help",
                                operands.at[c->max_operands], c->name);
        r = check_needed(c, given, operands.n);
        if (r >= 0 && ret_operands)
                *ret_operands = operands;
        return r;
}
