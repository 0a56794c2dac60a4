/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * ONNX files: reader, planner and one run. An input may take so much memory and no more: past it allocations fail,
 * which must be survived as well. Plans that would run for long are made but not run.
 */
#undef NDEBUG
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "nn/plan.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/nn-net.h"

#define MAX_BYTES ((size_t)192 << 20)
#define MAX_RUN_WORK 2e7
#define CASES "/usr/share/libonnx-testdata/data"
/* of the many cases of ONNX, so that each seed gets its share of mutations */
#define MAX_CASES 60
#define CASE_STEP 17

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

/* What the input under test may still allocate; memory that it gave back is not credited. */
static size_t bytes_left = SIZE_MAX;

static bool take(size_t size)
{
        if (size > bytes_left) {
                errno = ENOMEM;
                return false;
        }
        if (bytes_left != SIZE_MAX)
                bytes_left -= size;
        return true;
}

void *__wrap_malloc(size_t size)
{
        return take(size) ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
        size_t bytes;

        return !__builtin_mul_overflow(n, size, &bytes) && take(bytes) ? __real_calloc(n, size) : NULL;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
        return take(size) ? __real_aligned_alloc(alignment, size) : NULL;
}

static void fill(struct nn_tensor *t)
{
        int64_t n = nn_tensor_n_elements(t);

        assert(n >= 0);
        for (int64_t i = 0; i < n; i++)
                if (t->type == NN_FLOAT32)
                        nn_f32(t)[i] = (float)(i % 17) / 8.f - 1.f;
                else if (t->type == NN_BOOL)
                        ((uint8_t *)t->data)[i] = i & 1;
                else /* small numbers: indices and sizes */
                        memset((uint8_t *)t->data + (size_t)i * nn_type_size(t->type), i % 3 ? 0 : 1,
                               i % 5 == 4 ? nn_type_size(t->type) : 1);
}

/* Every byte of the outputs is the caller's to read. */
static void read_outputs(const struct nn_plan *p)
{
        const struct nn_tensor *t;
        volatile uint8_t sum = 0;

        for (size_t i = 0; (t = nn_plan_output(p, i)); i++) {
                size_t n = (size_t)nn_tensor_n_elements(t) * nn_type_size(t->type);

                for (size_t k = 0; k < n; k++)
                        sum = (uint8_t)(sum + ((const uint8_t *)t->data)[k]);
        }
}

static void run(struct nn_plan *p)
{
        struct nn_tensor *t;
        int r;

        for (size_t i = 0; (t = nn_plan_input(p, i)); i++)
                fill(t);
        for (unsigned i = 0; i < 2; i++) {
                r = nn_plan_run(p);
                assert(r == 0 || r == -EINVAL);
        }
        if (r == 0)
                read_outputs(p);
}

static void check_error(int r, const struct nn_error *error)
{
        assert(r == -EBADMSG || r == -EOPNOTSUPP || r == -EFBIG || r == -EINVAL || r == -ENOMEM);
        assert(error->text[0] && memchr(error->text, 0, sizeof(error->text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        /* the size picks the plan, so that a file alone repeats what was found */
        struct nn_plan_options options = { .batch = 1 + (unsigned)(size & 1), .keep_all = size % 8 == 7 };
        struct nn_error error = { { 0 } };
        struct nn_tensor *inputs = NULL;
        struct nn_model *m = NULL;
        struct nn_plan *p = NULL;
        int r;

        bytes_left = MAX_BYTES;
        r = nn_model_load_memory(data, size, &m, &error);
        assert(!r == !!m);
        if (r < 0) {
                check_error(r, &error);
                bytes_left = SIZE_MAX;
                return 0;
        }
        if (size & 2) { /* open dims become 3 */
                inputs = calloc(nn_model_n_inputs(m) + 1, sizeof(*inputs));
                for (size_t i = 0; inputs && i < nn_model_n_inputs(m); i++) {
                        inputs[i] = *nn_model_input(m, i);
                        for (unsigned k = 0; k < inputs[i].n_dims; k++)
                                inputs[i].dims[k] = inputs[i].dims[k] < 0 ? 3 : inputs[i].dims[k];
                }
                options.inputs = inputs;
        }
        r = size & 4 ? nn_plan_new_last(m, &options, &p, &error) : nn_plan_new(m, &options, &p, &error);
        assert(!r == !!p);
        if (r < 0)
                check_error(r, &error);
        else if (p->work <= MAX_RUN_WORK)
                run(p);
        nn_plan_free(p);
        nn_model_free(m);
        free(inputs);
        bytes_left = SIZE_MAX;
        return 0;
}

static void conv(struct onnx_writer *w, const char *in, const char *out, int64_t k, int64_t c, int64_t size,
                 int64_t group)
{
        const struct onnx_attribute attributes[] = {
                { .name = "pads",
                  .kind = ONNX_INTS,
                  .n = 4,
                  .ints = (const int64_t[]){ size / 2, size / 2, size / 2, size / 2 } },
                { .name = "group", .kind = ONNX_INT, .i = group },
                { 0 },
        };
        char weights[32];

        snprintf(weights, sizeof(weights), "%s.w", out);
        net_weights(w, weights, 3, 0, 4, (const int64_t[]){ k, c / group, size, size });
        onnx_writer_node(w, "Conv", NAMES(in, weights), NAMES(out), attributes);
}

/* What the planner merges and reorders. */
static int write_net(uint8_t **ret, size_t *ret_size)
{
        const struct onnx_attribute window[] = {
                { .name = "kernel_shape", .kind = ONNX_INTS, .n = 2, .ints = (const int64_t[]){ 3, 3 } },
                { .name = "strides", .kind = ONNX_INTS, .n = 2, .ints = (const int64_t[]){ 2, 2 } },
                { .name = "pads", .kind = ONNX_INTS, .n = 4, .ints = (const int64_t[]){ 0, 0, 1, 1 } },
                { 0 },
        };
        const struct onnx_attribute axis[] = { { .name = "axis", .kind = ONNX_INT, .i = 1 }, { 0 } };
        const struct onnx_attribute lrn[] = { { .name = "size", .kind = ONNX_INT, .i = 5 }, { 0 } };
        struct onnx_writer *w;

        assert(onnx_writer_new("seed", &w) == 0);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(-1, 1, 12, 12));
        conv(w, "x", "c1", 20, 1, 3, 1);
        net_weights(w, "scale", 1, 1, 1, (const int64_t[]){ 20 });
        net_weights(w, "shift", 2, 0, 1, (const int64_t[]){ 20 });
        onnx_writer_node(w, "BatchNormalization", NAMES("c1", "scale", "shift", "shift", "scale"), NAMES("b1"), NULL);
        onnx_writer_node(w, "Relu", NAMES("b1"), NAMES("r1"), NULL);
        onnx_writer_node(w, "MaxPool", NAMES("r1"), NAMES("p1"), window);
        onnx_writer_node(w, "LRN", NAMES("p1"), NAMES("l1"), lrn);
        conv(w, "l1", "c2", 20, 20, 3, 20);
        conv(w, "c2", "c3", 20, 20, 3, 1);
        onnx_writer_node(w, "Add", NAMES("l1", "c3"), NAMES("s"), NULL);
        onnx_writer_node(w, "Concat", NAMES("s", "p1"), NAMES("cat"), axis);
        onnx_writer_node(w, "GlobalAveragePool", NAMES("cat"), NAMES("g"), NULL);
        onnx_writer_node(w, "Flatten", NAMES("g"), NAMES("f"), NULL);
        net_weights(w, "w", 5, 0, 2, (const int64_t[]){ 40, 3 });
        onnx_writer_node(w, "MatMul", NAMES("f", "w"), NAMES("m"), NULL);
        onnx_writer_node(w, "Softmax", NAMES("m"), NAMES("y"), NULL);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(-1, 3));
        onnx_writer_metadata(w, "key", "value");
        *ret = net_bytes(w, ret_size);
        onnx_writer_free(w);
        return *ret ? 0 : -ENOENT;
}

static void constant(struct onnx_writer *w, const char *name, enum nn_type type, int64_t n, const void *values)
{
        struct nn_tensor t = { .type = type, .n_dims = n > 1, .dims = { n }, .data = (void *)values };

        onnx_writer_initializer(w, name, &t);
}

/* What moves values, in blocks of channels and merged, with the lists that say how far. */
static int write_moves(uint8_t **ret, size_t *ret_size)
{
        const struct onnx_attribute edge[] = { { .name = "mode", .kind = ONNX_STRING, .s = "edge" }, { 0 } };
        const struct onnx_attribute linear[] = { { .name = "mode", .kind = ONNX_STRING, .s = "linear" }, { 0 } };
        const struct onnx_attribute size[] = { { .name = "blocksize", .kind = ONNX_INT, .i = 2 }, { 0 } };
        const struct onnx_attribute axis[] = { { .name = "axis", .kind = ONNX_INT, .i = 1 }, { 0 } };
        struct onnx_writer *w;

        assert(onnx_writer_new("seed", &w) == 0);
        onnx_writer_opset(w, 13);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(-1, 1, 10, 10));
        conv(w, "x", "c1", 18, 1, 3, 1);
        constant(w, "around", NN_INT64, 8, (const int64_t[]){ 0, 0, 0, 1, 0, 0, 2, 3 });
        constant(w, "behind", NN_INT64, 8, (const int64_t[]){ 0, 0, 0, 0, 0, 2, 0, 0 });
        constant(w, "scales", NN_FLOAT32, 4, (const float[]){ 1, 1, 1.5f, 2 });
        constant(w, "parts", NN_INT64, 2, (const int64_t[]){ 4, 16 });
        constant(w, "k", NN_INT64, 1, (const int64_t[]){ 3 });
        onnx_writer_node(w, "Pad", NAMES("c1", "around"), NAMES("p1"), NULL);
        conv(w, "p1", "c2", 18, 18, 3, 18);
        onnx_writer_node(w, "Pad", NAMES("c2", "around"), NAMES("p2"), edge);
        onnx_writer_node(w, "Pad", NAMES("p2", "behind"), NAMES("p3"), NULL);
        onnx_writer_node(w, "Resize", NAMES("p3", "", "scales"), NAMES("r1"), linear);
        onnx_writer_node(w, "Resize", NAMES("r1", "", "scales"), NAMES("r2"), NULL);
        conv(w, "r2", "c3", 20, 20, 1, 1);
        onnx_writer_node(w, "Split", NAMES("c3", "parts"), NAMES("s1", "s2"), axis);
        onnx_writer_node(w, "DepthToSpace", NAMES("s1"), NAMES("d"), size);
        onnx_writer_node(w, "GlobalMaxPool", NAMES("s2"), NAMES("g"), NULL);
        onnx_writer_node(w, "Mish", NAMES("d"), NAMES("m"), NULL);
        onnx_writer_node(w, "Flatten", NAMES("g"), NAMES("f"), NULL);
        onnx_writer_node(w, "TopK", NAMES("f", "k"), NAMES("y", "at"), NULL);
        onnx_writer_output(w, "m", NN_FLOAT32, DIMS(-1, 1, -1, -1));
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(-1, 3));
        *ret = net_bytes(w, ret_size);
        onnx_writer_free(w);
        return *ret ? 0 : -ENOENT;
}

/* What onnxruntime's static quantisation makes of a network. */
static int write_bytes(uint8_t **ret, size_t *ret_size)
{
        int8_t weights[4 * 2 * 9], matrix[4 * 3];
        struct nn_tensor w4 = { .type = NN_INT8, .n_dims = 4, .dims = { 4, 2, 3, 3 }, .data = weights };
        struct nn_tensor w2 = { .type = NN_INT8, .n_dims = 2, .dims = { 4, 3 }, .data = matrix };
        struct onnx_writer *w;

        for (size_t i = 0; i < sizeof(weights); i++)
                weights[i] = (int8_t)(i * 37);
        for (size_t i = 0; i < sizeof(matrix); i++)
                matrix[i] = (int8_t)(i * 53);
        assert(onnx_writer_new("seed", &w) == 0);
        onnx_writer_opset(w, 13);
        onnx_writer_input(w, "x", NN_FLOAT32, DIMS(-1, 2, 7, 7));
        onnx_writer_initializer(w, "w4", &w4);
        onnx_writer_initializer(w, "w2", &w2);
        constant(w, "s", NN_FLOAT32, 1, (const float[]){ 0.02f });
        constant(w, "s3", NN_FLOAT32, 3, (const float[]){ 0.1f, 0.2f, 0.3f });
        constant(w, "z", NN_UINT8, 1, (const uint8_t[]){ 128 });
        constant(w, "zw", NN_INT8, 1, (const int8_t[]){ 0 });
        constant(w, "z3", NN_INT8, 3, (const int8_t[]){ 0, 1, -1 });
        constant(w, "b4", NN_INT32, 4, (const int32_t[]){ 1, -2, 300, -4000 });
        constant(w, "b3", NN_INT32, 3, (const int32_t[]){ 1, 20, -300 });
        onnx_writer_node(w, "QuantizeLinear", NAMES("x", "s", "z"), NAMES("q"), NULL);
        onnx_writer_node(w, "QLinearConv", NAMES("q", "s", "z", "w4", "s", "zw", "s", "z", "b4"), NAMES("c"), NULL);
        onnx_writer_node(w, NN_OP_MICROSOFT "QLinearAdd", NAMES("c", "s", "z", "c", "s", "z", "s", "z"), NAMES("a"),
                         NULL);
        onnx_writer_node(w, NN_OP_MICROSOFT "QLinearMul", NAMES("a", "s", "z", "c", "s", "z", "s", "z"), NAMES("m"),
                         NULL);
        onnx_writer_node(w, NN_OP_MICROSOFT "QLinearGlobalAveragePool", NAMES("m", "s", "z", "s", "z"), NAMES("g"),
                         NULL);
        onnx_writer_node(w, "Flatten", NAMES("g"), NAMES("f"), NULL);
        onnx_writer_node(w, NN_OP_MICROSOFT "QGemm", NAMES("f", "s", "z", "w2", "s3", "z3", "b3", "s", "z"), NAMES("h"),
                         NULL);
        onnx_writer_node(w, "DequantizeLinear", NAMES("h", "s", "z"), NAMES("y"), NULL);
        onnx_writer_output(w, "y", NN_FLOAT32, DIMS(-1, 3));
        *ret = net_bytes(w, ret_size);
        onnx_writer_free(w);
        return *ret ? 0 : -ENOENT;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_case(unsigned i, uint8_t **ret, size_t *ret_size)
{
        static const char *const folders[] = { CASES "/node", CASES "/simple", CASES "/pytorch-operator" };
        unsigned at = i * CASE_STEP;
        int r = -ENOENT;

        for (size_t f = 0; f < ARRAY_LEN(folders) && r < 0; f++) {
                struct dirent **names;
                int n = scandir(folders[f], &names, NULL, by_name);

                for (int k = 0; k < n; k++) {
                        char path[512];
                        FILE *file = NULL;

                        snprintf(path, sizeof(path), "%s/%s/model.onnx", folders[f], names[k]->d_name);
                        if (names[k]->d_name[0] != '.' && at-- == 0)
                                file = fopen(path, "re");
                        free(names[k]);
                        if (!file)
                                continue;
                        *ret = malloc(1 << 20);
                        assert(*ret);
                        *ret_size = fread(*ret, 1, 1 << 20, file);
                        fclose(file);
                        r = 0;
                }
                if (n >= 0)
                        free(names);
        }
        return r;
}

int fuzz_seed(unsigned i, uint8_t **ret, size_t *ret_size)
{
        static int (*const made[])(uint8_t **, size_t *) = { write_net, write_moves, write_bytes };

        if (i < ARRAY_LEN(made))
                return made[i](ret, ret_size);
        if (i < ARRAY_LEN(made) + MAX_CASES)
                return read_case(i - (unsigned)ARRAY_LEN(made), ret, ret_size);
        return -ENOENT;
}
