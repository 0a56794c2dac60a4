/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Writes ONNX files (IR version 8, opset 13). Internal to the project: the trainer and the tests use it.
 *
 * Nodes are written in the order in which they were added, which must be topological. Every function but
 * onnx_writer_take_initializer() and onnx_writer_lend_initializer() copies what it is given. The first error sticks:
 * later calls do nothing and onnx_writer_save() returns it.
 */

#include <stdint.h>

#include "nn/emotion-nn.h"

struct onnx_writer;

struct onnx_attribute {
        const char *name; /* NULL ends the array */
        enum { ONNX_INT, ONNX_FLOAT, ONNX_STRING, ONNX_INTS, ONNX_FLOATS } kind;
        int64_t i;
        float f;
        const char *s;
        const int64_t *ints;
        const float *floats;
        size_t n; /* of ints or floats */
};

int onnx_writer_new(const char *graph_name, struct onnx_writer **ret);
struct onnx_writer *onnx_writer_free(struct onnx_writer *w);

/* Another opset than 13. */
void onnx_writer_opset(struct onnx_writer *w, unsigned opset);
/* dims of -1 are written as the symbolic dimension "N", other negative ones as dimensions without name or value */
void onnx_writer_input(struct onnx_writer *w, const char *name, enum nn_type type, const int64_t *dims, size_t n_dims);
void onnx_writer_output(struct onnx_writer *w, const char *name, enum nn_type type, const int64_t *dims, size_t n_dims);
/* @t: shape, type and data, little-endian raw_data in the file */
void onnx_writer_initializer(struct onnx_writer *w, const char *name, const struct nn_tensor *t);
/* The same without a copy: t->data comes from malloc() and becomes the writer's, after an error too. It is set to NULL. */
void onnx_writer_take_initializer(struct onnx_writer *w, const char *name, struct nn_tensor *t);
/* The same without a copy: t->data stays the caller's and as it is until onnx_writer_free(). */
void onnx_writer_lend_initializer(struct onnx_writer *w, const char *name, const struct nn_tensor *t);
/* @op_type: of another domain than ONNX's own with that before it, "com.microsoft.QGemm", which is imported as of version 1
 * @inputs, @outputs: NULL-terminated; "" is an omitted optional input. @attributes: NULL or ended by name NULL. */
void onnx_writer_node(struct onnx_writer *w, const char *op_type, const char *const *inputs, const char *const *outputs,
                      const struct onnx_attribute *attributes);
void onnx_writer_metadata(struct onnx_writer *w, const char *key, const char *value);

/* Writes to a temporary name beside @path, then renames: a reader never sees half a file.
 * Return: 0, the first error of the calls before, or errno of the file system. */
int onnx_writer_save(struct onnx_writer *w, const char *path);
