/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "train/data/dataset.h"

enum { N = 48 * 48 };

static char folder[] = "/tmp/test-dataset-XXXXXX";
static char csv[64], votes[64];
static struct dataset_error error;

static const char fer_header[] = "emotion,pixels,Usage\n";
static const char votes_header[] =
        "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n";

static void write_file(const char *path, const char *a, const char *b)
{
        FILE *f = fopen(path, "w");

        assert_non_null(f);
        fputs(a, f);
        fputs(b, f);
        assert_int_equal(fclose(f), 0);
}

/* Rows as text: emotion and usage as given, pixel k of row i is (i + k) % 256. */
static char *rows(size_t n, const int *emotions, const char *const *usages, const char *end)
{
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        assert_non_null(f);
        for (size_t i = 0; i < n; i++) {
                fprintf(f, "%d,", emotions[i]);
                for (size_t k = 0; k < N; k++)
                        fprintf(f, k ? " %zu" : "%zu", (i + k) % 256);
                fprintf(f, ",%s%s", usages[i], end);
        }
        fclose(f);
        return text;
}

static const int emotions[4] = { 0, 3, 6, 2 };
static const char *const usages[4] = { "Training", "PublicTest", "Training", "PrivateTest" };

static void write_four_rows(const char *end)
{
        _cleanup_(freep) char *text = rows(4, emotions, usages, end);

        write_file(csv, fer_header, text);
}

static int make_folder(void **state)
{
        if (!mkdtemp(folder))
                return -1;
        snprintf(csv, sizeof(csv), "%s/fer.csv", folder);
        snprintf(votes, sizeof(votes), "%s/ferplus.csv", folder);
        return 0;
}

static int remove_folder(void **state)
{
        unlink(csv);
        unlink(votes);
        return rmdir(folder);
}

static void check_refused(int code, const char *where)
{
        struct dataset *d = NULL;

        memset(&error, 0, sizeof(error));
        assert_int_equal(dataset_load(csv, NULL, &d, &error), code);
        assert_null(d);
        if (!strstr(error.text, csv) || !strstr(error.text, where))
                fail_msg("'%s' does not name %s and '%s'", error.text, csv, where);
        /* without a place for the message too */
        assert_int_equal(dataset_load(csv, NULL, &d, NULL), code);
}

static void test_reads_rows(void **state)
{
        static const char *const ends[] = { "\n", "\r\n" };

        for (size_t e = 0; e < ARRAY_LEN(ends); e++) {
                _cleanup_(dataset_freep) struct dataset *d = NULL;

                write_four_rows(ends[e]);
                assert_int_equal(dataset_load(csv, NULL, &d, &error), 0);
                assert_int_equal(d->n, 4);
                assert_int_equal(d->n_classes, 7);
                assert_string_equal(d->labels[0], "anger");
                assert_string_equal(d->labels[6], "neutral");
                for (size_t i = 0; i < 4; i++) {
                        assert_int_equal(d->classes[i], emotions[i]);
                        for (size_t k = 0; k < N; k++)
                                assert_int_equal(d->pixels[i * N + k], (i + k) % 256);
                }
                assert_int_equal(d->usage[1], DATASET_PUBLIC_TEST);
                assert_int_equal(d->usage[3], DATASET_PRIVATE_TEST);
                assert_null(d->votes);
        }
}

static void test_last_line_without_end(void **state)
{
        _cleanup_(freep) char *text = rows(1, emotions, usages, "");
        _cleanup_(dataset_freep) struct dataset *d = NULL;

        write_file(csv, fer_header, text);
        assert_int_equal(dataset_load(csv, NULL, &d, &error), 0);
        assert_int_equal(d->n, 1);
}

static void test_usage_and_limit(void **state)
{
        const struct dataset_options training = { .usage = DATASET_TRAINING };
        const struct dataset_options first = { .limit = 3 };
        _cleanup_(dataset_freep) struct dataset *d = NULL, *l = NULL, *s = NULL;

        write_four_rows("\n");
        assert_int_equal(dataset_load(csv, &training, &d, &error), 0);
        assert_int_equal(d->n, 2);
        assert_int_equal(d->classes[1], 6);
        assert_int_equal(dataset_load(csv, &first, &l, &error), 0);
        assert_int_equal(l->n, 3);

        assert_int_equal(dataset_subset(l, DATASET_PUBLIC_TEST, 0, &s), 0);
        l = dataset_free(l);
        assert_int_equal(s->n, 1);
        assert_int_equal(s->classes[0], 3);
        assert_int_equal(s->pixels[5], 6);
        assert_string_equal(s->labels[3], "happiness");
        assert_int_equal(dataset_subset(s, DATASET_TRAINING, 0, &l), -EINVAL);
}

/* A file that ends early is refused wherever it ends, but between two rows, where nothing tells. */
static void test_cut(void **state)
{
        _cleanup_(freep) char *text = rows(1, emotions, usages, "\n");
        size_t length = strlen(text);

        for (size_t cut = 1; cut < length - 1; cut += cut < length - 60 ? 97 : 1) {
                char saved = text[cut];

                text[cut] = '\0';
                write_file(csv, fer_header, text);
                text[cut] = saved;
                check_refused(-EBADMSG, ":2:");
        }
        write_file(csv, "emotion,pix", "");
        check_refused(-EBADMSG, ":1:");
        write_file(csv, fer_header, "");
        check_refused(-EINVAL, "no row");
}

static void test_lies(void **state)
{
        static const struct {
                const char *find, *replace, *message;
        } cases[] = {
                { "0,0 1", "7,0 1", "emotion" },       { "0,0 1", "-1,0 1", "emotion" },
                { "0,0 1", "x,0 1", "emotion" },       { "0,0 1", "00,0 1", "emotion" },
                { " 255 ", " 256 ", "0 to 255" },      { " 255 ", " -55 ", "0 to 255" },
                { " 255 ", " 1e2 ", "0 to 255" },      { " 255 ", " 4294967297 ", "0 to 255" },
                { " 255 ", " ", "2303 pixels" },       { " 255 ", " 255 255 ", "numbers" },
                { "Training", "training", "Usage" },   { "Training", "Training,", "three columns" },
                { "Training", "", "Usage" },           { " 255 ", " ,255 ", "three columns" },
                { "0,0 1", "0 0 1", "three columns" },
        };
        _cleanup_(freep) char *good = rows(1, emotions, usages, "\n");

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char *at = strstr(good, cases[i].find), *bad = NULL;

                assert_non_null(at);
                assert_true(asprintf(&bad, "%.*s%s%s", (int)(at - good), good, cases[i].replace,
                                     at + strlen(cases[i].find)) > 0);
                write_file(csv, fer_header, bad);
                free(bad);
                check_refused(-EBADMSG, cases[i].message);
                assert_non_null(strstr(error.text, ":2:"));
        }
}

static void test_not_a_csv(void **state)
{
        _cleanup_(freep) char *zeros = calloc(1, 200000);
        FILE *f;

        write_file(csv, "emotion,Usage,pixels\n", "");
        check_refused(-EBADMSG, "first line");
        write_file(csv, "hello", "");
        check_refused(-EINVAL, "known format");

        /* a line without end, and one with zero bytes */
        memset(zeros, '1', 199999);
        write_file(csv, fer_header, zeros);
        check_refused(-EBADMSG, "longer than");
        f = fopen(csv, "w");
        assert_non_null(f);
        fprintf(f, "%s0,1 2 ", fer_header);
        fputc(0, f);
        fputs("3,Training\n", f);
        fclose(f);
        check_refused(-EBADMSG, "zero byte");
        unlink(csv);
        check_refused(-ENOENT, "");
        assert_int_equal(mkfifo(csv, 0600), 0);
        check_refused(-EINVAL, "");
        unlink(csv);
}

static void write_votes(const char *text)
{
        write_file(votes, votes_header, text);
}

/* columns: neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF */
static const char good_votes[] = "Training,a.png,2,0,0,0,6,0,1,1,0,0\n"
                                 "PublicTest,b.png,0,5,5,0,0,0,0,0,0,0\n"
                                 "Training,,0,0,0,0,0,0,0,0,0,10\n"
                                 "PrivateTest,d.png,1,0,0,0,0,0,2,7,0,0\n";

static void test_votes(void **state)
{
        const struct dataset_options options = { .ferplus = votes };
        _cleanup_(dataset_freep) struct dataset *d = NULL, *s = NULL;
        float sum;

        write_four_rows("\n");
        write_votes(good_votes);
        assert_int_equal(dataset_load(csv, &options, &d, &error), 0);
        assert_int_equal(d->n, 4);
        assert_int_equal(d->n_classes, 7);
        for (size_t i = 0; i < 4; i++) {
                sum = 0;
                for (size_t k = 0; k < 7; k++)
                        sum += d->votes[i * 7 + k];
                assert_true(i == 2 ? sum == 0 : sum > 0.999f && sum < 1.001f); /* nobody saw a face */
                assert_int_equal(d->classes[i], emotions[i]);
        }
        assert_true(d->votes[0] > 0.666f && d->votes[0] < 0.667f); /* 6 of 9 for anger, contempt not counted */
        assert_true(d->votes[7 + 3] == 0.5f && d->votes[7 + 5] == 0.5f);
        assert_int_equal(dataset_subset(d, DATASET_PUBLIC_TEST, 0, &s), 0);
        assert_true(s->votes[3] == 0.5f);
}

static void test_majority(void **state)
{
        struct dataset_options options = { .ferplus = votes, .ferplus_majority = true };
        _cleanup_(dataset_freep) struct dataset *d = NULL, *c = NULL;

        write_four_rows("\n");
        write_votes(good_votes);
        assert_int_equal(dataset_load(csv, &options, &d, &error), 0);
        assert_int_equal(d->n, 1); /* a tie, no face and contempt are left out */
        assert_int_equal(d->classes[0], 0);
        options.ferplus_contempt = true;
        assert_int_equal(dataset_load(csv, &options, &c, &error), 0);
        assert_int_equal(c->n, 2);
        assert_int_equal(c->n_classes, 8);
        assert_string_equal(c->labels[c->classes[1]], "contempt");
}

static void test_votes_refused(void **state)
{
        const struct dataset_options options = { .ferplus = votes }, majority = { .ferplus_majority = true };
        static const struct {
                const char *find, *replace;
        } cases[] = {
                { "PrivateTest,d.png,1,0,0,0,0,0,2,7,0,0\n", "" }, /* a row less */
                { "2,7,0,0\n", "2,7,0,0\nTraining,e.png,1,0,0,0,0,0,2,7,0,0\n" },
                { "PublicTest", "Training" },
                { "PublicTest", "Nothing" },
                { "5,5", "5,-5" },
                { "5,5", "5,x" },
                { "5,5", "5," },
                { "5,5", "5" },
                { "5,5", "5,5,5" },
                { "5,5", "5,99999999999999999" },
                { "5,5", "0,0" }, /* nobody */
        };
        struct dataset *d = NULL;

        write_four_rows("\n");
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                const char *at = strstr(good_votes, cases[i].find);
                char *bad = NULL;

                assert_true(asprintf(&bad, "%.*s%s%s", (int)(at - good_votes), good_votes, cases[i].replace,
                                     at + strlen(cases[i].find)) > 0);
                write_votes(bad);
                free(bad);
                memset(&error, 0, sizeof(error));
                assert_int_equal(dataset_load(csv, &options, &d, &error), -EBADMSG);
                assert_non_null(strstr(error.text, votes));
        }
        write_file(votes, "Usage,nothing\n", "");
        assert_int_equal(dataset_load(csv, &options, &d, &error), -EBADMSG);
        unlink(votes);
        assert_int_equal(dataset_load(csv, &options, &d, &error), -ENOENT);
        assert_int_equal(dataset_load(csv, &majority, &d, &error), -EINVAL);
        assert_null(d);
}

/* As many rows as labels and every Usage right, but the votes on other pictures. */
static void test_votes_of_others(void **state)
{
        const struct dataset_options options = { .ferplus = votes };
        static const unsigned column_of[7] = { 4, 5, 6, 1, 3, 2, 0 };
        enum { ROWS = 500 };
        int labels[ROWS];
        const char *all[ROWS];
        _cleanup_(freep) char *text = NULL;

        for (size_t i = 0; i < ROWS; i++) {
                labels[i] = (int)(i % 7);
                all[i] = "Training";
        }
        text = rows(ROWS, labels, all, "\n");
        write_file(csv, fer_header, text);
        for (size_t shift = 0; shift < 2; shift++) {
                struct dataset *d = NULL;
                FILE *f = fopen(votes, "w");
                int r;

                assert_non_null(f);
                fputs(votes_header, f);
                for (size_t i = 0; i < ROWS; i++) {
                        fprintf(f, "Training,x.png");
                        for (unsigned k = 0; k < 10; k++)
                                fprintf(f, ",%d", k == column_of[(i + shift) % 7] ? 8 : 0);
                        fputc('\n', f);
                }
                fclose(f);
                r = dataset_load(csv, &options, &d, &error);
                assert_int_equal(r, shift ? -EBADMSG : 0);
                if (shift) {
                        assert_non_null(strstr(error.text, votes));
                        assert_non_null(strstr(error.text, "not the votes on the pictures"));
                }
                dataset_free(d);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reads_rows),
                cmocka_unit_test(test_last_line_without_end),
                cmocka_unit_test(test_usage_and_limit),
                cmocka_unit_test(test_cut),
                cmocka_unit_test(test_lies),
                cmocka_unit_test(test_not_a_csv),
                cmocka_unit_test(test_votes),
                cmocka_unit_test(test_majority),
                cmocka_unit_test(test_votes_refused),
                cmocka_unit_test(test_votes_of_others),
        };
        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
