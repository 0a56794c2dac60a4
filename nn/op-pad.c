/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pad */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "nn/op-pad.h"

enum { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE };

static int pad_value(struct nn_call *c)
{
        const struct nn_tensor *v = nn_call_in(c, 2);
        float f = nn_node_float(c->node, "value", 0);

        memset(c->p.move.value, 0, sizeof(c->p.move.value));
        if (c->in[0]->type == NN_FLOAT32)
                memcpy(c->p.move.value, &f, sizeof(f));
        if (!v || nn_tensor_n_elements(v) == 0)
                return 0;
        if (!v->data)
                return nn_call_fail(c, -EOPNOTSUPP, "a value that is not constant is not supported");
        if (v->type != c->in[0]->type || nn_tensor_n_elements(v) != 1)
                return nn_call_fail(c, -EINVAL, "the value does not match the input");
        memcpy(c->p.move.value, v->data, nn_type_size(v->type));
        return 0;
}

/* Pads of each dim, before all and after all: an attribute before opset 11, then input 1, of the axes in input 3. */
static int read_pads(struct nn_call *c, int64_t *pads)
{
        const struct nn_tensor *x = c->in[0];
        const struct nn_attribute *a = nn_node_attribute(c->node, "pads");
        int64_t given[2 * NN_MAX_DIMS], axes[NN_MAX_DIMS];
        unsigned n = 0, n_axes = x->n_dims;
        int r = 0;

        for (unsigned i = 0; i < x->n_dims; i++)
                axes[i] = i;
        if (nn_call_in(c, 3))
                r = nn_call_const_ints(c, 3, "axes", axes, NN_MAX_DIMS, &n_axes);
        if (r == 0 && c->opset >= 11)
                r = nn_call_const_ints(c, 1, "pads", given, ARRAY_LEN(given), &n);
        else if (a && a->n == 2 * n_axes)
                memcpy(given, a->ints, (n = 2 * n_axes) * sizeof(*given));
        if (r < 0)
                return r;
        if (n != 2 * n_axes || n == 0)
                return nn_call_fail(c, -EINVAL, "pads do not match the input's shape %s", NN_SHAPE_STRING(x));
        memset(pads, 0, 2 * x->n_dims * sizeof(*pads));
        for (unsigned i = 0; i < n_axes; i++) {
                if ((r = nn_call_axis(c, &axes[i], x->n_dims)) < 0)
                        return r;
                pads[axes[i]] = given[i];
                pads[x->n_dims + axes[i]] = given[n_axes + i];
        }
        return 0;
}

int nn_shape_pad(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        const char *mode = nn_node_string(c->node, "mode", "constant");
        int64_t pads[2 * NN_MAX_DIMS], dims[NN_MAX_DIMS];
        int r = read_pads(c, pads);

        if (r < 0)
                return r;
        c->p.move.mode = strcmp(mode, "constant") == 0  ? PAD_CONSTANT
                         : strcmp(mode, "reflect") == 0 ? PAD_REFLECT
                         : strcmp(mode, "edge") == 0    ? PAD_EDGE
                                                        : -1;
        if (c->p.move.mode < 0)
                return nn_call_fail(c, -EOPNOTSUPP, "mode '%.32s' is not supported", mode);
        for (unsigned i = 0; i < x->n_dims; i++) {
                int64_t before = pads[i], after = pads[x->n_dims + i], most = INT32_MAX;

                if (c->p.move.mode == PAD_REFLECT)
                        most = MAX(x->dims[i] - 1, (int64_t)0);
                if (c->p.move.mode == PAD_EDGE && x->dims[i] == 0)
                        most = 0;
                if (before > most || after > most || before < -x->dims[i] ||
                    after < -x->dims[i] - MIN(before, (int64_t)0))
                        return nn_call_fail(c, -EINVAL, "pads of %" PRId64 " and %" PRId64 " on %" PRId64, before,
                                            after, x->dims[i]);
                c->p.move.start[i] = before;
                dims[i] = x->dims[i] + before + after;
                if (dims[i] < 0)
                        return nn_call_fail(c, -EINVAL, "pads leave less than nothing");
        }
        r = pad_value(c);
        return r < 0 ? r : nn_call_set_output(c, 0, x->type, x->n_dims, dims);
}

/* Index in the input, -1 for the constant. */
static int64_t pad_source(int mode, int64_t i, int64_t length)
{
        if (i >= 0 && i < length)
                return i;
        if (mode == PAD_EDGE)
                return i < 0 ? 0 : length - 1;
        if (mode == PAD_REFLECT)
                return i < 0 ? -i : 2 * (length - 1) - i;
        return -1;
}

/* Memory as it is padded: @n_dims dims of pieces that stay whole, the last one of those that change innermost. */
struct shape {
        unsigned n_dims;
        int64_t in[NN_MAX_DIMS], out[NN_MAX_DIMS], before[NN_MAX_DIMS];
        size_t piece; /* bytes */
};

static void drop_whole_dims(struct shape *s)
{
        unsigned k = s->n_dims - 1;

        while (k > 0 && s->before[k] == 0 && s->in[k] == s->out[k])
                s->piece *= (size_t)s->in[k--];
        s->n_dims = k + 1;
}

static void read_shape(const struct nn_call *c, struct shape *ret)
{
        const struct nn_tensor *x = c->in[0], *y = c->out[0];
        unsigned block = c->layout_in == NN_BLOCKED ? nn_isa_block(c->isa) : 1;

        ret->n_dims = x->n_dims;
        ret->piece = nn_type_size(x->type) * block;
        for (unsigned i = 0; i < x->n_dims; i++) {
                ret->in[i] = x->dims[i];
                ret->out[i] = y->dims[i];
                ret->before[i] = c->p.move.start[i];
        }
        if (block > 1) {
                ret->in[1] = (ret->in[1] + block - 1) / block;
                ret->out[1] = (ret->out[1] + block - 1) / block;
        }
        drop_whole_dims(ret);
}

/* @bytes, whole items, of the constant */
static void fill_value(const struct nn_call *c, uint8_t *y, size_t bytes)
{
        size_t done = MIN(nn_type_size(c->in[0]->type), bytes);

        memcpy(y, c->p.move.value, done);
        while (done > 0 && done < bytes) {
                size_t more = MIN(done, bytes - done);

                memcpy(y + done, y, more);
                done += more;
        }
}

/* All of the last dim of one place in the dims before it; @x: NULL where they are padding. */
static void pad_row(const struct nn_call *c, const struct shape *s, const uint8_t *x, uint8_t *y)
{
        unsigned k = s->n_dims - 1;
        int64_t length = s->in[k], n = s->out[k], before = s->before[k];
        int64_t first = CLAMP(before, (int64_t)0, n), last = CLAMP(before + length, first, n);
        int mode = c->p.move.mode;

        if (!x) {
                fill_value(c, y, (size_t)n * s->piece);
                return;
        }
        if (mode == PAD_CONSTANT) {
                fill_value(c, y, (size_t)first * s->piece);
                fill_value(c, y + (size_t)last * s->piece, (size_t)(n - last) * s->piece);
        }
        for (int64_t i = 0; mode != PAD_CONSTANT && i < n; i = i + 1 == first ? last : i + 1)
                if (i < first || i >= last)
                        memcpy(y + (size_t)i * s->piece, x + (size_t)pad_source(mode, i - before, length) * s->piece,
                               s->piece);
        if (last > first)
                memcpy(y + (size_t)first * s->piece, x + (size_t)(first - before) * s->piece,
                       (size_t)(last - first) * s->piece);
}

/* Lanes behind the input's last channel, in its last block: the constant where the output has such channels. */
static void fill_lanes(const struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0], *y = c->out[0];
        size_t block = nn_isa_block(c->isa), from = (size_t)x->dims[1] % block;
        size_t pixels = (size_t)(y->dims[2] * y->dims[3]),
               image = nn_blocked_floats(c->isa, 1, (size_t)y->dims[1], pixels, 1);
        float value;

        memcpy(&value, c->p.move.value, sizeof(value));
        for (int64_t n = 0; n < y->dims[0]; n++) {
                float *to = nn_f32(y) + (size_t)n * image + (size_t)x->dims[1] / block * block * pixels;

                for (size_t p = 0; p < pixels; p++, to += block)
                        for (size_t i = from; i < block; i++)
                                to[i] = value;
        }
}

int nn_run_pad(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0], *y = c->out[0];
        int64_t index[NN_MAX_DIMS] = { 0 }, rows;
        struct shape s;
        uint8_t *to = y->data;
        unsigned k;

        if (nn_tensor_n_elements(y) == 0)
                return 0;
        read_shape(c, &s);
        k = s.n_dims - 1;
        rows = nn_product(s.out, 0, k);
        for (int64_t i = 0; i < rows; i++, to += (size_t)s.out[k] * s.piece) {
                int64_t from = 0;

                for (unsigned d = 0; d < k && from >= 0; d++) {
                        int64_t at = pad_source(c->p.move.mode, index[d] - s.before[d], s.in[d]);

                        from = at < 0 ? -1 : from * s.in[d] + at;
                }
                pad_row(c, &s, from < 0 ? NULL : (const uint8_t *)x->data + (size_t)(from * s.in[k]) * s.piece, to);
                for (unsigned d = k; d-- > 0;) {
                        if (++index[d] < s.out[d])
                                break;
                        index[d] = 0;
                }
        }
        if (c->layout_in == NN_BLOCKED && y->dims[1] > x->dims[1] && x->dims[1] % nn_isa_block(c->isa))
                fill_lanes(c);
        return 0;
}

bool nn_batched_pad(const struct nn_call *c)
{
        return c->p.move.start[0] == 0 && c->out[0]->dims[0] == c->in[0]->dims[0];
}

bool nn_pad_can_block(const struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0], *y = c->out[0];

        return x->type == NN_FLOAT32 && x->n_dims == 4 && c->p.move.start[1] == 0 && y->dims[1] >= x->dims[1] &&
               (y->dims[1] == x->dims[1] || c->p.move.mode == PAD_CONSTANT);
}

bool nn_pad_is_zeros(const struct nn_call *c, unsigned *ret_pads)
{
        const struct nn_tensor *x = c->in[0], *y = c->out[0];
        float value;

        if (x->type != NN_FLOAT32 || x->n_dims != 4 || c->p.move.mode != PAD_CONSTANT || nn_tensor_n_elements(x) == 0)
                return false;
        memcpy(&value, c->p.move.value, sizeof(value));
        for (unsigned i = 0; i < 4; i++) {
                int64_t before = c->p.move.start[i], after = y->dims[i] - x->dims[i] - before;

                if (before < 0 || after < 0 || (i < 2 && (before > 0 || after > 0)))
                        return false;
                if (i >= 2) {
                        ret_pads[i - 2] = (unsigned)before;
                        ret_pads[i] = (unsigned)after;
                }
        }
        return value == 0;
}
