/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Learning from other networks: teachers in the loss, and weights to begin from. */
#undef NDEBUG
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "basic/macro.h"
#include "nn/emotion-nn.h"
#include "tests/unit/trainer-run.h"
#include "train/model/export.h"
#include "train/net/loss.h"
#include "train/run/start.h"

#define NETWORK                                                                                                          \
        "network = ( { type = \"conv\"; filters = 8; bias = false; }, { type = \"batchnorm\"; activation = \"relu\"; }," \
        "  { type = \"maxpool\"; }, { type = \"conv\"; filters = 12; stride = 2; }, { type = \"batchnorm\"; },"          \
        "  { type = \"prelu\"; }, { type = \"batchnorm\"; }, { type = \"globalavgpool\"; }, { type = \"fc\"; units = 3; } );"

static char folder[] = "/tmp/emotion-distill-XXXXXX";
static char first[128], second[128], checkpoint[128];

static const char teacher_text[] =
        "input = { width = 12; height = 12; normalisation = \"contrast\"; };" NETWORK
        "training = { epochs = 20; batch = 16; average = 0.9; optimiser = { type = \"sgd\"; rate = 0.05; }; };";
/* another size and normalisation */
static const char large_text[] =
        "input = { width = 17; height = 16; normalisation = \"unit\"; };" NETWORK
        "training = { epochs = 6; batch = 16; optimiser = { type = \"sgd\"; rate = 0.05; }; };";

/* @name: in the folder, for the recipe; its path is kept for direct use */
static void make_teacher(const char *text, unsigned epochs, const char *labels, const char *path)
{
        const struct export_info info = { .name = "teacher", .labels = labels };
        struct run *run = run_new(text, 1);

        train(run, epochs);
        if (epochs == 20)
                assert_int_equal(trainer_save(run->trainer, checkpoint), 0);
        trainer_swap(run->trainer);
        assert_int_equal(export_net(run->net, &info, path), 0);
        run_free(run);
}

static int set_up(void **state)
{
        if (!mkdtemp(folder))
                return -1;
        snprintf(first, sizeof(first), "%s/first.onnx", folder);
        snprintf(second, sizeof(second), "%s/second.onnx", folder);
        snprintf(checkpoint, sizeof(checkpoint), "%s/checkpoint", folder);
        make_teacher(teacher_text, 20, "a,b,c", first);
        make_teacher(large_text, 6, "c,other,a", second); /* its second output is no class of the set */
        return 0;
}

static int tear_down(void **state)
{
        unlink(first);
        unlink(second);
        unlink(checkpoint);
        return rmdir(folder);
}

static void test_loss(void **state)
{
        const float logits[] = { 1, 2, 0.5f, -1, 3, 1e4f }, target[] = { 0.2f, 0.7f, 0.1f, 0, 0.3f, 0.5f };
        float gradient[6] = { 0.25f }, moved[6], ignored[6] = { 0 }, p[3], soft[3];
        double up, down;

        loss_softened(logits, target, 2, 3, 3, gradient);
        for (unsigned i = 0; i < 3; i++) {
                memcpy(moved, logits, sizeof(moved));
                moved[i] += 0.01f;
                up = loss_softened(moved, target, 2, 3, 3, ignored);
                moved[i] -= 0.02f;
                down = loss_softened(moved, target, 2, 3, 3, ignored);
                assert_float_equal((up - down) / 0.02, gradient[i] - (i ? 0.f : 0.25f), 1e-3);
        }
        for (unsigned i = 3; i < 6; i++)
                assert_true(isfinite(gradient[i]));
        /* nothing to learn from what one already says */
        for (unsigned i = 0; i < 3; i++)
                soft[i] = logits[i] / 3;
        softmax(soft, 3, p);
        memset(gradient, 0, sizeof(gradient));
        loss_softened(logits, p, 1, 3, 3, gradient);
        for (unsigned i = 0; i < 3; i++)
                assert_float_equal(gradient[i], 0, 1e-6);
        /* at temperature 1 it is the cross-entropy */
        assert_float_equal(loss_softened(logits, target, 1, 3, 1, ignored),
                           loss_cross_entropy(logits, target, 1, 3, NULL), 1e-6);
}

#define STUDENT                                                           \
        "input = { width = 12; height = 12; normalisation = \"unit\"; };" \
        "network = ( { type = \"conv\"; filters = 6; stride = 2; }, { type = \"relu\"; }, { type = \"fc\"; units = 3; } );"

/* What the file behind @plan gives for a picture of @raw, softened by 2.5. */
static void ask(struct nn_plan *plan, const float *raw, bool mirror, float *ret)
{
        float *x = nn_plan_input(plan, 0)->data;
        const float *y;

        for (size_t i = 0; i < SIDE * SIDE; i++)
                x[i] = raw[mirror ? i / SIDE * SIDE + SIDE - 1 - i % SIDE : i];
        nn_normalise(NN_NORMALISE_CONTRAST, x, SIDE * SIDE);
        assert_int_equal(nn_plan_run(plan), 0);
        y = nn_plan_output(plan, 0)->data;
        for (size_t k = 0; k < 3; k++)
                ret[k] = logf(y[k]) / 2.5f;
        softmax(ret, 3, ret);
}

/* What one teacher says is what its file gives for the picture that the student sees, normalised as its metadata
 * says, at the temperature; with its mirror image, if wanted. */
static void check_teacher(bool mirror)
{
        char text[1024];
        struct run *run;
        struct nn_model *model = NULL;
        struct nn_plan *plan = NULL;
        struct distill *d;
        double apart = 0;
        float *raw, *said;

        snprintf(text, sizeof(text),
                 STUDENT
                 "training = { batch = 20; teachers = [ \"%s\" ]; distill = { temperature = 2.5; mirror = %s; }; };",
                 first, mirror ? "true" : "false");
        run = run_new(text, 2);
        d = run->classify->distill;
        for (size_t i = 0; i < 20u * SIDE * SIDE; i++)
                net_input(run->net)[i] = run->pixels[i];
        raw = net_input(run->net);
        said = distill_run(d, run->net, 20);
        assert_int_equal(nn_model_load(first, &model, NULL), 0);
        assert_int_equal(nn_plan_new(model, NULL, &plan, NULL), 0);
        for (size_t i = 0; i < 20; i++) {
                float as_it_is[3], mirrored[3];

                ask(plan, raw + i * SIDE * SIDE, false, as_it_is);
                ask(plan, raw + i * SIDE * SIDE, true, mirrored);
                for (size_t k = 0; k < 3; k++) {
                        assert_float_equal(said[i * 3 + k], mirror ? (as_it_is[k] + mirrored[k]) / 2 : as_it_is[k],
                                           1e-5);
                        apart = MAX(apart, fabs((double)as_it_is[k] - (double)mirrored[k]));
                }
        }
        assert_true(apart > 1e-3); /* else the test would not tell */
        nn_plan_free(plan);
        nn_model_free(model);
        run_free(run);
}

static void test_teacher(void **state)
{
        check_teacher(false);
}

static void test_teacher_mirrored(void **state)
{
        check_teacher(true);
}

/* Taught by teachers alone, from labels that are all wrong, a network learns what the teachers know; for any number
 * of threads, and across a checkpoint. */
static void test_distillation(void **state)
{
        char text[1024], path[160];
        struct run *a, *b, *c;
        size_t correct = 0;

        snprintf(path, sizeof(path), "%s/student", folder);
        snprintf(text, sizeof(text),
                 STUDENT "training = { epochs = 30; batch = 20; teachers = [ \"%s\" ]; mixup = 0.2;"
                         "  augment = { shift = 0.05; }; distill = { share = 1.0; temperature = 2.0; }; };",
                 first);
        a = run_new(text, 1);
        b = run_new(text, 3);
        c = run_new(text, 1);
        for (size_t i = 0; i < ROWS; i++)
                a->classes[i] = b->classes[i] = c->classes[i] = (uint8_t)((a->classes[i] + 1) % 3);
        train(a, 30);
        train(b, 2);
        assert_int_equal(trainer_step(b->trainer), 0);
        assert_int_equal(trainer_save(b->trainer, path), 0);
        assert_int_equal(trainer_load(c->trainer, path), 0);
        train(c, 30);
        assert_same(a, c);
        unlink(path);
        trainer_show(a->trainer, 0);
        for (size_t i = 0; i < 20; i++) {
                const float *y = net_output(a->net) + i * 3;
                size_t truth = (size_t)(a->classes[a->trainer->order[i]] + 2) % 3;

                correct += y[truth] >= MAX(MAX(y[0], y[1]), y[2]);
        }
        assert_true(correct >= 18);
        run_free(a);
        run_free(b);
        run_free(c);
}

/* The share of the labels stays with them, and the row's weight is kept. */
static void test_share(void **state)
{
        char text[1024];
        struct run *run;

        snprintf(text, sizeof(text),
                 STUDENT "training = { batch = 20; teachers = [ \"%s\", \"%s\" ]; distill = { share = 0.3; }; };",
                 first, first);
        run = run_new(text, 2);
        assert_int_equal(trainer_step(run->trainer), 0);
        for (size_t i = 0; i < 20; i++) {
                const float *t = run->classify->target + i * 3;

                assert_float_equal(t[0] + t[1] + t[2], 0.7, 1e-5);
        }
        run_free(run);
}

static void refuse_teacher(const char *path, const char *part)
{
        struct recipe_error error = { "" };
        char text[1024];
        struct run *run;

        snprintf(text, sizeof(text), STUDENT "training = { batch = 20; teachers = [ \"%s\", \"%s\" ]; };", first, path);
        assert_true(run_try(text, 2, &run, &error) < 0);
        assert_null(run->classify->distill);
        assert_non_null(strstr(error.text, path));
        assert_non_null(strstr(error.text, part));
        run_free(run);
}

static void test_refused_teachers(void **state)
{
        char text[1024];
        struct run *run;
        char *path;

        refuse_teacher("/nonexistent/teacher.onnx", "No such file");
        refuse_teacher(checkpoint, "");
        refuse_teacher(second, "every class");
        /* relative to the recipe */
        path = recipe_resolve("some/where/recipe.conf", "a.onnx");
        assert_string_equal(path, "some/where/a.onnx");
        free(path);
        path = recipe_resolve("recipe.conf", "a.onnx");
        assert_string_equal(path, "a.onnx");
        free(path);
        path = recipe_resolve("where/recipe.conf", "/a.onnx");
        assert_string_equal(path, "/a.onnx");
        free(path);
        snprintf(text, sizeof(text), STUDENT "training = { batch = 20; teachers = [ ]; };");
        run = run_new(text, 1);
        assert_int_equal(run->classify->config.distill.n_teachers, 0);
        run_free(run);
}

static double first_loss(struct run *run)
{
        assert_int_equal(trainer_step(run->trainer), 0);
        return run->trainer->loss_sum;
}

/* The same function as the other run's, and statistics with which training goes on from there. */
static void start(const char *path, const char *text, bool same_size, double limit)
{
        struct run *from = run_new(teacher_text, 1), *to = run_new(text, 2);
        struct recipe_error error = { "" };
        double loss;

        assert_int_equal(trainer_load(from->trainer, checkpoint), 0);
        trainer_swap(from->trainer);
        if (trainer_start(to->trainer, path, &error) < 0)
                fail_msg("%s", error.text);
        if (to->trainer->average)
                assert_memory_equal(to->net->w, to->trainer->average, to->net->n_floats * sizeof(float));
        if (same_size) {
                struct metrics m;
                float want[ROWS * 3], got[ROWS * 3];

                classify_measure(&from->task, &from->data, &m, want);
                classify_measure(&to->task, &to->data, &m, got);
                for (size_t i = 0; i < ROWS * 3; i++)
                        assert_true(fabsf(want[i] - got[i]) < 1e-3f * (1 + fabsf(want[i])));
        }
        loss = first_loss(to);
        assert_true(loss < limit);
        run_free(from);
        run_free(to);
}

static void test_start(void **state)
{
        struct run *fresh = run_new(teacher_text, 1);
        static const char larger[] = "input = { width = 16; height = 16; normalisation = \"contrast\"; };" NETWORK
                                     "training = { batch = 16; };",
                          with_head[] = "input = { width = 12; height = 12; normalisation = \"contrast\"; };" NETWORK
                                        "training = { batch = 16; votes_task = 0.01; };";

        assert_true(first_loss(fresh) > 0.7);
        run_free(fresh);
        start(checkpoint, teacher_text, true, 0.05);
        start(checkpoint, larger, false, 0.6);
        start(checkpoint, with_head, true, 0.05);
        start(first, teacher_text, true, 0.05);
        start(first, larger, false, 0.6);
}

static void refuse_start(const char *path, const char *text, const char *part)
{
        struct recipe_error error = { "" };
        struct run *run = run_new(text, 1);

        assert_true(trainer_start(run->trainer, path, &error) < 0);
        assert_non_null(strstr(error.text, path));
        assert_non_null(strstr(error.text, part));
        run_free(run);
}

static void test_refused_starts(void **state)
{
        static const char
                plain[] = "input = { width = 12; height = 12; }; network = ( { type = \"fc\"; units = 3; } );"
                          "training = { batch = 16; };",
                wide[] = "input = { width = 12; height = 12; };"
                         "network = ( { type = \"conv\"; filters = 9; bias = false; }, { type = \"batchnorm\"; },"
                         " { type = \"fc\"; units = 3; } ); training = { batch = 16; };";
        struct stat st;

        refuse_start("/nonexistent", plain, "No such file");
        refuse_start(checkpoint, plain, "another network");
        refuse_start(first, plain, "it has no fc1.weight");
        refuse_start(first, wide, "conv1.weight has not 81");
        assert_int_equal(stat(checkpoint, &st), 0);
        assert_int_equal(truncate(checkpoint, st.st_size / 3), 0);
        refuse_start(checkpoint, teacher_text, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_loss),
                cmocka_unit_test(test_teacher),
                cmocka_unit_test(test_teacher_mirrored),
                cmocka_unit_test(test_share),
                cmocka_unit_test(test_distillation),
                cmocka_unit_test(test_refused_teachers),
                cmocka_unit_test(test_start),
                cmocka_unit_test(test_refused_starts),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
