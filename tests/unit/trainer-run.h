/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A recipe and a small set to run it on. To be included after cmocka.h. */

#include "basic/macro.h"
#include "train/run/trainer.h"
#include "train/task/classify.h"

#define ROWS 70
#define SIDE 12

struct run {
        struct recipe *recipe;
        struct net *net;
        struct training_config config;
        struct task task;
        struct classify *classify; /* of the task */
        struct dataset data;
        uint8_t pixels[ROWS * SIDE * SIDE], classes[ROWS], usage[ROWS];
        float votes[ROWS * 3];
        struct trainer *trainer;
};

/* Class k is a bright bar in the k-th third of the picture, in noise. */
static void fill(struct run *run)
{
        struct rng rng;

        rng_seed(&rng, 9);
        run->data = (struct dataset){ .width_px = SIDE,
                                      .height_px = SIDE,
                                      .n = ROWS,
                                      .n_classes = 3,
                                      .labels = { "a", "b", "c" },
                                      .pixels = run->pixels,
                                      .classes = run->classes,
                                      .usage = run->usage,
                                      .votes = run->votes };
        for (size_t i = 0; i < ROWS; i++) {
                run->classes[i] = (uint8_t)rng_below(&rng, 3);
                for (size_t p = 0; p < SIDE * SIDE; p++)
                        run->pixels[i * SIDE * SIDE + p] =
                                (uint8_t)(rng_below(&rng, 100) + (p / SIDE / 4 == run->classes[i] ? 100 : 0));
                for (size_t k = 0; k < 3; k++)
                        run->votes[i * 3 + k] = k == run->classes[i] ? 0.8f : 0.1f;
        }
}

static void run_free(struct run *run)
{
        trainer_free(run->trainer);
        task_done(&run->task);
        net_free(run->net);
        recipe_free(run->recipe);
        free(run);
}

/* A run up to where its teachers are opened. @ret is to be freed whatever comes of it. */
static int run_try(const char *text, unsigned threads, struct run **ret, struct recipe_error *error)
{
        struct run *run = *ret = calloc(1, sizeof(*run));
        struct dataset_error data_error = { "" };

        assert_non_null(run);
        fill(run);
        assert_int_equal(recipe_load_string(text, "test", &run->recipe, error), 0);
        assert_int_equal(training_config_read(run->recipe, &run->config, error), 0);
        assert_int_equal(net_new(run->recipe, threads, &run->net, error), 0);
        assert_int_equal(task_choose(run->recipe, &run->task.ops, error), 0);
        assert_int_equal(run->task.ops->configure(&run->task, run->recipe, &run->config, run->net, error), 0);
        run->classify = run->task.state;
        assert_int_equal(recipe_check_unknown(run->recipe, error), 0);
        assert_int_equal(classify_use(&run->task, &run->data, &run->data, &data_error), 0);
        assert_int_equal(net_prepare(run->net, run->config.batch, run->config.seed), 0);
        return run->task.ops->prepare(&run->task, error);
}

static struct run *run_new(const char *text, unsigned threads)
{
        struct recipe_error error = { "" };
        struct run *run;

        if (run_try(text, threads, &run, &error) < 0)
                fail_msg("%s", error.text);
        assert_int_equal(trainer_new(run->net, &run->config, &run->task, &run->trainer), 0);
        return run;
}

static inline void train(struct run *run, unsigned epochs)
{
        while (run->trainer->epoch < epochs) {
                while (!trainer_epoch_done(run->trainer))
                        assert_int_equal(trainer_step(run->trainer), 0);
                assert_int_equal(trainer_finish_epoch(run->trainer), 0);
        }
}

static inline void assert_same(const struct run *a, const struct run *b)
{
        size_t bytes = a->net->n_floats * sizeof(float);

        assert_memory_equal(a->net->w, b->net->w, bytes);
        assert_memory_equal(a->trainer->velocity, b->trainer->velocity, bytes);
        if (a->trainer->average)
                assert_memory_equal(a->trainer->average, b->trainer->average, bytes);
        for (unsigned i = 0; i < a->trainer->epoch; i++) {
                assert_true(a->trainer->history[i].train_loss == b->trainer->history[i].train_loss);
                assert_true(a->trainer->history[i].valid_accuracy == b->trainer->history[i].valid_accuracy);
        }
}
