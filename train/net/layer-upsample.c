/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every pixel twice in both directions: brings coarse features to the size of finer ones. */
#include "basic/macro.h"
#include "train/net/layer-export.h"
#include "train/net/net.h"

static int configure(struct net *net, struct layer *l, config_setting_t *s, struct recipe_error *error)
{
        l->out = (struct shape){ l->in.c, l->in.h * 2, l->in.w * 2 };
        return 0;
}

static void forward_part(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        size_t from, to, rows = (size_t)l->in.h, width = l->in.w;

        net_part((size_t)net->n * l->in.c * rows, NET_PARTS, part, &from, &to);
        for (; from < to; from++) {
                const float *x = l->inputs[0]->y + from * width;
                float *y = l->y + from * 4 * width;

                for (size_t i = 0; i < width; i++)
                        y[2 * i] = y[2 * i + 1] = y[2 * width + 2 * i] = y[2 * width + 2 * i + 1] = x[i];
        }
}

static void forward(struct net *net, struct layer *l)
{
        net_parallel(net, l, NET_PARTS, forward_part);
}

static void backward(struct net *net, struct layer *l)
{
        size_t width = l->in.w;
        bool add;
        float *dx = net_begin_gradient(l, 0, &add);
        const float *dy = l->dy;

        if (!dx)
                return;
        for (size_t row = 0; row < (size_t)net->n * l->in.c * l->in.h; row++, dx += width, dy += 4 * width)
                for (size_t i = 0; i < width; i++)
                        dx[i] = (add ? dx[i] : 0) + (dy[2 * i] + dy[2 * i + 1]) +
                                (dy[2 * width + 2 * i] + dy[2 * width + 2 * i + 1]);
}

static int export_upsample(struct export *e, struct net *net, struct layer *l)
{
        static const float scales[] = { 1, 1, 2, 2 };
        const struct onnx_attribute attributes[] = {
                { .name = "mode", .kind = ONNX_STRING, .s = "nearest" },
                { .name = "coordinate_transformation_mode", .kind = ONNX_STRING, .s = "asymmetric" },
                { .name = "nearest_mode", .kind = ONNX_STRING, .s = "floor" },
                { 0 },
        };
        char name[64];

        snprintf(name, sizeof(name), "%s.scales", l->name);
        export_floats(e, name, scales, (const int64_t[]){ 4 }, 1);
        onnx_writer_node(e->writer, "Resize", (const char *[]){ e->values[l->inputs[0]->index], "", name, NULL },
                         (const char *[]){ l->name, NULL }, attributes);
        snprintf(e->values[l->index], sizeof(e->values[0]), "%s", l->name);
        return 0;
}

const struct layer_ops layer_upsample = {
        .type = "upsample",
        .min_inputs = 1,
        .max_inputs = 1,
        .configure = configure,
        .forward = forward,
        .backward = backward,
        .export = export_upsample,
};
