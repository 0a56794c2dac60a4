/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A run of a task from a recipe in text. Include after faces-common.h. */

#include "nn/emotion-nn.h"
#include "train/run/trainer.h"
#include "train/task/task.h"

struct task_run {
        struct recipe *recipe;
        struct net *net;
        struct training_config config;
        struct task task;
        struct trainer *trainer;
};

static inline int task_run_configure(struct task_run *run, const char *text, unsigned threads,
                                     struct recipe_error *error)
{
        int r;

        *run = (struct task_run){ 0 };
        assert_int_equal(recipe_load_string(text, "test", &run->recipe, error), 0);
        assert_int_equal(training_config_read(run->recipe, &run->config, error), 0);
        if (net_new(run->recipe, threads, &run->net, error) < 0)
                fail_msg("%s", error->text);
        assert_int_equal(task_choose(run->recipe, &run->task.ops, error), 0);
        assert_non_null(run->task.ops);
        r = run->task.ops->configure(&run->task, run->recipe, &run->config, run->net, error);
        return r < 0 ? r : recipe_check_unknown(run->recipe, error);
}

static inline void task_run_done(struct task_run *run)
{
        trainer_free(run->trainer);
        task_done(&run->task);
        net_free(run->net);
        recipe_free(run->recipe);
}

static inline void task_run_start(struct task_run *run, const char *text, unsigned threads, const char *data,
                                  const char *background)
{
        const struct task_options options = { .data = data, .background = background };
        struct dataset_error data_error = { "" };
        struct recipe_error error = { "" };

        if (task_run_configure(run, text, threads, &error) < 0)
                fail_msg("%s", error.text);
        if (run->task.ops->read(&run->task, &options, &data_error) < 0)
                fail_msg("%s", data_error.text);
        assert_int_equal(net_prepare(run->net, run->config.batch, run->config.seed), 0);
        assert_int_equal(run->task.ops->prepare(&run->task, &error), 0);
        assert_int_equal(trainer_new(run->net, &run->config, &run->task, &run->trainer), 0);
}

static inline void task_run_epochs(struct task_run *run, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                while (!trainer_epoch_done(run->trainer))
                        assert_int_equal(trainer_step(run->trainer), 0);
                assert_int_equal(trainer_finish_epoch(run->trainer), 0);
        }
}

static inline double task_run_loss(struct task_run *run)
{
        uint64_t correct = 0;

        net_forward(run->net, run->config.batch, true);
        return run->task.ops->loss(&run->task, run->config.batch, &correct);
}

/* The gradient of the whole task, all outputs together, against central differences. A kink may spoil a few, but
 * not half of a parameter's. */
static inline void task_run_check_gradient(struct task_run *run)
{
        static const float steps[] = { 4e-3f, 1e-3f, 3e-4f };
        struct net *net = run->net;
        unsigned n_checked = 0, n_wrong = 0;
        struct rng rng;

        rng_seed(&rng, 12);
        assert_int_equal(trainer_step(run->trainer), 0); /* fills order and a batch */
        task_run_loss(run);
        net->learn = NULL; /* nothing moves, all gradients are kept */
        net_backward(net);
        float *gradient = floats_new(net->n_floats);
        assert_non_null(gradient);
        memcpy(gradient, net->g, net->n_floats * sizeof(float));
        for (size_t i = 0; i < net->n_params; i++) {
                unsigned n_before = n_wrong;

                for (unsigned k = 0; k < 4 && net->params[i].trainable; k++) {
                        size_t at = net->params[i].at + rng_below(&rng, net->params[i].n);
                        double got = (double)gradient[at];
                        bool good = false;

                        for (unsigned s = 0; s < ARRAY_LEN(steps) && !good; s++) {
                                float old = net->w[at];
                                double up, down, want;

                                net->w[at] = old + steps[s];
                                up = task_run_loss(run);
                                net->w[at] = old - steps[s];
                                down = task_run_loss(run);
                                net->w[at] = old;
                                want = (up - down) / (2 * (double)steps[s]);
                                good = fabs(want - got) <= 0.04 * (0.02 + fabs(want) + fabs(got));
                        }
                        n_checked++;
                        n_wrong += !good;
                        if (!good)
                                print_message("# %s: not %g\n", net->params[i].name, got);
                }
                assert_true(n_wrong - n_before < 2);
        }
        print_message("# %u of %u off\n", n_wrong, n_checked);
        assert_true(n_checked > 20);
        assert_true(n_wrong * 12 <= n_checked);
        free(gradient);
}

/* Runs emotion-nn with printf's arguments; its output must hold @word. Skipped where the tool is not built.
 */
static inline void tool(const char *word, const char *format, ...) _printf_(2, 3);
static inline void tool(const char *word, const char *format, ...)
{
        const char *build = getenv("EMO_BUILDDIR");
        char command[2048], arguments[1600], text[1 << 16];
        size_t n;
        va_list ap;
        FILE *f;

        va_start(ap, format);
        vsnprintf(arguments, sizeof(arguments), format, ap);
        va_end(ap);
        snprintf(command, sizeof(command), "%s/emotion-nn %s 2>&1", build ? build : ".", arguments);
        f = popen(command, "re");
        assert_non_null(f);
        n = fread(text, 1, sizeof(text) - 1, f);
        text[n] = '\0';
        pclose(f);
        if (!strstr(text, word))
                fail_msg("%s: no '%s' in '%s'", arguments, word, text);
}

/* The tool trains, goes on from a finished run, and says what is missing. */
static inline void tool_trains(const char *dir, const char *text, const char *options)
{
        FILE *f = open_table(dir, "recipe.conf");
        char command[2048];

        fputs(text, f);
        fclose(f);
        tool("epoch 2/2: loss", "train %s/recipe.conf --data %s %s --out %s/whole --epochs 2", dir, dir, options, dir);
        snprintf(command, sizeof(command), "cd %s/whole && grep -q '^2,' log.csv && test -s last.onnx", dir);
        assert_int_equal(system(command), 0);
        tool("2 rows",
             "train %s/recipe.conf --data %s %s --out %s/whole --epochs 2 --resume | sed 's/.* MMAC, .*/2 "
             "rows/'",
             dir, dir, options, dir);
        tool("epoch 1/1: loss", "train %s/recipe.conf --data %s %s --out %s/x --epochs 1 --init %s/whole/last.onnx",
             dir, dir, options, dir, dir);
        tool("--data", "train %s/recipe.conf --out %s/x", dir, dir);
}

/* Stopped in the middle of an epoch and gone on with, a run ends in the same weights. */
static inline void task_run_check_resume(const char *text, const char *data, const char *background)
{
        struct task_run whole, part;
        char path[512];

        snprintf(path, sizeof(path), "%s/checkpoint", data);
        task_run_start(&whole, text, 1, data, background);
        task_run_epochs(&whole, 2);
        task_run_start(&part, text, 1, data, background);
        task_run_epochs(&part, 1);
        assert_int_equal(trainer_step(part.trainer), 0);
        assert_int_equal(trainer_save(part.trainer, path), 0);
        task_run_done(&part);
        task_run_start(&part, text, 2, data, background);
        assert_int_equal(trainer_load(part.trainer, path), 0);
        task_run_epochs(&part, 1);
        assert_memory_equal(whole.net->w, part.net->w, whole.net->n_floats * sizeof(float));
        assert_true(whole.trainer->history[1].train_loss == part.trainer->history[1].train_loss);
        task_run_done(&whole);
        task_run_done(&part);
}

/* A difference of every output of the file from the network's, with the batch that is loaded. @n: pictures */
static inline void task_run_compare(struct task_run *run, const char *path, unsigned n)
{
        struct net *net = run->net;
        const struct nn_tensor input = { .type = NN_FLOAT32,
                                         .n_dims = 4,
                                         .dims = { n, net->in.c, net->in.h, net->in.w } };
        const struct nn_plan_options options = { .inputs = &input };
        struct nn_model *model = NULL;
        struct nn_plan *plan = NULL;
        struct nn_error error = { "" };

        assert_int_equal(run->task.ops->export(&run->task, path), 0);
        if (nn_model_load(path, &model, &error) < 0 || nn_plan_new(model, &options, &plan, &error) < 0)
                fail_msg("%s", error.text);
        memcpy(nn_plan_input(plan, 0)->data, net_input(net), n * shape_size(net->in) * sizeof(float));
        assert_int_equal(nn_plan_run(plan), 0);
        net_forward(net, n, false);
        assert_int_equal(nn_model_n_outputs(model), net->n_outputs);
        for (unsigned i = 0; i < net->n_outputs; i++) {
                const struct layer *l = net->outputs[i];
                const struct nn_tensor *t = nn_plan_output(plan, i);
                const char *name = nn_model_output_name(model, i);
                bool sigmoid = strcmp(name, l->name) != 0;
                double worst = 0;

                assert_true(strncmp(name, l->name, strlen(name)) == 0);
                assert_int_equal(nn_tensor_n_elements(t), n * shape_size(l->out));
                for (size_t k = 0; k < n * shape_size(l->out); k++) {
                        double want = (double)l->y[k];

                        if (sigmoid)
                                want = 1 / (1 + exp(-want));
                        worst = fmax(worst, fabs(want - (double)((const float *)t->data)[k]));
                }
                if (worst > 2e-3)
                        fail_msg("%s is off by %g", name, worst);
        }
        nn_plan_free(plan);
        nn_model_free(model);
}
