/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** What leaves the service: closed cells, as figures with intervals. JSON of the schema emotiond.reactions/1.0. */

#include <json.h>

#include "reactions/store.h"

#define RELEASE_SCHEMA "emotiond.reactions/1.0"
#define RELEASE_CONTENTS_MAX 64 /* in one report */

/* A count as it is told: 0 below @group, the nearest multiple of 5 below 20. */
uint64_t release_count(uint64_t n, unsigned group);

/* How the model decides, from a labelled set; n_classes 0: unknown, and shares are not corrected. */
struct release_model {
        char name[128], sha256[65];
        size_t n_classes, n_decisions;
        double decisions[STATS_CLASSES_MAX * STATS_CLASSES_MAX];
};

struct release_query {
        int64_t from_usec, to_usec;
        unsigned group;
        size_t n_contents; /* 0: all, the first RELEASE_CONTENTS_MAX by name */
        char contents[RELEASE_CONTENTS_MAX][257];
        bool compare; /* each pair of those */
        char notice[256];
        struct release_model model;
};

/* Reads closed cells only: store_close_cells() was called before. @ret: owned by the caller, json_object_put().
 * Return: 0; -ENOENT: a content that was named is unknown; errno of the store. */
int release_report(struct store *s, const struct release_query *q, json_object **ret);
