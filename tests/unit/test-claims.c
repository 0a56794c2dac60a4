/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/claims.h"

struct sent {
        char owner[16], from[32], to[32];
        uint32_t face;
};

struct sink {
        size_t n;
        struct sent list[64];
};

static void send_it(void *userdata, struct claim *c, const struct claim_change *change)
{
        struct sink *s = userdata;
        struct sent *t = &s->list[s->n++];

        snprintf(t->owner, sizeof(t->owner), "%s", c->owner);
        snprintf(t->from, sizeof(t->from), "%s", change->from);
        snprintf(t->to, sizeof(t->to), "%s", change->to);
        t->face = change->face;
        if (change->n_scores) /* read them: a dangling pointer shows */
                assert_true(change->scores[change->n_scores - 1] >= 0);
}

static void change(struct claims *cs, struct claim *c, uint32_t face, const char *from, const char *to, uint64_t now)
{
        float scores[3] = { 0.5f, 0.25f, 0.25f };
        struct claim_change x = { .face = face, .from = from, .to = to, .n_scores = 3, .scores = scores };

        claims_change(cs, c, &x, now);
        memset(scores, 0xff, sizeof(scores));
}

static void expect(struct sink *s, const char *from, const char *to)
{
        assert_int_equal(s->n, 1);
        assert_string_equal(s->list[0].from, from);
        assert_string_equal(s->list[0].to, to);
        s->n = 0;
}

static struct claim *add(struct claims *cs, const char *owner, const struct claim_options *o)
{
        struct claim *c = NULL;

        assert_true(claims_set(cs, owner, 0, o, &(struct claim_limits){ CLAIMS_MAX, CLAIMS_MAX }, &c) >= 0);
        return c;
}

static void test_rate(void **state)
{
        struct sink s = { 0 };
        struct claims *cs;
        struct claim_options o;
        struct claim *c;

        claim_options_init(&o);
        o.max_rate_hz = 1;
        assert_int_equal(claims_new(send_it, &s, &cs), 0);
        c = add(cs, ":1.1", &o);

        change(cs, c, 7, "unsure", "neutral", 1000000);
        expect(&s, "unsure", "neutral"); /* the first goes at once */
        change(cs, c, 7, "neutral", "happiness", 1300000);
        assert_int_equal(s.n, 0);
        assert_int_equal(claims_next_usec(cs), 2000000);
        claims_run(cs, 1999999);
        assert_int_equal(s.n, 0);
        claims_run(cs, 2000000);
        expect(&s, "neutral", "happiness");
        assert_true(claims_next_usec(cs) == UINT64_MAX);

        /* three become one, with what the client knows as "from" */
        change(cs, c, 7, "happiness", "sadness", 2100000);
        change(cs, c, 7, "sadness", "anger", 2200000);
        change(cs, c, 7, "anger", "fear", 2300000);
        claims_run(cs, 3000000);
        expect(&s, "happiness", "fear");
        /* there and back: nothing to tell */
        change(cs, c, 7, "fear", "anger", 3100000);
        change(cs, c, 7, "anger", "fear", 3200000);
        assert_true(claims_next_usec(cs) == UINT64_MAX);
        claims_run(cs, 9000000);
        assert_int_equal(s.n, 0);
        assert_int_equal(claims_n_suppressed(cs), 3);

        /* each face has a rate of its own; one that left is not spoken of any more */
        change(cs, c, 7, "fear", "anger", 10000000);
        change(cs, c, 8, "unsure", "anger", 10000000);
        assert_int_equal(s.n, 2);
        change(cs, c, 8, "anger", "fear", 10100000);
        claims_face_vanished(cs, 8);
        claims_run(cs, 20000000);
        assert_int_equal(s.n, 2);
        claims_free(cs);
}

static void test_filter(void **state)
{
        struct sink s = { 0 };
        struct claims *cs;
        struct claim_options o;
        struct claim *c;

        claim_options_init(&o);
        o.n_emotions = 1;
        strcpy(o.emotions[0], "happiness");
        assert_int_equal(claims_new(send_it, &s, &cs), 0);
        c = add(cs, ":1.1", &o);
        change(cs, c, 1, "unsure", "neutral", 1);
        change(cs, c, 1, "neutral", "sadness", 2);
        assert_int_equal(s.n, 0);
        assert_int_equal(claims_n_suppressed(cs), 2);
        change(cs, c, 1, "sadness", "happiness", 3);
        expect(&s, "sadness", "happiness");
        change(cs, c, 1, "happiness", "neutral", 4);
        expect(&s, "happiness", "neutral");
        claims_free(cs);
}

static void test_owners(void **state)
{
        struct sink s = { 0 };
        struct claims *cs;
        struct claim_options o;
        struct claim *a, *b, *c;
        const struct claim_limits two = { 2, 3 };
        uint64_t number;

        claim_options_init(&o);
        assert_int_equal(claims_new(send_it, &s, &cs), 0);
        assert_int_equal(claims_set(cs, ":1.1", 0, &o, &two, &a), 1);
        assert_int_equal(claims_set(cs, ":1.2", 0, &o, &two, &b), 1);
        assert_int_equal(claims_set(cs, ":1.3", 0, &o, &two, &c), -EUSERS);
        assert_int_not_equal(a->listener, b->listener);
        number = a->number;
        o.min_hold_ms = 0;
        assert_int_equal(claims_set(cs, ":1.1", 0, &o, &two, &c), 0); /* replaced, also when all places are taken */
        assert_ptr_equal(a, c);
        assert_true(a->number > number); /* the pipeline has to apply the new rules */
        assert_null(claims_by_number(cs, number));
        assert_ptr_equal(claims_by_number(cs, a->number), a);
        number = a->number;
        claims_drop(cs, a);
        assert_null(claims_find(cs, ":1.1"));
        assert_int_equal(claims_count(cs), 1);
        assert_int_equal(claims_set(cs, ":1.3", 0, &o, &two, &c), 1);
        assert_true(c->number > number); /* an event for the old one finds nobody */
        assert_null(claims_by_number(cs, number));
        claims_free(cs);
}

static void test_users(void **state)
{
        struct sink s = { 0 };
        struct claims *cs;
        struct claim_options o;
        const struct claim_limits limits = { 3, 1 };
        struct claim *a, *c;

        claim_options_init(&o);
        assert_int_equal(claims_new(send_it, &s, &cs), 0);
        assert_int_equal(claims_set(cs, ":1.1", 1000, &o, &limits, &a), 1);
        assert_int_equal(claims_set(cs, ":1.2", 1000, &o, &limits, &c), -EDQUOT);
        assert_int_equal(claims_set(cs, ":1.1", 1000, &o, &limits, &c), 0);
        assert_int_equal(claims_set(cs, ":1.3", 1001, &o, &limits, &c), 1);
        assert_int_equal(claims_set(cs, ":1.4", CLAIM_UID_UNKNOWN, &o, &limits, &c), 1);
        assert_int_equal(claims_set(cs, ":1.5", CLAIM_UID_UNKNOWN, &o, &limits, &c), -EDQUOT);
        assert_int_equal(claims_set(cs, ":1.5", 1002, &o, &limits, &c), -EUSERS);
        claims_drop(cs, a);
        assert_int_equal(claims_set(cs, ":1.2", 1000, &o, &limits, &c), 1);
        claims_free(cs);
}

static void test_rules(void **state)
{
        struct decision_rules base = { .min_confidence = 0.4, .hysteresis = 0.1, .min_hold_usec = 300000 }, r;
        struct claim c = { 0 };

        claim_options_init(&c.options);
        r = claim_rules(&c, &base);
        assert_memory_equal(&r, &base, sizeof(r));
        c.options.min_confidence = 0;
        c.options.min_hold_ms = 0;
        r = claim_rules(&c, &base);
        assert_true(r.min_confidence < 0.01);
        assert_int_equal(r.min_hold_usec, 0);
        assert_true(r.hysteresis > 0.09);
        assert_true(claim_wants_camera(&c, 3));
        c.options.camera = 2;
        assert_false(claim_wants_camera(&c, 3));
        assert_true(claim_wants_camera(&c, 2));
}

/* More faces than places, as when a FaceVanished got lost: bounded, and the newest is served. */
static void test_many_faces(void **state)
{
        struct sink s = { 0 };
        struct claims *cs;
        struct claim_options o;
        struct claim *c;

        claim_options_init(&o);
        assert_int_equal(claims_new(send_it, &s, &cs), 0);
        c = add(cs, ":1.1", &o);
        for (uint32_t i = 1; i <= 10 * PIPELINE_MAX_FACES; i++) {
                change(cs, c, i, "unsure", "neutral", i);
                assert_int_equal(s.n, 1);
                assert_int_equal(s.list[0].face, i);
                s.n = 0;
        }
        claims_free(cs);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rate),  cmocka_unit_test(test_filter), cmocka_unit_test(test_owners),
                cmocka_unit_test(test_users), cmocka_unit_test(test_rules),  cmocka_unit_test(test_many_faces),
        };

        return cmocka_run_group_tests_name("claims", tests, NULL, NULL);
}
