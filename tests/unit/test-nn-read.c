/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reader: where the contents of tensors end up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "nn/graph.h"
#include "tests/unit/nn-net.h"

#define N_TENSORS 300

/* The @i-th tensor's @k-th byte; those of tensors 64 to 79 look like a place in the file that is far outside. */
static uint8_t byte_of(size_t i, size_t k)
{
        return i >= 64 && i < 80 ? 0xf0 : (uint8_t)(i * 31 + k * 7 + 1);
}

/* Tensors of 1 to 80 bytes and a few large ones, with so little between them that not each can be moved to an aligned
 * address. */
static size_t bytes_of(size_t i)
{
        return i < 80 ? i + 1 : i % 50 == 49 ? 70001 : 65;
}

static struct onnx_writer *many_tensors(void)
{
        const struct onnx_attribute axis[] = { { .name = "axis", .kind = ONNX_INT, .i = 0 }, { 0 } };
        static uint8_t bytes[70001];
        struct onnx_writer *w;

        assert_int_equal(onnx_writer_new("t", &w), 0);
        onnx_writer_input(w, "x", NN_UINT8, DIMS(4));
        for (size_t i = 0; i < N_TENSORS; i++) {
                struct nn_tensor t = { .type = NN_UINT8, .n_dims = 1, .dims = { (int64_t)bytes_of(i) }, .data = bytes };
                char name[8];

                for (size_t k = 0; k < bytes_of(i); k++)
                        bytes[k] = byte_of(i, k);
                snprintf(name, sizeof(name), "%zu", i);
                onnx_writer_initializer(w, name, &t);
        }
        onnx_writer_node(w, "Concat", NAMES("x", "79"), NAMES("y"), axis);
        onnx_writer_output(w, "y", NN_UINT8, DIMS(84));
        return w;
}

static void test_contents_of_tensors(void **state)
{
        struct onnx_writer *w = many_tensors();
        struct nn_model *m = NULL;
        size_t in_file = 0, n = 0;

        assert_int_equal(net_load(w, &m, NULL), 0);
        onnx_writer_free(w);
        for (size_t v = 0; v < m->n_values; v++) {
                const struct nn_tensor *t = &m->values[v].t;
                uintptr_t at = (uintptr_t)t->data;
                size_t i = (size_t)atoi(m->values[v].name);

                if (!t->data)
                        continue;
                n++;
                assert_int_equal(t->dims[0], bytes_of(i));
                if (bytes_of(i) >= 64)
                        assert_int_equal(at % 64, 0);
                in_file += at >= (uintptr_t)m->file && at < (uintptr_t)m->file + m->file_bytes;
                for (size_t k = 0; k < bytes_of(i); k++)
                        assert_int_equal(((const uint8_t *)t->data)[k], byte_of(i, k));
        }
        assert_int_equal(n, N_TENSORS);
        /* both ways were taken */
        assert_true(in_file > 20);
        assert_true(in_file < N_TENSORS - 80);
        nn_model_free(m);
}

/* Nothing large: the file is not kept. */
static void test_small_file_is_let_go(void **state)
{
        struct onnx_writer *w;
        struct nn_model *m = NULL;

        assert_int_equal(onnx_writer_new("t", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 3));
        net_weights(w, "b", 1, 0, 1, (const int64_t[]){ 3 });
        onnx_writer_node(w, "Add", NAMES("x", "b"), NAMES("y"), NULL);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, 3));
        assert_int_equal(net_load(w, &m, NULL), 0);
        onnx_writer_free(w);
        assert_null(m->file);
        nn_model_free(m);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_contents_of_tensors),
                cmocka_unit_test(test_small_file_is_let_go),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
