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

/**
 * nn_onnx_tensor() - take a TensorProto's contents
 * @p: its raw_data may be moved out of it
 * @ret: data is malloc()ed, exactly the bytes of the shape (NULL if these are none), in the host's byte order
 * @what: names the tensor in an error
 * Return: 0; -EBADMSG, -EFBIG, -EOPNOTSUPP (element type, external data), -ENOMEM.
 */
int nn_onnx_tensor(Onnx__TensorProto *p, const char *what, struct nn_tensor *ret, struct nn_error *error);
