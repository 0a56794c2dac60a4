/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resize */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/op.h"

enum coordinates { HALF_PIXEL, PYTORCH_HALF_PIXEL, ALIGN_CORNERS, ASYMMETRIC, TF_HALF_PIXEL_FOR_NN };
enum rounding { PREFER_FLOOR, PREFER_CEIL, FLOOR, CEIL };

/* Of the tables that say where a value is taken from; an entry is larger than a value may be. */
#define MAX_TABLE_BYTES ((size_t)256 << 20)

static int choice(struct nn_call *c, const char *attribute, const char *otherwise, const char *const *names, int *ret)
{
        const char *s = nn_node_string(c->node, attribute, otherwise);

        for (int i = 0; names[i]; i++)
                if (strcmp(names[i], s) == 0) {
                        *ret = i;
                        return 0;
                }
        return nn_call_fail(c, -EOPNOTSUPP, "%s '%.32s' is not supported", attribute, s);
}

static int read_modes(struct nn_call *c, int *ret_coordinates, int *ret_rounding)
{
        static const char *const modes[] = { "nearest", "linear", NULL };
        static const char *const coordinates[] = { "half_pixel", "pytorch_half_pixel",   "align_corners",
                                                   "asymmetric", "tf_half_pixel_for_nn", NULL };
        static const char *const roundings[] = { "round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL };
        int mode, r = choice(c, "mode", "nearest", modes, &mode);

        if (r < 0)
                return r;
        c->p.resize.linear = mode == 1;
        *ret_coordinates = ASYMMETRIC;
        *ret_rounding = FLOOR;
        if (c->opset < 11)
                return 0;
        r = choice(c, "coordinate_transformation_mode", "half_pixel", coordinates, ret_coordinates);
        if (r == 0)
                r = choice(c, "nearest_mode", "round_prefer_floor", roundings, ret_rounding);
        if (r == 0 && nn_node_int(c->node, "exclude_outside", 0) != 0)
                r = nn_call_fail(c, -EOPNOTSUPP, "exclude_outside is not supported");
        return r;
}

static int read_scales(struct nn_call *c, int64_t *dims, float *scales)
{
        const struct nn_tensor *x = c->in[0], *s = nn_call_in(c, c->opset < 11 ? 1 : 2), *sizes = nn_call_in(c, 3);
        unsigned n;
        int r;

        if (sizes && nn_tensor_n_elements(sizes) > 0) {
                if (s && nn_tensor_n_elements(s) > 0)
                        return nn_call_fail(c, -EINVAL, "both scales and sizes are given");
                r = nn_call_const_ints(c, 3, "sizes", dims, NN_MAX_DIMS, &n);
                if (r < 0)
                        return r;
                if (n != x->n_dims)
                        return nn_call_fail(c, -EINVAL, "%u sizes for %u dims", n, x->n_dims);
                if (c->batch && dims[0] == 1 && x->dims[0] == c->batch)
                        dims[0] = c->batch;
                for (unsigned i = 0; i < n; i++) {
                        if (dims[i] < 1)
                                return nn_call_fail(c, -EINVAL, "size of %" PRId64, dims[i]);
                        scales[i] = (float)dims[i] / (float)x->dims[i];
                }
                return 0;
        }
        if (!s || !s->data)
                return nn_call_fail(c, -EOPNOTSUPP, "scales that are not constant are not supported");
        if (s->type != NN_FLOAT32 || s->n_dims != 1 || s->dims[0] != (int64_t)x->n_dims)
                return nn_call_fail(c, -EINVAL, "scales of shape %s", NN_SHAPE_STRING(s));
        for (unsigned i = 0; i < x->n_dims; i++) {
                double length;

                scales[i] = nn_f32(s)[i];
                length = floor((double)x->dims[i] * scales[i]);
                if (!(scales[i] > 0) || !(length >= 1) || length > INT32_MAX)
                        return nn_call_fail(c, -EINVAL, "scale of %g for %" PRId64, (double)scales[i], x->dims[i]);
                dims[i] = (int64_t)length;
        }
        return 0;
}

static size_t table_bytes(const struct nn_call *c)
{
        const struct nn_tensor *y = c->out[0];
        size_t entry = c->p.resize.linear ? 2 * sizeof(int64_t) + sizeof(float) : sizeof(int64_t), n = 0;

        for (unsigned i = 0; i < y->n_dims && !c->p.resize.factor[0]; i++)
                n += (size_t)y->dims[i];
        return n * entry;
}

int nn_shape_resize(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int64_t dims[NN_MAX_DIMS];
        float scales[NN_MAX_DIMS];
        int coordinates, rounding, r;

        memset(&c->p.resize, 0, sizeof(c->p.resize));
        if (x->n_dims < 1 || nn_tensor_n_elements(x) == 0)
                return nn_call_fail(c, -EINVAL, "input of shape %s", NN_SHAPE_STRING(x));
        r = read_modes(c, &coordinates, &rounding);
        if (r == 0 && c->p.resize.linear)
                r = nn_call_need_float(c, 0);
        if (r == 0)
                r = read_scales(c, dims, scales);
        if (r < 0)
                return r;
        /* many exporters write an enlargement by two so: every pixel is doubled. A scale other than 1 may leave a length
         * as it is and still take other images or channels. */
        if (!c->p.resize.linear && x->n_dims == 4 && x->type == NN_FLOAT32 && scales[0] == 1 && scales[1] == 1 &&
            dims[2] % x->dims[2] == 0 && dims[3] % x->dims[3] == 0 &&
            ((coordinates == ASYMMETRIC && rounding == FLOOR) || coordinates == HALF_PIXEL ||
             coordinates == PYTORCH_HALF_PIXEL)) {
                double fh = (double)dims[2] / (double)x->dims[2], fw = (double)dims[3] / (double)x->dims[3];
                bool halfway = coordinates != ASYMMETRIC && (rounding == FLOOR || rounding == CEIL);

                if (!halfway && scales[2] == fh && scales[3] == fw) {
                        c->p.resize.factor[0] = (unsigned)fh;
                        c->p.resize.factor[1] = (unsigned)fw;
                }
        }
        r = nn_call_set_output(c, 0, x->type, x->n_dims, dims);
        if (r == 0 && table_bytes(c) > MAX_TABLE_BYTES)
                return nn_call_fail(c, -EFBIG, "output of shape %s is too large to index", NN_SHAPE_STRING(c->out[0]));
        return r;
}

static double source(int coordinates, int64_t i, int64_t in, int64_t out, float scale)
{
        switch (coordinates) {
        case PYTORCH_HALF_PIXEL:
                if (out == 1)
                        return 0;
                __attribute__((fallthrough));
        case HALF_PIXEL:
                return ((double)i + 0.5) / scale - 0.5;
        case ALIGN_CORNERS:
                /* by ONNX's reference the resized length is not rounded here: 2.4 for a 4 scaled by 0.6 */
                return out == 1 ? 0 : (double)i * (double)(in - 1) / ((double)in * (double)scale - 1);
        case TF_HALF_PIXEL_FOR_NN:
                return ((double)i + 0.5) / scale;
        default:
                return (double)i / scale;
        }
}

static double nearest(int rounding, double x)
{
        switch (rounding) {
        case FLOOR:
                return floor(x);
        case CEIL:
                return ceil(x);
        case PREFER_CEIL:
                return floor(x + 0.5);
        default:
                return ceil(x - 0.5);
        }
}

static int fill_axis(struct nn_resize_axis *a, bool linear, int coordinates, int rounding, int64_t in, int64_t out,
                     float scale)
{
        a->first = malloc((size_t)out * sizeof(*a->first));
        a->second = linear ? malloc((size_t)out * sizeof(*a->second)) : NULL;
        a->weight = linear ? malloc((size_t)out * sizeof(*a->weight)) : NULL;
        if (!a->first || (linear && (!a->second || !a->weight)))
                return -ENOMEM;
        for (int64_t i = 0; i < out; i++) {
                double x = source(coordinates, i, in, out, scale);

                if (!linear) {
                        a->first[i] = (int64_t)CLAMP(nearest(rounding, x), 0.0, (double)(in - 1));
                        continue;
                }
                x = CLAMP(x, 0.0, (double)(in - 1));
                a->first[i] = (int64_t)x;
                a->second[i] = MIN(a->first[i] + 1, in - 1);
                a->weight[i] = (float)(x - (double)a->first[i]);
        }
        return 0;
}

int nn_prepare_resize(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0], *y = c->out[0];
        int64_t dims[NN_MAX_DIMS];
        float scales[NN_MAX_DIMS];
        int coordinates, rounding, r;

        c->packed_bytes = table_bytes(c);
        if (c->p.resize.factor[0])
                return 0;
        if ((r = read_modes(c, &coordinates, &rounding)) < 0 || (r = read_scales(c, dims, scales)) < 0)
                return r;
        for (unsigned i = 0; i < x->n_dims; i++) {
                r = fill_axis(&c->p.resize.axis[i], c->p.resize.linear, coordinates, rounding, x->dims[i], y->dims[i],
                              scales[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The value at output index @index, from dim @dim on, of the input part that starts at element @at. */
static float interpolate(const struct nn_call *c, const int64_t *index, unsigned dim, int64_t at)
{
        const struct nn_tensor *x = c->in[0];
        const struct nn_resize_axis *a = &c->p.resize.axis[dim];
        float low, weight;

        if (dim == x->n_dims)
                return nn_f32(x)[at];
        weight = a->weight[index[dim]];
        low = interpolate(c, index, dim + 1, at * x->dims[dim] + a->first[index[dim]]);
        if (weight == 0)
                return low;
        return low + weight * (interpolate(c, index, dim + 1, at * x->dims[dim] + a->second[index[dim]]) - low);
}

int nn_run_resize(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0], *y = c->out[0];
        int64_t n = nn_tensor_n_elements(y), index[NN_MAX_DIMS] = { 0 };
        size_t item = nn_type_size(x->type);

        if (c->p.resize.factor[0]) {
                nn_upsample(c->isa, c->layout_in, (size_t)x->dims[0], (size_t)x->dims[1], (size_t)x->dims[2],
                            (size_t)x->dims[3], c->p.resize.factor[0], c->p.resize.factor[1], nn_f32(x), nn_f32(y));
                return 0;
        }
        for (int64_t i = 0; i < n; i++) {
                int64_t at = 0;

                if (c->p.resize.linear) {
                        nn_f32(y)[i] = interpolate(c, index, 0, 0);
                } else {
                        for (unsigned k = 0; k < x->n_dims; k++)
                                at = at * x->dims[k] + c->p.resize.axis[k].first[index[k]];
                        memcpy((uint8_t *)y->data + (size_t)i * item, (uint8_t *)x->data + (size_t)at * item, item);
                }
                for (unsigned k = x->n_dims; k-- > 0;) {
                        if (++index[k] < y->dims[k])
                                break;
                        index[k] = 0;
                }
        }
        return 0;
}

void nn_release_resize(struct nn_call *c)
{
        for (unsigned i = 0; i < NN_MAX_DIMS; i++) {
                free(c->p.resize.axis[i].first);
                free(c->p.resize.axis[i].second);
                free(c->p.resize.axis[i].weight);
                c->p.resize.axis[i] = (struct nn_resize_axis){ 0 };
        }
}

/* The first dim keeps its length; only the last kind of coordinates shifts even then. */
bool nn_batched_resize(const struct nn_call *c)
{
        return c->out[0]->dims[0] == c->in[0]->dims[0] &&
               strcmp(nn_node_string(c->node, "coordinate_transformation_mode", ""), "tf_half_pixel_for_nn") != 0;
}
