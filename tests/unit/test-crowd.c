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

static struct crowd_face face(uint32_t id, bool attention, int label, double smile)
{
        return (struct crowd_face){ .id = id, .attention = attention, .label = label, .smile = smile };
}

/* Looks each 200 ms at the same faces, from @from_ms up to and with @to_ms. */
static void look(struct place *p, uint64_t from_ms, uint64_t to_ms, const struct crowd_face *faces, size_t n)
{
        for (uint64_t t = from_ms; t <= to_ms; t += 200)
                crowd_observe(p->crowd, t, faces, n);
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

        look(p, 100000, 100000, two, 2);
        begin(p, 100000);
        look(p, 100200, 104000, two, 2);
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
        look(p, 1000, 1600, faces, 2);
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
        look(p, 9000, 11000, &one, 1); /* six seconds without a look */
        crowd_blind(p->crowd);
        look(p, 12000, 13000, &one, 1); /* and one that was said */
        end(p, 13000);
        assert_int_equal(p->result.shown_ms, 12000);
        assert_int_equal(p->result.observed_ms, 2000 + 2000 + 1000);
        assert_int_equal(p->result.dwell_ms, 5000);
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
        look(p, 6200, 20000, NULL, 0);
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
                faces[i] = face(i + 1, true, 9, NAN); /* and a label that nobody knows */
        begin(p, 1000);
        look(p, 1000, 3000, faces, ARRAY_LEN(faces));
        crowd_observe(p->crowd, 500, faces, 3); /* a time before the last one changes nothing */
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
                PLACED(test_own_baseline),
                PLACED(test_those_who_left_are_forgotten),
                PLACED(test_more_faces_than_room),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
