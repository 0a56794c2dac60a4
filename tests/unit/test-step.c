/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One step of training against the formulas: what is wanted of the outputs, how each optimiser moves the weights, and
 * what is averaged. */
#undef NDEBUG
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cblas.h>
#include <cmocka.h>

#include "tests/unit/trainer-run.h"

/* Nothing of it learns in pieces: net->g holds all gradients after a step. */
#define NETWORK                                                                            \
        "input = { width = 12; height = 12; normalisation = \"contrast\"; };"              \
        "network = ( { type = \"conv\"; filters = 8; stride = 2; }, { type = \"relu\"; }," \
        "  { type = \"conv\"; filters = 3; }, { type = \"globalavgpool\"; } );"

static struct run *make(const char *training)
{
        char text[1024];

        snprintf(text, sizeof(text), NETWORK "training = { epochs = 4; batch = 16; %s };", training);
        return run_new(text, 1);
}

static void assert_near(double got, double want)
{
        if (!(fabs(got - want) <= 1e-6 + 2e-5 * fabs(want)))
                fail_msg("%.9g, wanted %.9g", got, want);
}

/* The moments of one value, and how a step moves it along the gradient @g. */
struct value {
        double w, first, second;
};

typedef void (*rule)(struct value *v, double g, double decay, unsigned step);

static void check_rule(const char *training, double decay, rule move)
{
        struct run *run = make(training);
        struct net *net = run->net;
        struct value *values = calloc(net->n_floats, sizeof(*values));
        size_t n_decayed = 0, n_plain = 0;

        assert_non_null(values);
        for (size_t i = 0; i < net->n_floats; i++)
                values[i].w = (double)net->w[i];
        for (unsigned step = 0; step < 3; step++) {
                assert_int_equal(trainer_step(run->trainer), 0);
                for (size_t i = 0; i < net->n_params; i++) {
                        const struct net_param *p = &net->params[i];

                        for (size_t at = p->at; at < p->at + p->n; at++) {
                                move(&values[at], (double)net->g[at], p->decay ? decay : 0, step);
                                assert_near((double)net->w[at], values[at].w);
                        }
                        n_decayed += p->decay;
                        n_plain += !p->decay;
                }
        }
        assert_true(n_decayed && n_plain); /* weights and biases */
        free(values);
        run_free(run);
}

static void move_sgd(struct value *v, double g, double decay, unsigned step)
{
        v->w -= 0.05 * (g + decay * v->w);
}

static void move_momentum(struct value *v, double g, double decay, unsigned step)
{
        v->first = 0.8 * v->first + g + decay * v->w;
        v->w -= 0.05 * v->first;
}

static void move_nesterov(struct value *v, double g, double decay, unsigned step)
{
        g += decay * v->w;
        v->first = 0.8 * v->first + g;
        v->w -= 0.05 * (g + 0.8 * v->first);
}

/* Kingma & Ba 2014, algorithm 1; with Loshchilov & Hutter's decay */
static void move_adam(struct value *v, double g, double decay, unsigned step)
{
        v->first = 0.7 * v->first + 0.3 * g;
        v->second = 0.9 * v->second + 0.1 * g * g;
        v->w -= 0.02 * (v->first / (1 - pow(0.7, step + 1)) / (sqrt(v->second / (1 - pow(0.9, step + 1))) + 1e-8) +
                        decay * v->w);
}

static void test_optimisers(void **state)
{
        check_rule("optimiser = { rate = 0.05; momentum = 0.0; weight_decay = 0.0; };", 0, move_sgd);
        check_rule("optimiser = { rate = 0.05; momentum = 0.8; weight_decay = 0.1; };", 0.1, move_momentum);
        check_rule("optimiser = { rate = 0.05; momentum = 0.8; nesterov = true; weight_decay = 0.1; };", 0.1,
                   move_nesterov);
        check_rule("optimiser = { type = \"adam\"; rate = 0.02; momentum = 0.7; beta2 = 0.9; weight_decay = 0.1; };",
                   0.1, move_adam);
}

/* Of each row of the first batch, what is wanted of each class. */
static void check_targets(const char *training, double (*want)(const struct run *run, size_t row, size_t class))
{
        struct run *run = make(training);

        for (size_t i = 0; i < ROWS; i++)
                for (size_t k = 0; i % 5 == 0 && k < 3; k++)
                        run->votes[i * 3 + k] = 0; /* nobody voted for these */
        assert_int_equal(trainer_step(run->trainer), 0);
        for (size_t i = 0; i < 16; i++)
                for (size_t k = 0; k < 3; k++)
                        assert_near((double)run->classify->target[i * 3 + k], want(run, run->trainer->order[i], k));
        run_free(run);
}

static double want_label(const struct run *run, size_t row, size_t class)
{
        return run->classes[row] == class;
}

static double want_smooth(const struct run *run, size_t row, size_t class)
{
        return 0.7 * want_label(run, row, class) + 0.1;
}

static double want_votes(const struct run *run, size_t row, size_t class)
{
        return row % 5 == 0 ? want_label(run, row, class)
                            : 0.6 * want_label(run, row, class) + 0.4 * (double)run->votes[row * 3 + class];
}

static double want_both(const struct run *run, size_t row, size_t class)
{
        return 0.7 * want_votes(run, row, class) + 0.1;
}

static void test_targets(void **state)
{
        check_targets("", want_label);
        check_targets("label_smoothing = 0.3;", want_smooth);
        check_targets("votes = 0.4;", want_votes);
        check_targets("votes = 0.4; label_smoothing = 0.3;", want_both);
}

static void test_average(void **state)
{
        struct run *run = make("average = 0.4;");
        size_t n = run->net->n_floats;
        float *want = malloc(n * sizeof(*want));

        assert_non_null(want);
        memcpy(want, run->net->w, n * sizeof(*want));
        for (unsigned step = 0; step < 8; step++) {
                double keep = fmin(0.4, (1.0 + step) / (10.0 + step));

                assert_int_equal(trainer_step(run->trainer), 0);
                for (size_t i = 0; i < n; i++) {
                        want[i] = (float)(keep * (double)want[i] + (1 - keep) * (double)run->net->w[i]);
                        assert_near((double)run->trainer->average[i], (double)want[i]);
                }
                if (trainer_epoch_done(run->trainer))
                        assert_int_equal(trainer_finish_epoch(run->trainer), 0);
        }
        free(want);
        run_free(run);
}

/* The step after the last loss of an epoch may be the one that ruins the weights. */
static void test_ruined_by_the_last_step(void **state)
{
        struct run *run = make("");

        while (!trainer_epoch_done(run->trainer))
                assert_int_equal(trainer_step(run->trainer), 0);
        run->net->w[run->net->n_floats - 16] = INFINITY;
        assert_int_equal(trainer_finish_epoch(run->trainer), -EDOM);
        assert_int_equal(run->trainer->epoch, 0);
        run_free(run);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_optimisers),
                cmocka_unit_test(test_targets),
                cmocka_unit_test(test_average),
                cmocka_unit_test(test_ruined_by_the_last_step),
        };

        openblas_set_num_threads(1);
        return cmocka_run_group_tests_name("step", tests, NULL, NULL);
}
