/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * protobuf-c's unpacker made safe for files that nobody vouches for. By itself it recurses as deep as the file
 * says, which ends in a stack overflow, and turns two bytes of file into a hundred bytes of memory.
 */

#include "nn/emotion-nn.h"
#include "nn/onnx.pb-c.h"

/**
 * nn_onnx_unpack() - unpack a message of type @descriptor
 * @ret: to be freed with protobuf_c_message_free_unpacked(m, NULL)
 * Return: 0; -EBADMSG for what is no such message; -EFBIG if it nests too deep or its memory is out of proportion;
 * -ENOMEM.
 */
int nn_onnx_unpack(const ProtobufCMessageDescriptor *descriptor, const void *data, size_t size, ProtobufCMessage **ret,
                   struct nn_error *error);

/* The bytes of a file, in which large tensors may stay. */
struct nn_onnx_file {
        uint8_t *data; /* from nn_alloc(); owned by who made it */
        size_t size;
        size_t n_taken;        /* tensors whose data points into it */
        int folder;            /* where files with data of tensors may lie; -1: nowhere */
        size_t external_bytes; /* read from them so far */
};

/**
 * nn_onnx_unpack_file() - the same without a copy of what tensors hold, which is most of a model
 * @file: its bytes are moved to aligned addresses: afterwards it is of use to nn_onnx_tensor() only
 */
int nn_onnx_unpack_file(const ProtobufCMessageDescriptor *descriptor, struct nn_onnx_file *file, ProtobufCMessage **ret,
                        struct nn_error *error);

/**
 * nn_onnx_tensor() - take a TensorProto's contents
 * @p: its raw_data may be moved out of it
 * @file: that of nn_onnx_unpack_file() if @p is out of it, else NULL
 * @ret: data is exactly the bytes of the shape (NULL if these are none), in the host's byte order, malloc()ed or within
 *       @file
 * @what: names the tensor in an error
 *
 * float16, bfloat16 and float64 become float32. Data in another file is read from there: a regular file in the model's
 * folder or below, not through a link, and no more than NN_MAX_FILE_BYTES in all tensors together.
 * Return: 0; -EBADMSG, -EFBIG, -EOPNOTSUPP (element type), -ENOMEM, and errno of open(2) and read(2).
 */
int nn_onnx_tensor(Onnx__TensorProto *p, struct nn_onnx_file *file, const char *what, struct nn_tensor *ret,
                   struct nn_error *error);
