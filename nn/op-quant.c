/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Quantised numbers: QuantizeLinear, DequantizeLinear, and the operators on bytes as ONNX defines them, plainly. What
 * the planner makes of quantised networks is in plan-quant.c and op-bytes.c. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "nn/op-quant.h"
#include "nn/op-window.h"

bool nn_quant_is_byte(const struct nn_tensor *t)
{
        return t->type == NN_UINT8 || t->type == NN_INT8;
}

int nn_quant_need_byte(struct nn_call *c, unsigned i)
{
        const struct nn_tensor *t = nn_call_in(c, i);

        if (t && !nn_quant_is_byte(t))
                return nn_call_fail(c, -EOPNOTSUPP, "element type %s is not supported", nn_type_name(t->type));
        return 0;
}

int32_t nn_quant_number(const struct nn_tensor *t, int64_t i)
{
        if (!t)
                return 0;
        if (nn_tensor_n_elements(t) == 1)
                i = 0;
        switch (t->type) {
        case NN_UINT8:
                return ((const uint8_t *)t->data)[i];
        case NN_INT8:
                return ((const int8_t *)t->data)[i];
        default:
                return ((const int32_t *)t->data)[i];
        }
}

float nn_quant_scale(const struct nn_tensor *t, int64_t i)
{
        return nn_f32(t)[nn_tensor_n_elements(t) == 1 ? 0 : i];
}

int nn_quant_check(struct nn_call *c, unsigned i, enum nn_type type, int64_t n)
{
        const struct nn_tensor *scale = c->in[i], *zero = nn_call_in(c, i + 1);
        int64_t n_scales = nn_tensor_n_elements(scale);
        int r = nn_call_need_float(c, i);

        if (r < 0)
                return r;
        if (scale->n_dims > 1 || (n_scales != 1 && n_scales != n))
                return nn_call_fail(c, -EINVAL, "scale of shape %s", NN_SHAPE_STRING(scale));
        if (zero && (zero->type != type || zero->n_dims > 1 || nn_tensor_n_elements(zero) != n_scales))
                return nn_call_fail(c, -EINVAL, "zero point %s %s", nn_type_name((int)zero->type),
                                    NN_SHAPE_STRING(zero));
        return 0;
}

/* The axis along which scales run; only meant if there are several. */
static int read_axis(struct nn_call *c, const struct nn_tensor *x)
{
        int64_t axis = nn_node_int(c->node, "axis", 1);
        int64_t n = nn_tensor_n_elements(c->in[1]);
        int r;

        if (nn_node_int(c->node, "block_size", 0) != 0)
                return nn_call_fail(c, -EOPNOTSUPP, "scales for blocks are not supported");
        c->p.quant.axis = 0;
        if (n == 1 && c->in[1]->n_dims <= 1)
                return 1;
        r = nn_call_axis(c, &axis, x->n_dims);
        if (r < 0)
                return r;
        c->p.quant.axis = axis;
        return (int)MIN(x->dims[axis], (int64_t)INT32_MAX);
}

int nn_shape_quantize(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0], *zero = nn_call_in(c, 2);
        int64_t asked = nn_node_int(c->node, "output_dtype", 0);
        enum nn_type type = zero ? zero->type : asked ? (enum nn_type)asked : NN_UINT8;
        int r = nn_call_need_float(c, 0);

        if (r == 0)
                r = nn_quant_need_byte(c, 2);
        if (r == 0 && ((type != NN_UINT8 && type != NN_INT8) || (asked && asked != (int64_t)type)))
                r = nn_call_fail(c, -EOPNOTSUPP, "output_dtype %s is not supported", nn_type_name((int)asked));
        if (r == 0)
                r = read_axis(c, x);
        if (r >= 0)
                r = nn_quant_check(c, 1, type, r);
        return r < 0 ? r : nn_call_set_output(c, 0, type, x->n_dims, x->dims);
}

int nn_shape_dequantize(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int r;

        if (!nn_quant_is_byte(x) && x->type != NN_INT32)
                return nn_call_fail(c, -EOPNOTSUPP, "element type %s is not supported", nn_type_name((int)x->type));
        r = read_axis(c, x);
        if (r >= 0)
                r = nn_quant_check(c, 1, x->type, r);
        return r < 0 ? r : nn_call_set_output(c, 0, NN_FLOAT32, x->n_dims, x->dims);
}

bool nn_batched_quantize(const struct nn_call *c)
{
        return !c->in[0]->data && (nn_tensor_n_elements(c->in[1]) == 1 || c->p.quant.axis != 0);
}

static void dequantize_int32(size_t n, const int32_t *x, float scale, int32_t zero, float *y)
{
        for (size_t i = 0; i < n; i++)
                y[i] = (float)((double)x[i] - zero) * scale;
}

/* @n values that share a scale */
static void convert(struct nn_call *c, size_t at, size_t n, float scale, int32_t zero)
{
        const struct nn_tensor *x = c->in[0], *y = c->out[0];

        if (x->type == NN_FLOAT32)
                nn_quantize(c->dot, n, nn_f32(x) + at, scale, zero, y->type == NN_INT8, (uint8_t *)y->data + at);
        else if (x->type == NN_INT32)
                dequantize_int32(n, (const int32_t *)x->data + at, scale, zero, nn_f32(y) + at);
        else
                nn_dequantize(c->dot, n, (const uint8_t *)x->data + at, scale, zero, x->type == NN_INT8,
                              nn_f32(y) + at);
}

int nn_run_quantize(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0], *scale = c->in[1], *zero = nn_call_in(c, 2);
        int64_t n = nn_tensor_n_elements(x), length, inner;

        if (c->layout_in == NN_BLOCKED || c->layout_out == NN_BLOCKED)
                return nn_run_quantize_blocks(c, nn_f32(scale)[0], nn_quant_number(zero, 0));
        if (nn_tensor_n_elements(scale) == 1) {
                convert(c, 0, (size_t)n, nn_f32(scale)[0], nn_quant_number(zero, 0));
                return 0;
        }
        length = x->dims[c->p.quant.axis];
        inner = nn_product(x->dims, (unsigned)c->p.quant.axis + 1, x->n_dims);
        for (int64_t i = 0; inner && i < n / inner; i++)
                convert(c, (size_t)(i * inner), (size_t)inner, nn_f32(scale)[i % length],
                        nn_quant_number(zero, i % length));
        return 0;
}

/* QLinearConv: x, scale, zero, w, scale, zero, y scale, zero, bias. ConvInteger: x, w, zero, zero. */
struct conv_inputs {
        const struct nn_tensor *x, *x_zero, *w, *w_zero, *bias;
};

static struct conv_inputs conv_inputs(const struct nn_call *c, bool linear)
{
        if (linear)
                return (struct conv_inputs){ c->in[0], c->in[2], c->in[3], c->in[5], nn_call_in(c, 8) };
        return (struct conv_inputs){ c->in[0], nn_call_in(c, 2), c->in[1], nn_call_in(c, 3), NULL };
}

static int shape_conv(struct nn_call *c, bool linear, enum nn_type type)
{
        struct conv_inputs in = conv_inputs(c, linear);
        const struct nn_tensor *x = in.x, *w = in.w;
        int64_t groups, dims[4];
        struct nn_window win;
        int r;

        if (!nn_quant_is_byte(x) || !nn_quant_is_byte(w))
                return nn_call_fail(c, -EOPNOTSUPP, "input %s, weights %s", nn_type_name((int)x->type),
                                    nn_type_name((int)w->type));
        r = nn_window_read_conv(c, x, w, &win, &groups);
        if (r < 0)
                return r;
        if (in.bias && (in.bias->type != NN_INT32 || in.bias->n_dims != 1 || in.bias->dims[0] != w->dims[0]))
                return nn_call_fail(c, -EINVAL, "bias of shape %s", NN_SHAPE_STRING(in.bias));
        if ((in.x_zero && (in.x_zero->type != x->type || nn_tensor_n_elements(in.x_zero) != 1)) ||
            (in.w_zero && (in.w_zero->type != w->type ||
                           (nn_tensor_n_elements(in.w_zero) != 1 && nn_tensor_n_elements(in.w_zero) != w->dims[0]))))
                return nn_call_fail(c, -EINVAL, "zero points do not fit");
        c->p.window.w = win;
        c->p.window.groups = groups;
        dims[0] = x->dims[0];
        dims[1] = w->dims[0];
        dims[2] = win.out[2 - win.n_axes];
        dims[3] = win.out[1];
        return nn_call_set_output(c, 0, type, x->n_dims, dims);
}

int nn_shape_conv_integer(struct nn_call *c)
{
        return shape_conv(c, false, NN_INT32);
}

int nn_shape_qlinear_conv(struct nn_call *c)
{
        int64_t k = c->in[3]->n_dims ? c->in[3]->dims[0] : 1;
        int r = nn_quant_need_byte(c, 7);

        if (r == 0)
                r = nn_quant_check(c, 1, c->in[0]->type, 1);
        if (r == 0)
                r = nn_quant_check(c, 4, c->in[3]->type, k);
        if (r == 0)
                r = nn_quant_check(c, 6, c->in[7]->type, 1);
        return r < 0 ? r : shape_conv(c, true, c->in[7]->type);
}

/* One output. Sums wrap in 32 bits, as everywhere. */
static int32_t conv_sum(const struct nn_call *c, const struct conv_inputs *in, int64_t n, int64_t k, unsigned i,
                        unsigned j)
{
        const struct nn_window *w = &c->p.window.w;
        int64_t per = in->w->dims[1], first = k / (in->w->dims[0] / c->p.window.groups) * per;
        int64_t height = in->x->n_dims == 4 ? in->x->dims[2] : 1, width = in->x->dims[in->x->n_dims - 1];
        int32_t x_zero = nn_quant_number(in->x_zero, 0), w_zero = nn_quant_number(in->w_zero, k);
        uint32_t sum = in->bias ? (uint32_t)nn_quant_number(in->bias, k) : 0;

        for (int64_t ch = 0; ch < per; ch++)
                for (unsigned r = 0; r < w->kernel[0]; r++)
                        for (unsigned s = 0; s < w->kernel[1]; s++) {
                                int64_t y = (int64_t)i * w->stride[0] + (int64_t)r * w->dilation[0] - w->pad[0];
                                int64_t x = (int64_t)j * w->stride[1] + (int64_t)s * w->dilation[1] - w->pad[1];

                                if (y < 0 || x < 0 || y >= height || x >= width)
                                        continue;
                                sum += (uint32_t)((nn_quant_number(in->x, ((n * in->x->dims[1] + first + ch) * height +
                                                                           y) * width +
                                                                                  x) -
                                                   x_zero) *
                                                  (nn_quant_number(in->w,
                                                                   ((k * per + ch) * w->kernel[0] + r) * w->kernel[1] +
                                                                           s) -
                                                   w_zero));
                        }
        return (int32_t)sum;
}

void nn_quant_put(const struct nn_tensor *y, int64_t i, double v)
{
        double least = y->type == NN_INT8 ? -128 : 0;

        v = v > least ? fmin(v, least + 255) : least;
        ((uint8_t *)y->data)[i] = (uint8_t)(int)v;
}

static int run_conv(struct nn_call *c, bool linear)
{
        struct conv_inputs in = conv_inputs(c, linear);
        const struct nn_window *w = &c->p.window.w;
        const struct nn_tensor *y = c->out[0];
        int64_t at = 0;

        for (int64_t n = 0; n < y->dims[0]; n++)
                for (int64_t k = 0; k < y->dims[1]; k++)
                        for (unsigned i = 0; i < w->out[0]; i++)
                                for (unsigned j = 0; j < w->out[1]; j++, at++) {
                                        int32_t sum = conv_sum(c, &in, n, k, i, j);
                                        float scale;

                                        if (!linear) {
                                                ((int32_t *)y->data)[at] = sum;
                                                continue;
                                        }
                                        scale = nn_f32(c->in[1])[0] * nn_quant_scale(c->in[4], k) / nn_f32(c->in[6])[0];
                                        nn_quant_put(y, at,
                                                     nearbyint((double)sum * (double)scale) +
                                                             nn_quant_number(c->in[7], 0));
                                }
        return 0;
}

int nn_run_conv_integer(struct nn_call *c)
{
        return run_conv(c, false);
}

int nn_run_qlinear_conv(struct nn_call *c)
{
        return run_conv(c, true);
}

bool nn_batched_conv_integer(const struct nn_call *c)
{
        return !c->in[0]->data && c->in[1]->data;
}

bool nn_batched_qlinear_conv(const struct nn_call *c)
{
        return !c->in[0]->data && c->in[3]->data;
}

/* QLinearMatMul: a, scale, zero, b, scale, zero, y scale, zero. MatMulInteger: a, b, zero, zero. */
static int shape_matmul(struct nn_call *c, unsigned ib, const struct nn_tensor *az, const struct nn_tensor *bz,
                        enum nn_type type)
{
        const struct nn_tensor *a = c->in[0], *b = c->in[ib];
        int64_t dims[NN_MAX_DIMS];
        unsigned n = a->n_dims;

        if (!nn_quant_is_byte(a) || !nn_quant_is_byte(b))
                return nn_call_fail(c, -EOPNOTSUPP, "inputs %s and %s", nn_type_name((int)a->type),
                                    nn_type_name((int)b->type));
        if (n < 2 || b->n_dims < 2 ||
            (b->n_dims != 2 && (b->n_dims != n || memcmp(a->dims, b->dims, (n - 2) * sizeof(*dims)))))
                return nn_call_fail(c, -EOPNOTSUPP, "inputs %s and %s", NN_SHAPE_STRING(a), NN_SHAPE_STRING(b));
        if (a->dims[n - 1] != b->dims[b->n_dims - 2])
                return nn_call_fail(c, -EINVAL, "inputs %s and %s", NN_SHAPE_STRING(a), NN_SHAPE_STRING(b));
        memcpy(dims, a->dims, n * sizeof(*dims));
        dims[n - 1] = b->dims[b->n_dims - 1];
        if ((az &&
             (az->type != a->type || (nn_tensor_n_elements(az) != 1 && nn_tensor_n_elements(az) != dims[n - 2]))) ||
            (bz && (bz->type != b->type || (nn_tensor_n_elements(bz) != 1 && nn_tensor_n_elements(bz) != dims[n - 1]))))
                return nn_call_fail(c, -EINVAL, "zero points do not fit");
        return nn_call_set_output(c, 0, type, n, dims);
}

int nn_shape_matmul_integer(struct nn_call *c)
{
        return shape_matmul(c, 1, nn_call_in(c, 2), nn_call_in(c, 3), NN_INT32);
}

int nn_shape_qlinear_matmul(struct nn_call *c)
{
        const struct nn_tensor *a = c->in[0], *b = c->in[3];
        int r = nn_quant_need_byte(c, 7);

        if (r == 0)
                r = nn_quant_check(c, 1, a->type, a->n_dims > 1 ? a->dims[a->n_dims - 2] : 1);
        if (r == 0)
                r = nn_quant_check(c, 4, b->type, b->n_dims ? b->dims[b->n_dims - 1] : 1);
        if (r == 0)
                r = nn_quant_check(c, 6, c->in[7]->type, 1);
        return r < 0 ? r : shape_matmul(c, 3, c->in[2], c->in[5], c->in[7]->type);
}

static int run_matmul(struct nn_call *c, bool linear)
{
        const struct nn_tensor *a = c->in[0], *b = c->in[linear ? 3 : 1], *y = c->out[0];
        const struct nn_tensor *az = nn_call_in(c, 2), *bz = linear ? c->in[5] : nn_call_in(c, 3);
        int64_t k = a->dims[a->n_dims - 1], m = a->dims[a->n_dims - 2], n = b->dims[b->n_dims - 1];
        int64_t total = nn_tensor_n_elements(y);

        for (int64_t at = 0; at < total; at++) {
                int64_t j = at % n, row = at / n, i = row % m, matrix = b->n_dims == 2 ? 0 : row / m;
                int32_t a_zero = nn_quant_number(az, i), b_zero = nn_quant_number(bz, j);
                uint32_t sum = 0;

                for (int64_t l = 0; l < k; l++) {
                        const uint8_t *pa = (const uint8_t *)a->data + row * k + l;
                        const uint8_t *pb = (const uint8_t *)b->data + (matrix * k + l) * n + j;

                        sum += (uint32_t)(((a->type == NN_INT8 ? (int8_t)*pa : *pa) - a_zero) *
                                          ((b->type == NN_INT8 ? (int8_t)*pb : *pb) - b_zero));
                }
                if (linear)
                        nn_quant_put(y, at,
                                     nearbyint((double)(int32_t)sum * (double)nn_quant_scale(c->in[1], i) *
                                               (double)nn_quant_scale(c->in[4], j) / (double)nn_f32(c->in[6])[0]) +
                                             nn_quant_number(c->in[7], 0));
                else
                        ((int32_t *)y->data)[at] = (int32_t)sum;
        }
        return 0;
}

int nn_run_matmul_integer(struct nn_call *c)
{
        return run_matmul(c, false);
}

int nn_run_qlinear_matmul(struct nn_call *c)
{
        return run_matmul(c, true);
}

double nn_macs_integer_conv(const struct nn_call *c)
{
        const struct nn_window *w = &c->p.window.w;
        double taps = (double)(c->in[0]->dims[1] / c->p.window.groups) * w->kernel[0] * w->kernel[1];

        return (double)nn_tensor_n_elements(c->out[0]) * taps;
}

double nn_macs_integer_matmul(const struct nn_call *c)
{
        return (double)nn_tensor_n_elements(c->out[0]) * (double)c->in[0]->dims[c->in[0]->n_dims - 1];
}

int nn_shape_dynamic_quantize(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int r = nn_call_need_float(c, 0);

        if (r == 0)
                r = nn_call_set_output(c, 0, NN_UINT8, x->n_dims, x->dims);
        if (r == 0)
                r = nn_call_set_output(c, 1, NN_FLOAT32, 0, NULL);
        return r < 0 ? r : nn_call_set_output(c, 2, NN_UINT8, 0, NULL);
}

int nn_run_dynamic_quantize(struct nn_call *c)
{
        int64_t n = nn_tensor_n_elements(c->in[0]);
        const float *x = nn_f32(c->in[0]);
        float lo = 0, hi = 0, scale, zero;

        for (int64_t i = 0; i < n; i++) {
                lo = x[i] < lo ? x[i] : lo;
                hi = x[i] > hi ? x[i] : hi;
        }
        scale = (hi - lo) / 255;
        zero = scale > 0 ? fminf(fmaxf(nearbyintf(-lo / scale), 0), 255) : 0;
        nn_quantize(c->dot, (size_t)n, x, scale, (int)zero, false, c->out[0]->data);
        if (c->n_out > 1 && c->out[1])
                nn_f32(c->out[1])[0] = scale;
        if (c->n_out > 2 && c->out[2])
                *(uint8_t *)c->out[2]->data = (uint8_t)zero;
        return 0;
}
