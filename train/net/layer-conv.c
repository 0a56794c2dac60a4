/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Convolution, any kernel, stride, padding, dilation and groups: its settings, and which way computes it. */
#include <math.h>

#include "basic/macro.h"
#include "train/net/conv.h"
#include "train/net/layer-export.h"
#include "train/net/vec.h"

static int read_padding(struct layer *l, struct conv *c, config_setting_t *s, struct recipe_error *error)
{
        config_setting_t *p = config_setting_get_member(s, "pad");
        unsigned reach_h = (c->kernel_h - 1) * c->dilation, reach_w = (c->kernel_w - 1) * c->dilation;

        if (p && config_setting_type(p) == CONFIG_TYPE_INT) {
                unsigned pad = 0;
                int r = recipe_unsigned(s, "pad", 0, 64, &pad, error);

                c->pad_top = c->pad_left = c->pad_bottom = c->pad_right = pad;
                return r;
        }
        if (p && config_setting_is_array(p)) { /* top, left, bottom, right, as in ONNX */
                unsigned *pads[] = { &c->pad_top, &c->pad_left, &c->pad_bottom, &c->pad_right };

                recipe_known(p);
                if (config_setting_length(p) != 4)
                        return recipe_fail(p, error, "must be [top, left, bottom, right]");
                for (unsigned i = 0; i < 4; i++) {
                        int v = config_setting_get_int_elem(p, (int)i);

                        if (config_setting_type(config_setting_get_elem(p, i)) != CONFIG_TYPE_INT)
                                return recipe_fail(p, error, "must be whole numbers");
                        if (v < 0 || v > 64)
                                return recipe_fail(p, error, "%d is outside 0..64", v);
                        *pads[i] = (unsigned)v;
                }
                return 0;
        }
        if (p)
                return recipe_fail(p, error, "must be a whole number or [top, left, bottom, right]");
        /* "same": the output has ceil(input / stride) pixels; of an odd margin the larger half comes last */
        reach_h = (unsigned)MAX(0, (int)((l->in.h - 1) / c->stride * c->stride + reach_h + 1) - (int)l->in.h);
        reach_w = (unsigned)MAX(0, (int)((l->in.w - 1) / c->stride * c->stride + reach_w + 1) - (int)l->in.w);
        c->pad_top = reach_h / 2;
        c->pad_bottom = reach_h - c->pad_top;
        c->pad_left = reach_w / 2;
        c->pad_right = reach_w - c->pad_left;
        return 0;
}

static int read_settings(struct layer *l, struct conv *c, config_setting_t *s, bool *bias, struct recipe_error *error)
{
        unsigned kernel = 3;
        int r;

        *c = (struct conv){ .filters = 0, .stride = 1, .dilation = 1, .groups = 1 };
        r = recipe_unsigned(s, "filters", 1, LAYER_MAX_UNITS, &c->filters, error);
        if (r >= 0)
                r = recipe_unsigned(s, "kernel", 1, 31, &kernel, error);
        c->kernel_h = c->kernel_w = kernel;
        if (r >= 0)
                r = recipe_unsigned(s, "stride", 1, CONV_MAX_STRIDE, &c->stride, error);
        if (r >= 0)
                r = recipe_unsigned(s, "dilation", 1, 16, &c->dilation, error);
        if (r >= 0)
                r = recipe_unsigned(s, "groups", 1, LAYER_MAX_UNITS, &c->groups, error);
        if (r >= 0)
                r = recipe_bool(s, "bias", bias, error);
        if (r >= 0)
                r = read_padding(l, c, s, error);
        if (r < 0)
                return r;
        if (!c->filters)
                return recipe_fail(s, error, "filters is missing");
        if (c->filters % c->groups || l->in.c % c->groups)
                return recipe_fail(s, error, "%u groups do not divide %u input channels and %u filters", c->groups,
                                   l->in.c, c->filters);
        return 0;
}

static int configure(struct net *net, struct layer *l, config_setting_t *s, struct recipe_error *error)
{
        struct conv *c = l->state = calloc(1, sizeof(*c));
        unsigned h, w;
        bool bias = true;
        int r;

        if (!c)
                return -ENOMEM;
        r = read_settings(l, c, s, &bias, error);
        if (r < 0)
                return r;
        h = l->in.h + c->pad_top + c->pad_bottom;
        w = l->in.w + c->pad_left + c->pad_right;
        if (h < (c->kernel_h - 1) * c->dilation + 1 || w < (c->kernel_w - 1) * c->dilation + 1)
                return recipe_fail(s, error, "the kernel is larger than the padded input");
        l->out = (struct shape){ c->filters, (h - (c->kernel_h - 1) * c->dilation - 1) / c->stride + 1,
                                 (w - (c->kernel_w - 1) * c->dilation - 1) / c->stride + 1 };
        c->n_taps = (size_t)(l->in.c / c->groups) * c->kernel_h * c->kernel_w;
        l->macs = c->n_taps * shape_size(l->out);
        r = conv_planes_configure(l);
        if (r < 0)
                return r;
        r = net_add_param(net, l, "weight", c->n_taps * c->filters, true, true, &l->weight, error);
        if (r >= 0 && bias)
                r = net_add_param(net, l, "bias", c->filters, true, false, &l->bias, error);
        return r;
}

static int prepare(struct net *net, struct layer *l)
{
        struct conv *c = l->state;
        unsigned by_planes = 0;
        int r;

        r = conv_engine_new_output(net, l, &c->output);
        if (r >= 0 && l->inputs[0]->needs_gradient)
                r = conv_engine_new_input_gradient(net, l, &c->input_gradient);
        if (r >= 0)
                r = conv_winograd_new(net, l, &c->weight_winograd);
        if (r >= 0 && !c->weight_winograd)
                r = conv_columns_new(net, l, &c->weight_columns);
        if (r < 0)
                return r;
        if (!c->output)
                by_planes |= CONV_FORWARD;
        if (!c->input_gradient && l->inputs[0]->needs_gradient)
                by_planes |= CONV_INPUT_GRADIENT;
        if (!c->weight_winograd && !c->weight_columns)
                by_planes |= CONV_WEIGHT_GRADIENT;
        conv_planes_prepare(net, l, by_planes);
        return 0;
}

/* He et al. 2015, arXiv:1502.01852, equation 10 */
static void reset(struct net *net, struct layer *l, struct rng *rng)
{
        struct conv *c = l->state;
        double sd = sqrt(2.0 / (double)c->n_taps);

        for (size_t i = 0; i < l->weight.n; i++)
                net->w[l->weight.at + i] = (float)(sd * rng_normal(rng));
}

static void forward(struct net *net, struct layer *l)
{
        struct conv *c = l->state;

        if (c->output)
                conv_engine_forward(c->output, net, l);
        else
                conv_planes_forward(net, l);
}

static void bias_gradient(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        size_t plane = (size_t)l->out.h * l->out.w, k, to;

        net_part(l->out.c, NET_PARTS, part, &k, &to);
        for (; k < to; k++) {
                double sum, squares;

                vec_sums(l->dy + k * plane, plane, net->n, l->out.c * plane, &sum, &squares);
                net->g[l->bias.at + k] = (float)sum;
        }
}

static void backward(struct net *net, struct layer *l)
{
        struct conv *c = l->state;
        bool add;

        if (c->weight_winograd)
                conv_winograd_weight_gradient(c->weight_winograd, net, l);
        else if (c->weight_columns)
                conv_columns_weight_gradient(c->weight_columns, net, l);
        else
                conv_planes_weight_gradient(net, l);
        if (l->bias.n)
                net_parallel(net, l, NET_PARTS, bias_gradient);
        if (!net_begin_gradient(l, 0, &add))
                return;
        if (c->input_gradient)
                conv_engine_input_gradient(c->input_gradient, net, l, add);
        else
                conv_planes_input_gradient(net, l, add);
}

static int export_conv(struct export *e, struct net *net, struct layer *l)
{
        struct conv *c = l->state;
        struct export_conv a = {
                .filters = c->filters,
                .channels = l->in.c / c->groups,
                .kernel = { c->kernel_h, c->kernel_w },
                .pads = { c->pad_top, c->pad_left, c->pad_bottom, c->pad_right },
                .stride = c->stride,
                .dilation = c->dilation,
                .groups = c->groups,
        };

        return export_conv_node(e, net, l, &a);
}

static void conv_free(struct layer *l)
{
        struct conv *c = l->state;

        if (!c)
                return;
        conv_planes_free(c);
        conv_engine_free(c->output);
        conv_engine_free(c->input_gradient);
        conv_winograd_free(c->weight_winograd);
        conv_columns_free(c->weight_columns);
}

const struct layer_ops layer_conv = {
        .type = "conv",
        .min_inputs = 1,
        .max_inputs = 1,
        .configure = configure,
        .reset = reset,
        .prepare = prepare,
        .forward = forward,
        .backward = backward,
        .export = export_conv,
        .free = conv_free,
};
