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
        static const char *const modes[] = { "nearest", "linear", "bilinear", NULL }; /* Upsample of opset 7 */
        static const char *const coordinates[] = { "half_pixel", "pytorch_half_pixel",   "align_corners",
                                                   "asymmetric", "tf_half_pixel_for_nn", NULL };
        static const char *const roundings[] = { "round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL };
        int mode, r = choice(c, "mode", "nearest", modes, &mode);

        if (r < 0)
                return r;
        c->p.resize.linear = mode >= 1;
        *ret_coordinates = ASYMMETRIC;
        *ret_rounding = FLOOR;
        if (c->opset < 11)
                return 0;
        r = choice(c, "coordinate_transformation_mode", "half_pixel", coordinates, ret_coordinates);
        if (r == 0)
                r = choice(c, "nearest_mode", "round_prefer_floor", roundings, ret_rounding);
        if (r == 0 && nn_node_int(c->node, "exclude_outside", 0) != 0)
                r = nn_call_fail(c, -EOPNOTSUPP, "exclude_outside is not supported");
        if (r == 0 && (nn_node_int(c->node, "antialias", 0) != 0 ||
                       strcmp(nn_node_string(c->node, "keep_aspect_ratio_policy", "stretch"), "stretch") != 0))
                r = nn_call_fail(c, -EOPNOTSUPP, "antialias and keep_aspect_ratio_policy are not supported");
        return r;
}

/* The axes that sizes and scales are for: all, or those of the attribute. */
static int read_axes(struct nn_call *c, int64_t *axes, unsigned *ret_n)
{
        const struct nn_attribute *a = nn_node_attribute(c->node, "axes");
        unsigned rank = c->in[0]->n_dims;
        uint32_t seen = 0;

        *ret_n = a ? (unsigned)MIN(a->n, (size_t)NN_MAX_DIMS + 1) : rank;
        if (*ret_n > rank)
                return nn_call_fail(c, -EINVAL, "%zu axes for %u dims", a->n, rank);
        for (unsigned i = 0; i < *ret_n; i++) {
                int r;

                axes[i] = a ? a->ints[i] : (int64_t)i;
                if ((r = nn_call_axis(c, &axes[i], rank)) < 0)
                        return r;
                if (seen & 1u << axes[i])
                        return nn_call_fail(c, -EINVAL, "axis %" PRId64 " is given twice", axes[i]);
                seen |= 1u << axes[i];
        }
        return 0;
}

static int read_sizes(struct nn_call *c, const int64_t *axes, unsigned n_axes, int64_t *dims, float *scales)
{
        const struct nn_tensor *x = c->in[0];
        int64_t sizes[NN_MAX_DIMS];
        unsigned n;
        int r = nn_call_const_ints(c, 3, "sizes", sizes, NN_MAX_DIMS, &n);

        if (r < 0)
                return r;
        if (n != n_axes)
                return nn_call_fail(c, -EINVAL, "%u sizes for %u dims", n, n_axes);
        for (unsigned i = 0; i < n; i++) {
                int64_t axis = axes[i];

                if (c->batch && axis == 0 && sizes[i] == 1 && x->dims[0] == c->batch)
                        sizes[i] = c->batch;
                if (sizes[i] < 1)
                        return nn_call_fail(c, -EINVAL, "size of %" PRId64, sizes[i]);
                dims[axis] = sizes[i];
                scales[axis] = (float)sizes[i] / (float)x->dims[axis];
        }
        return 0;
}

/* The numbers of the scales: an attribute of Upsample before opset 9, else an input. Return: NULL with the error said. */
static const float *scale_list(struct nn_call *c, size_t *ret_n)
{
        const struct nn_attribute *a = nn_node_attribute(c->node, "scales");
        const struct nn_tensor *s = nn_call_in(c, c->opset < 11 ? 1 : 2);

        if (a) {
                *ret_n = a->n;
                return a->floats;
        }
        if (!s || !s->data) {
                nn_call_fail(c, -EOPNOTSUPP, "scales that are not constant are not supported");
                return NULL;
        }
        *ret_n = s->type == NN_FLOAT32 && s->n_dims == 1 ? (size_t)s->dims[0] : 0;
        return s->data;
}

static int read_scales(struct nn_call *c, int64_t *dims, float *scales)
{
        const struct nn_tensor *x = c->in[0], *s = nn_call_in(c, c->opset < 11 ? 1 : 2), *sizes = nn_call_in(c, 3);
        int64_t axes[NN_MAX_DIMS];
        const float *list;
        unsigned n_axes;
        size_t n;
        int r = read_axes(c, axes, &n_axes);

        if (r < 0)
                return r;
        for (unsigned i = 0; i < x->n_dims; i++) {
                dims[i] = x->dims[i];
                scales[i] = 1;
        }
        if (sizes && nn_tensor_n_elements(sizes) > 0) {
                if (s && nn_tensor_n_elements(s) > 0)
                        return nn_call_fail(c, -EINVAL, "both scales and sizes are given");
                return read_sizes(c, axes, n_axes, dims, scales);
        }
        list = scale_list(c, &n);
        if (!list)
                return -EOPNOTSUPP;
        if (n != n_axes)
                return nn_call_fail(c, -EINVAL, "%zu scales for %u dims", n, n_axes);
        for (unsigned i = 0; i < n_axes; i++) {
                double length = floor((double)x->dims[axes[i]] * list[i]);

                if (!(list[i] > 0) || !(length >= 1) || length > INT32_MAX)
                        return nn_call_fail(c, -EINVAL, "scale of %g for %" PRId64, (double)list[i], x->dims[axes[i]]);
                scales[axes[i]] = list[i];
                dims[axes[i]] = (int64_t)length;
        }
        return 0;
}

static size_t table_bytes(const struct nn_call *c)
{
        const struct nn_tensor *y = c->out[0];
        size_t entry = c->p.resize.linear ? 2 * sizeof(int32_t) + sizeof(float) : sizeof(int32_t), n = 0;

        for (unsigned i = 0; i < y->n_dims && !c->p.resize.factor[0]; i++)
                n += (size_t)y->dims[i];
        return n * entry;
}

/* Values of 4 bytes whose places in the dims before the last two are the same in the output. */
static bool is_plane_by_plane(const struct nn_call *c, int coordinates, const int64_t *dims, const float *scales)
{
        const struct nn_tensor *x = c->in[0];

        for (unsigned i = 0; i + 2 < x->n_dims; i++)
                if (dims[i] != x->dims[i] || scales[i] != 1 || coordinates == TF_HALF_PIXEL_FOR_NN)
                        return false;
        return x->n_dims >= 2 && nn_type_size(x->type) == 4;
}

int nn_shape_resize(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int64_t dims[NN_MAX_DIMS];
        float scales[NN_MAX_DIMS];
        int coordinates, rounding, r;

        memset(&c->p.resize, 0, sizeof(c->p.resize));
        if (x->n_dims < 1 || nn_tensor_n_elements(x) == 0 || nn_tensor_n_elements(x) > INT32_MAX)
                return nn_call_fail(c, -EINVAL, "input of shape %s", NN_SHAPE_STRING(x));
        r = read_modes(c, &coordinates, &rounding);
        if (r == 0 && c->p.resize.linear)
                r = nn_call_need_float(c, 0);
        if (r == 0)
                r = read_scales(c, dims, scales);
        if (r < 0)
                return r;
        c->p.resize.planes = is_plane_by_plane(c, coordinates, dims, scales);
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
                        a->first[i] = (int32_t)CLAMP(nearest(rounding, x), 0.0, (double)(in - 1));
                        continue;
                }
                x = CLAMP(x, 0.0, (double)(in - 1));
                a->first[i] = (int32_t)x;
                a->second[i] = (int32_t)MIN((int64_t)a->first[i] + 1, in - 1);
                a->weight[i] = (float)(x - (double)a->first[i]);
        }
        return 0;
}

static struct nn_resize_desc plane_desc(const struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0], *y = c->out[0];
        unsigned rank = x->n_dims;

        return (struct nn_resize_desc){
                .n = rank > 2 ? (size_t)nn_product(x->dims, 0, rank - 3) : 1,
                .c = rank > 2 ? (size_t)x->dims[rank - 3] : 1,
                .h = (size_t)x->dims[rank - 2],
                .w = (size_t)x->dims[rank - 1],
                .out_h = (size_t)y->dims[rank - 2],
                .out_w = (size_t)y->dims[rank - 1],
                .rows = &c->p.resize.axis[rank - 2],
                .columns = &c->p.resize.axis[rank - 1],
                .layout = c->layout_in,
        };
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
        if (c->p.resize.planes) {
                struct nn_resize_desc d = plane_desc(c);

                c->scratch_bytes = nn_resize_scratch_bytes(c->isa, &d);
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

/* The last dim of one place in those before it. */
static void nearest_row(const struct nn_resize_axis *a, int64_t n, size_t item, const uint8_t *x, uint8_t *y)
{
        for (int64_t i = 0; i < n; i++, y += item)
                memcpy(y, x + (size_t)a->first[i] * item, item);
}

int nn_run_resize(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0], *y = c->out[0];
        int64_t index[NN_MAX_DIMS] = { 0 }, width = x->dims[x->n_dims - 1], n = y->dims[y->n_dims - 1], rows;
        size_t item = nn_type_size(x->type);

        if (c->p.resize.factor[0]) {
                nn_upsample(c->isa, c->layout_in, (size_t)x->dims[0], (size_t)x->dims[1], (size_t)x->dims[2],
                            (size_t)x->dims[3], c->p.resize.factor[0], c->p.resize.factor[1], nn_f32(x), nn_f32(y));
                return 0;
        }
        if (c->p.resize.planes) {
                struct nn_resize_desc d = plane_desc(c);

                nn_resize_planes(c->isa, &d, x->data, y->data, c->scratch);
                return 0;
        }
        rows = nn_tensor_n_elements(y) / n;
        for (int64_t i = 0; i < rows; i++) {
                int64_t at = 0;

                for (unsigned k = 0; k + 1 < x->n_dims; k++)
                        at = at * x->dims[k] + c->p.resize.axis[k].first[index[k]];
                if (!c->p.resize.linear)
                        nearest_row(&c->p.resize.axis[x->n_dims - 1], n, item,
                                    (const uint8_t *)x->data + (size_t)(at * width) * item,
                                    (uint8_t *)y->data + (size_t)(i * n) * item);
                for (index[x->n_dims - 1] = 0; c->p.resize.linear && index[x->n_dims - 1] < n; index[x->n_dims - 1]++)
                        nn_f32(y)[i * n + index[x->n_dims - 1]] = interpolate(c, index, 0, 0);
                for (unsigned k = x->n_dims - 1; k-- > 0;) {
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
