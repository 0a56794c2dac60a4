/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values that share memory. Concatenations without a copy: what makes a part writes it where it belongs. Results that are
 * written over an operand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "nn/plan.h"
#include "tests/unit/nn-net.h"

#define MAX_PARTS 3

static const struct onnx_attribute channels[] = { { .name = "axis", .kind = ONNX_INT, .i = 1 }, { 0 } };

/* 3x3; the results are about as large as the inputs. */
static void conv(struct onnx_writer *w, const char *in, const char *out, int64_t k, int64_t c, uint32_t seed)
{
        const struct onnx_attribute pads[] = {
                { .name = "pads", .kind = ONNX_INTS, .n = 4, .ints = (const int64_t[]){ 1, 1, 1, 1 } },
                { 0 },
        };
        struct nn_tensor t = { .type = NN_FLOAT32, .n_dims = 4, .dims = { k, c, 3, 3 } };
        char weights[32];

        snprintf(weights, sizeof(weights), "%s.w", out);
        t.data = malloc((size_t)(k * c * 9) * sizeof(float));
        assert_non_null(t.data);
        for (int64_t i = 0; i < k * c * 9; i++)
                nn_f32(&t)[i] = net_random(&seed) / sqrtf(3.f * (float)c);
        onnx_writer_initializer(w, weights, &t);
        free(t.data);
        onnx_writer_node(w, "Conv", NAMES(in, weights), NAMES(out), pads);
}

static struct nn_plan *plan_of(struct onnx_writer *w, unsigned batch, bool keep_all, struct nn_model **ret)
{
        struct nn_plan_options options = { .batch = batch, .keep_all = keep_all };
        struct nn_error error = { { 0 } };
        struct nn_plan *p = NULL;

        if (net_load(w, ret, &error) < 0 || nn_plan_new(*ret, &options, &p, &error) < 0)
                fail_msg("%s", error.text);
        for (size_t i = 0; i < nn_model_n_inputs(*ret); i++) {
                struct nn_tensor *x = nn_plan_input(p, i);
                int64_t n = nn_tensor_n_elements(x), image = n / x->dims[0];

                /* the same for each image */
                for (int64_t k = 0; k < n; k++) {
                        uint32_t seed = (uint32_t)(k % image) * 2654435761u;

                        nn_f32(x)[k] = net_random(&seed);
                }
        }
        assert_int_equal(nn_plan_run(p), 0);
        return p;
}

static unsigned n_concats(const struct nn_plan *p, char *ret_note)
{
        unsigned n = 0;

        for (size_t i = 0; i < p->n_steps; i++)
                if (strcmp(p->steps[i].call.op->name, "Concat") == 0) {
                        n++;
                        strcpy(ret_note, p->steps[i].fused);
                }
        return n;
}

/* Convolutions of @ks channels, joined; the parts are outputs themselves if @parts, and then nothing is joined. */
static struct onnx_writer *joined(int64_t side, const int64_t *ks, unsigned n, bool parts)
{
        const char *const names[MAX_PARTS + 1] = { "a", "b", "c", NULL }, *list[MAX_PARTS + 1] = { NULL };
        struct onnx_writer *w;
        int64_t sum = 0;

        assert_int_equal(onnx_writer_new("t", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(-1, 3, side, side));
        for (unsigned i = 0; i < n; i++) {
                conv(w, "x", names[i], ks[i], 3, i + 1);
                list[i] = names[i];
                sum += ks[i];
                if (parts)
                        onnx_writer_output(w, names[i], NN_FLOAT32, DIMS(-1, ks[i], side, side));
        }
        if (!parts) {
                onnx_writer_node(w, "Concat", list, NAMES("y"), channels);
                onnx_writer_output(w, "y", NN_FLOAT32, DIMS(-1, sum, side, side));
        }
        return w;
}

static void check_joined(int64_t side, const int64_t *ks, unsigned n, unsigned batch, unsigned concats,
                         const char *note)
{
        struct onnx_writer *w = joined(side, ks, n, false), *w_parts = joined(side, ks, n, true);
        struct nn_model *m, *m_parts;
        struct nn_plan *p = plan_of(w, batch, false, &m), *q = plan_of(w_parts, batch, false, &m_parts);
        const float *y = nn_f32(nn_plan_output(p, 0));
        char seen[sizeof(p->steps->fused)] = "";

        for (unsigned b = 0; b < batch; b++)
                for (unsigned i = 0; i < n; i++) {
                        size_t part = (size_t)(ks[i] * side * side);

                        assert_memory_equal(y, nn_f32(nn_plan_output(q, i)) + b * part, part * sizeof(float));
                        y += part;
                }
        assert_int_equal(n_concats(p, seen), concats);
        if (note)
                assert_string_equal(seen, note);
        nn_plan_free(p);
        nn_plan_free(q);
        nn_model_free(m);
        nn_model_free(m_parts);
        onnx_writer_free(w);
        onnx_writer_free(w_parts);
}

static void test_whole_blocks(void **state)
{
        check_joined(6, (const int64_t[]){ 32, 16, 48 }, 3, 1, 0, NULL);
        /* the last part may end in the middle of a block */
        check_joined(6, (const int64_t[]){ 32, 16, 7 }, 3, 1, 0, NULL);
}

static void test_odd_channels(void **state)
{
        /* plain then; 20 * 64 values are whole vectors, so the reorders write to their places */
        check_joined(8, (const int64_t[]){ 20, 12 }, 2, 1, 0, NULL);
        /* 5 * 25 values are not */
        check_joined(5, (const int64_t[]){ 5, 16 }, 2, 1, 1, " 1 of 2 parts");
        check_joined(5, (const int64_t[]){ 5, 2, 16 }, 3, 1, 1, " 2 of 3 parts");
}

static void test_batch_is_copied(void **state)
{
        check_joined(6, (const int64_t[]){ 32, 16 }, 2, 3, 1, "");
        check_joined(5, (const int64_t[]){ 5, 16 }, 2, 2, 1, "");
}

static void assert_near(const struct nn_plan *p, const struct nn_plan *q)
{
        for (size_t i = 0; i < p->model->n_outputs; i++) {
                const struct nn_tensor *a = nn_plan_output(p, i), *b = nn_plan_output(q, i);

                for (int64_t k = 0; k < nn_tensor_n_elements(a); k++)
                        if (!(fabsf(nn_f32(a)[k] - nn_f32(b)[k]) <= 1e-4f * (1 + fabsf(nn_f32(b)[k]))))
                                fail_msg("output %zu, value %ld: %g, expected %g", i, (long)k, (double)nn_f32(a)[k],
                                         (double)nn_f32(b)[k]);
        }
}

/* Against the plan that keeps each value apart. */
static void check(struct onnx_writer *w, unsigned concats, const char *note)
{
        struct nn_model *m, *m2;
        struct nn_plan *p = plan_of(w, 1, false, &m), *q = plan_of(w, 1, true, &m2);
        char seen[sizeof(p->steps->fused)] = "";

        assert_near(p, q);
        assert_int_equal(n_concats(p, seen), concats);
        if (note)
                assert_string_equal(seen, note);
        nn_plan_free(p);
        nn_plan_free(q);
        nn_model_free(m);
        nn_model_free(m2);
        onnx_writer_free(w);
}

static struct onnx_writer *begin(void)
{
        struct onnx_writer *w;

        assert_int_equal(onnx_writer_new("t", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 32, 6, 6));
        return w;
}

/* One value cannot be in two places, nor an input of the graph, nor what the caller reads, nor a constant. */
static void test_parts_that_stay(void **state)
{
        struct onnx_writer *w = begin();

        conv(w, "x", "a", 32, 32, 1);
        onnx_writer_node(w, "Concat", NAMES("a", "a"), NAMES("y"), channels);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, 64, 6, 6));
        check(w, 1, " 1 of 2 parts");

        w = begin();
        conv(w, "x", "a", 32, 32, 1);
        onnx_writer_node(w, "Concat", NAMES("x", "a"), NAMES("y"), channels);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, 64, 6, 6));
        check(w, 1, " 1 of 2 parts");

        w = begin();
        onnx_writer_node(w, "Softmax", NAMES("x"), NAMES("a"), channels);
        onnx_writer_node(w, "Exp", NAMES("x"), NAMES("b"), NULL);
        onnx_writer_node(w, "Concat", NAMES("a", "b"), NAMES("y"), channels);
        onnx_writer_output(w, "a", NN_FLOAT32, DIMS(1, 32, 6, 6));
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, 64, 6, 6));
        check(w, 1, " 1 of 2 parts");

        w = begin();
        net_weights(w, "k", 1, 0, 4, (const int64_t[]){ 1, 32, 6, 6 });
        onnx_writer_node(w, "Exp", NAMES("x"), NAMES("b"), NULL);
        onnx_writer_node(w, "Concat", NAMES("k", "b"), NAMES("y"), channels);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, 64, 6, 6));
        check(w, 1, " 1 of 2 parts");
}

/* Parts that others read later, and a concatenation of concatenations. */
static void test_dense_block(void **state)
{
        struct onnx_writer *w = begin();

        conv(w, "x", "a", 32, 32, 1);
        onnx_writer_node(w, "Relu", NAMES("a"), NAMES("ra"), NULL);
        conv(w, "ra", "b", 16, 32, 2);
        onnx_writer_node(w, "Concat", NAMES("ra", "b"), NAMES("y1"), channels);
        conv(w, "y1", "c", 16, 48, 3);
        onnx_writer_node(w, "Concat", NAMES("y1", "c"), NAMES("y2"), channels);
        /* over the part, were it allowed to */
        onnx_writer_node(w, "Tanh", NAMES("ra"), NAMES("ta"), NULL);
        conv(w, "y2", "d", 32, 64, 4);
        onnx_writer_node(w, "Mul", NAMES("ta", "d"), NAMES("m"), NULL);
        onnx_writer_node(w, "Concat", NAMES("m", "y2"), NAMES("y3"), channels);
        conv(w, "y3", "e", 16, 96, 5);
        onnx_writer_output(w, "e", NN_FLOAT32, DIMS(1, 16, 6, 6));
        check(w, 0, NULL);
}

/* Heads of a detector: rows of several maps one below the other. */
static void test_rows(void **state)
{
        const struct onnx_attribute perm[] = {
                { .name = "perm", .kind = ONNX_INTS, .n = 4, .ints = (const int64_t[]){ 0, 2, 3, 1 } },
                { 0 },
        };
        struct nn_tensor shape = { .type = NN_INT64, .n_dims = 1, .dims = { 3 }, .data = (int64_t[]){ 1, -1, 4 } };
        struct onnx_writer *w = begin();

        onnx_writer_initializer(w, "shape", &shape);
        conv(w, "x", "a", 16, 32, 1);
        conv(w, "x", "b", 8, 32, 2);
        onnx_writer_node(w, "Transpose", NAMES("a"), NAMES("at"), perm);
        onnx_writer_node(w, "Transpose", NAMES("b"), NAMES("bt"), perm);
        onnx_writer_node(w, "Reshape", NAMES("at", "shape"), NAMES("ar"), NULL);
        onnx_writer_node(w, "Reshape", NAMES("bt", "shape"), NAMES("br"), NULL);
        onnx_writer_node(w, "Concat", NAMES("ar", "br"), NAMES("y"), channels);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, 216, 4));
        check(w, 0, NULL);
}

/* The same on each instruction set: blocks and vectors differ in width. */
static void check_everywhere(struct onnx_writer *w)
{
        for (enum nn_isa isa = NN_ISA_PORTABLE; isa < NN_N_ISAS; isa++) {
                struct nn_model *m, *m2;
                struct nn_plan *p, *q;

                if (!nn_isa_runs(isa))
                        continue;
                assert_int_equal(setenv("EMOTION_NN_ISA", nn_isa_name(isa), true), 0);
                p = plan_of(w, 1, false, &m);
                q = plan_of(w, 1, true, &m2);
                assert_near(p, q);
                nn_plan_free(p);
                nn_plan_free(q);
                nn_model_free(m);
                nn_model_free(m2);
        }
        unsetenv("EMOTION_NN_ISA");
        onnx_writer_free(w);
}

static const struct onnx_attribute mean_of_row[] = {
        { .name = "axes", .kind = ONNX_INTS, .n = 1, .ints = (const int64_t[]){ 1 } },
        { 0 },
};

/* Values of a few bytes take a whole cache line, as larger ones do: an operand that is broadcast is not written over. */
static void test_broadcast_stays(void **state)
{
        static const char *const ops[] = { "Sub", "Add", "Mul", "Div", "PRelu" };
        struct onnx_writer *w;

        for (unsigned i = 0; i < 2 * ARRAY_LEN(ops) - 1; i++) {
                bool mean_first = i % 2;

                assert_int_equal(onnx_writer_new("centred", &w), 0);
                onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 8));
                onnx_writer_node(w, "ReduceMean", NAMES("x"), NAMES("m"), mean_of_row);
                onnx_writer_node(w, ops[i / 2], mean_first ? NAMES("m", "x") : NAMES("x", "m"), NAMES("y"), NULL);
                onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, 8));
                check_everywhere(w);
        }
        /* a scale per channel, in blocks */
        for (int64_t c = 1; c <= 9; c += 4)
                for (int64_t width = 1; width <= 4; width++) {
                        assert_int_equal(onnx_writer_new("scaled", &w), 0);
                        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 1, 2, width));
                        conv(w, "x", "a", c, 1, 3);
                        onnx_writer_node(w, "GlobalAveragePool", NAMES("a"), NAMES("g"), NULL);
                        onnx_writer_node(w, "Sigmoid", NAMES("g"), NAMES("s"), NULL);
                        onnx_writer_node(w, "Mul", NAMES("a", "s"), NAMES("m"), NULL);
                        onnx_writer_node(w, "Add", NAMES("m", "a"), NAMES("y"), NULL);
                        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, c, 2, width));
                        check_everywhere(w);
                }
}

/* The same where the operand is the end of a concatenation, whose memory ends before the result would. */
static void test_broadcast_part_stays(void **state)
{
        for (int64_t n = 4; n <= 16; n += 4) {
                struct onnx_writer *w;

                assert_int_equal(onnx_writer_new("part", &w), 0);
                onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, n));
                net_weights(w, "c", 3, 0, 2, (const int64_t[]){ 1, 16 });
                onnx_writer_node(w, "Tanh", NAMES("x"), NAMES("r"), NULL);
                onnx_writer_node(w, "Sigmoid", NAMES("x"), NAMES("p"), NULL);
                onnx_writer_node(w, "ReduceMean", NAMES("x"), NAMES("q"), mean_of_row);
                onnx_writer_node(w, "Concat", NAMES("p", "q"), NAMES("y"), channels);
                onnx_writer_node(w, "Exp", NAMES("y"), NAMES("s"), NULL);
                onnx_writer_node(w, "Add", NAMES("q", "c"), NAMES("z"), NULL);
                onnx_writer_output(w, "r", NN_FLOAT32, DIMS(1, n));
                onnx_writer_output(w, "s", NN_FLOAT32, DIMS(1, n + 1));
                onnx_writer_output(w, "z", NN_FLOAT32, DIMS(1, 16));
                check_everywhere(w);
        }
}

/* A concatenation and a part of it as the operands of one step, the part broadcast over the whole. */
static void test_whole_with_its_part(void **state)
{
        const struct onnx_attribute rows[] = { { .name = "axis", .kind = ONNX_INT, .i = 0 }, { 0 } };
        static const char *const ops[] = { "Mul", "Sub", "Add" };

        for (unsigned i = 0; i < 2 * ARRAY_LEN(ops); i++) {
                bool part_first = i % 2;
                struct onnx_writer *w;

                for (unsigned kind = 0; kind < 2; kind++) {
                        assert_int_equal(onnx_writer_new("whole", &w), 0);
                        if (kind)
                                onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 1, 4, 4));
                        else
                                onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 16));
                        onnx_writer_node(w, "Sigmoid", NAMES("x"), NAMES("p"), NULL);
                        onnx_writer_node(w, "Tanh", NAMES("x"), NAMES("q"), NULL);
                        onnx_writer_node(w, "Concat", NAMES("p", "q"), NAMES("y"), kind ? channels : rows);
                        onnx_writer_node(w, ops[i / 2], part_first ? NAMES("p", "y") : NAMES("y", "p"), NAMES("z"),
                                         NULL);
                        onnx_writer_output(w, "z", NN_FLOAT32, DIMS(-1, -1));
                        check_everywhere(w);
                }
        }
}

/* Any graph of a few operators that may work in place. */
static void random_graph(uint32_t *seed)
{
        enum { N = 14 };
        static const int64_t sizes[] = { 16, 16, 32, 8, 5 };
        struct onnx_writer *w = begin();
        char names[N + 1][8] = { "x" };
        int64_t c[N + 1] = { 32 };
        char last[8];

        for (unsigned i = 1; i <= N; i++) {
                unsigned pick = (unsigned)((net_random(seed) + 1) * 1000), a = i - 1 - (pick >> 3) % MIN(i, 4u);
                unsigned b = i - 1 - (pick >> 5) % MIN(i, 5u);
                int64_t k = sizes[(pick >> 4) % ARRAY_LEN(sizes)];

                snprintf(names[i], sizeof(names[i]), "v%u", i);
                c[i] = c[a];
                if (pick % 8 < 3 && c[a] + c[b] < 200) {
                        onnx_writer_node(w, "Concat", NAMES(names[a], names[b]), NAMES(names[i]), channels);
                        c[i] = c[a] + c[b];
                } else if (pick % 8 < 5) {
                        conv(w, names[a], names[i], c[i] = k, c[a], i);
                } else if (pick % 8 == 5 && c[a] == c[b]) {
                        onnx_writer_node(w, "Add", NAMES(names[a], names[b]), NAMES(names[i]), NULL);
                } else {
                        onnx_writer_node(w, pick % 2 ? "Tanh" : "Sigmoid", NAMES(names[a]), NAMES(names[i]), NULL);
                }
        }
        strcpy(last, names[N]);
        for (unsigned i = N; i-- > N - 3;) {
                char name[8];

                snprintf(name, sizeof(name), "o%u", i);
                onnx_writer_node(w, "Sigmoid", NAMES(names[i]), NAMES(name), NULL);
                onnx_writer_output(w, name, NN_FLOAT32, DIMS(1, c[i], 6, 6));
        }
        onnx_writer_output(w, last, NN_FLOAT32, DIMS(1, c[N], 6, 6));

        struct nn_model *m, *m2;
        struct nn_plan *p = plan_of(w, 1, false, &m), *q = plan_of(w, 1, true, &m2);

        assert_near(p, q);
        /* what the first run left must not show in the second */
        assert_int_equal(nn_plan_run(p), 0);
        assert_near(p, q);
        nn_plan_free(p);
        nn_plan_free(q);
        nn_model_free(m);
        nn_model_free(m2);
        onnx_writer_free(w);
}

static void test_random_graphs(void **state)
{
        uint32_t seed = 7;

        for (unsigned i = 0; i < 150; i++)
                random_graph(&seed);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_whole_blocks),        cmocka_unit_test(test_odd_channels),
                cmocka_unit_test(test_batch_is_copied),     cmocka_unit_test(test_parts_that_stay),
                cmocka_unit_test(test_dense_block),         cmocka_unit_test(test_rows),
                cmocka_unit_test(test_broadcast_stays),     cmocka_unit_test(test_broadcast_part_stays),
                cmocka_unit_test(test_whole_with_its_part), cmocka_unit_test(test_random_graphs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
