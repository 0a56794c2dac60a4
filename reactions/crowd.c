/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "basic/macro.h"
#include "reactions/crowd.h"

#define BASELINE_MS 10000 /* of a viewer's time before the play, the newest */
#define GONE_MS 10000     /* a face that is not seen for so long is forgotten, between plays */
#define END_MS 2000       /* the end of a play */

/* Time-weighted mean of a score. */
struct level {
        double weight_ms, sum;
};

struct member {
        uint32_t id;
        bool is_static, smiled;
        uint64_t seen_ms; /* end of the last bin that had it; 0: free slot */
        struct level before;
        /* of the running play */
        double dwell_ms, attention_ms;
        struct level smile, end;
        double smile_max;
        double times_ms[SUMS_LABELS_MAX];
        float points[SUMS_POINTS_MAX], weights[SUMS_POINTS_MAX];
        struct crowd_face face; /* in the last bin */
        bool in_view;
};

struct crowd {
        size_t n_labels;
        int smile_label;
        bool playing, blind;
        uint64_t begin_ms, step_ms, observed_ms, n_lost;
        uint64_t counted_ms; /* all until then was counted, or is not known */
        uint64_t bin_ms;     /* length of the last bin */
        size_t n_points;
        unsigned block;
        struct member members[CROWD_FACES_MAX];
};

int crowd_new(size_t n_labels, int smile_label, struct crowd **ret)
{
        struct crowd *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        c->blind = true;
        crowd_set_labels(c, n_labels, smile_label);
        *ret = c;
        return 0;
}

struct crowd *crowd_free(struct crowd *c)
{
        free(c);
        return NULL;
}

void crowd_set_labels(struct crowd *c, size_t n_labels, int smile_label)
{
        c->n_labels = MIN(n_labels, (size_t)SUMS_LABELS_MAX);
        c->smile_label = smile_label;
}

bool crowd_is_playing(const struct crowd *c)
{
        return c->playing;
}

static void level_add(struct level *l, double score, double ms)
{
        if (isnan(score))
                return;
        l->weight_ms += ms;
        l->sum += score * ms;
}

static double level_mean(const struct level *l)
{
        return l->weight_ms > 0 ? l->sum / l->weight_ms : NAN;
}

/* The newest seconds weigh most: what is older fades. */
static void level_fade(struct level *l, double limit_ms)
{
        if (l->weight_ms <= limit_ms)
                return;
        l->sum *= limit_ms / l->weight_ms;
        l->weight_ms = limit_ms;
}

static void forget_play(struct member *m)
{
        m->dwell_ms = m->attention_ms = 0;
        m->smiled = false;
        m->smile = m->end = (struct level){ 0 };
        m->smile_max = NAN;
        memset(m->times_ms, 0, sizeof(m->times_ms));
        memset(m->points, 0, sizeof(m->points));
        memset(m->weights, 0, sizeof(m->weights));
}

/* @from_ms..@to_ms, since the content began, of one member. @share: of its last bin. */
static void live(struct crowd *c, struct member *m, uint64_t from_ms, uint64_t to_ms, double share)
{
        const struct crowd_face *f = &m->face;
        double ms = f->present_ms * share, density = ms / (double)(to_ms - from_ms);

        m->dwell_ms += ms;
        m->attention_ms += f->attention_ms * share;
        for (size_t i = 0; i < c->n_labels; i++)
                m->times_ms[i] += f->labels_ms[i] * share;
        m->smiled |= c->smile_label >= 0 && f->labels_ms[c->smile_label] > 0;
        level_add(&m->smile, f->smile, ms);
        if (!isnan(f->smile))
                m->smile_max = isnan(m->smile_max) ? f->smile : MAX(m->smile_max, f->smile);
        level_fade(&m->end, END_MS - MIN(ms, END_MS * 1.0));
        level_add(&m->end, f->smile, ms);
        for (uint64_t at = from_ms; c->step_ms && at < to_ms && !isnan(f->smile);) {
                uint64_t point = at / c->step_ms, until = MIN((point + 1) * c->step_ms, to_ms);

                if (point < c->n_points) {
                        m->points[point] += (float)(f->smile * density * (double)(until - at));
                        m->weights[point] += (float)(density * (double)(until - at));
                }
                at = until;
        }
}

/* What the last bin says of those in view, for the time until @to_ms. */
static void count(struct crowd *c, uint64_t to_ms)
{
        uint64_t ms = to_ms - c->counted_ms;
        double share = (double)ms / (double)c->bin_ms;

        if (c->playing)
                c->observed_ms += ms;
        for (size_t i = 0; i < CROWD_FACES_MAX; i++) {
                struct member *m = &c->members[i];

                if (!m->seen_ms || !m->in_view)
                        continue;
                if (c->playing)
                        live(c, m, c->counted_ms - c->begin_ms, to_ms - c->begin_ms, share);
                else {
                        level_add(&m->before, m->face.smile, m->face.present_ms * share);
                        level_fade(&m->before, BASELINE_MS);
                }
        }
        c->counted_ms = to_ms;
}

/* The bin that holds @now_ms is still to come: those of the last one are taken to go on as they were. */
static void go_on_until(struct crowd *c, uint64_t now_ms)
{
        if (now_ms <= c->counted_ms)
                return;
        if (!c->blind && now_ms - c->counted_ms <= CROWD_GAP_MS)
                count(c, now_ms);
        c->counted_ms = now_ms;
}

void crowd_begin(struct crowd *c, uint64_t now_ms, uint64_t step_ms, size_t n_points, unsigned block)
{
        go_on_until(c, now_ms);
        c->playing = true;
        c->begin_ms = now_ms;
        c->step_ms = step_ms;
        c->n_points = MIN(n_points, (size_t)SUMS_POINTS_MAX);
        c->block = block % SUMS_BLOCKS;
        c->observed_ms = c->n_lost = 0;
        for (size_t i = 0; i < CROWD_FACES_MAX; i++)
                forget_play(&c->members[i]);
}

/* The member with this number, else a free slot, else NULL. */
static struct member *find(struct crowd *c, uint32_t id)
{
        struct member *free_slot = NULL;

        for (size_t i = 0; i < CROWD_FACES_MAX; i++) {
                struct member *m = &c->members[i];

                if (m->seen_ms && m->id == id)
                        return m;
                if (!m->seen_ms && !free_slot)
                        free_slot = m;
        }
        if (free_slot) {
                memset(free_slot, 0, sizeof(*free_slot));
                free_slot->id = id;
                free_slot->smile_max = NAN;
        }
        return free_slot;
}

/* Between plays nobody is remembered who left. */
static void forget_gone(struct crowd *c, uint64_t now_ms)
{
        for (size_t i = 0; i < CROWD_FACES_MAX && !c->playing; i++)
                if (c->members[i].seen_ms && now_ms - c->members[i].seen_ms > GONE_MS)
                        explicit_bzero(&c->members[i], sizeof(c->members[i]));
}

static void take_bin(struct crowd *c, uint64_t end_ms, const struct crowd_face *faces, size_t n)
{
        for (size_t i = 0; i < CROWD_FACES_MAX; i++)
                c->members[i].in_view = false;
        for (size_t i = 0; i < n; i++) {
                struct member *m = find(c, faces[i].id);

                if (!m) {
                        c->n_lost++;
                        continue;
                }
                m->seen_ms = MAX(end_ms, 1u);
                m->face = faces[i];
                m->in_view = true;
                m->is_static = faces[i].is_static;
        }
}

void crowd_observe(struct crowd *c, uint64_t begin_ms, uint64_t end_ms, const struct crowd_face *faces, size_t n)
{
        if (end_ms <= begin_ms || end_ms <= c->counted_ms)
                return; /* a play's end took it as told */
        c->bin_ms = end_ms - begin_ms;
        c->blind = c->bin_ms > CROWD_GAP_MS;
        take_bin(c, end_ms, faces, n);
        c->counted_ms = MAX(c->counted_ms, begin_ms);
        if (!c->blind)
                count(c, end_ms);
        c->counted_ms = end_ms;
        forget_gone(c, end_ms);
}

void crowd_blind(struct crowd *c)
{
        c->blind = true;
        for (size_t i = 0; i < CROWD_FACES_MAX; i++)
                c->members[i].in_view = false;
}

unsigned crowd_viewers_now(const struct crowd *c)
{
        unsigned n = 0;

        for (size_t i = 0; i < CROWD_FACES_MAX; i++)
                n += c->members[i].seen_ms && c->members[i].in_view && !c->members[i].is_static;
        return n;
}

/* Shares of bins add up to whole milliseconds but for rounding. */
static uint64_t whole(double ms)
{
        return (uint64_t)(ms + 0.5);
}

static void describe(const struct member *m, uint64_t end_ms, struct sums_viewer *ret)
{
        bool stayed = m->seen_ms + END_MS >= end_ms;

        *ret = (struct sums_viewer){
                .dwell_ms = whole(m->dwell_ms),
                .attention_ms = MIN(whole(m->attention_ms), whole(m->dwell_ms)),
                .smiled = m->smiled,
                .smile_mean = level_mean(&m->smile),
                .smile_max = m->smile_max,
                .smile_end = stayed ? level_mean(&m->end) : NAN,
                .smile_before = level_mean(&m->before),
        };
        memcpy(ret->times_ms, m->times_ms, sizeof(ret->times_ms));
        for (size_t i = 0; i < SUMS_POINTS_MAX; i++)
                ret->curve[i] = m->weights[i] > 0 ? (double)m->points[i] / (double)m->weights[i] : NAN;
}

/* What was seen in this play is what was before the next. */
static void turn_page(struct member *m)
{
        if (m->smile.weight_ms > 0)
                m->before = m->smile;
        level_fade(&m->before, BASELINE_MS);
        forget_play(m);
}

int crowd_end(struct crowd *c, uint64_t now_ms, struct sums *sums, struct crowd_result *ret)
{
        struct sums_viewer v;
        uint64_t watched_ms = 0;

        if (!c->playing)
                return -EINVAL;
        go_on_until(c, now_ms);
        *ret = (struct crowd_result){ .shown_ms = MIN(now_ms - c->begin_ms, (uint64_t)CROWD_PLAY_MS),
                                      .observed_ms = c->observed_ms,
                                      .n_lost = c->n_lost };
        for (size_t i = 0; i < CROWD_FACES_MAX; i++) {
                struct member *m = &c->members[i];

                if (!m->seen_ms || !(m->dwell_ms > 0))
                        continue;
                if (m->is_static || whole(m->dwell_ms) < CROWD_VIEWER_MS) {
                        ret->n_static += m->is_static;
                        ret->n_short += !m->is_static;
                } else {
                        describe(m, now_ms, &v);
                        sums_add_viewer(sums, c->block, &v);
                        watched_ms += v.attention_ms >= 1000 ? v.dwell_ms : 0;
                        ret->viewers++;
                        ret->watchers += v.attention_ms >= 1000;
                        ret->dwell_ms += v.dwell_ms;
                        ret->attention_ms += v.attention_ms;
                }
                turn_page(m);
        }
        explicit_bzero(&v, sizeof(v));
        sums_add_play(sums, ret->shown_ms, ret->observed_ms, watched_ms);
        c->playing = false;
        forget_gone(c, now_ms);
        return 0;
}
