/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "daemon/claims.h"

/* What one claimant knows of one face, and what it is still to be told. */
struct told {
        uint32_t face;      /* 0: free */
        uint64_t sent_usec; /* last EmotionChanged; 0: none yet */
        uint64_t used_usec;
        bool waits;
        uint64_t due_usec;
        char from[CLAIM_LABEL_MAX], to[CLAIM_LABEL_MAX];
        struct claim_change change; /* from, to and scores point into this structure */
        float scores[EMOTION_MAX];
};

/* A face that a claimant knows to be in view. */
struct seen {
        uint32_t face; /* 0: free */
        bool facing;
};

struct entry {
        struct claim claim;
        bool used;
        struct seen seen[PIPELINE_MAX_FACES];
        struct told told[PIPELINE_MAX_FACES];
};

struct claims {
        void (*send)(void *userdata, struct claim *c, const struct claim_change *change);
        void *userdata;
        uint64_t last_number, n_suppressed;
        size_t n;
        struct entry entries[CLAIMS_MAX];
};

void claim_options_init(struct claim_options *o)
{
        *o = (struct claim_options){ .min_confidence = -1, .min_hold_ms = -1 };
}

int claims_new(void (*send)(void *userdata, struct claim *c, const struct claim_change *change), void *userdata,
               struct claims **ret)
{
        struct claims *cs = calloc(1, sizeof(*cs));

        if (!cs)
                return -ENOMEM;
        cs->send = send;
        cs->userdata = userdata;
        *ret = cs;
        return 0;
}

struct claims *claims_free(struct claims *cs)
{
        if (!cs)
                return NULL;
        for (size_t i = 0; i < CLAIMS_MAX; i++)
                free(cs->entries[i].claim.owner);
        free(cs);
        return NULL;
}

static unsigned count_user(const struct claims *cs, uid_t uid)
{
        unsigned n = 0;

        for (size_t i = 0; i < CLAIMS_MAX; i++)
                n += cs->entries[i].used && cs->entries[i].claim.uid == uid;
        return n;
}

int claims_set(struct claims *cs, const char *owner, uid_t uid, const struct claim_options *options,
               const struct claim_limits *limits, struct claim **ret)
{
        struct claim *c = claims_find(cs, owner);
        struct entry *e = NULL;

        if (c) {
                struct entry *own = &cs->entries[c->listener - 1];

                /* a new number makes the pipeline tell of every face again, now by the new rules */
                memset(own->told, 0, sizeof(own->told));
                c->options = *options;
                c->number = ++cs->last_number;
                *ret = c;
                return 0;
        }
        if (count_user(cs, uid) >= limits->per_user)
                return -EDQUOT;
        if (cs->n >= MIN(limits->all, (unsigned)CLAIMS_MAX) - (limits->may_use_kept ? 0 : limits->kept))
                return -EUSERS;
        for (size_t i = 0; i < CLAIMS_MAX && !e; i++)
                if (!cs->entries[i].used)
                        e = &cs->entries[i];
        if (!e)
                return -EUSERS;
        *e = (struct entry){
                .claim = { .listener = (unsigned)(e - cs->entries) + 1,
                           .owner = strdup(owner),
                           .uid = uid,
                           .options = *options },
        };
        if (!e->claim.owner)
                return -ENOMEM;
        e->claim.number = e->claim.first_number = ++cs->last_number;
        e->used = true;
        cs->n++;
        *ret = &e->claim;
        return 1;
}

void claims_drop(struct claims *cs, struct claim *c)
{
        struct entry *e = &cs->entries[c->listener - 1];

        free(e->claim.owner);
        *e = (struct entry){ 0 };
        cs->n--;
}

struct claim *claims_find(struct claims *cs, const char *owner)
{
        for (size_t i = 0; i < CLAIMS_MAX; i++)
                if (cs->entries[i].used && strcmp(cs->entries[i].claim.owner, owner) == 0)
                        return &cs->entries[i].claim;
        return NULL;
}

struct claim *claims_by_number(struct claims *cs, uint64_t number)
{
        for (size_t i = 0; i < CLAIMS_MAX; i++)
                if (cs->entries[i].used && cs->entries[i].claim.number == number)
                        return &cs->entries[i].claim;
        return NULL;
}

struct claim *claims_by_first_number(struct claims *cs, uint64_t number)
{
        for (size_t i = 0; i < CLAIMS_MAX; i++)
                if (cs->entries[i].used && cs->entries[i].claim.first_number == number)
                        return &cs->entries[i].claim;
        return NULL;
}

size_t claims_count(const struct claims *cs)
{
        return cs->n;
}

struct claim *claims_at(struct claims *cs, size_t i)
{
        return i < CLAIMS_MAX && cs->entries[i].used ? &cs->entries[i].claim : NULL;
}

struct decision_rules claim_rules(const struct claim *c, const struct decision_rules *base)
{
        struct decision_rules r = *base;

        if (c->options.min_confidence >= 0)
                r.min_confidence = c->options.min_confidence;
        if (c->options.min_hold_ms >= 0)
                r.min_hold_usec = (uint64_t)c->options.min_hold_ms * 1000;
        return r;
}

bool claim_wants_camera(const struct claim *c, unsigned camera)
{
        return c->options.camera == 0 || c->options.camera == camera;
}

static bool listed(const struct claim_options *o, const char *label)
{
        for (size_t i = 0; i < o->n_emotions; i++)
                if (strcmp(o->emotions[i], label) == 0)
                        return true;
        return false;
}

static bool wanted(const struct claim_options *o, const struct claim_change *change)
{
        return o->n_emotions == 0 || listed(o, change->from) || listed(o, change->to);
}

/* The place for @face: its own, a free one, or the one unused for longest (its face left without our hearing of it). */
static struct told *told_get(struct entry *e, uint32_t face)
{
        struct told *best = &e->told[0];

        for (size_t i = 0; i < PIPELINE_MAX_FACES; i++)
                if (e->told[i].face == face)
                        return &e->told[i];
        for (size_t i = 1; i < PIPELINE_MAX_FACES && best->face != 0; i++)
                if (e->told[i].face == 0 || e->told[i].used_usec < best->used_usec)
                        best = &e->told[i];
        *best = (struct told){ .face = face };
        return best;
}

static void send_now(struct claims *cs, struct entry *e, struct told *t, const struct claim_change *change,
                     uint64_t now_usec)
{
        t->waits = false;
        if (!wanted(&e->claim.options, change)) {
                cs->n_suppressed++;
                return;
        }
        t->sent_usec = MAX(now_usec, (uint64_t)1);
        cs->send(cs->userdata, &e->claim, change);
}

/* Keeps the newest change until @due_usec; what the claimant knew before it stays the "from". */
static void keep(struct told *t, const struct claim_change *change, const char *from, uint64_t due_usec)
{
        if (from != t->from)
                snprintf(t->from, sizeof(t->from), "%s", from);
        snprintf(t->to, sizeof(t->to), "%s", change->to);
        t->change = *change;
        t->change.from = t->from;
        t->change.to = t->to;
        t->change.n_scores = MIN(change->n_scores, (size_t)EMOTION_MAX);
        if (t->change.n_scores)
                memcpy(t->scores, change->scores, t->change.n_scores * sizeof(t->scores[0]));
        t->change.scores = t->scores;
        t->due_usec = due_usec;
        t->waits = true;
}

/* The place of @face (0: a free one); NULL if there is none. */
static struct seen *find_seen(struct entry *e, uint32_t face)
{
        for (size_t i = 0; i < PIPELINE_MAX_FACES; i++)
                if (e->seen[i].face == face)
                        return &e->seen[i];
        return NULL;
}

bool claims_is_news(struct claims *cs, struct claim *c, const struct face_event *event)
{
        struct entry *e = &cs->entries[c->listener - 1];
        struct seen *s = find_seen(e, event->face);

        if (event->kind == FACE_APPEARED) {
                if (s)
                        return false;
                s = find_seen(e, 0) ?: &e->seen[0];
                *s = (struct seen){ .face = event->face };
                return true;
        }
        if (!s)
                return false;
        if (event->kind == FACE_VANISHED) {
                *s = (struct seen){ 0 };
                return true;
        }
        if (s->facing == event->facing)
                return false;
        s->facing = event->facing;
        return true;
}

void claims_change(struct claims *cs, struct claim *c, const struct claim_change *change, uint64_t now_usec)
{
        struct entry *e = &cs->entries[c->listener - 1];
        struct told *t = told_get(e, change->face);
        double rate_hz = c->options.max_rate_hz;
        uint64_t gap_usec = rate_hz > 0 ? (uint64_t)(1e6 / rate_hz) : 0;
        uint64_t due_usec = t->sent_usec ? t->sent_usec + gap_usec : 0;
        struct claim_change composed = *change;

        t->used_usec = now_usec;
        if (t->waits) {
                cs->n_suppressed++; /* two changes become one, or none */
                composed.from = t->from;
                if (strcmp(t->from, change->to) == 0) {
                        t->waits = false;
                        return;
                }
        }
        if (now_usec >= due_usec)
                send_now(cs, e, t, &composed, now_usec);
        else
                keep(t, change, composed.from, due_usec);
}

void claims_face_vanished(struct claims *cs, uint32_t face)
{
        for (size_t i = 0; i < CLAIMS_MAX; i++)
                for (size_t k = 0; cs->entries[i].used && k < PIPELINE_MAX_FACES; k++) {
                        struct told *t = &cs->entries[i].told[k];

                        if (t->face != face)
                                continue;
                        cs->n_suppressed += t->waits;
                        *t = (struct told){ 0 };
                }
}

void claims_run(struct claims *cs, uint64_t now_usec)
{
        for (size_t i = 0; i < CLAIMS_MAX; i++)
                for (size_t k = 0; cs->entries[i].used && k < PIPELINE_MAX_FACES; k++) {
                        struct told *t = &cs->entries[i].told[k];

                        if (t->waits && t->due_usec <= now_usec)
                                send_now(cs, &cs->entries[i], t, &t->change, now_usec);
                }
}

uint64_t claims_next_usec(const struct claims *cs)
{
        uint64_t next = UINT64_MAX;

        for (size_t i = 0; i < CLAIMS_MAX; i++)
                for (size_t k = 0; cs->entries[i].used && k < PIPELINE_MAX_FACES; k++)
                        if (cs->entries[i].told[k].waits)
                                next = MIN(next, cs->entries[i].told[k].due_usec);
        return next;
}

uint64_t claims_n_suppressed(const struct claims *cs)
{
        return cs->n_suppressed;
}
