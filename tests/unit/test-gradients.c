/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every layer's gradients against central finite differences. The loss is a fixed random weighting of the outputs, so
 * that each output counts. */
#undef NDEBUG
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "basic/macro.h"
#include "train/net/net.h"

#define BATCH 3

#define HEAD 4 /* units of the head, where there is one */

static struct net *make(const char *layers, unsigned width, unsigned threads, bool head)
{
        _cleanup_(recipe_freep) struct recipe *recipe = NULL;
        struct recipe_error error = { "" };
        char text[2048];
        struct net *net = NULL;
        int r;

        snprintf(text, sizeof(text), "input = { width = %u; height = %u; }; network = ( %s );", width, width - 1,
                 layers);
        r = recipe_load_string(text, "test", &recipe, &error);
        if (r >= 0)
                r = net_new(recipe, threads, &net, &error);
        if (r >= 0 && head)
                r = net_add_head(net, "head", HEAD, &error);
        if (r < 0)
                print_message("# %s\n", error.text);
        assert_int_equal(r, 0);
        assert_int_equal(net_prepare(net, BATCH, 7), 0);
        return net;
}

static double loss(struct net *net, const float *weights)
{
        double s = 0;

        net_forward(net, BATCH, true);
        for (size_t i = 0; i < BATCH * (size_t)net->n_classes; i++)
                s += (double)net_output(net)[i] * (double)weights[i];
        weights += BATCH * net->n_classes;
        for (size_t i = 0; net->head && i < BATCH * HEAD; i++)
                s += (double)net->head->y[i] * (double)weights[i];
        return s;
}

static double difference(struct net *net, const float *weights, float *at, float step)
{
        float old = *at;
        double up, down;

        *at = old + step;
        up = loss(net, weights);
        *at = old - step;
        down = loss(net, weights);
        *at = old;
        return (up - down) / (2 * (double)step);
}

static bool agrees(struct net *net, const float *weights, size_t at, double got)
{
        static const float steps[] = { 2e-3f, 5e-4f, 1e-4f };

        for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
                double want = difference(net, weights, net->w + at, steps[i]);

                if (fabs(want - got) <= 0.03 * (0.05 + fabs(want) + fabs(got)))
                        return true;
        }
        return false;
}

/* A kink (ReLU, pooling) makes the difference wrong when the step crosses it: shorter steps are tried, and what is
 * still off may be one in twenty-five, and a third of no parameter. */
static void check_net(const char *layers, unsigned width, bool head)
{
        struct net *net = make(layers, width, 2, head);
        _cleanup_(freep) float *weights = floats_new(BATCH * (net->n_classes + HEAD));
        _cleanup_(freep) float *gradient = floats_new(net->n_floats);
        size_t n_checked = 0, n_wrong = 0, n_before;
        struct rng rng;

        assert_true(weights && gradient);
        rng_seed(&rng, 23);
        for (size_t i = 0; i < BATCH * shape_size(net->in); i++)
                net_input(net)[i] = (float)rng_normal(&rng);
        for (size_t i = 0; i < BATCH * (size_t)(net->n_classes + HEAD); i++)
                weights[i] = (float)rng_normal(&rng);
        for (size_t i = 0; i < net->n_params; i++)
                for (size_t j = 0; j < net->params[i].n && net->params[i].trainable; j++)
                        net->w[net->params[i].at + j] += (float)(0.1 * rng_normal(&rng));
        loss(net, weights);
        memcpy(net_output_gradient(net), weights, BATCH * net->n_classes * sizeof(float));
        if (head)
                memcpy(net->head->dy, weights + BATCH * net->n_classes, BATCH * HEAD * sizeof(float));
        net_backward(net);
        memcpy(gradient, net->g, net->n_floats * sizeof(float));
        for (size_t i = 0; i < net->n_params; i++) {
                const struct net_param *p = &net->params[i];

                n_before = n_wrong;
                for (size_t k = 0; k < MIN(p->n, (size_t)40) && p->trainable; k++) {
                        size_t at = p->at + (p->n <= 40 ? k : rng_below(&rng, p->n));

                        n_checked++;
                        if (agrees(net, weights, at, (double)gradient[at]))
                                continue;
                        n_wrong++;
                        print_message("# %s[%zu]: not %g\n", p->name, at - p->at, (double)gradient[at]);
                }
                assert_true(3 * (n_wrong - n_before) <= MIN(p->n, (size_t)40));
        }
        print_message("# %zu of %zu off: %s\n", n_wrong, n_checked, layers);
        assert_true(n_checked > 0);
        assert_true(n_wrong * 25 <= n_checked);
        net_free(net);
}

static void check(const char *layers, unsigned width)
{
        check_net(layers, width, false);
}

/* What the second layer gives of an input of @width x (@width - 1). */
static void check_size(const char *layers, unsigned width, unsigned want_w, unsigned want_h)
{
        struct net *net = make(layers, width, 1, false);

        assert_int_equal(net->layers[2]->out.w, want_w);
        assert_int_equal(net->layers[2]->out.h, want_h);
        net_free(net);
}

/* The layer under test stands between one that learns, so that the gradient of its input is seen too, and a fully
 * connected one. */
#define AROUND(layer) "{ type = \"conv\"; filters = 6; name = \"first\"; }, " layer ", { type = \"fc\"; units = 3; }"

static void test_conv(void **state)
{
        check(AROUND("{ type = \"conv\"; filters = 9; kernel = 3; }"), 9);
        check(AROUND("{ type = \"conv\"; filters = 5; kernel = 1; bias = false; }"), 8);
        check(AROUND("{ type = \"conv\"; filters = 4; kernel = 5; pad = 1; }"), 9);
        check(AROUND("{ type = \"conv\"; filters = 4; kernel = 4; }"), 9);
        check(AROUND("{ type = \"conv\"; filters = 4; kernel = 3; dilation = 2; }"), 9);
        check(AROUND("{ type = \"conv\"; filters = 4; kernel = 3; pad = [0, 1, 2, 0]; }"), 9);
}

static void test_conv_stride(void **state)
{
        check(AROUND("{ type = \"conv\"; filters = 8; kernel = 3; stride = 2; }"), 9);
        check(AROUND("{ type = \"conv\"; filters = 8; kernel = 3; stride = 2; }"), 10);
        check(AROUND("{ type = \"conv\"; filters = 8; kernel = 1; stride = 2; }"), 10);
        check(AROUND("{ type = \"conv\"; filters = 8; kernel = 1; stride = 2; pad = 1; }"), 9);
        check(AROUND("{ type = \"conv\"; filters = 3; kernel = 7; stride = 3; }"), 13);
        check(AROUND("{ type = \"conv\"; filters = 3; kernel = 2; stride = 3; pad = 0; }"), 13);
}

static void test_upsample(void **state)
{
        check(AROUND("{ type = \"upsample\"; }"), 5);
        check(AROUND("{ type = \"upsample\"; name = \"up\"; }, { type = \"maxpool\"; }, { type = \"add\"; with = \"first\"; }"),
              6);
}

static void test_conv_groups(void **state)
{
        check(AROUND("{ type = \"conv\"; filters = 6; kernel = 3; groups = 6; }"), 9);
        check(AROUND("{ type = \"conv\"; filters = 12; kernel = 3; groups = 3; stride = 2; }"), 9);
        check(AROUND("{ type = \"conv\"; filters = 6; kernel = 3; groups = 6; stride = 2; bias = false; }"), 10);
        check(AROUND("{ type = \"conv\"; filters = 12; kernel = 5; groups = 6; dilation = 2; }"), 11);
        check(AROUND("{ type = \"conv\"; filters = 9; kernel = 3; groups = 3; }"), 7);
        check(AROUND("{ type = \"conv\"; filters = 30; kernel = 3; groups = 3; stride = 3; }"), 9);
        check(AROUND("{ type = \"conv\"; filters = 3; kernel = 3; }"), 7);
}

static void test_batchnorm(void **state)
{
        check(AROUND("{ type = \"batchnorm\"; }"), 8);
        check(AROUND("{ type = \"batchnorm\"; activation = \"relu\"; }"), 8);
}

static void test_activations(void **state)
{
        check(AROUND("{ type = \"relu\"; }"), 7);
        /* what another layer reads is not written over, nor what the layer itself will want again */
        check(AROUND("{ type = \"relu\"; }, { type = \"add\"; with = \"first\"; }"), 8);
        check(AROUND("{ type = \"relu\"; }, { type = \"sigmoid\"; }"), 8);
        check(AROUND("{ type = \"leakyrelu\"; slope = 0.2; }"), 7);
        check(AROUND("{ type = \"sigmoid\"; }"), 7);
        check(AROUND("{ type = \"tanh\"; }"), 7);
        check(AROUND("{ type = \"hardswish\"; }"), 7);
        check(AROUND("{ type = \"prelu\"; }"), 7);
        check(AROUND("{ type = \"hardsigmoid\"; }"), 7);
        check(AROUND("{ type = \"dropout\"; rate = 0.4; }"), 7);
}

static void test_lrn(void **state)
{
        check(AROUND("{ type = \"lrn\"; size = 3; alpha = 0.5; beta = 0.75; }"), 7);
        check(AROUND("{ type = \"lrn\"; size = 4; alpha = 2; beta = 0.5; bias = 2; }"), 6);
}

/* The floor below all deviations, among them, and above all of them. */
static void test_lcn(void **state)
{
        check(AROUND("{ type = \"lcn\"; size = 3; }"), 7);
        check(AROUND("{ type = \"lcn\"; size = 5; sigma = 1.5; floor = 1.5; }"), 9);
        check(AROUND("{ type = \"lcn\"; size = 5; floor = 50; }"), 8);
        check(AROUND("{ type = \"lcn\"; size = 15; sigma = 3; }"), 7); /* larger than the picture */
        check("{ type = \"conv\"; filters = 6; }, { type = \"relu\"; name = \"a\"; }, { type = \"lcn\"; size = 5; }, "
              "{ type = \"concat\"; from = [\"lcn3\", \"a\"]; }, { type = \"fc\"; units = 3; }",
              8);
}

/* Gates from globally averaged channels, in the two forms that networks use. */
static void test_squeeze_excite(void **state)
{
        check(AROUND("{ type = \"globalavgpool\"; }, { type = \"conv\"; filters = 2; kernel = 1; }, { type = \"relu\"; }, "
                     "{ type = \"conv\"; filters = 6; kernel = 1; }, { type = \"hardsigmoid\"; name = \"gate\"; }, "
                     "{ type = \"scale\"; from = [\"first\", \"gate\"]; }, "
                     "{ type = \"add\"; with = \"first\"; activation = \"relu\"; }"),
              8);
}

static void test_pooling(void **state)
{
        check(AROUND("{ type = \"maxpool\"; }"), 8);
        check(AROUND("{ type = \"maxpool\"; }"), 9);
        check(AROUND("{ type = \"maxpool\"; kernel = 3; stride = 2; pad = 1; }"), 9);
        check(AROUND("{ type = \"maxpool\"; kernel = 3; stride = 2; same = true; }"), 8);
        check(AROUND("{ type = \"avgpool\"; kernel = 3; stride = 2; same = true; }"), 8);
        /* of 7 x 6 only the columns need a margin */
        check(AROUND("{ type = \"maxpool\"; kernel = 2; same = true; }"), 7);
        check(AROUND("{ type = \"avgpool\"; kernel = 2; same = true; }"), 7);
        check_size(AROUND("{ type = \"maxpool\"; kernel = 2; same = true; }"), 7, 4, 3);
        check_size(AROUND("{ type = \"maxpool\"; kernel = 2; }"), 7, 3, 3);
        check(AROUND("{ type = \"globalavgpool\"; }"), 8);
}

static void test_joins(void **state)
{
        check(AROUND("{ type = \"conv\"; filters = 6; }, { type = \"add\"; with = \"first\"; activation = \"relu\"; }"),
              8);
        check(AROUND("{ type = \"conv\"; filters = 4; name = \"b\"; }, { type = \"concat\"; from = [\"first\", \"b\"]; }"),
              8);
        check(AROUND("{ type = \"globalavgpool\"; }, { type = \"fc\"; units = 2; }, { type = \"relu\"; }, "
                     "{ type = \"fc\"; units = 6; }, { type = \"sigmoid\"; name = \"gate\"; }, "
                     "{ type = \"scale\"; from = [\"first\", \"gate\"]; }"),
              8);
}

/* A second head: its gradient and the first one's meet in the layer that both read. */
static void test_head(void **state)
{
        check_net("{ type = \"conv\"; filters = 6; }, { type = \"batchnorm\"; activation = \"relu\"; }, "
                  "{ type = \"globalavgpool\"; }, { type = \"fc\"; units = 3; }",
                  8, true);
        check_net("{ type = \"fc\"; units = 5; }, { type = \"tanh\"; }, { type = \"fc\"; units = 3; }", 6, true);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_conv),      cmocka_unit_test(test_conv_stride),
                cmocka_unit_test(test_upsample),  cmocka_unit_test(test_conv_groups),
                cmocka_unit_test(test_batchnorm), cmocka_unit_test(test_activations),
                cmocka_unit_test(test_pooling),   cmocka_unit_test(test_joins),
                cmocka_unit_test(test_lrn),       cmocka_unit_test(test_head),
                cmocka_unit_test(test_lcn),       cmocka_unit_test(test_squeeze_excite),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
