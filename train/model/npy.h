/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * NumPy's .npy files, versions 1 and 2 (numpy.lib.format): one tensor, C order, little-endian.
 */

#include "nn/emotion-nn.h"

/**
 * npy_read() - read a file
 * @ret: data is malloc()ed, owned by the caller; NULL if there are no elements
 * Return: 0; -EBADMSG for what is no .npy, is cut or contradicts itself; -EOPNOTSUPP for an element type that the
 * engine lacks, or Fortran order; -EFBIG beyond NN_MAX_TENSOR_BYTES or NN_MAX_DIMS; errno of the file system.
 */
int npy_read(const char *path, struct nn_tensor *ret);

/* Writes @t as version 1. Return: 0 or errno of the file system. */
int npy_write(const char *path, const struct nn_tensor *t);
