/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pooling: largest, mean, mean of the whole plane. Padding never wins and is not counted in a mean. */
#include <float.h>

#include "basic/macro.h"
#include "train/net/layer-export.h"
#include "train/net/net.h"

struct pool {
        unsigned kernel, stride;
        unsigned pad_top, pad_left, pad_bottom, pad_right;
        uint32_t *winner; /* [batch, out]: position in its plane, for maxpool */
};

/* "same": the output has ceil(input / stride) pixels; of an odd margin the larger half comes last. */
static void same_padding(const struct pool *p, unsigned pixels, unsigned *ret_before, unsigned *ret_after)
{
        unsigned covered = (pixels - 1) / p->stride * p->stride + p->kernel;
        unsigned missing = covered > pixels ? covered - pixels : 0;

        *ret_before = missing / 2;
        *ret_after = missing - missing / 2;
}

static int configure(struct net *net, struct layer *l, config_setting_t *s, struct recipe_error *error)
{
        struct pool *p = l->state = calloc(1, sizeof(*p));
        bool same = false;
        unsigned pad = 0, h, w;
        int r;

        if (!p)
                return -ENOMEM;
        p->kernel = 2;
        r = recipe_unsigned(s, "kernel", 1, 31, &p->kernel, error);
        p->stride = p->kernel;
        if (r >= 0)
                r = recipe_unsigned(s, "stride", 1, 31, &p->stride, error);
        if (r >= 0)
                r = recipe_unsigned(s, "pad", 0, 15, &pad, error);
        if (r >= 0)
                r = recipe_bool(s, "same", &same, error);
        if (r < 0)
                return r;
        p->pad_top = p->pad_left = p->pad_bottom = p->pad_right = pad;
        if (same) {
                same_padding(p, l->in.h, &p->pad_top, &p->pad_bottom);
                same_padding(p, l->in.w, &p->pad_left, &p->pad_right);
        }
        h = l->in.h + p->pad_top + p->pad_bottom;
        w = l->in.w + p->pad_left + p->pad_right;
        if (MAX(p->pad_bottom, p->pad_right) >= p->kernel || h < p->kernel || w < p->kernel)
                return recipe_fail(s, error, "the window does not fit the input or its margin");
        l->out = (struct shape){ l->in.c, (h - p->kernel) / p->stride + 1, (w - p->kernel) / p->stride + 1 };
        return 0;
}

static int prepare(struct net *net, struct layer *l)
{
        struct pool *p = l->state;

        if (l->ops != &layer_maxpool)
                return 0;
        p->winner = calloc(net->max_batch * shape_size(l->out), sizeof(*p->winner));
        return p->winner ? 0 : -ENOMEM;
}

struct window {
        unsigned y0, y1, x0, x1; /* inside the plane */
};

static struct window window_at(const struct layer *l, const struct pool *p, unsigned y, unsigned x)
{
        unsigned top = y * p->stride, left = x * p->stride;

        return (struct window){
                .y0 = top > p->pad_top ? top - p->pad_top : 0,
                .y1 = MIN(top + p->kernel - MIN(p->pad_top, top + p->kernel), l->in.h),
                .x0 = left > p->pad_left ? left - p->pad_left : 0,
                .x1 = MIN(left + p->kernel - MIN(p->pad_left, left + p->kernel), l->in.w),
        };
}

static void max_plane(const struct layer *l, const struct pool *p, const float *in, float *out, uint32_t *winner)
{
        for (unsigned y = 0; y < l->out.h; y++)
                for (unsigned x = 0; x < l->out.w; x++) {
                        struct window w = window_at(l, p, y, x);
                        uint32_t best = w.y0 * l->in.w + w.x0;

                        for (unsigned i = w.y0; i < w.y1; i++)
                                for (unsigned j = w.x0; j < w.x1; j++)
                                        if (in[i * l->in.w + j] > in[best])
                                                best = i * l->in.w + j;
                        *out++ = in[best];
                        *winner++ = best;
                }
}

/* The usual case, without a branch on the data. */
static void max_plane_2x2(const struct layer *l, const float *in, float *out, uint32_t *winner)
{
        for (unsigned y = 0; y < l->out.h; y++, out += l->out.w, winner += l->out.w) {
                uint32_t first = 2 * y * l->in.w;
                const float *top = in + first, *low = top + l->in.w;

                for (unsigned x = 0; x < l->out.w; x++) {
                        float a = top[2 * x], b = top[2 * x + 1], c = low[2 * x], d = low[2 * x + 1];
                        uint32_t right_a = b > a, right_c = d > c, lower;

                        a = b > a ? b : a;
                        c = d > c ? d : c;
                        lower = c > a;
                        out[x] = c > a ? c : a;
                        winner[x] = first + 2 * x + lower * (l->in.w + right_c) + (1 - lower) * right_a;
                }
        }
}

static void max_forward_part(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        struct pool *p = l->state;
        size_t from, to, in = (size_t)l->in.h * l->in.w, out = (size_t)l->out.h * l->out.w;

        net_part((size_t)net->n * l->in.c, NET_PARTS, part, &from, &to);
        for (; from < to; from++) {
                const float *x = l->inputs[0]->y + from * in;

                if (p->kernel == 2 && p->stride == 2 && !p->pad_top && !p->pad_left && !p->pad_bottom && !p->pad_right)
                        max_plane_2x2(l, x, l->y + from * out, p->winner + from * out);
                else
                        max_plane(l, p, x, l->y + from * out, p->winner + from * out);
        }
}

static void max_forward(struct net *net, struct layer *l)
{
        net_parallel(net, l, NET_PARTS, max_forward_part);
}

static void zero_plane(float *dx, size_t n, bool add)
{
        if (!add)
                for (size_t i = 0; i < n; i++)
                        dx[i] = 0;
}

static void max_gradient(struct net *net, struct layer *l, unsigned part, bool add)
{
        struct pool *p = l->state;
        size_t from, to, in = (size_t)l->in.h * l->in.w, out = (size_t)l->out.h * l->out.w;

        net_part((size_t)net->n * l->in.c, NET_PARTS, part, &from, &to);
        for (; from < to; from++) {
                float *dx = l->inputs[0]->dy + from * in;

                zero_plane(dx, in, add);
                for (size_t i = from * out; i < (from + 1) * out; i++)
                        dx[p->winner[i]] += l->dy[i];
        }
}

static void max_gradient_set(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        max_gradient(net, l, part, false);
}

static void max_gradient_add(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        max_gradient(net, l, part, true);
}

static void max_backward(struct net *net, struct layer *l)
{
        bool add;

        if (net_begin_gradient(l, 0, &add))
                net_parallel(net, l, NET_PARTS, add ? max_gradient_add : max_gradient_set);
}

static void mean_forward(struct net *net, struct layer *l)
{
        struct pool *p = l->state;
        size_t in = (size_t)l->in.h * l->in.w;
        float *y = l->y;

        for (size_t plane = 0; plane < (size_t)net->n * l->in.c; plane++)
                for (unsigned i = 0; i < l->out.h; i++)
                        for (unsigned j = 0; j < l->out.w; j++) {
                                struct window w = window_at(l, p, i, j);
                                const float *x = l->inputs[0]->y + plane * in;
                                float s = 0;

                                for (unsigned a = w.y0; a < w.y1; a++)
                                        for (unsigned b = w.x0; b < w.x1; b++)
                                                s += x[a * l->in.w + b];
                                *y++ = s / (float)((w.y1 - w.y0) * (w.x1 - w.x0));
                        }
}

static void mean_backward(struct net *net, struct layer *l)
{
        struct pool *p = l->state;
        size_t in = (size_t)l->in.h * l->in.w;
        const float *dy = l->dy;
        bool add;
        float *dx = net_begin_gradient(l, 0, &add);

        if (!dx)
                return;
        for (size_t plane = 0; plane < (size_t)net->n * l->in.c; plane++, dx += in) {
                zero_plane(dx, in, add);
                for (unsigned i = 0; i < l->out.h; i++)
                        for (unsigned j = 0; j < l->out.w; j++) {
                                struct window w = window_at(l, p, i, j);
                                float g = *dy++ / (float)((w.y1 - w.y0) * (w.x1 - w.x0));

                                for (unsigned a = w.y0; a < w.y1; a++)
                                        for (unsigned b = w.x0; b < w.x1; b++)
                                                dx[a * l->in.w + b] += g;
                        }
        }
}

static int pool_export(struct export *e, struct net *net, struct layer *l)
{
        struct pool *p = l->state;
        const int64_t kernel[] = { p->kernel, p->kernel }, strides[] = { p->stride, p->stride };
        const int64_t pads[] = { p->pad_top, p->pad_left, p->pad_bottom, p->pad_right };
        const struct onnx_attribute attributes[] = {
                { .name = "kernel_shape", .kind = ONNX_INTS, .ints = kernel, .n = 2 },
                { .name = "strides", .kind = ONNX_INTS, .ints = strides, .n = 2 },
                { .name = "pads", .kind = ONNX_INTS, .ints = pads, .n = 4 },
                { 0 },
        };

        export_simple(e, l, l->ops == &layer_maxpool ? "MaxPool" : "AveragePool", attributes);
        return 0;
}

static void pool_free(struct layer *l)
{
        struct pool *p = l->state;

        if (p)
                free(p->winner);
}

const struct layer_ops layer_maxpool = {
        .type = "maxpool",
        .min_inputs = 1,
        .max_inputs = 1,
        .configure = configure,
        .prepare = prepare,
        .forward = max_forward,
        .backward = max_backward,
        .export = pool_export,
        .free = pool_free,
};

const struct layer_ops layer_avgpool = {
        .type = "avgpool",
        .min_inputs = 1,
        .max_inputs = 1,
        .configure = configure,
        .forward = mean_forward,
        .backward = mean_backward,
        .export = pool_export,
};

static int global_configure(struct net *net, struct layer *l, config_setting_t *s, struct recipe_error *error)
{
        l->out = (struct shape){ l->in.c, 1, 1 };
        return 0;
}

static void global_forward(struct net *net, struct layer *l)
{
        size_t plane = (size_t)l->in.h * l->in.w;

        for (size_t i = 0; i < (size_t)net->n * l->in.c; i++) {
                const float *x = l->inputs[0]->y + i * plane;
                float s = 0;

                for (size_t p = 0; p < plane; p++)
                        s += x[p];
                l->y[i] = s / (float)plane;
        }
}

static void global_backward(struct net *net, struct layer *l)
{
        size_t plane = (size_t)l->in.h * l->in.w;
        bool add;
        float *dx = net_begin_gradient(l, 0, &add);

        if (!dx)
                return;
        for (size_t i = 0; i < (size_t)net->n * l->in.c; i++, dx += plane) {
                float g = l->dy[i] / (float)plane;

                for (size_t p = 0; p < plane; p++)
                        dx[p] = (add ? dx[p] : 0) + g;
        }
}

static int global_export(struct export *e, struct net *net, struct layer *l)
{
        export_simple(e, l, "GlobalAveragePool", NULL);
        return 0;
}

const struct layer_ops layer_global_avgpool = {
        .type = "globalavgpool",
        .min_inputs = 1,
        .max_inputs = 1,
        .configure = global_configure,
        .forward = global_forward,
        .backward = global_backward,
        .export = global_export,
};
