/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/hours.h"

enum { SUN, MON, TUE, WED, THU, FRI, SAT };

static bool holds(const char *text, int day, int hour, int minute)
{
        struct tm t = { .tm_wday = day, .tm_hour = hour, .tm_min = minute };
        char why[256] = "";
        struct hours h;

        if (hours_parse(text, &h, why, sizeof(why)) < 0)
                fail_msg("%s: %s", text, why);
        return hours_hold(&h, &t);
}

static void refuse(const char *text, const char *part)
{
        struct hours h;
        char why[256] = "";

        assert_int_equal(hours_parse(text, &h, why, sizeof(why)), -EINVAL);
        if (!strstr(why, part))
                fail_msg("%s: \"%s\" does not say \"%s\"", text, why, part);
}

static void test_times(void **state)
{
        assert_false(holds("", MON, 12, 0));
        assert_true(holds("08:30-17:00", MON, 8, 30));
        assert_false(holds("08:30-17:00", MON, 8, 29));
        assert_true(holds("08:30-17:00", SUN, 16, 59));
        assert_false(holds("08:30-17:00", SUN, 17, 0));
        assert_true(holds("00:00-24:00", SAT, 23, 59));
        assert_true(holds(" 20:00-24:00 ,\t00:00-06:00 ", WED, 5, 59));
        assert_false(holds("20:00-24:00, 00:00-06:00", WED, 6, 0));
}

static void test_days(void **state)
{
        const char *text = "Mon-Fri 20:00-24:00, Sat 18:00-24:00, Sun 00:00-24:00";

        assert_true(holds(text, MON, 20, 0));
        assert_true(holds(text, FRI, 20, 0));
        assert_false(holds(text, SAT, 17, 59));
        assert_true(holds(text, SAT, 18, 0));
        assert_true(holds(text, SUN, 0, 0));
        assert_false(holds(text, THU, 0, 0));
        /* over the week's end */
        for (int day = SUN; day <= SAT; day++)
                assert_int_equal(holds("Fri-Mon 10:00-11:00", day, 10, 30), day <= MON || day >= FRI);
        for (int day = SUN; day <= SAT; day++)
                assert_int_equal(holds("Tue-Tue 10:00-11:00", day, 10, 30), day == TUE);
}

static void test_refused(void **state)
{
        char many[600] = "";

        refuse("18:00-09:00", "ends before it begins");
        refuse("Mon 09:00-09:00", "ends before it begins");
        refuse("Mon-Fri", "no time of the week");
        refuse("mon 09:00-10:00", "no time of the week");
        refuse("Mon,Tue 09:00-10:00", "\"Mon\"");
        refuse("9:00-10:00", "no time of the week");
        refuse("09:60-10:00", "00:00 to 24:00");
        refuse("09:00-24:01", "00:00 to 24:00");
        refuse("09:00", "no time of the week");
        refuse("09:00-10:00 Mon", "no time of the week");
        refuse("09:00-10:00,", "a comma");
        refuse(",", "no time of the week");
        for (int i = 0; i < 33; i++)
                strcat(many, "09:00-10:00,");
        many[strlen(many) - 1] = '\0';
        refuse(many, "more than 32");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_times),
                cmocka_unit_test(test_days),
                cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
