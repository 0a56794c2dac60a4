/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The three products of a convolution in training, whichever way computes them, against plain sums. */
#undef NDEBUG
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "basic/macro.h"
#include "train/net/conv.h"

#define BATCH 6

/* What stands before and behind the layer under test. */
#define RECIPE                                                                                       \
        "input = { width = %u; height = %u; }; network = ( { type = \"conv\"; filters = %u; }, %s, " \
        "{ type = \"globalavgpool\"; }, { type = \"fc\"; units = 3; } );"

static struct net *make(unsigned width, unsigned height, unsigned channels, const char *layer, unsigned threads)
{
        _cleanup_(recipe_freep) struct recipe *recipe = NULL;
        struct recipe_error error = { "" };
        struct net *net = NULL;
        char text[1024];
        struct rng rng;

        snprintf(text, sizeof(text), RECIPE, width, height, channels, layer);
        assert_int_equal(recipe_load_string(text, "test", &recipe, &error), 0);
        if (net_new(recipe, threads, &net, &error) < 0)
                fail_msg("%s", error.text);
        assert_int_equal(net_prepare(net, BATCH, 7), 0);
        rng_seed(&rng, 5);
        for (size_t i = 0; i < BATCH * shape_size(net->in); i++)
                net_input(net)[i] = (float)rng_normal(&rng);
        return net;
}

/* Adds what tap (r, s) of the filter for @k from channel @i gives at pixel (y, x) of picture @n to the three sums. */
struct sums {
        double *y, *dx, *dw;
};

static void add_tap(const struct net *net, const struct layer *l, struct sums *sums, size_t n, unsigned k, unsigned i,
                    unsigned y, unsigned x, unsigned r, unsigned s)
{
        const struct conv *c = l->state;
        long row = (long)(y * c->stride + r * c->dilation) - (long)c->pad_top;
        long column = (long)(x * c->stride + s * c->dilation) - (long)c->pad_left;
        size_t from, to = ((n * l->out.c + k) * l->out.h + y) * l->out.w + x;
        size_t tap = (((size_t)k * l->in.c + i) * c->kernel_h + r) * c->kernel_w + s;
        double w = (double)net->w[l->weight.at + tap];

        if (row < 0 || column < 0 || row >= (long)l->in.h || column >= (long)l->in.w)
                return;
        from = ((n * l->in.c + i) * l->in.h + (size_t)row) * l->in.w + (size_t)column;
        sums->y[to] += w * (double)l->inputs[0]->y[from];
        sums->dx[from] += w * (double)l->dy[to];
        sums->dw[tap] += (double)l->dy[to] * (double)l->inputs[0]->y[from];
}

static void add_all(const struct net *net, const struct layer *l, struct sums *sums)
{
        const struct conv *c = l->state;

        for (size_t n = 0; n < BATCH; n++)
                for (unsigned k = 0; k < l->out.c; k++)
                        for (unsigned i = 0; i < l->in.c; i++)
                                for (unsigned at = 0; at < l->out.h * l->out.w; at++)
                                        for (unsigned t = 0; t < c->kernel_h * c->kernel_w; t++)
                                                add_tap(net, l, sums, n, k, i, at / l->out.w, at % l->out.w,
                                                        t / c->kernel_w, t % c->kernel_w);
}

static void assert_near(const char *what, const float *got, const double *want, size_t n)
{
        double largest = 0;

        for (size_t i = 0; i < n; i++)
                largest = fmax(largest, fabs(want[i]));
        assert_true(largest > 0);
        for (size_t i = 0; i < n; i++)
                if (!(fabs((double)got[i] - want[i]) <= 2e-5 * largest))
                        fail_msg("%s[%zu]: %g, not %g", what, i, (double)got[i], want[i]);
}

struct ways {
        bool engine_output, engine_input, winograd, columns;
};

static void check(unsigned width, unsigned height, unsigned channels, const char *layer, struct ways ways)
{
        struct net *net = make(width, height, channels, layer, 1), *threaded = make(width, height, channels, layer, 3);
        struct layer *l = net->layers[2];
        size_t n_in = BATCH * shape_size(l->in), n_out = BATCH * shape_size(l->out);
        struct sums sums = { calloc(n_out, sizeof(double)), calloc(n_in, sizeof(double)),
                             calloc(l->weight.n, sizeof(double)) };
        struct conv *c = l->state;

        assert_true(sums.y && sums.dx && sums.dw);
        print_message("# %s of %u channels, %u x %u\n", layer, channels, width, height);
        assert_int_equal(!!c->output, ways.engine_output);
        assert_int_equal(!!c->input_gradient, ways.engine_input);
        assert_int_equal(!!c->weight_winograd, ways.winograd);
        assert_int_equal(!!c->weight_columns, ways.columns);
        for (struct net *each = net; each; each = each == net ? threaded : NULL) {
                net_forward(each, BATCH, true);
                for (size_t i = 0; i < BATCH * 3; i++)
                        net_output_gradient(each)[i] = (float)((int)(i * 7 % 5) - 2);
                net_backward(each);
        }
        /* the sums do not depend on the number of threads */
        assert_memory_equal(net->g, threaded->g, net->n_floats * sizeof(float));
        add_all(net, l, &sums);
        assert_near("y", l->y, sums.y, n_out);
        assert_near("dx", l->inputs[0]->dy, sums.dx, n_in);
        assert_near("dw", net->g + l->weight.at, sums.dw, l->weight.n);
        free(sums.y);
        free(sums.dx);
        free(sums.dw);
        net_free(net);
        net_free(threaded);
}

#define CONV(settings) "{ type = \"conv\"; bias = false; " settings " }"

static void test_winograd(void **state)
{
        const struct ways all = { true, true, true, false };

        check(12, 12, 31, CONV("filters = 29;"), all);
        check(14, 10, 45, CONV("filters = 33; pad = 0;"), all);
        check(6, 6, 40, CONV("filters = 48;"), all);
        check(3, 3, 48, CONV("filters = 40;"), all);
        check(14, 11, 32, CONV("filters = 32; pad = [0, 1, 2, 0];"), all);
        check(11, 10, 32, CONV("filters = 32; kernel = 5;"), all);
        check(10, 10, 40, CONV("filters = 40; kernel = 2;"), all);
}

static void test_engine(void **state)
{
        check(12, 12, 24, CONV("filters = 20; kernel = 1;"), (struct ways){ true, true, false, true });
        check(13, 13, 24, CONV("filters = 20; dilation = 2;"), (struct ways){ true, true, false, true });
        check(12, 13, 24, CONV("filters = 20; stride = 2;"), (struct ways){ true, false, false, true });
        /* padding that is wider than the kernel */
        check(10, 10, 32, CONV("filters = 32; pad = 3;"), (struct ways){ true, false, true, false });
}

static void test_columns(void **state)
{
        const struct ways strided = { true, false, false, true };

        /* more pixels than are laid out at a time, channels of more than one slice */
        check(25, 24, 40, CONV("filters = 33; stride = 2;"), strided);
        check(9, 10, 16, CONV("filters = 16; stride = 2; pad = [0, 1, 2, 0];"), strided);
        check(14, 13, 9, CONV("filters = 8; stride = 3; kernel = 5;"), strided);
        check(12, 12, 32, CONV("filters = 48; kernel = 1; stride = 2;"), strided);
        check(15, 15, 16, CONV("filters = 16; stride = 2; dilation = 3;"), strided);
        /* more slices than parts */
        check(4, 4, 16 * NET_PARTS + 8, CONV("filters = 16; stride = 2;"), strided);
        /* vectors that would mostly hold nothing; rows of whole vectors, which are read where they are */
        check(9, 9, 7, CONV("filters = 16; stride = 2;"), (struct ways){ true, false, false, false });
        check(9, 9, 16, CONV("filters = 7; stride = 2;"), (struct ways){ true, false, false, false });
        check(32, 9, 7, CONV("filters = 16; stride = 2;"), (struct ways){ true, false, false, false });
        check(32, 5, 16, CONV("filters = 3; stride = 2;"), (struct ways){ true, false, false, false });
}

/* More pictures than are transformed at a time. */
static void test_groups(void **state)
{
        check(48, 48, 32, CONV("filters = 32;"), (struct ways){ true, true, true, false });
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_winograd),
                cmocka_unit_test(test_engine),
                cmocka_unit_test(test_columns),
                cmocka_unit_test(test_groups),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
