/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/mailbox.h"

#define N 20000

struct pair {
        uint64_t a, b; /* always equal: an object is never seen half written */
};

struct shared {
        struct bell bell;
        struct slot slot;
        struct queue queue;
};

static void *write_all(void *userdata)
{
        struct shared *s = userdata;
        struct pair *mine = calloc(1, sizeof(*mine));

        for (uint64_t i = 1; i <= N; i++) {
                *mine = (struct pair){ i, i };
                mine = slot_put(&s->slot, mine);
                while (queue_push(&s->queue, &i) < 0)
                        sched_yield();
                bell_ring(&s->bell);
        }
        free(mine);
        return NULL;
}

static void test_two_threads(void **state)
{
        struct shared s;
        struct pair *mine = calloc(1, sizeof(*mine));
        struct pollfd p;
        uint64_t item, last_item = 0, last = 0;
        pthread_t t;

        assert_int_equal(bell_init(&s.bell), 0);
        assert_int_equal(slot_init(&s.slot, calloc(1, sizeof(struct pair))), 0);
        assert_int_equal(queue_init(&s.queue, sizeof(uint64_t), 16), 0);
        assert_int_equal(pthread_create(&t, NULL, write_all, &s), 0);
        p = (struct pollfd){ .fd = s.bell.fd, .events = POLLIN };
        while (last_item < N) {
                assert_int_equal(poll(&p, 1, 20000), 1);
                bell_clear(&s.bell);
                mine = slot_take(&s.slot, mine);
                assert_int_equal(mine->a, mine->b);
                assert_true(mine->a >= last);
                last = mine->a;
                while (queue_pop(&s.queue, &item))
                        assert_int_equal(item, ++last_item); /* in order, none lost */
        }
        pthread_join(t, NULL);
        mine = slot_take(&s.slot, mine);
        assert_int_equal(mine->a, N);
        free(mine);
        free(slot_done(&s.slot));
        queue_done(&s.queue);
        bell_done(&s.bell);
}

static void test_newest_wins(void **state)
{
        struct slot s;
        int a, b, mine;

        assert_int_equal(slot_init(&s, NULL), 0);
        assert_ptr_equal(slot_take(&s, &mine), &mine);
        assert_null(slot_put(&s, &a));
        assert_ptr_equal(slot_put(&s, &b), &a);
        assert_ptr_equal(slot_take(&s, &mine), &b);
        assert_ptr_equal(slot_take(&s, &b), &b);
        assert_ptr_equal(slot_done(&s), &mine);
}

static void test_bounded(void **state)
{
        struct queue q;
        int v;

        assert_int_equal(queue_init(&q, sizeof(v), 3), 0);
        for (int round = 0; round < 5; round++) {
                for (v = 0; v < 5; v++)
                        assert_int_equal(queue_push(&q, &v), v < 3 ? 0 : -ENOBUFS);
                assert_int_equal(queue_length(&q), 3);
                for (int i = 0; i < 3; i++) {
                        assert_true(queue_pop(&q, &v));
                        assert_int_equal(v, i);
                }
                assert_false(queue_pop(&q, &v));
        }
        assert_int_equal(queue_lost(&q), 10);
        queue_done(&q);
}

static void test_bell(void **state)
{
        struct bell b;
        struct pollfd p;

        assert_int_equal(bell_init(&b), 0);
        p = (struct pollfd){ .fd = b.fd, .events = POLLIN };
        assert_int_equal(poll(&p, 1, 0), 0);
        bell_clear(&b); /* does not wait */
        bell_ring(&b);
        bell_ring(&b);
        assert_int_equal(poll(&p, 1, 0), 1);
        bell_clear(&b);
        assert_int_equal(poll(&p, 1, 0), 0);
        bell_done(&b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_two_threads),
                cmocka_unit_test(test_newest_wins),
                cmocka_unit_test(test_bounded),
                cmocka_unit_test(test_bell),
        };

        return cmocka_run_group_tests_name("mailbox", tests, NULL, NULL);
}
