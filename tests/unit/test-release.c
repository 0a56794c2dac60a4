/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "reactions/release.h"
#include "report/html.h"

#define START (1700000000LL * 1000000)
#define MINUTE (60LL * 1000000)
#define LABELS "happiness|neutral|unsure"
#define CONTENTS 30

/* One store for all tests: "funny" makes more smile than "plain"; "few" was seen by three; the rest fill the page. */
static struct store *store;
static char folder[64] = "/tmp/emotion-release-XXXXXX";

static double clamp(double x)
{
        return CLAMP(x, 0.0, 1.0);
}

static void play(const char *content, int number, unsigned viewers, double smile, struct stats_random *random)
{
        struct sums *s = calloc(1, sizeof(*s));
        struct crowd_result result = { .shown_ms = 20000, .observed_ms = 20000, .viewers = viewers };
        char id[64];
        int64_t n;

        snprintf(id, sizeof(id), "%.40s %d", content, number);
        assert_int_equal(store_begin(store,
                                     &(struct store_play){ content, id, NULL, "main", START + number * MINUTE, 20000 },
                                     &n),
                         0);
        if (number == 0)
                assert_int_equal(store_mark(store, n, 12000, "brand <1>"), 0);
        assert_int_equal(sums_init(s, 3, 1000, 20), 0);
        for (unsigned i = 0; i < viewers; i++) {
                double x = clamp(smile + 0.15 * stats_random_normal(random));
                struct sums_viewer v = { .dwell_ms = 15000,
                                         .attention_ms = 9000,
                                         .smiled = x > 0.4,
                                         .smile_mean = x,
                                         .smile_max = clamp(x + 0.1),
                                         .smile_end = x,
                                         .smile_before = 0.2,
                                         .times_ms = { 15000 * x, 15000 * (1 - x), 0 } };

                for (int t = 0; t < SUMS_POINTS_MAX; t++)
                        v.curve[t] = t < 18 ? clamp(x + 0.15 * sin(t / 4.0) + 0.05 * stats_random_normal(random)) : NAN;
                sums_add_viewer(s, (unsigned)(number % 4), &v);
        }
        sums_add_play(s, 20000, 20000, 9000 * viewers);
        assert_int_equal(store_end(store, n, START + number * MINUTE + 20000000, "ended", &result, s, LABELS), 0);
        sums_done(s);
        free(s);
}

static int make_store(void **state)
{
        const struct store_limits limits = { 100 << 20, 90, 396 };
        struct stats_random random;
        char path[96], name[32];

        stats_random_seed(&random, 3);
        if (!mkdtemp(folder))
                return -1;
        snprintf(path, sizeof(path), "%s/store.db", folder);
        if (store_open(path, &limits, &store, NULL) < 0)
                return -1;
        for (int i = 0; i < 8; i++) {
                play("funny", i, 12, 0.55, &random);
                play("plain", i, 12, 0.25, &random);
        }
        play("few", 0, 3, 0.5, &random);
        play("twelve <b>&amp;", 0, 12, 0.5, &random);
        for (int i = 4; i < CONTENTS; i++) {
                snprintf(name, sizeof(name), "content %d", i);
                play(name, i, 30, 0.3, &random);
        }
        return store_close_cells(store, 5);
}

static int end_store(void **state)
{
        char command[96];

        store_free(store);
        snprintf(command, sizeof(command), "rm -rf %s", folder);
        return system(command);
}

static json_object *make(bool compare, size_t n, const char *const *contents)
{
        struct release_query *q = calloc(1, sizeof(*q));
        json_object *report = NULL;

        *q = (struct release_query){ .to_usec = INT64_MAX,
                                     .group = 5,
                                     .compare = compare,
                                     .n_contents = n,
                                     .notice = "a sign",
                                     .model = { .n_classes = 2, .n_decisions = 3 } };
        memcpy(q->model.decisions, (double[]){ 90, 5, 5, 8, 85, 7 }, 6 * sizeof(double));
        for (size_t i = 0; i < n; i++)
                strcpy(q->contents[i], contents[i]);
        assert_int_equal(release_report(store, q, &report), 0);
        free(q);
        return report;
}

static json_object *at(json_object *o, const char *path)
{
        json_object *found = NULL;

        if (json_pointer_get(o, path, &found) < 0)
                fail_msg("%s is not there: %s", path, json_object_to_json_string(o));
        return found;
}

static double value(json_object *o, const char *path)
{
        return json_object_get_double(at(o, path));
}

static void test_counts(void **state)
{
        assert_int_equal(release_count(4, 5), 0);
        assert_int_equal(release_count(5, 5), 5);
        assert_int_equal(release_count(7, 5), 5);
        assert_int_equal(release_count(8, 5), 10);
        assert_int_equal(release_count(19, 5), 20);
        assert_int_equal(release_count(23, 5), 23);
        assert_int_equal(release_count(23, 30), 0);
}

static void test_figures(void **state)
{
        json_object *r = make(true, 2, (const char *const[]){ "funny", "plain" });

        assert_string_equal(json_object_get_string(at(r, "/schema")), RELEASE_SCHEMA);
        assert_int_equal((int)value(r, "/contents/0/viewers"), 96);
        assert_int_equal((int)value(r, "/contents/0/plays"), 8);
        assert_true(fabs(value(r, "/contents/0/attraction/value") - 0.6) < 1e-6);
        assert_true(value(r, "/contents/0/smile/mean/low") < 0.55 && value(r, "/contents/0/smile/mean/high") > 0.55);
        assert_true(fabs(value(r, "/contents/0/smile/change/value") - 0.35) < 0.06);
        assert_int_equal(json_object_array_length(at(r, "/contents/0/smile/curve/mean")), 20);
        assert_null(json_object_array_get_idx(at(r, "/contents/0/smile/curve/mean"), 19)); /* nobody was there */
        assert_true(value(r, "/contents/0/smile/curve/low/3") < value(r, "/contents/0/smile/curve/mean/3"));
        assert_true(json_object_get_boolean(at(r, "/contents/0/expressions/0/evidence")));
        assert_true(fabs(value(r, "/contents/0/expressions/0/share/value") - 0.57) < 0.1);
        assert_string_equal(json_object_get_string(at(r, "/contents/0/marks/0/label")), "brand <1>");
        assert_true(json_object_get_boolean(at(r, "/comparisons/0/shown")));
        assert_true(fabs(value(r, "/comparisons/0/difference/value") + 0.3) < 0.08);
        assert_true(value(r, "/comparisons/0/p_adjusted") < 0.01);
        json_object_put(r);
}

static void test_few_are_left_out(void **state)
{
        json_object *r = make(true, 2, (const char *const[]){ "few", "twelve <b>&amp;" }), *o;
        struct release_query *q = calloc(1, sizeof(*q));

        assert_int_equal(json_object_object_length(at(r, "/contents/0")), 2); /* its name, and that there is more */
        assert_true(json_object_get_boolean(at(r, "/contents/0/suppressed")));
        assert_int_equal((int)value(r, "/contents/1/viewers"), 10);
        assert_null(json_object_object_get(at(r, "/comparisons/0/difference"), "value"));
        assert_false(json_object_get_boolean(at(r, "/comparisons/0/shown")));
        json_object_put(r);
        q->n_contents = 1;
        strcpy(q->contents[0], "never shown");
        assert_int_equal(release_report(store, q, &o), -ENOENT);
        free(q);
}

static char *page(json_object *report, size_t *ret_size)
{
        char *text = NULL;
        FILE *f = open_memstream(&text, ret_size);

        assert_int_equal(html_report(f, report), 0);
        fclose(f);
        return text;
}

static void test_html(void **state)
{
        json_object *r = make(true, 0, NULL), *other = json_tokener_parse("{\"schema\": \"else\", \"contents\": []}");
        const char *to = getenv("REPORT_HTML"); /* to look at it */
        size_t size = 0, n = 0;
        char *text = page(r, &size);

        assert_int_equal(json_object_array_length(at(r, "/contents")), CONTENTS);
        assert_true(size < 300 * 1000);
        assert_null(strstr(text, "<script"));
        assert_null(strstr(text, "http://"));
        assert_null(strstr(text, "https://"));
        assert_null(strstr(text, "<b>")); /* a content's name is no markup */
        assert_null(strstr(text, "nan"));
        assert_non_null(strstr(text, "twelve &lt;b&gt;&amp;amp;"));
        assert_non_null(strstr(text, "Too few viewers so far"));
        assert_non_null(strstr(text, "a difference is shown"));
        assert_non_null(strstr(text, "no difference shown"));
        for (const char *p = text; (p = strstr(p, "<svg ")); p++)
                n++;
        assert_int_equal(n, CONTENTS - 1);
        assert_int_equal(html_report(stdout, other), -EINVAL);
        if (to) {
                FILE *f = fopen(to, "w");

                fputs(text, f);
                fclose(f);
        }
        free(text);
        json_object_put(r);
        json_object_put(other);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_counts),
                cmocka_unit_test(test_figures),
                cmocka_unit_test(test_few_are_left_out),
                cmocka_unit_test(test_html),
        };

        return cmocka_run_group_tests(tests, make_store, end_store);
}
