/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operators that move values: Transpose, Concat, Slice, Gather */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "nn/op-move.h"

static void copy_items(uint8_t *to, const uint8_t *from, int64_t n, int64_t step, size_t item)
{
        if (step == 1) {
                memcpy(to, from, (size_t)n * item);
                return;
        }
        for (int64_t i = 0; i < n; i++, to += item, from += step * (int64_t)item)
                switch (item) {
                case 1:
                        *to = *from;
                        break;
                case 4:
                        memcpy(to, from, 4);
                        break;
                default:
                        memcpy(to, from, 8);
                }
}

void nn_move_gather(const struct nn_tensor *out, const uint8_t *x, int64_t start, const int64_t *step)
{
        size_t item = nn_type_size(out->type);
        int64_t index[NN_MAX_DIMS] = { 0 }, at = start, n = out->n_dims ? out->dims[out->n_dims - 1] : 1;
        unsigned outer = out->n_dims ? out->n_dims - 1 : 0;
        uint8_t *y = out->data;

        if (nn_tensor_n_elements(out) == 0)
                return;
        for (;;) {
                unsigned k = outer;

                copy_items(y, x + at * (int64_t)item, n, out->n_dims ? step[outer] : 1, item);
                y += n * (int64_t)item;
                while (k > 0) {
                        k--;
                        at += step[k];
                        if (++index[k] < out->dims[k])
                                break;
                        at -= step[k] * out->dims[k];
                        index[k] = 0;
                        if (k == 0)
                                return;
                }
                if (outer == 0)
                        return;
        }
}

void nn_move_strides(const struct nn_tensor *t, int64_t *ret)
{
        int64_t step = 1;

        for (unsigned i = t->n_dims; i-- > 0; step *= t->dims[i])
                ret[i] = step;
}

int nn_shape_transpose(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        const struct nn_attribute *a = nn_node_attribute(c->node, "perm");
        int64_t dims[NN_MAX_DIMS], stride[NN_MAX_DIMS];
        uint32_t seen = 0;

        if (a && a->n != x->n_dims)
                return nn_call_fail(c, -EINVAL, "perm of %zu values for %u dims", a->n, x->n_dims);
        nn_move_strides(x, stride);
        for (unsigned i = 0; i < x->n_dims; i++) {
                int64_t from = a ? a->ints[i] : (int64_t)x->n_dims - 1 - i;

                if (from < 0 || from >= (int64_t)x->n_dims || seen & 1u << from)
                        return nn_call_fail(c, -EINVAL, "perm holds %" PRId64, from);
                seen |= 1u << from;
                c->p.move.perm[i] = from;
                c->p.move.step[i] = stride[from];
                dims[i] = x->dims[from];
        }
        return nn_call_set_output(c, 0, x->type, x->n_dims, dims);
}

int nn_run_transpose(struct nn_call *c)
{
        nn_move_gather(c->out[0], c->in[0]->data, 0, c->p.move.step);
        return 0;
}

bool nn_batched_transpose(const struct nn_call *c)
{
        return c->in[0]->n_dims > 0 && c->p.move.perm[0] == 0;
}

int nn_shape_concat(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int64_t axis = nn_node_int(c->node, "axis", 1), dims[NN_MAX_DIMS];
        int r;

        if (c->opset >= 4 && !nn_node_attribute(c->node, "axis"))
                return nn_call_fail(c, -EBADMSG, "axis is missing");
        r = nn_call_axis(c, &axis, x->n_dims);
        if (r < 0)
                return r;
        memcpy(dims, x->dims, sizeof(dims));
        for (unsigned i = 1; i < c->n_in; i++) {
                const struct nn_tensor *t = c->in[i];

                if (!t || t->type != x->type || t->n_dims != x->n_dims)
                        return nn_call_fail(c, -EINVAL, "input %u does not match input 0", i);
                for (unsigned k = 0; k < x->n_dims; k++)
                        if (k != axis && t->dims[k] != x->dims[k])
                                return nn_call_fail(c, -EINVAL, "input %u has shape %s, input 0 %s", i,
                                                    NN_SHAPE_STRING(t), NN_SHAPE_STRING(x));
                if (__builtin_add_overflow(dims[axis], t->dims[axis], &dims[axis]))
                        return nn_call_fail(c, -EFBIG, "output is too large");
        }
        c->p.reduce.axis = axis;
        c->p.reduce.axes = axis == 0 ? 1 : 0;
        return nn_call_set_output(c, 0, x->type, x->n_dims, dims);
}

/* Where the planner let a part be made in its place there is nothing to copy. */
static void copy_part(void *to, const void *from, size_t bytes)
{
        if (bytes > 0 && to != from)
                memcpy(to, from, bytes);
}

/* Whole blocks of channels lie one after the other. */
static void concat_blocked(struct nn_call *c)
{
        const struct nn_tensor *y = c->out[0];
        size_t h = (size_t)y->dims[2], w = (size_t)y->dims[3];
        size_t row = nn_blocked_floats(c->isa, 1, (size_t)y->dims[1], h, w), at = 0;

        for (unsigned i = 0; i < c->n_in; i++) {
                size_t part = nn_blocked_floats(c->isa, 1, (size_t)c->in[i]->dims[1], h, w);

                for (int64_t n = 0; n < y->dims[0]; n++)
                        copy_part(nn_f32(y) + (size_t)n * row + at, nn_f32(c->in[i]) + (size_t)n * part,
                                  part * sizeof(float));
                at += part;
        }
}

int nn_run_concat(struct nn_call *c)
{
        const struct nn_tensor *y = c->out[0];
        unsigned axis = (unsigned)c->p.reduce.axis;
        size_t item = nn_type_size(y->type), row = (size_t)nn_product(y->dims, axis, y->n_dims) * item, at = 0;
        int64_t outer = nn_product(y->dims, 0, axis);

        if (nn_tensor_n_elements(y) == 0)
                return 0;
        if (c->layout_in == NN_BLOCKED) {
                concat_blocked(c);
                return 0;
        }
        for (unsigned i = 0; i < c->n_in; i++) {
                size_t part = (size_t)nn_product(c->in[i]->dims, axis, y->n_dims) * item;

                for (int64_t o = 0; o < outer; o++)
                        copy_part((uint8_t *)y->data + (size_t)o * row + at,
                                  (const uint8_t *)c->in[i]->data + (size_t)o * part, part);
                at += part;
        }
        return 0;
}

/* starts, ends, axes, steps: attributes before opset 10, then inputs 1 to 4 */
static int slice_list(struct nn_call *c, unsigned input, const char *name, int64_t *ret, unsigned *ret_n)
{
        const struct nn_attribute *a = nn_node_attribute(c->node, name);

        if (c->opset >= 10)
                return nn_call_const_ints(c, input, name, ret, NN_MAX_DIMS, ret_n);
        if (!a || a->n > NN_MAX_DIMS)
                return nn_call_fail(c, -EINVAL, "%s: %zu values", name, a ? a->n : 0);
        *ret_n = (unsigned)a->n;
        if (a->n)
                memcpy(ret, a->ints, a->n * sizeof(*ret));
        return 0;
}

static int slice_axis(struct nn_call *c, int64_t length, int64_t start, int64_t end, int64_t step, int64_t *ret_start,
                      int64_t *ret_n)
{
        int64_t low = step > 0 ? 0 : -1, high = step > 0 ? length : length - 1;

        if (step == 0 || step == INT64_MIN)
                return nn_call_fail(c, -EINVAL, "step of %" PRId64, step);
        start = start < -length ? low : start < 0 ? start + length : start;
        end = end < -length ? low : end < 0 ? end + length : end;
        /* a start before the first element counts from the first, one past the last from the last */
        start = CLAMP(start, (int64_t)0, high);
        end = CLAMP(end, low, length);
        if (length == 0 || (step > 0 ? end <= start : end >= start))
                *ret_n = 0;
        else if (step > 0)
                *ret_n = (end - start - 1) / step + 1;
        else
                *ret_n = (start - end - 1) / -step + 1;
        *ret_start = start;
        return 0;
}

int nn_shape_slice(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int64_t starts[NN_MAX_DIMS], ends[NN_MAX_DIMS], axes[NN_MAX_DIMS], steps[NN_MAX_DIMS], dims[NN_MAX_DIMS];
        bool has_axes = c->opset >= 10 ? nn_call_in(c, 3) != NULL : nn_node_attribute(c->node, "axes") != NULL;
        unsigned n, n_ends, n_axes, n_steps;
        uint32_t seen = 0;
        int r;

        if ((r = slice_list(c, 1, "starts", starts, &n)) < 0 || (r = slice_list(c, 2, "ends", ends, &n_ends)) < 0)
                return r;
        n_axes = n_steps = n;
        for (unsigned i = 0; i < n; i++) {
                axes[i] = i;
                steps[i] = 1;
        }
        if (has_axes && (r = slice_list(c, 3, "axes", axes, &n_axes)) < 0)
                return r;
        if (nn_call_in(c, 4) && (r = slice_list(c, 4, "steps", steps, &n_steps)) < 0)
                return r;
        if (n_ends != n || n_axes != n || n_steps != n)
                return nn_call_fail(c, -EINVAL, "starts, ends, axes and steps differ in length");
        memcpy(dims, x->dims, sizeof(dims));
        memset(c->p.move.start, 0, sizeof(c->p.move.start));
        nn_move_strides(x, c->p.move.step);
        for (unsigned i = 0; i < n; i++) {
                if ((r = nn_call_axis(c, &axes[i], x->n_dims)) < 0)
                        return r;
                if (seen & 1u << axes[i])
                        return nn_call_fail(c, -EINVAL, "axis %" PRId64 " is given twice", axes[i]);
                seen |= 1u << axes[i];
                r = slice_axis(c, x->dims[axes[i]], starts[i], ends[i], steps[i], &c->p.move.start[axes[i]],
                               &dims[axes[i]]);
                if (r < 0)
                        return r;
                c->p.move.start[axes[i]] *= c->p.move.step[axes[i]];
                /* with at most one element the step is of no use, and may be out of any range */
                if (dims[axes[i]] > 1)
                        c->p.move.step[axes[i]] *= steps[i];
        }
        return nn_call_set_output(c, 0, x->type, x->n_dims, dims);
}

int nn_run_slice(struct nn_call *c)
{
        int64_t start = 0;

        for (unsigned i = 0; i < c->in[0]->n_dims; i++)
                start += c->p.move.start[i];
        nn_move_gather(c->out[0], c->in[0]->data, start, c->p.move.step);
        return 0;
}

bool nn_batched_slice(const struct nn_call *c)
{
        return c->in[0]->n_dims > 0 && c->p.move.start[0] == 0 && c->out[0]->dims[0] == c->in[0]->dims[0] &&
               (c->out[0]->dims[0] < 2 || c->p.move.step[0] == nn_product(c->in[0]->dims, 1, c->in[0]->n_dims));
}

int nn_shape_gather(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0], *at = c->in[1];
        int64_t axis = nn_node_int(c->node, "axis", 0), dims[2 * NN_MAX_DIMS];
        unsigned n = 0;
        int r = nn_call_axis(c, &axis, x->n_dims);

        if (r < 0)
                return r;
        if (at->type != NN_INT64 && at->type != NN_INT32)
                return nn_call_fail(c, -EINVAL, "indices of type %s", nn_type_name(at->type));
        for (unsigned i = 0; i < (unsigned)axis; i++)
                dims[n++] = x->dims[i];
        for (unsigned i = 0; i < at->n_dims; i++)
                dims[n++] = at->dims[i];
        for (unsigned i = (unsigned)axis + 1; i < x->n_dims; i++)
                dims[n++] = x->dims[i];
        c->p.reduce.axis = axis;
        return nn_call_set_output(c, 0, x->type, n, dims);
}

int nn_run_gather(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0], *at = c->in[1];
        unsigned axis = (unsigned)c->p.reduce.axis;
        int64_t outer = nn_product(x->dims, 0, axis), n = nn_tensor_n_elements(at), length = x->dims[axis];
        size_t part = (size_t)nn_product(x->dims, axis + 1, x->n_dims) * nn_type_size(x->type);
        uint8_t *y = c->out[0]->data;

        for (int64_t o = 0; o < outer; o++)
                for (int64_t i = 0; i < n; i++, y += part) {
                        int64_t k = at->type == NN_INT64 ? ((int64_t *)at->data)[i] : ((int32_t *)at->data)[i];

                        if (k < -length || k >= length)
                                return nn_call_fail(c, -EINVAL, "index %" PRId64 " of %" PRId64, k, length);
                        if (part)
                                memcpy(y,
                                       (const uint8_t *)x->data +
                                               (size_t)(o * length + (k < 0 ? k + length : k)) * part,
                                       part);
                }
        return 0;
}

bool nn_batched_gather(const struct nn_call *c)
{
        return c->p.reduce.axis != 0 && c->in[1]->data && !c->in[0]->data;
}
