/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* With a stride s the input is split into s x s phase planes, so that each tap still is one displacement; the gradient
 * of the input is then one convolution a phase. */
#include <string.h>

#include "basic/macro.h"
#include "train/net/conv.h"
#include "train/net/vec.h"

/* The gradient of one phase of the input. */
struct phase {
        size_t n_taps, *offset; /* taps of all output channels of a group, in the layout of the output's gradient */
        unsigned *tap;          /* [n_taps / channels]: which of the kernel's taps */
        unsigned h;
};

#define NO_SLOT UINT32_MAX
#define WEIGHT_PARTS 64 /* more than there are images' parts: tiles of filters are few and uneven */
#define NARROW 4u       /* channels of a group below which each is computed alone, as in a depthwise convolution */

static int floor_div(int a, int b)
{
        return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/* Displacement and phase of tap @t along one axis. */
static void tap_at(const struct conv *c, unsigned t, unsigned pad, int *ret_shift, unsigned *ret_phase)
{
        int u = (int)(t * c->dilation) - (int)pad, s = (int)c->stride;

        *ret_shift = floor_div(u, s);
        *ret_phase = (unsigned)(u - *ret_shift * s);
}

/* Planes of @rows x @cols read with displacements lo..hi to give @out_rows x @out_cols results. Rows share the zeros
 * between them: what overhangs on the right of one is the left margin of the next. */
static struct conv_layout layout_make(int lo_y, int hi_y, int lo_x, int hi_x, unsigned rows, unsigned cols,
                                      unsigned out_rows, unsigned out_cols)
{
        size_t top = (size_t)MAX(0, -lo_y), left = (size_t)MAX(0, -lo_x);
        size_t right = (size_t)MAX(0, (int)out_cols + hi_x - (int)cols);
        size_t n_rows = MAX((size_t)rows, (size_t)MAX(0, (int)out_rows + hi_y));
        struct conv_layout l;

        l.stride = MAX(cols + MAX(left, right), (size_t)out_cols);
        l.origin = top * l.stride + left;
        l.run = conv_round_up((out_rows - 1) * l.stride + out_cols);
        /* the last run reads past its last row by less than one CONV_P */
        l.plane = conv_round_up((top + n_rows) * l.stride + left + right + CONV_P);
        return l;
}

static unsigned phase_size(unsigned n, unsigned stride, unsigned phase)
{
        return phase >= n ? 0 : (n - phase + stride - 1) / stride;
}

static int make_slots(struct conv *c)
{
        int shift;
        unsigned y, x;

        c->planes.slot = calloc((size_t)c->stride * c->stride, sizeof(*c->planes.slot));
        if (!c->planes.slot)
                return -ENOMEM;
        for (unsigned i = 0; i < c->stride * c->stride; i++)
                c->planes.slot[i] = NO_SLOT;
        for (unsigned t = 0; t < c->kernel_h * c->kernel_w; t++) {
                tap_at(c, t / c->kernel_w, c->pad_top, &shift, &y);
                tap_at(c, t % c->kernel_w, c->pad_left, &shift, &x);
                if (c->planes.slot[y * c->stride + x] == NO_SLOT)
                        c->planes.slot[y * c->stride + x] = c->planes.n_slots++;
        }
        return 0;
}

static int make_forward(struct layer *l, struct conv *c)
{
        struct conv_planes *p = &c->planes;
        unsigned in_c = l->in.c / c->groups, ph, pw;
        int lo_y, hi_y, lo_x, hi_x, qy, qx;
        size_t j = 0;

        tap_at(c, 0, c->pad_top, &lo_y, &ph);
        tap_at(c, c->kernel_h - 1, c->pad_top, &hi_y, &ph);
        tap_at(c, 0, c->pad_left, &lo_x, &pw);
        tap_at(c, c->kernel_w - 1, c->pad_left, &hi_x, &pw);
        p->x = layout_make(lo_y, hi_y, lo_x, hi_x, phase_size(l->in.h, c->stride, 0), phase_size(l->in.w, c->stride, 0),
                           l->out.h, l->out.w);
        if (make_slots(c) < 0)
                return -ENOMEM;
        p->image = p->x.plane * p->n_slots * l->in.c;
        c->n_taps = (size_t)in_c * c->kernel_h * c->kernel_w;
        p->offset = calloc(c->n_taps, sizeof(*p->offset));
        if (!p->offset)
                return -ENOMEM;
        for (unsigned k = 0; k < in_c; k++)
                for (unsigned r = 0; r < c->kernel_h; r++)
                        for (unsigned s = 0; s < c->kernel_w; s++) {
                                tap_at(c, r, c->pad_top, &qy, &ph);
                                tap_at(c, s, c->pad_left, &qx, &pw);
                                p->offset[j++] = ((size_t)k * p->n_slots + p->slot[ph * c->stride + pw]) * p->x.plane +
                                                 (size_t)((long)p->x.origin + (long)qy * (long)p->x.stride + qx);
                        }
        return 0;
}

static int make_phase(struct layer *l, struct conv *c, unsigned a, unsigned b, struct phase *p)
{
        unsigned n_taps = c->kernel_h * c->kernel_w, out_c = c->filters / c->groups, n = 0, ph, pw;
        int qy, qx;

        p->h = phase_size(l->in.h, c->stride, a);
        p->tap = calloc(n_taps, sizeof(*p->tap));
        p->offset = calloc((size_t)n_taps * out_c, sizeof(*p->offset));
        if (!p->tap || !p->offset)
                return -ENOMEM;
        for (unsigned t = 0; t < n_taps; t++) {
                tap_at(c, t / c->kernel_w, c->pad_top, &qy, &ph);
                tap_at(c, t % c->kernel_w, c->pad_left, &qx, &pw);
                if (ph == a && pw == b)
                        p->tap[n++] = t;
        }
        for (unsigned k = 0; k < out_c; k++)
                for (unsigned i = 0; i < n; i++) {
                        tap_at(c, p->tap[i] / c->kernel_w, c->pad_top, &qy, &ph);
                        tap_at(c, p->tap[i] % c->kernel_w, c->pad_left, &qx, &pw);
                        p->offset[p->n_taps++] =
                                k * c->planes.dy.plane +
                                (size_t)((long)c->planes.dy.origin - (long)qy * (long)c->planes.dy.stride - qx);
                }
        return 0;
}

static int make_backward(struct layer *l, struct conv *c)
{
        int lo_y, hi_y, lo_x, hi_x, r;
        unsigned phase;

        tap_at(c, 0, c->pad_top, &lo_y, &phase);
        tap_at(c, c->kernel_h - 1, c->pad_top, &hi_y, &phase);
        tap_at(c, 0, c->pad_left, &lo_x, &phase);
        tap_at(c, c->kernel_w - 1, c->pad_left, &hi_x, &phase);
        c->planes.dy = layout_make(-hi_y, -lo_y, -hi_x, -lo_x, l->out.h, l->out.w, phase_size(l->in.h, c->stride, 0),
                                   phase_size(l->in.w, c->stride, 0));
        c->planes.phases = calloc((size_t)c->stride * c->stride, sizeof(*c->planes.phases));
        if (!c->planes.phases)
                return -ENOMEM;
        for (unsigned a = 0; a < c->stride; a++)
                for (unsigned b = 0; b < c->stride; b++) {
                        r = make_phase(l, c, a, b, &c->planes.phases[a * c->stride + b]);
                        if (r < 0)
                                return r;
                }
        return 0;
}

/* Of @k channels so many are handled together: a tile with most of its rows empty would waste more than it gains. */
static unsigned tile_rows(unsigned k)
{
        return k < NARROW ? 1 : CONV_K;
}

static unsigned rounded(unsigned k)
{
        return (k + tile_rows(k) - 1) / tile_rows(k) * tile_rows(k);
}

static void run_tile(const struct net *net, unsigned rows, const float *x, const size_t *offset, size_t n_taps,
                     const float *w, size_t run, float *y)
{
        if (rows == 1)
                net->kernels->forward_one(x, offset, n_taps, w, run, y);
        else
                net->kernels->forward(x, offset, n_taps, w, run, y, run);
}

/* Floats of weights packed in tiles of CONV_K channels: forward, or for the gradient of the input. */
static size_t packed_forward(const struct conv *c)
{
        return (size_t)c->groups * rounded(c->filters / c->groups) * c->n_taps;
}

static size_t packed_backward(const struct layer *l, const struct conv *c)
{
        return (size_t)c->groups * rounded(l->in.c / c->groups) * (c->filters / c->groups) * c->kernel_h * c->kernel_w;
}

/* Of the output's gradient, rows of whole vectors are read where they are. */
static bool is_read_in_place(const struct layer *l, const struct conv *c)
{
        return l->out.w % CONV_P == 0 && rounded(c->filters / c->groups) == c->filters / c->groups;
}

static size_t packed_gradient(const struct layer *l, const struct conv *c)
{
        return is_read_in_place(l, c) ? 0 : (size_t)c->groups * rounded(c->filters / c->groups) * c->planes.x.run;
}

int conv_planes_configure(struct layer *l)
{
        int r = make_forward(l, l->state);

        return r < 0 ? r : make_backward(l, l->state);
}

void conv_planes_prepare(struct net *net, struct layer *l, unsigned products)
{
        struct conv *c = l->state;
        unsigned rows = tile_rows(c->filters / c->groups);
        size_t forward = c->planes.image + rounded(c->filters / c->groups) * c->planes.x.run;
        size_t backward = c->planes.dy.plane * c->filters + c->stride * rounded(l->in.c / c->groups) * c->planes.dy.run;
        size_t weights = (c->n_taps + CONV_J) * rows * CONV_P;

        if (products & CONV_FORWARD)
                net_need_scratch(net, packed_forward(c), forward);
        if (products & CONV_INPUT_GRADIENT)
                net_need_scratch(net, packed_backward(l, c), backward);
        if (products & CONV_WEIGHT_GRADIENT)
                net_need_scratch(net, (c->planes.image + packed_gradient(l, c)) * net->max_batch, weights);
        c->planes.group_images =
                (unsigned)CLAMP((size_t)6144 / (rows * c->planes.x.run), (size_t)1, (size_t)NET_MAX_BATCH);
}

/* Row @y of a channel to its places in the channel's phase planes @to. */
static void pack_row(const struct layer *l, const struct conv *c, const float *x, unsigned y, float *to)
{
        unsigned st = c->stride;
        const unsigned *slot = c->planes.slot + y % st * st;
        float *row[CONV_MAX_STRIDE];

        to += c->planes.x.origin + y / st * c->planes.x.stride;
        for (unsigned b = 0; b < st; b++)
                row[b] = slot[b] == NO_SLOT ? NULL : to + slot[b] * c->planes.x.plane;
        if (st == 1)
                memcpy(row[0], x, l->in.w * sizeof(float));
        else if (st == 2)
                vec_split(x, l->in.w, row[0], row[1]);
        else
                for (unsigned b = 0; b < st; b++)
                        for (unsigned i = 0, at = b; row[b] && at < l->in.w; at += st)
                                row[b][i++] = x[at];
}

/* One picture into padded phase planes. */
static void pack_input(const struct layer *l, const struct conv *c, const float *x, float *to)
{
        memset(to, 0, c->planes.image * sizeof(float));
        for (unsigned k = 0; k < l->in.c; k++, to += c->planes.n_slots * c->planes.x.plane)
                for (unsigned y = 0; y < l->in.h; y++, x += l->in.w)
                        pack_row(l, c, x, y, to);
}

static void pack_forward(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        struct conv *c = l->state;
        unsigned out_c = c->filters / c->groups, rows = tile_rows(out_c), tiles = rounded(out_c) / rows;
        const float *w = net->w + l->weight.at;
        size_t from, to;

        net_part((size_t)c->groups * tiles, NET_PARTS, part, &from, &to);
        for (; from < to; from++) {
                size_t g = from / tiles, first = from % tiles * rows;
                float *packed = net->shared + from * rows * c->n_taps;

                for (unsigned k = 0; k < rows; k++)
                        for (size_t j = 0; j < c->n_taps; j++)
                                packed[j * rows + k] =
                                        first + k < out_c ? w[(g * out_c + first + k) * c->n_taps + j] : 0;
        }
}

static void forward_image(struct net *net, struct layer *l, size_t image, float *scratch)
{
        struct conv *c = l->state;
        unsigned out_c = c->filters / c->groups, in_c = l->in.c / c->groups;
        unsigned rows = tile_rows(out_c), tiles = rounded(out_c) / rows;
        float *flat = scratch + c->planes.image;
        const float *bias = l->bias.n ? net->w + l->bias.at : NULL;

        pack_input(l, c, l->inputs[0]->y + image * shape_size(l->in), scratch);
        for (unsigned g = 0; g < c->groups; g++) {
                const float *x = scratch + (size_t)g * in_c * c->planes.n_slots * c->planes.x.plane;
                float *y = l->y + image * shape_size(l->out) + (size_t)g * out_c * l->out.h * l->out.w;

                for (unsigned t = 0; t < tiles; t++)
                        run_tile(net, rows, x, c->planes.offset, c->n_taps,
                                 net->shared + (size_t)(g * tiles + t) * rows * c->n_taps, c->planes.x.run,
                                 flat + (size_t)t * rows * c->planes.x.run);
                for (unsigned k = 0; k < out_c; k++)
                        for (unsigned i = 0; i < l->out.h; i++, y += l->out.w) {
                                const float *from = flat + k * c->planes.x.run + i * c->planes.x.stride;
                                float b = bias ? bias[g * out_c + k] : 0;

                                for (unsigned p = 0; p < l->out.w; p++)
                                        y[p] = from[p] + b;
                        }
        }
}

static void forward_part(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        size_t from, to;

        net_part(net->n, NET_PARTS, part, &from, &to);
        for (; from < to; from++)
                forward_image(net, l, from, net->scratch[thread]);
}

void conv_planes_forward(struct net *net, struct layer *l)
{
        net_parallel(net, l, NET_PARTS, pack_forward);
        net_parallel(net, l, NET_PARTS, forward_part);
}

/* Weights for the gradient of the input: per phase and tile of input channels, [taps of the phase, CONV_K]. */
static void pack_backward(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        struct conv *c = l->state;
        unsigned out_c = c->filters / c->groups, in_c = l->in.c / c->groups, n_taps = c->kernel_h * c->kernel_w;
        unsigned rows = tile_rows(in_c), tiles = rounded(in_c) / rows;
        size_t from, end;

        net_part((size_t)c->groups * tiles, NET_PARTS, part, &from, &end);
        for (; from < end; from++) {
                float *to = net->shared + from * rows * out_c * n_taps;
                const float *w = net->w + l->weight.at + from / tiles * out_c * c->n_taps;
                unsigned first = (unsigned)(from % tiles) * rows;

                for (unsigned i = 0; i < c->stride * c->stride; i++) {
                        const struct phase *p = &c->planes.phases[i];

                        for (unsigned j = 0, n = (unsigned)(p->n_taps / out_c); j < p->n_taps; j++, to += rows)
                                for (unsigned k = 0; k < rows; k++)
                                        to[k] = first + k < in_c
                                                        ? w[(j / n) * c->n_taps + (first + k) * n_taps + p->tap[j % n]]
                                                        : 0;
                }
        }
}

/* The phases @first to @first + stride - 1, which are rows of the input by turns, @size floats apart. */
static void unpack_phases(const struct layer *l, const struct conv *c, const float *flat, size_t size, unsigned first,
                          unsigned n_channels, bool add, float *dx)
{
        unsigned st = c->stride, w = l->in.w;

        for (unsigned k = 0; k < n_channels; k++, dx += l->in.h * w, flat += c->planes.dy.run)
                for (unsigned y = 0; y < c->planes.phases[first].h; y++) {
                        const float *from = flat + y * c->planes.dy.stride;
                        float *row = dx + (size_t)(y * st + first / st) * w;

                        if (st == 1)
                                vec_add(from, w, add, row);
                        else if (st == 2)
                                vec_join(from, from + size, w, add, row);
                        else
                                for (unsigned x = 0; x < w; x++)
                                        row[x] = (add ? row[x] : 0) + from[x % st * size + x / st];
                }
}

/* Whether any tap reads the phases @first to @first + stride - 1. */
static bool is_read(const struct conv *c, unsigned first)
{
        size_t n = 0;

        for (unsigned i = first; i < first + c->stride; i++)
                n += c->planes.phases[i].n_taps;
        return n > 0;
}

/* The margins of @scratch are zero. */
static void input_gradient_image(struct net *net, struct layer *l, size_t image, bool add, float *scratch)
{
        struct conv *c = l->state;
        unsigned out_c = c->filters / c->groups, in_c = l->in.c / c->groups;
        unsigned rows = tile_rows(in_c), tiles = rounded(in_c) / rows;
        size_t tile_floats = (size_t)rows * out_c * c->kernel_h * c->kernel_w;
        size_t size = rounded(in_c) * c->planes.dy.run; /* of one phase of a group */
        const float *dy = l->dy + image * shape_size(l->out);
        float *flat = scratch + c->planes.dy.plane * c->filters;

        for (unsigned k = 0; k < c->filters; k++)
                for (unsigned y = 0; y < l->out.h; y++, dy += l->out.w)
                        memcpy(scratch + k * c->planes.dy.plane + c->planes.dy.origin + y * c->planes.dy.stride, dy,
                               l->out.w * sizeof(float));
        for (unsigned g = 0; g < c->groups; g++) {
                float *dx = l->inputs[0]->dy + image * shape_size(l->in) + (size_t)g * in_c * l->in.h * l->in.w;
                const float *from = scratch + (size_t)g * out_c * c->planes.dy.plane;
                size_t done = 0;

                for (unsigned i = 0; i < c->stride * c->stride; i++) {
                        const struct phase *p = &c->planes.phases[i];
                        float *to = flat + i % c->stride * size;

                        for (unsigned t = 0; t < tiles && p->n_taps; t++)
                                run_tile(net, rows, from, p->offset, p->n_taps,
                                         net->shared + (g * tiles + t) * tile_floats + done, c->planes.dy.run,
                                         to + (size_t)t * rows * c->planes.dy.run);
                        if (!p->n_taps)
                                memset(to, 0, size * sizeof(float));
                        done += p->n_taps * rows;
                        if (i % c->stride == c->stride - 1 && (!add || is_read(c, i + 1 - c->stride)))
                                unpack_phases(l, c, flat, size, i + 1 - c->stride, in_c, add, dx);
                }
        }
}

static void input_gradient_part(struct net *net, struct layer *l, unsigned part, bool add, unsigned thread)
{
        const struct conv *c = l->state;
        size_t from, to;

        memset(net->scratch[thread], 0, c->planes.dy.plane * c->filters * sizeof(float));
        net_part(net->n, NET_PARTS, part, &from, &to);
        for (; from < to; from++)
                input_gradient_image(net, l, from, add, net->scratch[thread]);
}

static void input_gradient_set(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        input_gradient_part(net, l, part, false, thread);
}

static void input_gradient_add(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        input_gradient_part(net, l, part, true, thread);
}

/* One picture's gradient of the output, with the distances of the packed input. */
static void pack_gradient(const struct layer *l, const struct conv *c, const float *dy, float *to)
{
        unsigned out_c = c->filters / c->groups;

        memset(to, 0, packed_gradient(l, c) * sizeof(*to));
        for (unsigned k = 0; k < c->filters; k++) {
                float *row = to + ((size_t)(k / out_c) * rounded(out_c) + k % out_c) * c->planes.x.run;

                for (unsigned y = 0; y < l->out.h; y++, dy += l->out.w, row += c->planes.x.stride)
                        memcpy(row, dy, l->out.w * sizeof(*row));
        }
}

/* Inputs and output gradients of the batch, packed for the weights' gradient. */
static void pack_batch(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        struct conv *c = l->state;
        const struct conv_planes *p = &c->planes;
        float *gradients = net->shared + net->max_batch * p->image;
        size_t from, to;

        net_part(net->n, NET_PARTS, part, &from, &to);
        for (; from < to; from++) {
                pack_input(l, c, l->inputs[0]->y + from * shape_size(l->in), net->shared + from * p->image);
                if (!is_read_in_place(l, c))
                        pack_gradient(l, c, l->dy + from * shape_size(l->out),
                                      gradients + from * packed_gradient(l, c));
        }
}

static float sum_lanes(const float *v)
{
        float s[4] = { 0 };

        for (unsigned i = 0; i < CONV_P; i++)
                s[i % 4] += v[i];
        return (s[0] + s[1]) + (s[2] + s[3]);
}

/* What the kernels are given of one tile of filters: runs of the output's gradient and of the input, as far apart. */
struct runs {
        unsigned rows; /* filters of the tile */
        const float *dy, *x;
        size_t dy_row, dy_run, x_run; /* floats between filters, between runs */
        size_t n;                     /* floats of a run */
};

static void add_runs(const struct net *net, const struct conv *c, const struct runs *r, size_t n_runs, float *acc)
{
        const struct conv_planes *p = &c->planes;

        if (r->rows == 1)
                net->kernels->weight_gradient_one(r->dy, r->dy_run, r->x, r->x_run, p->offset, c->n_taps, r->n, n_runs,
                                                  acc);
        else
                net->kernels->weight_gradient(r->dy, r->dy_row, r->dy_run, r->x, r->x_run, p->offset, c->n_taps, r->n,
                                              n_runs, acc);
}

/* A run is a row of a picture. */
static void add_in_place(const struct net *net, const struct layer *l, unsigned rows, size_t filter, const float *x,
                         float *acc)
{
        const struct conv *c = l->state;
        struct runs r = {
                .rows = rows,
                .dy = l->dy + filter * l->out.h * l->out.w,
                .x = x,
                .dy_row = (size_t)l->out.h * l->out.w,
                .dy_run = l->out.w,
                .x_run = c->planes.x.stride,
                .n = l->out.w,
        };

        for (unsigned i = 0; i < net->n; i++, r.dy += shape_size(l->out), r.x += c->planes.image)
                add_runs(net, c, &r, l->out.h, acc);
}

/* A run is a picture; as many are taken at a time as fit the first cache. */
static void add_packed(const struct net *net, const struct layer *l, unsigned rows, size_t filter, const float *x,
                       float *acc)
{
        const struct conv *c = l->state;
        const struct conv_planes *p = &c->planes;
        struct runs r = {
                .rows = rows,
                .dy = net->shared + net->max_batch * p->image + filter * p->x.run,
                .x = x,
                .dy_row = p->x.run,
                .dy_run = packed_gradient(l, c),
                .x_run = p->image,
                .n = p->x.run,
        };

        for (unsigned i = 0; i < net->n; i += p->group_images) {
                add_runs(net, c, &r, MIN(p->group_images, net->n - i), acc);
                r.dy += p->group_images * r.dy_run;
                r.x += p->group_images * r.x_run;
        }
}

static void weight_gradient_tile(struct net *net, struct layer *l, size_t part, float *acc)
{
        struct conv *c = l->state;
        const struct conv_planes *p = &c->planes;
        unsigned out_c = c->filters / c->groups, rows = tile_rows(out_c), tiles = rounded(out_c) / rows;
        size_t g = part / tiles, t = part % tiles, filter = g * rounded(out_c) + t * rows;
        const float *x = net->shared + g * (l->in.c / c->groups) * p->n_slots * p->x.plane;
        float *dw = net->g + l->weight.at + g * out_c * c->n_taps;

        memset(acc, 0, (c->n_taps + CONV_J) * rows * CONV_P * sizeof(float));
        if (is_read_in_place(l, c))
                add_in_place(net, l, rows, filter, x, acc);
        else
                add_packed(net, l, rows, filter, x, acc);
        for (size_t j = 0; j < c->n_taps; j++)
                for (unsigned k = 0; k < rows && t * rows + k < out_c; k++)
                        dw[(t * rows + k) * c->n_taps + j] = sum_lanes(acc + (j * rows + k) * CONV_P);
}

static void weight_gradient_part(struct net *net, struct layer *l, unsigned part, unsigned thread)
{
        const struct conv *c = l->state;
        unsigned out_c = c->filters / c->groups;
        size_t n_tiles = (size_t)c->groups * (rounded(out_c) / tile_rows(out_c)), from, to;

        net_part(n_tiles, WEIGHT_PARTS, part, &from, &to);
        for (; from < to; from++)
                weight_gradient_tile(net, l, from, net->scratch[thread]);
}

void conv_planes_weight_gradient(struct net *net, struct layer *l)
{
        net_parallel(net, l, NET_PARTS, pack_batch);
        net_parallel(net, l, WEIGHT_PARTS, weight_gradient_part);
}

void conv_planes_input_gradient(struct net *net, struct layer *l, bool add)
{
        net_parallel(net, l, NET_PARTS, pack_backward);
        net_parallel(net, l, NET_PARTS, add ? input_gradient_add : input_gradient_set);
}

void conv_planes_free(struct conv *c)
{
        free(c->planes.offset);
        free(c->planes.slot);
        for (unsigned i = 0; c->planes.phases && i < c->stride * c->stride; i++) {
                free(c->planes.phases[i].tap);
                free(c->planes.phases[i].offset);
        }
        free(c->planes.phases);
}
