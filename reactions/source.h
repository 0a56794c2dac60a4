/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Where it is heard from who is in view: the signal Summary of emotiond, with sums over short bins of time. The claim for
 * it keeps the camera open; when the service goes or refuses, or no bins come, the source says that it is blind.
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"
#include "reactions/crowd.h"

#define SOURCE_LABELS_MAX SUMS_LABELS_MAX

/* Called from the event loop. Times are monotonic milliseconds. */
struct source_ops {
        void (*bin)(void *userdata, uint64_t begin_ms, uint64_t end_ms, const struct crowd_face *faces, size_t n);
        void (*blind)(void *userdata);
        /* The model's labels, and "unsure" last, joined by '|'; before the first faces and when they change. */
        void (*labels)(void *userdata, const char *labels, size_t n, int smile);
        /* @decisions: [n_labels of the model, one more], counts of a labelled set, see struct stats_decisions; @n: 0 if the
         * model does not tell */
        void (*model)(void *userdata, const char *name, const char *sha256, const uint32_t *decisions, size_t n);
};

struct source;

/* @ops, @userdata: borrowed for the life of the source. Return: 0 or negative errno. */
int source_new(sd_bus *bus, sd_event *event, const struct source_ops *ops, void *userdata, struct source **ret);
struct source *source_free(struct source *s);
DEFINE_CLEANUP(struct source *, source_free)

/* Whether anything is to be seen: holds the claim, or gives it back. */
void source_want(struct source *s, bool wanted);
/* The claim is held, and bins come. */
bool source_sees(const struct source *s);
