/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* emotion-nn run: one pass of a model over tensors from files. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "nn/graph.h"
#include "nn/onnx-unpack.h"
#include "train/cmd/cmd.h"
#include "train/model/npy.h"

#define MAX_NAMED 64

struct named {
        char *name;
        const char *path;
        struct nn_tensor t;
};

struct run {
        const char *model_path, *output_dir;
        unsigned batch, threads;
        double relative, absolute;
        size_t n_inputs, n_expected;
        struct named inputs[MAX_NAMED], expected[MAX_NAMED];
};

static int read_pb(const char *path, struct nn_tensor *ret, struct nn_error *error)
{
        _cleanup_(fclosep) FILE *f = fopen(path, "re");
        _cleanup_(freep) uint8_t *data = NULL;
        ProtobufCMessage *m;
        struct stat st;
        int r;

        if (!f || fstat(fileno(f), &st) < 0) {
                r = -errno;
                return nn_fail(error, r, "%s", strerror(-r));
        }
        if (!S_ISREG(st.st_mode) || (uintmax_t)st.st_size > NN_MAX_FILE_BYTES)
                return nn_fail(error, -EFBIG, "not a regular file, or too large");
        data = malloc((size_t)st.st_size + 1);
        if (!data)
                return nn_fail(error, -ENOMEM, "out of memory");
        if (fread(data, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
                return nn_fail(error, -EBADMSG, "cut short");
        r = nn_onnx_unpack(&onnx__tensor_proto__descriptor, data, (size_t)st.st_size, &m, error);
        if (r < 0)
                return r;
        r = nn_onnx_tensor((Onnx__TensorProto *)m, NULL, path, ret, error);
        protobuf_c_message_free_unpacked(m, NULL);
        return r;
}

static int read_named(struct named *n)
{
        struct nn_error error = { { 0 } };
        size_t length = strlen(n->path);
        int r;

        if (length > 3 && strcmp(n->path + length - 3, ".pb") == 0) {
                r = read_pb(n->path, &n->t, &error);
        } else {
                r = npy_read(n->path, &n->t);
                if (r < 0)
                        nn_fail(&error, r, "%s",
                                r == -EBADMSG      ? "not a NumPy file, or cut short"
                                : r == -EOPNOTSUPP ? "element type, order or version that is not supported"
                                                   : strerror(-r));
        }
        if (r < 0)
                cmd_fail(&cmd_run, "%s: %s", n->path, error.text);
        return r;
}

static int add_named(const struct cmd *c, struct named *list, size_t *n, const char *arg)
{
        const char *path = strchr(arg, '=');

        if (!path || path == arg || *n == MAX_NAMED)
                return cmd_fail(c, "\"%s\" is not NAME=FILE, or there are more than %d", arg, MAX_NAMED);
        list[*n].name = strndup(arg, (size_t)(path - arg));
        list[*n].path = path + 1;
        return list[(*n)++].name ? 0 : -ENOMEM;
}

static int read_input(const struct cmd *c, const struct cmd_option *o, const char *text, void *into)
{
        struct run *own = into;

        return add_named(c, own->inputs, &own->n_inputs, text);
}

static int read_expected(const struct cmd *c, const struct cmd_option *o, const char *text, void *into)
{
        struct run *own = into;

        return add_named(c, own->expected, &own->n_expected, text);
}

#define AT(member) .at = offsetof(struct run, member)

static const struct cmd_option rows[] = {
        { .name = "input",
          .kind = CMD_OTHER,
          .value = "NAME=FILE",
          .read = read_input,
          .help = "a graph input, NumPy (.npy) or ONNX tensor (.pb); inputs that are not given are zeros" },
        { .name = "output",
          .alias = "output-dir",
          .letter = 'o',
          .kind = CMD_TEXT,
          .value = "DIR",
          AT(output_dir),
          .help = "write each output to DIR/NAME.npy, with any / in its name as _" },
        { .name = "expect",
          .kind = CMD_OTHER,
          .value = "NAME=FILE",
          .read = read_expected,
          .help = "compare an output with a tensor; the exit status is 1 if it differs" },
        { .name = "rtol",
          .kind = CMD_REAL,
          .value = "X",
          AT(relative),
          0,
          1e30,
          .help = "how far it may differ, as a share of the value (default 1e-3)" },
        { .name = "atol",
          .kind = CMD_REAL,
          .value = "X",
          AT(absolute),
          0,
          1e30,
          .help = "and how far besides (default 1e-5)" },
        { .name = "batch",
          .kind = CMD_COUNT,
          .value = "N",
          AT(batch),
          1,
          65536,
          .help = "first dimension of inputs that leave it open (default 1)" },
        CMD_THREADS(AT(threads)),
        { 0 },
};

static struct named *find_named(struct named *list, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(list[i].name, name) == 0)
                        return &list[i];
        return NULL;
}

/* Every given name must be one of the graph's. */
static int check_names(struct run *c, const struct nn_model *m)
{
        for (size_t i = 0; i < c->n_inputs + c->n_expected; i++) {
                bool input = i < c->n_inputs;
                const char *name = input ? c->inputs[i].name : c->expected[i - c->n_inputs].name, *have;
                size_t k = 0;

                while ((have = input ? nn_model_input_name(m, k) : nn_model_output_name(m, k)) && strcmp(have, name))
                        k++;
                if (!have)
                        return cmd_fail(&cmd_run, "the model has no %s '%s'", input ? "input" : "output", name);
        }
        return 0;
}

static int make_plan(struct run *c, const struct nn_model *m, struct nn_plan **ret, struct nn_error *error)
{
        struct nn_tensor shapes[MAX_NAMED];
        struct nn_plan_options options = { .batch = c->batch, .threads = c->threads, .inputs = shapes };
        size_t n = nn_model_n_inputs(m);
        int r;

        if (n > MAX_NAMED)
                return nn_fail(error, -EFBIG, "%zu inputs", n);
        for (size_t i = 0; i < n; i++) {
                struct named *given = find_named(c->inputs, c->n_inputs, nn_model_input_name(m, i));

                shapes[i] = given ? given->t : *nn_model_input(m, i);
                if (!given && shapes[i].n_dims && shapes[i].dims[0] < 0)
                        shapes[i].dims[0] = c->batch ? c->batch : 1;
        }
        if (c->n_inputs == 0)
                options.inputs = NULL;
        r = nn_plan_new(m, &options, ret, error);
        for (size_t i = 0; i < n && r == 0; i++) {
                struct named *given = find_named(c->inputs, c->n_inputs, nn_model_input_name(m, i));
                struct nn_tensor *t = nn_plan_input(*ret, i);
                size_t bytes = (size_t)nn_tensor_n_elements(t) * nn_type_size(t->type);

                if (given && bytes)
                        memcpy(t->data, given->t.data, bytes);
        }
        return r;
}

static double element(const struct nn_tensor *t, int64_t i)
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

static bool compare(const struct run *c, const char *name, const struct nn_tensor *got, const struct nn_tensor *want)
{
        int64_t n = nn_tensor_n_elements(want);

        if (got->type != want->type || !nn_tensor_same_shape(got, want)) {
                fprintf(stderr, "%s: %s %s, expected %s %s\n", name, nn_type_name((int)got->type), NN_SHAPE_STRING(got),
                        nn_type_name((int)want->type), NN_SHAPE_STRING(want));
                return false;
        }
        for (int64_t i = 0; i < n; i++) {
                double a = element(got, i), b = element(want, i);

                if (!(fabs(a - b) <= c->absolute + c->relative * fabs(b)) && a != b && !(isnan(a) && isnan(b))) {
                        fprintf(stderr, "%s: value %ld is %.9g, expected %.9g\n", name, (long)i, a, b);
                        return false;
                }
        }
        return true;
}

static int use_outputs(struct run *c, const struct nn_model *m, struct nn_plan *p)
{
        int r, result = 0;

        for (size_t i = 0; i < nn_model_n_outputs(m); i++) {
                const char *name = nn_model_output_name(m, i);
                struct named *expected = find_named(c->expected, c->n_expected, name);
                const struct nn_tensor *t = nn_plan_output(p, i);
                _cleanup_(freep) char *path = NULL;

                if (expected && !compare(c, name, t, &expected->t))
                        result = -EINVAL;
                printf("%s %s\n", name, NN_SHAPE_STRING(t));
                if (!c->output_dir)
                        continue;
                if (asprintf(&path, "%s/%s.npy", c->output_dir, name) < 0)
                        return -ENOMEM;
                for (char *at = path + strlen(c->output_dir) + 1; *at; at++)
                        *at = *at == '/' ? '_' : *at;
                r = npy_write(path, t);
                if (r < 0) {
                        cmd_fail(&cmd_run, "%s: %s", path, strerror(-r));
                        result = r;
                }
        }
        return result;
}

static int run_model(struct run *c)
{
        struct nn_error error = { { 0 } };
        struct nn_model *m = NULL;
        struct nn_plan *p = NULL;
        int r = 0;

        for (size_t i = 0; i < c->n_inputs && r == 0; i++)
                r = read_named(&c->inputs[i]);
        for (size_t i = 0; i < c->n_expected && r == 0; i++)
                r = read_named(&c->expected[i]);
        if (r < 0)
                return r;
        if (c->output_dir && mkdir(c->output_dir, 0777) < 0 && errno != EEXIST) {
                cmd_fail(&cmd_run, "%s: %s", c->output_dir, strerror(errno));
                return -errno;
        }
        r = nn_model_load(c->model_path, &m, &error);
        if (r == 0 && (r = check_names(c, m)) < 0) {
                nn_model_free(m);
                return r;
        }
        if (r == 0)
                r = make_plan(c, m, &p, &error);
        if (r == 0) {
                r = nn_plan_run(p);
                if (r < 0)
                        nn_fail(&error, r, "the run failed: %s", strerror(-r));
        }
        if (r < 0)
                cmd_fail(&cmd_run, "%s: %s", c->model_path, error.text);
        else
                r = use_outputs(c, m, p);
        nn_plan_free(p);
        nn_model_free(m);
        return r;
}

static int run(int argc, char **argv)
{
        struct run c = { .relative = 1e-3, .absolute = 1e-5 };
        struct cmd_operands model;
        int r = cmd_parse(&cmd_run, argc, argv, &c, &model);

        if (r == 0) {
                c.model_path = model.at[0];
                r = run_model(&c);
        }
        for (size_t i = 0; i < MAX_NAMED; i++) {
                free(c.inputs[i].name);
                free(c.inputs[i].t.data);
                free(c.expected[i].name);
                free(c.expected[i].t.data);
        }
        return r < 0;
}

const struct cmd cmd_run = {
        .name = "run",
        .summary = "run a model on tensors from files",
        .about = "Runs a model once on tensors from files.",
        .operand = "MODEL",
        .min_operands = 1,
        .max_operands = 1,
        .options = rows,
        .run = run,
};
