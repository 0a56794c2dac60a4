/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file is replaced whole, or the old one stands and nothing is left beside it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "basic/macro.h"
#include "basic/replace-file.h"

struct place {
        char folder[64], path[80];
};

static int setup(void **state)
{
        struct place *p = calloc(1, sizeof(*p));

        strcpy(p->folder, "/tmp/emotion-replace-XXXXXX");
        if (!mkdtemp(p->folder))
                return -1;
        snprintf(p->path, sizeof(p->path), "%s/file", p->folder);
        *state = p;
        return 0;
}

static int teardown(void **state)
{
        struct place *p = *state;

        unlink(p->path);
        if (rmdir(p->folder) < 0)
                return -1; /* something was left behind */
        free(p);
        return 0;
}

static void write_text(const char *path, const char *text)
{
        _cleanup_(replace_file_done) struct replace_file f = { 0 };

        assert_int_equal(replace_file_open(&f, path), 0);
        fputs(text, f.stream);
        assert_int_equal(replace_file_commit(&f), 0);
}

static void assert_text(const char *path, const char *text)
{
        _cleanup_(fclosep) FILE *f = fopen(path, "re");
        char line[64] = "";

        assert_non_null(f);
        assert_non_null(fgets(line, sizeof(line), f));
        assert_string_equal(line, text);
}

static unsigned count_files(const char *folder)
{
        DIR *d = opendir(folder);
        unsigned n = 0;

        assert_non_null(d);
        for (const struct dirent *e; (e = readdir(d));)
                n += e->d_name[0] != '.';
        closedir(d);
        return n;
}

static void test_replaces(void **state)
{
        struct place *p = *state;
        mode_t mask = umask(027);
        struct stat st;

        write_text(p->path, "old");
        assert_int_equal(stat(p->path, &st), 0);
        umask(mask);
        assert_int_equal(st.st_mode & 07777, 0640);
        write_text(p->path, "new");
        assert_text(p->path, "new");
        assert_int_equal(count_files(p->folder), 1);
}

static void test_given_up(void **state)
{
        struct place *p = *state;
        struct replace_file f = { 0 };

        write_text(p->path, "old");
        assert_int_equal(replace_file_open(&f, p->path), 0);
        fputs("half", f.stream);
        fflush(f.stream);
        assert_text(p->path, "old");
        replace_file_done(&f);
        assert_text(p->path, "old");
        assert_int_equal(count_files(p->folder), 1);
}

static void test_no_folder(void **state)
{
        struct replace_file f = { 0 };

        assert_int_equal(replace_file_open(&f, "/tmp/no-such-folder-here/file"), -ENOENT);
        assert_null(f.stream);
        replace_file_done(&f);
}

/* A write that fails, as on a full disk: /dev/full takes the stream's place. */
static void test_full_disk(void **state)
{
        struct place *p = *state;
        struct replace_file f = { 0 };

        write_text(p->path, "old");
        assert_int_equal(replace_file_open(&f, p->path), 0);
        f.stream = freopen("/dev/full", "w", f.stream);
        assert_non_null(f.stream);
        fputs("new", f.stream);
        assert_int_equal(replace_file_commit(&f), -ENOSPC);
        assert_text(p->path, "old");
        assert_int_equal(count_files(p->folder), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_replaces, setup, teardown),
                cmocka_unit_test_setup_teardown(test_given_up, setup, teardown),
                cmocka_unit_test(test_no_folder),
                cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
