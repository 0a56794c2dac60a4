/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What each kind of source brings; for this folder only.
 */

#include "daemon/capture/source.h"

struct source_ops {
        void (*free)(struct source *s);
        int (*next)(struct source *s, int wake_fd, uint64_t timeout_usec, struct frame *ret,
                    struct source_error *error);
        void (*release)(struct source *s, struct frame *f);
};

/* The first member of every kind's own struct. */
struct source {
        const struct source_ops *ops;
        struct source_info info;
        struct source_stats stats;
        uint64_t rest_until_usec; /* see source_rest_until() */
};

struct v4l2_io;

/* @error is never NULL here. */
int source_replay_open(const struct source_config *config, struct source **ret, struct source_error *error);
int source_v4l2_open(const struct source_config *config, const struct v4l2_io *io, struct source **ret,
                     struct source_error *error);
