/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "nn/op-window.h"

int nn_window_lengths(struct nn_call *c, const char *name, unsigned n, int64_t least, int64_t otherwise, unsigned *ret)
{
        const struct nn_attribute *a = nn_node_attribute(c->node, name);

        if (a && a->n != n)
                return nn_call_fail(c, -EINVAL, "%s has %zu values instead of %u", name, a->n, n);
        for (unsigned i = 0; i < n; i++) {
                int64_t v = a ? a->ints[i] : otherwise;

                if (v < least || v > NN_WINDOW_MAX_LENGTH)
                        return nn_call_fail(c, -EINVAL, "%s of %" PRId64, name, v);
                ret[i] = (unsigned)v;
        }
        return 0;
}

static unsigned span(const struct nn_window *w, unsigned axis)
{
        return (w->kernel[axis] - 1) * w->dilation[axis] + 1;
}

static int axis_out(struct nn_call *c, struct nn_window *w, unsigned axis, unsigned length, bool ceil_mode)
{
        unsigned padded = length + w->pad[axis] + w->pad[axis + 2], room;

        if (padded < span(w, axis))
                return nn_call_fail(c, -EINVAL, "a window of %u does not fit %u", span(w, axis), padded);
        room = padded - span(w, axis);
        w->out[axis] = (ceil_mode ? (room + w->stride[axis] - 1) / w->stride[axis] : room / w->stride[axis]) + 1;
        /* a window that would start in the padding at the end is dropped */
        if (ceil_mode && w->out[axis] > 1 && (w->out[axis] - 1) * w->stride[axis] >= length + w->pad[axis])
                w->out[axis]--;
        return 0;
}

static int same_pads(struct nn_call *c, struct nn_window *w, unsigned axis, unsigned length, bool lower)
{
        unsigned out = (length + w->stride[axis] - 1) / w->stride[axis];
        unsigned needed = (out - 1) * w->stride[axis] + span(w, axis);
        unsigned total = needed > length ? needed - length : 0;

        w->out[axis] = out;
        w->pad[axis] = lower ? total - total / 2 : total / 2;
        w->pad[axis + 2] = total - w->pad[axis];
        return 0;
}

static int check_lengths(struct nn_call *c, const struct nn_tensor *x)
{
        if (x->n_dims < 3)
                return nn_call_fail(c, -EINVAL, "input of shape %s", NN_SHAPE_STRING(x));
        if (x->n_dims > 4)
                return nn_call_fail(c, -EOPNOTSUPP, "%u spatial dims are not supported", x->n_dims - 2);
        for (unsigned i = 0; i < x->n_dims; i++)
                if (x->dims[i] < 1 || x->dims[i] > NN_WINDOW_MAX_LENGTH)
                        return nn_call_fail(c, -EINVAL, "input of shape %s", NN_SHAPE_STRING(x));
        return 0;
}

int nn_window_attributes(struct nn_call *c, const struct nn_tensor *x, const int64_t *kernel, struct nn_window *ret)
{
        struct nn_window w = { .kernel = { 1, 1 }, .stride = { 1, 1 }, .dilation = { 1, 1 }, .out = { 1, 1 } };
        unsigned pads[4], first;
        int r = check_lengths(c, x);

        if (r < 0)
                return r;
        w.n_axes = x->n_dims - 2;
        first = 2 - w.n_axes;
        if (!kernel && !nn_node_attribute(c->node, "kernel_shape"))
                return nn_call_fail(c, -EBADMSG, "kernel_shape is missing");
        r = nn_window_lengths(c, "kernel_shape", w.n_axes, 1, 1, &w.kernel[first]);
        for (unsigned i = 0; r == 0 && kernel && i < w.n_axes; i++) {
                if (kernel[i] < 1 || kernel[i] > NN_WINDOW_MAX_LENGTH ||
                    (nn_node_attribute(c->node, "kernel_shape") && w.kernel[first + i] != (unsigned)kernel[i]))
                        return nn_call_fail(c, -EINVAL, "kernel_shape differs from the weights");
                w.kernel[first + i] = (unsigned)kernel[i];
        }
        if (r == 0)
                r = nn_window_lengths(c, "strides", w.n_axes, 1, 1, &w.stride[first]);
        if (r == 0)
                r = nn_window_lengths(c, "dilations", w.n_axes, 1, 1, &w.dilation[first]);
        if (r == 0)
                r = nn_window_lengths(c, "pads", 2 * w.n_axes, 0, 0, pads);
        for (unsigned i = 0; r == 0 && i < w.n_axes; i++) {
                if ((uint64_t)w.kernel[first + i] * w.dilation[first + i] > NN_WINDOW_MAX_LENGTH)
                        return nn_call_fail(c, -EINVAL, "kernel_shape times dilations is %" PRIu64,
                                            (uint64_t)w.kernel[first + i] * w.dilation[first + i]);
                w.pad[first + i] = pads[i];
                w.pad[first + i + 2] = pads[w.n_axes + i];
        }
        if (r == 0)
                *ret = w;
        return r;
}

int nn_window_read(struct nn_call *c, const struct nn_tensor *x, const int64_t *kernel, struct nn_window *ret)
{
        const char *auto_pad = nn_node_string(c->node, "auto_pad", "NOTSET");
        bool ceil_mode = nn_node_int(c->node, "ceil_mode", 0) != 0;
        struct nn_window w;
        int r = nn_window_attributes(c, x, kernel, &w);

        for (unsigned i = 0; r == 0 && i < w.n_axes; i++) {
                unsigned axis = 2 - w.n_axes + i, length = (unsigned)x->dims[2 + i];

                if (strcmp(auto_pad, "SAME_UPPER") == 0 || strcmp(auto_pad, "SAME_LOWER") == 0) {
                        r = same_pads(c, &w, axis, length, auto_pad[5] == 'L');
                        continue;
                }
                if (strcmp(auto_pad, "VALID") == 0)
                        w.pad[axis] = w.pad[axis + 2] = 0;
                else if (strcmp(auto_pad, "NOTSET") != 0)
                        return nn_call_fail(c, -EOPNOTSUPP, "auto_pad '%.32s' is not supported", auto_pad);
                r = axis_out(c, &w, axis, length, ceil_mode);
        }
        if (r == 0)
                *ret = w;
        return r;
}

int nn_window_read_conv(struct nn_call *c, const struct nn_tensor *x, const struct nn_tensor *w, struct nn_window *ret,
                        int64_t *ret_groups)
{
        int64_t groups = nn_node_int(c->node, "group", 1);
        int r;

        if (w->n_dims != x->n_dims || x->n_dims < 3)
                return nn_call_fail(c, -EINVAL, "input %s and weights %s", NN_SHAPE_STRING(x), NN_SHAPE_STRING(w));
        r = nn_window_read(c, x, &w->dims[2], ret);
        if (r < 0)
                return r;
        if (groups < 1 || x->dims[1] % groups || w->dims[0] < 1 || w->dims[0] > UINT32_MAX / 2 || w->dims[0] % groups ||
            w->dims[1] != x->dims[1] / groups)
                return nn_call_fail(c, -EINVAL, "input %s, weights %s, group %" PRId64, NN_SHAPE_STRING(x),
                                    NN_SHAPE_STRING(w), groups);
        *ret_groups = groups;
        return 0;
}
