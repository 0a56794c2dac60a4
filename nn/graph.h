/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A model in memory: what the ONNX reader makes, and what plans are made from. Internal to nn/.
 */

#include "basic/macro.h"
#include "nn/emotion-nn.h"
#include "nn/error.h"

/* Bounds the planner's work, which is quadratic in places. */
#define NN_MAX_NODES 16384u
#define NN_MAX_VALUES 65536u
/* An omitted optional input or output. */
#define NN_NO_VALUE UINT32_MAX

struct nn_op;

enum nn_attribute_kind {
        NN_ATTRIBUTE_INT = 'i',
        NN_ATTRIBUTE_FLOAT = 'f',
        NN_ATTRIBUTE_STRING = 's',
        NN_ATTRIBUTE_TENSOR = 't',
        NN_ATTRIBUTE_INTS = 'I',
        NN_ATTRIBUTE_FLOATS = 'F',
};

struct nn_attribute {
        char *name;
        enum nn_attribute_kind kind;
        int64_t i;
        float f;
        char *s;
        int64_t *ints;
        float *floats;
        size_t n; /* of ints or floats */
        struct nn_tensor t;
};

struct nn_node {
        const struct nn_op *op;
        char *name; /* never NULL; the first output's name if the file gives none */
        unsigned n_in, n_out;
        uint32_t *in, *out; /* indices of values, or NN_NO_VALUE */
        size_t n_attributes;
        struct nn_attribute *attributes;
};

/* An edge of the graph. */
struct nn_value {
        char *name;
        struct nn_tensor t; /* of an initializer: with data. Else type 0 and no dims unless the file declares them */
};

struct nn_model {
        uint8_t *file; /* from nn_alloc(): large tensors lie in it; NULL if none does */
        size_t file_bytes;
        bool spent; /* nn_plan_new_last() has given weights back */
        unsigned opset;
        char *graph_name;
        size_t n_values, n_nodes, n_inputs, n_outputs, n_metadata;
        struct nn_value *values;
        struct nn_node *nodes; /* topologically sorted: the reader refuses others */
        uint32_t *inputs, *outputs;
        struct nn_tensor *input_decls, *output_decls;
        char **metadata; /* key, value, key, value ... */
};

/* Memory of @t goes back to the system if it is a part of the file: its numbers are lost. */
void nn_model_give_back(struct nn_model *m, const struct nn_tensor *t);

/* Frees what a node of @m holds. */
void nn_node_done(const struct nn_model *m, struct nn_node *n);

/* Bytes of @t, or 0 with *@ret_ok false if it has an open dim, an unknown type or is beyond NN_MAX_TENSOR_BYTES. */
size_t nn_tensor_bytes(const struct nn_tensor *t, bool *ret_ok);
bool nn_tensor_same_shape(const struct nn_tensor *a, const struct nn_tensor *b);
/* "1x3x48x48", "scalar", "Nx3" for an open dim; into @buffer, which is returned */
const char *nn_tensor_shape_string(const struct nn_tensor *t, char *buffer, size_t size);
#define NN_SHAPE_STRING(t) nn_tensor_shape_string((t), (char[128]){ 0 }, 128)

/* The type in which numbers of ONNX's type @type are kept: float16, bfloat16 and float64 are read as float32, the others
 * are themselves; 0 for what is not read. */
enum nn_type nn_type_kept(int type);
/* Element @i of a tensor of integers or bools; its value put there, cut to the type's bits. */
int64_t nn_tensor_int(const struct nn_tensor *t, int64_t i);
void nn_tensor_put_int(struct nn_tensor *t, int64_t i, int64_t v);

const char *nn_type_name(int type); /* also of types that this library does not run; "type 77" is "unknown" */

const struct nn_attribute *nn_node_attribute(const struct nn_node *n, const char *name);
int64_t nn_node_int(const struct nn_node *n, const char *name, int64_t otherwise);
float nn_node_float(const struct nn_node *n, const char *name, float otherwise);
const char *nn_node_string(const struct nn_node *n, const char *name, const char *otherwise);
