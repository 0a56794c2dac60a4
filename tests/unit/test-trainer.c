/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A run is the same for any number of threads and across a checkpoint, and it learns. */
#undef NDEBUG
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cblas.h>
#include <cmocka.h>

#include "basic/macro.h"
#include "tests/unit/trainer-run.h"
#include "train/net/loss.h"
#include "train/run/progress.h"
#include "train/run/trainer.h"

static const char recipe_text[] =
        "name = \"test\"; input = { width = 12; height = 12; normalisation = \"contrast\"; };\n"
        "network = ( { type = \"conv\"; filters = 8; bias = false; }, { type = \"batchnorm\"; activation = \"relu\"; },\n"
        "  { type = \"maxpool\"; }, { type = \"conv\"; filters = 12; stride = 2; }, { type = \"relu\"; },\n"
        "  { type = \"dropout\"; rate = 0.1; }, { type = \"fc\"; units = 3; } );\n"
        "training = { epochs = 4; batch = 16; average = 0.9; label_smoothing = 0.1; votes = 0.3;\n"
        "  optimiser = { type = \"sgd\"; rate = 0.05; nesterov = true; weight_decay = 0.001; };\n"
        "  schedule = { type = \"cosine\"; warmup_epochs = 1; };\n"
        "  augment = { shift = 0.1; flip = 0.5; noise = 3; cutout = 0.3; cutout_size = 0.2; }; };\n";

static void test_learns(void **state)
{
        struct run *run = run_new(recipe_text, 1);

        train(run, 4);
        assert_true(run->trainer->history[3].train_loss < run->trainer->history[0].train_loss);
        assert_true(run->trainer->history[3].valid_accuracy > 0.9);
        assert_true(run->trainer->best_accuracy >= run->trainer->history[3].valid_accuracy);
        run_free(run);
}

static void test_threads(void **state)
{
        struct run *a = run_new(recipe_text, 1), *b = run_new(recipe_text, 3);

        train(a, 2);
        train(b, 2);
        assert_same(a, b);
        run_free(a);
        run_free(b);
}

static void assert_near_floats(const float *a, const float *b, size_t n, float tolerance)
{
        for (size_t i = 0; i < n; i++)
                if (!(fabsf(a[i] - b[i]) <= tolerance))
                        fail_msg("%zu: %g and %g", i, (double)a[i], (double)b[i]);
}

/* Several pieces a part, the last ones smaller. */
static const char wide_text[] =
        "input = { width = 12; height = 12; normalisation = \"contrast\"; };\n"
        "network = ( { type = \"conv\"; filters = 8; }, { type = \"tanh\"; }, { type = \"fc\"; units = 610; rate = 0.5; },\n"
        "  { type = \"tanh\"; }, { type = \"fc\"; units = 3; bias = false; } );\n";

/* What is learned as the gradient comes, piece by piece, is what is learned from the whole gradient. */
static void in_pieces(const char *optimiser)
{
        char text[1024];
        struct run *pieces, *whole, *threads;

        snprintf(text, sizeof(text), "%straining = { epochs = 2; batch = 16; optimiser = { %s }; };", wide_text,
                 optimiser);
        pieces = run_new(text, 1);
        whole = run_new(text, 1);
        threads = run_new(text, 3);
        whole->net->learn = NULL;
        train(pieces, 1);
        train(whole, 1);
        train(threads, 1);
        assert_same(pieces, threads);
        assert_near_floats(pieces->net->w, whole->net->w, whole->net->n_floats, 2e-4f);
        assert_near_floats(pieces->trainer->velocity, whole->trainer->velocity, whole->net->n_floats, 2e-4f);
        for (size_t i = 0; i < whole->net->n_params; i++) {
                const struct net_param *p = &whole->net->params[i];

                assert_true(whole->net->g[p->at] != 0);
                assert_int_equal(pieces->net->g[p->at] != 0, !p->in_pieces);
        }
        run_free(pieces);
        run_free(whole);
        run_free(threads);
}

static void test_in_pieces(void **state)
{
        in_pieces("type = \"sgd\"; rate = 0.01; nesterov = true; weight_decay = 0.01;");
        in_pieces("type = \"adam\"; rate = 0.0005; weight_decay = 0.01;");
}

/* Saved after one epoch and two batches, loaded into a fresh run: the same as one that was never stopped. */
static void resume(const char *text)
{
        char path[] = "/tmp/emotion-checkpoint-XXXXXX";
        int fd = mkstemp(path);
        struct run *a = run_new(text, 1), *b = run_new(text, 2), *c = run_new(text, 1);

        assert_true(fd >= 0);
        close(fd);
        train(a, 3);
        train(b, 1);
        assert_int_equal(trainer_step(b->trainer), 0);
        assert_int_equal(trainer_step(b->trainer), 0);
        assert_int_equal(trainer_save(b->trainer, path), 0);
        assert_int_equal(trainer_load(c->trainer, path), 0);
        assert_int_equal(c->trainer->epoch, 1);
        assert_int_equal(c->trainer->batch, 2);
        train(c, 3);
        assert_same(a, c);
        unlink(path);
        run_free(a);
        run_free(b);
        run_free(c);
}

static void test_resume(void **state)
{
        resume(recipe_text);
        resume("input = { width = 12; height = 12; }; network = ( { type = \"fc\"; units = 3; } );"
               "training = { epochs = 3; batch = 20; mixup = 0.4; class_balance = 0.5; optimiser = { type = \"adam\"; rate = 0.01; }; };");
}

/* A checkpoint that is cut anywhere or belongs to another network is refused, and the run stays as it was. */
static void test_bad_checkpoint(void **state)
{
        char path[] = "/tmp/emotion-checkpoint-XXXXXX";
        int fd = mkstemp(path);
        struct run *a = run_new(recipe_text, 1), *b = run_new(recipe_text, 1);
        struct run *other = run_new("input = { width = 12; height = 12; }; network = ( { type = \"fc\"; units = 3; } );"
                                    "training = { epochs = 4; batch = 16; average = 0.9; };",
                                    1);
        struct stat st;

        assert_true(fd >= 0);
        close(fd);
        train(a, 1);
        assert_int_equal(trainer_save(a->trainer, path), 0);
        assert_int_equal(trainer_load(other->trainer, path), -ESTALE);
        b->trainer->identity = 1; /* the same sizes, another recipe or other rows */
        assert_int_equal(trainer_load(b->trainer, path), -ESTALE);
        b->trainer->identity = 0;
        assert_int_equal(stat(path, &st), 0);
        for (off_t size = st.st_size - 1; size >= 0; size -= 1 + st.st_size / 37) {
                assert_int_equal(truncate(path, size), 0);
                assert_int_equal(trainer_load(b->trainer, path), -EBADMSG);
                assert_int_equal(b->trainer->epoch, 0);
        }
        unlink(path);
        assert_int_equal(trainer_load(b->trainer, path), -ENOENT);
        train(b, 1);
        assert_same(a, b);
        /* no folder, no room: an error, nothing half written */
        assert_int_equal(trainer_save(a->trainer, "/nonexistent/checkpoint"), -ENOENT);
        if (access("/dev/full", W_OK) == 0)
                assert_true(trainer_save(a->trainer, "/proc/self/checkpoint") < 0);
        run_free(a);
        run_free(b);
        run_free(other);
}

static void test_divergence(void **state)
{
        struct run *run = run_new(recipe_text, 1);

        run->net->w[0] = NAN;
        assert_int_equal(trainer_step(run->trainer), -EDOM);
        run_free(run);
}

static void test_schedule(void **state)
{
        struct training_config c = { .epochs = 11, .rate = 1, .schedule = SCHEDULE_COSINE, .warmup_epochs = 1 };

        assert_true(schedule_rate(&c, 0) < 0.02);
        assert_float_equal(schedule_rate(&c, 1), 1, 1e-6);
        assert_float_equal(schedule_rate(&c, 6), 0.5, 1e-6);
        assert_float_equal(schedule_rate(&c, 11), 0, 1e-6);
        c.final = 0.2;
        assert_float_equal(schedule_rate(&c, 11), 0.2, 1e-6);
        c.schedule = SCHEDULE_LINEAR;
        assert_float_equal(schedule_rate(&c, 6), 0.6, 1e-6);
        c.schedule = SCHEDULE_STEP;
        c.factor = 0.5;
        c.step_epochs = 4;
        assert_float_equal(schedule_rate(&c, 3.9), 1, 1e-6);
        assert_float_equal(schedule_rate(&c, 8), 0.25, 1e-6);
        c.schedule = SCHEDULE_CONSTANT;
        assert_float_equal(schedule_rate(&c, 10), 1, 1e-6);
}

static void test_loss(void **state)
{
        const float logits[] = { 1, 2, 0.5f, -1, 3, 1e4f }, target[] = { 0.2f, 0.7f, 0.1f, 0, 0.5f, 0.5f };
        float gradient[6], moved[6], p[3];
        double up, down;

        loss_cross_entropy(logits, target, 2, 3, gradient);
        for (unsigned i = 0; i < 3; i++) {
                memcpy(moved, logits, sizeof(moved));
                moved[i] += 0.01f;
                up = loss_cross_entropy(moved, target, 2, 3, NULL);
                moved[i] -= 0.02f;
                down = loss_cross_entropy(moved, target, 2, 3, NULL);
                assert_float_equal((up - down) / 0.02, gradient[i], 1e-3);
        }
        for (unsigned i = 3; i < 6; i++)
                assert_true(isfinite(gradient[i]));
        softmax(logits, 3, p);
        assert_float_equal(p[0] + p[1] + p[2], 1, 1e-6);
}

/* Labels drawn from softmax(z); z * 3 then has temperature 3. */
static void test_temperature(void **state)
{
        enum { N = 4000 };
        static float logits[N * 3];
        static uint8_t labels[N];
        struct rng rng;

        rng_seed(&rng, 4);
        for (size_t i = 0; i < N; i++) {
                float p[3];
                double u = rng_uniform(&rng);

                for (size_t k = 0; k < 3; k++)
                        logits[i * 3 + k] = (float)rng_normal(&rng);
                softmax(logits + i * 3, 3, p);
                labels[i] = u < (double)p[0] ? 0 : u < (double)p[0] + (double)p[1] ? 1 : 2;
                for (size_t k = 0; k < 3; k++)
                        logits[i * 3 + k] *= 3;
        }
        assert_float_equal(calibration_temperature(logits, labels, N, 3), 3, 0.3);
}

/* Rows of a rarer class weigh more, and the mean weight is 1. */
static void test_class_balance(void **state)
{
        static const char text[] = "input = { width = 12; height = 12; }; network = ( { type = \"fc\"; units = 3; } );"
                                   "training = { batch = 70; class_balance = 1.0; };";
        struct run *run = run_new(text, 1);
        size_t count[3] = { 0 };
        double sum = 0;

        for (size_t i = 0; i < ROWS; i++)
                count[run->classes[i]]++;
        for (size_t k = 0; k < 3; k++) {
                assert_float_equal(run->classify->weights[k] * (double)count[k], ROWS / 3.0, 1e-6);
                sum += run->classify->weights[k] * (double)count[k];
        }
        assert_float_equal(sum, ROWS, 1e-6);
        assert_int_equal(trainer_step(run->trainer), 0);
        sum = 0;
        for (size_t i = 0; i < ROWS * 3; i++)
                sum += (double)run->classify->target[i];
        assert_float_equal(sum, ROWS, 1e-3);
        run_free(run);
}

/* Mixing keeps every target's sum and the batch's mean picture. */
static void test_mixup(void **state)
{
        static const char text[] = "input = { width = 12; height = 12; }; network = ( { type = \"fc\"; units = 3; } );"
                                   "training = { batch = 70; mixup = %s; };";
        char plain[256], mixed[256];
        struct run *a, *b;
        double sums[2] = { 0 };
        size_t n_soft = 0;

        snprintf(plain, sizeof(plain), text, "0");
        snprintf(mixed, sizeof(mixed), text, "0.3");
        a = run_new(plain, 1);
        b = run_new(mixed, 1);
        assert_int_equal(trainer_step(a->trainer), 0);
        assert_int_equal(trainer_step(b->trainer), 0);
        for (size_t i = 0; i < ROWS * SIDE * SIDE; i++) {
                sums[0] += (double)net_input(a->net)[i];
                sums[1] += (double)net_input(b->net)[i];
        }
        assert_float_equal(sums[0], sums[1], 0.05);
        for (size_t i = 0; i < ROWS; i++) {
                const float *t = b->classify->target + i * 3;

                assert_float_equal(t[0] + t[1] + t[2], 1, 1e-5);
                n_soft += MAX(MAX(t[0], t[1]), t[2]) < 0.99f;
        }
        assert_true(n_soft > 5);
        run_free(a);
        run_free(b);
}

/* Labels drawn from softmax(2 * z + bias). */
static void test_class_bias(void **state)
{
        enum { N = 5000 };
        static const double bias[] = { 0.8, -0.5, -0.3 };
        static float logits[N * 3], work[N * 3];
        static uint8_t labels[N];
        struct calibration c;
        struct rng rng;

        rng_seed(&rng, 6);
        for (size_t i = 0; i < N; i++) {
                float z[3], p[3];
                double u = rng_uniform(&rng);

                for (size_t k = 0; k < 3; k++) {
                        logits[i * 3 + k] = (float)rng_normal(&rng);
                        z[k] = (float)(2 * (double)logits[i * 3 + k] + bias[k]);
                }
                softmax(z, 3, p);
                labels[i] = u < (double)p[0] ? 0 : u < (double)p[0] + (double)p[1] ? 1 : 2;
        }
        calibration_classes(logits, labels, N, 3, work, &c);
        assert_float_equal(c.temperature, 0.5, 0.05);
        for (size_t k = 0; k < 3; k++)
                assert_float_equal(c.bias[k], bias[k], 0.1);
        calibration_sharpen(&c, 2);
        assert_float_equal(c.temperature, 1, 0.1);
        assert_float_equal(c.bias[0], 0.4, 0.05);
}

static const char task_text[] =
        "input = { width = 12; height = 12; }; network = ( { type = \"conv\"; filters = 4; stride = 2; },"
        "  { type = \"relu\"; }, { type = \"fc\"; units = 3; } );"
        "training = { epochs = 40; batch = 20; votes_task = 0.5; class_balance = 0.5; };";

/* The head learns the votes and they alone; the output does not lean to them. */
static void test_votes_task(void **state)
{
        struct run *run = run_new(task_text, 1);
        const float *y;
        double want, lead = 0;

        for (size_t i = 0; i < ROWS; i++) {
                /* the taggers confuse each class with the next, and do not see every fifth face */
                for (size_t k = 0; k < 3; k++)
                        run->votes[i * 3 + k] = i % 5 == 0 ? 0 : k == (size_t)(run->classes[i] + 1) % 3;
        }
        train(run, 40);
        assert_int_equal(trainer_step(run->trainer), 0);
        y = run->net->head->y;
        for (size_t i = 0; i < 20; i++) {
                size_t row = run->trainer->order[i], label = run->classes[row];
                const float *t = run->classify->vote_target + i * 3;

                want = row % 5 == 0 ? 0 : 0.5 * run->classify->weights[label];
                assert_float_equal(t[0] + t[1] + t[2], want, 1e-6);
                lead += (double)(y[i * 3 + (label + 1) % 3] - y[i * 3 + label]);
        }
        assert_true(lead / 20 > 1);
        assert_true(run->trainer->history[39].valid_accuracy > 0.9);
        run_free(run);
        resume(task_text);
}

/* What stands in the way is refused before the first step. */
static void test_votes_task_refused(void **state)
{
        struct run *run = run_new(task_text, 1);
        struct dataset_error data_error = { "" };
        struct recipe_error error = { "" };

        run->data.votes = NULL;
        assert_int_equal(classify_use(&run->task, &run->data, NULL, &data_error), -EINVAL);
        assert_non_null(strstr(data_error.text, "--ferplus"));
        run->data.votes = run->votes;
        assert_int_equal(classify_use(&run->task, &run->data, NULL, &data_error), 0);
        run->data.n_classes = 2;
        assert_int_equal(classify_use(&run->task, &run->data, NULL, &data_error), -EINVAL);
        assert_non_null(strstr(data_error.text, "2 classes"));
        run->data.n_classes = 3;
        run->net->head->out.c = 2;
        assert_int_equal(run->task.ops->prepare(&run->task, &error), -EINVAL);
        run->net->head->out.c = 3;
        run_free(run);
}

static void refuse(const char *text, const char *part)
{
        struct recipe_error error = { "" };
        struct recipe *recipe = NULL;
        struct training_config config;
        struct task task = { 0 };
        struct net *net = NULL;
        int r;

        r = recipe_load_string(text, "file", &recipe, &error);
        if (r >= 0)
                r = training_config_read(recipe, &config, &error);
        if (r >= 0)
                r = net_new(recipe, 1, &net, &error);
        if (r >= 0)
                r = task_choose(recipe, &task.ops, &error);
        if (r >= 0)
                r = task.ops->configure(&task, recipe, &config, net, &error);
        if (r >= 0)
                r = recipe_check_unknown(recipe, &error);
        assert_true(r < 0);
        if (!strstr(error.text, part))
                print_message("# \"%s\" lacks \"%s\"\n", error.text, part);
        assert_non_null(strstr(error.text, part));
        task_done(&task);
        net_free(net);
        recipe_free(recipe);
}

#define NETWORK "network = ( { type = \"fc\"; units = 3; } );"

static void test_bad_recipes(void **state)
{
        refuse("network = (", "file:1");
        refuse(NETWORK, "training");
        refuse("training = { };", "network");
        refuse("training = { }; network = ( );", "network");
        refuse("training = { };\nnetwork = ( { type = \"nonsense\"; } );", "file:2");
        refuse(NETWORK "training = { epochs = 0; };", "outside 1..");
        refuse(NETWORK "training = { epochs = 1.5; };", "whole number");
        refuse(NETWORK "training = { epoch = 3; };", "unknown key");
        refuse(NETWORK "training = { }; landmarks = { crop = 1.4; };", "unknown key");
        refuse(NETWORK "training = { votes_task = -1; };", "outside 0..");
        refuse(NETWORK "training = { teachers = [ 1 ]; };", "names");
        refuse(NETWORK "training = { distill = { share = 0.5; }; };", "needs teachers");
        refuse(NETWORK "training = { teachers = [ \"a\" ]; distill = { temperature = 0; }; };", "outside 0.1..");
        refuse(NETWORK "training = { teachers = [ \"a\", \"a\", \"a\", \"a\", \"a\", \"a\", \"a\", \"a\", \"a\" ]; };",
               "more than");
        refuse(NETWORK "training = { augment = { shift = 2; }; };", "outside 0..1");
        refuse(NETWORK "training = { optimiser = { type = \"magic\"; }; };", "none of");
        refuse("training = { }; network = ( { type = \"fc\"; units = 3; kernel = 3; } );", "unknown key");
        refuse("training = { }; network = ( { type = \"fc\"; } );", "units is missing");
        refuse("training = { }; network = ( { type = \"lcn\"; size = 4; }, { type = \"fc\"; units = 3; } );", "odd");
        refuse("training = { }; network = ( { type = \"conv\"; filters = 4; }, { type = \"relu\"; } );", "last layer");
        refuse("training = { }; network = ( { type = \"conv\"; filters = 4; kernel = 31; pad = 0; stride = 9; } );",
               "outside 1..8");
        refuse("training = { }; network = ( { type = \"conv\"; filters = 65536; kernel = 31; }, "
               "{ type = \"conv\"; filters = 65536; kernel = 31; }, { type = \"fc\"; units = 3; } );",
               "large");
        refuse("training = { }; network = ( { type = \"conv\"; filters = 4; name = \"a\"; }, "
               "{ type = \"conv\"; filters = 5; }, { type = \"add\"; with = \"a\"; }, { type = \"fc\"; units = 3; } );",
               "48");
        refuse("training = { }; network = ( { type = \"fc\"; units = 3; from = \"nobody\"; } );", "nobody");
        refuse("training = { }; network = ( { type = \"conv\"; filters = 4; pad = [1.5, 1.5, 1.5, 1.5]; } );",
               "whole numbers");
        /* names are those of the file's values */
        refuse("training = { }; network = ( { type = \"conv\"; filters = 4; name = \"relu2\"; }, { type = \"relu\"; } );",
               "\"relu2\" is taken");
        refuse("training = { }; network = ( { type = \"conv\"; filters = 4; name = \"logits\"; } );", "file's own");
        refuse("training = { }; network = ( { type = \"conv\"; filters = 4; name = \"a.b\"; } );", "letters");
        refuse("training = { }; network = ( { type = \"fc\"; units = 3; }, { type = \"fc\"; from = \"input\"; units = 3; });",
               "nothing uses");
}

static void test_log(void **state)
{
        char path[] = "/tmp/emotion-log-XXXXXX", line[256];
        int fd = mkstemp(path);
        struct run *run = run_new(recipe_text, 1);
        unsigned n = 0;
        FILE *f;

        assert_true(fd >= 0);
        close(fd);
        train(run, 2);
        assert_int_equal(progress_write_log(run->trainer, path), 0);
        f = fopen(path, "re");
        assert_non_null(f);
        while (fgets(line, sizeof(line), f))
                n++;
        fclose(f);
        assert_int_equal(n, 3);
        unlink(path);
        run_free(run);
}

int main(void)
{
        openblas_set_num_threads(1); /* as the tool does: the threads are the trainer's own */
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_learns),         cmocka_unit_test(test_threads),
                cmocka_unit_test(test_in_pieces),      cmocka_unit_test(test_resume),
                cmocka_unit_test(test_bad_checkpoint), cmocka_unit_test(test_divergence),
                cmocka_unit_test(test_schedule),       cmocka_unit_test(test_loss),
                cmocka_unit_test(test_temperature),    cmocka_unit_test(test_class_balance),
                cmocka_unit_test(test_mixup),          cmocka_unit_test(test_class_bias),
                cmocka_unit_test(test_votes_task),     cmocka_unit_test(test_votes_task_refused),
                cmocka_unit_test(test_bad_recipes),    cmocka_unit_test(test_log),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
