/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * One plugin file: checked before the dynamic linker sees it, loaded, and its descriptor checked before any of its
 * functions is called.
 */

#include <stdbool.h>

#include "plugins/emo-plugin.h"

struct plugin_load_error {
        char text[256];
};

/**
 * plugin_load() - dlopen() a file and find a descriptor that can be trusted as far as it can be checked
 * @name: what the descriptor must call itself
 * @ret_handle: for dlclose(); the descriptor lives as long
 * @ret_changed: the process has another file of this path mapped, and the linker gives that: it is replaced only once
 *               all who use it are gone
 * Return: 0; -EINVAL no plugin, or one of another ABI; -ENOEXEC no shared object, or a cut one; -ELIBACC the
 * dynamic linker refused it; errno of open(2) and stat(2). @error is filled.
 */
int plugin_load(const char *path, const char *name, void **ret_handle, const struct emo_plugin **ret, bool *ret_changed,
                struct plugin_load_error *error);
