/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "basic/macro.h"
#include "train/cmd/cmd.h"

struct own {
        bool flag;
        const char *out;
        unsigned count, word;
        double real, sum;
};

static int read_sum(const struct cmd *c, const struct cmd_option *o, const char *text, void *into)
{
        double x;
        int r = cmd_real(c, o, text, &x);

        if (r >= 0)
                ((struct own *)into)->sum += x;
        return r;
}

#define AT(member) .at = offsetof(struct own, member)

static const char *const words[] = { "first", "second", "third", NULL };
static const struct cmd_option rows[] = {
        { .name = "flag", AT(flag), .help = "a flag" },
        { .name = "output",
          .alias = "out",
          .letter = 'o',
          .kind = CMD_TEXT,
          .value = "FILE",
          AT(out),
          .needed = true,
          .help = "where to" },
        { .name = "count", .kind = CMD_COUNT, .value = "N", AT(count), 1, 64, .help = "how many" },
        { .name = "real", .kind = CMD_REAL, .value = "X", AT(real), 0, 1, .help = "how much" },
        { .name = "word", .kind = CMD_CHOICE, .value = "WORD", AT(word), .words = words, .help = "which" },
        { .name = "sum", .kind = CMD_OTHER, .value = "X", .read = read_sum, .min = -5, .max = 5, .help = "adds up" },
        { 0 },
};
static const struct cmd cmd = {
        .name = "try",
        .summary = "a command",
        .about = "Tries.",
        .operand = "MODEL",
        .min_operands = 1,
        .max_operands = 2,
        .options = rows,
};

static char said[4096]; /* on standard error and output by the last parse() */

/* @line: arguments with a blank between */
static int parse(const char *line, struct own *ret, struct cmd_operands *operands)
{
        static char text[512], name[] = "try";
        static char *argv[32];
        int argc = 0, r, fd[2], saved[2];
        char *rest = text;
        ssize_t n;

        snprintf(text, sizeof(text), "%s", line);
        argv[argc++] = name;
        for (char *word; (word = strsep(&rest, " "));)
                if (*word)
                        argv[argc++] = word;
        argv[argc] = NULL;
        *ret = (struct own){ .count = 7, .real = 0.5 };
        assert_int_equal(pipe(fd), 0);
        fflush(stdout);
        for (int i = 0; i < 2; i++) {
                saved[i] = dup(i + 1);
                dup2(fd[1], i + 1);
        }
        r = cmd_parse(&cmd, argc, argv, ret, operands);
        fflush(stdout);
        for (int i = 0; i < 2; i++) {
                dup2(saved[i], i + 1);
                close(saved[i]);
        }
        close(fd[1]);
        n = read(fd[0], said, sizeof(said) - 1);
        said[n > 0 ? n : 0] = '\0';
        close(fd[0]);
        assert_ptr_equal(argv[0], name);
        return r;
}

static void test_taken(void **state)
{
        struct cmd_operands operands;
        struct own o;

        assert_int_equal(
                parse("--flag m --output=x --count 64 --real 1 --word third --sum 2 --sum -0.5 n", &o, &operands), 0);
        assert_true(o.flag);
        assert_string_equal(o.out, "x");
        assert_int_equal(o.count, 64);
        assert_true(o.real == 1 && o.sum == 1.5);
        assert_int_equal(o.word, 2);
        assert_int_equal(operands.n, 2);
        assert_string_equal(operands.at[0], "m");
        assert_string_equal(operands.at[1], "n");
        assert_string_equal(said, "");
        /* what is not given stays as it was */
        assert_int_equal(parse("m -o y", &o, &operands), 0);
        assert_true(!o.flag && o.count == 7 && o.real == 0.5);
        assert_string_equal(o.out, "y");
}

/* The older name, the letter and an abbreviation mean the same. */
static void test_names(void **state)
{
        static const char *const lines[] = {
                "m --out z", "m --out=z", "m -o z", "m -oz", "m --outp z", "-- m --output"
        };
        struct cmd_operands operands;
        struct own o;

        for (size_t i = 0; i + 1 < ARRAY_LEN(lines); i++) {
                assert_int_equal(parse(lines[i], &o, &operands), 0);
                assert_string_equal(o.out, "z");
        }
        assert_int_equal(parse(lines[ARRAY_LEN(lines) - 1], &o, &operands), -EINVAL);
}

static void refuse(const char *line, const char *part)
{
        struct cmd_operands operands;
        struct own o;

        assert_int_equal(parse(line, &o, &operands), -EINVAL);
        assert_int_equal(strncmp(said, "emotion-nn try: ", 16), 0);
        if (!strstr(said, part))
                fail_msg("\"%s\" gives \"%s\"", line, said);
}

static void test_refused(void **state)
{
        refuse("", "MODEL, --output are needed");
        refuse("m", "MODEL, --output are needed");
        refuse("--output x", "--help");
        refuse("a b c --output x", "\"c\" is one argument too many");
        refuse("m -o x --count 65", "--count: \"65\" is not a whole number from 1 to 64");
        refuse("m -o x --count 0", "from 1 to 64");
        refuse("m -o x --count -1", "from 1 to 64");
        refuse("m -o x --count 3x", "from 1 to 64");
        refuse("m -o x --count 99999999999999999999999", "from 1 to 64");
        refuse("m -o x --real nan", "--real: \"nan\" is not a number from 0 to 1");
        refuse("m -o x --real 1.01", "from 0 to 1");
        refuse("m -o x --real=", "from 0 to 1");
        refuse("m -o x --sum 6", "--sum: \"6\" is not a number from -5 to 5");
        refuse("m -o x --word fourth", "--word: \"fourth\" is not first, second or third");
        refuse("m -o x --nothing", "--nothing");
        refuse("m -o x --flag=1", "--flag");
        refuse("m -o", "o");
}

static void test_help(void **state)
{
        struct cmd_operands operands;
        struct own o;

        assert_int_equal(parse("--help", &o, &operands), 1);
        assert_non_null(strstr(said, "emotion-nn try MODEL... --output FILE [OPTION...]\n\nTries.\n\n"));
        assert_non_null(strstr(said, "  -o, --output FILE  where to\n"));
        assert_non_null(strstr(said, "  -h, --help         show this help\n"));
        assert_null(strstr(said, "--out "));
        assert_int_equal(parse("m -h --count 1000", &o, &operands), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_taken),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_help),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
