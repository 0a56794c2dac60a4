/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reader: where the contents of tensors end up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <sys/stat.h>

#include "nn/graph.h"
#include "nn/onnx.pb-c.h"
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

/* A file of one initializer "w" and the node y = op(w), in folder @folder. */
struct one_tensor {
        Onnx__TensorProto t;
        const char *op, *folder;
};

static void write_model(const struct one_tensor *o)
{
        Onnx__ModelProto m = ONNX__MODEL_PROTO__INIT;
        Onnx__GraphProto g = ONNX__GRAPH_PROTO__INIT;
        Onnx__NodeProto node = ONNX__NODE_PROTO__INIT;
        Onnx__ValueInfoProto y = ONNX__VALUE_INFO_PROTO__INIT;
        Onnx__TypeProto type = ONNX__TYPE_PROTO__INIT;
        Onnx__TypeProto__Tensor tensor = ONNX__TYPE_PROTO__TENSOR__INIT;
        Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT;
        char *w_name = (char *)"w", *y_name = (char *)"y", path[256];
        uint8_t bytes[4096];
        FILE *f;

        opset.version = 13;
        opset.has_version = true;
        m.n_opset_import = 1;
        m.opset_import = &(Onnx__OperatorSetIdProto *){ &opset };
        m.graph = &g;
        node.op_type = (char *)(uintptr_t)o->op;
        node.n_input = node.n_output = 1;
        node.input = &w_name;
        node.output = &y_name;
        g.n_node = 1;
        g.node = &(Onnx__NodeProto *){ &node };
        g.n_initializer = 1;
        g.initializer = &(Onnx__TensorProto *){ (Onnx__TensorProto *)(uintptr_t)&o->t };
        tensor.elem_type = o->t.data_type;
        tensor.has_elem_type = true;
        type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
        type.tensor_type = &tensor;
        y.name = y_name;
        y.type = &type;
        g.n_output = 1;
        g.output = &(Onnx__ValueInfoProto *){ &y };
        assert_true(onnx__model_proto__get_packed_size(&m) <= sizeof(bytes));
        snprintf(path, sizeof(path), "%s/model.onnx", o->folder);
        f = fopen(path, "we");
        assert_non_null(f);
        assert_int_equal(fwrite(bytes, 1, onnx__model_proto__pack(&m, bytes), f),
                         onnx__model_proto__get_packed_size(&m));
        fclose(f);
}

static int run_model(const char *folder, float *ret, size_t n, struct nn_error *error)
{
        struct nn_model *m = NULL;
        struct nn_plan *p = NULL;
        char path[256];
        int r;

        snprintf(path, sizeof(path), "%s/model.onnx", folder);
        r = nn_model_load(path, &m, error);
        if (r == 0)
                r = nn_plan_new(m, NULL, &p, error);
        if (r == 0)
                r = nn_plan_run(p);
        if (r == 0) {
                assert_int_equal(nn_plan_output(p, 0)->type, NN_FLOAT32);
                assert_int_equal(nn_tensor_n_elements(nn_plan_output(p, 0)), n);
                memcpy(ret, nn_plan_output(p, 0)->data, n * sizeof(*ret));
        }
        nn_plan_free(p);
        nn_model_free(m);
        return r;
}

#define N_HALVES 40 /* more bytes than what stays in the message */

/* Numbers of every kind: 1, -2, the largest, the least above 0, a NaN. */
static void test_floats_of_other_widths(void **state)
{
        static const uint16_t halves[] = { 0x3c00, 0xc000, 0x7bff, 0x0001, 0x7e00, 0xfc00 };
        static const uint16_t brains[] = { 0x3f80, 0xc000, 0x4380, 0x0080, 0x7fc0, 0xff80 };
        static const float wanted[][6] = { { 1, -2, 65504, 0x1p-24f, NAN, -INFINITY },
                                           { 1, -2, 256, 0x1p-126f, NAN, -INFINITY } };
        char folder[] = "/tmp/emotiond-test-read-XXXXXX", path[256];

        assert_non_null(mkdtemp(folder));
        for (unsigned k = 0; k < 4; k++) {
                struct one_tensor o = { .t = ONNX__TENSOR_PROTO__INIT, .op = "Identity", .folder = folder };
                const uint16_t *from = k % 2 ? brains : halves;
                int64_t dims[] = { N_HALVES };
                uint16_t raw[N_HALVES];
                int32_t typed[N_HALVES];
                struct nn_error error;
                float got[N_HALVES];

                for (unsigned i = 0; i < N_HALVES; i++)
                        typed[i] = raw[i] = from[i % 6];
                o.t.name = (char *)"w";
                o.t.n_dims = 1;
                o.t.dims = dims;
                o.t.has_data_type = true;
                o.t.data_type =
                        k % 2 ? ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16 : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16;
                o.t.has_raw_data = k < 2;
                o.t.raw_data.len = k < 2 ? sizeof(raw) : 0;
                o.t.raw_data.data = (uint8_t *)raw;
                o.t.n_int32_data = k < 2 ? 0 : N_HALVES;
                o.t.int32_data = typed;
                write_model(&o);
                if (run_model(folder, got, N_HALVES, &error) < 0)
                        fail_msg("%s", error.text);
                for (unsigned i = 0; i < N_HALVES; i++)
                        assert_true(got[i] == wanted[k % 2][i % 6] || (isnan(got[i]) && isnan(wanted[k % 2][i % 6])));
        }
        snprintf(path, sizeof(path), "%s/model.onnx", folder);
        unlink(path);
        rmdir(folder);
}

struct external_case {
        const char *location, *offset, *length;
        int code; /* 0: read */
        const char *says;
};

static int run_external(const char *folder, const struct external_case *c, float *ret, struct nn_error *error)
{
        struct one_tensor o = { .t = ONNX__TENSOR_PROTO__INIT, .op = "Identity", .folder = folder };
        const char *const keys[] = { "location", "offset", "length" },
                          *values[] = { c->location, c->offset, c->length };
        Onnx__StringStringEntryProto entries[3], *list[3];
        int64_t dims[] = { 2 };

        for (unsigned i = 0; i < 3; i++) {
                entries[i] = (Onnx__StringStringEntryProto)ONNX__STRING_STRING_ENTRY_PROTO__INIT;
                if (!values[i])
                        continue;
                entries[i].key = (char *)(uintptr_t)keys[i];
                entries[i].value = (char *)(uintptr_t)values[i];
                list[o.t.n_external_data++] = &entries[i];
        }
        o.t.external_data = list;
        o.t.name = (char *)"w";
        o.t.n_dims = 1;
        o.t.dims = dims;
        o.t.has_data_type = o.t.has_data_location = true;
        o.t.data_type = NN_FLOAT32;
        o.t.data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
        write_model(&o);
        return run_model(folder, ret, 2, error);
}

static void test_data_beside_the_model(void **state)
{
        static const struct external_case cases[] = {
                { "data", "4", "8", 0, NULL },
                { "sub/data", "4", NULL, 0, NULL },
                { "data", "8", NULL, -EBADMSG, "has no 8 bytes" },
                { "data", "9223372036854775807", NULL, -EBADMSG, "has no 8 bytes" },
                { "data", "-4", NULL, -EBADMSG, "offset" },
                { "data", "4x", NULL, -EBADMSG, "offset" },
                { "data", NULL, "4", -EBADMSG, "asks for 8" },
                { "../secret", NULL, NULL, -EBADMSG, "outside" },
                { "sub/../data", "4", NULL, -EBADMSG, "outside" },
                { "/etc/passwd", NULL, NULL, -EBADMSG, "outside" },
                { "link", "4", NULL, -EBADMSG, "outside" },
                { "sub", NULL, NULL, -EBADMSG, "has no 8 bytes" },
                { "nothing", NULL, NULL, -ENOENT, "nothing" },
                { "", NULL, NULL, -EBADMSG, "which file" },
                { NULL, NULL, NULL, -EOPNOTSUPP, NULL },
        };
        static const float data[] = { 1, 2, 3 };
        char folder[] = "/tmp/emotiond-test-read-XXXXXX", path[5][256];

        assert_non_null(mkdtemp(folder));
        snprintf(path[0], sizeof(path[0]), "%s/data", folder);
        snprintf(path[1], sizeof(path[1]), "%s/sub/data", folder);
        snprintf(path[2], sizeof(path[2]), "%s/link", folder);
        snprintf(path[3], sizeof(path[3]), "%s/model.onnx", folder);
        snprintf(path[4], sizeof(path[4]), "%s/sub", folder);
        assert_int_equal(mkdir(path[4], 0700), 0);
        assert_int_equal(symlink("data", path[2]), 0);
        for (unsigned i = 0; i < 2; i++) {
                FILE *f = fopen(path[i], "we");

                assert_non_null(f);
                assert_int_equal(fwrite(data, sizeof(*data), 3, f), 3);
                fclose(f);
        }
        for (size_t i = 0; cases[i].location; i++) {
                struct nn_error error = { { 0 } };
                float got[2] = { 0 };
                int r = run_external(folder, &cases[i], got, &error);

                if (r != cases[i].code || (r < 0 && !strstr(error.text, cases[i].says)))
                        fail_msg("%s: %d instead of %d: %s", cases[i].location, r, cases[i].code, error.text);
                if (r == 0)
                        assert_true(got[0] == 2 && got[1] == 3);
        }
        for (unsigned i = 0; i < 4; i++)
                unlink(path[i]);
        rmdir(path[4]);
        rmdir(folder);
}

/* Each operator that is missing is named, with a node and the number of others. */
static void test_missing_operators(void **state)
{
        struct nn_error error = { { 0 } };
        struct nn_model *m = NULL;
        struct onnx_writer *w;

        assert_int_equal(onnx_writer_new("t", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 3));
        onnx_writer_node(w, "Frob", NAMES("x"), NAMES("a"), NULL);
        onnx_writer_node(w, "Relu", NAMES("a"), NAMES("b"), NULL);
        onnx_writer_node(w, "Wibble", NAMES("b"), NAMES("c"), NULL);
        onnx_writer_node(w, "Frob", NAMES("c"), NAMES("y"), NULL);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, 3));
        assert_int_equal(net_load(w, &m, &error), -EOPNOTSUPP);
        onnx_writer_free(w);
        assert_string_equal(error.text, "operators that are not supported: Frob (a +1), Wibble (c)");
}

/* Casts that go round: neither can be the first. */
static void test_casts_in_a_circle(void **state)
{
        const struct onnx_attribute to_int[] = { { .name = "to", .kind = ONNX_INT, .i = NN_INT64 }, { 0 } };
        const struct onnx_attribute to_float[] = { { .name = "to", .kind = ONNX_INT, .i = NN_FLOAT32 }, { 0 } };
        struct nn_error error = { { 0 } };
        struct nn_model *m = NULL;
        struct onnx_writer *w;

        assert_int_equal(onnx_writer_new("t", &w), 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(1, 3));
        onnx_writer_node(w, "Cast", NAMES("b"), NAMES("a"), to_int);
        onnx_writer_node(w, "Cast", NAMES("a"), NAMES("b"), to_float);
        onnx_writer_node(w, "Add", NAMES("x", "b"), NAMES("y"), NULL);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(1, 3));
        assert_int_equal(net_load(w, &m, &error), -EBADMSG);
        onnx_writer_free(w);
        assert_non_null(strstr(error.text, "reads 'b' before anything makes it"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_contents_of_tensors),    cmocka_unit_test(test_small_file_is_let_go),
                cmocka_unit_test(test_floats_of_other_widths), cmocka_unit_test(test_data_beside_the_model),
                cmocka_unit_test(test_missing_operators),      cmocka_unit_test(test_casts_in_a_circle),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
