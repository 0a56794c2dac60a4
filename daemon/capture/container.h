/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Files that a replay reads pictures from, one kind a file of this folder.
 */

#include "daemon/capture/luma.h"
#include "daemon/capture/source.h"

#define CONTAINER_DEFAULT_RATE_HZ 25.0
#define CONTAINER_MAX_RATE_HZ 1000.0

struct container;

struct container_ops {
        /* next() - the next picture into @planes; with @planes NULL it is passed over undecoded
         * Return: 1; 0 its time passed without a picture; -EBADMSG it was broken, the next may be well;
         * -ENODATA the end; others cannot go on. */
        int (*next)(struct container *c, struct planes *planes);
        /* back to the first picture */
        int (*rewind)(struct container *c);
        void (*free)(struct container *c);
};

/* The first member of each kind's own struct. */
struct container {
        const struct container_ops *ops;
        char format[8];
        unsigned width_px, height_px; /* of the first picture */
        double frame_rate_hz;         /* more than 0 */
};

/* Each takes @fd over, also when it fails. Return: 0; -EBADMSG not such a file, or without a picture;
 * -EOPNOTSUPP a variant that is not read; -EFBIG; -ENOMEM. @error is filled. */
int avi_open(int fd, struct container **ret, struct source_error *error);
int y4m_open(int fd, struct container **ret, struct source_error *error);
int folder_open(int fd, double frame_rate_hz, struct container **ret, struct source_error *error);

struct container *container_free(struct container *c);
DEFINE_CLEANUP(struct container *, container_free)

/* Reads exactly @size bytes at @offset. Return: 0; -ENODATA the file ends before; others as read(2). */
int container_read(int fd, uint64_t offset, void *ret, size_t size);
/* What a header's @numerator / @denominator makes of a rate: the default where it makes no sense. */
double container_rate(double numerator, double denominator);
