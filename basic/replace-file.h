/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A file that appears under its name whole or not at all: it is written beside the name and then renamed, so that
 * what stood there before stays until all is on the disk.
 *
 *     _cleanup_(replace_file_done) struct replace_file f = { 0 };
 *     r = replace_file_open(&f, path);
 *     if (r < 0)
 *             return r;
 *     fprintf(f.stream, ...);
 *     return replace_file_commit(&f);
 */

#include <stdio.h>

struct replace_file {
        FILE *stream; /* to write to; its errors are looked at by replace_file_commit() */
        char *path, *temporary;
};

/* Return: 0, or a negative errno with nothing left behind. */
int replace_file_open(struct replace_file *f, const char *path);
/* Syncs, gives the file the mode that the umask allows, renames. Return: 0, or a negative errno: then the old file
 * stands and the new one is gone. */
int replace_file_commit(struct replace_file *f);
/* Gives up what was not committed; fine on a zeroed structure. */
void replace_file_done(struct replace_file *f);
