/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "basic/macro.h"
#include "report/csv.h"

#define HEAD "content,figure,part,value,low,high\n"

static char *written(int (*fn)(FILE *f, json_object *report), const char *json, int *ret)
{
        json_object *report = json_tokener_parse(json);
        char *text = NULL;
        size_t n;
        FILE *f = open_memstream(&text, &n);

        assert_non_null(report);
        assert_non_null(f);
        *ret = fn(f, report);
        fclose(f);
        json_object_put(report);
        return text;
}

static void makes(const char *contents, const char *comparisons, const char *lines)
{
        _cleanup_(freep) char *json = NULL, *text = NULL;
        int r;

        assert_true(asprintf(&json, "{\"schema\": \"emotiond.reactions/1.0\", \"contents\": %s, \"comparisons\": %s}",
                             contents, comparisons) > 0);
        text = written(csv_report, json, &r);
        assert_int_equal(r, 0);
        assert_memory_equal(text, HEAD, strlen(HEAD));
        assert_string_equal(text + strlen(HEAD), lines);
}

static void test_figures(void **state)
{
        makes("[]", "null", "");
        makes("[{\"content\": \"a\", \"from\": \"2026-01-01\", \"plays\": 3, \"viewers\": null, \"suppressed\": true,"
              " \"watched\": {\"value\": 0.5, \"low\": 0.25, \"high\": null}, \"attraction\": {\"value\": null},"
              " \"smile\": {\"mean\": {\"value\": 0.25, \"low\": 0.125, \"high\": 0.5}, \"peak_seconds\": 4}}]",
              "null",
              "a,plays,,3,,\na,suppressed,,1,,\na,watched,,0.5,0.25,\na,smile.mean,,0.25,0.125,0.5\n"
              "a,smile.peak_seconds,,4,,\n");
}

static void test_parts(void **state)
{
        makes("[{\"content\": \"a\", \"smile\": {\"curve\": {\"step_ms\": 500, \"mean\": [0.5, null], \"low\": [0.25, null],"
              " \"high\": [0.75, null], \"viewers\": [9, 0]}}, \"marks\": [{\"label\": \"cut\", \"seconds\": 2.5}],"
              " \"expressions\": [{\"label\": \"fear\", \"decided\": 0.5, \"share\": {\"value\": 0.25, \"low\": 0, \"high\":"
              " 0.5}, \"evidence\": false}]}]",
              "[{\"a\": \"a\", \"b\": \"b\", \"measure\": \"smile mean\", \"p\": 0.5}]",
              "a,smile.curve,0,0.5,0.25,0.75\na,smile.curve,0.5,,,\na,marks.seconds,cut,2.5,,\na,expressions.decided,fear,0.5,,\n"
              "a,expressions.share,fear,0.25,0,0.5\na,expressions.evidence,fear,0,,\na,comparison.p,b,0.5,,\n");
}

static void test_quoting(void **state)
{
        makes("[{\"content\": \"say \\\"a, b\\\"\", \"plays\": 1}, {\"content\": \"\\u00e4\", \"plays\": 2}]", "null",
              "\"say \"\"a, b\"\"\",plays,,1,,\n\u00e4,plays,,2,,\n");
}

static void test_others(void **state)
{
        static const char *const others[] = { "{}",
                                              "[]",
                                              "3",
                                              "{\"schema\": \"emotiond.reactions/2.0\", \"contents\": []}",
                                              "{\"schema\": \"emotiond.reactions/1.0\"}",
                                              "{\"schema\": \"emotiond.reactions/1.0\", \"contents\": 7}" };

        for (size_t i = 0; i < ARRAY_LEN(others); i++) {
                int r, k;
                _cleanup_(freep) char *one = written(csv_report, others[i], &r),
                                      *two = written(ndjson_report, others[i], &k);

                assert_int_equal(r, -EINVAL);
                assert_int_equal(k, -EINVAL);
                assert_string_equal(one, "");
                assert_string_equal(two, "");
        }
        /* members of other kinds than ours are passed over */
        makes("[3, {\"content\": \"a\", \"smile\": 3, \"marks\": [3, \"x\"], \"curve\": {\"step_ms\": \"x\", \"mean\": 3}}]",
              "{}", "a,smile,,3,,\n");
}

static void test_full_disk(void **state)
{
        json_object *report = json_tokener_parse("{\"schema\": \"emotiond.reactions/1.0\", \"contents\": []}");
        FILE *f = fopen("/dev/full", "w");

        if (!f) {
                json_object_put(report);
                skip();
        }
        assert_int_equal(csv_report(f, report), -EIO);
        fclose(f);
        json_object_put(report);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_figures), cmocka_unit_test(test_parts),     cmocka_unit_test(test_quoting),
                cmocka_unit_test(test_others),  cmocka_unit_test(test_full_disk),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
