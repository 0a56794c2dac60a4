/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/summary.h"

#define LISTENER 3u
#define MAX_IDS 4096u

/* What all bins say together, and what is known of the faces that were shown. */
static struct {
        struct summary s;
        bool refuses;
        size_t n_bins, most_faces;
        uint64_t first_usec, last_usec, longest_usec, covered_usec;
        struct {
                uint64_t present_ms, attention_ms, emotion_ms[EMOTION_MAX + 1];
        } got[MAX_IDS], truth[MAX_IDS];
        struct summary_face last[SUMMARY_MAX_FACES];
        size_t n_last;
} t;

static void check_bin(const struct summary_bin *b)
{
        assert_true(b->end_usec > b->begin_usec);
        if (t.n_bins && t.last_usec)
                assert_int_equal(b->begin_usec, t.last_usec);
        assert_int_equal(b->begin_usec % 1000, 0);
        assert_int_equal(b->end_usec % 1000, 0);
        for (size_t i = 0; i < b->n_faces; i++) {
                const struct summary_face *f = &b->faces[i];
                uint64_t sum = 0;

                for (size_t k = 0; k <= EMOTION_MAX; k++)
                        sum += f->emotion_ms[k];
                assert_int_equal(sum, f->present_ms);
                assert_in_range(f->present_ms, 1, (b->end_usec - b->begin_usec) / 1000);
                assert_true(f->attention_ms <= f->present_ms);
                for (size_t k = 0; k < i; k++)
                        assert_int_not_equal(b->faces[k].face, f->face);
        }
}

static int emit(void *userdata, const struct summary_bin *b)
{
        check_bin(b);
        if (t.refuses)
                return -ENOBUFS;
        t.first_usec = t.n_bins ? t.first_usec : b->begin_usec;
        t.n_bins++;
        t.last_usec = b->end_usec;
        t.longest_usec = MAX(t.longest_usec, b->end_usec - b->begin_usec);
        t.covered_usec += b->end_usec - b->begin_usec;
        t.most_faces = MAX(t.most_faces, b->n_faces);
        for (size_t i = 0; i < b->n_faces; i++) {
                const struct summary_face *f = &b->faces[i];

                t.got[f->face].present_ms += f->present_ms;
                t.got[f->face].attention_ms += f->attention_ms;
                for (size_t k = 0; k <= EMOTION_MAX; k++)
                        t.got[f->face].emotion_ms[k] += f->emotion_ms[k];
        }
        t.n_last = b->n_faces;
        memcpy(t.last, b->faces, b->n_faces * sizeof(t.last[0]));
        return 0;
}

static void begin(unsigned bin_ms)
{
        memset(&t, 0, sizeof(t));
        t.s.bin_ms = bin_ms;
        t.s.listener = LISTENER;
        t.s.emit = emit;
}

static struct face made_face(uint32_t id, int emotion, bool facing)
{
        struct face f = { .id = id, .emotion = EMOTION_UNSURE, .facing = facing, .quality = 0.5 };

        memset(f.emotions, EMOTION_UNSURE, sizeof(f.emotions));
        f.emotions[LISTENER] = (int8_t)emotion;
        f.scores[0] = 0.25f;
        f.scores[1] = 0.75f;
        f.box.width = (float)id;
        return f;
}

static void test_edges(void **state)
{
        struct face f = made_face(7, 1, false);

        begin(1000);
        summary_pass(&t.s, 10000000, NULL, 0);
        /* comes 250 ms after an edge, turns at 900, is gone at the next edge but one and 1 ms */
        summary_pass(&t.s, 10250400, &f, 1);
        f.facing = true;
        f.is_static = true;
        f.emotions[LISTENER] = EMOTION_UNSURE;
        summary_pass(&t.s, 10900900, &f, 1);
        assert_int_equal(t.n_bins, 0);
        summary_pass(&t.s, 12001100, &f, 0);
        assert_int_equal(t.n_bins, 2);
        assert_int_equal(t.n_last, 1);
        assert_int_equal(t.last[0].present_ms, 1000);
        assert_int_equal(t.last[0].attention_ms, 1000);
        assert_int_equal(t.last[0].emotion_ms[SUMMARY_UNSURE], 1000);
        assert_true(t.last[0].quality > 0.499 && t.last[0].quality < 0.501);
        assert_true(t.last[0].scores[1] > 0.749 && t.last[0].scores[1] < 0.751);
        assert_true(t.last[0].box.width > 6.9f);
        assert_true(t.last[0].is_static);
        summary_end(&t.s, 12500000);
        assert_int_equal(t.n_bins, 3);
        assert_int_equal(t.first_usec, 10000000);
        assert_int_equal(t.last_usec, 12500000);
        assert_int_equal(t.got[7].present_ms, 12001 - 10250);
        assert_int_equal(t.got[7].attention_ms, 12001 - 10900);
        assert_int_equal(t.got[7].emotion_ms[1], 10900 - 10250);
        assert_int_equal(t.got[7].emotion_ms[SUMMARY_UNSURE], 12001 - 10900);
}

/* Nobody there is told, too: what was observed is the sum of all bins. */
static void test_empty_room(void **state)
{
        begin(200);
        for (uint64_t now = 5000000; now <= 6000000; now += 50000)
                summary_pass(&t.s, now, NULL, 0);
        assert_int_equal(t.n_bins, 5);
        assert_int_equal(t.n_last, 0);
        assert_int_equal(t.covered_usec, 1000000);
}

static void test_camera_loss(void **state)
{
        struct face f = made_face(1, 0, true);

        begin(1000);
        summary_pass(&t.s, 1000000, &f, 1);
        summary_end(&t.s, 1700000);
        assert_int_equal(t.got[1].present_ms, 700);
        /* not observed in between, and the clock of the next stream is behind */
        t.last_usec = 0;
        summary_pass(&t.s, 1200000, NULL, 0);
        summary_pass(&t.s, 2300000, NULL, 0);
        assert_int_equal(t.n_bins, 2);
        assert_int_equal(t.got[1].present_ms, 700);
        assert_int_equal(t.covered_usec, 1700000);
}

/* A reload: the network is another, the stream goes on. */
static void test_cut(void **state)
{
        struct face f = made_face(1, 0, true), g = made_face(2, 1, true);

        begin(1000);
        summary_pass(&t.s, 1000000, &f, 1);
        summary_cut(&t.s, 1400000);
        assert_int_equal(t.n_bins, 1);
        summary_pass(&t.s, 1390000, &g, 1); /* taken before it */
        summary_pass(&t.s, 2000000, &g, 1);
        assert_int_equal(t.n_bins, 2);
        assert_int_equal(t.got[1].present_ms, 400);
        assert_int_equal(t.got[2].present_ms, 600);
        assert_int_equal(t.covered_usec, 1000000);
        summary_cut(&t.s, 2000000);
        assert_int_equal(t.n_bins, 2); /* no empty bin */
}

static void test_long_gap(void **state)
{
        struct face f = made_face(1, 0, false);

        begin(200);
        summary_pass(&t.s, 1000000, &f, 1);
        summary_pass(&t.s, 4000000, &f, 1); /* 15 bins */
        assert_int_equal(t.n_bins, 15);
        assert_int_equal(t.longest_usec, 200000);
        summary_pass(&t.s, 3604000100, &f, 1); /* an hour */
        assert_int_equal(t.n_bins, 16);
        assert_int_equal(t.last_usec, 3604000000);
        summary_end(&t.s, 3604001000);
        assert_int_equal(t.got[1].present_ms, 3603001);
}

static void test_nobody_takes_it(void **state)
{
        struct face f = made_face(1, 0, true);

        begin(200);
        t.refuses = true;
        for (uint64_t now = 1000000; now <= 2100000; now += 10000)
                summary_pass(&t.s, now, &f, 1);
        assert_int_equal(t.n_bins, 0);
        t.refuses = false;
        for (uint64_t now = 2100000; now <= 2400000; now += 10000)
                summary_pass(&t.s, now, &f, 1);
        assert_int_equal(t.n_bins, 2);
        assert_int_equal(t.longest_usec, 1200000);
        assert_int_equal(t.got[1].present_ms, 1400);
}

/* More faces in one bin than it has room for: it ends early, none is lost. */
static void test_crowd(void **state)
{
        begin(10000);
        for (uint32_t i = 0; i < 1000; i++) {
                struct face f = made_face(i + 1, 0, true);

                summary_pass(&t.s, 1000000 + i * 5000ull, &f, 1);
        }
        summary_end(&t.s, 1000000 + 1000 * 5000ull);
        for (uint32_t i = 0; i < 1000; i++)
                assert_int_equal(t.got[i + 1].present_ms, 5);
        assert_int_equal(t.most_faces, SUMMARY_MAX_FACES);
        assert_int_equal(t.covered_usec, 5000000);
}

static uint32_t seed;

static uint32_t draw(uint32_t below)
{
        seed = seed * 1664525u + 1013904223u;
        return (seed >> 8) % below;
}

/* The truth, straight from the definition: a frame's faces count until the next frame. */
static void add_truth(const struct face *faces, size_t n, uint64_t from_usec, uint64_t to_usec)
{
        uint64_t ms = to_usec / 1000 - from_usec / 1000;

        for (size_t i = 0; i < n; i++) {
                int emotion = faces[i].emotions[LISTENER];

                t.truth[faces[i].id].present_ms += ms;
                t.truth[faces[i].id].attention_ms += faces[i].facing ? ms : 0;
                t.truth[faces[i].id].emotion_ms[emotion < 0 ? EMOTION_MAX : (unsigned)emotion] += ms;
        }
}

/* Faces come and go at random; now and then nothing comes for long, the network is replaced, or nobody takes the bins. */
static void play_at_random(unsigned bin_ms, unsigned step_usec)
{
        struct face faces[8] = { 0 };
        uint64_t now = 77000123, start = now, before = now;
        uint32_t next_id = 1;
        size_t n = 0;

        begin(bin_ms);
        summary_pass(&t.s, now, faces, 0);
        for (int i = 0; i < 20000; i++) {
                now += draw(200) == 0 ? draw(3000000) : draw(2 * step_usec);
                add_truth(faces, n, before, now);
                before = now;
                if (draw(500) == 0) {
                        summary_cut(&t.s, now);
                        n = 0;
                }
                t.refuses = draw(10) == 0 && t.s.n_faces < SUMMARY_MAX_FACES / 2;
                for (size_t k = 0; k < n; k++) {
                        faces[k].facing = draw(20) == 0 ? !faces[k].facing : faces[k].facing;
                        faces[k].emotions[LISTENER] =
                                draw(30) == 0 ? (int8_t)(draw(8) - 1) : faces[k].emotions[LISTENER];
                }
                if (n < ARRAY_LEN(faces) && next_id < MAX_IDS && draw(8) == 0) {
                        faces[n++] = made_face(next_id++, EMOTION_UNSURE, false);
                } else if (n && draw(8) == 0) {
                        n--;
                        faces[draw((uint32_t)n + 1)] = faces[n];
                }
                summary_pass(&t.s, now, faces, n);
        }
        t.refuses = false;
        summary_end(&t.s, now);
        assert_memory_equal(t.got, t.truth, sizeof(t.got));
        assert_int_equal(t.covered_usec / 1000, now / 1000 - start / 1000);
        assert_true(t.n_bins > 50);
}

static void test_law(void **state)
{
        for (seed = 1; seed < 6; seed++) {
                play_at_random(200, 33000);
                play_at_random(1000, 1000); /* a thousand frames a second */
                play_at_random(777, 300);   /* several a millisecond */
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_edges), cmocka_unit_test(test_empty_room), cmocka_unit_test(test_camera_loss),
                cmocka_unit_test(test_cut),   cmocka_unit_test(test_long_gap),   cmocka_unit_test(test_nobody_takes_it),
                cmocka_unit_test(test_crowd), cmocka_unit_test(test_law),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
