/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

/**
 * find_file() - where a file is that was named in the configuration
 * @folders: NULL-terminated, at least one; the first that has the file wins
 * @name: an absolute path, or a bare name that is looked for in @folders
 * @ret: the path, of @size bytes. After -ENOENT: where the first folder would have it.
 * Return: 0; -ENOENT it is nowhere, or @name is a relative path; -ENAMETOOLONG.
 */
int find_file(const char *const *folders, const char *name, char *ret, size_t size);
