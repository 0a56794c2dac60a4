/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "basic/macro.h"
#include "reactions/crowd.h"

/* Labels: 0 neutral, 1 happiness, 2 unsure. */
struct place {
        struct crowd *crowd;
        struct sums sums;
        struct crowd_result result;
};

static int make_place(void **state)
{
        struct place *p = calloc(1, sizeof(*p));

        *state = p;
        return p && crowd_new(3, 1, &p->crowd) == 0 ? 0 : -1;
}

static int end_place(void **state)
{
        struct place *p = *state;

        crowd_free(p->crowd);
        sums_done(&p->sums);
        free(p);
        return 0;
}

#define BIN_MS 200

/* In view for the whole of a bin. */
static struct crowd_face face(uint32_t id, bool attention, int label, double smile)
{
        struct crowd_face f = {
                .id = id, .present_ms = BIN_MS, .attention_ms = attention ? BIN_MS : 0, .smile = smile
        };

        f.labels_ms[label] = BIN_MS;
        return f;
}

/* Bins of the same faces, from @from_ms to @to_ms. */
static void look(struct place *p, uint64_t from_ms, uint64_t to_ms, const struct crowd_face *faces, size_t n)
{
        for (uint64_t t = from_ms; t + BIN_MS <= to_ms; t += BIN_MS)
                crowd_observe(p->crowd, t, t + BIN_MS, faces, n);
}

static void begin(struct place *p, uint64_t at_ms)
{
        crowd_begin(p->crowd, at_ms, 1000, 10, 7);
}

static void end(struct place *p, uint64_t at_ms)
{
        sums_done(&p->sums);
        assert_int_equal(sums_init(&p->sums, 3, 1000, 10), 0);
        assert_int_equal(crowd_end(p->crowd, at_ms, &p->sums, &p->result), 0);
}

static void test_times_add_up(void **state)
{
        struct place *p = *state;
        struct crowd_face two[] = { face(1, true, 1, 0.9), face(2, false, 0, 0.1) };

        begin(p, 100000);
        look(p, 100000, 104200, two, 2);
        look(p, 104200, 110000, two, 1); /* the second left at 104.2 s */
        end(p, 110000);
        assert_int_equal(p->result.shown_ms, 10000);
        assert_int_equal(p->result.observed_ms, 10000);
        assert_int_equal(p->result.viewers, 2);
        assert_int_equal(p->result.watchers, 1);
        assert_int_equal(p->result.dwell_ms, 10000 + 4200);
        assert_int_equal(p->result.attention_ms, 10000);
        assert_int_equal(p->sums.smilers, 1);
        assert_true(fabs(p->sums.times.sum[1] - 10) < 1e-9 && fabs(p->sums.times.sum[0] - 4.2) < 1e-9);
        assert_true(fabs(p->sums.audience.y - 10) < 1e-9); /* one watcher for ten seconds */
        assert_int_equal((int)p->sums.curve.both[0], 2);
        assert_int_equal((int)p->sums.curve.both[9 * 10 + 9], 1);
        assert_true(fabs(p->sums.curve.first[9 * 10 + 9] - 0.9) < 1e-6);
        assert_false(crowd_is_playing(p->crowd));
        assert_int_equal(crowd_end(p->crowd, 110000, &p->sums, &p->result), -EINVAL);
}

static void test_things_and_passers_by_are_no_viewers(void **state)
{
        struct place *p = *state;
        struct crowd_face faces[] = { face(1, true, 1, 0.9), face(2, true, 1, 0.9) };

        faces[0].is_static = true;
        begin(p, 1000);
        look(p, 1000, 1800, faces, 2);
        look(p, 1800, 6000, faces, 1);
        end(p, 6000);
        assert_int_equal(p->result.viewers, 0);
        assert_int_equal(p->result.n_static, 1);
        assert_int_equal(p->result.n_short, 1);
        assert_int_equal(p->sums.viewers, 0);
        assert_int_equal(p->sums.plays, 1);
}

static void test_a_stall_is_not_observed(void **state)
{
        struct place *p = *state;
        struct crowd_face one = face(1, true, 0, 0.2);

        begin(p, 1000);
        look(p, 1000, 3000, &one, 1);
        look(p, 9000, 11000, &one, 1); /* six seconds without a bin */
        crowd_blind(p->crowd);
        look(p, 12000, 13000, &one, 1); /* and one that was said */
        end(p, 13000);
        assert_int_equal(p->result.shown_ms, 12000);
        assert_int_equal(p->result.observed_ms, 2000 + 2000 + 1000);
        assert_int_equal(p->result.dwell_ms, 5000);
}

/* A bin that holds a play's begin or end is told when both are past: no time of it is lost, none counts twice. */
static void test_plays_share_a_bin(void **state)
{
        struct place *p = *state;
        struct crowd_face one = face(1, true, 1, 0.5);
        uint64_t dwell_ms = 0, observed_ms = 0, edges[] = { 10050, 12130, 15000, 15001, 17777, 20000 };

        look(p, 9000, 10000, &one, 1);
        for (size_t i = 0; i + 1 < ARRAY_LEN(edges); i++) {
                begin(p, edges[i]);
                look(p, edges[i] / BIN_MS * BIN_MS, edges[i + 1] / BIN_MS * BIN_MS, &one, 1);
                end(p, edges[i + 1]);
                dwell_ms += p->result.dwell_ms;
                observed_ms += p->result.observed_ms;
                assert_int_equal(p->result.observed_ms, edges[i + 1] - edges[i]);
        }
        assert_int_equal(observed_ms, 20000 - 10050);
        assert_in_range(dwell_ms, observed_ms - 1, observed_ms); /* the play of 1 ms has no viewer */
}

static void test_part_of_a_bin_counts_as_part(void **state)
{
        struct place *p = *state;
        struct crowd_face one = face(1, true, 1, 0.5);

        one.present_ms = 100;
        one.attention_ms = 50;
        one.labels_ms[1] = 40;
        one.labels_ms[2] = 60;
        begin(p, 1000);
        look(p, 1000, 5000, &one, 1);
        end(p, 5000);
        assert_int_equal(p->result.observed_ms, 4000);
        assert_int_equal(p->result.dwell_ms, 2000);
        assert_int_equal(p->result.attention_ms, 1000);
        assert_true(fabs(p->sums.times.sum[1] - 0.8) < 1e-9 && fabs(p->sums.times.sum[2] - 1.2) < 1e-9);
}

static void test_a_bin_too_long_is_not_observed(void **state)
{
        struct place *p = *state;
        struct crowd_face one = face(1, true, 1, 0.5);

        begin(p, 1000);
        look(p, 1000, 3000, &one, 1);
        one.present_ms = CROWD_GAP_MS + 1;
        crowd_observe(p->crowd, 3000, 3000 + CROWD_GAP_MS + 1, &one, 1);
        end(p, 8000);
        assert_int_equal(p->result.observed_ms, 2000);
        assert_int_equal(p->result.dwell_ms, 2000);
}

static void test_own_baseline(void **state)
{
        struct place *p = *state;
        struct crowd_face before[] = { face(1, true, 0, 0.2) };
        struct crowd_face during[] = { face(1, true, 1, 0.6), face(2, true, 0, 0.3) };

        look(p, 1000, 6000, before, 1);
        begin(p, 6000);
        look(p, 6000, 12000, during, 2);
        end(p, 12000);
        assert_int_equal(p->result.viewers, 2);
        assert_int_equal(p->sums.no_baseline, 1);
        /* 0.6 - 0.2 = 0.4: cell (0.4 + 1) / 2 * 50 = 35, or its neighbour by rounding */
        assert_int_equal(p->sums.histograms[SUMS_CHANGE][7][34] + p->sums.histograms[SUMS_CHANGE][7][35], 1);
        begin(p, 12000); /* the next play's baseline is this play */
        look(p, 12000, 15000, during, 2);
        end(p, 15000);
        assert_int_equal(p->sums.no_baseline, 0);
}

static void test_those_who_left_are_forgotten(void **state)
{
        struct place *p = *state;
        struct crowd_face one = face(1, true, 0, 0.2);

        look(p, 1000, 6000, &one, 1);
        assert_int_equal(crowd_viewers_now(p->crowd), 1);
        look(p, 6000, 20000, NULL, 0);
        assert_int_equal(crowd_viewers_now(p->crowd), 0);
        begin(p, 20000);
        look(p, 20000, 22000, &one, 1);
        end(p, 22000);
        assert_int_equal(p->sums.no_baseline, 1);
}

static void test_more_faces_than_room(void **state)
{
        struct place *p = *state;
        struct crowd_face faces[CROWD_FACES_MAX + 9];

        for (uint32_t i = 0; i < ARRAY_LEN(faces); i++)
                faces[i] = face(i + 1, true, 9, NAN); /* and a label beyond those of the model */
        begin(p, 1000);
        look(p, 1000, 3000, faces, ARRAY_LEN(faces));
        crowd_observe(p->crowd, 400, 600, faces, 3);   /* a bin before the last one changes nothing */
        crowd_observe(p->crowd, 3200, 3100, faces, 3); /* nor does one that ends before it begins */
        end(p, 3000);
        assert_int_equal(p->result.viewers, CROWD_FACES_MAX);
        assert_true(p->result.n_lost > 0);
        assert_int_equal(p->sums.histograms[SUMS_SMILE_MEAN][7][0], 0);
}

int main(void)
{
#define PLACED(test) cmocka_unit_test_setup_teardown(test, make_place, end_place)
        static const struct CMUnitTest tests[] = {
                PLACED(test_times_add_up),
                PLACED(test_things_and_passers_by_are_no_viewers),
                PLACED(test_a_stall_is_not_observed),
                PLACED(test_plays_share_a_bin),
                PLACED(test_part_of_a_bin_counts_as_part),
                PLACED(test_a_bin_too_long_is_not_observed),
                PLACED(test_own_baseline),
                PLACED(test_those_who_left_are_forgotten),
                PLACED(test_more_faces_than_room),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
