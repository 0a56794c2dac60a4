/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resizing of 8-bit pictures, held against plain means. */
#undef NDEBUG
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "nn/image.h"

#define WIDTH 60u
#define HEIGHT 36u
#define STRIDE 64u

static uint8_t pixels[HEIGHT * STRIDE];

/* Shrinks by whole factors; each pixel is the rounded mean. */
static void check(unsigned fx, unsigned fy)
{
        unsigned width = WIDTH / fx, height = HEIGHT / fy;
        const struct nn_image im = { pixels, width * fx, height * fy, STRIDE };
        uint8_t *ret = malloc((size_t)width * height);

        assert_int_equal(nn_image_resize(&im, width, height, ret), 0);
        for (unsigned y = 0; y < height; y++)
                for (unsigned x = 0; x < width; x++) {
                        unsigned sum = 0;

                        for (unsigned i = 0; i < fx * fy; i++)
                                sum += pixels[(y * fy + i / fx) * STRIDE + x * fx + i % fx];
                        unsigned mean = (2 * sum + fx * fy) / (2 * fx * fy);

                        assert_in_range(ret[y * width + x], mean - (mean > 0 && fx * fy % 2), mean);
                }
        free(ret);
}

static void test_shrink(void **state)
{
        for (size_t i = 0; i < sizeof(pixels); i++)
                pixels[i] = (uint8_t)(i * 7919 % 251);
        check(1, 1);
        check(2, 2);
        check(2, 1);
        check(1, 2);
        check(4, 2);
        check(3, 3);
}

/* The mean of bilinear values on a fine grid under one pixel, as the header says, written down plainly. */
static double slow(const struct nn_image *im, const struct nn_affine *map, unsigned x, unsigned y)
{
        const double *m = map->m;
        unsigned nx = (unsigned)fmax(ceil(hypot(m[0], m[3]) - 1e-6), 1),
                 ny = (unsigned)fmax(ceil(hypot(m[1], m[4]) - 1e-6), 1);
        double sum = 0;

        for (unsigned i = 0; i < nx * ny; i++) {
                double xd = x + (i % nx + 0.5) / nx - 0.5, yd = y + (i / nx + 0.5) / ny - 0.5;
                double xs = fmin(fmax(m[0] * xd + m[1] * yd + m[2], 0), im->width_px - 1.0);
                double ys = fmin(fmax(m[3] * xd + m[4] * yd + m[5], 0), im->height_px - 1.0);
                unsigned x0 = (unsigned)xs, y0 = (unsigned)ys;
                unsigned x1 = x0 + 1 < im->width_px ? x0 + 1 : x0, y1 = y0 + 1 < im->height_px ? y0 + 1 : y0;
                const uint8_t *a = im->data + y0 * im->stride_bytes, *b = im->data + y1 * im->stride_bytes;
                double fx = xs - x0, fy = ys - y0;

                sum += (1 - fy) * ((1 - fx) * a[x0] + fx * a[x1]) + fy * ((1 - fx) * b[x0] + fx * b[x1]);
        }
        return sum / (nx * ny);
}

/* Maps that stay inside, reach out, touch the last pixels, and lie wholly outside. */
static void test_warp(void **state)
{
        static const struct nn_affine maps[] = {
                { { 1, 0, 0, 0, 1, 0 } },          { { 1, 0, WIDTH - 12, 0, 1, HEIGHT - 9 } },
                { { 2.3, 0.4, 5, -0.3, 1.9, 8 } }, { { 0.4, 0.1, 20, -0.1, 0.4, 9 } },
                { { 9, 0, -40, 0, 9, -20 } },      { { 1, 0, 500, 0, 1, -500 } },
                { { 0, -1, 30, 1, 0, 4 } },
        };
        const struct nn_image im = { pixels, WIDTH, HEIGHT, STRIDE };
        float ret[12 * 9];

        for (size_t i = 0; i < sizeof(pixels); i++)
                pixels[i] = (uint8_t)(i * 7919 % 251);
        for (size_t k = 0; k < sizeof(maps) / sizeof(maps[0]); k++) {
                assert_int_equal(nn_image_warp(&im, &maps[k], 12, 9, ret), 0);
                for (unsigned y = 0; y < 9; y++)
                        for (unsigned x = 0; x < 12; x++)
                                assert_float_equal(ret[y * 12 + x], slow(&im, &maps[k], x, y), 0.01);
        }
}

/* Any turn, scale and place; the picture ends with its memory, and the crops come near to its edges and reach out. */
static void test_any_map(void **state)
{
        enum { W = 97, H = 70, N = 21 };
        uint8_t *tight = malloc(W * H);
        const struct nn_image im = { tight, W, H, W };
        unsigned seed = 1, n_inside = 0;
        float ret[N * N];

        for (unsigned i = 0; i < W * H; i++)
                tight[i] = (uint8_t)(i * 7919 % 251);
        for (unsigned k = 0; k < 400; k++) {
                double r[4];

                for (unsigned i = 0; i < 4; i++) {
                        seed = seed * 1664525u + 1013904223u;
                        r[i] = (seed >> 8) / 16777216.0;
                }
                unsigned n = 5 + k % (N - 4); /* less than a vector, and no multiple of it */
                struct nn_affine map = nn_affine_from_square(r[0] * W, r[1] * H, 5 + 60 * r[2], 6.28 * r[3], n);

                if (k % 5 == 0) /* to the very edge that four bytes may be read from, or a hair beyond */
                        map = (struct nn_affine){ { 1, 0, W - 2.5 - n + 0.02 * (r[0] - 0.5), 0, 1,
                                                    H - 0.5 - n + 0.02 * (r[1] - 0.5) } };
                assert_int_equal(nn_image_warp(&im, &map, n, n, ret), 0);
                for (unsigned y = 0; y < n; y++)
                        for (unsigned x = 0; x < n; x++)
                                assert_float_equal(ret[y * n + x], slow(&im, &map, x, y), 0.02);
                n_inside += map.m[2] > 0 && map.m[2] < W / 2;
        }
        assert_true(n_inside > 50);
        free(tight);
}

/* A picture with nothing allocated beyond its last pixel, mapped to itself. */
static void test_last_pixel(void **state)
{
        static const struct nn_affine same = { { 1, 0, 0, 0, 1, 0 } }, near = { { 0.9, 0, 0.5, 0, 0.9, 0.5 } };
        uint8_t *tight = malloc(8 * 8);
        const struct nn_image im = { tight, 8, 8, 8 };
        float ret[64];

        for (unsigned i = 0; i < 64; i++)
                tight[i] = (uint8_t)i;
        assert_int_equal(nn_image_warp(&im, &same, 8, 8, ret), 0);
        assert_float_equal(ret[63], 63, 0.001);
        assert_int_equal(nn_image_warp(&im, &near, 8, 8, ret), 0);
        free(tight);
}

static void test_refusals(void **state)
{
        struct nn_image im = { pixels, WIDTH, HEIGHT, STRIDE };
        uint8_t ret[4];

        assert_int_equal(nn_image_resize(&im, 0, 2, ret), -EINVAL);
        im.data = NULL;
        assert_int_equal(nn_image_resize(&im, 2, 2, ret), -EINVAL);
}

int main(void)
{
        static const struct CMUnitTest tests[] = { cmocka_unit_test(test_shrink), cmocka_unit_test(test_warp),
                                                   cmocka_unit_test(test_any_map), cmocka_unit_test(test_last_pixel),
                                                   cmocka_unit_test(test_refusals) };

        return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
