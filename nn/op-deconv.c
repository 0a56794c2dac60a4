/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ConvTranspose: the products of all pixels with all taps as one product of
 * matrices, then each is added where it belongs. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "nn/op-window.h"

static int read_attributes(struct nn_call *c, struct nn_window *w, unsigned *ret_extra, const int64_t **ret_shape)
{
        const struct nn_attribute *shape = nn_node_attribute(c->node, "output_shape");
        unsigned n = w->n_axes, first = 2 - n;
        int r = nn_window_lengths(c, "output_padding", n, 0, 0, &ret_extra[first]);

        if (r < 0)
                return r;
        if (shape && shape->n != n)
                return nn_call_fail(c, -EINVAL, "output_shape of %zu values", shape->n);
        *ret_shape = shape ? shape->ints : NULL;
        return 0;
}

/* The output's length, and what of the sums' length is cut off before it. */
static int axis_out(struct nn_call *c, struct nn_window *w, unsigned axis, int64_t length, int64_t extra,
                    const int64_t *asked)
{
        const char *auto_pad = nn_node_string(c->node, "auto_pad", "NOTSET");
        bool same = strncmp(auto_pad, "SAME", 4) == 0, upper = strcmp(auto_pad, "SAME_UPPER") == 0;
        int64_t span = (int64_t)(w->kernel[axis] - 1) * w->dilation[axis] + 1;
        int64_t full = (length - 1) * w->stride[axis] + span + extra, out, cut;

        if (!asked && !same) {
                out = full - w->pad[axis] - w->pad[axis + 2];
        } else {
                out = asked ? *asked : length * w->stride[axis];
                cut = MAX(full - out, (int64_t)0);
                w->pad[axis] = (unsigned)(upper ? cut / 2 : cut - cut / 2);
        }
        if (out < 1 || out > NN_WINDOW_MAX_LENGTH)
                return nn_call_fail(c, -EINVAL, "an output of length %" PRId64, out);
        w->out[axis] = (unsigned)out;
        return 0;
}

static int read_window(struct nn_call *c, struct nn_window *w)
{
        const struct nn_tensor *x = c->in[0];
        unsigned extra[2] = { 0, 0 }, first;
        const int64_t *asked = NULL;
        int r = nn_window_attributes(c, x, &c->in[1]->dims[2], w);

        if (r == 0)
                r = read_attributes(c, w, extra, &asked);
        if (r < 0)
                return r;
        first = 2 - w->n_axes;
        for (unsigned i = 0; i < w->n_axes && r == 0; i++)
                r = axis_out(c, w, first + i, x->dims[2 + i], extra[first + i], asked ? &asked[i] : NULL);
        return r;
}

int nn_shape_deconv(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0], *w = c->in[1], *b = nn_call_in(c, 2);
        int64_t groups = nn_node_int(c->node, "group", 1), dims[4];
        int r = 0;

        for (unsigned i = 0; r == 0 && i < 3; i++)
                r = nn_call_need_float(c, i);
        if (r < 0)
                return r;
        if (x->n_dims < 3 || w->n_dims != x->n_dims || w->dims[0] != x->dims[1] || w->dims[1] < 1 || groups < 1 ||
            x->dims[1] % groups || w->dims[1] > INT32_MAX / groups)
                return nn_call_fail(c, -EINVAL, "input %s, weights %s, group %" PRId64, NN_SHAPE_STRING(x),
                                    NN_SHAPE_STRING(w), groups);
        r = read_window(c, &c->p.window.w);
        if (r < 0)
                return r;
        if (b && (b->n_dims != 1 || b->dims[0] != w->dims[1] * groups))
                return nn_call_fail(c, -EINVAL, "bias of shape %s", NN_SHAPE_STRING(b));
        c->p.window.groups = groups;
        dims[0] = x->dims[0];
        dims[1] = w->dims[1] * groups;
        dims[2] = c->p.window.w.out[2 - c->p.window.w.n_axes];
        dims[3] = c->p.window.w.out[1];
        return nn_call_set_output(c, 0, NN_FLOAT32, x->n_dims, dims);
}

/* Rows of the product: a filter's taps one after the other. */
static size_t product_rows(const struct nn_call *c)
{
        return (size_t)nn_product(c->in[1]->dims, 1, c->in[1]->n_dims);
}

static size_t pixels(const struct nn_call *c)
{
        return (size_t)nn_product(c->in[0]->dims, 2, c->in[0]->n_dims);
}

static size_t group_channels(const struct nn_call *c)
{
        return (size_t)(c->in[0]->dims[1] / c->p.window.groups);
}

int nn_prepare_deconv(struct nn_call *c)
{
        size_t rows = product_rows(c), columns = pixels(c), bytes, more;

        if (__builtin_mul_overflow(rows, columns * sizeof(float), &bytes) || bytes > NN_MAX_TENSOR_BYTES)
                return nn_call_fail(c, -EFBIG, "needs more than %zu bytes of scratch", NN_MAX_TENSOR_BYTES);
        more = nn_gemm_scratch_bytes(c->isa, rows, columns, group_channels(c));
        c->scratch_bytes = (bytes + 63) / 64 * 64 + more;
        return 0;
}

/* Adds one tap's products with all pixels to a plane. */
static void add_tap(const struct nn_call *c, unsigned r, unsigned s, const float *from, float *to)
{
        const struct nn_window *w = &c->p.window.w;
        const struct nn_tensor *x = c->in[0];
        int64_t height = x->n_dims == 4 ? x->dims[2] : 1, width = x->dims[x->n_dims - 1];

        for (int64_t i = 0; i < height; i++) {
                int64_t row = i * w->stride[0] + (int64_t)r * w->dilation[0] - w->pad[0];

                if (row < 0 || row >= w->out[0])
                        continue;
                for (int64_t j = 0; j < width; j++) {
                        int64_t column = j * w->stride[1] + (int64_t)s * w->dilation[1] - w->pad[1];

                        if (column >= 0 && column < w->out[1])
                                to[row * w->out[1] + column] += from[i * width + j];
                }
        }
}

int nn_run_deconv(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0], *weights = c->in[1], *b = nn_call_in(c, 2);
        const struct nn_window *w = &c->p.window.w;
        size_t rows = product_rows(c), columns = pixels(c), channels = group_channels(c);
        size_t plane = (size_t)w->out[0] * w->out[1], filters = (size_t)weights->dims[1];
        float *product = c->scratch, *y = nn_f32(c->out[0]);
        void *scratch = (uint8_t *)c->scratch + (rows * columns * sizeof(float) + 63) / 64 * 64;

        for (size_t n = 0; n < (size_t)(x->dims[0] * c->p.window.groups); n++) {
                size_t group = n % (size_t)c->p.window.groups;
                const float *from = product;

                nn_gemm(c->isa, true, false, rows, columns, channels, 1, nn_f32(weights) + group * channels * rows,
                        nn_f32(x) + n * channels * columns, 0, product, scratch);
                for (size_t k = 0; k < filters; k++, y += plane) {
                        for (size_t i = 0; i < plane; i++)
                                y[i] = b ? nn_f32(b)[group * filters + k] : 0;
                        for (unsigned r = 0; r < w->kernel[0]; r++)
                                for (unsigned s = 0; s < w->kernel[1]; s++, from += columns)
                                        add_tap(c, r, s, from, y);
                }
        }
        return 0;
}

bool nn_batched_deconv(const struct nn_call *c)
{
        return !c->in[0]->data && c->in[1]->data;
}

double nn_macs_deconv(const struct nn_call *c)
{
        return (double)nn_tensor_n_elements(c->in[0]) * (double)product_rows(c);
}
