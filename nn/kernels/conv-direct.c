/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * Direct convolution by register tiles. Padding is made real in a copy of the input, one image at a time, so that
 * the tiles need no borders. Groups are served by the channels that an output block's groups read: where a block
 * holds several groups its weights are zero for the channels of the others.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/kernels/conv-priv.h"

struct nn_conv_frame nn_conv_frame(const struct nn_conv *c)
{
        const struct nn_conv_desc *d = &c->d;
        bool blocked = c->in == NN_BLOCKED;

        return (struct nn_conv_frame){
                .h = (size_t)d->h + d->pad[0] + d->pad[2],
                .w = (size_t)d->w + d->pad[1] + d->pad[3],
                .pixel = blocked ? c->b : 1,
                .planes = blocked ? nn_round_up(d->c, c->b) / c->b : d->c,
                .copied = d->pad[0] || d->pad[1] || d->pad[2] || d->pad[3],
        };
}

void nn_conv_frame_copy(const struct nn_conv *c, const struct nn_conv_frame *f, size_t plane, const float *x, float *to)
{
        const struct nn_conv_desc *d = &c->d;
        size_t row = d->w * f->pixel, left = d->pad[1] * f->pixel, right = d->pad[3] * f->pixel;

        x += plane * d->h * row;
        to += plane * f->h * f->w * f->pixel;
        memset(to, 0, d->pad[0] * f->w * f->pixel * sizeof(float));
        to += d->pad[0] * f->w * f->pixel;
        for (unsigned i = 0; i < d->h; i++, x += row) {
                memset(to, 0, left * sizeof(float));
                to += left;
                memcpy(to, x, row * sizeof(float));
                to += row;
                memset(to, 0, right * sizeof(float));
                to += right;
        }
        memset(to, 0, d->pad[2] * f->w * f->pixel * sizeof(float));
}

/* Channels that output block @block reads. */
static struct nn_conv_unit unit_of(const struct nn_conv *c, unsigned block)
{
        const struct nn_conv_desc *d = &c->d;
        unsigned per_k = d->k / d->groups, per_c = d->c / d->groups;
        unsigned k_last = MIN((block + 1) * c->b, d->k) - 1;
        unsigned first = block * c->b / per_k * per_c, end = (k_last / per_k + 1) * per_c;

        if (c->in == NN_BLOCKED)
                first -= first % c->b;
        return (struct nn_conv_unit){ .block = block, .n_blocks = 1, .first = first, .count = end - first };
}

static int make_units(struct nn_conv *c)
{
        size_t taps = (size_t)c->d.r * c->d.s, total = 0;

        c->units = calloc(c->n_kb, sizeof(*c->units));
        if (!c->units)
                return -ENOMEM;
        for (unsigned block = 0; block < c->n_kb; block++) {
                struct nn_conv_unit u = unit_of(c, block);
                struct nn_conv_unit *last = c->n_units ? &c->units[c->n_units - 1] : NULL;

                if (last && last->n_blocks < NN_TILE_MAX_BLOCKS && last->first == u.first && last->count == u.count)
                        last->n_blocks++;
                else
                        c->units[c->n_units++] = u;
        }
        for (size_t i = 0; i < c->n_units; i++) {
                c->units[i].weights = total;
                total += taps * c->units[i].count * c->units[i].n_blocks * c->b;
        }
        c->n_weights = total;
        return 0;
}

/* Where the sums find the first tap of the @i-th channel of a unit, and how far on each next tap is: the order of
 * nn_tile. */
static size_t weight_index(const struct nn_conv *c, const struct nn_conv_unit *u, unsigned i, size_t *ret_step)
{
        size_t taps = (size_t)c->d.r * c->d.s, b = c->b, outer = i / b;

        if (c->in == NN_PLAIN) {
                *ret_step = 1;
                return i * taps;
        }
        *ret_step = MIN(b, u->count - outer * b);
        return outer * b * taps + i % b;
}

/* Taps of a few channels, turned so that those of a block's filters lie beside each other. */
#define STRIP_FLOATS 4096

/* Filters that read all channels, as most do, and whose taps fit a strip. */
static bool is_whole(const struct nn_conv *c)
{
        return c->d.groups == 1 && (size_t)c->d.r * c->d.s * c->b <= STRIP_FLOATS;
}

static void pack_whole(struct nn_conv *c, const struct nn_conv_unit *u, const float *weights)
{
        const struct nn_conv_desc *d = &c->d;
        size_t taps = (size_t)d->r * d->s, row = d->c * taps, width = (size_t)u->n_blocks * c->b;
        unsigned at_once = (unsigned)(STRIP_FLOATS / (taps * c->b));
        float strip[STRIP_FLOATS];

        for (unsigned block = 0; block < u->n_blocks; block++) {
                unsigned k = (u->block + block) * c->b;

                for (unsigned i = 0; i < d->c; i += at_once) {
                        unsigned n = MIN(at_once, d->c - i);
                        const float *from = strip;

                        c->ops->map->turn(MIN(c->b, d->k - k), n * taps, weights + k * row + i * taps, row, strip,
                                          c->b);
                        for (unsigned j = i; j < i + n; j++) {
                                size_t step, at = weight_index(c, u, j, &step);
                                float *to = c->weights + u->weights + at * width + block * c->b;

                                for (size_t t = 0; t < taps; t++, to += step * width, from += c->b)
                                        memcpy(to, from, c->b * sizeof(*to));
                        }
                }
        }
}

static void direct_pack(struct nn_conv *c, unsigned part, const float *weights)
{
        const struct nn_conv_desc *d = &c->d;
        const struct nn_conv_unit *u = &c->units[part];
        unsigned per_k = d->k / d->groups, per_c = d->c / d->groups, width = u->n_blocks * c->b;
        unsigned start = u->block * c->b, end = MIN(start + width, d->k);
        size_t taps = (size_t)d->r * d->s;

        if (!c->sparse) {
                pack_whole(c, u, weights);
                return;
        }
        for (unsigned k = start; k < end; k++) {
                unsigned first = k / per_k * per_c;
                const float *w = weights + (size_t)k * per_c * taps;

                for (unsigned j = 0; j < per_c; j++) {
                        size_t step, at = weight_index(c, u, first + j - u->first, &step);
                        float *to = c->weights + u->weights + at * width + k - start;

                        for (size_t t = 0; t < taps; t++, to += step * width)
                                *to = *w++;
                }
        }
}

static int direct_prepare(struct nn_conv *c)
{
        int r = make_units(c);

        if (r < 0)
                return r;
        c->n_packs = (unsigned)c->n_units;
        c->sparse = !is_whole(c);
        snprintf(c->name, sizeof(c->name), "direct %ux%u%s", c->d.r, c->d.s, c->in == NN_PLAIN ? " plain" : "");
        return 0;
}

static size_t frame_floats(const struct nn_conv *c)
{
        struct nn_conv_frame f = nn_conv_frame(c);

        return f.copied ? nn_round_up(f.planes * f.h * f.w * f.pixel, 16) : 0;
}

/* One copy of the input per image that is worked on at a time. */
static size_t direct_scratch_bytes(const struct nn_conv *c, unsigned threads)
{
        return frame_floats(c) * MIN(threads, c->d.n) * sizeof(float);
}

/* What one image's parts share. */
struct image {
        const struct nn_conv *c;
        struct nn_conv_frame frame;
        const float *x, *residual;
        float *y, *copy;
        unsigned rows, columns; /* of the output, or 1 row of all pixels for 1x1 kernels */
        unsigned n_chunks;      /* of rows, per unit */
        unsigned tile_rows, tile_columns;
        enum nn_step step;
};

static void plan_tiles(struct image *im)
{
        const struct nn_conv *c = im->c;
        const struct nn_conv_desc *d = &c->d;
        unsigned max = c->ops->tile->max_pixels, stride = d->stride[1];
        bool blocked = c->in == NN_BLOCKED;

        im->rows = c->out_h;
        im->columns = c->out_w;
        if (d->r == 1 && d->s == 1 && d->stride[0] == 1 && d->stride[1] == 1 && !im->frame.copied) {
                im->columns *= im->rows;
                im->rows = 1;
        }
        im->step = stride > 2    ? NN_STEP_ANY
                   : blocked     ? (stride == 1 ? NN_STEP_BLOCK : NN_STEP_2_BLOCKS)
                   : stride == 1 ? NN_STEP_1
                                 : NN_STEP_2;
        while (!c->ops->tile->fn[im->step][0][0][max - 1])
                max--;
        /* few columns: the number of rows that leaves the fewest tiles */
        im->tile_rows = 1;
        for (unsigned r = 2; r <= NN_TILE_MAX_ROWS && im->columns <= max; r++)
                if (c->ops->tile->fn[im->step][r - 1][0][im->columns - 1] &&
                    (im->rows + r - 1) / r < (im->rows + im->tile_rows - 1) / im->tile_rows)
                        im->tile_rows = r;
        /* tiles of even width rather than full ones and a small rest */
        unsigned n = (im->columns + max - 1) / max;
        im->tile_columns = (im->columns + n - 1) / n;
}

static void fill_tile(const struct image *im, const struct nn_conv_unit *u, struct nn_tile *t)
{
        const struct nn_conv *c = im->c;
        const struct nn_conv_desc *d = &c->d;
        const struct nn_conv_frame *f = &im->frame;
        size_t row = f->w * f->pixel;

        *t = (struct nn_tile){
                .w = c->weights + u->weights,
                .bias = c->bias + (size_t)u->block * c->b,
                .y_block = (size_t)c->out_h * c->out_w * c->b,
                .y_row = (size_t)im->columns * c->b,
                .n_r = d->r,
                .x_outer = f->h * row,
                .x_r = d->dilation[0] * row,
                .x_s = d->dilation[1] * f->pixel,
                .x_row = d->stride[0] * row,
                .x_step = d->stride[1] * f->pixel,
                .clamp = c->clamp && c->d.act.kind != NN_ACT_NONE,
                .lo = c->lo,
                .hi = c->hi,
        };
        if (c->in == NN_BLOCKED) {
                t->n_outer = (u->count + c->b - 1) / c->b;
                t->n_s = d->s;
                t->lanes = c->b;
                t->last_lanes = u->count - (t->n_outer - 1) * c->b;
        } else {
                t->n_outer = u->count;
                t->n_s = d->dilation[1] == 1 ? 1 : d->s;
                t->lanes = t->last_lanes = d->dilation[1] == 1 ? d->s : 1;
        }
}

/* The rows of taps that meet the input under any of the output rows row..end-1: under the others lie zeros. */
static void tap_rows(const struct nn_conv_desc *d, unsigned row, unsigned end, struct nn_tile *t)
{
        uint64_t below = (uint64_t)d->h + d->pad[0], first = (uint64_t)row * d->stride[0];
        uint64_t last = (uint64_t)(end - 1) * d->stride[0];

        t->r_first = last < d->pad[0] ? (unsigned)((d->pad[0] - last + d->dilation[0] - 1) / d->dilation[0]) : 0;
        t->r_end = first < below ? (unsigned)MIN((below - first - 1) / d->dilation[0] + 1, (uint64_t)d->r) : 0;
        t->r_first = MIN(t->r_first, t->r_end);
}

/* Output rows row..end-1 of one unit. */
static void run_rows(const struct image *im, const struct nn_conv_unit *u, unsigned row, unsigned end)
{
        const struct nn_conv *c = im->c;
        struct nn_tile t;
        const float *x = im->frame.copied ? im->copy : im->x;

        fill_tile(im, u, &t);
        x += u->first / im->frame.pixel * t.x_outer;
        for (unsigned n_rows; row < end; row += n_rows) {
                n_rows = MIN(im->tile_rows, end - row);
                size_t at = (size_t)u->block * t.y_block + row * t.y_row;

                tap_rows(&c->d, row, row + n_rows, &t);
                for (unsigned j = 0; j < im->columns; j += im->tile_columns) {
                        unsigned n = MIN(im->tile_columns, im->columns - j);
                        nn_tile_fn fn = nn_conv_tile(c, im->step, n_rows, u->block, u->n_blocks, n);

                        t.x = x + row * t.x_row + j * t.x_step;
                        t.y = im->y + at + (size_t)j * c->b;
                        t.residual = im->residual ? im->residual + at + (size_t)j * c->b : NULL;
                        fn(&t);
                }
                for (unsigned k = 0; k < u->n_blocks; k++)
                        nn_conv_finish(c, u->block + k, (size_t)n_rows * im->columns, im->y + at + k * t.y_block);
        }
}

static void run_part(void *userdata, unsigned part, unsigned thread)
{
        struct image *im = userdata;
        const struct nn_conv_unit *u = &im->c->units[part / im->n_chunks];
        unsigned strips = (im->rows + im->tile_rows - 1) / im->tile_rows, chunk = part % im->n_chunks;

        run_rows(im, u, strips * chunk / im->n_chunks * im->tile_rows,
                 MIN(strips * (chunk + 1) / im->n_chunks * im->tile_rows, im->rows));
}

static void copy_part(void *userdata, unsigned part, unsigned thread)
{
        struct image *im = userdata;

        nn_conv_frame_copy(im->c, &im->frame, part, im->x, im->copy);
}

static void run_image(struct image *im, struct nn_pool *pool)
{
        unsigned threads = nn_pool_threads(pool), n_units = (unsigned)im->c->n_units;

        im->n_chunks = 1;
        if (threads > 1 && n_units < 4 * threads)
                im->n_chunks = MAX(MIN(4 * threads / n_units, (im->rows + im->tile_rows - 1) / im->tile_rows), 1u);
        if (im->frame.copied)
                nn_pool_run(pool, (unsigned)im->frame.planes, copy_part, im);
        nn_pool_run(pool, n_units * im->n_chunks, run_part, im);
}

/* The batch's parts are whole images when there are enough of them for all threads. */
struct batch {
        const struct nn_conv_call *call;
        struct image image;
};

static void nth_image(const struct batch *b, unsigned i, unsigned copy, struct image *ret)
{
        const struct nn_conv *c = b->image.c;
        const struct nn_conv_frame *f = &b->image.frame;
        size_t in = f->planes * c->d.h * c->d.w * f->pixel, out = (size_t)c->n_kb * c->b * c->out_h * c->out_w;

        *ret = b->image;
        ret->x = b->call->x + i * in;
        ret->y = b->call->y + i * out;
        ret->residual = b->call->residual ? b->call->residual + i * out : NULL;
        ret->copy = f->copied ? (float *)b->call->scratch + copy * frame_floats(c) : NULL;
}

static void image_part(void *userdata, unsigned part, unsigned thread)
{
        struct image im;

        nth_image(userdata, part, thread, &im);
        run_image(&im, NULL);
}

static void direct_run(const struct nn_conv *c, const struct nn_conv_call *call)
{
        struct batch b = { .call = call, .image = { .c = c, .frame = nn_conv_frame(c) } };

        plan_tiles(&b.image);
        if (c->d.n >= nn_pool_threads(call->pool)) {
                nn_pool_run(call->pool, c->d.n, image_part, &b);
                return;
        }
        for (unsigned i = 0; i < c->d.n; i++) {
                struct image im;

                nth_image(&b, i, 0, &im);
                run_image(&im, call->pool);
        }
}

const struct nn_conv_way nn_conv_direct = {
        .prepare = direct_prepare,
        .pack = direct_pack,
        .scratch_bytes = direct_scratch_bytes,
        .run = direct_run,
};
