/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "train/task/augment.h"

enum { SIDE = 48, N = SIDE * SIDE };

static uint8_t pixels[N];
static float out[N], other[N], scratch[N];
static const struct nn_image picture = { pixels, SIDE, SIDE, SIDE };
static const struct augment_config everything = { .shift = 0.1,
                                                  .scale = 0.2,
                                                  .rotate_deg = 20,
                                                  .shear = 0.1,
                                                  .stretch = 0.1,
                                                  .flip = 0.5,
                                                  .contrast = 0.4,
                                                  .brightness = 0.2,
                                                  .blur_px = 1.5,
                                                  .noise = 12,
                                                  .cutout = 0.7,
                                                  .cutout_size = 0.4 };

static int fill(void **state)
{
        struct rng r;

        rng_seed(&r, 5);
        for (size_t i = 0; i < N; i++)
                pixels[i] = (uint8_t)rng_below(&r, 256);
        return 0;
}

static void test_nothing_is_identity(void **state)
{
        const struct augment_config none = { 0 };
        struct rng r;

        rng_seed(&r, 1);
        augment(&none, &r, &picture, SIDE, SIDE, out, scratch);
        for (size_t i = 0; i < N; i++)
                assert_true(fabsf(out[i] - pixels[i]) < 0.01f);
}

static void test_nothing_is_resize(void **state)
{
        const struct augment_config none = { 0 };
        const struct nn_affine half = { { 2, 0, 0.5, 0, 2, 0.5 } };
        struct rng r;

        rng_seed(&r, 1);
        augment(&none, &r, &picture, SIDE / 2, SIDE / 2, out, scratch);
        assert_int_equal(nn_image_warp(&picture, &half, SIDE / 2, SIDE / 2, other), 0);
        for (size_t i = 0; i < N / 4; i++)
                assert_true(fabsf(out[i] - other[i]) < 0.01f);
}

static void test_flip(void **state)
{
        const struct augment_config flip = { .flip = 1 };
        struct rng r;

        rng_seed(&r, 1);
        augment(&flip, &r, &picture, SIDE, SIDE, out, scratch);
        for (size_t y = 0; y < SIDE; y++)
                for (size_t x = 0; x < SIDE; x++)
                        assert_true(fabsf(out[y * SIDE + x] - pixels[y * SIDE + SIDE - 1 - x]) < 0.01f);
}

static void test_same_state_same_picture(void **state)
{
        for (uint64_t i = 0; i < 50; i++) {
                struct rng a, b;

                rng_seed_stream(&a, 1, 2, i);
                b = a;
                augment(&everything, &a, &picture, SIDE, SIDE, out, scratch);
                augment(&everything, &b, &picture, SIDE, SIDE, other, scratch);
                assert_memory_equal(out, other, sizeof(out));
                assert_memory_equal(&a, &b, sizeof(a));
        }
}

static void test_stays_in_range(void **state)
{
        struct rng r;

        rng_seed(&r, 3);
        for (size_t k = 0; k < 200; k++) {
                augment(&everything, &r, &picture, SIDE, SIDE, out, scratch);
                for (size_t i = 0; i < N; i++)
                        assert_true(out[i] >= 0 && out[i] <= 255);
        }
}

/* The fast sampler agrees with the engine's wherever no area average is due: a pure rotation. */
static void test_rotation_is_the_engines(void **state)
{
        const struct augment_config rotate = { .rotate_deg = 15 };
        double best = 1e9;
        struct rng r;

        rng_seed(&r, 9);
        augment(&rotate, &r, &picture, SIDE, SIDE, out, scratch);
        for (double deg = -15; deg <= 15; deg += 0.05) {
                struct nn_affine m = nn_affine_from_square(23.5, 23.5, SIDE, deg * 3.14159265358979 / 180, SIDE);
                double sum = 0;

                assert_int_equal(nn_image_warp(&picture, &m, SIDE, SIDE, other), 0);
                for (size_t i = 0; i < N; i++)
                        sum += fabs((double)out[i] - other[i]) / N;
                best = fmin(best, sum);
        }
        assert_true(best < 1.5); /* noise of deviation 74, at most 0.025 degrees away */
}

/* A smooth picture, so that a place is where its grey is: grey levels go with x and y alike. */
static void fill_slope(uint8_t *to)
{
        for (size_t y = 0; y < SIDE; y++)
                for (size_t x = 0; x < SIDE; x++)
                        to[y * SIDE + x] = (uint8_t)(2 * x + 3 * y);
}

/* Of the augmented slope, at its centre: the grey, and its change to the right and down; the extremes over many draws
 * are to be @most away from what the slope has, and no more. */
static void check_slope(const struct augment_config *config, unsigned figure, double plain, double most)
{
        static uint8_t slope[N];
        const struct nn_image source = { slope, SIDE, SIDE, SIDE };
        double low = 1e9, high = -1e9;
        struct rng r;

        fill_slope(slope);
        rng_seed(&r, 8);
        for (size_t k = 0; k < 400; k++) {
                const float *c = out + SIDE / 2 * SIDE + SIDE / 2;
                double figures[3];

                augment(config, &r, &source, SIDE, SIDE, out, scratch);
                figures[0] = (double)c[0];
                figures[1] = (double)(c[4] - c[-4]) / 8;
                figures[2] = (double)(c[4 * SIDE] - c[-4 * SIDE]) / 8;
                low = fmin(low, figures[figure] - plain);
                high = fmax(high, figures[figure] - plain);
        }
        assert_true(high >= 0.8 * most && high < 1.05 * most + 0.01);
        assert_true(low <= -0.6 * most && low > -1.05 * most - 0.01);
}

enum { GREY, RIGHT, DOWN };

static void test_shift(void **state)
{
        const struct augment_config shift = { .shift = 0.1 };

        check_slope(&shift, GREY, 5 * SIDE / 2, 5 * 0.1 * SIDE);
        check_slope(&shift, RIGHT, 2, 0); /* nothing else changes */
}

static void test_scale(void **state)
{
        const struct augment_config scale = { .scale = 0.25 };

        check_slope(&scale, RIGHT, 2, 2 * 0.25);
        check_slope(&scale, DOWN, 3, 3 * 0.25);
}

static void test_shear(void **state)
{
        const struct augment_config shear = { .shear = 0.2 };

        check_slope(&shear, DOWN, 3, 2 * 0.2);
        check_slope(&shear, RIGHT, 2, 0);
}

static void test_contrast(void **state)
{
        const struct augment_config contrast = { .contrast = 0.3 };

        check_slope(&contrast, RIGHT, 2, 2 * 0.3);
        check_slope(&contrast, DOWN, 3, 3 * 0.3);
}

static void test_cutout_has_its_size(void **state)
{
        const struct augment_config cut = { .cutout = 1, .cutout_size = 0.25 };
        size_t most = 0;
        struct rng r;

        rng_seed(&r, 4);
        for (size_t k = 0; k < 50; k++) {
                size_t changed = 0;

                augment(&cut, &r, &picture, SIDE, SIDE, out, scratch);
                for (size_t i = 0; i < N; i++)
                        changed += fabsf(out[i] - pixels[i]) > 0.01f;
                assert_true(changed <= 144);
                most = changed > most ? changed : most;
        }
        assert_true(most > 130);
}

static void test_blur_keeps_the_mean(void **state)
{
        const struct augment_config blur = { .blur_px = 3 };
        size_t n_smooth = 0;
        struct rng r;

        rng_seed(&r, 6);
        for (size_t k = 0; k < 40; k++) {
                double mean = 0, before = 0, rough = 0;

                augment(&blur, &r, &picture, SIDE, SIDE, out, scratch);
                for (size_t i = 0; i < N; i++) {
                        mean += out[i] / N;
                        before += pixels[i] / (double)N;
                }
                for (size_t i = 1; i < N; i++)
                        rough += fabs((double)out[i] - out[i - 1]) / N;
                assert_true(fabs(mean - before) < 4);
                n_smooth += rough < 50; /* the noise itself has 85 */
        }
        assert_true(n_smooth > 5 && n_smooth < 35); /* half of them are blurred */
}

static void test_one_pixel(void **state)
{
        const uint8_t one = 77;
        const struct nn_image tiny = { &one, 1, 1, 1 };
        struct rng r;

        rng_seed(&r, 6);
        for (size_t k = 0; k < 20; k++)
                augment(&everything, &r, &tiny, 3, 2, out, scratch);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nothing_is_identity),
                cmocka_unit_test(test_nothing_is_resize),
                cmocka_unit_test(test_flip),
                cmocka_unit_test(test_same_state_same_picture),
                cmocka_unit_test(test_stays_in_range),
                cmocka_unit_test(test_rotation_is_the_engines),
                cmocka_unit_test(test_shift),
                cmocka_unit_test(test_scale),
                cmocka_unit_test(test_shear),
                cmocka_unit_test(test_contrast),
                cmocka_unit_test(test_cutout_has_its_size),
                cmocka_unit_test(test_blur_keeps_the_mean),
                cmocka_unit_test(test_one_pixel),
        };
        return cmocka_run_group_tests(tests, fill, NULL);
}
