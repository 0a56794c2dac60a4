/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "picture/picture.h"
#include "train/data/dataset.h"

static char root[64];
static struct dataset_error error;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
        return remove(path);
}

static int make_root(void **state)
{
        strcpy(root, "/tmp/test-dataset-folders-XXXXXX");
        return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
        return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Makes root/@name and the folders on the way. @ret: its path. */
static void prepare(const char *name, char ret[256])
{
        snprintf(ret, 256, "%s/%s", root, name);
        for (char *c = ret + strlen(root) + 1; *c; c++)
                if (*c == '/') {
                        *c = '\0';
                        mkdir(ret, 0700);
                        *c = '/';
                }
}

/* A picture of one grey. */
static void add_picture(const char *name, uint8_t grey)
{
        uint8_t pixels[20 * 10];
        struct picture p = { PICTURE_GRAY8, 20, 10, 20, pixels };
        char path[256];

        memset(pixels, grey, sizeof(pixels));
        prepare(name, path);
        assert_int_equal(picture_write_png(path, &p), 0);
}

static void add_text(const char *name, const char *text)
{
        char path[256];

        prepare(name, path);
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(text, f);
        fclose(f);
}

static const char *label(const struct dataset *d, size_t i)
{
        return d->labels[d->classes[i]];
}

static void test_known_labels(void **state)
{
        const struct dataset_options small = { .width_px = 8, .height_px = 4 },
                                     private = { .usage = DATASET_PRIVATE_TEST };
        _cleanup_(dataset_freep) struct dataset *d = NULL, *s = NULL;

        add_picture("happy/b.png", 20);
        add_picture("happy/a.png", 10);
        add_picture("neutral/x.png", 30);
        add_text("neutral/notes.txt", "not a picture");
        add_text("README", "not a folder");
        assert_int_equal(dataset_load(root, NULL, &d, &error), 0);
        assert_int_equal(d->n, 3);
        assert_int_equal(d->width_px, 48);
        assert_int_equal(d->n_classes, 7);
        assert_string_equal(label(d, 0), "happiness");
        assert_string_equal(label(d, 2), "neutral");
        assert_int_equal(d->pixels[0], 10);
        assert_int_equal(d->pixels[3 * 48 * 48 - 1], 30);
        assert_int_equal(d->usage[1], DATASET_TRAINING);

        assert_int_equal(dataset_load(root, &small, &s, &error), 0);
        assert_int_equal(s->width_px, 8);
        assert_int_equal(s->pixels[8 * 4], 20);
        s = dataset_free(s);
        assert_int_equal(dataset_load(root, &private, &s, &error), -EINVAL);
}

static void test_other_labels(void **state)
{
        _cleanup_(dataset_freep) struct dataset *d = NULL, *s = NULL;

        add_picture("yes/a.png", 1);
        add_picture("no/a.png", 2);
        assert_int_equal(dataset_load(root, NULL, &d, &error), 0);
        assert_int_equal(d->n_classes, 2);
        assert_string_equal(d->labels[0], "no");
        assert_string_equal(label(d, 1), "yes");
        assert_int_equal(dataset_subset(d, DATASET_TRAINING, 1, &s), 0);
        d = dataset_free(d);
        assert_string_equal(s->labels[1], "yes");
}

static void test_bad_folders(void **state)
{
        struct dataset *d = NULL;
        char name[32];

        assert_int_equal(dataset_load(root, NULL, &d, &error), -EINVAL); /* empty */
        add_text("happy/broken.png", "\x89PNG\r\n\x1a\n and no more");
        assert_int_equal(dataset_load(root, NULL, &d, &error), -EBADMSG);
        assert_non_null(strstr(error.text, "broken.png"));
        for (unsigned i = 0; i < 17; i++) {
                snprintf(name, sizeof(name), "class-%u/a.png", i);
                add_picture(name, 1);
        }
        assert_int_equal(dataset_load(root, NULL, &d, &error), -EINVAL);
        assert_null(d);
}

static void test_rafd(void **state)
{
        _cleanup_(dataset_freep) struct dataset *d = NULL;

        add_picture("Rafd090_01_Caucasian_female_angry_frontal.png", 10);
        add_picture("Rafd090_01_Caucasian_female_contemptuous_left.png", 20);
        add_picture("Rafd045_02_Caucasian_male_surprised_right.png", 30);
        add_picture("Rafd180_02_Caucasian_male_sad_right.png", 40);     /* a profile */
        add_picture("Rafd090_02_Caucasian_male_puzzled_right.png", 50); /* no label of ours */
        add_picture("Rafd09x_02_Caucasian_male_sad_right.png", 60);
        add_picture("Rafd090_02_Caucasian_male_sad.png", 70);
        assert_int_equal(dataset_load(root, NULL, &d, &error), 0);
        assert_int_equal(d->n, 3);
        assert_int_equal(d->n_classes, 8);
        assert_string_equal(label(d, 0), "surprise"); /* in name order */
        assert_string_equal(label(d, 1), "anger");
        assert_string_equal(label(d, 2), "contempt");
        assert_int_equal(d->pixels[0], 30);
}

static void add_sequence(const char *name, unsigned n, uint8_t grey)
{
        char frame[128];

        for (unsigned i = 1; i <= n; i++) {
                snprintf(frame, sizeof(frame), "cohn-kanade-images/%s/f_%08u.png", name, i);
                add_picture(frame, (uint8_t)(grey + i));
        }
}

static void test_ckplus(void **state)
{
        const struct dataset_options two = { .limit = 2 };
        _cleanup_(dataset_freep) struct dataset *d = NULL, *l = NULL;

        add_sequence("S005/001", 6, 100);
        add_text("Emotion/S005/001/S005_001_00000006_emotion.txt", "   3.0000000e+00\n");
        add_sequence("S010/002", 4, 50);
        add_text("Emotion/S010/002/S010_002_00000004_emotion.txt", "   2.0000000e+00");
        add_sequence("S010/003", 4, 0); /* without a label */
        add_text("Emotion/S010/003/.hidden", "");
        assert_int_equal(dataset_load(root, NULL, &d, &error), 0);
        assert_int_equal(d->n, 8);
        assert_string_equal(label(d, 0), "neutral");
        assert_int_equal(d->pixels[0], 101);
        assert_string_equal(label(d, 1), "disgust");
        assert_int_equal(d->pixels[1 * 48 * 48], 104);
        assert_int_equal(d->pixels[3 * 48 * 48], 106);
        assert_string_equal(label(d, 7), "contempt");
        assert_int_equal(dataset_load(root, &two, &l, &error), 0);
        assert_int_equal(l->n, 2);
}

static void test_bad_ckplus(void **state)
{
        static const char *const bad[] = { "", "8", "-1", "2.5", "nan", "inf", "three", "3 x", "1e300" };
        const char *name = "Emotion/S005/001/S005_001_00000006_emotion.txt";
        struct dataset *d = NULL;

        add_sequence("S005/001", 5, 1);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                add_text(name, bad[i]);
                assert_int_equal(dataset_load(root, NULL, &d, &error), -EBADMSG);
                assert_non_null(strstr(error.text, "_emotion.txt"));
        }
        add_text(name, "1");
        add_text("Emotion/S006/001/S006_001_00000006_emotion.txt", "1"); /* no frames */
        assert_int_equal(dataset_load(root, NULL, &d, &error), -EBADMSG);
        assert_non_null(strstr(error.text, "S006"));
        assert_null(d);
}

/* Whether rows of person @p (its grey) are all of one use; counts them. */
static bool is_one_part(const struct dataset *d, uint8_t p, size_t *held)
{
        unsigned uses = 0;

        for (size_t i = 0; i < d->n; i++)
                if (d->pixels[i * d->width_px * d->height_px] == p) {
                        uses |= d->usage[i];
                        *held += d->usage[i] == DATASET_PUBLIC_TEST;
                }
        return uses == DATASET_TRAINING || uses == DATASET_PUBLIC_TEST;
}

static void test_hold_out(void **state)
{
        static const char *const persons[] = { "anna", "ben", "c", "dora", "emil", "f", "gus", "hal", "ida", "jo" };
        struct dataset_options options = { .hold_out = 0.3 };
        char path[256], name[128];
        struct dataset *d;
        size_t held = 0;

        for (unsigned p = 0; p < ARRAY_LEN(persons); p++)
                for (unsigned i = 0; i < 4; i++) {
                        snprintf(name, sizeof(name), "held/%s/%s_%u.png", i & 1 ? "anger" : "happiness", persons[p], i);
                        add_picture(name, (uint8_t)(10 * p));
                        snprintf(name, sizeof(name), "alike/%s/IMG_%u.png", i & 1 ? "anger" : "happiness", 4 * p + i);
                        add_picture(name, (uint8_t)(10 * p));
                }
        snprintf(path, sizeof(path), "%s/held", root);
        assert_int_equal(dataset_load(path, &options, &d, &error), 0);
        for (unsigned p = 0; p < ARRAY_LEN(persons); p++)
                assert_true(is_one_part(d, (uint8_t)(10 * p), &held));
        assert_int_equal(held, 12);
        dataset_free(d);
        /* one beginning for all: by picture */
        snprintf(path, sizeof(path), "%s/alike", root);
        assert_int_equal(dataset_load(path, &options, &d, &error), 0);
        held = 0;
        for (unsigned p = 0; p < ARRAY_LEN(persons); p++)
                is_one_part(d, (uint8_t)(10 * p), &held);
        assert_int_equal(held, 12);
        dataset_free(d);
        options.hold_out = 0;
        assert_int_equal(dataset_load(path, &options, &d, &error), 0);
        for (size_t i = 0; i < d->n; i++)
                assert_int_equal(d->usage[i], DATASET_TRAINING);
        dataset_free(d);
        add_text("held.csv", "emotion,pixels,Usage\n");
        snprintf(path, sizeof(path), "%s/held.csv", root);
        options.hold_out = 0.1;
        assert_int_equal(dataset_load(path, &options, &d, &error), -EINVAL);
        assert_non_null(strstr(error.text, "held out"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_known_labels, make_root, remove_root),
                cmocka_unit_test_setup_teardown(test_other_labels, make_root, remove_root),
                cmocka_unit_test_setup_teardown(test_bad_folders, make_root, remove_root),
                cmocka_unit_test_setup_teardown(test_rafd, make_root, remove_root),
                cmocka_unit_test_setup_teardown(test_ckplus, make_root, remove_root),
                cmocka_unit_test_setup_teardown(test_bad_ckplus, make_root, remove_root),
                cmocka_unit_test_setup_teardown(test_hold_out, make_root, remove_root),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
