/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "train/data/reader.h"
#include "train/data/template-file.h"

static int make_path(const char *data, char *ret, size_t size)
{
        const char *slash = strrchr(data, '/');
        struct stat st;
        int n;

        if (stat(data, &st) == 0 && S_ISDIR(st.st_mode))
                n = snprintf(ret, size, "%s/%s", data, TEMPLATE_FILE);
        else
                n = snprintf(ret, size, "%.*s%s", slash ? (int)(slash + 1 - data) : 0, data, TEMPLATE_FILE);
        return n >= 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

int template_file_load(const char *path, char ret[FACE_TEMPLATE_TEXT], struct dataset_error *error)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        ssize_t n = fd < 0 ? -1 : read(fd, ret, FACE_TEMPLATE_TEXT - 1);
        struct face_template t;

        if (n < 0) {
                int r = -errno;

                *ret = '\0';
                return dataset_fail(error, r, path, 0, "%s", strerror(-r));
        }
        ret[n] = '\0';
        ret[strcspn(ret, "\n")] = '\0';
        if (face_template_parse(ret, &t) < 0) {
                *ret = '\0';
                return dataset_fail(error, -EBADMSG, path, 1, "not a template of a face");
        }
        return 0;
}

int template_file_read(const char *data, char ret[FACE_TEMPLATE_TEXT], struct dataset_error *error)
{
        char path[4096];
        int r = make_path(data, path, sizeof(path));

        *ret = '\0';
        if (r < 0)
                return dataset_fail(error, r, data, 0, "too long a path");
        r = template_file_load(path, ret, error);
        return r == -ENOENT ? 0 : r;
}

int template_file_write(const char *folder, const struct face_template *t)
{
        char text[FACE_TEMPLATE_TEXT];
        _cleanup_(freep) char *path = NULL;
        FILE *f;
        int r = face_template_format(t, text, sizeof(text));

        if (r < 0)
                return r;
        if (asprintf(&path, "%s/%s", folder, TEMPLATE_FILE) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        f = fopen(path, "we");
        if (!f)
                return -errno;
        if (fprintf(f, "%s\n", text) < 0)
                r = -EIO;
        if (fclose(f) != 0)
                r = -errno;
        return r;
}
