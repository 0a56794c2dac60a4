/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "basic/macro.h"
#include "train/cmd/cmd.h"

static const struct cmd *const commands[] = {
        &cmd_train, &cmd_eval, &cmd_data, &cmd_align, &cmd_plot,     &cmd_points, &cmd_meanfaces,
        &cmd_clip,  &cmd_run,  &cmd_show, &cmd_bench, &cmd_quantize, &cmd_blend,  NULL,
};

static void print_help(void)
{
        printf("emotion-nn COMMAND [OPTION...]\n\nTrain, inspect, run and measure neural networks.\n\nCommands:\n");
        for (const struct cmd *const *c = commands; *c; c++)
                printf("  %-9s %s\n", (*c)->name, (*c)->summary);
        printf("\n`emotion-nn COMMAND --help` explains a command; see emotion-nn(1).\n");
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
        if (argc < 2) {
                fprintf(stderr, "emotion-nn: no command; see emotion-nn --help\n");
                return EXIT_FAILURE;
        }
        if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
                print_help();
                return EXIT_SUCCESS;
        }
        if (strcmp(argv[1], "--version") == 0) {
                printf("emotion-nn %s\n", PACKAGE_VERSION);
                return EXIT_SUCCESS;
        }
        for (const struct cmd *const *c = commands; *c; c++)
                if (strcmp((*c)->name, argv[1]) == 0)
                        return finish((*c)->run(argc - 1, argv + 1));
        fprintf(stderr, "emotion-nn: unknown command '%s'; see emotion-nn --help\n", argv[1]);
        return EXIT_FAILURE;
}
