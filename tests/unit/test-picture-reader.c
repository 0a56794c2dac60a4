/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files that are read beside the frames: real ones, and some whose reading waits for a byte that the test sends. */
#undef NDEBUG
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "daemon/picture-reader.h"

#define N_PIPES 24u

static atomic_uint n_loads, n_loaded;

/* The descriptor is a pipe: 0 and the end of the pipe are a file that cannot be read, 1 is a picture. */
static int load_slowly(const struct decode_request *q, struct decoded *ret)
{
        char byte = 0;

        atomic_fetch_add(&n_loads, 1);
        ret->gray = calloc(1, sizeof(*ret->gray)); /* who ends too late must free it */
        while (read(q->fd, &byte, 1) < 0 && errno == EINTR)
                ;
        atomic_fetch_add(&n_loaded, 1);
        return byte ? 0 : -EBADMSG;
}

struct place {
        struct bell bell;
        struct picture_reader *reader;
        int to[N_PIPES];    /* what the test writes to */
        unsigned n_threads; /* before it began */
};

static const char *decoder(void)
{
        static char path[4096];
        const char *build = getenv("EMO_BUILDDIR");

        snprintf(path, sizeof(path), "%s/emotion-decode", build ? build : ".");
        return path;
}

static unsigned n_threads(void)
{
        DIR *d = opendir("/proc/self/task");
        unsigned n = 0;

        assert_non_null(d);
        while (readdir(d))
                n++;
        closedir(d);
        return n;
}

static void make(struct place *p, picture_load load)
{
        p->n_threads = n_threads();
        atomic_store(&n_loads, 0);
        atomic_store(&n_loaded, 0);
        for (size_t i = 0; i < N_PIPES; i++)
                p->to[i] = -1;
        assert_int_equal(bell_init(&p->bell), 0);
        assert_int_equal(picture_reader_new(&p->bell, decoder(), load, &p->reader), 0);
}

static int push_of(struct place *p, unsigned i, uid_t uid)
{
        struct picture_job job = { .id = i, .uid = uid };
        int fds[2], r;

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        job.fd = fds[0];
        p->to[i] = fds[1];
        r = picture_reader_push(p->reader, &job);
        if (r < 0) {
                assert_int_equal(fcntl(job.fd, F_GETFD), FD_CLOEXEC); /* still ours */
                close(fds[0]);
        }
        return r;
}

static int push(struct place *p, unsigned i)
{
        return push_of(p, i, PICTURE_UID_UNKNOWN);
}

static void answer(struct place *p, unsigned i, char byte)
{
        assert_int_equal(write(p->to[i], &byte, 1), 1);
        p->to[i] = fd_close(p->to[i]);
}

static uint64_t now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Waits until @condition, for half a minute at most. */
#define WAIT_FOR(condition)                                        \
        do {                                                       \
                for (int _i = 0; !(condition); _i++) {             \
                        if (_i > 3000)                             \
                                fail_msg("never: %s", #condition); \
                        poll(NULL, 0, 10);                         \
                }                                                  \
        } while (0)

static void destroy(struct place *p)
{
        p->reader = picture_reader_free(p->reader);
        bell_done(&p->bell);
        for (size_t i = 0; i < N_PIPES; i++)
                fd_close(p->to[i]);
        /* the next test counts anew */
        WAIT_FOR(n_threads() <= p->n_threads);
}

static void expect(struct place *p, uint64_t now_usec, unsigned id, int result)
{
        struct loaded_picture *l = NULL;

        WAIT_FOR(l || (l = picture_reader_pop(p->reader, now_usec)));
        assert_int_equal(l->job->id, id);
        assert_int_equal(l->job->fd, -1);
        assert_int_equal(l->result, result);
        assert_true(result == 0 ? !!l->decoded.gray : !l->decoded.gray && !l->decoded.bgr);
        picture_reader_release(p->reader, l);
}

static int file_of(const void *data, size_t size)
{
        int fd = memfd_create("picture", MFD_CLOEXEC);

        assert_int_equal(write(fd, data, size), size);
        return fd;
}

static void test_files(void **state)
{
        uint8_t pixels[64] = { 0 }, *jpeg = NULL;
        struct picture picture = { PICTURE_GRAY8, 8, 8, 8, pixels };
        struct pollfd bell;
        struct place p;
        size_t size = 0;
        int pipes[2], sockets[2], big = memfd_create("big", MFD_CLOEXEC);

        make(&p, NULL);
        bell = (struct pollfd){ .fd = p.bell.fd, .events = POLLIN };
        assert_int_equal(picture_encode_jpeg(&picture, 90, &jpeg, &size), 0);
        assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
        assert_int_equal(ftruncate(big, 10LL << 30), 0);
        const struct {
                int fd, result;
        } cases[] = {
                { file_of(jpeg, size), 0 },
                { file_of(jpeg, size / 2), -EBADMSG },
                { file_of("nonsense", 8), -EBADMSG },
                { file_of("", 0), -EBADMSG },
                { open("/tmp", O_RDONLY | O_CLOEXEC), -EISDIR },
                { open("/dev/zero", O_RDONLY | O_CLOEXEC), -EINVAL },
                { open("/etc/passwd", O_PATH | O_CLOEXEC), -EBADF },
                { pipes[0], -EINVAL },
                { sockets[0], -EINVAL },
                { big, -EFBIG },
        };

        for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
                const struct picture_job job = { .id = i, .fd = cases[i].fd, .uid = PICTURE_UID_UNKNOWN };

                assert_int_equal(picture_reader_push(p.reader, &job), 0);
                assert_int_equal(poll(&bell, 1, 30000), 1);
                bell_clear(&p.bell);
                expect(&p, 0, i, cases[i].result);
        }
        close(pipes[1]);
        close(sockets[1]);
        free(jpeg);
        assert_null(picture_reader_pop(p.reader, UINT64_MAX));
        destroy(&p);
}

/* No more than two are open, so that memory is bounded; the others wait for their turn. */
static void test_turns(void **state)
{
        struct place p;
        struct loaded_picture *l = NULL;

        make(&p, load_slowly);
        assert_true(picture_reader_next_usec(p.reader) == UINT64_MAX);
        for (unsigned i = 0; i < 5; i++)
                assert_int_equal(push(&p, i), 0);
        assert_true(picture_reader_next_usec(p.reader) <=
                    now() + PICTURE_READER_TIMEOUT_USEC + PICTURE_READER_GRACE_USEC);
        answer(&p, 1, 1);
        WAIT_FOR(l || (l = picture_reader_pop(p.reader, 0)));
        assert_int_equal(l->job->id, 1);
        poll(NULL, 0, 50);
        assert_int_equal(atomic_load(&n_loads), PICTURE_READER_MAX_OPEN);
        /* its place is free when it is released, not when it is popped; the job may be taken away */
        free(STEAL(l->job));
        picture_reader_release(p.reader, l);
        WAIT_FOR(atomic_load(&n_loads) == PICTURE_READER_MAX_OPEN + 1);
        answer(&p, 2, 0);
        expect(&p, 0, 2, -EBADMSG);
        answer(&p, 0, 1);
        expect(&p, 0, 0, 0);
        answer(&p, 4, 1);
        expect(&p, 0, 4, 0);
        answer(&p, 3, 1);
        expect(&p, 0, 3, 0);
        destroy(&p);
}

/* Nobody waits for another user's pictures: of each one only is open. */
static void test_users(void **state)
{
        struct place p;

        make(&p, load_slowly);
        for (unsigned i = 0; i < 5; i++)
                assert_int_equal(push_of(&p, i, 1000), 0);
        assert_int_equal(push_of(&p, 5, 1001), 0);
        WAIT_FOR(atomic_load(&n_loads) == 2);
        answer(&p, 5, 1);
        expect(&p, 0, 5, 0);
        poll(NULL, 0, 50);
        assert_int_equal(atomic_load(&n_loads), 2); /* the other place stays free */
        for (unsigned i = 0; i < 5; i++) {
                answer(&p, i, 1);
                expect(&p, 0, i, 0);
        }
        assert_int_equal(atomic_load(&n_loads), 6);
        destroy(&p);
}

/* What takes too long is given up and keeps nobody waiting, until too many hang; and those may end one day. */
static void test_hanging(void **state)
{
        uint64_t late = now() + 1000 * (uint64_t)PICTURE_READER_TIMEOUT_USEC;
        struct place p;
        unsigned i = 0;

        make(&p, load_slowly);
        for (; i < PICTURE_READER_MAX_STUCK; i++) {
                assert_int_equal(push(&p, i), 0);
                assert_null(picture_reader_pop(p.reader, now())); /* there is time left */
                expect(&p, late, i, -ETIMEDOUT);
                if (i + 1 == PICTURE_READER_MAX_STUCK)
                        break;
                /* another is read all the same */
                assert_int_equal(push(&p, 20), 0);
                answer(&p, 20, 1);
                expect(&p, 0, 20, 0);
        }
        assert_int_equal(push(&p, 21), -ENOBUFS);
        p.to[21] = fd_close(p.to[21]);
        answer(&p, 3, 1); /* too late: nobody gets it */
        WAIT_FOR(push(&p, 21) == 0 || (p.to[21] = fd_close(p.to[21])) >= 0);
        assert_null(picture_reader_pop(p.reader, now()));
        answer(&p, 21, 1);
        expect(&p, 0, 21, 0);
        destroy(&p);
}

/* Those that wait while too many hang are answered, too. */
static void test_waiting_while_all_hang(void **state)
{
        uint64_t late = now() + 1000 * (uint64_t)PICTURE_READER_TIMEOUT_USEC;
        struct place p;

        make(&p, load_slowly);
        for (unsigned i = 0; i < 12; i++)
                assert_int_equal(push(&p, i), 0);
        for (unsigned i = 0; i < 12; i++)
                expect(&p, late, i, -ETIMEDOUT);
        assert_true(atomic_load(&n_loads) <= PICTURE_READER_MAX_STUCK + PICTURE_READER_MAX_OPEN);
        assert_null(picture_reader_pop(p.reader, late));
        destroy(&p);
}

/* The end does not wait for those that read, and nothing is left when they end. */
static void test_end(void **state)
{
        struct place p;
        int end;

        make(&p, load_slowly);
        for (unsigned i = 0; i < 4; i++)
                assert_int_equal(push(&p, i), 0);
        answer(&p, 1, 1);
        WAIT_FOR(atomic_load(&n_loads) == 2 && atomic_load(&n_loaded) == 1);
        end = p.to[0];
        p.to[0] = -1;
        p.reader = picture_reader_free(p.reader);
        assert_int_equal(write(end, "x", 1), 1);
        close(end);
        destroy(&p);
        assert_null(picture_reader_free(NULL));
}

static void *do_nothing(void *userdata)
{
        return userdata;
}

/* A sanitizer begins a thread of its own with the first of ours: it shall be there when the first are counted. */
static int set_up(void **state)
{
        pthread_t t;

        return pthread_create(&t, NULL, do_nothing, NULL) || pthread_join(t, NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_files),
                cmocka_unit_test(test_turns),
                cmocka_unit_test(test_users),
                cmocka_unit_test(test_hanging),
                cmocka_unit_test(test_waiting_while_all_hang),
                cmocka_unit_test(test_end),
        };

        return cmocka_run_group_tests_name("picture reader", tests, set_up, NULL);
}
