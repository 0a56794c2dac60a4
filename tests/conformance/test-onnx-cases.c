/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Runs cases in ONNX's own layout: DIR/NAME/model.onnx with test_data_set_K/input_N.pb and output_N.pb.
 * A case whose model this library refuses by name is listed and skipped; all others must give the expected numbers.
 *
 * test-onnx-cases [-k] [-v] DIR...   -k: a plan with keep_all; -v: name every case
 */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/graph.h"
#include "nn/onnx-unpack.h"

#define RELATIVE 1e-3
#define ABSOLUTE 1e-5

static unsigned n_passed, n_failed, n_refused, n_baked;
static bool verbose, keep_all;

static int read_message(const char *path, const ProtobufCMessageDescriptor *descriptor, ProtobufCMessage **ret)
{
        _cleanup_(fclosep) FILE *f = fopen(path, "re");
        _cleanup_(freep) uint8_t *data = malloc(16 << 20);

        if (!f || !data)
                return -ENOENT;
        return nn_onnx_unpack(descriptor, data, fread(data, 1, 16 << 20, f), ret, NULL);
}

static int read_tensor(const char *path, struct nn_tensor *ret)
{
        ProtobufCMessage *m;
        int r = read_message(path, &onnx__tensor_proto__descriptor, &m);

        if (r < 0)
                return r;
        r = nn_onnx_tensor((Onnx__TensorProto *)m, NULL, "case", ret, NULL);
        protobuf_c_message_free_unpacked(m, NULL);
        return r;
}

static double value(const struct nn_tensor *t, int64_t i)
{
        switch (t->type) {
        case NN_FLOAT32:
                return ((float *)t->data)[i];
        case NN_INT64:
                return (double)((int64_t *)t->data)[i];
        case NN_INT32:
                return ((int32_t *)t->data)[i];
        case NN_INT8:
                return ((int8_t *)t->data)[i];
        default:
                return ((uint8_t *)t->data)[i];
        }
}

static bool same(const char *name, const struct nn_tensor *got, const struct nn_tensor *expected)
{
        int64_t n = nn_tensor_n_elements(expected);

        if (got->type != expected->type || !nn_tensor_same_shape(got, expected)) {
                printf("# %s: %s %s instead of %s %s\n", name, nn_type_name((int)got->type), NN_SHAPE_STRING(got),
                       nn_type_name((int)expected->type), NN_SHAPE_STRING(expected));
                return false;
        }
        for (int64_t i = 0; i < n; i++) {
                double a = value(got, i), b = value(expected, i);

                if (!(fabs(a - b) <= ABSOLUTE + RELATIVE * fabs(b)) && !(isnan(a) && isnan(b)) && a != b) {
                        printf("# %s: value %ld is %g instead of %g\n", name, (long)i, a, b);
                        return false;
                }
        }
        return true;
}

static bool run_set(const char *name, const struct nn_model *m, const char *dir, int *ret_code)
{
        struct nn_tensor in[64] = { 0 };
        struct nn_plan_options options = { .inputs = in, .keep_all = keep_all };
        struct nn_plan *p = NULL;
        struct nn_error error = { { 0 } };
        char path[4096];
        bool ok = true;
        int r = 0;

        for (size_t i = 0; i < nn_model_n_inputs(m) && i < 64 && r == 0; i++) {
                snprintf(path, sizeof(path), "%s/input_%zu.pb", dir, i);
                r = read_tensor(path, &in[i]);
        }
        if (r == 0)
                r = nn_plan_new(m, &options, &p, &error);
        for (size_t i = 0; i < nn_model_n_inputs(m) && r == 0; i++) {
                size_t bytes = (size_t)nn_tensor_n_elements(&in[i]) * nn_type_size(in[i].type);

                if (bytes)
                        memcpy(nn_plan_input(p, i)->data, in[i].data, bytes);
        }
        /* twice: the second run must not see what the first left */
        if (r == 0)
                r = nn_plan_run(p);
        for (size_t i = 0; i < nn_model_n_inputs(m) && r == 0; i++) {
                size_t bytes = (size_t)nn_tensor_n_elements(&in[i]) * nn_type_size(in[i].type);

                if (bytes && memcmp(nn_plan_input(p, i)->data, in[i].data, bytes) != 0) {
                        printf("# %s: the run wrote over input %zu\n", name, i);
                        ok = false;
                }
        }
        if (r == 0)
                r = nn_plan_run(p);
        if (r < 0 && r != -EOPNOTSUPP)
                printf("# %s: %s (%s)\n", name, strerror(-r), error.text);
        if (r == -EOPNOTSUPP)
                printf("# not run as it is: %s: %s\n", name, error.text);
        for (size_t i = 0; i < nn_model_n_outputs(m) && r == 0; i++) {
                struct nn_tensor expected = { 0 };

                snprintf(path, sizeof(path), "%s/output_%zu.pb", dir, i);
                r = read_tensor(path, &expected);
                if (r == 0)
                        ok &= same(name, nn_plan_output(p, i), &expected);
                free(expected.data);
        }
        for (size_t i = 0; i < 64; i++)
                free(in[i].data);
        nn_plan_free(p);
        *ret_code = r;
        return ok && r == 0;
}

/* The model with all inputs but the first made constants, as they are in networks: many cases hand weights, bounds
 * and pads as inputs, which this library refuses. */
static int bake(const char *model_path, const char *set, struct nn_model **ret)
{
        ProtobufCMessage *message;
        Onnx__ModelProto *p;
        Onnx__GraphProto *g;
        uint8_t *packed;
        int r = read_message(model_path, &onnx__model_proto__descriptor, &message);

        if (r < 0)
                return r;
        p = (Onnx__ModelProto *)message;
        g = p->graph;
        for (size_t i = 1; i < g->n_input && r == 0; i++) {
                Onnx__TensorProto **list, *t;
                ProtobufCMessage *m;
                char path[4096];

                snprintf(path, sizeof(path), "%s/input_%zu.pb", set, i);
                r = read_message(path, &onnx__tensor_proto__descriptor, &m);
                if (r < 0)
                        break;
                t = (Onnx__TensorProto *)m;
                free(t->name);
                t->name = strdup(g->input[i]->name);
                list = realloc(g->initializer, (g->n_initializer + 1) * sizeof(*list));
                g->initializer = list;
                g->initializer[g->n_initializer++] = t;
        }
        packed = malloc(onnx__model_proto__get_packed_size(p) + 1);
        if (r == 0)
                r = nn_model_load_memory(packed, onnx__model_proto__pack(p, packed), ret, NULL);
        free(packed);
        protobuf_c_message_free_unpacked(message, NULL);
        return r;
}

/* As run_set(), and if constants are missing once more with them. */
static bool run_set_baked(const char *name, const struct nn_model *m, const char *model_path, const char *set,
                          int *ret_code)
{
        struct nn_model *baked = NULL;
        bool ok = run_set(name, m, set, ret_code);

        if (*ret_code != -EOPNOTSUPP || nn_model_n_inputs(m) < 2 || bake(model_path, set, &baked) < 0)
                return ok;
        ok = run_set(name, baked, set, ret_code);
        n_baked += ok;
        nn_model_free(baked);
        return ok;
}

static void run_case(const char *dir, const char *name)
{
        struct nn_error error = { { 0 } };
        struct nn_model *m = NULL;
        char path[2048], set[2048 + 32];
        bool ok = true;
        int r;

        snprintf(path, sizeof(path), "%s/%s/model.onnx", dir, name);
        r = nn_model_load(path, &m, &error);
        if (r == -ENOENT)
                return;
        if (r == -EOPNOTSUPP) {
                printf("# not run: %s: %s\n", name, error.text);
                n_refused++;
                return;
        }
        if (r < 0) {
                printf("# %s: %s (%s)\n", name, strerror(-r), error.text);
                ok = false;
        }
        for (unsigned k = 0; r == 0; k++) {
                DIR *d;

                snprintf(set, sizeof(set), "%s/%s/test_data_set_%u", dir, name, k);
                d = opendir(set);
                if (!d)
                        break;
                closedir(d);
                ok &= run_set_baked(name, m, path, set, &r);
        }
        nn_model_free(m);
        if (r == -EOPNOTSUPP) {
                n_refused++;
                return;
        }
        if (ok)
                n_passed++;
        else
                n_failed++;
        if (!ok || verbose)
                printf("# %s: %s\n", ok ? "pass" : "FAIL", name);
}

int main(int argc, char **argv)
{
        unsigned n_points = 0;
        int failed = 0;

        setvbuf(stdout, NULL, _IOLBF, 0);
        for (int i = 1; i < argc; i++) {
                struct dirent **names;
                int n;

                if (strcmp(argv[i], "-v") == 0 || strcmp(argv[i], "-k") == 0) {
                        verbose |= argv[i][1] == 'v';
                        keep_all |= argv[i][1] == 'k';
                        continue;
                }
                n_passed = n_failed = n_refused = n_baked = 0;
                n = scandir(argv[i], &names, NULL, alphasort);
                for (int k = 0; k < n; k++) {
                        if (names[k]->d_name[0] != '.')
                                run_case(argv[i], names[k]->d_name);
                        free(names[k]);
                }
                if (n >= 0)
                        free(names);
                printf("%sok %u - %s%s: %u passed (%u with inputs as constants), %u failed, %u refused by name\n",
                       n < 0 || n_failed || !n_passed ? "not " : "", ++n_points, argv[i], keep_all ? " (keep_all)" : "",
                       n_passed, n_baked, n_failed, n_refused);
                failed |= n < 0 || n_failed || !n_passed;
        }
        printf("1..%u\n", n_points);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
