/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The pictures in a folder and in those below it, by their names' endings, in the order of their names. */

#include <stddef.h>

#include "basic/macro.h"

struct picture_list {
        char **names; /* below the folder: "happiness/anna 1.jpg" */
        size_t n, room;
};

/* Folders that are links, and hidden ones, are left out. Return: 0; -ELOOP more than 16 levels; errno. */
int picture_list_read(const char *folder, struct picture_list *ret);
void picture_list_done(struct picture_list *l);
