/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/image.h"
#include "nn/kernels/warp.h"

/* Columns of a resized row that are summed together; keeps the sums on the stack. */
#define RESIZE_TILE 64u

static bool image_is_valid(const struct nn_image *im)
{
        return im->data && im->width_px && im->height_px && im->stride_bytes >= im->width_px;
}

/* Between four pixels, two in line @a and two in line @b. */
static inline float between(const uint8_t *a, const uint8_t *b, int x0, int x1, float fx, float fy)
{
        float top = a[x0] + fx * ((float)a[x1] - a[x0]);
        float bottom = b[x0] + fx * ((float)b[x1] - b[x0]);

        return top + fy * (bottom - top);
}

/* The same where all four pixels are known to be there. */
static inline float sample_inside(const struct nn_image *im, float x, float y)
{
        int x0 = (int)x, y0 = (int)y;
        const uint8_t *a = im->data + (size_t)y0 * im->stride_bytes;

        return between(a, a + im->stride_bytes, x0, x0 + 1, x - (float)x0, y - (float)y0);
}

/* How many samples a step of length (@dx, @dy) in the source needs so that none of its pixels is jumped over. */
static unsigned n_samples(double dx, double dy)
{
        /* a ratio of 2 + rounding error is 2, not 3 */
        double n = ceil(hypot(dx, dy) - 1e-6);

        return n < 1 ? 1 : n > NN_WARP_MAX_SAMPLES ? NN_WARP_MAX_SAMPLES : (unsigned)n;
}

/* True if every sample of a destination of this size has four pixels about it, and @more_px to their right: its corners,
 * on a line each, have. */
static bool is_inside(const struct nn_image *src, const double *m, unsigned width_px, unsigned height_px,
                      unsigned more_px)
{
        /* what a rounding error might do near the edge is left to the careful way */
        double max_x = src->width_px - 1.01 - more_px, max_y = src->height_px - 1.01;

        for (unsigned i = 0; i < 4; i++) {
                double xd = i % 2 ? width_px - 0.5 : -0.5, yd = i / 2 ? height_px - 0.5 : -0.5;
                double x = m[0] * xd + m[1] * yd + m[2], y = m[3] * xd + m[4] * yd + m[5];

                if (!(x >= 0 && x <= max_x && y >= 0 && y <= max_y))
                        return false;
        }
        return true;
}

static void grid_init(struct nn_warp_grid *g, const double *m)
{
        g->nx = n_samples(m[0], m[3]);
        g->ny = n_samples(m[1], m[4]);
        g->weight = 1.f / (float)(g->nx * g->ny);
        for (unsigned i = 0; i < g->nx; i++)
                g->x[i] = (i + 0.5) / g->nx - 0.5;
        for (unsigned i = 0; i < g->ny; i++)
                g->y[i] = (i + 0.5) / g->ny - 0.5;
}

/* Sum of the samples of pixel (@x, @y). */
__attribute__((always_inline)) static inline float sum_samples(const struct nn_image *src, const double *m,
                                                               const struct nn_warp_grid *g, unsigned x, unsigned y,
                                                               bool inside)
{
        float sum = 0;

        for (unsigned j = 0; j < g->ny; j++) {
                double yd = y + g->y[j], row_x = m[1] * yd + m[2], row_y = m[4] * yd + m[5];

                for (unsigned i = 0; i < g->nx; i++) {
                        double xd = x + g->x[i];
                        float xs = (float)(m[0] * xd + row_x), ys = (float)(m[3] * xd + row_y);

                        sum += inside ? sample_inside(src, xs, ys) : nn_image_sample(src, xs, ys);
                }
        }
        return sum;
}

/* By enum nn_isa; where there is none, plain C is as good. 16 pixels at a time are no faster than 8. */
static const struct nn_warp_ops *const warp_ops[NN_N_ISAS] = {
#if defined(__aarch64__)
        [NN_ISA_NEON] = &nn_warp_ops_neon,
#endif
#if defined(__x86_64__)
        [NN_ISA_AVX2] = &nn_warp_ops_avx2,
        [NN_ISA_AVX512] = &nn_warp_ops_avx2,
#endif
};

/* Return: false if this processor or this map needs the plain way. */
static bool warp_fast(const struct nn_image *src, const double *m, const struct nn_warp_grid *g, unsigned width_px,
                      unsigned height_px, float *ret)
{
        const struct nn_warp_ops *ops = warp_ops[nn_isa_best()];

        if (!ops || width_px < ops->lanes || src->stride_bytes * src->height_px > INT_MAX ||
            !is_inside(src, m, width_px, height_px, ops->more_px))
                return false;
        for (unsigned y = 0; y < height_px; y++, ret += width_px)
                for (unsigned x = 0; x < width_px; x += ops->lanes) {
                        /* the last ones may be some of those before */
                        unsigned at = MIN(x, width_px - ops->lanes);

                        ops->pixels(src, m, g, at, y, ret + at);
                }
        return true;
}

int nn_image_warp(const struct nn_image *src, const struct nn_affine *map, unsigned width_px, unsigned height_px,
                  float *ret)
{
        struct nn_warp_grid g;

        if (!image_is_valid(src))
                return -EINVAL;
        for (size_t i = 0; i < 6; i++)
                if (!isfinite(map->m[i]))
                        return -EINVAL;

        grid_init(&g, map->m);
        if (warp_fast(src, map->m, &g, width_px, height_px, ret))
                return 0;
        /* two loops, so that the one that is nearly always taken has no more than it needs */
        if (is_inside(src, map->m, width_px, height_px, 0)) {
                for (unsigned i = 0, y = 0; y < height_px; y++)
                        for (unsigned x = 0; x < width_px; x++)
                                ret[i++] = g.weight * sum_samples(src, map->m, &g, x, y, true);
                return 0;
        }
        for (unsigned i = 0, y = 0; y < height_px; y++)
                for (unsigned x = 0; x < width_px; x++)
                        ret[i++] = g.weight * sum_samples(src, map->m, &g, x, y, false);
        return 0;
}

/* One destination pixel's share of a source line: pixels first..last, the ends with a weight of their own. */
struct span {
        unsigned first, last;
        float w_first, w_inner, w_last;
};

/* The span of destination pixel @i of @n over @n_src source pixels; its weights add up to 1. */
static struct span span_of(unsigned i, unsigned n, unsigned n_src)
{
        double ratio = (double)n_src / n;

        if (ratio > 1) { /* shrinking: the area that the pixel covers */
                double a = i * ratio, b = (i + 1) * ratio;
                unsigned first = (unsigned)a, last = (unsigned)ceil(b) - 1;

                if (last >= n_src)
                        last = n_src - 1;
                return (struct span){ .first = first,
                                      .last = last,
                                      .w_first = (float)((first + 1 - a) / ratio),
                                      .w_inner = (float)(1 / ratio),
                                      .w_last = (float)((b - last) / ratio) };
        }
        /* enlarging: between the two nearest pixel centres */
        double c = (i + 0.5) * ratio - 0.5;
        unsigned first = c < 0 ? 0 : (unsigned)c;
        unsigned last = first + 1 < n_src ? first + 1 : first;
        /* beyond the outer pixel centres the border repeats */
        float f = c < 0 || last == first ? 0.f : (float)(c - first);

        return (struct span){ .first = first, .last = last, .w_first = 1 - f, .w_last = f };
}

/* Adds @weight times the resampled line to @sums. */
static void add_line(const uint8_t *line, const struct span *spans, unsigned n, float weight, float *sums)
{
        for (unsigned i = 0; i < n; i++) {
                const struct span *s = &spans[i];
                unsigned inner = 0;

                for (unsigned x = s->first + 1; x < s->last; x++)
                        inner += line[x];
                float v = s->w_first * line[s->first] + s->w_inner * (float)inner;
                if (s->last > s->first)
                        v += s->w_last * line[s->last];
                sums[i] += weight * v;
        }
}

/* Half the size: means of 2 x 2 pixels, the same numbers as by the general way. */
static void halve(const struct nn_image *src, unsigned width_px, unsigned height_px, uint8_t *ret)
{
        for (size_t y = 0; y < height_px; y++) {
                const uint8_t *a = src->data + 2 * y * src->stride_bytes, *b = a + src->stride_bytes;
                uint8_t *to = ret + y * width_px;

                for (size_t x = 0; x < width_px; x++)
                        to[x] = (uint8_t)((a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1] + 2) >> 2);
        }
}

int nn_image_resize(const struct nn_image *src, unsigned width_px, unsigned height_px, uint8_t *ret)
{
        struct span spans[RESIZE_TILE];
        float sums[RESIZE_TILE];

        if (!image_is_valid(src) || !width_px || !height_px)
                return -EINVAL;
        if (src->width_px == 2ull * width_px && src->height_px == 2ull * height_px) {
                halve(src, width_px, height_px, ret);
                return 0;
        }

        for (unsigned x0 = 0; x0 < width_px; x0 += RESIZE_TILE) {
                unsigned n = MIN(RESIZE_TILE, width_px - x0);

                for (unsigned i = 0; i < n; i++)
                        spans[i] = span_of(x0 + i, width_px, src->width_px);
                for (unsigned y = 0; y < height_px; y++) {
                        struct span v = span_of(y, height_px, src->height_px);

                        memset(sums, 0, n * sizeof(*sums));
                        for (unsigned ys = v.first; ys <= v.last; ys++) {
                                float w = ys == v.first ? v.w_first : ys == v.last ? v.w_last : v.w_inner;

                                if (w != 0)
                                        add_line(src->data + ys * src->stride_bytes, spans, n, w, sums);
                        }
                        for (unsigned i = 0; i < n; i++)
                                ret[(size_t)y * width_px + x0 + i] = (uint8_t)CLAMP(sums[i] + 0.5f, 0.f, 255.f);
                }
        }
        return 0;
}

struct nn_affine nn_affine_from_square(double x, double y, double side_px, double roll_rad, unsigned size_px)
{
        double s = size_px ? side_px / size_px : 0, c = (size_px - 1.0) / 2;
        double a = s * cos(roll_rad), b = s * sin(roll_rad);

        return (struct nn_affine){ { a, -b, x - a * c + b * c, b, a, y - b * c - a * c } };
}

/* Second moments of point pairs about their means. */
struct moments {
        double dst[2], src[2]; /* means */
        double dd[3];          /* dst: xx, xy, yy */
        double ds[2][2];       /* ds[i][j]: dst axis i times src axis j */
        double ss;             /* src: xx + yy */
};

static int moments_of(const float (*dst)[2], const float (*src)[2], size_t n, struct moments *ret)
{
        struct moments m = { 0 };

        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < 2; k++) {
                        m.dst[k] += dst[i][k] / (double)n;
                        m.src[k] += src[i][k] / (double)n;
                }
        for (size_t i = 0; i < n; i++) {
                double dx = dst[i][0] - m.dst[0], dy = dst[i][1] - m.dst[1];
                double sx = src[i][0] - m.src[0], sy = src[i][1] - m.src[1];

                m.dd[0] += dx * dx;
                m.dd[1] += dx * dy;
                m.dd[2] += dy * dy;
                m.ds[0][0] += dx * sx;
                m.ds[0][1] += dx * sy;
                m.ds[1][0] += dy * sx;
                m.ds[1][1] += dy * sy;
                m.ss += sx * sx + sy * sy;
        }
        if (!isfinite(m.dd[0] + m.dd[2] + m.ss))
                return -EINVAL;
        *ret = m;
        return 0;
}

/* The map with linear part (a b; c d) that carries the mean of dst to the mean of src. */
static struct nn_affine affine_about(const struct moments *m, double a, double b, double c, double d)
{
        return (struct nn_affine){ { a, b, m->src[0] - a * m->dst[0] - b * m->dst[1], c, d,
                                     m->src[1] - c * m->dst[0] - d * m->dst[1] } };
}

int nn_affine_similarity(const float (*dst)[2], const float (*src)[2], size_t n, struct nn_affine *ret)
{
        struct moments m;

        if (n < 2 || moments_of(dst, src, n, &m) < 0)
                return -EINVAL;
        double norm = m.dd[0] + m.dd[2];
        if (norm < 1e-12 || m.ss < 1e-12)
                return -EINVAL;

        double a = (m.ds[0][0] + m.ds[1][1]) / norm, b = (m.ds[0][1] - m.ds[1][0]) / norm;

        *ret = affine_about(&m, a, -b, b, a);
        return 0;
}

int nn_affine_fit(const float (*dst)[2], const float (*src)[2], size_t n, struct nn_affine *ret)
{
        struct moments m;

        if (n < 3 || moments_of(dst, src, n, &m) < 0)
                return -EINVAL;
        double det = m.dd[0] * m.dd[2] - m.dd[1] * m.dd[1];
        double size = m.dd[0] + m.dd[2];
        /* det / size^2 is the flatness of the cloud of points, whatever their unit */
        if (size < 1e-12 || det < 1e-9 * size * size)
                return -EINVAL;

        *ret = affine_about(&m, (m.ds[0][0] * m.dd[2] - m.ds[1][0] * m.dd[1]) / det,
                            (m.ds[1][0] * m.dd[0] - m.ds[0][0] * m.dd[1]) / det,
                            (m.ds[0][1] * m.dd[2] - m.ds[1][1] * m.dd[1]) / det,
                            (m.ds[1][1] * m.dd[0] - m.ds[0][1] * m.dd[1]) / det);
        return 0;
}

static const char *const normalisation_names[] = {
        [NN_NORMALISE_UNIT] = "unit",
        [NN_NORMALISE_SIGNED] = "signed",
        [NN_NORMALISE_CONTRAST] = "contrast",
        [NN_NORMALISE_NONE] = "none",
};

int nn_normalisation_from_string(const char *s)
{
        for (size_t i = 0; s && i < ARRAY_LEN(normalisation_names); i++)
                if (strcmp(s, normalisation_names[i]) == 0)
                        return (int)i;
        return -EINVAL;
}

const char *nn_normalisation_to_string(enum nn_normalisation n)
{
        return (size_t)n < ARRAY_LEN(normalisation_names) ? normalisation_names[n] : NULL;
}

static void normalise_contrast(float *x, size_t n)
{
        double sum = 0, squares = 0;

        for (size_t i = 0; i < n; i++)
                sum += x[i];
        double mean = n ? sum / (double)n : 0;
        for (size_t i = 0; i < n; i++)
                squares += (x[i] - mean) * (x[i] - mean);
        double std = n ? sqrt(squares / (double)n) : 0;
        /* a floor keeps the noise of a nearly uniform picture from being blown up */
        float scale = (float)(1 / MAX(std, 8.0));
        for (size_t i = 0; i < n; i++)
                x[i] = (x[i] - (float)mean) * scale;
}

void nn_mirror(float *x, unsigned width_px, unsigned height_px)
{
        for (unsigned row = 0; row < height_px; row++, x += width_px)
                for (unsigned i = 0; i < width_px / 2; i++) {
                        float left = x[i];

                        x[i] = x[width_px - 1 - i];
                        x[width_px - 1 - i] = left;
                }
}

void nn_normalise(enum nn_normalisation kind, float *x, size_t n)
{
        switch (kind) {
        case NN_NORMALISE_UNIT:
                for (size_t i = 0; i < n; i++)
                        x[i] *= 1.f / 255;
                break;
        case NN_NORMALISE_SIGNED:
                for (size_t i = 0; i < n; i++)
                        x[i] = x[i] * (1.f / 127.5f) - 1;
                break;
        case NN_NORMALISE_CONTRAST:
                normalise_contrast(x, n);
                break;
        case NN_NORMALISE_NONE:
                break;
        }
}
