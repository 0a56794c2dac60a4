/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What is shown, and to whom it counts: begins and ends plays, joins crowd and store. Knows no bus. One camera sees one
 * screen, so there is one play at a time; another Begin ends it.
 */

#include "basic/uuid.h"
#include "reactions/crowd.h"
#include "reactions/store.h"

#define PLAYS_TEXT_MAX 257 /* an identifier with its NUL */

struct plays_request {
        const char *content, *campaign, *screen, *id; /* @campaign, @screen, @id may be NULL */
        const char *owner;                            /* unique bus name; "": the play belongs to nobody, and stays */
        uint64_t duration_ms;
        int64_t begin_usec; /* wall clock; 0: now; at most 5 s off */
};

/* The running play. */
struct plays_current {
        bool running;
        int64_t number, begin_usec;
        char content[PLAYS_TEXT_MAX], screen[PLAYS_TEXT_MAX], id[UUID_MAX], owner[64];
        uint64_t begin_ms;
};

struct plays;

/* @store, @crowd: borrowed. */
int plays_new(struct store *store, struct crowd *crowd, unsigned group, struct plays **ret);
struct plays *plays_free(struct plays *p);
DEFINE_CLEANUP(struct plays *, plays_free)

void plays_set_labels(struct plays *p, const char *labels, size_t n, int smile);

/* UTF-8 of 1 to 256 bytes without control characters. */
bool plays_text_is_good(const char *text);

/* Return: 0; 1: this very play runs already; -EINVAL: a text is bad; -ERANGE: the time is more than 5 s off; -EALREADY:
 * a play of this id has ended; -EAGAIN: too many in too short a time; and those of store_begin(). */
int plays_begin(struct plays *p, const struct plays_request *request);
struct plays_end {
        char reason[16];
        uint64_t shown_ms, observed_ms, viewers; /* @viewers as release_count() tells it */
};
/* @ret may be NULL. Return: 0; -ENOENT: nothing runs; else what the store says: the play's viewers are lost then. */
int plays_end(struct plays *p, const char *reason, struct plays_end *ret);
int plays_mark(struct plays *p, const char *label);
/* Ends a play that has run for an hour. Return: whether one was ended. */
bool plays_check_time(struct plays *p);
const struct plays_current *plays_current(const struct plays *p);
/* Plays whose figures could not be stored, since the start. */
uint64_t plays_n_failed(const struct plays *p);
/* What is told of those in view just now, see release_count(). */
unsigned plays_viewers_now(const struct plays *p);
