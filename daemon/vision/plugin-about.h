/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What a plugin's file says of itself in plain text (EMO_PLUGIN_ABOUT in emo-plugin.h), read without loading it or the
 * libraries that it needs.
 */

#include <stdbool.h>

#include "plugins/emo-plugin.h"

#define PLUGIN_ABOUT_BYTES 1024

struct plugin_about {
        const char *name, *version, *description, *licence; /* in @text */
        bool detector, aligner;
        char text[PLUGIN_ABOUT_BYTES];
};

/**
 * plugin_about_read()
 * Return: 0; -ENODATA the file has no such text, or one for another ABI, or one that cannot be shown: the descriptor must
 * be asked; errno of open(2) and pread(2).
 */
int plugin_about_read(const char *path, struct plugin_about *ret);
