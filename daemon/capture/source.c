/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "daemon/capture/source-ops.h"
#include "daemon/capture/source-tools.h"
#include "daemon/capture/v4l2-io.h"

/* Whoever reads the sentence has to know which device or file is meant. */
static int name_device(struct source_error *error, const char *device, int r)
{
        struct source_error bare = *error;

        if (!bare.text[0])
                snprintf(error->text, sizeof(error->text), "%.180s: %s", device, strerror(-r));
        else if (strcmp(device, "auto") != 0 && !strstr(bare.text, device))
                snprintf(error->text, sizeof(error->text), "%.110s: %.140s", device, bare.text);
        return r;
}

static int open_kind(const struct source_config *config, struct source **ret, struct source_error *error)
{
        if (config->replay)
                return source_replay_open(config, ret, error);
        return source_v4l2_open(config, &v4l2_io_kernel, ret, error);
}

int source_open(const struct source_config *config, struct source **ret, struct source_error *error)
{
        struct source_error unwanted;
        int r;

        if (!error)
                error = &unwanted;
        error->text[0] = '\0';
        if (!config->device || !config->device[0])
                return source_fail(error, -EINVAL, "No device is set");
        r = open_kind(config, ret, error);
        return r < 0 ? name_device(error, config->device, r) : 0;
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
        int r;

        if (!error)
                error = &unwanted;
        error->text[0] = '\0';
        r = s->ops->next(s, wake_fd, timeout_usec, ret, error);
        return r < 0 ? name_device(error, s->info.device, r) : r;
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
