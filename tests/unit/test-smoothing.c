/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The score filter and the decision: time in seconds, not frames. */
#undef NDEBUG
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/vision/decision.h"
#include "daemon/vision/smoothing.h"

#define MSEC 1000u
#define N 4u

static const struct decision_rules rules = { .min_confidence = 0.4, .hysteresis = 0.1, .min_hold_usec = 300 * MSEC };

static void test_same_time_at_any_rate(void **state)
{
        static const float low[N] = { 1, 0, 0, 0 }, high[N] = { 0, 1, 0, 0 };
        static const uint64_t periods[] = { 10 * MSEC, 40 * MSEC, 100 * MSEC };

        for (size_t k = 0; k < ARRAY_LEN(periods); k++) {
                struct smoothing s = { 0 };
                uint64_t now = 7;

                smoothing_update(&s, low, N, now, 300 * MSEC);
                assert_float_equal(s.scores[0], 1, 1e-6);
                for (uint64_t t = periods[k]; t <= 400 * MSEC; t += periods[k])
                        smoothing_update(&s, high, N, now + t, 300 * MSEC);
                assert_float_equal(s.scores[1], 1 - exp(-400. / 300), 1e-4);
                assert_float_equal(s.scores[0] + s.scores[1] + s.scores[2] + s.scores[3], 1, 1e-5);
        }
}

static void test_filter_off_and_time_standing_still(void **state)
{
        static const float a[N] = { 1, 0, 0, 0 }, b[N] = { 0, 1, 0, 0 };
        struct smoothing s = { 0 };

        smoothing_update(&s, a, N, 5, 0);
        smoothing_update(&s, b, N, 6, 0);
        assert_float_equal(s.scores[1], 1, 0);
        smoothing_update(&s, a, N, 6, 1000);
        assert_float_equal(s.scores[1], 1, 0);
}

static void test_weighing(void **state)
{
        float s[N] = { 0.5f, 0.3f, 0.15f, 0.05f };

        decision_weigh(s, N, 0, 1);
        assert_true(s[0] == 0.5f && s[1] == 0.3f && s[2] == 0.15f && s[3] == 0.05f);
        decision_weigh(s, N, -1, 3);
        decision_weigh(s, N, (int)N, 3);
        assert_true(s[0] == 0.5f);
        decision_weigh(s, N, 0, 3);
        assert_float_equal(s[1] / s[0], 3 * 0.3 / 0.5, 1e-5);
        assert_float_equal(s[1] / s[2], 2, 1e-5); /* among each other they stay */
        assert_float_equal(s[0] + s[1] + s[2] + s[3], 1, 1e-6);
        assert_int_equal(decision_best(s, N, 0), 1);
        decision_weigh(s, N, 0, 1. / 3);
        assert_float_equal(s[0], 0.5, 1e-6);

        /* nothing but neutral, or nothing of it */
        float sure[N] = { 1, 0, 0, 0 };
        decision_weigh(sure, N, 0, 10);
        assert_float_equal(sure[0], 1, 1e-6);
        decision_weigh(sure, N, 1, 0.1);
        assert_float_equal(sure[0], 1, 1e-6);
}

/* Feeds @scores for @usec at 50 frames a second, counts announcements. */
static unsigned feed(struct decision *d, const struct decision_rules *r, const float *scores, uint64_t usec,
                     uint64_t *now)
{
        unsigned n = 0;

        for (uint64_t end = *now + usec; *now < end; *now += 20 * MSEC) {
                int to;

                decision_update(d, r, scores, N, *now, false, &to);
                if (to != d->announced) {
                        decision_announce(d, to);
                        n++;
                }
        }
        return n;
}

static void test_hold(void **state)
{
        static const float happy[N] = { 0.1f, 0.7f, 0.1f, 0.1f }, sad[N] = { 0.7f, 0.1f, 0.1f, 0.1f };
        struct decision d;
        uint64_t now = 1000;

        decision_init(&d);
        assert_int_equal(d.announced, EMOTION_UNSURE);
        assert_int_equal(feed(&d, &rules, happy, 280 * MSEC, &now), 0);
        assert_int_equal(feed(&d, &rules, happy, 60 * MSEC, &now), 1);
        assert_int_equal(d.announced, 1);
        /* a shorter lead than the hold, again and again, is no change */
        for (int i = 0; i < 5; i++) {
                assert_int_equal(feed(&d, &rules, sad, 240 * MSEC, &now), 0);
                assert_int_equal(feed(&d, &rules, happy, 40 * MSEC, &now), 0);
        }
        assert_int_equal(feed(&d, &rules, sad, 2000 * MSEC, &now), 1);
        assert_int_equal(d.announced, 0);
}

static void test_hysteresis(void **state)
{
        static const float first[N] = { 0.45f, 0.42f, 0.1f, 0.03f }, close[N] = { 0.42f, 0.48f, 0.1f, 0 },
                           clear[N] = { 0.41f, 0.52f, 0.07f, 0 };
        struct decision d;
        uint64_t now = 0;

        decision_init(&d);
        assert_int_equal(feed(&d, &rules, first, 1000 * MSEC, &now), 1);
        assert_int_equal(d.announced, 0);
        assert_int_equal(feed(&d, &rules, close, 3000 * MSEC, &now), 0);
        assert_int_equal(feed(&d, &rules, clear, 1000 * MSEC, &now), 1);
        assert_int_equal(d.announced, 1);
}

static void test_equal_scores_do_not_take_turns(void **state)
{
        static const float tie[N] = { 0.5f, 0.5f, 0, 0 };
        struct decision_rules r = { .min_confidence = 0.2 };
        struct decision d;
        uint64_t now = 0;

        decision_init(&d);
        assert_int_equal(feed(&d, &r, tie, 1000 * MSEC, &now), 1);
}

static void test_unsure(void **state)
{
        static const float sure[N] = { 0, 0.8f, 0.1f, 0.1f }, vague[N] = { 0.3f, 0.3f, 0.2f, 0.2f };
        struct decision d;
        uint64_t now = 0;

        decision_init(&d);
        assert_int_equal(feed(&d, &rules, vague, 2000 * MSEC, &now), 0);
        assert_int_equal(feed(&d, &rules, sure, 2000 * MSEC, &now), 1);
        assert_int_equal(feed(&d, &rules, vague, 280 * MSEC, &now), 0);
        assert_int_equal(feed(&d, &rules, vague, 100 * MSEC, &now), 1);
        assert_int_equal(d.announced, EMOTION_UNSURE);
}

/* Two that take turns at the top both lead the announced one all the time: it must not stay for ever. */
static void test_two_challengers(void **state)
{
        static const float old[N] = { 0.9f, 0.05f, 0.05f, 0 }, a[N] = { 0.05f, 0.5f, 0.45f, 0 },
                           b[N] = { 0.05f, 0.45f, 0.5f, 0 };
        struct decision d;
        uint64_t now = 0;
        unsigned n = 0;

        decision_init(&d);
        feed(&d, &rules, old, 1000 * MSEC, &now);
        for (int i = 0; i < 10; i++)
                n += feed(&d, &rules, i % 2 ? a : b, 100 * MSEC, &now);
        assert_int_equal(n, 1);
        assert_in_range(d.announced, 1, 2);
}

/* The announced one has fallen below the confidence, another is just above it: no lead is asked for. */
static void test_fallen_below_confidence(void **state)
{
        static const float old[N] = { 0.9f, 0.05f, 0.05f, 0 }, now_scores[N] = { 0.38f, 0.42f, 0.2f, 0 };
        struct decision d;
        uint64_t now = 0;

        decision_init(&d);
        feed(&d, &rules, old, 1000 * MSEC, &now);
        assert_int_equal(feed(&d, &rules, now_scores, 1000 * MSEC, &now), 1);
        assert_int_equal(d.announced, 1);
}

static void test_at_once_and_repeat(void **state)
{
        static const float happy[N] = { 0, 1, 0, 0 };
        struct decision d;
        int to;

        decision_init(&d);
        for (int i = 0; i < 3; i++) { /* not announced: asked again */
                decision_update(&d, &rules, happy, N, 5, true, &to);
                assert_int_equal(to, 1);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_weighing),
                cmocka_unit_test(test_same_time_at_any_rate),
                cmocka_unit_test(test_filter_off_and_time_standing_still),
                cmocka_unit_test(test_hold),
                cmocka_unit_test(test_hysteresis),
                cmocka_unit_test(test_equal_scores_do_not_take_turns),
                cmocka_unit_test(test_unsure),
                cmocka_unit_test(test_two_challengers),
                cmocka_unit_test(test_fallen_below_confidence),
                cmocka_unit_test(test_at_once_and_repeat),
        };

        return cmocka_run_group_tests_name("smoothing", tests, NULL, NULL);
}
