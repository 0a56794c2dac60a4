/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "basic/find-file.h"

static int join(const char *folder, const char *name, char *ret, size_t size)
{
        int n = folder ? snprintf(ret, size, "%s/%s", folder, name) : snprintf(ret, size, "%s", name);

        if (n < 0 || (size_t)n >= size)
                return -ENAMETOOLONG;
        return access(ret, F_OK) < 0 ? -ENOENT : 0;
}

int find_file(const char *const *folders, const char *name, char *ret, size_t size)
{
        if (name[0] == '/')
                return join(NULL, name, ret, size);
        for (size_t i = 0; folders[i] && !strchr(name, '/'); i++) {
                int r = join(folders[i], name, ret, size);

                if (r != -ENOENT)
                        return r;
        }
        return join(folders[0], name, ret, size) == -ENAMETOOLONG ? -ENAMETOOLONG : -ENOENT;
}
