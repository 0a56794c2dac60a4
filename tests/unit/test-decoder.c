/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process that decodes pictures of clients: what it gives, what it gives up, and how it is ended. */
#undef NDEBUG
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "basic/clock.h"
#include "daemon/decoder-process.h"

static const char *decoder(void)
{
        static char path[4096];
        const char *build = getenv("EMO_BUILDDIR");

        snprintf(path, sizeof(path), "%s/emotion-decode", build ? build : ".");
        return path;
}

static int file_of(const void *data, size_t size)
{
        int fd = memfd_create("picture", MFD_CLOEXEC);

        assert_int_equal(write(fd, data, size), size);
        return fd;
}

/* A JPEG of one colour. */
static int jpeg_of(unsigned width_px, unsigned height_px)
{
        uint8_t *file = NULL, *pixels = malloc((size_t)3 * width_px * height_px);
        const struct picture p = { PICTURE_BGR24, width_px, height_px, (size_t)3 * width_px, pixels };
        size_t size;
        int fd;

        assert_non_null(pixels);
        for (size_t i = 0; i < (size_t)3 * width_px * height_px; i++)
                pixels[i] = (uint8_t)(40 + 60 * (i % 3));
        assert_int_equal(picture_encode_jpeg(&p, 95, &file, &size), 0);
        fd = file_of(file, size);
        free(pixels);
        free(file);
        return fd;
}

/* Runs @program on @fd, which is closed, for @ms. */
static int run(const char *program, int fd, bool colour, unsigned ms, struct decoded *ret)
{
        const struct decode_request q = {
                .program = program, .fd = fd, .colour = colour, .deadline_usec = clock_usec() + (uint64_t)ms * 1000
        };
        int r;

        *ret = (struct decoded){ 0 };
        r = decoder_process_run(&q, ret);
        close(fd);
        assert_true(r < 0 ? !ret->gray && !ret->bgr : ret->gray && colour == !!ret->bgr);
        return r;
}

static void done(struct decoded *d)
{
        picture_free(d->gray);
        picture_free(d->bgr);
}

static void test_planes(void **state)
{
        for (int colour = 0; colour < 2; colour++) {
                struct decoded d;

                assert_int_equal(run(decoder(), jpeg_of(333, 217), colour, 60000, &d), 0);
                assert_int_equal(d.gray->width_px, 333);
                assert_int_equal(d.gray->height_px, 217);
                assert_int_equal(d.gray->format, PICTURE_GRAY8);
                /* 0.114 * 40 + 0.587 * 100 + 0.299 * 160 */
                assert_in_range(d.gray->data[217 * d.gray->stride_bytes - 1], 109, 113);
                if (colour) {
                        assert_int_equal(d.bgr->format, PICTURE_BGR24);
                        for (unsigned c = 0; c < 3; c++)
                                assert_in_range(d.bgr->data[217 * d.bgr->stride_bytes - 3 + c], 36 + 60 * c,
                                                44 + 60 * c);
                }
                done(&d);
        }
}

/* What is larger than the service wants to hold comes at a share, and says so. */
static void test_large(void **state)
{
        struct decoded d;

        assert_int_equal(run(decoder(), jpeg_of(4001, 3999), true, 60000, &d), 0);
        assert_int_equal(d.gray->shrink, 2);
        assert_int_equal(d.gray->width_px, 2001);
        assert_int_equal(d.gray->height_px, 2000);
        assert_in_range(d.gray->data[1999 * d.gray->stride_bytes + 2000], 109, 113);
        assert_int_equal(d.bgr->width_px, 2001);
        done(&d);
}

/* What the file is wrong with is told as the decoders tell it. */
static void test_refused(void **state)
{
        int big = memfd_create("big", MFD_CLOEXEC), pipes[2];
        struct decoded d;

        assert_int_equal(run(decoder(), file_of("nonsense", 8), false, 60000, &d), -EBADMSG);
        assert_int_equal(run(decoder(), file_of("\xff\xd8\xff\xda", 4), true, 60000, &d), -EBADMSG);
        assert_int_equal(run(decoder(), open("/tmp", O_RDONLY | O_CLOEXEC), false, 60000, &d), -EISDIR);
        assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
        assert_int_equal(run(decoder(), pipes[0], false, 60000, &d), -EINVAL);
        close(pipes[1]);
        assert_int_equal(ftruncate(big, 10LL << 30), 0);
        assert_int_equal(run(decoder(), big, false, 60000, &d), -EFBIG);
}

/* A program in the place of emotion-decode that a stranger has taken over. */
static void make_program(char *path, const char *text)
{
        int fd;

        strcpy(path, "/tmp/emotion-decoder-XXXXXX");
        fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_true(dprintf(fd, "#!/bin/sh\n%s\n", text) > 0);
        assert_int_equal(fchmod(fd, 0755), 0);
        close(fd);
}

static int run_text(const char *text, unsigned ms)
{
        char path[64];
        struct decoded d;
        int r;

        make_program(path, text);
        r = run(path, file_of("x", 1), true, ms, &d);
        unlink(path);
        return r;
}

static void test_bad_programs(void **state)
{
        struct decoded d;

        assert_int_equal(run("/nonexistent/emotion-decode", file_of("x", 1), false, 60000, &d), -ELIBACC);
        assert_int_equal(run_text("exit 0", 60000), -EPIPE);
        assert_int_equal(run_text("printf r; kill -9 $$", 60000), -EPIPE);
        assert_int_equal(run_text("printf r; printf 0123456789abcdef", 60000), -EPIPE);
        /* sizes that nothing here has: 0 x 0, and 65535 x 65535 */
        assert_int_equal(run_text("printf 'rdome\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\1\\0\\0\\0'", 60000), -EPIPE);
        assert_int_equal(run_text("printf 'rdome\\0\\0\\0\\0\\377\\377\\0\\0\\377\\377\\0\\0\\1\\0\\0\\0'", 60000),
                         -EPIPE);
        /* 4096 x 4096, all of it, which is more than the service wants to hold; and a size that no decoder gives */
        assert_int_equal(
                run_text("printf 'rdome\\0\\0\\0\\0\\0\\20\\0\\0\\0\\20\\0\\0\\1\\0\\0\\0'; cat /dev/zero", 60000),
                -EPIPE);
        assert_int_equal(
                run_text("printf 'rdome\\0\\0\\0\\0\\1\\0\\0\\0\\1\\0\\0\\0\\3\\0\\0\\0'; cat /dev/zero", 60000),
                -EPIPE);
        /* 16 x 16 and less than that */
        assert_int_equal(run_text("printf 'rdome\\0\\0\\0\\0\\20\\0\\0\\0\\20\\0\\0\\0\\1\\0\\0\\0few'", 60000),
                         -EPIPE);
        /* a picture without the word that the file was read */
        assert_int_equal(run_text("printf 'dome\\0\\0\\0\\0\\1\\0\\0\\0\\1\\0\\0\\0\\1\\0\\0\\0four'", 60000), -EPIPE);
}

/* It is killed at the deadline, whatever it does, and what it was doing is told apart. */
static void test_deadline(void **state)
{
        assert_int_equal(run_text("exec /bin/sleep 1000", 300), -ETIMEDOUT);
        assert_int_equal(run_text("printf r; exec /bin/sleep 1000", 1000), -ETIME);
        assert_int_equal(run_text("trap '' TERM; printf r; while :; do :; done", 1000), -ETIME);
}

static void read_status(pid_t pid, char *text, size_t size)
{
        char path[64];
        FILE *f;
        size_t n;

        snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        f = fopen(path, "re");
        assert_non_null(f);
        n = fread(text, 1, size - 1, f);
        text[n] = '\0';
        fclose(f);
}

/* While it decodes it can do nothing else: seen from outside, as it waits for somebody to take its answer. */
static void test_sandbox(void **state)
{
        char *const argv[] = { (char *)decoder(), NULL };
        char *const environment[] = { NULL };
        posix_spawn_file_actions_t actions;
        char text[8192] = "";
        int from[2], fd = jpeg_of(2000, 2000);
        uint8_t first;
        pid_t pid;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
        skip();
#endif
        assert_int_equal(pipe2(from, O_CLOEXEC), 0);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
        assert_int_equal(posix_spawn(&pid, decoder(), &actions, NULL, argv, environment), 0);
        posix_spawn_file_actions_destroy(&actions);
        close(from[1]);
        close(fd);
        assert_int_equal(read(from[0], &first, 1), 1);
        for (int i = 0; i < 3000 && !strstr(text, "Seccomp:\t2\n"); i++) {
                poll(NULL, 0, 10);
                read_status(pid, text, sizeof(text));
        }
        assert_non_null(strstr(text, "Seccomp:\t2\n"));
        assert_non_null(strstr(text, "NoNewPrivs:\t1\n"));
        close(from[0]);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_planes),       cmocka_unit_test(test_large),    cmocka_unit_test(test_refused),
                cmocka_unit_test(test_bad_programs), cmocka_unit_test(test_deadline), cmocka_unit_test(test_sandbox),
        };

        return cmocka_run_group_tests_name("decoder", tests, NULL, NULL);
}
