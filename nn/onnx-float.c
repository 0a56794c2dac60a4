/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "nn/onnx-float.h"

#define FLOAT16 ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16
#define BFLOAT16 ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16
#define FLOAT64 ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE

size_t nn_onnx_float_bytes(int type)
{
        switch (type) {
        case FLOAT16:
        case BFLOAT16:
                return 2;
        case FLOAT64:
                return 8;
        default:
                return 0;
        }
}

static float from_bits(uint32_t bits)
{
        float f;

        memcpy(&f, &bits, sizeof(f));
        return f;
}

/* IEEE 754: a sign, 5 bits of exponent, 10 of fraction. */
static float from_float16(uint16_t h)
{
        uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 0x1f, fraction = h & 0x3ff;

        if (exponent == 0x1f)
                return from_bits(sign | 0x7f800000 | fraction << 13);
        if (exponent == 0) /* a multiple of 2^-24 */
                return (sign ? -1.f : 1.f) * (float)fraction * 0x1p-24f;
        return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

static uint64_t little_endian(const uint8_t *from, size_t n)
{
        uint64_t v = 0;

        for (size_t i = n; i-- > 0;)
                v = v << 8 | from[i];
        return v;
}

static float convert(int type, uint64_t bits)
{
        double d;

        if (type == FLOAT16)
                return from_float16((uint16_t)bits);
        if (type == BFLOAT16)
                return from_bits((uint32_t)bits << 16);
        memcpy(&d, &bits, sizeof(d));
        return (float)d;
}

void nn_onnx_floats(int type, const uint8_t *from, size_t n, float *ret)
{
        size_t item = nn_onnx_float_bytes(type);

        for (size_t i = 0; i < n; i++, from += item)
                ret[i] = convert(type, little_endian(from, item));
}

float nn_onnx_typed_float(const Onnx__TensorProto *p, size_t i)
{
        if (p->data_type == FLOAT64)
                return (float)p->double_data[i];
        if (nn_onnx_float_bytes(p->data_type))
                return convert(p->data_type, (uint16_t)p->int32_data[i]);
        return p->float_data[i];
}
