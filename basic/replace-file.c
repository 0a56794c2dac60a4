/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "basic/macro.h"
#include "basic/replace-file.h"

int replace_file_open(struct replace_file *f, const char *path)
{
        _cleanup_(replace_file_done) struct replace_file new = { 0 };
        int fd, r;

        new.path = strdup(path);
        if (!new.path)
                return -ENOMEM;
        if (asprintf(&new.temporary, "%s.XXXXXX", path) < 0) {
                new.temporary = NULL;
                return -ENOMEM;
        }
        fd = mkostemp(new.temporary, O_CLOEXEC);
        if (fd < 0) {
                r = -errno;
                free(STEAL(new.temporary)); /* nothing to unlink */
                return r;
        }
        new.stream = fdopen(fd, "w");
        if (!new.stream) {
                r = -errno;
                close(fd);
                return r;
        }
        *f = new;
        new = (struct replace_file){ 0 };
        return 0;
}

int replace_file_commit(struct replace_file *f)
{
        mode_t mask;
        int r = 0;

        mask = umask(0);
        umask(mask);
        errno = EIO; /* for an earlier write's error, whose number is gone */
        if (ferror(f->stream) || fflush(f->stream) != 0 || fdatasync(fileno(f->stream)) < 0 ||
            fchmod(fileno(f->stream), 0666 & ~mask) < 0)
                r = -errno;
        if (fclose(STEAL(f->stream)) != 0 && r == 0)
                r = -errno;
        if (r == 0 && rename(f->temporary, f->path) < 0)
                r = -errno;
        if (r == 0)
                free(STEAL(f->temporary));
        replace_file_done(f);
        return r;
}

void replace_file_done(struct replace_file *f)
{
        if (f->stream)
                fclose(f->stream);
        if (f->temporary)
                unlink(f->temporary);
        free(f->temporary);
        free(f->path);
        *f = (struct replace_file){ 0 };
}
