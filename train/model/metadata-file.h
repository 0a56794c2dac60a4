/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Metadata of an ONNX file, changed without touching anything else in it: graph and weights are copied byte for byte.
 */

#include <stddef.h>
#include <stdint.h>

struct metadata_entry {
        const char *key, *value; /* NULL: the key is taken out */
};

/* The bytes of a model, to be freed. Return: 0; -EINVAL no regular file; -EFBIG, -ENOMEM, errno of open(2) and read(2). */
int metadata_file_read(const char *path, uint8_t **ret, size_t *ret_size);

/**
 * metadata_file_write() - a copy of the model at @path with other metadata
 * @out: may be @path; appears whole or not at all
 * @entries: replace those of their keys; others stay
 *
 * Return: 0; -EBADMSG the file is no ONNX; -EFBIG beyond NN_MAX_FILE_BYTES; -ENOMEM; errno of open(2), read(2), write(2).
 */
int metadata_file_write(const char *path, const char *out, const struct metadata_entry *entries, size_t n);
