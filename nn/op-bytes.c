/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The steps that plan-quant.c makes: operators whose inputs and outputs stay byte blocks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nn/op.h"

/* Pixels that are turned at a time. */
#define CHUNK 64

/* Where channel @k of pixel @p of one image lies in floats of the given layout. */
static size_t float_at(const struct nn_call *c, enum nn_layout layout, size_t hw, size_t k, size_t p)
{
        size_t b = layout == NN_BLOCKED ? nn_isa_block(c->isa) : 1;

        return (k / b * hw + p) * b + k % b;
}

static size_t image_floats(const struct nn_call *c, enum nn_layout layout, size_t channels, size_t hw)
{
        return layout == NN_BLOCKED ? nn_blocked_floats(c->isa, 1, channels, hw, 1) : channels * hw;
}

/* Floats of any layout to byte blocks, or the reverse. */
static void turn(struct nn_call *c, bool to_bytes, float *floats, uint8_t *bytes, float scale, int zero)
{
        const int64_t *dims = c->in[0]->dims;
        size_t channels = (size_t)dims[1], hw = (size_t)(dims[2] * dims[3]);
        enum nn_layout layout = to_bytes ? c->layout_in : c->layout_out;
        float chunk[CHUNK * NN_BYTE_BLOCK];

        for (size_t n = 0; n < (size_t)dims[0]; n++, floats += image_floats(c, layout, channels, hw))
                for (size_t k = 0; k < channels; k += NN_BYTE_BLOCK)
                        for (size_t p = 0; p < hw; p += CHUNK) {
                                size_t count = MIN(hw - p, (size_t)CHUNK),
                                       lanes = MIN(channels - k, (size_t)NN_BYTE_BLOCK);

                                if (to_bytes) {
                                        memset(chunk, 0, count * NN_BYTE_BLOCK * sizeof(*chunk));
                                        for (size_t l = 0; l < lanes; l++)
                                                for (size_t i = 0; i < count; i++)
                                                        chunk[i * NN_BYTE_BLOCK + l] =
                                                                floats[float_at(c, layout, hw, k + l, p + i)];
                                        nn_quantize(c->dot, count * NN_BYTE_BLOCK, chunk, scale, zero, false, bytes);
                                } else {
                                        nn_dequantize(c->dot, count * NN_BYTE_BLOCK, bytes, scale, zero, false, chunk);
                                        for (size_t l = 0; l < lanes; l++)
                                                for (size_t i = 0; i < count; i++)
                                                        floats[float_at(c, layout, hw, k + l, p + i)] =
                                                                chunk[i * NN_BYTE_BLOCK + l];
                                }
                                bytes += count * NN_BYTE_BLOCK;
                        }
}

int nn_run_quantize_blocks(struct nn_call *c, float scale, int zero)
{
        bool to_bytes = c->in[0]->type == NN_FLOAT32;
        const struct nn_tensor *bytes = to_bytes ? c->out[0] : c->in[0], *floats = to_bytes ? c->in[0] : c->out[0];
        enum nn_layout layout = to_bytes ? c->layout_in : c->layout_out;

        /* byte blocks are unsigned */
        zero += bytes->type == NN_INT8 ? 128 : 0;
        if (layout == NN_BLOCKED && nn_isa_block(c->isa) == NN_BYTE_BLOCK) {
                size_t n = nn_byte_blocks((size_t)bytes->dims[0], (size_t)bytes->dims[1], (size_t)bytes->dims[2],
                                          (size_t)bytes->dims[3]);

                if (to_bytes)
                        nn_quantize(c->dot, n, nn_f32(floats), scale, zero, false, bytes->data);
                else
                        nn_dequantize(c->dot, n, bytes->data, scale, zero, false, nn_f32(floats));
                return 0;
        }
        turn(c, to_bytes, nn_f32(floats), bytes->data, scale, zero);
        return 0;
}

static int prepare_conv8(struct nn_call *c)
{
        struct nn_conv8_desc q = c->p.conv8.q;
        _cleanup_(freep) float *scales = NULL;
        int r;

        q.d.residual = c->residual != NULL;
        q.d.in = c->layout_in;
        q.d.out = NN_BLOCKED;
        q.x_signed = c->layout_in == NN_PLAIN && c->in[0]->type == NN_INT8;
        if (c->p.conv8.one_scale) {
                scales = malloc(q.d.k * sizeof(*scales));
                if (!scales)
                        return -ENOMEM;
                for (unsigned k = 0; k < q.d.k; k++)
                        scales[k] = q.w_scales[0];
                q.w_scales = scales;
        }
        c->p.conv8.prepared = NULL;
        r = nn_conv8_prepare(c->dot, &q, c->p.conv8.weights, c->p.conv8.bias, &c->p.conv8.prepared);
        if (r < 0)
                return r == -ENOMEM ? r : nn_call_fail(c, r, "the convolution cannot be prepared");
        c->kernel = nn_conv8_name(c->p.conv8.prepared);
        c->packed_bytes = nn_conv8_packed_bytes(c->p.conv8.prepared);
        c->scratch_bytes = nn_conv8_scratch_bytes(c->p.conv8.prepared);
        return 0;
}

static int run_conv8(struct nn_call *c)
{
        nn_conv8_run(c->p.conv8.prepared, c->in[0]->data, c->residual ? c->residual->data : NULL, c->out[0]->data,
                     c->scratch, c->pool);
        return 0;
}

static void release_conv8(struct nn_call *c)
{
        c->p.conv8.prepared = nn_conv8_free(c->p.conv8.prepared);
}

static int prepare_bytes(struct nn_call *c)
{
        c->kernel = "int8";
        return 0;
}

static int run_max_pool8(struct nn_call *c)
{
        nn_max_pool8(c->dot, &c->p.pool, c->in[0]->data, c->out[0]->data);
        return 0;
}

static int run_global_pool8(struct nn_call *c)
{
        const int64_t *dims = c->in[0]->dims;

        nn_global_pool8(c->dot, (size_t)dims[0], (size_t)dims[1], (size_t)(dims[2] * dims[3]), c->in[0]->data,
                        c->p.bytes.a, nn_f32(c->out[0]));
        return 0;
}

static int run_add8(struct nn_call *c)
{
        const int64_t *dims = c->out[0]->dims;

        nn_add8(c->dot, nn_byte_blocks((size_t)dims[0], (size_t)dims[1], (size_t)dims[2], (size_t)dims[3]),
                c->in[0]->data, c->p.bytes.a, c->in[1]->data, c->p.bytes.b, c->p.bytes.y, c->p.bytes.relu,
                c->out[0]->data);
        return 0;
}

const struct nn_op nn_op_conv8 = {
        .name = "Conv",
        .max_in = 1,
        .max_out = 1,
        .flags = NN_OP_BYTES,
        .prepare = prepare_conv8,
        .run = run_conv8,
        .release = release_conv8,
};
const struct nn_op nn_op_max_pool8 = {
        .name = "MaxPool",
        .max_in = 1,
        .max_out = 1,
        .flags = NN_OP_BYTES,
        .prepare = prepare_bytes,
        .run = run_max_pool8,
};
const struct nn_op nn_op_global_pool8 = {
        .name = "GlobalAveragePool",
        .max_in = 1,
        .max_out = 1,
        .flags = NN_OP_BYTES,
        .prepare = prepare_bytes,
        .run = run_global_pool8,
};
const struct nn_op nn_op_add8 = {
        .name = "Add",
        .max_in = 2,
        .max_out = 1,
        .flags = NN_OP_BYTES | NN_OP_IN_PLACE,
        .prepare = prepare_bytes,
        .run = run_add8,
};
