/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/capture/source-ops.h"
#include "daemon/capture/source-tools.h"
#include "daemon/capture/v4l2-io.h"

int source_open(const struct source_config *config, struct source **ret, struct source_error *error)
{
        struct source_error unwanted;

        if (!error)
                error = &unwanted;
        error->text[0] = '\0';
        if (!config->device || !config->device[0])
                return source_fail(error, -EINVAL, "No device is set");
        if (config->replay)
                return source_replay_open(config, ret, error);
        return source_v4l2_open(config, &v4l2_io_kernel, ret, error);
}

struct source *source_free(struct source *s)
{
        if (s)
                s->ops->free(s);
        return NULL;
}

int source_next(struct source *s, int wake_fd, uint64_t timeout_usec, struct frame *ret, struct source_error *error)
{
        struct source_error unwanted;

        if (!error)
                error = &unwanted;
        error->text[0] = '\0';
        return s->ops->next(s, wake_fd, timeout_usec, ret, error);
}

void source_release(struct source *s, struct frame *f)
{
        if (s->ops->release)
                s->ops->release(s, f);
        *f = (struct frame){};
}

void source_rest_until(struct source *s, uint64_t timestamp_usec)
{
        s->rest_until_usec = timestamp_usec;
}

const struct source_info *source_get_info(const struct source *s)
{
        return &s->info;
}

struct source_stats source_get_stats(const struct source *s)
{
        return s->stats;
}
