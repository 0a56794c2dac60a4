/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Detectors: losses and their gradients, which cells answer, decoding, figures, made pictures, a run, and its
 * file. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/faces-common.h"
#include "tests/unit/task-common.h"
#include "train/model/detect-score.h"
#include "train/model/evaluate-faces.h"
#include "train/task/detect-loss.h"
#include "train/task/detect-target.h"
#include "train/task/occlude.h"

static const char recipe_text[] =
        "name = \"test\"; task = \"detect\"; outputs = [\"cls_8_logit\", \"cls_16_logit\", \"cls_32_logit\", "
        "\"bbox_8\",\n"
        "  \"bbox_16\", \"bbox_32\", \"kps_8\", \"kps_16\", \"kps_32\"];\n"
        "input = { width = 64; height = 64; normalisation = \"signed\"; };\n"
        "network = ( { type = \"conv\"; filters = 8; stride = 4; kernel = 5; bias = false; },\n"
        "  { type = \"batchnorm\"; activation = \"relu\"; }, { type = \"conv\"; filters = 16; stride = 2; "
        "bias = false; },\n"
        "  { type = \"batchnorm\"; activation = \"relu\"; name = \"a\"; },\n"
        "  { type = \"conv\"; filters = 16; stride = 2; bias = false; }, { type = \"batchnorm\"; activation "
        "= \"relu\"; name = \"b\"; },\n"
        "  { type = \"conv\"; filters = 16; stride = 2; bias = false; }, { type = \"batchnorm\"; activation "
        "= \"relu\"; name = \"c\"; },\n"
        "  { type = \"upsample\"; }, { type = \"add\"; with = \"b\"; name = \"d\"; }, { type = \"upsample\"; "
        "},\n"
        "  { type = \"add\"; with = \"a\"; name = \"e\"; },\n"
        "  { type = \"conv\"; from = \"e\"; filters = 1; kernel = 1; name = \"cls_8_logit\"; },\n"
        "  { type = \"conv\"; from = \"e\"; filters = 4; kernel = 1; name = \"bbox_8\"; },\n"
        "  { type = \"conv\"; from = \"e\"; filters = 10; kernel = 1; name = \"kps_8\"; },\n"
        "  { type = \"conv\"; from = \"d\"; filters = 1; kernel = 1; name = \"cls_16_logit\"; },\n"
        "  { type = \"conv\"; from = \"d\"; filters = 4; kernel = 1; name = \"bbox_16\"; },\n"
        "  { type = \"conv\"; from = \"d\"; filters = 10; kernel = 1; name = \"kps_16\"; },\n"
        "  { type = \"conv\"; from = \"c\"; filters = 1; kernel = 1; name = \"cls_32_logit\"; },\n"
        "  { type = \"conv\"; from = \"c\"; filters = 4; kernel = 1; name = \"bbox_32\"; },\n"
        "  { type = \"conv\"; from = \"c\"; filters = 10; kernel = 1; name = \"kps_32\"; } );\n"
        "detect = { samples = 48; min_px = 14.0; max_px = 50.0; box_weight = 1.5; guessed_weight = 0.2; occlude = 0.05;\n"
        "  phantom_looks = 12; sources = ( { prefix = \"scene1\"; weight = 1.5; } ); };\n"
        "training = { epochs = 24; batch = 8; average = 0.9; optimiser = { type = \"adam\"; rate = 0.01; };\n"
        "  augment = { rotate_deg = 10; flip = 0.5; noise = 2; contrast = 0.2; }; };\n";

static void test_losses(void **state)
{
        const double target[4] = { 0.4, 0.7, 2.5, 3.1 };
        struct rng rng;

        rng_seed(&rng, 8);
        for (unsigned n = 0; n < 300; n++) {
                double v[4], g[4], unused[4], scale = n % 3 ? 1 : 5;
                double logit = rng_range(&rng, -9, 9), slope, up, down;
                int is_face = n % 2;

                for (unsigned i = 0; i < 4; i++)
                        v[i] = rng_range(&rng, -1.5, 1.5) * (i < 2 ? scale : 1);
                assert_true(box_loss(v, target, g) >= 0 && box_loss(v, target, g) <= 2);
                for (unsigned i = 0; i < 4; i++) {
                        double old = v[i], difference;

                        v[i] = old + 1e-5;
                        difference = box_loss(v, target, unused);
                        v[i] = old - 1e-5;
                        difference = (difference - box_loss(v, target, unused)) / 2e-5;
                        v[i] = old;
                        assert_true(fabs(difference - g[i]) < 1e-4);
                }
                focal_loss(logit, is_face, 0.3, 1.5, &slope);
                up = focal_loss(logit + 1e-5, is_face, 0.3, 1.5, &down);
                up -= focal_loss(logit - 1e-5, is_face, 0.3, 1.5, &down);
                assert_true(fabs(up / 2e-5 - slope) < 1e-5);
                up = smooth_l1(logit / 3 + 1e-5, &down) - smooth_l1(logit / 3 - 1e-5, &down);
                smooth_l1(logit / 3, &slope);
                assert_true(fabs(up / 2e-5 - slope) < 1e-4);
        }
        double g[4], exact[4] = { 0.4, 0.7, log(2.5), log(3.1) };
        assert_true(fabs(box_loss(exact, target, g)) < 1e-9);
        /* gamma 0 and alpha a half: half of the plain cross-entropy */
        assert_true(fabs(focal_loss(0, 1, 0.5, 0, g) - log(2) / 2) < 1e-12);
        assert_true(isfinite(focal_loss(500, 0, 0.5, 2, g)) && isfinite(focal_loss(-500, 1, 0.5, 2, g)));
}

static unsigned count(const unsigned char *cells, unsigned n, unsigned char value)
{
        unsigned c = 0;

        for (unsigned i = 0; i < n; i++)
                c += cells[i] == value;
        return c;
}

static void test_cells(void **state)
{
        struct detect_truth t = { .n = 2 };
        unsigned char cells[64 * 64];

        /* 12 pixels about (100, 60): the finest level's one cell */
        t.faces[0].face = (struct scene_face){ .x = 94, .y = 54, .w = 12, .h = 12 };
        /* 160 pixels about (330, 200) */
        t.faces[1].face = (struct scene_face){ .x = 250, .y = 120, .w = 160, .h = 160 };
        detect_assign(&t, 8, 64, 64, cells);
        assert_int_equal(count(cells, 64 * 64, DETECT_FACE), 1);
        assert_int_equal(cells[7 * 64 + 12], DETECT_FACE);
        assert_int_equal(count(cells, 64 * 64, DETECT_FACE + 1), 0);
        detect_assign(&t, 16, 32, 32, cells);
        assert_int_equal(count(cells, 32 * 32, DETECT_FACE + 1), 0);
        detect_assign(&t, 32, 16, 16, cells);
        assert_int_equal(count(cells, 16 * 16, DETECT_FACE), 0);
        assert_in_range(count(cells, 16 * 16, DETECT_FACE + 1), 4, 9);
        assert_true(count(cells, 16 * 16, DETECT_IGNORED) > 4);
        assert_int_equal(cells[6 * 16 + 10], DETECT_FACE + 1);
        /* between two levels: both */
        t.faces[1].face = (struct scene_face){ .x = 250, .y = 120, .w = 35, .h = 35 };
        detect_assign(&t, 8, 64, 64, cells);
        assert_true(count(cells, 64 * 64, DETECT_FACE + 1) > 0);
        detect_assign(&t, 16, 32, 32, cells);
        assert_true(count(cells, 32 * 32, DETECT_FACE + 1) > 0);
        /* a small face before a large one has its own cell; what is ignored has none */
        t.faces[0].face = (struct scene_face){ .x = 260, .y = 130, .w = 14, .h = 14 };
        detect_assign(&t, 8, 64, 64, cells);
        assert_int_equal(cells[(137 / 8) * 64 + 267 / 8], DETECT_FACE);
        t.faces[0].ignored = t.faces[1].ignored = true;
        detect_assign(&t, 8, 64, 64, cells);
        assert_true(count(cells, 64 * 64, DETECT_IGNORED) > 9);
        assert_int_equal(count(cells, 64 * 64, DETECT_NONE) + count(cells, 64 * 64, DETECT_IGNORED), 64 * 64);
}

/* Two faces, found at 0.9 and 0.6, a false one at 0.7, one face never found: AP by hand. */
static void test_figures(void **state)
{
        const struct scene_face faces[3] = { { .x = 0, .y = 0, .w = 10, .h = 10 },
                                             { .x = 50, .y = 0, .w = 10, .h = 10 },
                                             { .x = 90, .y = 0, .w = 10, .h = 10 } };
        struct detection list[] = { { .x = 1, .y = 0, .w = 10, .h = 10, .score = 0.9f },
                                    { .x = 20, .y = 40, .w = 10, .h = 10, .score = 0.7f },
                                    { .x = 50, .y = 1, .w = 10, .h = 10, .score = 0.6f },
                                    { .x = 50, .y = 1, .w = 10, .h = 9, .score = 0.5f } }; /* a second one: false */
        const struct detections d = { .n = 4, .list = list };
        struct detect_score s = { 0 };
        double threshold;
        size_t right, wrong;

        assert_int_equal(detect_score_add(&s, &d, faces, 3, 0.5), 0);
        assert_int_equal(detect_score_add(&s, &(struct detections){ 0 }, NULL, 0, 0.5), 0);
        detect_score_sort(&s);
        assert_int_equal(s.n_pictures, 2);
        assert_true(fabs(detect_score_average_precision(&s) - (1.0 + 2.0 / 3) / 3) < 1e-9);
        assert_true(fabs(detect_score_recall(&s, 0.1, &threshold) - 1.0 / 3) < 1e-9 && threshold > 0.8);
        assert_true(fabs(detect_score_recall(&s, 0.5, &threshold) - 2.0 / 3) < 1e-9);
        detect_score_at(&s, 0.55, &right, &wrong);
        assert_int_equal(right, 2);
        assert_int_equal(wrong, 1);
        detect_score_done(&s);
}

static void expect_bad(const char *dir, const char *table, int code, const char *word)
{
        const struct scene_options all = { 0 };
        struct scene_set *set = NULL;
        struct dataset_error error = { "" };
        FILE *f = open_table(dir, "boxes.csv");

        fputs(table, f);
        fclose(f);
        assert_int_equal(scene_set_load(dir, &all, &set, &error), code);
        if (!strstr(error.text, word))
                fail_msg("'%s' does not say '%s'", error.text, word);
}

static void test_reader(void **state)
{
        static const char stills[] =
                "file,width,height,faces,index,left,top,box_width,box_height,truth\n"
                "scene0.png,120,100,2,0,10,20,30,40,by-eye\nscene0.png,120,100,2,1,60,20,30,40,by-eye\n"
                "scene1.png,120,100,0,,,,,,none\n";
        struct scene_options options = { 0 };
        char dir[] = "/tmp/emotion-scenes-XXXXXX";
        struct scene_set *set = NULL;
        struct dataset_error error = { "" };
        size_t n[3];

        make_folder(dir);
        make_scene_folder(dir, 30);
        for (unsigned i = 0; i < 3; i++) {
                options.part = (enum scene_part)i;
                if (scene_set_load(dir, &options, &set, &error) < 0)
                        fail_msg("%s", error.text);
                n[i] = set->n;
                for (size_t k = 0; k < set->n; k++)
                        assert_true(i == SCENES_ALL || set->scenes[k].kept == (i == SCENES_KEPT));
                scene_set_free(set);
        }
        assert_int_equal(n[0], 60);
        assert_int_equal(n[1] + n[2], 60);
        assert_in_range(n[2], 1, 15);
        options = (struct scene_options){ .face_free = true };
        assert_int_equal(scene_set_load(dir, &options, &set, &error), 0);
        assert_int_equal(set->n, 30);
        assert_int_equal(set->scenes[0].hard + set->scenes[1].hard, 1);
        assert_int_equal(set->scenes[0].levels[1].width_px, 60);
        scene_set_free(set);

        FILE *f = open_table(dir, "boxes.csv");
        fputs(stills, f);
        fclose(f);
        options = (struct scene_options){ 0 };
        assert_int_equal(scene_set_load(dir, &options, &set, &error), 0);
        assert_int_equal(set->n, 2);
        assert_int_equal(set->scenes[0].n_faces, 2);
        assert_false(set->scenes[0].faces[0].has_points);
        assert_true(set->scenes[0].faces[1].x == 60 && set->scenes[0].faces[1].h == 40);
        assert_int_equal(set->scenes[1].n_faces, 0);
        scene_set_free(set);

        expect_bad(dir, "file,width,height\n", -EBADMSG, "no column");
        expect_bad(dir, "file,width,height,index,x,y,w,h\n", -EBADMSG, "no picture");
        expect_bad(dir, "file,width,height,index,x,y,w,h\nscene0.png,120,100,0,1,2,x,4\n", -EBADMSG, ":2: column 7");
        expect_bad(dir, "file,width,height,index,x,y,w,h\nscene0.png,120,100,0,1,2,0,4\n", -EBADMSG, "empty box");
        expect_bad(dir, "file,width,height,index,x,y,w,h\nscene0.png,120,10,0,1,2,3,4\n", -EBADMSG, "120 x 100");
        expect_bad(dir, "file,width,height,index,x,y,w,h\nnowhere.png,120,100,0,1,2,3,4\n", -ENOENT, "nowhere.png");
        expect_bad(dir, "file,width,height,index,x,y,w,h\n/etc/passwd,120,100,0,1,2,3,4\n", -EBADMSG, "no name");
        remove_folder(dir);
}

static size_t load_kept(const char *path, enum scene_part part, struct scene_set **ret)
{
        const struct scene_options options = { .part = part };
        struct dataset_error error = { "" };

        if (scene_set_load(path, &options, ret, &error) < 0)
                fail_msg("%s", error.text);
        return (*ret)->n;
}

/* Two folders are one set, a group that is half of all is not kept back or trained on as a whole, and the notes say whose
 * points are guesses. */
static void test_sources(void **state)
{
        char dir[] = "/tmp/emotion-scenes-XXXXXX", other[] = "/tmp/emotion-scenes-XXXXXX", both[80];
        struct scene_set *set = NULL;
        size_t n_kept = 0;

        make_folder(dir);
        make_folder(other);
        make_scene_folder(dir, 200);
        make_scene_folder(other, 20);
        FILE *f = open_table(dir, "sources.csv");
        fputs("file,group,note\n", f);
        for (unsigned i = 0; i < 400; i++)
                fprintf(f, "scene%u.png,%s%u,%s\n", i, i < 160 ? "large" : "own", i < 160 ? 0 : i,
                        i == 0   ? "hat+mask"
                        : i == 2 ? "sunglasses"
                        : i == 4 ? "maskless"
                                 : "");
        fclose(f);
        assert_int_equal(load_kept(dir, SCENES_ALL, &set), 400);
        for (size_t i = 0; i < set->n; i++) {
                const char *file = set->scenes[i].file;

                assert_int_equal(set->scenes[i].covered, !strcmp(file, "scene0.png") || !strcmp(file, "scene2.png"));
                n_kept += atoi(file + 5) < 160 && set->scenes[i].kept;
        }
        assert_int_equal(n_kept % 40, 0); /* four runs of forty */
        assert_true(n_kept < 160);
        scene_set_free(set);
        snprintf(both, sizeof(both), "%s:%s", dir, other);
        assert_int_equal(load_kept(both, SCENES_ALL, &set), 440);
        scene_set_free(set);
        /* the last picture of one and the first of the other have one name */
        snprintf(both, sizeof(both), "%s:%s", other, other);
        assert_int_equal(load_kept(both, SCENES_ALL, &set), 80);
        scene_set_free(set);
        remove_folder(dir);
        remove_folder(other);
}

/* Things are drawn before faces and nowhere else; sources without weight are not drawn from. */
static void test_occluders_and_weights(void **state)
{
        const struct detect_source none[] = { { "scene", 0 } }, some[] = { { "scene1", 3 }, { "scene", 1 } };
        const struct augment_config plain = { 0 };
        const struct scene_options all = { 0 };
        char dir[] = "/tmp/emotion-scenes-XXXXXX";
        static float x[160 * 128], y[160 * 128], scratch[160 * 128];
        struct detect_sampler sampler;
        struct scene_set *set = NULL;
        unsigned n_faces = 0, n_changed = 0;

        make_folder(dir);
        make_scene_folder(dir, 20);
        assert_int_equal(scene_set_load(dir, &all, &set, NULL), 0);
        assert_int_equal(detect_sampler_init(&sampler, set, none, 1), -EINVAL);
        detect_sampler_done(&sampler);
        assert_int_equal(detect_sampler_init(&sampler, set, some, 2), 0);
        sampler.augment = &plain;
        sampler.min_px = 30;
        sampler.max_px = 60;
        for (unsigned n = 0; n < 60; n++) {
                struct scene_face f = { .x = 40,
                                        .y = 30,
                                        .w = 60,
                                        .h = 80,
                                        .has_points = n % 2,
                                        .points = { { 57, 62 }, { 83, 62 }, { 70, 76 }, { 60, 92 }, { 80, 92 } } };
                struct rng rng;

                rng_seed_stream(&rng, 3, 4, n);
                for (unsigned i = 0; i < 160 * 128; i++)
                        x[i] = y[i] = 200;
                occlude_face(&f, &rng, 160, 128, y);
                n_faces += n % 2;
                n_changed += memcmp(x, y, sizeof(x)) != 0;
                assert_true(n % 2 || memcmp(x, y, sizeof(x)) == 0);
                for (unsigned i = 0; i < 160 * 128; i++)
                        assert_in_range(y[i], 0, 255);
                /* a face's width beside it nothing is */
                for (unsigned i = 0; i < 128; i++)
                        assert_true(y[i * 160 + 159] >= 200 && y[i * 160 + 159] <= 200);
        }
        assert_int_equal(n_changed, n_faces);
        /* the same picture but for what is drawn */
        for (unsigned n = 0, differ = 0; n < 20; n++) {
                struct detect_truth t, u;
                struct rng a, b;

                rng_seed_stream(&a, 1, 2, n);
                rng_seed_stream(&b, 1, 2, n);
                sampler.occlude = 0;
                detect_sample(&sampler, &a, 160, 128, x, scratch, &t);
                sampler.occlude = 1;
                detect_sample(&sampler, &b, 160, 128, y, scratch, &u);
                differ += memcmp(x, y, sizeof(x)) != 0;
                assert_true(n < 19 || differ > 10);
        }
        detect_sampler_done(&sampler);
        scene_set_free(set);
        remove_folder(dir);
}

/* In a made picture the boxes lie on faces, and the eyes' points on dark spots of them. */
static void test_samples(void **state)
{
        const struct augment_config plain = { .rotate_deg = 25, .flip = 0.5, .stretch = 0.1 };
        const struct scene_options all = { 0 };
        char dir[] = "/tmp/emotion-scenes-XXXXXX";
        static float x[160 * 128], scratch[160 * 128];
        struct scene_set *set = NULL;
        struct detect_sampler sampler;
        unsigned n_faces = 0, n_bright = 0, n_dark = 0, n_eyes = 0, n_empty = 0;

        make_folder(dir);
        make_scene_folder(dir, 20);
        assert_int_equal(scene_set_load(dir, &all, &set, NULL), 0);
        assert_int_equal(detect_sampler_init(&sampler, set, NULL, 0), 0);
        sampler.augment = &plain;
        sampler.min_px = 20;
        sampler.max_px = 90;
        for (unsigned n = 0; n < 120; n++) {
                struct detect_truth t;
                struct rng rng;

                rng_seed_stream(&rng, 1, 2, n);
                detect_sample(&sampler, &rng, 160, 128, x, scratch, &t);
                n_empty += !t.n;
                for (unsigned i = 0; i < t.n; i++) {
                        const struct scene_face *f = &t.faces[i].face;
                        double cx = (double)(f->x + f->w / 2), cy = (double)(f->y + f->h * 0.53f);

                        if (t.faces[i].ignored || !(cx >= 0 && cy >= 0 && cx < 160 && cy < 128))
                                continue;
                        n_faces++;
                        n_bright += x[(unsigned)cy * 160 + (unsigned)cx] > 150;
                        for (unsigned k = 0; k < 2; k++) {
                                const float *p = f->points[k];

                                if (!(p[0] >= 0 && p[1] >= 0 && p[0] < 160 && p[1] < 128))
                                        continue;
                                n_eyes++;
                                n_dark += x[(unsigned)p[1] * 160 + (unsigned)p[0]] < 110;
                                /* left and right keep their names in mirror images */
                                assert_true(k == 0 || p[0] > f->points[0][0]);
                        }
                }
        }
        assert_true(n_faces > 80 && n_empty > 2);
        assert_true(n_bright > 0.9 * n_faces);
        assert_true(n_dark > 0.85 * n_eyes);
        detect_sampler_done(&sampler);
        scene_set_free(set);
        remove_folder(dir);
}

static void test_run(void **state)
{
        const struct evaluate_detector_options options = {
                .part = SCENES_ALL, .side_px = 64, .iou = 0.5, .threads = 1
        };
        char dir[] = "/tmp/emotion-scenes-XXXXXX", path[256];
        struct task_run run, same;
        struct detect_score score;
        struct classifier_error error = { "" };

        make_folder(dir);
        make_scene_folder(dir, 40);
        task_run_start(&run, recipe_text, 1, dir, NULL);
        task_run_check_gradient(&run);
        task_run_done(&run);

        task_run_start(&run, recipe_text, 1, dir, NULL);
        task_run_start(&same, recipe_text, 3, dir, NULL);
        task_run_epochs(&run, 2);
        task_run_epochs(&same, 2);
        assert_memory_equal(run.net->w, same.net->w, run.net->n_floats * sizeof(float));
        task_run_done(&same);
        task_run_epochs(&run, 22);
        assert_true(run.trainer->history[23].train_loss < 0.5 * run.trainer->history[0].train_loss);
        trainer_swap(run.trainer);
        snprintf(path, sizeof(path), "%s/detect.onnx", dir);
        task_run_compare(&run, path, 1);
        assert_int_equal(evaluate_kind(path, &error), EVALUATE_DETECTOR);
        if (evaluate_detector(path, dir, &options, &score, &error) < 0)
                fail_msg("%s", error.text);
        print_message("# average precision %g, valid %g\n", detect_score_average_precision(&score),
                      run.trainer->history[23].valid_accuracy);
        assert_int_equal(score.n_pictures, 80);
        assert_int_equal(score.n_faces, 40);
        assert_true(detect_score_average_precision(&score) > 0.5);
        detect_score_done(&score);
        tool("\"average_precision\":", "eval %s --data %s --json --side 64", path, dir);
        tool("false ones a picture",
             "eval %s --data %s --part kept --svg %s/curve.svg --side 64 && grep -c polyline %s/curve.svg", path, dir,
             dir, dir);
        tool("multiple of 32", "eval %s --data %s --side 65", path, dir);
        tool("is not all, training or kept", "eval %s --data %s --part some", path, dir);
        tool("1x1x64x64", "show %s", path);
        tool("detect.onnx", "bench --seconds 0.01 %s", path);
        tool_trains(dir, recipe_text, "");
        task_run_check_resume(recipe_text, dir, NULL);
        trainer_swap(run.trainer);
        task_run_done(&run);
        remove_folder(dir);
}

static void test_refusals(void **state)
{
        struct recipe_error error = { "" };
        struct task_run run;
        char text[sizeof(recipe_text)];

        strcpy(text, recipe_text);
        *strstr(text, "4; kernel = 1; name = \"bbox_16") = '5';
        assert_int_equal(task_run_configure(&run, text, 1, &error), -EINVAL);
        assert_non_null(strstr(error.text, "bbox_16 with 4"));
        task_run_done(&run);
        strcpy(text, recipe_text);
        memcpy(strstr(text, "samples"), "sample_", 7);
        assert_int_equal(task_run_configure(&run, text, 1, &error), -EINVAL);
        task_run_done(&run);
        strcpy(text, recipe_text);
        memcpy(strstr(text, "prefix"), "pre_ix", 6);
        assert_int_equal(task_run_configure(&run, text, 1, &error), -EINVAL);
        assert_non_null(strstr(error.text, "a source needs a prefix"));
        task_run_done(&run);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_losses),   cmocka_unit_test(test_cells),
                cmocka_unit_test(test_figures),  cmocka_unit_test(test_reader),
                cmocka_unit_test(test_samples),  cmocka_unit_test(test_run),
                cmocka_unit_test(test_sources),  cmocka_unit_test(test_occluders_and_weights),
                cmocka_unit_test(test_refusals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
