/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A recipe and a small set to run it on. To be included after cmocka.h. */

#include "basic/macro.h"
#include "train/run/trainer.h"

#define ROWS 70
#define SIDE 12

struct run {
        struct recipe *recipe;
        struct net *net;
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

static struct run *run_new(const char *text, unsigned threads)
{
        struct run *run = calloc(1, sizeof(*run));
        struct recipe_error error = { "" };
        struct training_config config;

        assert_non_null(run);
        fill(run);
        assert_int_equal(recipe_load_string(text, "test", &run->recipe, &error), 0);
        assert_int_equal(training_config_read(run->recipe, &config, &error), 0);
        assert_int_equal(net_new(run->recipe, threads, &run->net, &error), 0);
        if (config.votes_task > 0)
                assert_int_equal(net_add_head(run->net, "votes_task", 3, &error), 0);
        assert_int_equal(recipe_check_unknown(run->recipe, &error), 0);
        assert_int_equal(net_prepare(run->net, config.batch, config.seed), 0);
        assert_int_equal(trainer_new(run->net, &config, &run->data, &run->data, &run->trainer), 0);
        return run;
}

static void run_free(struct run *run)
{
        trainer_free(run->trainer);
        net_free(run->net);
        recipe_free(run->recipe);
        free(run);
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
