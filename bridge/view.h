/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Who is in view and how the service is, as the signals of a claim tell it; and sums of it over time. Knows neither the
 * bus nor those who ask. Times are monotonic microseconds.
 */

#include <json.h>
#include <stdbool.h>
#include <stdint.h>

#include "basic/macro.h"

#define VIEW_FACES_MAX 64
#define VIEW_LABELS_MAX 16
#define VIEW_LABEL_MAX 32

struct view_face {
        uint32_t id;
        char emotion[VIEW_LABEL_MAX];
        double confidence;
        bool attentive;
        uint64_t since_usec;
};

/* Sums since the start; they only grow, so that a window is the difference of two. */
struct view_totals {
        uint64_t watched_usec, dwell_usec, attention_usec, occupied_usec;
        uint64_t faces, turns, changes;
        size_t n_labels;
        struct {
                char name[VIEW_LABEL_MAX];
                uint64_t usec;
        } labels[VIEW_LABELS_MAX];
};

struct view {
        bool service, claimed, in_use; /* emotiond is on the bus; it tells us who is in view; its camera is open */
        char state[32], last_error[128], version[32], model[128], model_sha256[65], content[257];
        size_t n_faces;
        struct view_face faces[VIEW_FACES_MAX];
        struct view_totals totals;
        uint64_t now_usec;       /* up to here the sums are */
        uint64_t faces_not_kept; /* more than there is room for */
};

/* Adds the time since the last call to the sums; before each change. */
void view_advance(struct view *v, uint64_t now_usec);
/* All faces are gone: the service is, or the claim. */
void view_clear(struct view *v);
void view_appear(struct view *v, uint32_t id);
void view_vanish(struct view *v, uint32_t id);
void view_emotion(struct view *v, uint32_t id, const char *emotion, double confidence);
void view_attention(struct view *v, uint32_t id, bool attentive);
size_t view_attentive(const struct view *v);

/* The state as pages get it, with each face; json_object_put(). NULL when there is no memory. */
json_object *view_to_json(const struct view *v);

/* {label: milliseconds}, @after less @before; NULL when there is no memory. */
json_object *view_emotions_json(const struct view_totals *before, const struct view_totals *after);
