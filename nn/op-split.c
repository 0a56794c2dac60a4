/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Split, DepthToSpace, SpaceToDepth */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "nn/op-move.h"

/* Length of output @i along the axis: from the attribute "split" or input 1,
 * else equal parts, the last one shorter. */
static int part_length(struct nn_call *c, int64_t total, unsigned i, int64_t *ret)
{
        const struct nn_attribute *a = nn_node_attribute(c->node, "split");
        const struct nn_tensor *t = nn_call_in(c, 1);
        int64_t part = (total + c->n_out - 1) / c->n_out;

        if (t && !t->data && nn_tensor_n_elements(t) > 0)
                return nn_call_fail(c, -EOPNOTSUPP, "lengths that are not constant are not supported");
        if (t && (t->type != NN_INT64 || nn_tensor_n_elements(t) != (int64_t)c->n_out))
                return nn_call_fail(c, -EINVAL, "lengths of shape %s for %u outputs", NN_SHAPE_STRING(t), c->n_out);
        if (a && a->n != c->n_out)
                return nn_call_fail(c, -EINVAL, "%zu lengths for %u outputs", a->n, c->n_out);
        if (!t && !a && c->opset < 18 && total % c->n_out)
                return nn_call_fail(c, -EINVAL, "%" PRId64 " values in %u equal parts", total, c->n_out);
        if (t)
                *ret = nn_tensor_int(t, i);
        else if (a)
                *ret = a->ints[i];
        else
                *ret = MAX(MIN(part, total - (int64_t)i * part), (int64_t)0);
        return 0;
}

int nn_shape_split(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int64_t axis = nn_node_int(c->node, "axis", 0), dims[NN_MAX_DIMS], total, left;
        int r = nn_call_axis(c, &axis, x->n_dims);

        if (r < 0)
                return r;
        if (nn_node_int(c->node, "num_outputs", c->n_out) != (int64_t)c->n_out)
                return nn_call_fail(c, -EINVAL, "num_outputs is not the number of outputs, %u", c->n_out);
        memcpy(dims, x->dims, sizeof(dims));
        left = total = x->dims[axis];
        for (unsigned i = 0; i < c->n_out; i++) {
                r = part_length(c, total, i, &dims[axis]);
                if (r < 0)
                        return r;
                if (dims[axis] < 0 || dims[axis] > left)
                        return nn_call_fail(c, -EINVAL, "part %u has length %" PRId64 " where %" PRId64 " are left", i,
                                            dims[axis], left);
                left -= dims[axis];
                r = nn_call_set_output(c, i, x->type, x->n_dims, dims);
                if (r < 0)
                        return r;
        }
        if (left)
                return nn_call_fail(c, -EINVAL, "%" PRId64 " of %" PRId64 " values are in no part", left, total);
        c->p.reduce.axis = axis;
        c->p.reduce.axes = axis == 0 ? 1 : 0;
        return 0;
}

int nn_run_split(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        unsigned axis = (unsigned)c->p.reduce.axis;
        size_t item = nn_type_size(x->type), row = (size_t)nn_product(x->dims, axis, x->n_dims) * item, at = 0;
        size_t inner = (size_t)nn_product(x->dims, axis + 1, x->n_dims) * item;
        int64_t outer = nn_product(x->dims, 0, axis), length;

        for (unsigned i = 0; i < c->n_out; i++) {
                size_t part;
                int r = part_length(c, x->dims[axis], i, &length);

                if (r < 0)
                        return r;
                part = (size_t)length * inner;
                for (int64_t o = 0; c->out[i] && part && o < outer; o++)
                        memcpy((uint8_t *)c->out[i]->data + (size_t)o * part,
                               (const uint8_t *)x->data + (size_t)o * row + at, part);
                at += part;
        }
        return 0;
}

/* A pixel of blocks x blocks channels becomes a square of as many pixels, or
 * the reverse: a transposition of six dims. */
struct squares {
        int64_t b, n, c, h, w; /* of the side with fewer channels: c; h and w: of that
                            with fewer pixels */
};

static int read_squares(struct nn_call *c, bool to_space, struct squares *ret)
{
        const struct nn_tensor *x = c->in[0];
        int64_t b = nn_node_int(c->node, "blocksize", 0), many;

        if (x->n_dims != 4 || b < 1 || b > 1 << 15)
                return nn_call_fail(c, -EINVAL, "blocksize %" PRId64 ", input of shape %s", b, NN_SHAPE_STRING(x));
        many = to_space ? x->dims[1] % (b * b) : x->dims[2] % b + x->dims[3] % b;
        if (many)
                return nn_call_fail(c, -EINVAL, "%s in blocks of %" PRId64, NN_SHAPE_STRING(x), b);
        *ret = (struct squares){ .b = b, .n = x->dims[0], .c = x->dims[1], .h = x->dims[2], .w = x->dims[3] };
        if (to_space)
                ret->c /= b * b;
        else {
                ret->h /= b;
                ret->w /= b;
        }
        return 0;
}

int nn_shape_depth_to_space(struct nn_call *c)
{
        const char *mode = nn_node_string(c->node, "mode", "DCR");
        struct squares s;
        int r = read_squares(c, true, &s);

        if (r < 0)
                return r;
        if (strcmp(mode, "DCR") != 0 && strcmp(mode, "CRD") != 0)
                return nn_call_fail(c, -EOPNOTSUPP, "mode '%.32s' is not supported", mode);
        return nn_call_set_output(c, 0, c->in[0]->type, 4, (const int64_t[]){ s.n, s.c, s.h * s.b, s.w * s.b });
}

int nn_run_depth_to_space(struct nn_call *c)
{
        bool channels_first = strcmp(nn_node_string(c->node, "mode", "DCR"), "CRD") == 0;
        struct squares s;
        int r = read_squares(c, true, &s);
        int64_t hw, in_square, channel;

        if (r < 0)
                return r;
        hw = s.h * s.w;
        in_square = channels_first ? hw : s.c * hw;
        channel = channels_first ? s.b * s.b * hw : hw;
        nn_move_gather(&(struct nn_tensor){ .type = c->in[0]->type,
                                            .n_dims = 6,
                                            .dims = { s.n, s.c, s.h, s.b, s.w, s.b },
                                            .data = c->out[0]->data },
                       c->in[0]->data, 0,
                       (const int64_t[]){ s.c * s.b * s.b * hw, channel, s.w, s.b * in_square, 1, in_square });
        return 0;
}

int nn_shape_space_to_depth(struct nn_call *c)
{
        struct squares s;
        int r = read_squares(c, false, &s);

        if (r < 0)
                return r;
        return nn_call_set_output(c, 0, c->in[0]->type, 4, (const int64_t[]){ s.n, s.c * s.b * s.b, s.h, s.w });
}

int nn_run_space_to_depth(struct nn_call *c)
{
        struct squares s;
        int r = read_squares(c, false, &s);
        int64_t row;

        if (r < 0)
                return r;
        row = s.w * s.b;
        nn_move_gather(&(struct nn_tensor){ .type = c->in[0]->type,
                                            .n_dims = 6,
                                            .dims = { s.n, s.b, s.b, s.c, s.h, s.w },
                                            .data = c->out[0]->data },
                       c->in[0]->data, 0,
                       (const int64_t[]){ s.c * s.h * s.b * row, row, 1, s.h * s.b * row, s.b * row, s.b });
        return 0;
}
