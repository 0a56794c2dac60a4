/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** The bus face: /org/emotiond/Reactions1, and the object of the running play. */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "reactions/plays.h"
#include "reactions/query.h"
#include "reactions/reactions-settings.h"
#include "reactions/source.h"

#define REACTIONS_NAME "org.emotiond.Reactions1"
#define REACTIONS_PATH "/org/emotiond/Reactions1"
#define REACTIONS_MANAGER REACTIONS_NAME ".Manager"
#define REACTIONS_PLAY REACTIONS_NAME ".Play"
#define REACTIONS_ERROR(name) REACTIONS_NAME ".Error." name

struct reactions_face;

/* All that it answers from; borrowed for its life. */
struct reactions_parts {
        sd_bus *bus;
        sd_event *event;
        const struct reactions_settings *settings;
        struct store *store;
        struct plays *plays;
        struct source *source;
        const char *store_path;
        const struct release_model *model;
};

int reactions_face_new(const struct reactions_parts *parts, struct reactions_face **ret);
struct reactions_face *reactions_face_free(struct reactions_face *f);
DEFINE_CLEANUP(struct reactions_face *, reactions_face_free)
/* A play began or ended by other means than a call. */
void reactions_face_changed(struct reactions_face *f);
