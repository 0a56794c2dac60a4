/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Numbers of other widths than float32, which become that when a file is read.
 */

#include <stddef.h>
#include <stdint.h>

#include "nn/onnx.pb-c.h"

/* Bytes of a number of ONNX's type @type if it is float16, bfloat16 or float64;
 * else 0. */
size_t nn_onnx_float_bytes(int type);
/* @n numbers of such a type, little-endian at @from. */
void nn_onnx_floats(int type, const uint8_t *from, size_t n, float *ret);
/* Number @i of the typed field of a tensor that is kept as float32; it must be
 * there. */
float nn_onnx_typed_float(const Onnx__TensorProto *p, size_t i);
