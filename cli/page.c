/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/replace-file.h"
#include "cli/ctl.h"
#include "cli/page.h"
#include "cli/text.h"

int ctl_write_page(const char *path, int (*write)(FILE *f, const void *userdata), const void *userdata)
{
        _cleanup_(replace_file_done) struct replace_file f = { 0 };
        int r = replace_file_open(&f, path);

        if (r >= 0)
                r = write(f.stream, userdata);
        if (r >= 0)
                r = replace_file_commit(&f);
        if (r < 0)
                ctl_say("%s: %s.", path, strerror(-r));
        return r < 0 ? CTL_FAILED : CTL_OK;
}
