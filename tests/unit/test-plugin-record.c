/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plugins that end the process they are in: who it was is known to the next one. */
#undef NDEBUG
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "basic/macro.h"
#include "daemon/vision/plugin-record.h"

#define MINUTE_USEC (60ull * 1000000)
#define BEGIN_USEC (1000000ull * MINUTE_USEC)

static char folder[] = "/tmp/emotion-record-XXXXXX";

static const char *path(void)
{
        static char text[64];

        snprintf(text, sizeof(text), "%s/plugin-calls", folder);
        return text;
}

static struct plugin_record *opened(uint64_t now_usec)
{
        struct plugin_record *r = NULL;

        assert_int_equal(plugin_record_open(folder, now_usec, &r), 0);
        return r;
}

/* A process of its own that ends, or returns from the plugin and ends. */
static void run(const char *name, uint64_t identity, uint64_t now_usec, bool returns, int signal)
{
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                struct plugin_record *r = NULL;

                if (plugin_record_open(folder, now_usec, &r) < 0)
                        _exit(1);
                plugin_record_enter(r, name, identity, "detect");
                if (returns)
                        plugin_record_leave(r);
                if (signal)
                        kill(getpid(), signal);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static bool is_off(const char *name, uint64_t identity, uint64_t now_usec)
{
        struct plugin_record *r = opened(now_usec);
        bool off = plugin_record_is_off(r, name, identity);

        plugin_record_close(r);
        return off;
}

static void test_third_time(void **state)
{
        uint64_t now = BEGIN_USEC;

        unlink(path());
        for (unsigned i = 0; i < PLUGIN_RECORD_CRASHES; i++) {
                assert_false(is_off("bad", 7, now));
                run("bad", 7, now, false, i ? SIGKILL : 0); /* a crash, and an exit status of 0 */
                run("good", 8, now, true, SIGKILL);
                now += MINUTE_USEC;
        }
        assert_true(is_off("bad", 7, now));
        assert_false(is_off("good", 8, now));
        /* for good, until its file or the configuration is another */
        assert_true(is_off("bad", 7, now + 10000 * MINUTE_USEC));
        assert_false(is_off("bad", 9, now));
        run("bad", 9, now, false, SIGKILL);
        assert_false(is_off("bad", 9, now));
        assert_false(is_off("bad", 7, now));
}

/* Those that are long ago do not count. */
static void test_seldom(void **state)
{
        uint64_t now = BEGIN_USEC;

        unlink(path());
        for (unsigned i = 0; i < 3 * PLUGIN_RECORD_CRASHES; i++) {
                run("bad", 7, now, false, SIGKILL);
                now += PLUGIN_RECORD_WITHIN_USEC / 2 + MINUTE_USEC;
                assert_false(is_off("bad", 7, now));
        }
}

/* More plugins than there is room for. */
static void test_many(void **state)
{
        uint64_t now = BEGIN_USEC;
        char name[16];

        unlink(path());
        for (unsigned i = 0; i < 40; i++) {
                snprintf(name, sizeof(name), "plugin-%u", i);
                run(name, i, now++, false, SIGKILL);
        }
        for (unsigned i = 0; i < PLUGIN_RECORD_CRASHES; i++)
                run("plugin-39", 39, now++, false, SIGKILL);
        assert_true(is_off("plugin-39", 39, now));
}

/* Whatever the file holds. */
static void test_damaged(void **state)
{
        uint8_t bytes[4096];
        uint32_t seed = 1;

        for (unsigned round = 0; round < 200; round++) {
                int fd = open(path(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
                ssize_t n;

                assert_true(fd >= 0);
                n = pread(fd, bytes, sizeof(bytes), 0);
                for (ssize_t i = round % 8; i < n; i += 1 + (ssize_t)(round % 40)) {
                        seed = seed * 1664525u + 1013904223u;
                        bytes[i] = (uint8_t)(seed >> 24);
                }
                assert_int_equal(ftruncate(fd, round * 20), 0);
                assert_int_equal(pwrite(fd, bytes, MIN((size_t)n, (size_t)round * 20), 0),
                                 MIN((size_t)n, (size_t)round * 20));
                close(fd);
                assert_false(is_off("good", 1, BEGIN_USEC));
        }
        unlink(path());
        assert_int_equal(mkdir(path(), 0700), 0);
        assert_true(plugin_record_open(folder, BEGIN_USEC, &(struct plugin_record *){ NULL }) < 0);
        assert_int_equal(rmdir(path()), 0);
        assert_int_equal(symlink("/etc/passwd", path()), 0);
        assert_true(plugin_record_open(folder, BEGIN_USEC, &(struct plugin_record *){ NULL }) < 0);
        unlink(path());
}

static void test_no_folder(void **state)
{
        struct plugin_record *r = NULL;

        assert_int_equal(plugin_record_open(NULL, BEGIN_USEC, &r), 0);
        plugin_record_enter(r, "bad", 7, "open");
        assert_false(plugin_record_is_off(r, "bad", 7));
        plugin_record_leave(r);
        assert_null(plugin_record_close(r));
        assert_null(plugin_record_close(NULL));
        plugin_record_enter(NULL, "bad", 7, "open");
        plugin_record_leave(NULL);
        assert_false(plugin_record_is_off(NULL, "bad", 7));
}

static void test_identity(void **state)
{
        char file[64];
        uint64_t before;
        int fd;

        snprintf(file, sizeof(file), "%s/plugin.so", folder);
        fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        before = plugin_record_identity(file, 1);
        assert_true(plugin_record_identity(file, 1) == before);
        assert_true(plugin_record_identity(file, 2) != before);
        assert_int_equal(write(fd, "x", 1), 1);
        assert_true(plugin_record_identity(file, 1) != before);
        close(fd);
        unlink(file);
}

static int set_up(void **state)
{
        return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
        unlink(path());
        return rmdir(folder);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_third_time), cmocka_unit_test(test_seldom),    cmocka_unit_test(test_many),
                cmocka_unit_test(test_damaged),    cmocka_unit_test(test_no_folder), cmocka_unit_test(test_identity),
        };

        return cmocka_run_group_tests_name("plugin record", tests, set_up, tear_down);
}
