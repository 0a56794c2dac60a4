/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Landmark networks: losses and their gradients, the shape, framing, the reader, a run, and its file in the
 * engine. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/faces-common.h"
#include "tests/unit/task-common.h"
#include "train/data/landmark-crop.h"
#include "train/model/evaluate-faces.h"
#include "train/task/landmark-loss.h"

static const char recipe_text[] =
        "name = \"test\"; licence = \"none\"; task = \"landmarks\"; outputs = [\"points\", "
        "\"confidence_logit\"];\n"
        "input = { width = 24; height = 24; normalisation = \"contrast\"; };\n"
        "network = ( { type = \"conv\"; filters = 8; stride = 2; bias = false; },\n"
        "  { type = \"batchnorm\"; activation = \"relu\"; }, { type = \"conv\"; filters = 12; stride = 2; "
        "bias = false; },\n"
        "  { type = \"batchnorm\"; activation = \"relu\"; name = \"f\"; },\n"
        "  { type = \"fc\"; units = 136; gain = 0.1; rate = 0.1; name = \"points\"; },\n"
        "  { type = \"fc\"; from = \"f\"; units = 1; name = \"confidence_logit\"; } );\n"
        "landmarks = { crop = 1.4; tight = 0.5; negatives = 0.5; confidence_weight = 3.0; };\n"
        "training = { epochs = 40; batch = 12; average = 0.9; optimiser = { type = \"adam\"; rate = 0.005; "
        "};\n"
        "  augment = { shift = 0.1; scale = 0.1; rotate_deg = 20; flip = 0.5; noise = 2; }; };\n";

static void check_slope(const struct point_loss *loss, float value, float target)
{
        float g, up = value + 1e-3f, down = value - 1e-3f, unused;
        double a = point_loss(loss, &up, &target, 1, 3, 1, &unused),
               b = point_loss(loss, &down, &target, 1, 3, 1, &unused);

        point_loss(loss, &value, &target, 1, 3, 1, &g);
        assert_true(fabs((a - b) / ((double)up - (double)down) - (double)g) < 0.02 * (1 + fabs((double)g)));
}

static void test_losses(void **state)
{
        const struct point_loss wing = { POINT_LOSS_WING, 5, 2 }, l2 = { .kind = POINT_LOSS_L2 };
        const float values[] = { -4, -1.7f, -1.6f, -0.4f, 0.02f, 0.8f, 1.6f, 1.7f, 6 };
        float zero = 0, g;

        for (size_t i = 0; i < ARRAY_LEN(values); i++) {
                double slope, up, down;

                check_slope(&wing, values[i], 0);
                check_slope(&l2, values[i], 0.3f);
                for (int target = 0; target < 2; target++) {
                        double x = (double)values[i];

                        logit_loss(x, target, &slope);
                        up = logit_loss(x + 1e-4, target, &down);
                        up -= logit_loss(x - 1e-4, target, &down);
                        assert_true(fabs(up / 2e-4 - slope) < 1e-4);
                }
        }
        /* continuous where the logarithm ends, and exactly linear beyond */
        assert_true(fabs(point_loss(&wing, &(float){ 4.9999f }, &zero, 1, 1, 1, &g) -
                         point_loss(&wing, &(float){ 5.0001f }, &zero, 1, 1, 1, &g)) < 1e-3);
        assert_true(fabs(point_loss(&wing, &(float){ 9 }, &zero, 1, 1, 1, &g) -
                         point_loss(&wing, &(float){ 8 }, &zero, 1, 1, 1, &g) - 1) < 1e-5);
        double slope;
        assert_true(isfinite(logit_loss(1e4, 0, &slope)) && isfinite(logit_loss(-1e4, 1, &slope)));
}

static void test_shape(void **state)
{
        float points[LANDMARKS][2], other[LANDMARKS][2];

        for (unsigned i = 0; i < LANDMARKS; i++)
                assert_int_equal(landmark_mirror[landmark_mirror[i]], i);
        make_shape(50, 60, 40, points);
        /* this face is its own mirror image */
        for (unsigned i = 0; i < LANDMARKS; i++) {
                other[i][0] = 100 - points[landmark_mirror[i]][0];
                other[i][1] = points[landmark_mirror[i]][1];
        }
        assert_true(landmark_error((const float(*)[2])other, (const float(*)[2])points) < 0.01);
        struct landmark_box b = landmark_box((const float(*)[2])points);
        assert_true(fabs(b.x - 50) < 0.5 && b.height > 45 && b.height < 70 && b.width < b.height);
        for (unsigned i = 0; i < LANDMARKS; i++)
                other[i][0] = points[i][0] + 1;
        for (unsigned i = 0; i < LANDMARKS; i++)
                other[i][1] = points[i][1];
        assert_true(fabs(landmark_error((const float(*)[2])other, (const float(*)[2])points) *
                                 landmark_eye_distance((const float(*)[2])points) -
                         1) < 1e-3);
}

/* Points that lie right of their places do so in the mirror image, too. */
static void test_offset_mirror(void **state)
{
        const struct landmark_frame plain = { .scale = 1, .stretch = 1 },
                                    mirror = { .scale = 1, .stretch = 1, .mirror = true };
        static uint8_t px[200 * 180];
        struct landmark_face f = { .image = { px, 200, 180, 200 } };
        float there[LANDMARKS][2], here[LANDMARKS][2];

        make_shape(100, 90, 80, f.points); /* its own mirror image */
        double eyes = landmark_eye_distance((const float(*)[2])f.points);
        for (unsigned i = 0; i < LANDMARKS; i++)
                f.points[i][0] += 0.05f * (float)eyes;
        struct nn_affine a = landmark_crop_map(&f, &plain, 1.6, 96), b = landmark_crop_map(&f, &mirror, 1.6, 96);
        assert_int_equal(landmark_crop_points(&f, &a, false, 96, there), 0);
        landmark_offset_mirror(f.points, 0.05);
        assert_int_equal(landmark_crop_points(&f, &b, true, 96, here), 0);
        /* both crops are centred at the points, so at a place 0.05 right of the face's: in the mirror image
         * the face is as far to the right of the crop's middle as it is to the left in the picture */
        double shift = 2 * 0.05 * eyes / (96 * fabs(a.m[0]));
        for (unsigned i = 0; i < LANDMARKS; i++) {
                assert_true(fabs((double)(here[i][0] - there[i][0]) - shift) < 0.006);
                assert_true(fabs((double)(here[i][1] - there[i][1])) < 0.006);
        }
}

/* Wherever a face is put, its bright points are where the crop's targets say. */
static void test_framing(void **state)
{
        static uint8_t px[200 * 180];
        struct landmark_face f = { .image = { px, 200, 180, 200 } };
        float crop[96 * 96], points[LANDMARKS][2];
        struct rng rng;

        rng_seed(&rng, 3);
        make_shape(100, 90, 80, f.points);
        for (unsigned n = 0; n < 40; n++) {
                unsigned probe = (unsigned)rng_below(&rng, LANDMARKS), best = 0;
                const struct landmark_frame frame = { rng_range(&rng, -0.7, 0.7),   rng_range(&rng, -0.15, 0.15),
                                                      rng_range(&rng, -0.15, 0.15), rng_range(&rng, 0.85, 1.2),
                                                      rng_range(&rng, 0.9, 1.1),    n % 2 };

                memset(px, 0, sizeof(px));
                fill_disc(px, 200, 180, (double)f.points[probe][0], (double)f.points[probe][1], 2.5, 2.5, 255);
                struct nn_affine map = landmark_crop_map(&f, &frame, 1.6, 96);
                landmark_crop(&f, &map, 96, crop);
                assert_int_equal(landmark_crop_points(&f, &map, frame.mirror, 96, points), 0);
                for (unsigned i = 0; i < 96 * 96; i++)
                        best = crop[i] > crop[best] ? i : best;
                const float *p = points[frame.mirror ? landmark_mirror[probe] : probe];
                if (p[0] < 0.03f || p[0] > 0.97f || p[1] < 0.03f || p[1] > 0.97f)
                        continue;
                assert_true(fabs(best % 96 + 0.5 - 96 * (double)p[0]) < 3 &&
                            fabs(best / 96 + 0.5 - 96 * (double)p[1]) < 3);
        }
        /* the box moves to the right: the face goes to the left */
        const struct landmark_frame plain = { .scale = 1, .stretch = 1 },
                                    right = { .shift_x = 0.1, .scale = 1, .stretch = 1 };
        struct nn_affine a = landmark_crop_map(&f, &plain, 1.6, 96), b = landmark_crop_map(&f, &right, 1.6, 96);
        float first;
        landmark_crop_points(&f, &a, false, 96, points);
        first = points[30][0];
        landmark_crop_points(&f, &b, false, 96, points);
        assert_true(fabs((double)(first - points[30][0]) - 0.1 / 1.6) < 1e-3);
}

static const struct landmark_options as_they_are;

static void expect_bad(const char *dir, const char *row, int code, const char *word)
{
        struct landmark_set *set = NULL;
        struct dataset_error error = { "" };
        FILE *f = open_table(dir, "train.csv");

        write_landmark_header(f);
        fputs(row, f);
        fclose(f);
        assert_int_equal(landmark_set_load(dir, &as_they_are, &set, &error), code);
        if (!strstr(error.text, word))
                fail_msg("'%s' does not say '%s'", error.text, word);
}

static void test_reader(void **state)
{
        char dir[] = "/tmp/emotion-landmarks-XXXXXX", row[4096];
        const struct landmark_options small = { .side_px = 30 };
        struct landmark_set *set = NULL;
        struct dataset_error error = { "" };
        float points[LANDMARKS][2];
        size_t kept = 0;
        FILE *f;

        make_folder(dir);
        assert_int_equal(landmark_set_load(dir, &as_they_are, &set, &error), -ENOENT);
        make_landmark_folder(dir, 40);
        assert_int_equal(landmark_set_load(dir, &small, &set, &error), 0);
        assert_int_equal(set->n, 40);
        for (size_t i = 0; i < set->n; i++) {
                assert_true(fabs(landmark_box(set->faces[i].points).height - 30) < 1.5);
                kept += set->faces[i].kept;
        }
        assert_true(kept > 0 && kept < 12);
        landmark_set_free(set);

        expect_bad(dir, "", -EBADMSG, "no face");
        expect_bad(dir, "person1_01.png,90,96,1,2\n", -EBADMSG, ":2: 5 columns");
        make_shape(45, 45, 40, points);
        f = fmemopen(row, sizeof(row), "w");
        write_landmark_row(f, "nowhere.png", 90, 96, (const float(*)[2])points);
        fclose(f);
        expect_bad(dir, row, -ENOENT, "nowhere.png");
        f = fmemopen(row, sizeof(row), "w");
        write_landmark_row(f, "person1_01.png", 91, 96, (const float(*)[2])points);
        fclose(f);
        expect_bad(dir, row, -EBADMSG, "90 x 96");
        f = fmemopen(row, sizeof(row), "w");
        write_landmark_row(f, "../person1_01.png", 90, 96, (const float(*)[2])points);
        fclose(f);
        expect_bad(dir, row, -EBADMSG, "no name of a file");
        points[5][0] = NAN;
        f = fmemopen(row, sizeof(row), "w");
        write_landmark_row(f, "person1_01.png", 90, 96, (const float(*)[2])points);
        fclose(f);
        expect_bad(dir, row, -EBADMSG, "no number");
        f = open_table(dir, "train.csv");
        fputs("file,width\n", f);
        fclose(f);
        assert_int_equal(landmark_set_load(dir, &as_they_are, &set, &error), -EBADMSG);
        remove_folder(dir);
}

static void write_offsets(const char *path, unsigned lines, const char *first)
{
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        fprintf(f, "point,right,low\n%s\n", first);
        for (unsigned i = 1; i < lines; i++)
                fprintf(f, "%u,0.02,-0.01\n", i);
        assert_int_equal(fclose(f), 0);
}

static void expect_bad_offsets(const char *path, const char *dir, const char *word)
{
        const struct landmark_options options = { .offsets = path };
        struct landmark_set *set = NULL;
        struct dataset_error error = { "" };

        assert_int_equal(landmark_set_load(dir, &options, &set, &error), -EBADMSG);
        if (!strstr(error.text, word))
                fail_msg("'%s' does not say '%s'", error.text, word);
}

/* Two folders are one set; the offsets are of the first one's points alone. */
static void test_offsets(void **state)
{
        char dir[] = "/tmp/emotion-landmarks-XXXXXX", other[] = "/tmp/emotion-landmarks-XXXXXX", both[128], path[128];
        const struct landmark_options moved = { .offsets = path };
        struct landmark_set *plain = NULL, *set = NULL;
        struct dataset_error error = { "" };
        double unit;

        make_folder(dir);
        make_folder(other);
        make_landmark_folder(dir, 3);
        make_landmark_folder(other, 2);
        snprintf(both, sizeof(both), "%s:%s", dir, other);
        snprintf(path, sizeof(path), "%s/offsets.csv", dir);
        write_offsets(path, LANDMARKS, "0,0.1,0.05");
        assert_int_equal(landmark_set_load(both, &as_they_are, &plain, &error), 0);
        assert_int_equal(landmark_set_load(both, &moved, &set, &error), 0);
        assert_int_equal(set->n, 5);
        for (size_t i = 0; i < 5; i++) {
                const float(*a)[2] = (const float(*)[2])plain->faces[i].points, (*b)[2];

                b = (const float(*)[2])set->faces[i].points;
                unit = i < 3 ? landmark_eye_distance(a) : 0;
                assert_true(fabs((double)a[0][0] - (double)b[0][0] - 0.1 * unit) < 1e-3);
                assert_true(fabs((double)a[0][1] - (double)b[0][1] - 0.05 * unit) < 1e-3);
                assert_true(fabs((double)a[67][0] - (double)b[67][0] - 0.02 * unit) < 1e-3);
                assert_true(fabs((double)a[67][1] - (double)b[67][1] + 0.01 * unit) < 1e-3);
        }
        write_offsets(path, LANDMARKS - 1, "0,0,0");
        expect_bad_offsets(path, dir, "point 67 is missing");
        write_offsets(path, LANDMARKS, "1,0,0");
        expect_bad_offsets(path, dir, ":3: 1 is no point, or there twice");
        write_offsets(path, LANDMARKS, "0,0.3,0");
        expect_bad_offsets(path, dir, ":2:");
        write_offsets(path, LANDMARKS, "0,0");
        expect_bad_offsets(path, dir, "2 columns instead of 3");
        landmark_set_free(plain);
        landmark_set_free(set);
        remove_folder(dir);
        remove_folder(other);
}

static void test_run(void **state)
{
        char dir[] = "/tmp/emotion-landmarks-XXXXXX", scenes[] = "/tmp/emotion-scenes-XXXXXX", path[256];
        const struct evaluate_landmarks_options how = { .data = dir, .background = scenes, .threads = 1 };
        struct task_run run, same;
        struct evaluate_landmarks measured;
        struct classifier_error error = { "" };

        make_folder(dir);
        make_folder(scenes);
        make_landmark_folder(dir, 60);
        make_scene_folder(scenes, 12);
        task_run_start(&run, recipe_text, 1, dir, scenes);
        task_run_start(&same, recipe_text, 3, dir, scenes);
        task_run_check_gradient(&run);
        task_run_done(&run);

        task_run_start(&run, recipe_text, 1, dir, scenes);
        task_run_epochs(&run, 2);
        task_run_epochs(&same, 2);
        assert_memory_equal(run.net->w, same.net->w, run.net->n_floats * sizeof(float));
        task_run_done(&same);
        task_run_epochs(&run, 38);
        assert_true(run.trainer->history[39].train_loss < 0.5 * run.trainer->history[0].train_loss);
        assert_true(run.trainer->history[39].valid_loss < 0.1);
        assert_true(run.trainer->history[39].train_accuracy > 0.8);

        snprintf(path, sizeof(path), "%s/points.onnx", dir);
        task_run_compare(&run, path, 1);
        assert_int_equal(evaluate_kind(path, &error), EVALUATE_LANDMARKS);
        assert_int_equal(evaluate_landmarks(path, &how, &measured, &error), 0);
        /* the network of the last step is not the averaged one that the log speaks of */
        assert_true(measured.framings[0].n > 0 && measured.framings[0].mean < 0.15);
        assert_true(measured.n_background > 0);
        tool("\"mean_error\":", "eval %s --data %s --background %s --json", path, dir, scenes);
        tool("turned by 30 degrees", "eval %s --data %s", path, dir);
        tool("offsets.csv: No such file", "eval %s --data %s --offsets %s/offsets.csv", path, dir, dir);
        tool("no --svg", "eval %s --data %s --svg %s/x.svg", path, dir, dir);
        tool("No such file", "eval %s --data %s/nowhere", path, dir);
        tool("emotiond.crop = 1.4", "show %s", path);
        snprintf(path, sizeof(path), "--background %s", scenes);
        tool_trains(dir, recipe_text, path);
        task_run_check_resume(recipe_text, dir, scenes);
        task_run_done(&run);
        remove_folder(dir);
        remove_folder(scenes);
}

static void test_refusals(void **state)
{
        static const struct {
                const char *from, *to, *word;
        } changes[] = {
                { "units = 136", "units = 130", "outputs must be" },
                { "crop = 1.4", "crop = 9.0", "crop" },
                { "negatives", "negativs", "unknown key" },
                { "height = 24", "height = 28", "square" },
                { "batch =", "mixup = 0.2; batch =", "mixup: unknown key" },
                { "batch =", "teachers = [ \"a\" ]; batch =", "teachers: unknown key" },
                { "\"points\", \"confidence_logit\"", "\"points\", \"nothing\"", "nothing" },
        };

        for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
                struct recipe_error error = { "" };
                const char *at = strstr(recipe_text, changes[i].from);
                struct recipe *recipe = NULL;
                struct net *net = NULL;
                struct task task = { 0 };
                struct training_config config;
                char text[4096];
                int r;

                assert_non_null(at);
                snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - recipe_text), recipe_text, changes[i].to,
                         at + strlen(changes[i].from));
                assert_int_equal(recipe_load_string(text, "test", &recipe, &error), 0);
                r = training_config_read(recipe, &config, &error);
                if (r >= 0)
                        r = net_new(recipe, 1, &net, &error);
                if (r >= 0)
                        r = task_choose(recipe, &task.ops, &error);
                if (r >= 0)
                        r = task.ops->configure(&task, recipe, &config, net, &error);
                if (r >= 0)
                        r = recipe_check_unknown(recipe, &error);
                assert_int_equal(r, -EINVAL);
                if (!strstr(error.text, changes[i].word))
                        fail_msg("'%s' does not say '%s'", error.text, changes[i].word);
                task_done(&task);
                if (net)
                        net_free(net);
                recipe_free(recipe);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_losses),   cmocka_unit_test(test_shape),  cmocka_unit_test(test_offset_mirror),
                cmocka_unit_test(test_framing),  cmocka_unit_test(test_reader), cmocka_unit_test(test_offsets),
                cmocka_unit_test(test_refusals), cmocka_unit_test(test_run),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
