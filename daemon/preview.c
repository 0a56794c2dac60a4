/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/mman.h>

#include "daemon/preview.h"

/* More than any camera gives. */
#define MAX_BYTES (64u << 20)

static int write_rows(int fd, const struct frame *f)
{
        for (unsigned v = 0; v < f->height_px; v++) {
                const uint8_t *row = f->gray + (size_t)v * f->gray_stride_bytes;

                for (size_t done = 0; done < f->width_px;) {
                        ssize_t n = write(fd, row + done, f->width_px - done);

                        if (n < 0 && errno == EINTR)
                                continue;
                        if (n <= 0)
                                return n < 0 ? -errno : -EIO;
                        done += (size_t)n;
                }
        }
        return 0;
}

static int picture_to_memfd(const struct frame *f)
{
        int fd, r;

        if (!f->gray || !f->width_px || !f->height_px || f->gray_stride_bytes < f->width_px)
                return -EINVAL;
        if ((uint64_t)f->width_px * f->height_px > MAX_BYTES)
                return -EFBIG;
        fd = memfd_create("emotiond-preview", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        r = write_rows(fd, f);
        if (r >= 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
                r = -errno;
        if (r >= 0)
                return fd;
        close(fd);
        return r;
}

void preview_fill(struct preview_job *job, const struct frame *f, const struct face *faces, size_t n_faces,
                  uint64_t now_usec)
{
        job->fd = picture_to_memfd(f);
        if (job->fd < 0) {
                job->result = job->fd;
                job->fd = -1;
                return;
        }
        job->result = 0;
        job->width_px = f->width_px;
        job->height_px = f->height_px;
        job->timestamp_usec = f->timestamp_usec;
        /* one that is only remembered would be drawn where nobody is */
        for (size_t i = 0; i < n_faces && job->n_faces < ARRAY_LEN(job->faces); i++)
                if (faces[i].seen_usec == now_usec)
                        job->faces[job->n_faces++] = faces[i];
}
