/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdio.h>

/* Writes a file that is there whole or, if @write gives a negative errno, not at all. Return: 0 or a value of enum ctl_exit
 * after telling the user. */
int ctl_write_page(const char *path, int (*write)(FILE *f, const void *userdata), const void *userdata);
