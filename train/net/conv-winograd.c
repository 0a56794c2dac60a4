/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * The gradient of a kernel's weights is itself a correlation: of the input with the output's gradient. Tile by tile
 * Winograd's minimal filtering (Lavin & Gray 2015, arXiv:1509.09308) does that with fewer products: a tile of the
 * gradient takes the place of the filter, and the taps that of the outputs. What is summed over tiles and pictures is
 * summed before it is transformed back:
 *     dw = A^T [ sum over tiles (G dy G^T) * (B^T x B) ] A
 * At each point of the transformed tile that sum is a product of two matrices, [filters, tiles] and [tiles, channels].
 */
#include <stdlib.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/kernels/ops.h"
#include "train/net/conv.h"

/* Transformed values that are kept at a time, in floats: the products should find them in a cache. */
#define GROUP_FLOATS ((size_t)1 << 20)
/* Points of a tile do not lie at a power of two from each other, or they would share a few lines of the cache. */
#define POINT_GAP 16u
#define MAX_SIDE NN_WINOGRAD_MAX_SIDE
#define MAX_TAPS NN_WINOGRAD_MAX_TAPS

struct conv_winograd {
        const struct nn_winograd_ops *ops;
        enum nn_isa isa;
        unsigned block;           /* channels that are transformed together */
        unsigned taps;            /* rows and columns of the kernel */
        unsigned tile, side;      /* of the gradient's tile; of what is transformed: tile + taps - 1 */
        size_t rows, columns;     /* tiles of one picture */
        size_t channels, filters; /* rounded up for the products */
        unsigned group;           /* pictures whose transformed values are kept at a time */
};

static size_t div_up(size_t a, size_t b)
{
        return (a + b - 1) / b;
}

static unsigned points_of(const struct conv_winograd *w)
{
        return w->side * w->side;
}

/* Tiles of a group, and floats from one of their points to the next. */
static size_t group_tiles(const struct conv_winograd *w)
{
        return w->group * w->rows * w->columns;
}

static size_t x_point(const struct conv_winograd *w)
{
        return group_tiles(w) * w->channels + POINT_GAP;
}

static size_t dy_point(const struct conv_winograd *w)
{
        return group_tiles(w) * w->filters + POINT_GAP;
}

/* In products of vectors: those of the sums, and about nine for each point of a tile and block that is transformed, as
 * for the engine's forward pass. */
static double cost(const struct layer *l, const struct conv_winograd *w, unsigned tile)
{
        double side = tile + w->taps - 1, tiles = (double)(div_up(l->out.h, tile) * div_up(l->out.w, tile));
        double c = (double)w->channels, k = (double)w->filters;

        return tiles * side * side * (c * k + 9 * (c + k)) / w->block;
}

/* The tile with the least cost; 0 if none is cheaper than the sum of all products. */
static unsigned choose_tile(const struct layer *l, const struct conv_winograd *w)
{
        double least = 0.8 * w->taps * w->taps * l->out.h * l->out.w * l->in.c * l->out.c / w->block;
        unsigned best = 0;

        for (unsigned side = NN_WINOGRAD_MIN_SIDE; side <= MAX_SIDE; side++) {
                unsigned tile = side + 1 - w->taps;

                if (side < w->taps + 1 || cost(l, w, tile) >= least)
                        continue;
                least = cost(l, w, tile);
                best = tile;
        }
        return best;
}

static void declare_scratch(struct net *net, const struct layer *l, struct conv_winograd *w)
{
        size_t image = w->rows * w->columns * points_of(w) * (w->channels + w->filters);
        size_t pixels = MAX((size_t)l->in.h * l->in.w, (size_t)l->out.h * l->out.w);

        w->group = (unsigned)CLAMP(GROUP_FLOATS / image, (size_t)1, (size_t)net->max_batch);
        net_need_scratch(net, points_of(w) * (x_point(w) + dy_point(w) + w->filters * w->channels),
                         (pixels + MAX_SIDE * MAX_SIDE) * w->block);
}

int conv_winograd_new(struct net *net, const struct layer *l, struct conv_winograd **ret)
{
        const struct conv *c = l->state;
        struct conv_winograd *w;

        *ret = NULL;
        if (c->groups != 1 || c->stride != 1 || c->dilation != 1 || c->kernel_h != c->kernel_w || c->kernel_h < 2 ||
            c->kernel_h > MAX_TAPS)
                return 0;
        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        w->isa = nn_isa_best();
        w->ops = nn_kernel_ops(w->isa)->winograd;
        w->block = nn_isa_block(w->isa);
        w->taps = c->kernel_h;
        w->channels = conv_round_up(l->in.c);
        w->filters = conv_round_up(l->out.c);
        w->tile = choose_tile(l, w);
        if (!w->tile) {
                free(w);
                return 0;
        }
        w->side = w->tile + w->taps - 1;
        w->rows = div_up(l->out.h, w->tile);
        w->columns = div_up(l->out.w, w->tile);
        declare_scratch(net, l, w);
        *ret = w;
        return 0;
}

struct conv_winograd *conv_winograd_free(struct conv_winograd *w)
{
        free(w);
        return NULL;
}

/* One group of pictures on its way through. */
struct job {
        const struct conv_winograd *w;
        struct net *net;
        const struct layer *layer;
        unsigned first, n; /* pictures */
        float *x, *dy;     /* [point][tile][channel] and [point][tile][filter], transformed */
        float *sums;       /* [point][filter][channel] */
};

/* The input's @tile of one block @x to the points at @to. */
static void transform_input(const struct job *j, const float *x, size_t tile, float *border, float *to)
{
        const struct conv_winograd *w = j->w;
        const struct conv *c = j->layer->state;
        struct shape in = j->layer->in;
        long row = (long)(tile / w->columns * w->tile) - (long)c->pad_top;
        long column = (long)(tile % w->columns * w->tile) - (long)c->pad_left;
        struct nn_winograd_input p = {
                .x = border, .x_row = w->side * w->block, .x_step = w->block, .v = to, .v_point = x_point(w)
        };

        if (row >= 0 && column >= 0 && row + w->side <= in.h && column + w->side <= in.w) {
                p.x = x + ((size_t)row * in.w + (size_t)column) * w->block;
                p.x_row = in.w * w->block;
        } else {
                struct nn_winograd_border edge = {
                        .x = x, .h = in.h, .w = in.w, .row = row, .column = column, .stride = 1, .to = border
                };

                w->ops->border(w->side, &edge);
        }
        w->ops->input[w->side - NN_WINOGRAD_MIN_SIDE](&p);
}

/* The same of the output's gradient, which stands for the filter. */
static void transform_gradient(const struct job *j, const float *dy, size_t tile, float *border, float *to)
{
        const struct conv_winograd *w = j->w;
        struct nn_winograd_border edge = {
                .x = dy,
                .h = j->layer->out.h,
                .w = j->layer->out.w,
                .row = (long)(tile / w->columns * w->tile),
                .column = (long)(tile % w->columns * w->tile),
                .stride = 1,
                .to = border,
        };

        w->ops->border(w->tile, &edge);
        w->ops->filter[w->side - NN_WINOGRAD_MIN_SIDE][w->taps - NN_WINOGRAD_MIN_TILE](border, to, dy_point(w));
}

/* Part: one block of one picture's input, or of its output's gradient. */
static void transform_part(void *userdata, unsigned part, unsigned thread)
{
        const struct job *j = userdata;
        const struct conv_winograd *w = j->w;
        size_t in_blocks = w->channels / w->block, blocks = in_blocks + w->filters / w->block;
        size_t image = part / blocks, block = part % blocks, tiles = w->rows * w->columns;
        bool gradient = block >= in_blocks;
        struct shape s = gradient ? j->layer->out : j->layer->in;
        const float *plain = gradient ? j->layer->dy : j->layer->inputs[0]->y;
        float *blocked = j->net->scratch[thread], *border = blocked + (size_t)s.h * s.w * w->block, *to;
        size_t first, width = gradient ? w->filters : w->channels;

        block -= gradient ? in_blocks : 0;
        first = MIN(block * w->block, s.c);
        plain += ((j->first + image) * s.c + first) * s.h * s.w;
        /* past the last channel are zeros */
        nn_to_blocked(w->isa, 1, MIN(w->block, s.c - first), (size_t)s.h * s.w, plain, blocked);
        to = (gradient ? j->dy : j->x) + image * tiles * width + block * w->block;
        for (size_t tile = 0; tile < tiles; tile++, to += width)
                if (gradient)
                        transform_gradient(j, blocked, tile, border, to);
                else
                        transform_input(j, blocked, tile, border, to);
}

static void multiply_part(void *userdata, unsigned point, unsigned thread)
{
        const struct job *j = userdata;
        const struct conv_winograd *w = j->w;
        float *sums = j->sums + point * w->filters * w->channels;

        if (!j->first)
                memset(sums, 0, w->filters * w->channels * sizeof(*sums));
        j->net->kernels->outer_products(j->dy + point * dy_point(w), w->filters, j->x + point * x_point(w), w->channels,
                                        j->n * w->rows * w->columns, sums);
}

/* The taps of one filter and a block of channels from @first on. */
static void transform_back(const struct job *j, size_t filter, size_t first)
{
        const struct conv_winograd *w = j->w;
        const float zeros[NN_MAX_BLOCK] = { 0 };
        float taps[MAX_TAPS * MAX_TAPS * NN_MAX_BLOCK];
        size_t n_taps = (size_t)w->taps * w->taps, in_c = j->layer->in.c;
        float *dw = j->net->g + j->layer->weight.at + (filter * in_c + first) * n_taps;
        struct nn_winograd_output p = {
                .m = j->sums + filter * w->channels + first,
                .m_point = w->filters * w->channels,
                .bias = zeros,
                .y = taps,
                .y_row = w->taps * w->block,
                .rows = w->taps,
                .columns = w->taps,
        };

        w->ops->output[w->side - NN_WINOGRAD_MIN_SIDE][w->taps - NN_WINOGRAD_MIN_TILE](&p);
        for (size_t i = 0; i < w->block && first + i < in_c; i++)
                for (size_t t = 0; t < n_taps; t++)
                        *dw++ = taps[t * w->block + i];
}

static void transform_back_part(void *userdata, unsigned part, unsigned thread)
{
        const struct job *j = userdata;
        size_t filter, end;

        net_part(j->layer->out.c, NET_PARTS, part, &filter, &end);
        for (; filter < end; filter++)
                for (size_t first = 0; first < j->layer->in.c; first += j->w->block)
                        transform_back(j, filter, first);
}

void conv_winograd_weight_gradient(const struct conv_winograd *w, struct net *net, const struct layer *l)
{
        size_t blocks = (w->channels + w->filters) / w->block;
        struct job j = { .w = w, .net = net, .layer = l, .x = net->shared };

        j.dy = j.x + points_of(w) * x_point(w);
        j.sums = j.dy + points_of(w) * dy_point(w);
        for (; j.first < net->n; j.first += w->group) {
                j.n = MIN(w->group, net->n - j.first);
                nn_pool_run(net->pool, j.n * (unsigned)blocks, transform_part, &j);
                nn_pool_run(net->pool, points_of(w), multiply_part, &j);
        }
        nn_pool_run(net->pool, NET_PARTS, transform_back_part, &j);
}
