/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "daemon/summary.h"

static struct summary_face *find_entry(struct summary *s, uint32_t face)
{
        for (size_t i = 0; i < s->n_faces; i++)
                if (s->faces[i].face == face)
                        return &s->faces[i];
        return NULL;
}

static size_t n_without_entry(struct summary *s)
{
        size_t n = 0;

        for (size_t i = 0; i < s->n_held; i++)
                n += !find_entry(s, s->held[i].id);
        return n;
}

/* Sums become means; the bin itself is left, for it may have to go on. */
static size_t make_means(struct summary *s)
{
        for (size_t i = 0; i < s->n_faces; i++) {
                struct summary_face *f = &s->told[i];

                *f = s->faces[i];
                f->quality /= f->present_ms;
                for (size_t k = 0; k < EMOTION_MAX; k++)
                        f->scores[k] /= f->present_ms;
        }
        return s->n_faces;
}

static void end_bin(struct summary *s)
{
        struct summary_bin bin = { .begin_usec = s->begin_ms * 1000, .end_usec = s->now_ms * 1000, .faces = s->told };

        if (s->now_ms == s->begin_ms)
                return;
        bin.n_faces = make_means(s);
        if (s->emit(s->userdata, &bin) < 0)
                return;
        s->begin_ms = s->now_ms;
        s->n_faces = 0;
}

static void add_time(const struct summary *s, struct summary_face *to, const struct face *f, uint32_t ms)
{
        int emotion = f->emotions[s->listener];

        to->present_ms += ms;
        to->attention_ms += f->facing ? ms : 0;
        to->emotion_ms[emotion >= 0 && emotion < EMOTION_MAX ? emotion : (int)SUMMARY_UNSURE] += ms;
        for (size_t k = 0; k < EMOTION_MAX; k++)
                to->scores[k] += (double)f->scores[k] * ms;
        to->quality += f->quality * ms;
        to->box = f->box;
        to->is_static = f->is_static;
}

/* What is in view counts until @until_ms. */
static void hold_until(struct summary *s, uint64_t until_ms)
{
        uint32_t ms = (uint32_t)(until_ms - s->now_ms);

        if (!ms)
                return;
        if (s->n_faces + n_without_entry(s) > SUMMARY_MAX_FACES)
                end_bin(s);
        for (size_t i = 0; i < s->n_held; i++) {
                const struct face *f = &s->held[i];
                struct summary_face *to = find_entry(s, f->id);

                if (!to && s->n_faces < SUMMARY_MAX_FACES) {
                        to = &s->faces[s->n_faces++];
                        *to = (struct summary_face){ .face = f->id };
                }
                if (to)
                        add_time(s, to, f, ms);
        }
        s->now_ms = until_ms;
}

/* The next end of a bin that is not after @now_ms; 0: none. */
static uint64_t next_edge(const struct summary *s, uint64_t now_ms)
{
        uint64_t done = (s->now_ms - s->first_ms) / s->bin_ms, due = (now_ms - s->first_ms) / s->bin_ms;

        if (due <= done)
                return 0;
        return s->first_ms + (due - done > SUMMARY_MAX_BINS ? due : done + 1) * s->bin_ms;
}

void summary_pass(struct summary *s, uint64_t now_usec, const struct face *faces, size_t n)
{
        uint64_t now_ms = now_usec / 1000, edge;

        if (!s->open) {
                s->open = true;
                s->first_ms = s->begin_ms = s->now_ms = now_ms;
                s->n_held = s->n_faces = 0;
        }
        now_ms = MAX(now_ms, s->now_ms);
        while ((edge = next_edge(s, now_ms)) > 0) {
                hold_until(s, edge);
                end_bin(s);
        }
        hold_until(s, now_ms);
        if (!faces)
                return;
        s->n_held = MIN(n, ARRAY_LEN(s->held));
        memcpy(s->held, faces, s->n_held * sizeof(s->held[0]));
}

void summary_cut(struct summary *s, uint64_t now_usec)
{
        if (!s->open)
                return;
        summary_pass(s, now_usec, NULL, 0);
        end_bin(s);
        s->n_held = 0;
}

void summary_end(struct summary *s, uint64_t now_usec)
{
        summary_cut(s, now_usec);
        s->open = false;
}
