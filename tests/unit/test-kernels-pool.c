/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The thread pool: every part once, distinct thread numbers, all done on return. Meant to be run under TSan too. */
#undef NDEBUG
#include "tests/unit/kernels-common.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>

#define MAX_PARTS 200u
#define MAX_THREADS 8u

struct job {
        unsigned parts[MAX_PARTS];       /* not atomic: the pool must order these writes before its return */
        atomic_uint inside[MAX_THREADS]; /* calls in progress by thread number */
        atomic_uint wrong;
        unsigned threads;
};

static void count(void *userdata, unsigned part, unsigned thread)
{
        struct job *j = userdata;

        if (thread >= j->threads || atomic_fetch_add(&j->inside[thread], 1) != 0)
                atomic_fetch_add(&j->wrong, 1);
        j->parts[part]++;
        if (thread < j->threads)
                atomic_fetch_sub(&j->inside[thread], 1);
}

static void check(struct nn_pool *p, unsigned n_parts)
{
        struct job j = { .threads = nn_pool_threads(p) };

        nn_pool_run(p, n_parts, count, &j);
        for (unsigned i = 0; i < MAX_PARTS; i++)
                assert_int_equal(j.parts[i], i < n_parts);
        assert_int_equal(atomic_load(&j.wrong), 0);
}

static void test_parts(void **state)
{
        static const unsigned parts[] = { 0, 1, 2, 3, 7, MAX_PARTS };

        for (unsigned threads = 1; threads <= MAX_THREADS; threads++) {
                struct nn_pool *p = NULL;

                if (threads > 1)
                        assert_int_equal(nn_pool_new(threads, &p), 0);
                assert_int_equal(nn_pool_threads(p), threads);
                for (unsigned round = 0; round < 30; round++)
                        for (unsigned i = 0; i < ARRAY_LEN(parts); i++)
                                check(p, parts[i]);
                assert_null(nn_pool_free(p));
        }
}

static void test_unused(void **state)
{
        struct nn_pool *p = NULL;

        assert_int_equal(nn_pool_new(3, &p), 0);
        nn_pool_free(p);
        assert_int_equal(nn_pool_new(0, &p), -EINVAL);
        assert_int_equal(nn_pool_new(1, &p), -EINVAL);
        assert_int_equal(nn_pool_new(65, &p), -EINVAL);
        assert_null(nn_pool_free(NULL));
}

static double cpu_seconds(void)
{
        struct rusage u;

        assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
        return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
               1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* Waiting costs nothing: workers and caller sleep. A pool that spins would use 0.2 s a thread here. */
static void test_sleeps(void **state)
{
        struct nn_pool *p = NULL;
        struct timespec pause = { .tv_nsec = 200 * 1000 * 1000 };

        assert_int_equal(nn_pool_new(4, &p), 0);
        check(p, 10);
        double before = cpu_seconds();
        nanosleep(&pause, NULL);
        assert_true(cpu_seconds() - before < 0.1);
        nn_pool_free(p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parts),
                cmocka_unit_test(test_unused),
                cmocka_unit_test(test_sleeps),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
