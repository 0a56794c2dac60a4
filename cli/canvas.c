/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "cli/canvas.h"

struct canvas *canvas_free(struct canvas *c)
{
        if (!c)
                return NULL;
        free(c->pixels);
        free(c);
        return NULL;
}

/* Mean of a block of the source. */
static uint8_t block_mean(const uint8_t *gray, unsigned stride, unsigned x0, unsigned x1, unsigned y0, unsigned y1)
{
        uint64_t sum = 0;

        for (unsigned y = y0; y < y1; y++)
                for (unsigned x = x0; x < x1; x++)
                        sum += gray[(size_t)y * stride + x];
        return (uint8_t)(sum / ((uint64_t)(x1 - x0) * (y1 - y0)));
}

int canvas_new(const uint8_t *gray, unsigned src_width_px, unsigned src_height_px, unsigned width_px,
               unsigned height_px, struct canvas **ret)
{
        _cleanup_(canvas_freep) struct canvas *c = calloc(1, sizeof(*c));

        if (!src_width_px || !src_height_px || !width_px || !height_px)
                return -EINVAL;
        if (!c)
                return -ENOMEM;
        c->width_px = width_px;
        c->height_px = height_px;
        c->pixels = calloc((size_t)width_px * height_px, sizeof(*c->pixels));
        if (!c->pixels)
                return -ENOMEM;
        for (unsigned y = 0; y < height_px; y++) {
                unsigned y0 = (unsigned)((uint64_t)y * src_height_px / height_px);
                unsigned y1 = MAX((unsigned)((uint64_t)(y + 1) * src_height_px / height_px), y0 + 1);

                for (unsigned x = 0; x < width_px; x++) {
                        unsigned x0 = (unsigned)((uint64_t)x * src_width_px / width_px);
                        unsigned x1 = MAX((unsigned)((uint64_t)(x + 1) * src_width_px / width_px), x0 + 1);

                        memset(c->pixels[(size_t)y * width_px + x], block_mean(gray, src_width_px, x0, x1, y0, y1), 3);
                }
        }
        *ret = STEAL(c);
        return 0;
}

void canvas_fit(unsigned src_width_px, unsigned src_height_px, unsigned max_width_px, unsigned max_height_px,
                unsigned *ret_width_px, unsigned *ret_height_px)
{
        double scale = fmin(1, fmin((double)max_width_px / src_width_px, (double)max_height_px / src_height_px));

        *ret_width_px = MAX((unsigned)(src_width_px * scale), 1u);
        *ret_height_px = MAX((unsigned)(src_height_px * scale) & ~1u, 2u);
}

void canvas_point(struct canvas *c, double x, double y, struct canvas_colour colour)
{
        /* written so that a NaN is not in it */
        if (!(x >= -0.5 && x < c->width_px - 0.5 && y >= -0.5 && y < c->height_px - 0.5))
                return;
        memcpy(c->pixels[(size_t)(y + 0.5) * c->width_px + (size_t)(x + 0.5)],
               (uint8_t[3]){ colour.r, colour.g, colour.b }, 3);
}

void canvas_box(struct canvas *c, double x, double y, double width, double height, struct canvas_colour colour)
{
        double right = x + width, bottom = y + height;

        if (!isfinite(x) || !isfinite(y) || !(width >= 0) || !(height >= 0) || !isfinite(right) || !isfinite(bottom))
                return;
        for (double u = fmax(x, 0); u <= fmin(right, c->width_px); u++) {
                canvas_point(c, u, y, colour);
                canvas_point(c, u, bottom, colour);
        }
        for (double v = fmax(y, 0); v <= fmin(bottom, c->height_px); v++) {
                canvas_point(c, x, v, colour);
                canvas_point(c, right, v, colour);
        }
}

/* Index in the palette of 256: 24 greys, from 8 to 238, with black and white beside them. */
static unsigned grey_index(const uint8_t *p)
{
        unsigned luma = (77u * p[0] + 150u * p[1] + 29u * p[2]) >> 8;

        return luma < 4 ? 16 : luma > 246 ? 231 : 232 + MIN((luma - 4) / 10, 23u);
}

static void print_colour(const uint8_t *p, bool upper, enum canvas_depth depth, FILE *f)
{
        if (depth == CANVAS_TRUE)
                fprintf(f, "\033[%d;2;%u;%u;%um", upper ? 38 : 48, p[0], p[1], p[2]);
        else
                fprintf(f, "\033[%d;5;%um", upper ? 38 : 48, grey_index(p));
}

static bool same_colour(const uint8_t *a, const uint8_t *b, enum canvas_depth depth)
{
        return a && (depth == CANVAS_TRUE ? memcmp(a, b, 3) == 0 : grey_index(a) == grey_index(b));
}

void canvas_print(const struct canvas *c, enum canvas_depth depth, bool clear, FILE *f)
{
        for (unsigned y = 0; y + 1 < c->height_px; y += 2) {
                const uint8_t *upper = NULL, *lower = NULL; /* the colours that are set */

                for (unsigned x = 0; x < c->width_px; x++) {
                        const uint8_t *u = c->pixels[(size_t)y * c->width_px + x];
                        const uint8_t *l = c->pixels[(size_t)(y + 1) * c->width_px + x];

                        if (!same_colour(upper, u, depth))
                                print_colour(upper = u, true, depth, f);
                        if (!same_colour(lower, l, depth))
                                print_colour(lower = l, false, depth, f);
                        fputs("\u2580", f); /* the upper half of a cell */
                }
                fprintf(f, "\033[0m%s\n", clear ? "\033[K" : "");
        }
}
