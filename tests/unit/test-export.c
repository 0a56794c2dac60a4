/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An exported network gives the same probabilities in the engine as in the trainer: every kind of layer, batch norms
 * folded and not, and the temperature. */
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
#include "train/model/export.h"
#include "train/net/loss.h"

#define BATCH 3
/* float sums in another order, over at most a few hundred terms a layer */
#define TOLERANCE 2e-4f

static void random_fill(struct rng *rng, float *x, size_t n, double spread)
{
        for (size_t i = 0; i < n; i++)
                x[i] = (float)(spread * rng_normal(rng));
}

static struct net *make(const char *layers)
{
        _cleanup_(recipe_freep) struct recipe *recipe = NULL;
        struct recipe_error error = { "" };
        char text[2048];
        struct net *net;
        struct rng rng;

        snprintf(text, sizeof(text),
                 "input = { width = 20; height = 18; normalisation = \"contrast\"; }; network = ( %s );", layers);
        assert_int_equal(recipe_load_string(text, "test", &recipe, &error), 0);
        if (net_new(recipe, 1, &net, &error) < 0)
                fail_msg("%s", error.text);
        /* a head is not in the file */
        if (net->layers[net->n_layers - 1]->ops == &layer_fc)
                assert_int_equal(net_add_head(net, "head", 3, &error), 0);
        else
                assert_int_equal(net_add_head(net, "head", 3, &error), -EINVAL);
        assert_int_equal(net_prepare(net, BATCH, 3), 0);
        /* running statistics that are not those of a fresh network */
        rng_seed(&rng, 8);
        for (unsigned step = 0; step < 5; step++) {
                random_fill(&rng, net_input(net), BATCH * shape_size(net->in), 1.5);
                net_forward(net, BATCH, true);
        }
        for (size_t i = 0; i < net->n_params; i++)
                for (size_t j = 0; j < net->params[i].n && net->params[i].trainable; j++)
                        net->w[net->params[i].at + j] += (float)(0.05 * rng_normal(&rng));
        random_fill(&rng, net_input(net), BATCH * shape_size(net->in), 1.5);
        return net;
}

static void compare(struct net *net, const char *path, const struct calibration *c)
{
        const struct nn_plan_options options = { .batch = BATCH };
        struct nn_model *model = NULL;
        struct nn_plan *plan = NULL;
        struct nn_error error = { "" };
        float want[16], logits[16], *in;
        const struct nn_tensor *out;

        if (nn_model_load(path, &model, &error) < 0 || nn_plan_new(model, &options, &plan, &error) < 0)
                fail_msg("%s", error.text);
        assert_string_equal(nn_model_metadata(model, "emotiond.labels"), "a,b,c,d,e");
        assert_string_equal(nn_model_metadata(model, "emotiond.normalisation"), "contrast");
        assert_string_equal(nn_model_metadata(model, "emotiond.output"), "probabilities");
        assert_string_equal(nn_model_metadata(model, "emotiond.name"), "test");
        in = nn_plan_input(plan, 0)->data;
        memcpy(in, net_input(net), BATCH * shape_size(net->in) * sizeof(float));
        assert_int_equal(nn_plan_run(plan), 0);
        net_forward(net, BATCH, false);
        out = nn_plan_output(plan, 0);
        assert_int_equal(nn_tensor_n_elements(out), BATCH * 5);
        for (unsigned i = 0; i < BATCH; i++) {
                for (unsigned k = 0; k < 5; k++)
                        logits[k] = net_output(net)[i * 5 + k];
                calibration_apply(c, logits, 1, 5);
                softmax(logits, 5, want);
                for (unsigned k = 0; k < 5; k++)
                        assert_true(fabsf(want[k] - ((const float *)out->data)[i * 5 + k]) < TOLERANCE);
        }
        nn_plan_free(plan);
        nn_model_free(model);
}

static void check(const char *layers)
{
        const struct calibration calibrations[] = { { .temperature = 1 },
                                                    { .temperature = 1.7 },
                                                    { .temperature = 0.6, .bias = { 0.5, -0.2, 0.1, 0.3 } } };
        char path[] = "/tmp/emotion-export-XXXXXX";
        int fd = mkstemp(path);
        struct net *net = make(layers);

        assert_true(fd >= 0);
        close(fd);
        for (size_t i = 0; i < ARRAY_LEN(calibrations); i++) {
                const struct export_info info = {
                        .name = "test", .licence = "none", .labels = "a,b,c,d,e", .calibration = &calibrations[i]
                };

                assert_int_equal(export_net(net, &info, path), 0);
                compare(net, path, &calibrations[i]);
        }
        unlink(path);
        net_free(net);
}

#define END ", { type = \"globalavgpool\"; }, { type = \"fc\"; units = 5; }"

static void test_plain(void **state)
{
        check("{ type = \"fc\"; units = 5; }");
        check("{ type = \"conv\"; filters = 7; }, { type = \"relu\"; }, { type = \"maxpool\"; }, { type = \"dropout\"; }, "
              "{ type = \"fc\"; units = 9; }, { type = \"tanh\"; }, { type = \"fc\"; units = 5; }");
        check("{ type = \"conv\"; filters = 5; kernel = 1; }, { type = \"globalavgpool\"; }");
}

static void test_conv(void **state)
{
        check("{ type = \"conv\"; filters = 8; kernel = 5; stride = 2; }, { type = \"conv\"; filters = 12; kernel = 4; "
              "groups = 4; }, { type = \"conv\"; filters = 12; groups = 12; }, { type = \"conv\"; filters = 9; dilation = 2; }, "
              "{ type = \"conv\"; filters = 4; pad = [0, 1, 2, 0]; bias = false; }" END);
}

static void test_batchnorm(void **state)
{
        /* folded into a convolution, into a fully connected layer, and standing alone after a pooling */
        check("{ type = \"conv\"; filters = 8; bias = false; }, { type = \"batchnorm\"; activation = \"relu\"; }, "
              "{ type = \"maxpool\"; }, { type = \"batchnorm\"; activation = \"relu\"; }, { type = \"fc\"; units = 6; }, "
              "{ type = \"batchnorm\"; }, { type = \"fc\"; units = 5; }");
        /* a convolution that others read too cannot take it in */
        check("{ type = \"conv\"; filters = 8; name = \"a\"; }, { type = \"batchnorm\"; }, { type = \"add\"; with = \"a\"; }" END);
}

static void test_residual(void **state)
{
        check("{ type = \"conv\"; filters = 8; bias = false; }, { type = \"batchnorm\"; activation = \"relu\"; name = \"a\"; }, "
              "{ type = \"conv\"; filters = 8; bias = false; }, { type = \"batchnorm\"; }, "
              "{ type = \"add\"; with = \"a\"; activation = \"relu\"; name = \"b\"; }, "
              "{ type = \"conv\"; filters = 6; stride = 2; name = \"c\"; }, { type = \"conv\"; from = \"b\"; filters = 6; "
              "kernel = 1; stride = 2; name = \"d\"; }, { type = \"concat\"; from = [\"c\", \"d\"]; }" END);
}

static void test_squeeze_excite(void **state)
{
        check("{ type = \"conv\"; filters = 8; name = \"a\"; }, { type = \"globalavgpool\"; }, { type = \"conv\"; filters = 3; "
              "kernel = 1; }, { type = \"relu\"; }, { type = \"conv\"; filters = 8; kernel = 1; }, "
              "{ type = \"sigmoid\"; name = \"gate\"; }, { type = \"scale\"; from = [\"a\", \"gate\"]; }" END);
}

static void test_rest(void **state)
{
        check("{ type = \"conv\"; filters = 8; }, { type = \"lrn\"; size = 5; alpha = 0.3; }, { type = \"prelu\"; }, "
              "{ type = \"maxpool\"; kernel = 3; stride = 2; same = true; }, { type = \"hardswish\"; }, "
              "{ type = \"avgpool\"; kernel = 3; stride = 2; same = true; }, { type = \"leakyrelu\"; slope = 0.2; }" END);
}

static void test_lcn(void **state)
{
        check("{ type = \"conv\"; filters = 6; }, { type = \"relu\"; }, { type = \"lcn\"; }, "
              "{ type = \"maxpool\"; kernel = 3; stride = 2; same = true; }, "
              "{ type = \"lcn\"; size = 5; sigma = 1; floor = 0.4; }" END);
        check("{ type = \"lcn\"; floor = 20; }, { type = \"fc\"; units = 5; }");
        check("{ type = \"conv\"; filters = 8; name = \"a\"; }, { type = \"globalavgpool\"; }, { type = \"fc\"; units = 8; }, "
              "{ type = \"hardsigmoid\"; name = \"gate\"; }, { type = \"scale\"; from = [\"a\", \"gate\"]; }" END);
}

/* The model in the source: what the service relies on. */
static void test_shipped(void **state)
{
        const char *source = getenv("EMO_SRCDIR");
        struct nn_model *model = NULL;
        struct nn_plan *plan = NULL;
        struct nn_error error = { "" };
        const float *p;
        float sum = 0;
        char path[4096];
        struct stat st;

        snprintf(path, sizeof(path), "%s/models/emotion-default.onnx", source ? source : ".");
        assert_int_equal(stat(path, &st), 0);
        assert_true(st.st_size < 4000000);
        if (nn_model_load(path, &model, &error) < 0 || nn_plan_new(model, NULL, &plan, &error) < 0)
                fail_msg("%s", error.text);
        assert_string_equal(nn_model_metadata(model, "emotiond.labels"),
                            "anger,disgust,fear,happiness,sadness,surprise,neutral");
        assert_string_equal(nn_model_metadata(model, "emotiond.normalisation"), "contrast");
        assert_string_equal(nn_model_metadata(model, "emotiond.output"), "probabilities");
        assert_int_equal(nn_tensor_n_elements(nn_plan_input(plan, 0)), 48 * 48);
        memset(nn_plan_input(plan, 0)->data, 0, 48 * 48 * sizeof(float));
        assert_int_equal(nn_plan_run(plan), 0);
        assert_int_equal(nn_tensor_n_elements(nn_plan_output(plan, 0)), 7);
        p = nn_plan_output(plan, 0)->data;
        for (unsigned i = 0; i < 7; i++)
                sum += p[i];
        assert_float_equal(sum, 1, 1e-5);
        nn_plan_free(plan);
        nn_model_free(model);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plain),
                cmocka_unit_test(test_conv),
                cmocka_unit_test(test_batchnorm),
                cmocka_unit_test(test_residual),
                cmocka_unit_test(test_squeeze_excite),
                cmocka_unit_test(test_rest),
                cmocka_unit_test(test_lcn),
                cmocka_unit_test(test_shipped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
