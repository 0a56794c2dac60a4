/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** Options of methods, a{sv}, by a table: what is unknown, of another type or out of range is refused by name. */

#include <stddef.h>

#include "bus/error.h"

struct bus_option {
        const char *name;
        const char *signature; /* of the value */
        double min, max;       /* "d" and "u", which are read here: to a double, or an int64_t */
        size_t offset;         /* in what is filled in */
        /* Reads all others, and is at the variant then. @to: the place. Return: 0 or more; else @error is filled. */
        int (*read)(sd_bus_message *m, void *to, void *userdata, sd_bus_error *error);
};

/**
 * bus_read_options() - the dictionary that comes next in @m
 * @ret: holds the defaults, and is filled in by those that are there
 * @userdata: for the readers
 * Return: 0 or more; a negative errno with @error filled, and @ret is of no use.
 */
int bus_read_options(sd_bus_message *m, const struct bus_option *table, size_t n, void *ret, void *userdata,
                     sd_bus_error *error);

/* Has the variant that comes next this signature? Return: 0 or more; else @error is filled. */
int bus_check_variant(sd_bus_message *m, const char *name, const char *signature, sd_bus_error *error);
