/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * From an ONNX file to a struct nn_model.
 */

#include "nn/graph.h"

/**
 * nn_onnx_read() - fill an empty model from its file
 * @m: zeroed but for file and file_bytes, in which tensors may stay; on failure partly filled: the caller frees it with
 *     nn_model_free() all the same
 * @folder: descriptor of the folder in which the file lies, for tensors that are kept in files beside it; -1 without one
 */
int nn_onnx_read(struct nn_model *m, int folder, struct nn_error *error);
