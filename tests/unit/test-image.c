/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resizing of 8-bit pictures, held against plain means. */
#undef NDEBUG
#include <errno.h>
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
        static const struct CMUnitTest tests[] = { cmocka_unit_test(test_shrink), cmocka_unit_test(test_refusals) };

        return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
