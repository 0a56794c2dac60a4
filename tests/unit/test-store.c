/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "reactions/store-private.h"

#define SECOND 1000000LL
#define DAY (86400 * SECOND)
#define START (1700000000 * SECOND)
#define LABELS "happiness|neutral|unsure"
#define GROUP 5

static const struct store_limits limits = { 100 << 20, 90, 396 };

struct place {
        char folder[64], path[80];
        struct store *store;
};

static int make_place(void **state)
{
        struct place *p = calloc(1, sizeof(*p));

        strcpy(p->folder, "/tmp/emotion-store-XXXXXX");
        if (!p || !mkdtemp(p->folder))
                return -1;
        snprintf(p->path, sizeof(p->path), "%s/store.db", p->folder);
        if (store_open(p->path, &limits, &p->store, NULL) < 0)
                return -1;
        *state = p;
        return 0;
}

static int end_place(void **state)
{
        struct place *p = *state;
        char command[128];

        store_free(p->store);
        snprintf(command, sizeof(command), "rm -rf %s", p->folder);
        if (system(command))
                return -1;
        free(p);
        return 0;
}

static void open_again(struct place *p)
{
        p->store = store_free(p->store);
        assert_int_equal(store_open(p->path, &limits, &p->store, NULL), 0);
}

/* A play of @viewers, each with a smile of its own. Return: as store_end(). */
static int play(struct store *s, const char *content, const char *id, int64_t begin, unsigned viewers)
{
        struct store_play p = { content, id, NULL, "main", begin, 10000 };
        struct crowd_result result = { .shown_ms = 10000, .observed_ms = 10000, .viewers = viewers };
        struct sums *sums = calloc(1, sizeof(*sums));
        int64_t number;
        int r = store_begin(s, &p, &number);

        if (r == 0)
                r = sums_init(sums, 3, 1000, 10);
        for (unsigned i = 0; i < viewers && r == 0; i++) {
                struct sums_viewer v = { .dwell_ms = 5000,
                                         .attention_ms = 2000,
                                         .smile_mean = 0.1 * i,
                                         .smile_max = 0.5,
                                         .smile_end = NAN,
                                         .smile_before = 0.25,
                                         .times_ms = { 1000, 3000, 1000 } };

                for (int t = 0; t < SUMS_POINTS_MAX; t++)
                        v.curve[t] = t < 5 ? 0.1 * i : NAN;
                sums_add_viewer(sums, 7, &v);
        }
        if (r == 0) {
                sums_add_play(sums, 10000, 10000, 5000 * viewers);
                r = store_end(s, number, begin + 10 * SECOND, "ended", &result, sums, LABELS);
        }
        sums_done(sums);
        free(sums);
        return r;
}

static uint64_t viewers_told(struct store *s, const char *content, int64_t from, int64_t to, bool *ret_suppressed)
{
        struct store_summary summary;
        struct sums *sums = calloc(1, sizeof(*sums));
        uint64_t n;

        assert_int_equal(store_read(s, content, from, to, GROUP, sums, &summary), 0);
        n = sums->viewers;
        if (ret_suppressed)
                *ret_suppressed = summary.suppressed;
        sums_done(sums);
        free(sums);
        return n;
}

static void test_all_comes_back(void **state)
{
        struct place *p = *state;
        struct store_summary summary;
        struct sums *s = calloc(1, sizeof(*s));

        assert_int_equal(play(p->store, "spot", "a", START, 4), 0);
        assert_int_equal(play(p->store, "spot", "b", START + 60 * SECOND, 3), 0);
        assert_int_equal(store_close_cells(p->store, GROUP), 0);
        open_again(p);
        assert_int_equal(store_read(p->store, "spot", 0, INT64_MAX, GROUP, s, &summary), 0);
        assert_int_equal(s->plays, 2);
        assert_int_equal(s->viewers, 7);
        assert_int_equal(s->watchers_2s, 7);
        assert_int_equal(s->observed_ms, 20000);
        assert_true(fabs(s->attraction.y / s->attraction.x - 0.4) < 1e-12);
        assert_true(fabs(s->audience.y - 35) < 1e-12);
        assert_int_equal(s->histograms[SUMS_SMILE_MEAN][7][0], 2);
        assert_int_equal(s->histograms[SUMS_SMILE_END][7][0], 0);
        assert_int_equal(s->n_labels, 3);
        assert_true(fabs(s->times.product[0][1] - 7 * 1.0 * 3.0) < 1e-9);
        assert_int_equal(s->curve.n_points, 10);
        assert_int_equal((int)s->curve.both[0], 7);
        assert_int_equal((int)s->curve.both[9 * 10 + 9], 0);
        assert_true(fabs(s->curve.product[1] - (0.14 + 0.05)) < 1e-6);
        assert_string_equal(summary.labels, LABELS);
        assert_int_equal(summary.begin_usec, START);
        assert_false(summary.suppressed);
        sums_done(s);
        assert_int_equal(store_read(p->store, "other", 0, INT64_MAX, GROUP, s, &summary), -ENOENT);
        free(s);
}

static void test_few_are_not_told(void **state)
{
        struct place *p = *state;
        bool suppressed;

        assert_int_equal(play(p->store, "spot", "a", START, GROUP - 1), 0);
        assert_int_equal(store_close_cells(p->store, GROUP), 0);
        assert_int_equal(viewers_told(p->store, "spot", 0, INT64_MAX, &suppressed), 0);
        assert_true(suppressed);
        assert_int_equal(play(p->store, "spot", "b", START + 60 * SECOND, 1), 0);
        assert_int_equal(viewers_told(p->store, "spot", 0, INT64_MAX, &suppressed), 0); /* enough, but not closed */
        assert_int_equal(store_close_cells(p->store, GROUP), 0);
        assert_int_equal(viewers_told(p->store, "spot", 0, INT64_MAX, &suppressed), GROUP);
        assert_false(suppressed);
        /* a window that cuts the cell gets nothing of it */
        assert_int_equal(viewers_told(p->store, "spot", START + SECOND, INT64_MAX, NULL), 0);
}

/* 10,000 questions while people come one by one: no two answers may differ by fewer than the group, or by nobody. */
static void test_attacker_finds_nobody(void **state)
{
        enum { PLAYS = 60, QUESTIONS = 10000 };
        struct place *p = *state;
        struct stats_random random;
        bool seen[4 * PLAYS + 1] = { false };
        char id[16];

        stats_random_seed(&random, 11);
        for (int i = 0; i < PLAYS; i++) {
                snprintf(id, sizeof(id), "%d", i);
                assert_int_equal(
                        play(p->store, "spot", id, START + i * 60 * SECOND, (unsigned)stats_random_below(&random, 5)),
                        0);
                for (int k = 0; k < QUESTIONS / PLAYS; k++) {
                        int64_t from = START - 1 + (int64_t)stats_random_below(&random, 60 * PLAYS) * SECOND;
                        int64_t to = START + (int64_t)stats_random_below(&random, 60 * PLAYS) * SECOND;

                        if (k % 3 == 0)
                                from = 0;
                        if (k % 3 == 1)
                                to = INT64_MAX;
                        assert_int_equal(store_close_cells(p->store, GROUP), 0);
                        seen[viewers_told(p->store, "spot", from, to, NULL)] = true;
                }
        }
        for (int a = 0; a <= 4 * PLAYS; a++)
                for (int d = 1; d < GROUP && a + d <= 4 * PLAYS && seen[a]; d++)
                        if (a == 0 && seen[d])
                                fail_msg("an answer tells of %d viewers", d);
        /* of answers that begin together, each adds whole cells */
        uint64_t last = 0;
        for (int i = 0; i < 60 * PLAYS; i++) {
                uint64_t n = viewers_told(p->store, "spot", 0, START + i * SECOND, NULL);

                if (n != last && n - last < GROUP)
                        fail_msg("the difference of two answers tells of %d viewers", (int)(n - last));
                last = n;
        }
        assert_true(last > 50);
}

static void test_same_id_is_same_play(void **state)
{
        struct place *p = *state;
        struct store_play one = { "spot", "one", "summer", "main", START, 0 };
        int64_t a, b;

        assert_int_equal(store_begin(p->store, &one, &a), 0);
        assert_int_equal(store_begin(p->store, &one, &b), 1);
        assert_int_equal(a, b);
        assert_int_equal(store_mark(p->store, a, 1500, "brand"), 0);
        for (int i = 1; i < STORE_MARKS_MAX; i++)
                assert_int_equal(store_mark(p->store, a, 1500, "cut"), 0);
        assert_int_equal(store_mark(p->store, a, 1500, "cut"), -EDQUOT);
        assert_int_equal(store_lose_running(p->store), 1);
        assert_int_equal(store_lose_running(p->store), 0);
        assert_int_equal(play(p->store, "spot", "two", START, 1), 0);
}

static void test_limits(void **state)
{
        struct place *p = *state;
        struct store_play one = { "spot", "id", NULL, "main", START, 0 };
        int64_t n;

        assert_int_equal(sqlite3_exec(p->store->db,
                                      "WITH RECURSIVE i(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM i LIMIT 10000)"
                                      " INSERT INTO content(name, duration_ms) SELECT 'c' || x, 0 FROM i",
                                      NULL, NULL, NULL),
                         SQLITE_OK);
        assert_int_equal(store_begin(p->store, &one, &n), -EDQUOT);
        one.content = "c7";
        assert_int_equal(store_begin(p->store, &one, &n), 0);
        assert_int_equal(sqlite3_exec(p->store->db,
                                      "WITH RECURSIVE i(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM i LIMIT 20000)"
                                      " INSERT INTO play(id, content, screen, begin_usec, reason) SELECT 'p' || x, 1,"
                                      " 'main', 1700000000000000 - x, 'ended' FROM i",
                                      NULL, NULL, NULL),
                         SQLITE_OK);
        one.id = "other";
        assert_int_equal(store_begin(p->store, &one, &n), -EUSERS);
        one.begin_usec = START + 2 * DAY;
        assert_int_equal(store_begin(p->store, &one, &n), 0);
}

static void test_retention(void **state)
{
        struct place *p = *state;
        struct store_counts counts;
        struct store_summary summary;
        struct sums *s = calloc(1, sizeof(*s));

        assert_int_equal(play(p->store, "spot", "a", START, 9), 0);
        assert_int_equal(store_close_cells(p->store, GROUP), 0);
        assert_int_equal(store_retain(p->store, START + 91 * DAY), 0);
        assert_int_equal(store_read(p->store, "spot", 0, INT64_MAX, GROUP, s, &summary), 0);
        assert_int_equal(s->viewers, 9); /* totals stay */
        assert_int_equal(s->step_ms, 0); /* curve, expressions and histograms do not */
        assert_int_equal(s->n_labels, 0);
        assert_int_equal(s->histograms[SUMS_SMILE_MEAN][7][0], 0);
        sums_done(s);
        assert_int_equal(store_retain(p->store, START + 397 * DAY), 0);
        assert_int_equal(store_count(p->store, &counts), 0);
        assert_int_equal(counts.cells + counts.plays + counts.contents, 0);
        free(s);
}

static void write_over(const char *path, long at, const char *bytes, size_t n)
{
        FILE *f = fopen(path, "r+");

        assert_non_null(f);
        assert_int_equal(fseek(f, at, SEEK_SET), 0);
        assert_int_equal(fwrite(bytes, 1, n, f), n);
        assert_int_equal(fclose(f), 0);
}

static void test_broken_file_is_set_aside(void **state)
{
        struct place *p = *state;
        char junk[4096];
        char *aside = NULL;
        struct stat st;

        for (int i = 0; i < 20; i++) {
                char id[16];

                snprintf(id, sizeof(id), "%d", i);
                assert_int_equal(play(p->store, "spot", id, START + i * SECOND, 3), 0);
        }
        p->store = store_free(p->store);
        memset(junk, 0x5a, sizeof(junk));
        write_over(p->path, 4096 * 3, junk, sizeof(junk));
        assert_int_equal(store_open(p->path, &limits, &p->store, &aside), 0);
        assert_non_null(aside);
        assert_int_equal(stat(aside, &st), 0); /* kept, for whoever can read it */
        assert_int_equal(play(p->store, "spot", "new", START, 3), 0);
        free(aside);
        p->store = store_free(p->store);
        write_over(p->path, 0, "not a database at all", 21);
        assert_int_equal(store_open(p->path, &limits, &p->store, &aside), 0);
        assert_non_null(aside);
        free(aside);
}

static void test_newer_version_is_left_alone(void **state)
{
        struct place *p = *state;
        struct store *other = NULL;
        int64_t version = 0;

        assert_int_equal(db_run(p->store->db, "PRAGMA user_version = 99", ""), 0);
        assert_int_equal(store_open(p->path, &limits, &other, NULL), -EPROTONOSUPPORT);
        assert_null(other);
        assert_int_equal(db_number(p->store->db, &version, "PRAGMA user_version", ""), 1);
        assert_int_equal(version, 99);
}

static void test_full_store_keeps_what_it_has(void **state)
{
        struct place *p = *state;
        struct store_limits small = { 1 << 20, 90, 396 };
        char id[24], content[24];
        int r = 0, n = 0;

        p->store = store_free(p->store);
        assert_int_equal(store_open(p->path, &small, &p->store, NULL), 0);
        for (; r == 0 && n < 5000; n++) {
                snprintf(id, sizeof(id), "%d", n);
                snprintf(content, sizeof(content), "content %d", n);
                r = play(p->store, content, id, START + n * SECOND, 5);
        }
        assert_int_equal(r, -ENOSPC);
        assert_true(n > 100);
        assert_int_equal(store_close_cells(p->store, GROUP), 0);
        assert_int_equal(viewers_told(p->store, "content 7", 0, INT64_MAX, NULL), 5);
        assert_int_equal(store_retain(p->store, START + 400 * DAY), 0); /* makes room */
        assert_int_equal(play(p->store, "later", "later", START + 400 * DAY, 5), 0);
}

static void test_clock_that_jumps(void **state)
{
        struct place *p = *state;

        assert_int_equal(play(p->store, "spot", "a", START, 3), 0);
        assert_int_equal(play(p->store, "spot", "b", START - 365 * DAY, 3), 0);
        assert_int_equal(play(p->store, "spot", "c", START + 365 * DAY, 3), 0);
        assert_int_equal(store_close_cells(p->store, GROUP), 0);
        assert_int_equal(viewers_told(p->store, "spot", 0, INT64_MAX, NULL), 9);
        assert_int_equal(viewers_told(p->store, "spot", START, INT64_MAX, NULL), 0);
}

static void test_other_model_or_length(void **state)
{
        struct place *p = *state;
        struct store_play longer = { "spot", "b", NULL, "main", START + 60 * SECOND, 20000 };
        struct crowd_result result = { .viewers = 1 };
        struct sums *sums = calloc(1, sizeof(*sums));
        struct sums_viewer v = {
                .dwell_ms = 2000, .smile_mean = NAN, .smile_max = NAN, .smile_end = NAN, .smile_before = NAN
        };
        struct store_summary summary;
        int64_t number;

        assert_int_equal(play(p->store, "spot", "a", START, 5), 0);
        assert_int_equal(store_begin(p->store, &longer, &number), 0);
        assert_int_equal(sums_init(sums, 2, 2000, 20), 0);
        sums_add_viewer(sums, 0, &v);
        assert_int_equal(store_end(p->store, number, START + 80 * SECOND, "ended", &result, sums, "smile|unsure"), 0);
        sums_done(sums);
        assert_int_equal(store_close_cells(p->store, GROUP), 0);
        assert_int_equal(store_read(p->store, "spot", 0, INT64_MAX, GROUP, sums, &summary), 0);
        assert_int_equal(sums->viewers, 6);
        assert_string_equal(summary.labels, "smile|unsure");
        assert_int_equal((int)sums->times.n, 1); /* times of different labels are never added */
        sums_done(sums);
        free(sums);
}

/* A process that plays and plays is killed at any moment: what it had ended is there, and the file is whole. */
static void test_kill(void **state)
{
        struct place *p = *state;
        struct stats_random random;
        int64_t before = 0, ended = 0;

        stats_random_seed(&random, 5);
        for (int round = 0; round < 12; round++) {
                int told[2], n = 0, heard = 0;
                pid_t pid;
                char *aside = NULL;

                p->store = store_free(p->store);
                assert_int_equal(pipe(told), 0);
                pid = fork();
                if (pid == 0) {
                        struct store *s;
                        char id[32];

                        for (n = store_open(p->path, &limits, &s, NULL) < 0 ? 1000000 : 0; n < 100000; n++) {
                                snprintf(id, sizeof(id), "%d-%d", round, n);
                                if (play(s, "spot", id, START + n * SECOND, 3) < 0 || write(told[1], "x", 1) != 1)
                                        break;
                        }
                        _exit(1);
                }
                close(told[1]);
                for (char c; heard < 3 && read(told[0], &c, 1) == 1;)
                        heard++;
                usleep((useconds_t)stats_random_below(&random, 20000));
                kill(pid, SIGKILL);
                waitpid(pid, NULL, 0);
                for (char c; read(told[0], &c, 1) == 1;)
                        heard++;
                close(told[0]);
                assert_true(heard >= 3);
                assert_int_equal(store_open(p->path, &limits, &p->store, &aside), 0);
                assert_null(aside);
                assert_int_equal(
                        db_number(p->store->db, &ended, "SELECT count(*) FROM play WHERE reason = 'ended'", ""), 1);
                assert_true(ended >= before + heard);
                assert_true(store_lose_running(p->store) <= 1);
                assert_int_equal(db_number(p->store->db, &before, "SELECT sum(viewers) FROM cell", ""), 1);
                assert_int_equal(before, 3 * ended); /* play and viewers, or neither */
                before = ended;
        }
}

int main(void)
{
#define PLACED(test) cmocka_unit_test_setup_teardown(test, make_place, end_place)
        static const struct CMUnitTest tests[] = {
                PLACED(test_all_comes_back),
                PLACED(test_few_are_not_told),
                PLACED(test_attacker_finds_nobody),
                PLACED(test_same_id_is_same_play),
                PLACED(test_limits),
                PLACED(test_retention),
                PLACED(test_broken_file_is_set_aside),
                PLACED(test_newer_version_is_left_alone),
                PLACED(test_full_store_keeps_what_it_has),
                PLACED(test_clock_that_jumps),
                PLACED(test_other_model_or_length),
                PLACED(test_kill),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
