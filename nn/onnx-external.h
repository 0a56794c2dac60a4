/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Contents of tensors that lie in a file beside the model. */

#include "nn/onnx-unpack.h"

/**
 * nn_onnx_external() - read the contents of @p
 * @file: folder, and the count of what was read so far
 * @bytes: as many as the shape of the tensor takes
 * @ret: from nn_alloc()
 * Return: 0; -EBADMSG for a place that is none, -EFBIG, -ENOMEM, errno of
 * open(2) and read(2).
 */
int nn_onnx_external(const Onnx__TensorProto *p, struct nn_onnx_file *file, const char *what, size_t bytes, void **ret,
                     struct nn_error *error);
