/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One command of emotion-nn. Each lives in its own cmd-NAME.c; main.c holds the table. */
struct cmd {
        const char *name;
        const char *summary; /* half a line for --help */
        /* argv[0] is the command's name. Return: the exit status, 0 or 1; messages go to standard error. */
        int (*run)(int argc, char **argv);
};

extern const struct cmd cmd_run, cmd_show, cmd_bench, cmd_quantize, cmd_blend; /* using a model */
extern const struct cmd cmd_train, cmd_eval, cmd_data, cmd_plot, cmd_align;    /* making one */
extern const struct cmd cmd_points;                                            /* of a data set */
extern const struct cmd cmd_meanfaces, cmd_clip;                               /* the synthetic clip */
