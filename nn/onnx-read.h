/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * From an ONNX file to a struct nn_model.
 */

#include "nn/graph.h"

/**
 * nn_onnx_read() - fill an empty model
 * @m: zeroed; on failure partly filled: the caller frees it with nn_model_free() all the same
 */
int nn_onnx_read(const void *data, size_t size, struct nn_model *m, struct nn_error *error);

/* Frees what a node holds. */
void nn_node_done(struct nn_node *n);
