/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Operators. Each has a row per opset range in the table of op-table.c; docs/OPERATORS.md is written from it.
 *
 * A call is one use of an operator in a plan. Its life: shape() once (reads the attributes into call->p, checks
 * everything, sets type and dims of the outputs), then, unless all is constant and the planner folds it away,
 * prepare() once, load() once, run() many times, release(). After shape() succeeded, run() can rely on every shape.
 */

#include "nn/graph.h"
#include "nn/kernels/conv.h"
#include "nn/kernels/fc.h"
#include "nn/kernels/int8.h"

#define NN_OPSET_MAX 21

struct nn_call;

/* Parameters of a window that slides over one or two axes; a single axis is treated as columns. */
struct nn_window {
        unsigned n_axes;
        unsigned kernel[2], stride[2], dilation[2], pad[4], out[2];
};

struct nn_resize {
        struct nn_resize_axis axis[NN_MAX_DIMS];
        bool linear;
        bool planes;        /* only the last two dims change, which nearly every network does */
        unsigned factor[2]; /* not 0: nearest by whole factors on the last two axes */
};

/* Operands over their common shape: see op-broadcast.h. */
#define NN_BROADCAST_MAX 3
struct nn_broadcast {
        unsigned n_dims; /* after merging; innermost first */
        int64_t dims[NN_MAX_DIMS];
        int64_t stride[NN_BROADCAST_MAX][NN_MAX_DIMS]; /* 0: broadcast */
};

union nn_params {
        struct {
                struct nn_conv_desc d;
                struct nn_conv *prepared;
                bool open; /* weights or bias are no constants: packed in each run */
        } conv;
        struct nn_pool2d_desc pool;
        struct {
                bool trans_a, trans_b;
                float alpha, beta;
                int64_t m, n, k;
                struct nn_fc *prepared;
                struct nn_fc8 *prepared8; /* instead */
        } gemm;
        struct {
                enum nn_binary op;
                struct nn_broadcast b;
                bool relu;
                bool scale; /* BLOCKED: operand 1 is a value per channel of each image */
        } binary;
        struct nn_act act;
        struct {
                int what; /* enum nn_unary */
                float a, b;
        } unary;
        struct {
                const float *scale, *shift; /* per channel; owned by the call */
                float *owned;
                bool open; /* computed in each run */
        } affine;
        struct {
                float alpha, beta, bias;
                int64_t size;
        } lrn;
        struct {
                int64_t axis;
                bool keep;
                uint32_t axes; /* a bit per axis */
                int64_t k;     /* TopK */
        } reduce;
        struct {
                int64_t start[NN_MAX_DIMS], step[NN_MAX_DIMS]; /* Slice, Transpose (step: input stride), Pad */
                int64_t perm[NN_MAX_DIMS];
                int mode;
                uint8_t value[8];
        } move;
        struct nn_resize resize;
        struct {
                int64_t start, end;
        } range;
        struct {
                int64_t axis;
        } quant;
        struct {
                struct nn_window w;
                int64_t groups;
        } window;
        /* steps on bytes; weights and scales are the model's */
        struct {
                struct nn_conv8_desc q; /* w_scales: one if one_scale */
                const int8_t *weights;
                const float *bias;
                bool one_scale;
                struct nn_conv8 *prepared;
        } conv8;
        struct {
                struct nn_quant a, b, y;
                bool relu;
        } bytes;
};

struct nn_call {
        const struct nn_op *op;
        const struct nn_node *node;
        unsigned opset;
        unsigned batch; /* not 0: the file's batch of 1 is planned with this one */
        unsigned n_in, n_out;
        struct nn_tensor **in; /* NULL where omitted. In shape() and prepare() only constants have data */
        struct nn_tensor **out;
        struct nn_error *error;
        enum nn_isa isa;
        enum nn_dot dot;
        struct nn_pool *pool; /* NULL for one thread */
        unsigned threads;
        union nn_params p;
        const char *kernel;   /* set by prepare() for people; NULL: the operator's name says it */
        size_t scratch_bytes; /* set by prepare() */
        size_t packed_bytes;  /* set by prepare(): weights in the kernel's own form, and tables */
        void *scratch;
        size_t store_bytes; /* set by prepare(): of memory that load() fills; release() does not free it */
        void *store;        /* zeros, 64-byte aligned */
        bool took_weights;  /* set by prepare() or load(): input 1 will not be read again */
        /* set by the planner between shape() and prepare(), for operators that say they can */
        struct nn_act act;
        struct nn_tensor *residual;
        struct nn_tensor *fused_weights, *fused_bias; /* stand in for inputs 1 and 2 of Conv and Gemm */
        struct nn_tensor *fused_scale;                /* of Conv: a factor for each filter, or NULL */
        /* Gemm, MatMul: input 1 as bytes with a scale per output or one, or NULL */
        const struct nn_tensor *weights8, *weights8_scales;
        unsigned weight_bits; /* as in nn_plan_options */
        bool measure;         /* likewise */
        enum nn_layout layout_in, layout_out;
};

struct nn_attribute_spec {
        const char *name;
        enum nn_attribute_kind kind;
};

enum {
        NN_OP_VIEW = 1 << 0,       /* output 0 is input 0's memory under another shape */
        NN_OP_IN_PLACE = 1 << 1,   /* output 0 may be the memory of input 0, if that has its size */
        NN_OP_SHAPE_ONLY = 1 << 2, /* needs its input's dims only: always folded */
        NN_OP_ACT = 1 << 3,        /* p.act can move into the producer */
        NN_OP_TAKES_ACT = 1 << 4,  /* Conv, Gemm, MatMul */
        NN_OP_ANY_LAYOUT = 1 << 5, /* runs in layout_in == layout_out, PLAIN or BLOCKED */
        NN_OP_BYTES = 1 << 6,      /* takes values in the layouts that plan-quant.c gave them */
};

/* As what the planner knows an operator that it treats in a way of its own. */
enum nn_op_kind {
        NN_KIND_OTHER,
        NN_KIND_ACT, /* nn_op.act says which */
        NN_KIND_BATCH_NORM,
        NN_KIND_BINARY, /* nn_op.binary says which */
        NN_KIND_CONCAT,
        NN_KIND_CONSTANT,
        NN_KIND_CONV,
        NN_KIND_DEQUANTIZE,
        NN_KIND_GEMM,
        NN_KIND_GLOBAL_POOL,
        NN_KIND_MATMUL,
        NN_KIND_PAD,
        NN_KIND_POOL,
        NN_KIND_PRELU,
        NN_KIND_QUANTIZE,
        NN_KIND_RESIZE,
};

struct nn_op {
        const char *name;
        enum nn_op_kind kind;
        /* what tells apart the operators that share their functions */
        enum nn_act_kind act;
        enum nn_binary binary;
        bool average;          /* of a pool: else the maximum */
        int variant;           /* of those in a file of its own: a value of the enum there */
        unsigned since, until; /* opsets */
        unsigned min_in, max_in, max_out;
        unsigned flags;
        const struct nn_attribute_spec *attributes; /* ended by name NULL; NULL: none */
        const char *restrictions;                   /* a phrase for the documentation; NULL: none */
        int (*shape)(struct nn_call *c);
        int (*prepare)(struct nn_call *c); /* may be NULL */
        int (*load)(struct nn_call *c);    /* weights to c->store; may be NULL */
        int (*run)(struct nn_call *c);     /* allocates nothing; a failure is -EINVAL with c->error filled */
        void (*release)(struct nn_call *c);
        /* whether images of a batch (dim 0 of inputs without data, and of output 0) stay apart; NULL: never known */
        bool (*batched)(const struct nn_call *c);
        /* multiply-accumulates of a run; NULL: 0 */
        double (*macs)(const struct nn_call *c);
        /* what a run compares or adds besides; NULL: one operation for each value of its outputs */
        double (*work)(const struct nn_call *c);
};

/* The table, ended by name NULL; rows of one operator lie beside each other, sorted by name. */
extern const struct nn_op nn_op_table[];
/* Operators of another domain than ONNX's own are called by both names, "com.microsoft.QGemm". */
#define NN_OP_MICROSOFT "com.microsoft."
/* The row for @opset, or NULL. */
const struct nn_op *nn_op_find(const char *name, unsigned opset);
bool nn_op_name_known(const char *name);
/* The kind of the attribute, 0 if @op has none of that name. */
int nn_op_attribute_kind(const struct nn_op *op, const char *name);

/* Fills c->error with the node's name and the text; returns @code. */
int nn_call_fail(struct nn_call *c, int code, const char *format, ...) _printf_(3, 4);
/* Sets shape and type of output @i (no-op if omitted); refuses what is beyond the limits. */
int nn_call_set_output(struct nn_call *c, unsigned i, enum nn_type type, unsigned n_dims, const int64_t *dims);
/* Input @i, or NULL */
static inline struct nn_tensor *nn_call_in(const struct nn_call *c, unsigned i)
{
        return i < c->n_in ? c->in[i] : NULL;
}
/* -EOPNOTSUPP unless input @i is a float32 */
int nn_call_need_float(struct nn_call *c, unsigned i);
/* Constant integers (int64 or int32, at most one dim) of input @i. @ret: @max values. -EOPNOTSUPP if not constant. */
int nn_call_const_ints(struct nn_call *c, unsigned i, const char *what, int64_t *ret, unsigned max, unsigned *ret_n);
/* Whether all inputs from @first on are constants (when shape() is called, and before the plan is bound). */
bool nn_call_constant_from(const struct nn_call *c, unsigned first);
/* @axis in -rank..rank-1 to 0..rank-1; -EINVAL if outside */
int nn_call_axis(struct nn_call *c, int64_t *axis, unsigned rank);
/* axes from the attribute "axes" or input @i as a bit mask; 0 if there are none given */
int nn_call_axes(struct nn_call *c, unsigned i, unsigned rank, uint32_t *ret);

static inline float *nn_f32(const struct nn_tensor *t)
{
        return t->data;
}

static inline int64_t nn_product(const int64_t *dims, unsigned from, unsigned to)
{
        int64_t n = 1;

        while (from < to)
                n *= dims[from++];
        return n;
}

/* conv: op-conv.c, pools and LRN: op-pool.c, and so on */
int nn_shape_conv(struct nn_call *c), nn_prepare_conv(struct nn_call *c), nn_load_conv(struct nn_call *c);
int nn_run_conv(struct nn_call *c);
void nn_release_conv(struct nn_call *c);
bool nn_batched_conv(const struct nn_call *c);
double nn_macs_conv(const struct nn_call *c);

int nn_shape_pool(struct nn_call *c), nn_run_pool(struct nn_call *c);
double nn_work_pool(const struct nn_call *c);
int nn_shape_global_pool(struct nn_call *c), nn_run_global_pool(struct nn_call *c);
int nn_shape_lrn(struct nn_call *c), nn_run_lrn(struct nn_call *c);
double nn_work_lrn(const struct nn_call *c);

int nn_shape_gemm(struct nn_call *c), nn_shape_matmul(struct nn_call *c), nn_prepare_gemm(struct nn_call *c);
int nn_run_gemm(struct nn_call *c), nn_run_matmul(struct nn_call *c);
void nn_release_gemm(struct nn_call *c);
/* a fully connected layer: rows of activations times constant weights, with a bias per column */
bool nn_gemm_is_layer(const struct nn_call *c);
bool nn_batched_gemm(const struct nn_call *c), nn_batched_matmul(const struct nn_call *c);
double nn_macs_gemm(const struct nn_call *c), nn_macs_matmul(const struct nn_call *c);

/* op-unary.c: X is a macro of a name and a formula of x, a and b */
#define NN_UNARIES(X)                            \
        X(ABS, fabsf(x))                         \
        X(CEIL, ceilf(x))                        \
        X(CELU, celu(x, a))                      \
        X(COS, cosf(x))                          \
        X(ERF, erff(x))                          \
        X(FLOOR, floorf(x))                      \
        X(GELU, gelu(x))                         \
        X(GELU_TANH, gelu_tanh(x))               \
        X(LOG, logf(x))                          \
        X(MISH, x *tanhf(softplus(x)))           \
        X(NEG, -x)                               \
        X(NOT, !x)                               \
        X(RECIPROCAL, 1 / x)                     \
        X(ROUND, nearbyintf(x))                  \
        X(SELU, selu(x, a, b))                   \
        X(SIGN, (float)(x > 0) - (float)(x < 0)) \
        X(SIN, sinf(x))                          \
        X(SOFTPLUS, softplus(x))                 \
        X(SOFTSIGN, x / (1 + fabsf(x)))          \
        X(SQRT, sqrtf(x))                        \
        X(THRESHOLDED_RELU, x > a ? x : 0)
#define NN_UNARY_NAME(name, formula) NN_UNARY_##name,
enum nn_unary { NN_UNARIES(NN_UNARY_NAME) };

#define NN_OP_FUNCTIONS(name) int nn_shape_##name(struct nn_call *c), nn_run_##name(struct nn_call *c)

NN_OP_FUNCTIONS(unary);
int nn_run_exp(struct nn_call *c);

/* op-broadcast.c; from NN_AND on of bools */
enum nn_compare { NN_EQUAL, NN_LESS, NN_LESS_OR_EQUAL, NN_GREATER, NN_GREATER_OR_EQUAL, NN_AND, NN_OR, NN_XOR };
NN_OP_FUNCTIONS(compare);
NN_OP_FUNCTIONS(where);

/* op-make.c */
NN_OP_FUNCTIONS(constant_of_shape);
NN_OP_FUNCTIONS(expand);
NN_OP_FUNCTIONS(tile);
NN_OP_FUNCTIONS(range);
NN_OP_FUNCTIONS(cast);

/* op-split.c */
NN_OP_FUNCTIONS(split);
NN_OP_FUNCTIONS(depth_to_space);
NN_OP_FUNCTIONS(space_to_depth);

/* op-topk.c; op-reduce.c */
enum nn_reduce {
        NN_REDUCE_MEAN,
        NN_REDUCE_SUM,
        NN_REDUCE_MAX,
        NN_REDUCE_MIN,
        NN_REDUCE_PROD,
        NN_REDUCE_L1,
        NN_REDUCE_L2,
        NN_REDUCE_SUM_SQUARE,
        NN_REDUCE_LOG_SUM,
        NN_REDUCE_LOG_SUM_EXP,
};
NN_OP_FUNCTIONS(top_k);
NN_OP_FUNCTIONS(arg); /* NN_REDUCE_MAX or NN_REDUCE_MIN */
int nn_prepare_top_k(struct nn_call *c);
double nn_work_top_k(const struct nn_call *c);

/* op-norm.c */
NN_OP_FUNCTIONS(layer_norm);
NN_OP_FUNCTIONS(instance_norm);
int nn_run_log_softmax(struct nn_call *c);

/* op-deconv.c */
NN_OP_FUNCTIONS(deconv);
int nn_prepare_deconv(struct nn_call *c);
bool nn_batched_deconv(const struct nn_call *c);
double nn_macs_deconv(const struct nn_call *c);

/* op-arith.c: Sum, Mean, Max, Min of any number; Pow, Mod */
enum nn_arith { NN_ARITH_SUM, NN_ARITH_MEAN, NN_ARITH_MAX, NN_ARITH_MIN };
NN_OP_FUNCTIONS(many);
int nn_prepare_many(struct nn_call *c);
NN_OP_FUNCTIONS(pow);
NN_OP_FUNCTIONS(mod);

int nn_shape_act(struct nn_call *c), nn_run_act(struct nn_call *c);
int nn_shape_prelu(struct nn_call *c), nn_run_prelu(struct nn_call *c);
int nn_shape_binary(struct nn_call *c), nn_run_binary(struct nn_call *c);
bool nn_batched_broadcast(const struct nn_call *c);
int nn_shape_batch_norm(struct nn_call *c), nn_prepare_batch_norm(struct nn_call *c);
int nn_run_batch_norm(struct nn_call *c);
void nn_release_batch_norm(struct nn_call *c);
int nn_shape_softmax(struct nn_call *c), nn_run_softmax(struct nn_call *c);
NN_OP_FUNCTIONS(reduce);
bool nn_batched_axis(const struct nn_call *c), nn_batched_yes(const struct nn_call *c);
bool nn_batched_parameters(const struct nn_call *c);

int nn_shape_identity(struct nn_call *c), nn_shape_dropout(struct nn_call *c), nn_run_dropout(struct nn_call *c);
int nn_shape_reshape(struct nn_call *c), nn_shape_flatten(struct nn_call *c);
int nn_shape_squeeze(struct nn_call *c), nn_shape_unsqueeze(struct nn_call *c), nn_run_view(struct nn_call *c);
int nn_shape_shape(struct nn_call *c), nn_run_shape(struct nn_call *c);
int nn_shape_constant(struct nn_call *c), nn_run_constant(struct nn_call *c);

int nn_shape_transpose(struct nn_call *c), nn_run_transpose(struct nn_call *c);
bool nn_batched_transpose(const struct nn_call *c);
int nn_shape_concat(struct nn_call *c), nn_run_concat(struct nn_call *c);
int nn_shape_slice(struct nn_call *c), nn_run_slice(struct nn_call *c);
bool nn_batched_slice(const struct nn_call *c);
int nn_shape_gather(struct nn_call *c), nn_run_gather(struct nn_call *c);
bool nn_batched_gather(const struct nn_call *c);
int nn_shape_pad(struct nn_call *c), nn_run_pad(struct nn_call *c);
bool nn_batched_pad(const struct nn_call *c);

int nn_shape_quantize(struct nn_call *c), nn_shape_dequantize(struct nn_call *c), nn_run_quantize(struct nn_call *c);
bool nn_batched_quantize(const struct nn_call *c);
int nn_shape_conv_integer(struct nn_call *c), nn_run_conv_integer(struct nn_call *c);
bool nn_batched_conv_integer(const struct nn_call *c);
int nn_shape_qlinear_conv(struct nn_call *c), nn_run_qlinear_conv(struct nn_call *c);
bool nn_batched_qlinear_conv(const struct nn_call *c);
int nn_shape_matmul_integer(struct nn_call *c), nn_run_matmul_integer(struct nn_call *c);
int nn_shape_qlinear_matmul(struct nn_call *c), nn_run_qlinear_matmul(struct nn_call *c);
int nn_shape_qlinear_binary(struct nn_call *c), nn_run_qlinear_add(struct nn_call *c),
        nn_run_qlinear_mul(struct nn_call *c);
int nn_shape_qlinear_average(struct nn_call *c), nn_run_qlinear_average(struct nn_call *c);
int nn_shape_qgemm(struct nn_call *c), nn_run_qgemm(struct nn_call *c);
double nn_macs_qgemm(const struct nn_call *c);
double nn_macs_integer_conv(const struct nn_call *c), nn_macs_integer_matmul(const struct nn_call *c);
int nn_shape_dynamic_quantize(struct nn_call *c), nn_run_dynamic_quantize(struct nn_call *c);

/* Quantise or dequantise where the bytes are blocks; one scale for all, zero as the file says. */
int nn_run_quantize_blocks(struct nn_call *c, float scale, int zero);
/* made by the planner alone */
extern const struct nn_op nn_op_conv8, nn_op_max_pool8, nn_op_global_pool8, nn_op_add8;

int nn_shape_resize(struct nn_call *c), nn_prepare_resize(struct nn_call *c), nn_run_resize(struct nn_call *c);
void nn_release_resize(struct nn_call *c);
bool nn_batched_resize(const struct nn_call *c);
