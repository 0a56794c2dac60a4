/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "basic/log.h"
#include "daemon/vision/stage.h"

/* A face that was found once and not again is forgotten after this time; nobody has heard of it. */
#define UNCONFIRMED_USEC 500000u
/* What was found in the last frame is looked for in this one, however short faces are kept, unless the stream stood
 * still for longer than this. */
#define STALL_USEC 3000000u

/* A threshold that no score reaches. */
#define BEYOND_CONFIDENCE 2.0

static bool rules_are_valid(const struct decision_rules *r)
{
        return r->min_confidence >= 0 && r->min_confidence <= 1 && r->hysteresis >= 0 && r->hysteresis <= 1;
}

/* Written so that a NaN fails, as all of these are. */
static bool is_within(double x, double max)
{
        return x >= 0 && x <= max;
}

static bool config_is_valid(const struct pipeline_config *c)
{
        return c->detect_fps > 0 && c->detect_fps <= 1000 && c->idle_fps > 0 && c->idle_fps <= 1000 &&
               c->max_faces >= 1 && c->max_faces <= PIPELINE_MAX_FACES && is_within(c->min_align_confidence, 1) &&
               is_within(c->min_quality, 1) && is_within(c->sensitivity, 10) &&
               is_within(c->attention.max_yaw_deg, 90) && is_within(c->attention.max_pitch_deg, 90) &&
               rules_are_valid(&c->rules);
}

int pipeline_new(const struct pipeline_config *config, struct plugin_host *host, struct classifier *classifier,
                 struct pipeline **ret)
{
        const struct classifier_info *model = classifier_get_info(classifier);
        struct pipeline *p;

        if (!config_is_valid(config) || model->max_batch < config->max_faces)
                return -EINVAL;
        if (plugin_host_error(host))
                return -ENODEV;
        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        p->config = *config;
        p->host = host;
        p->classifier = classifier;
        p->model = model;
        p->neutral = -1;
        for (unsigned i = 0; i < model->n_labels; i++)
                if (model->labels[i] && strcmp(model->labels[i], "neutral") == 0)
                        p->neutral = (int)i;
        p->tracks.max = config->max_faces;
        p->listening[0] = true;
        p->rules[0] = config->rules;
        p->sequence = plugin_host_new_sequence(host);
        *ret = p;
        return 0;
}

struct pipeline *pipeline_free(struct pipeline *p)
{
        free(p);
        return NULL;
}

/* Return: false if there is no room; the caller tells it again with the next frame. */
static bool push_event(struct pipeline *p, const struct face_event *e)
{
        if (p->n_events >= ARRAY_LEN(p->events))
                return false;
        p->events[p->n_events++] = *e;
        return true;
}

/* Faces appear, vanish and turn at most PIPELINE_MAX_FACES times a frame each: for these there is always room, as they come
 * before the changes of emotion. The count shows should that ever be wrong. */
static void push_face_event(struct pipeline *p, enum face_event_kind kind, const struct track *t, uint64_t now_usec)
{
        struct face_event e = { .kind = kind,
                                .face = t->face.id,
                                .from = t->face.emotion,
                                .to = kind == FACE_APPEARED ? EMOTION_UNSURE : t->face.emotion,
                                .confidence = kind == FACE_APPEARED ? 0 : t->face.confidence,
                                .timestamp_usec = now_usec,
                                .box = track_box(t),
                                .is_static = t->life.is_static,
                                .facing = t->attention.facing,
                                .pose = t->face.pose };

        if (!push_event(p, &e))
                p->n_events_lost++;
}

static void drop_lost_tracks(struct pipeline *p, uint64_t now_usec)
{
        for (size_t i = 0; i < ARRAY_LEN(p->tracks.items); i++) {
                struct track *t = &p->tracks.items[i];
                uint64_t limit_usec = t->confirmed ? p->config.keep_usec : MIN(p->config.keep_usec, UNCONFIRMED_USEC);

                if (t->found) /* in the last frame */
                        limit_usec = MAX(limit_usec, STALL_USEC);
                if (!t->used || now_usec - t->seen_usec <= limit_usec)
                        continue;
                if (t->announced)
                        push_face_event(p, FACE_VANISHED, t, now_usec);
                t->used = false;
        }
}

static void drop_tracks_in_zones(struct pipeline *p, uint64_t now_usec)
{
        for (size_t i = 0; p->config.zones.n && i < ARRAY_LEN(p->tracks.items); i++) {
                struct track *t = &p->tracks.items[i];
                struct emo_box box = track_box(t);

                if (!t->used || !pipeline_in_zone(p, &box))
                        continue;
                if (t->announced)
                        push_face_event(p, FACE_VANISHED, t, now_usec);
                t->used = false;
        }
}

static void announce_new_tracks(struct pipeline *p, uint64_t now_usec)
{
        for (size_t i = 0; i < ARRAY_LEN(p->tracks.items); i++) {
                struct track *t = &p->tracks.items[i];

                if (!t->used || !t->confirmed || t->announced)
                        continue;
                struct emo_box box = track_box(t);

                t->announced = true;
                if (life_places_hold(&p->places, &box))
                        life_assume_static(&t->life);
                push_face_event(p, FACE_APPEARED, t, now_usec);
        }
}

static void attend_all(struct pipeline *p, uint64_t now_usec)
{
        for (size_t i = 0; i < ARRAY_LEN(p->tracks.items); i++) {
                struct track *t = &p->tracks.items[i];

                if (!t->used || !t->announced)
                        continue;
                if (attention_update(&t->attention, &p->config.attention, &t->face.pose, now_usec))
                        push_face_event(p, FACE_ATTENTION_CHANGED, t, now_usec);
                t->face.facing = t->attention.facing;
        }
}

/* What listener @k should hear of a face. */
static void decide(struct pipeline *p, struct track *t, unsigned k, uint64_t now_usec)
{
        struct decision *d = &t->decisions[k];
        struct decision_rules rules = p->rules[k];
        const float *scores = t->smoothing.scores;
        unsigned n = p->model->n_labels;
        int best = decision_best(scores, n, 0), to;

        if (t->poor)
                rules.min_confidence = BEYOND_CONFIDENCE;
        decision_update(d, &rules, scores, n, now_usec, t->fresh[k], &to);
        if (to != d->announced) {
                struct face_event e = { .kind = FACE_EMOTION_CHANGED,
                                        .listener = k,
                                        .face = t->face.id,
                                        .from = d->announced,
                                        .to = to,
                                        .confidence = (double)scores[to == EMOTION_UNSURE ? best : to],
                                        .timestamp_usec = now_usec,
                                        .box = track_box(t),
                                        .is_static = t->life.is_static };

                if (!push_event(p, &e))
                        return;
                decision_announce(d, to);
        }
        t->fresh[k] = false;
}

static void decide_all(struct pipeline *p, uint64_t now_usec)
{
        for (size_t i = 0; i < ARRAY_LEN(p->tracks.items); i++) {
                struct track *t = &p->tracks.items[i];

                if (!t->used || !t->announced || !t->smoothing.started)
                        continue;
                for (unsigned k = 0; k < PIPELINE_MAX_LISTENERS; k++)
                        if (p->listening[k] && (t->scored || t->fresh[k]))
                                decide(p, t, k, now_usec);
                t->face.emotion = t->decisions[0].announced;
        }
}

static void fill_face(const struct pipeline *p, struct track *t)
{
        struct face *f = &t->face;
        int shown =
                f->emotion != EMOTION_UNSURE ? f->emotion : decision_best(t->smoothing.scores, p->model->n_labels, 0);

        f->box = track_box(t);
        for (size_t k = 0; k < PIPELINE_MAX_LISTENERS; k++)
                f->emotions[k] = (int8_t)t->decisions[k].announced;
        f->is_static = t->life.is_static;
        f->since_usec = t->first_usec;
        f->seen_usec = t->seen_usec;
        for (unsigned i = 0; i < p->model->n_labels; i++)
                f->scores[i] = t->smoothing.started ? t->smoothing.scores[i] : 1.f / (float)p->model->n_labels;
        f->confidence = t->smoothing.started && shown >= 0 ? (double)t->smoothing.scores[shown] : 0;
}

static void fill_result(struct pipeline *p, uint64_t now_usec, struct pipeline_result *ret)
{
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_LEN(p->tracks.items); i++) {
                struct track *t = &p->tracks.items[i];

                if (!t->used || !t->announced)
                        continue;
                fill_face(p, t);
                p->faces[n++] = t->face;
        }
        *ret = (struct pipeline_result){ .timestamp_usec = now_usec,
                                         .n_faces = n,
                                         .faces = p->faces,
                                         .n_events = p->n_events,
                                         .events = p->events,
                                         .n_events_lost = p->n_events_lost };
}

int pipeline_process(struct pipeline *p, const struct frame *f, struct pipeline_result *ret)
{
        uint64_t now_usec, start_nsec;
        int r;

        r = pipeline_check_frame(p, f);
        if (r < 0)
                return r;
        /* time does not run backwards, whatever a source says */
        now_usec = MAX(f->timestamp_usec, p->last_usec);
        p->last_usec = now_usec;
        p->n_events = 0;
        p->stats.n_frames++;
        pipeline_begin_stages(p);
        p->width_px = f->width_px;
        p->height_px = f->height_px;

        start_nsec = pipeline_clock_nsec();
        drop_lost_tracks(p, now_usec);
        tracks_predict(&p->tracks, now_usec);
        p->stats.track_nsec += pipeline_clock_nsec() - start_nsec;
        r = pipeline_look(p, f, now_usec);
        if (r < 0)
                (void)log_debug_errno(r, "no new face can be followed: %m");
        drop_tracks_in_zones(p, now_usec);
        announce_new_tracks(p, now_usec);
        pipeline_recognise(p, f, now_usec);
        drop_tracks_in_zones(p, now_usec);

        start_nsec = pipeline_clock_nsec();
        attend_all(p, now_usec);
        decide_all(p, now_usec);
        fill_result(p, now_usec, ret);
        p->stats.track_nsec += pipeline_clock_nsec() - start_nsec;
        return 0;
}

void pipeline_flush(struct pipeline *p, uint64_t now_usec, struct pipeline_result *ret)
{
        p->n_events = 0;
        p->last_usec = MAX(now_usec, p->last_usec);
        for (size_t i = 0; i < ARRAY_LEN(p->tracks.items); i++) {
                struct track *t = &p->tracks.items[i];

                if (t->used && t->announced)
                        push_face_event(p, FACE_VANISHED, t, p->last_usec);
                t->used = false;
        }
        p->started = false;
        fill_result(p, p->last_usec, ret);
        /* the next stream has a clock of its own */
        p->last_usec = 0;
        p->sequence = plugin_host_new_sequence(p->host);
}

int pipeline_set_listener(struct pipeline *p, unsigned listener, const struct decision_rules *rules)
{
        if (listener < 1 || listener >= PIPELINE_MAX_LISTENERS || !rules_are_valid(rules))
                return -EINVAL;
        for (size_t i = 0; !p->listening[listener] && i < ARRAY_LEN(p->tracks.items); i++) {
                struct track *t = &p->tracks.items[i];

                decision_init(&t->decisions[listener]);
                t->fresh[listener] = t->used && t->announced;
        }
        p->listening[listener] = true;
        p->rules[listener] = *rules;
        return 0;
}

void pipeline_drop_listener(struct pipeline *p, unsigned listener)
{
        if (listener >= 1 && listener < PIPELINE_MAX_LISTENERS)
                p->listening[listener] = false;
}

uint64_t pipeline_rests_until(const struct pipeline *p)
{
        return tracks_count(&p->tracks) ? 0 : pipeline_due_usec(p);
}

struct pipeline_stats pipeline_get_stats(const struct pipeline *p)
{
        return p->stats;
}
