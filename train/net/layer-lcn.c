/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Local contrast normalisation (Jarrett et al. 2009, "What is the best multi-stage architecture for object
 * recognition?", section 2.1): from each value its Gaussian neighbourhood's mean over all channels is subtracted, then
 * it is divided by the neighbourhood's standard deviation, or by the picture's mean of those where that is larger:
 *     v = x - blur(mean over channels of x),  s = sqrt(blur(mean over channels of v^2)),
 *     c = max(floor, mean over pixels of s),  y = v / max(s, c)
 * At the border the window's weights are made to sum to 1 over what lies inside. */
#include <math.h>
#include <string.h>

#include "basic/macro.h"
#include "train/net/layer-export.h"
#include "train/net/net.h"

#define MAX_SIZE 31

struct lcn {
        unsigned size;
        double sigma, floor;
        float taps[MAX_SIZE]; /* one axis of the window */
        float *inverse;       /* [h, w]: 1 / sum of the window's weights inside */
        float *s, *c;         /* [batch, h, w] and [batch], of the last forward pass */
        bool *floored;        /* [batch]: c is the floor */
};

static void make_taps(struct lcn *n)
{
        int half = (int)n->size / 2;

        for (int i = 0; i < (int)n->size; i++)
                n->taps[i] = (float)exp(-0.5 * (i - half) * (i - half) / (n->sigma * n->sigma));
}

/* One line of @n values, @step apart, with zeros beyond its ends. */
static void blur_line(const struct lcn *l, const float *x, int n, size_t step, float *ret)
{
        int half = (int)l->size / 2;

        for (int i = 0; i < n; i++) {
                float sum = 0;

                for (int k = MAX(-half, -i); k <= MIN(half, n - 1 - i); k++)
                        sum += l->taps[k + half] * x[(size_t)(i + k) * step];
                ret[(size_t)i * step] = sum;
        }
}

/* In place, without the border's correction. The window is symmetric: this is its own transpose. @work: a plane */
static void blur(const struct lcn *n, struct shape in, float *plane, float *work)
{
        for (size_t y = 0; y < in.h; y++)
                blur_line(n, plane + y * in.w, (int)in.w, 1, work + y * in.w);
        for (size_t x = 0; x < in.w; x++)
                blur_line(n, work + x, (int)in.h, in.w, plane + x);
}

static int configure(struct net *net, struct layer *l, config_setting_t *s, struct recipe_error *error)
{
        struct lcn *n = l->state = calloc(1, sizeof(*n));
        int r;

        if (!n)
                return -ENOMEM;
        *n = (struct lcn){ .size = 9, .floor = 1e-3 };
        l->out = l->in;
        r = recipe_unsigned(s, "size", 3, MAX_SIZE, &n->size, error);
        n->sigma = n->size / 4.0;
        if (r >= 0)
                r = recipe_real(s, "sigma", 0.1, 100, &n->sigma, error);
        if (r >= 0)
                r = recipe_real(s, "floor", 1e-6, 1e6, &n->floor, error);
        if (r < 0)
                return r;
        if (n->size % 2 == 0)
                return recipe_fail(s, error, "size must be odd");
        make_taps(n);
        net_need_scratch(net, 0, 4 * (size_t)l->in.h * l->in.w);
        return 0;
}

static int prepare(struct net *net, struct layer *l)
{
        struct lcn *n = l->state;
        size_t plane = (size_t)l->in.h * l->in.w;
        _cleanup_(freep) float *work = floats_new(plane);

        n->inverse = floats_new(plane);
        n->s = floats_new(net->max_batch * plane);
        n->c = floats_new(net->max_batch);
        n->floored = calloc(net->max_batch, sizeof(*n->floored));
        if (!work || !n->inverse || !n->s || !n->c || !n->floored)
                return -ENOMEM;
        for (size_t p = 0; p < plane; p++)
                n->inverse[p] = 1;
        blur(n, l->in, n->inverse, work);
        for (size_t p = 0; p < plane; p++)
                n->inverse[p] = 1 / n->inverse[p];
        return 0;
}

/* v goes to y. @work: two planes */
static void subtract(const struct layer *l, const struct lcn *n, const float *x, float *y, float *work)
{
        size_t plane = (size_t)l->in.h * l->in.w;
        float *mean = work + plane;

        memset(mean, 0, plane * sizeof(float));
        for (unsigned k = 0; k < l->in.c; k++)
                for (size_t p = 0; p < plane; p++)
                        mean[p] += x[k * plane + p];
        blur(n, l->in, mean, work);
        for (size_t p = 0; p < plane; p++)
                mean[p] *= n->inverse[p] / (float)l->in.c;
        for (unsigned k = 0; k < l->in.c; k++)
                for (size_t p = 0; p < plane; p++)
                        y[k * plane + p] = x[k * plane + p] - mean[p];
}

static void divide(const struct layer *l, struct lcn *n, size_t image, float *y, float *work)
{
        size_t plane = (size_t)l->in.h * l->in.w;
        float *s = n->s + image * plane, c;
        double sum = 0;

        memset(s, 0, plane * sizeof(float));
        for (unsigned k = 0; k < l->in.c; k++)
                for (size_t p = 0; p < plane; p++)
                        s[p] += y[k * plane + p] * y[k * plane + p];
        blur(n, l->in, s, work);
        for (size_t p = 0; p < plane; p++) {
                s[p] = sqrtf(s[p] * n->inverse[p] / (float)l->in.c);
                sum += (double)s[p];
        }
        c = (float)(sum / (double)plane);
        n->floored[image] = c <= (float)n->floor;
        n->c[image] = c = MAX(c, (float)n->floor);
        for (unsigned k = 0; k < l->in.c; k++)
                for (size_t p = 0; p < plane; p++)
                        y[k * plane + p] /= MAX(s[p], c);
}

static void forward_part(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        struct lcn *n = l->state;
        size_t from, to, size = shape_size(l->in);

        net_part(net->n, NET_PARTS, part, &from, &to);
        for (; from < to; from++) {
                subtract(l, n, l->inputs[0]->y + from * size, l->y + from * size, net->scratch[thread]);
                divide(l, n, from, l->y + from * size, net->scratch[thread]);
        }
}

static void forward(struct net *net, struct layer *l)
{
        net_parallel(net, l, NET_PARTS, forward_part);
}

/* To @ds, for each pixel: what v is to be multiplied with for its part in the gradient through s, already blurred
 * back. The divisor's gradient goes to s where s divides, and in equal shares to all of s where their mean does. */
static void divisor_gradient(const struct layer *l, const struct lcn *n, size_t image, float *ds, float *work)
{
        size_t plane = (size_t)l->in.h * l->in.w;
        const float *s = n->s + image * plane, *y = l->y + image * shape_size(l->in);
        const float *dy = l->dy + image * shape_size(l->in);
        float c = n->c[image], share;
        double mean = 0;

        memset(ds, 0, plane * sizeof(float));
        for (unsigned k = 0; k < l->in.c; k++)
                for (size_t p = 0; p < plane; p++)
                        ds[p] -= dy[k * plane + p] * y[k * plane + p];
        for (size_t p = 0; p < plane; p++) {
                ds[p] /= MAX(s[p], c);
                if (s[p] <= c) {
                        mean += (double)ds[p];
                        ds[p] = 0;
                }
        }
        share = n->floored[image] ? 0 : (float)(mean / (double)plane);
        for (size_t p = 0; p < plane; p++)
                /* d sqrt(u) / du, and u's 1 / channels; where nothing varies there is no slope to follow */
                ds[p] = s[p] > 0 ? (ds[p] + share) / s[p] * n->inverse[p] / (float)l->in.c : 0;
        blur(n, l->in, ds, work);
}

static void gradient_image(struct net *net, struct layer *l, size_t image, float *scratch, bool add)
{
        const struct lcn *n = l->state;
        size_t plane = (size_t)l->in.h * l->in.w, size = shape_size(l->in);
        const float *s = n->s + image * plane, *y = l->y + image * size, *dy = l->dy + image * size;
        float *dx = l->inputs[0]->dy + image * size, *ds = scratch + plane, *sum = scratch + 2 * plane;
        float *divisor = scratch + 3 * plane;

        divisor_gradient(l, n, image, ds, scratch);
        memset(sum, 0, plane * sizeof(float));
        for (size_t p = 0; p < plane; p++)
                divisor[p] = MAX(s[p], n->c[image]);
        for (unsigned k = 0; k < l->in.c; k++)
                for (size_t p = 0; p < plane; p++) {
                        size_t at = k * plane + p;
                        float dv = dy[at] / divisor[p] + y[at] * divisor[p] * ds[p];

                        sum[p] += dv;
                        dx[at] = add ? dx[at] + dv : dv;
                }
        for (size_t p = 0; p < plane; p++)
                sum[p] *= n->inverse[p] / (float)l->in.c;
        blur(n, l->in, sum, scratch);
        for (unsigned k = 0; k < l->in.c; k++)
                for (size_t p = 0; p < plane; p++)
                        dx[k * plane + p] -= sum[p];
}

static void gradient_part(struct net *net, struct layer *l, unsigned part, unsigned thread, bool add)
{
        size_t from, to;

        net_part(net->n, NET_PARTS, part, &from, &to);
        for (; from < to; from++)
                gradient_image(net, l, from, net->scratch[thread], add);
}

static void gradient_set(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        gradient_part(net, l, part, thread, false);
}

static void gradient_add(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        gradient_part(net, l, part, thread, true);
}

static void backward(struct net *net, struct layer *l)
{
        bool add;

        if (net_begin_gradient(l, 0, &add))
                net_parallel(net, l, NET_PARTS, add ? gradient_add : gradient_set);
}

/* A node whose output is named after the layer and @suffix; "" for the layer's own. */
static void node(struct export *e, const struct layer *l, const char *op, const char *a, const char *b,
                 const char *suffix, const struct onnx_attribute *attributes)
{
        char names[3][80];
        const char *in[] = { names[0], names[1], NULL };

        /* an input that begins with a dot is one of the layer's own, too */
        snprintf(names[0], sizeof(names[0]), "%s%s", a[0] == '.' ? l->name : "", a);
        snprintf(names[1], sizeof(names[1]), "%s%s", b && b[0] == '.' ? l->name : "", b ? b : "");
        snprintf(names[2], sizeof(names[2]), "%s%s", l->name, suffix);
        if (!b)
                in[1] = NULL;
        onnx_writer_node(e->writer, op, in, (const char *[]){ names[2], NULL }, attributes);
}

static int write_constants(struct export *e, const struct layer *l, const struct lcn *n)
{
        const int64_t window[] = { 1, l->in.c, n->size, n->size }, plane[] = { 1, 1, l->in.h, l->in.w };
        _cleanup_(freep) float *w = malloc((size_t)l->in.c * n->size * n->size * sizeof(float));
        const float floor = (float)n->floor;
        char name[80];
        size_t at = 0;

        if (!w)
                return -ENOMEM;
        for (unsigned k = 0; k < l->in.c; k++)
                for (unsigned i = 0; i < n->size; i++)
                        for (unsigned j = 0; j < n->size; j++)
                                w[at++] = n->taps[i] * n->taps[j] / (float)l->in.c;
        snprintf(name, sizeof(name), "%s.window", l->name);
        export_floats(e, name, w, window, 4);
        snprintf(name, sizeof(name), "%s.border", l->name);
        export_floats(e, name, n->inverse, plane, 4);
        snprintf(name, sizeof(name), "%s.floor", l->name);
        export_floats(e, name, &floor, NULL, 0);
        return 0;
}

static int export_node(struct export *e, struct net *net, struct layer *l)
{
        const struct lcn *n = l->state;
        const char *x = e->values[l->inputs[0]->index];
        const int64_t half = n->size / 2, pads[] = { half, half, half, half }, kernel[] = { n->size, n->size };
        const struct onnx_attribute window[] = { { .name = "kernel_shape", .kind = ONNX_INTS, .ints = kernel, .n = 2 },
                                                 { .name = "pads", .kind = ONNX_INTS, .ints = pads, .n = 4 },
                                                 { 0 } };
        int r = write_constants(e, l, n);

        if (r < 0)
                return r;
        node(e, l, "Conv", x, ".window", ".sum", window);
        node(e, l, "Mul", ".sum", ".border", ".mean", NULL);
        node(e, l, "Sub", x, ".mean", ".centred", NULL);
        node(e, l, "Mul", ".centred", ".centred", ".squares", NULL);
        node(e, l, "Conv", ".squares", ".window", ".squaresum", window);
        node(e, l, "Mul", ".squaresum", ".border", ".variance", NULL);
        node(e, l, "Sqrt", ".variance", NULL, ".deviation", NULL);
        node(e, l, "GlobalAveragePool", ".deviation", NULL, ".level", NULL);
        /* the larger of two values as max(a - b, 0) + b: Max is no operator of our engine */
        node(e, l, "Clip", ".level", ".floor", ".least", NULL);
        node(e, l, "Sub", ".deviation", ".least", ".above", NULL);
        node(e, l, "Relu", ".above", NULL, ".excess", NULL);
        node(e, l, "Add", ".excess", ".least", ".divisor", NULL);
        node(e, l, "Div", ".centred", ".divisor", "", NULL);
        snprintf(e->values[l->index], sizeof(e->values[0]), "%s", l->name);
        return 0;
}

static void lcn_free(struct layer *l)
{
        struct lcn *n = l->state;

        if (!n)
                return;
        free(n->inverse);
        free(n->s);
        free(n->c);
        free(n->floored);
}

const struct layer_ops layer_lcn = {
        .type = "lcn",
        .min_inputs = 1,
        .max_inputs = 1,
        .reads_output = true,
        .configure = configure,
        .prepare = prepare,
        .forward = forward,
        .backward = backward,
        .export = export_node,
        .free = lcn_free,
};
