/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The writer's files, read back with protobuf-c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "nn/onnx-write.h"
#include "nn/onnx.pb-c.h"

static void temp_path(char *path, size_t size)
{
        const char *dir = getenv("TMPDIR");
        int fd;

        snprintf(path, size, "%s/test-onnx-write-XXXXXX", dir ? dir : "/tmp");
        fd = mkstemp(path);
        assert_true(fd >= 0);
        close(fd);
}

static Onnx__ModelProto *read_model(const char *path)
{
        static uint8_t buffer[65536];
        FILE *f = fopen(path, "re");
        size_t n;

        assert_non_null(f);
        n = fread(buffer, 1, sizeof(buffer), f);
        fclose(f);
        return onnx__model_proto__unpack(NULL, n, buffer);
}

static void test_round_trip(void **state)
{
        float weights[6] = { 1, -2, 3.5f, 0, 1e-20f, -7 };
        struct nn_tensor w_tensor = { .type = NN_FLOAT32, .n_dims = 2, .dims = { 2, 3 }, .data = weights };
        const struct onnx_attribute attributes[] = {
                { .name = "transB", .kind = ONNX_INT, .i = 1 },
                { .name = "alpha", .kind = ONNX_FLOAT, .f = 0.5f },
                { .name = "mode", .kind = ONNX_STRING, .s = "text" },
                { .name = "pads", .kind = ONNX_INTS, .ints = (const int64_t[]){ 1, 2, -3 }, .n = 3 },
                { .name = "scales", .kind = ONNX_FLOATS, .floats = (const float[]){ 1, 2 }, .n = 2 },
                { 0 },
        };
        struct onnx_writer *w;
        Onnx__ModelProto *m;
        Onnx__GraphProto *g;
        char path[256];

        temp_path(path, sizeof(path));
        assert_int_equal(onnx_writer_new("net", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, (const int64_t[]){ -1, 3 }, 2);
        onnx_writer_output(w, "y", NN_FLOAT32, (const int64_t[]){ -1, 2 }, 2);
        onnx_writer_initializer(w, "w", &w_tensor);
        for (int i = 0; i < 5; i++)
                onnx_writer_node(w, "Gemm", (const char *const[]){ "x", "w", "", NULL },
                                 (const char *const[]){ "y", NULL }, attributes);
        onnx_writer_metadata(w, "emotiond.name", "tiny");
        assert_int_equal(onnx_writer_save(w, path), 0);
        assert_null(onnx_writer_free(w));

        m = read_model(path);
        assert_non_null(m);
        g = m->graph;
        assert_int_equal(m->ir_version, 8);
        assert_int_equal(m->n_opset_import, 1);
        assert_int_equal(m->opset_import[0]->version, 13);
        assert_string_equal(g->name, "net");
        assert_int_equal(g->input[0]->type->tensor_type->shape->n_dim, 2);
        assert_string_equal(g->input[0]->type->tensor_type->shape->dim[0]->dim_param, "N");
        assert_int_equal(g->input[0]->type->tensor_type->shape->dim[1]->dim_value, 3);
        assert_string_equal(g->output[0]->name, "y");
        assert_int_equal(g->initializer[0]->raw_data.len, sizeof(weights));
        assert_memory_equal(g->initializer[0]->raw_data.data, weights, sizeof(weights));
        assert_int_equal(g->initializer[0]->dims[1], 3);
        assert_int_equal(g->n_node, 5);
        assert_int_equal(g->node[4]->n_input, 3);
        assert_string_equal(g->node[4]->input[2], "");
        assert_int_equal(g->node[4]->n_attribute, 5);
        assert_int_equal(g->node[4]->attribute[0]->i, 1);
        assert_true(g->node[4]->attribute[1]->f == 0.5f);
        assert_memory_equal(g->node[4]->attribute[2]->s.data, "text", 4);
        assert_int_equal(g->node[4]->attribute[3]->ints[2], -3);
        assert_true(g->node[4]->attribute[4]->floats[1] == 2);
        assert_string_equal(m->metadata_props[0]->value, "tiny");
        onnx__model_proto__free_unpacked(m, NULL);
        unlink(path);
}

static void test_first_error_sticks(void **state)
{
        struct nn_tensor bad = { .type = NN_FLOAT32, .n_dims = 2, .dims = { 2, -3 } };
        struct onnx_writer *w;
        char path[256];

        temp_path(path, sizeof(path));
        assert_int_equal(onnx_writer_new("net", &w), 0);
        onnx_writer_initializer(w, "w", &bad);
        onnx_writer_node(w, "Relu", (const char *const[]){ "x", NULL }, (const char *const[]){ "y", NULL }, NULL);
        assert_int_equal(onnx_writer_save(w, path), -EINVAL);
        onnx_writer_free(w);
        assert_int_equal(onnx_writer_new("net", &w), 0);
        assert_int_equal(onnx_writer_save(w, "/nonexistent/folder/x.onnx"), -ENOENT);
        onnx_writer_free(w);
        unlink(path);
}

static void test_n_elements(void **state)
{
        struct nn_tensor t = { .type = NN_FLOAT32, .n_dims = 3, .dims = { 0, INT64_C(1) << 62, 4 } };

        assert_int_equal(nn_tensor_n_elements(&t), -1);
        t.dims[1] = 5;
        assert_int_equal(nn_tensor_n_elements(&t), 0);
        t.dims[0] = 2;
        assert_int_equal(nn_tensor_n_elements(&t), 40);
        t.n_dims = 0;
        assert_int_equal(nn_tensor_n_elements(&t), 1);
        t.n_dims = NN_MAX_DIMS + 1;
        assert_int_equal(nn_tensor_n_elements(&t), -1);
        assert_int_equal(nn_type_size(NN_INT64), 8);
        assert_int_equal(nn_type_size((enum nn_type)11), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_first_error_sticks),
                cmocka_unit_test(test_n_elements),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
