/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "basic/macro.h"
#include "train/cmd/cmd.h"

static const struct cmd *const commands[] = {
        &cmd_train, &cmd_eval, &cmd_data,  &cmd_align,    &cmd_plot,  &cmd_points, &cmd_meanfaces, &cmd_clip,
        &cmd_run,   &cmd_show, &cmd_bench, &cmd_quantize, &cmd_blend, &cmd_adopt,  &cmd_crop,      NULL,
};

static const struct cmd *find(const char *name)
{
        for (const struct cmd *const *c = commands; *c; c++)
                if (strcmp((*c)->name, name) == 0)
                        return *c;
        fprintf(stderr, "emotion-nn: unknown command \"%s\"; see emotion-nn --help\n", name);
        return NULL;
}

static void print_help(void)
{
        printf("emotion-nn COMMAND [OPTION...]\n\nTrain, inspect, run and measure neural networks.\n\nCommands:\n");
        for (const struct cmd *const *c = commands; *c; c++)
                printf("  %-9s %s\n", (*c)->name, (*c)->summary);
        printf("  %-9s %s\n", "help", "show this help, or that of a command");
        printf("  %-9s %s\n", "version", "print the version");
        printf("\n`emotion-nn COMMAND --help` explains a command; see emotion-nn(1).\n");
}

static int help(const char *name)
{
        const struct cmd *c;

        if (!name) {
                print_help();
                return EXIT_SUCCESS;
        }
        c = find(name);
        if (c)
                cmd_help(c);
        return c ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool is_word(const char *s, const char *word, const char *option, const char *letter)
{
        return strcmp(s, word) == 0 || strcmp(s, option) == 0 || (letter && strcmp(s, letter) == 0);
}

/* What could not be written to standard output, on a full disk, was not done. */
static int finish(int status)
{
        if (fflush(stdout) == 0 && !ferror(stdout))
                return status;
        fprintf(stderr, "emotion-nn: standard output: %s\n", strerror(errno));
        return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
        const struct cmd *c;

        if (argc < 2) {
                fprintf(stderr, "emotion-nn: no command; see emotion-nn --help\n");
                return EXIT_FAILURE;
        }
        if (is_word(argv[1], "help", "--help", "-h"))
                return finish(help(argc > 2 ? argv[2] : NULL));
        if (is_word(argv[1], "version", "--version", NULL)) {
                printf("emotion-nn %s\n", PACKAGE_VERSION);
                return finish(EXIT_SUCCESS);
        }
        c = find(argv[1]);
        if (!c)
                return EXIT_FAILURE;
        return finish(c->run(argc - 1, argv + 1) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
