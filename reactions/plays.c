/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <time.h>

#include "basic/log.h"
#include "basic/utf8.h"
#include "basic/uuid.h"
#include "reactions/plays.h"
#include "reactions/release.h"

#define STEP_MS 1000
#define OFF_USEC_MAX 5000000
#define BURST 50          /* plays that may begin at once */
#define BEGIN_EACH_MS 100 /* and from then on */

struct plays {
        struct store *store;
        struct crowd *crowd;
        unsigned group;
        struct plays_current current;
        struct sums sums; /* of the running play: labels and steps, until it ends */
        char labels[512];
        size_t n_labels;
        uint64_t allowed, allowed_ms; /* tokens, and when they were counted */
        uint64_t n_failed;
};

static uint64_t clock_usec(clockid_t id)
{
        struct timespec ts;

        clock_gettime(id, &ts);
        return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

int plays_new(struct store *store, struct crowd *crowd, unsigned group, struct plays **ret)
{
        struct plays *p = calloc(1, sizeof(*p));

        if (!p)
                return -ENOMEM;
        *p = (struct plays){ .store = store, .crowd = crowd, .group = group, .allowed = BURST };
        *ret = p;
        return 0;
}

struct plays *plays_free(struct plays *p)
{
        if (!p)
                return NULL;
        (void)plays_end(p, "stopped", NULL);
        sums_done(&p->sums);
        free(p);
        return NULL;
}

void plays_set_labels(struct plays *p, const char *labels, size_t n, int smile)
{
        if (strcmp(p->labels, labels) == 0)
                return;
        if (p->current.running && !p->labels[0]) /* the first that are heard of: nothing was counted yet */
                p->sums.n_labels = n;
        else if (p->current.running) { /* times under other names are not added to those before */
                p->sums.n_labels = 0;
                p->sums.step_ms = 0;
                stats_curve_done(&p->sums.curve);
        }
        snprintf(p->labels, sizeof(p->labels), "%s", labels);
        p->n_labels = n;
        crowd_set_labels(p->crowd, n, smile);
}

bool plays_text_is_good(const char *text)
{
        char copy[PLAYS_TEXT_MAX];

        if (!*text || strlen(text) >= sizeof(copy))
                return false;
        strcpy(copy, text);
        utf8_clean(copy);
        return strcmp(copy, text) == 0;
}

/* Tokens: one each BEGIN_EACH_MS, BURST of them at most. */
static bool may_begin(struct plays *p, uint64_t now_ms)
{
        uint64_t more = (now_ms - p->allowed_ms) / BEGIN_EACH_MS;

        if (more) {
                p->allowed = MIN(p->allowed + more, (uint64_t)BURST);
                p->allowed_ms = now_ms;
        }
        if (!p->allowed)
                return false;
        p->allowed--;
        return true;
}

static int check(const struct plays_request *q, int64_t now_usec)
{
        if (!plays_text_is_good(q->content) || (q->campaign && !plays_text_is_good(q->campaign)) ||
            (q->screen && !plays_text_is_good(q->screen)) || (q->id && !uuid_is_valid(q->id)))
                return -EINVAL;
        if (q->begin_usec && (q->begin_usec > now_usec + OFF_USEC_MAX || q->begin_usec < now_usec - OFF_USEC_MAX))
                return -ERANGE;
        return 0;
}

/* So many points of whole seconds that all of the content has a place. */
static void choose_steps(uint64_t duration_ms, uint64_t *ret_step_ms, size_t *ret_n)
{
        uint64_t seconds =
                duration_ms ? (MIN(duration_ms, (uint64_t)CROWD_PLAY_MS) + STEP_MS - 1) / STEP_MS : SUMS_POINTS_MAX;
        uint64_t step = (seconds + SUMS_POINTS_MAX - 1) / SUMS_POINTS_MAX;

        *ret_step_ms = step * STEP_MS;
        *ret_n = (size_t)((seconds + step - 1) / step);
}

static int start(struct plays *p, const struct plays_request *q, int64_t begin_usec)
{
        struct plays_current *c = &p->current;
        uint64_t step_ms;
        size_t n_points;
        int r;

        choose_steps(q->duration_ms, &step_ms, &n_points);
        sums_done(&p->sums);
        r = sums_init(&p->sums, p->n_labels, step_ms, n_points);
        if (r < 0)
                return r;
        c->begin_ms = clock_usec(CLOCK_MONOTONIC) / 1000;
        c->begin_usec = begin_usec;
        c->running = true;
        snprintf(c->content, sizeof(c->content), "%s", q->content);
        snprintf(c->screen, sizeof(c->screen), "%s", q->screen ?: "main");
        snprintf(c->owner, sizeof(c->owner), "%s", q->owner);
        crowd_begin(p->crowd, c->begin_ms, step_ms, n_points, sums_block(begin_usec / 1000000));
        return 0;
}

int plays_begin(struct plays *p, const struct plays_request *q)
{
        int64_t now_usec = (int64_t)clock_usec(CLOCK_REALTIME), number;
        char id[UUID_MAX];
        int r = check(q, now_usec);

        if (r < 0)
                return r;
        if (p->current.running && q->id && strcmp(q->id, p->current.id) == 0)
                return 1;
        if (!may_begin(p, clock_usec(CLOCK_MONOTONIC) / 1000))
                return -EAGAIN;
        if (q->id)
                snprintf(id, sizeof(id), "%s", q->id);
        else
                uuid7_make(id);
        r = store_begin(p->store,
                        &(struct store_play){ q->content, id, q->campaign, q->screen ?: "main",
                                              q->begin_usec ?: now_usec, q->duration_ms },
                        &number);
        if (r != 0)
                return r < 0 ? r : -EALREADY;
        (void)plays_end(p, "replaced", NULL);
        r = start(p, q, q->begin_usec ?: now_usec);
        if (r < 0)
                return r;
        p->current.number = number;
        strcpy(p->current.id, id);
        return 0;
}

int plays_end(struct plays *p, const char *reason, struct plays_end *ret)
{
        struct crowd_result result;
        struct plays_end e = { 0 };
        int r;

        if (!p->current.running)
                return -ENOENT;
        p->current.running = false;
        r = crowd_end(p->crowd, clock_usec(CLOCK_MONOTONIC) / 1000, &p->sums, &result);
        if (r == 0)
                r = store_end(p->store, p->current.number, (int64_t)clock_usec(CLOCK_REALTIME), reason, &result,
                              &p->sums, p->labels);
        sums_done(&p->sums);
        if (r < 0) {
                if (!p->n_failed++)
                        log_warning_errno(r, "a play's figures cannot be stored, and others may follow: %m");
                return r;
        }
        snprintf(e.reason, sizeof(e.reason), "%s", reason);
        e.shown_ms = result.shown_ms;
        e.observed_ms = result.observed_ms;
        e.viewers = release_count(result.viewers, p->group);
        if (ret)
                *ret = e;
        return 0;
}

int plays_mark(struct plays *p, const char *label)
{
        if (!p->current.running)
                return -ENOENT;
        if (!plays_text_is_good(label))
                return -EINVAL;
        return store_mark(p->store, p->current.number, clock_usec(CLOCK_MONOTONIC) / 1000 - p->current.begin_ms, label);
}

bool plays_check_time(struct plays *p)
{
        if (!p->current.running || clock_usec(CLOCK_MONOTONIC) / 1000 - p->current.begin_ms < CROWD_PLAY_MS)
                return false;
        (void)plays_end(p, "too long", NULL);
        return true;
}

const struct plays_current *plays_current(const struct plays *p)
{
        return &p->current;
}

uint64_t plays_n_failed(const struct plays *p)
{
        return p->n_failed;
}

unsigned plays_viewers_now(const struct plays *p)
{
        return (unsigned)release_count(crowd_viewers_now(p->crowd), p->group);
}
