/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What looks at a frame: plugins, classifier and pipeline, made from one set of settings. The worker's own.
 */

#include "daemon/engine-report.h"
#include "daemon/messages.h"
#include "daemon/picture-reader.h"

struct engine {
        uint64_t serial; /* of the report that announced it */
        struct settings *settings;
        struct plugin_host *host;
        struct classifier *classifier;
        struct pipeline *pipeline;
};

/**
 * engine_load() - make an engine, and in any case a report that says what was found
 * Return: 0, with *@ret NULL if it failed and the report says why; -ENOMEM not even for the report.
 */
int engine_load(const struct engine_config *config, struct settings *settings, struct engine **ret,
                struct engine_report **ret_report);
struct engine *engine_free(struct engine *e);
DEFINE_CLEANUP(struct engine *, engine_free)

/* Do plugins ask for colour? @e may be NULL. */
bool engine_wants_bgr(const struct engine *e);

/* Classifies a picture, fills in the answer of its job. @e may be NULL. */
void engine_classify(struct engine *e, const struct loaded_picture *p);
