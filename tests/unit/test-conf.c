/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "basic/conf.h"
#include "basic/macro.h"

struct thing {
        int number, flag;
        char text[8];
        size_t n_items;
};

static int read_items(const struct conf_reading *r, const config_setting_t *s, void *settings)
{
        struct thing *t = settings;

        if (!config_setting_is_list(s))
                return conf_refuse(r, s, "a list is wanted");
        t->n_items = (size_t)config_setting_length(s);
        return 0;
}

static const struct conf_row rows[] = {
        { CONF_ROW_NUMBER("a", "number", 3, 9, 5, struct thing, number) },
        { CONF_ROW_FLAG("a", "flag", 1, struct thing, flag) },
        { CONF_ROW_TEXT("b", "text", struct thing, text) },
        { CONF_ROW_LIST("b", "items", read_items) },
};

static int load(const char *text, struct thing *ret, char error[static 256])
{
        char path[] = "/tmp/test-conf-XXXXXX";
        struct conf_reading r = { path, error, 256 };
        int fd = mkstemp(path), q;

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        memset(ret, 0, sizeof(*ret));
        error[0] = 0;
        q = conf_load(&r, false, rows, ARRAY_LEN(rows), ret, NULL);
        close(fd);
        unlink(path);
        return q;
}

static void values_are_read_and_others_have_their_standard(void **state)
{
        struct thing t;
        char error[256];

        assert_int_equal(load("", &t, error), 0);
        assert_int_equal(t.number, 5);
        assert_int_equal(t.flag, 1);
        assert_string_equal(t.text, "");
        assert_int_equal(
                load("a: { number = 9; flag = false; }; b: { text = \"seven77\"; items = ( 1, 2 ); };", &t, error), 0);
        assert_int_equal(t.number, 9);
        assert_int_equal(t.flag, 0);
        assert_string_equal(t.text, "seven77");
        assert_int_equal(t.n_items, 2);
}

static void mistakes_are_told_with_line_and_key(void **state)
{
        static const struct {
                const char *text, *said;
        } cases[] = {
                { "a: {\n number = 2; };", ":2: number: a whole number from 3 to 9" },
                { "a: { number = 10; };", "from 3 to 9" },
                { "a: { number = 5.0; };", "from 3 to 9" },
                { "a: { number = \"5\"; };", "from 3 to 9" },
                { "a: { flag = 1; };", "true or false" },
                { "b: { text = \"eight888\"; };", "at most 7 bytes" },
                { "b: { text = 7; };", "at most 7 bytes" },
                { "b: { items = 7; };", "items: a list is wanted" },
                { "b: { number = 5; };", "number: there is no such setting" },
                { "c = 1;", "there is no such group" },
                { "a: {", ":1: syntax error" },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct thing t;
                char error[256];

                assert_int_equal(load(cases[i].text, &t, error), -EINVAL);
                assert_non_null(strstr(error, cases[i].said));
        }
}

static void a_file_may_be_missing_if_it_may(void **state)
{
        char error[256];
        struct conf_reading r = { "/nonexistent/file.conf", error, sizeof(error) };
        struct thing t = { 0 };

        assert_int_equal(conf_load(&r, true, rows, ARRAY_LEN(rows), &t, NULL), 0);
        assert_int_equal(t.number, 5);
        assert_int_equal(conf_load(&r, false, rows, ARRAY_LEN(rows), &t, NULL), -EINVAL);
        assert_non_null(strstr(error, "No such file"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(values_are_read_and_others_have_their_standard),
                cmocka_unit_test(mistakes_are_told_with_line_and_key),
                cmocka_unit_test(a_file_may_be_missing_if_it_may),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
