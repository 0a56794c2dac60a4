/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "daemon/capture/container.h"

struct container *container_free(struct container *c)
{
        if (c)
                c->ops->free(c);
        return NULL;
}

int container_read(int fd, uint64_t offset, void *ret, size_t size)
{
        for (uint8_t *p = ret; size > 0;) {
                ssize_t n;

                if (offset > INT64_MAX)
                        return -ENODATA;
                n = pread(fd, p, size, offset);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -ENODATA;
                p += n;
                size -= n;
                offset += n;
        }
        return 0;
}

double container_rate(double numerator, double denominator)
{
        double rate = denominator > 0 ? numerator / denominator : 0;

        return isfinite(rate) && rate >= 0.01 && rate <= CONTAINER_MAX_RATE_HZ ? rate : CONTAINER_DEFAULT_RATE_HZ;
}
