/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TopK, ArgMax, ArgMin */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "nn/op.h"

/* A value and where it was; integers up to 2^53 are exact. */
struct entry {
        double value;
        int64_t at;
};

static double value_at(const struct nn_tensor *t, int64_t i)
{
        return t->type == NN_FLOAT32 ? (double)nn_f32(t)[i] : (double)nn_tensor_int(t, i);
}

/* Of equal values the first counts as the better one. */
static bool is_better(bool largest, struct entry a, struct entry b)
{
        if (a.value != b.value)
                return largest ? a.value > b.value : a.value < b.value;
        return a.at < b.at;
}

/* A heap with the worst at its root: entry @i sinks to its place. */
static void sink(bool largest, struct entry *heap, int64_t n, int64_t i)
{
        for (;;) {
                int64_t child = 2 * i + 1;
                struct entry swap;

                if (child >= n)
                        return;
                if (child + 1 < n && is_better(largest, heap[child], heap[child + 1]))
                        child++;
                if (!is_better(largest, heap[i], heap[child]))
                        return;
                swap = heap[i];
                heap[i] = heap[child];
                heap[child] = swap;
                i = child;
        }
}

/* The best @k of @n values at distance @step, the best one first. */
static void select_best(const struct nn_tensor *x, int64_t at, int64_t n, int64_t step, bool largest, int64_t k,
                        struct entry *heap)
{
        for (int64_t i = 0; i < k; i++)
                heap[i] = (struct entry){ value_at(x, at + i * step), i };
        for (int64_t i = k / 2; i-- > 0;)
                sink(largest, heap, k, i);
        for (int64_t i = k; i < n && k > 0; i++) {
                struct entry e = { value_at(x, at + i * step), i };

                if (!is_better(largest, e, heap[0]))
                        continue;
                heap[0] = e;
                sink(largest, heap, k, 0);
        }
        for (int64_t left = k; left > 1; left--) {
                struct entry worst = heap[0];

                heap[0] = heap[left - 1];
                heap[left - 1] = worst;
                sink(largest, heap, left - 1, 0);
        }
}

static int check_type(struct nn_call *c)
{
        enum nn_type type = c->in[0]->type;

        if (type == NN_BOOL)
                return nn_call_fail(c, -EOPNOTSUPP, "element type bool is not supported");
        return 0;
}

int nn_shape_top_k(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int64_t axis = nn_node_int(c->node, "axis", -1), k = nn_node_int(c->node, "k", 0), dims[NN_MAX_DIMS];
        unsigned n;
        int r = check_type(c);

        if (r == 0)
                r = nn_call_axis(c, &axis, x->n_dims);
        if (r == 0 && c->n_in > 1)
                r = nn_call_const_ints(c, 1, "numbers of values", &k, 1, &n);
        if (r < 0)
                return r;
        if (k < 0 || k > x->dims[axis])
                return nn_call_fail(c, -EINVAL, "the best %" PRId64 " of %" PRId64, k, x->dims[axis]);
        memcpy(dims, x->dims, sizeof(dims));
        dims[axis] = k;
        c->p.reduce.axis = axis;
        c->p.reduce.axes = axis == 0 ? 1 : 0;
        c->p.reduce.k = k;
        r = nn_call_set_output(c, 0, x->type, x->n_dims, dims);
        return r < 0 ? r : nn_call_set_output(c, 1, NN_INT64, x->n_dims, dims);
}

int nn_prepare_top_k(struct nn_call *c)
{
        c->scratch_bytes = (size_t)c->p.reduce.k * sizeof(struct entry);
        return 0;
}

double nn_work_top_k(const struct nn_call *c)
{
        return 32.0 * (double)nn_tensor_n_elements(c->in[0]);
}

int nn_run_top_k(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        unsigned axis = (unsigned)c->p.reduce.axis;
        int64_t outer = nn_product(x->dims, 0, axis), inner = nn_product(x->dims, axis + 1, x->n_dims);
        int64_t n = x->dims[axis], k = c->p.reduce.k;
        bool largest = nn_node_int(c->node, "largest", 1) != 0;
        size_t item = nn_type_size(x->type);
        struct entry *heap = c->scratch;

        for (int64_t o = 0; o < outer; o++)
                for (int64_t i = 0; i < inner; i++) {
                        int64_t from = o * n * inner + i, to = o * k * inner + i;

                        select_best(x, from, n, inner, largest, k, heap);
                        for (int64_t j = 0; j < k; j++) {
                                memcpy((uint8_t *)c->out[0]->data + (size_t)(to + j * inner) * item,
                                       (const uint8_t *)x->data + (size_t)(from + heap[j].at * inner) * item, item);
                                if (c->n_out > 1 && c->out[1])
                                        ((int64_t *)c->out[1]->data)[to + j * inner] = heap[j].at;
                        }
                }
        return 0;
}

int nn_shape_arg(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int64_t axis = nn_node_int(c->node, "axis", 0), dims[NN_MAX_DIMS];
        bool keep = nn_node_int(c->node, "keepdims", 1) != 0;
        unsigned n = 0;
        int r = check_type(c);

        if (r == 0)
                r = nn_call_axis(c, &axis, x->n_dims);
        if (r < 0)
                return r;
        if (x->dims[axis] == 0)
                return nn_call_fail(c, -EINVAL, "the best of nothing: shape %s", NN_SHAPE_STRING(x));
        for (unsigned i = 0; i < x->n_dims; i++)
                if (i != axis)
                        dims[n++] = x->dims[i];
                else if (keep)
                        dims[n++] = 1;
        c->p.reduce.axis = axis;
        c->p.reduce.axes = axis == 0 ? 1 : 0;
        return nn_call_set_output(c, 0, NN_INT64, n, dims);
}

int nn_run_arg(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        unsigned axis = (unsigned)c->p.reduce.axis;
        int64_t outer = nn_product(x->dims, 0, axis), inner = nn_product(x->dims, axis + 1, x->n_dims);
        bool largest = c->op->variant == NN_REDUCE_MAX, last = nn_node_int(c->node, "select_last_index", 0) != 0;
        int64_t *y = c->out[0]->data;

        for (int64_t o = 0; o < outer; o++)
                for (int64_t i = 0; i < inner; i++) {
                        int64_t at = o * x->dims[axis] * inner + i, best = 0;

                        for (int64_t k = 1; k < x->dims[axis]; k++) {
                                double v = value_at(x, at + k * inner), b = value_at(x, at + best * inner);

                                if ((largest ? v > b : v < b) || (last && v == b))
                                        best = k;
                        }
                        *y++ = best;
                }
        return 0;
}
