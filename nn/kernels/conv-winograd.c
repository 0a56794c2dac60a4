/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Convolution by Winograd's minimal filtering (Lavin & Gray 2015, arXiv:1509.09308). A group of tiles is
 * transformed, at every point of the transformed tile one product of matrices sums over the channels, and the sums
 * are transformed back. A group is as large as a register tile, so its transformed values stay in the second-level
 * cache. Tiles are numbered through the whole batch: small maps share groups.
 *
 * A convolution of stride 2 is the sum of four of stride 1 with kernels half as large: one for each parity of row and
 * column, here a phase. Their sums are taken at the same points, so the phases only add channels.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/kernels/conv-priv.h"

#define MAX_SIDE NN_WINOGRAD_MAX_SIDE
#define MAX_STRIDE 2u
/* With fewer the transforms cost more than the products that they save. */
#define WINOGRAD_MIN_CHANNELS 8u

static size_t div_up(size_t a, size_t b)
{
        return (a + b - 1) / b;
}

static size_t n_tiles(const struct nn_conv_desc *d, unsigned tile)
{
        return d->n * div_up(nn_conv_out_h(d), tile) * div_up(nn_conv_out_w(d), tile);
}

/* Rows and columns of the kernel of one phase. */
static unsigned taps_of(const struct nn_conv_desc *d)
{
        return (d->r + d->stride[0] - 1) / d->stride[0];
}

static unsigned phases_of(const struct nn_conv_desc *d)
{
        return d->stride[0] * d->stride[0];
}

static bool is_possible(const struct nn_conv_desc *d)
{
        return d->r == d->s && d->stride[0] == d->stride[1] && d->stride[0] <= MAX_STRIDE && d->dilation[0] == 1 &&
               d->dilation[1] == 1 && d->groups == 1 && d->c >= WINOGRAD_MIN_CHANNELS && taps_of(d) >= 2 &&
               taps_of(d) <= NN_WINOGRAD_MAX_TAPS;
}

bool nn_conv_winograd_can(const struct nn_conv_desc *d, unsigned tile)
{
        if (!is_possible(d) || tile < NN_WINOGRAD_MIN_TILE || tile > NN_WINOGRAD_MAX_TILE)
                return false;
        return tile + taps_of(d) - 1 >= NN_WINOGRAD_MIN_SIDE && tile + taps_of(d) - 1 <= NN_WINOGRAD_MAX_SIDE;
}

/* Transformed weights past this many bytes come from beyond the second-level cache. */
#define WEIGHTS_NEAR_BYTES (700 * 1024)

/* In products of vectors, roughly: those of the sums over channels, where a step of the inner loop cannot be faster
 * than its weights arrive, and about nine for every point of a tile and block that is transformed either way
 * (measured: loads, stores and spills count for more than the sums). */
static double winograd_cost(enum nn_isa isa, const struct nn_conv_desc *d, unsigned tile)
{
        unsigned side = tile + taps_of(d) - 1, phases = phases_of(d);
        double b = nn_isa_block(isa), points = side * side, c = (double)d->c * phases;
        double c_blocks = (double)div_up(d->c, (size_t)b) * phases, k_blocks = (double)div_up(d->k, (size_t)b);
        size_t tiles = n_tiles(d, tile), groups = div_up(tiles, nn_kernel_ops(isa)->tile->max_pixels);
        double group = (double)tiles / (double)groups;
        double arrive = points * c * k_blocks * b * 4 > WEIGHTS_NEAR_BYTES ? 10 : 4;
        double step = MAX(2 * group, arrive * b / 16) / 2;

        return (double)groups * points * c * k_blocks * step + (double)tiles * points * 9 * (c_blocks + k_blocks);
}

unsigned nn_conv_winograd_tile(enum nn_isa isa, const struct nn_conv_desc *d)
{
        unsigned best = 0;

        if (!is_possible(d))
                return 0;

        double k_blocks = (double)div_up(d->k, nn_isa_block(isa));
        double least = (double)d->r * d->s * d->c * k_blocks * d->n * nn_conv_out_h(d) * nn_conv_out_w(d) * 0.9;

        for (unsigned tile = NN_WINOGRAD_MIN_TILE; tile <= NN_WINOGRAD_MAX_TILE; tile++) {
                double cost = nn_conv_winograd_can(d, tile) ? winograd_cost(isa, d, tile) : least;

                if (cost < least) {
                        least = cost;
                        best = tile;
                }
        }
        return best;
}

static unsigned side_of(const struct nn_conv *c)
{
        return c->tile + taps_of(&c->d) - 1;
}

static unsigned points_of(const struct nn_conv *c)
{
        return side_of(c) * side_of(c);
}

/* Floats of the transformed weights of the units before @unit:
 * [unit][point][input block][phase][channel of the block][block of the unit][V] */
static size_t unit_weights(const struct nn_conv *c, size_t unit)
{
        return unit * NN_TILE_MAX_BLOCKS * points_of(c) * phases_of(&c->d) * c->d.c * c->b;
}

static unsigned unit_blocks(const struct nn_conv *c, size_t unit)
{
        return MIN((unsigned)NN_TILE_MAX_BLOCKS, c->n_kb - (unsigned)unit * NN_TILE_MAX_BLOCKS);
}

/* Taps of a few channels, turned so that those of a block's filters lie beside each other. */
#define STRIP_FLOATS (4096)

/* Out of all taps of a channel [r * s][V], those of one phase, with zeros where the kernel has none. */
static void get_phase(const struct nn_conv *c, unsigned phase, const float *taps, float *ret)
{
        const struct nn_conv_desc *d = &c->d;
        unsigned n = taps_of(d), stride = d->stride[0], first_row = phase / stride, first_column = phase % stride;

        memset(ret, 0, (size_t)n * n * c->b * sizeof(*ret));
        for (unsigned row = first_row, i = 0; row < d->r; row += stride, i += n)
                for (unsigned column = first_column, j = 0; column < d->s; column += stride, j++)
                        memcpy(ret + (i + j) * c->b, taps + (row * d->s + column) * c->b, c->b * sizeof(*ret));
}

/* The transformed filters of output block @block for @channel to their places. */
static void put_filters(struct nn_conv *c, unsigned block, unsigned channel, const float *taps)
{
        unsigned unit = block / NN_TILE_MAX_BLOCKS, width = unit_blocks(c, unit) * c->b, phases = phases_of(&c->d);
        unsigned first = channel - channel % c->b, lanes = MIN(c->b, c->d.c - first);
        float of_phase[NN_WINOGRAD_MAX_TAPS * NN_WINOGRAD_MAX_TAPS * NN_MAX_BLOCK];

        for (unsigned phase = 0; phase < phases; phase++) {
                size_t at = (size_t)first * phases + phase * lanes + channel % c->b;
                float *to = c->weights + unit_weights(c, unit) + at * width + block % NN_TILE_MAX_BLOCKS * c->b;

                if (phases > 1)
                        get_phase(c, phase, taps, of_phase);
                c->ops->winograd->filter[side_of(c) - NN_WINOGRAD_MIN_SIDE][c->tile - NN_WINOGRAD_MIN_TILE](
                        phases > 1 ? of_phase : taps, to, (size_t)c->d.c * phases * width);
        }
}

static void winograd_pack(struct nn_conv *c, unsigned block, const float *weights)
{
        const struct nn_conv_desc *d = &c->d;
        size_t taps = (size_t)d->r * d->s, row = d->c * taps;
        unsigned filters = MIN(c->b, d->k - block * c->b), at_once = (unsigned)(STRIP_FLOATS / (taps * c->b));
        float strip[STRIP_FLOATS];

        weights += (size_t)block * c->b * row;
        for (unsigned i = 0; i < d->c; i += at_once) {
                unsigned n = MIN(at_once, d->c - i);

                c->ops->map->turn(filters, n * taps, weights + i * taps, row, strip, c->b);
                for (unsigned k = 0; k < n; k++)
                        put_filters(c, block, i + k, strip + k * taps * c->b);
        }
}

static int winograd_prepare(struct nn_conv *c)
{
        size_t kc;

        if (__builtin_mul_overflow((size_t)c->n_kb * c->b, (size_t)c->d.c * phases_of(&c->d), &kc) ||
            __builtin_mul_overflow(kc, (size_t)points_of(c), &c->n_weights))
                return -ENOMEM;
        c->n_units = div_up(c->n_kb, NN_TILE_MAX_BLOCKS);
        c->n_packs = c->n_kb;
        snprintf(c->name, sizeof(c->name), "winograd %ux%u", c->tile, c->tile);
        if (c->d.r != 3 || c->d.stride[0] != 1)
                snprintf(c->name, sizeof(c->name), "winograd %ux%u of %ux%u%s", c->tile, c->tile, c->d.r, c->d.s,
                         c->d.stride[0] == 2 ? "/2" : "");
        return 0;
}

/* Tiles of a group: even groups, no more than a register tile holds, and enough groups for @threads. */
static size_t group_size(const struct nn_conv *c, unsigned threads)
{
        size_t tiles = n_tiles(&c->d, c->tile), groups = div_up(tiles, c->ops->tile->max_pixels);

        if (groups < threads)
                groups = MIN((size_t)threads, tiles);
        return div_up(tiles, groups);
}

/* One thread's: transformed inputs [point][block][phase][tile][V], sums of one unit [point][block][tile][V], a tile with
 * its border made real, and zeros to stand for the bias of the sums. */
static size_t v_floats(const struct nn_conv *c, size_t group)
{
        return points_of(c) * phases_of(&c->d) * nn_round_up(c->d.c, c->b) * group;
}

static size_t m_floats(const struct nn_conv *c, size_t group)
{
        return points_of(c) * NN_TILE_MAX_BLOCKS * c->b * group;
}

static size_t thread_floats(const struct nn_conv *c, size_t group)
{
        return nn_round_up(v_floats(c, group) + m_floats(c, group) + (MAX_SIDE * MAX_SIDE + NN_TILE_MAX_BLOCKS) * c->b,
                           16);
}

static size_t winograd_scratch_bytes(const struct nn_conv *c, unsigned threads)
{
        return threads * thread_floats(c, group_size(c, 1)) * sizeof(float);
}

struct job {
        const struct nn_conv *c;
        const struct nn_conv_call *call;
        size_t tiles, group, rows, columns; /* tiles in the batch, in a group; of an image */
};

struct place {
        size_t image, y, x; /* of the tile's first output pixel */
};

static struct place place_of(const struct job *job, size_t tile)
{
        size_t per_image = job->rows * job->columns, i = tile % per_image;

        return (struct place){ tile / per_image, i / job->columns * job->c->tile, i % job->columns * job->c->tile };
}

/* Transforms tile @index of a group of @n, all channels of one phase. */
static void transform_phase(const struct job *job, unsigned phase, size_t tile, size_t index, size_t n, float *v,
                            float *border)
{
        const struct nn_conv *c = job->c;
        const struct nn_conv_desc *d = &c->d;
        struct place at = place_of(job, tile);
        unsigned stride = d->stride[0], phases = phases_of(d);
        long row = (long)(at.y * stride + phase / stride) - (long)d->pad[0];
        long column = (long)(at.x * stride + phase % stride) - (long)d->pad[1];
        size_t blocks = div_up(d->c, c->b), plane = (size_t)d->h * d->w * c->b, side = side_of(c);
        size_t reach = (side - 1) * stride + 1;
        const float *x = job->call->x + at.image * blocks * plane;
        bool inside = row >= 0 && column >= 0 && (size_t)row + reach <= d->h && (size_t)column + reach <= d->w;
        struct nn_winograd_border edge = {
                .h = d->h, .w = d->w, .row = row, .column = column, .stride = stride, .to = border
        };
        struct nn_winograd_input p = {
                .x = border, .x_row = side * c->b, .x_step = c->b, .v_point = blocks * phases * n * c->b
        };

        for (size_t i = 0; i < blocks; i++, x += plane) {
                if (inside) {
                        p.x = x + ((size_t)row * d->w + (size_t)column) * c->b;
                        p.x_row = (size_t)d->w * stride * c->b;
                        p.x_step = stride * c->b;
                } else {
                        edge.x = x;
                        c->ops->winograd->border((unsigned)side, &edge);
                }
                p.v = v + ((i * phases + phase) * n + index) * c->b;
                c->ops->winograd->input[side - NN_WINOGRAD_MIN_SIDE](&p);
        }
}

/* The sums over channels of one unit of output blocks at every point. */
static void multiply(const struct nn_conv *c, size_t unit, size_t n, const float *v, const float *zeros, float *m)
{
        unsigned blocks = unit_blocks(c, unit), outer = (unsigned)div_up(c->d.c, c->b), phases = phases_of(&c->d);
        nn_tile_fn fn = nn_conv_tile(c, NN_STEP_BLOCK, 1, (unsigned)unit * NN_TILE_MAX_BLOCKS, blocks, (unsigned)n);
        struct nn_tile t = {
                .w = c->weights + unit_weights(c, unit),
                .bias = zeros,
                .y_block = n * c->b,
                .n_outer = outer,
                .n_r = phases,
                .r_end = phases,
                .n_s = 1,
                .lanes = c->b,
                .last_lanes = c->d.c - (outer - 1) * c->b,
                .x_outer = phases * n * c->b,
                .x_r = n * c->b,
                .x_step = c->b,
        };

        for (unsigned p = 0; p < points_of(c); p++) {
                t.x = v + p * outer * phases * n * c->b;
                t.y = m + p * NN_TILE_MAX_BLOCKS * n * c->b;
                fn(&t);
                t.w += (size_t)c->d.c * phases * blocks * c->b;
        }
}

static void transform_output(const struct job *job, size_t unit, size_t tile, size_t index, size_t n, const float *m)
{
        const struct nn_conv *c = job->c;
        struct place at = place_of(job, tile);
        struct nn_winograd_output p = {
                .m_point = NN_TILE_MAX_BLOCKS * n * c->b,
                .y_row = (size_t)c->out_w * c->b,
                .rows = (unsigned)MIN((size_t)c->tile, c->out_h - at.y),
                .columns = (unsigned)MIN((size_t)c->tile, c->out_w - at.x),
                .clamp = c->clamp && c->d.act.kind != NN_ACT_NONE,
                .lo = c->lo,
                .hi = c->hi,
        };

        for (unsigned i = 0; i < unit_blocks(c, unit); i++) {
                size_t block = unit * NN_TILE_MAX_BLOCKS + i;
                size_t to = ((at.image * c->n_kb + block) * c->out_h + at.y) * p.y_row + at.x * c->b;

                p.m = m + (i * n + index) * c->b;
                p.bias = c->bias + block * c->b;
                p.y = job->call->y + to;
                p.residual = job->call->residual ? job->call->residual + to : NULL;
                c->ops->winograd->output[side_of(c) - NN_WINOGRAD_MIN_SIDE][c->tile - NN_WINOGRAD_MIN_TILE](&p);
        }
}

static void run_group(void *userdata, unsigned part, unsigned thread)
{
        const struct job *job = userdata;
        const struct nn_conv *c = job->c;
        size_t first = part * job->group, n = MIN(job->group, job->tiles - first);
        float *v = (float *)job->call->scratch + thread * thread_floats(c, job->group);
        float *m = v + v_floats(c, job->group), *border = m + m_floats(c, job->group);
        float *zeros = border + MAX_SIDE * MAX_SIDE * c->b;

        memset(zeros, 0, NN_TILE_MAX_BLOCKS * c->b * sizeof(float));
        for (size_t i = 0; i < n; i++)
                for (unsigned phase = 0; phase < phases_of(&c->d); phase++)
                        transform_phase(job, phase, first + i, i, n, v, border);
        for (size_t unit = 0; unit < c->n_units; unit++) {
                multiply(c, unit, n, v, zeros, m);
                for (size_t i = 0; i < n; i++)
                        transform_output(job, unit, first + i, i, n, m);
        }
}

static void finish_plane(void *userdata, unsigned part, unsigned thread)
{
        const struct job *job = userdata;
        size_t pixels = (size_t)job->c->out_h * job->c->out_w;

        nn_conv_finish(job->c, part % job->c->n_kb, pixels, job->call->y + part * pixels * job->c->b);
}

static void winograd_run(const struct nn_conv *c, const struct nn_conv_call *call)
{
        struct job job = {
                .c = c,
                .call = call,
                .tiles = n_tiles(&c->d, c->tile),
                .group = group_size(c, nn_pool_threads(call->pool)),
                .rows = div_up(c->out_h, c->tile),
                .columns = div_up(c->out_w, c->tile),
        };

        nn_pool_run(call->pool, (unsigned)div_up(job.tiles, job.group), run_group, &job);
        if (!c->clamp)
                nn_pool_run(call->pool, c->d.n * c->n_kb, finish_plane, &job);
}

const struct nn_conv_way nn_conv_winograd = {
        .prepare = winograd_prepare,
        .pack = winograd_pack,
        .scratch_bytes = winograd_scratch_bytes,
        .run = winograd_run,
};
