/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef EMOTION_NN_H
#define EMOTION_NN_H

/**
 * libemotion-nn: runs ONNX networks on the CPU.
 *
 * A model is the file: graph, weights, metadata. A plan is a model made ready for fixed input shapes: shapes
 * inferred, constants folded, weights packed, one arena for all intermediate tensors. Running a plan allocates
 * nothing.
 *
 * Threads: a model is immutable once loaded and may be shared. A plan belongs to one thread at a time.
 * Errors: 0 or a negative errno. Functions that take a struct nn_error fill it with a sentence that names the
 * node, operator or tensor; it may be NULL.
 *   -EBADMSG     the file is no ONNX, is cut, or contradicts itself
 *   -EOPNOTSUPP  an operator, opset, attribute or element type that this library does not run (named)
 *   -EFBIG       a size beyond the limits in this header
 *   -EINVAL      the caller's arguments, or shapes that do not fit the graph
 *   -EAGAIN      the system starts no further threads
 *   -ENOMEM, and errno of open(2) and read(2)
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NN_MAX_DIMS 8
#define NN_MAX_FILE_BYTES ((size_t)1 << 30)
/* bytes: the largest single tensor; in a plan the most for intermediate tensors, for packed weights, for scratch */
#define NN_MAX_TENSOR_BYTES ((size_t)1 << 31)

enum nn_type {
        NN_FLOAT32 = 1, /* the numbers are those of onnx TensorProto.DataType */
        NN_UINT8 = 2,
        NN_INT8 = 3,
        NN_INT32 = 6,
        NN_INT64 = 7,
        NN_BOOL = 9,
};

struct nn_error {
        char text[256];
};

/* A dense tensor in C order: the last dimension is contiguous. */
struct nn_tensor {
        enum nn_type type;
        unsigned n_dims;           /* 0 for a scalar */
        int64_t dims[NN_MAX_DIMS]; /* each >= 0; -1 in a model's input or output means not fixed by the file */
        void *data;                /* in an input of a plan 64-byte aligned; in an output at least as the type wants */
};

struct nn_model;
struct nn_plan;

/**
 * nn_model_load() - read an ONNX file
 * nn_model_load_memory() - the same from @size bytes at @data, borrowed for the call
 * @ret: owned by the caller: nn_model_free()
 */
int nn_model_load(const char *path, struct nn_model **ret, struct nn_error *error);
int nn_model_load_memory(const void *data, size_t size, struct nn_model **ret, struct nn_error *error);
/* Accepts NULL; returns NULL. Free the plans made from the model first. */
struct nn_model *nn_model_free(struct nn_model *m);

/* Value of metadata_props entry @key; NULL if there is none. Owned by the model. */
const char *nn_model_metadata(const struct nn_model *m, const char *key);

/* The graph's inputs (without initializers) and outputs, in file order. NULL past the end. Owned by the model. */
size_t nn_model_n_inputs(const struct nn_model *m);
size_t nn_model_n_outputs(const struct nn_model *m);
const char *nn_model_input_name(const struct nn_model *m, size_t i);
const char *nn_model_output_name(const struct nn_model *m, size_t i);
/* type and dims as the file declares them, data NULL; for outputs dims may all be -1 */
const struct nn_tensor *nn_model_input(const struct nn_model *m, size_t i);
const struct nn_tensor *nn_model_output(const struct nn_model *m, size_t i);

struct nn_plan_options {
        /* 1..4096, or 0 for 1: stands in for a first dimension that the file leaves open; if the file fixes it to
         * 1 and every operator is independent of the batch, the graph is planned with this batch all the same */
        unsigned batch;
        /* worker threads, 1..64, or 0 for 1 */
        unsigned threads;
        /* exact shapes, one per graph input, or NULL: use the file's dims and @batch; data is ignored */
        const struct nn_tensor *inputs;
        /* let @inputs replace sizes that the file fixes; the graph may still refuse them (-EINVAL) */
        bool free_sizes;
        /* keep a value per graph node readable (for debugging and conformance): slower, more memory */
        bool keep_all;
        /* how fully connected layers keep their weights, whose reading is what they cost with few images: 0 as the file
         * has them, 32, 16 (bfloat16, relative error up to 2^-9) or 8 (a scale per output, error up to 1/254 of its
         * largest weight). Weights that are 8-bit in the file stay so. */
        unsigned weight_bits;
        /* try the ways to compute each convolution and keep the fastest, instead of the one that is expected to be:
         * takes some twenty times as long as a run. Plans of one model may then differ in the last digits; a plan still
         * gives the same results in each run. */
        bool measure;
};

/* @options may be NULL. @m must outlive the plan. */
int nn_plan_new(const struct nn_model *m, const struct nn_plan_options *options, struct nn_plan **ret,
                struct nn_error *error);
/**
 * nn_plan_new_last() - the same for a model of which no other plan will be made
 *
 * Weights that the plan keeps in a form of its own go back to the system one after the other, so that the model and the
 * plan are never whole in memory at one time. No other plan of @m may be in use. From then on, also after an error,
 * @m is refused (-EINVAL) by both; names, shapes and metadata stay.
 */
int nn_plan_new_last(struct nn_model *m, const struct nn_plan_options *options, struct nn_plan **ret,
                     struct nn_error *error);
struct nn_plan *nn_plan_free(struct nn_plan *p);

/* Input @i of the plan; the caller writes its data before each run. Owned by the plan. NULL past the end. */
struct nn_tensor *nn_plan_input(struct nn_plan *p, size_t i);
/* Output @i; valid after nn_plan_run() until the next run. Owned by the plan. */
const struct nn_tensor *nn_plan_output(const struct nn_plan *p, size_t i);

/* Runs the plan once. Allocates nothing. Return: 0 or negative errno. */
int nn_plan_run(struct nn_plan *p);

/**
 * nn_bytes_are_fast() - whether this CPU sums products of bytes by an instruction of its own
 *
 * (AVX-512 VNNI, AVX-VNNI, dot products of ARMv8.2.) With it, an 8-bit network takes less time than the network of floats
 * that it was made from; without it, more.
 */
bool nn_bytes_are_fast(void);

/* Bytes of one element of @t; 0 for an unknown type. */
size_t nn_type_size(enum nn_type t);
/* Product of the dims; -1 if one is negative or the product overflows. */
int64_t nn_tensor_n_elements(const struct nn_tensor *t);

#ifdef __cplusplus
}
#endif
#endif
