/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/capture/strobe.h"

#define FRAME_USEC 33333u

/* Frame number @n of a camera of 30 a second, of one level. */
static bool dark(struct strobe *s, unsigned n, uint8_t level)
{
        static uint8_t pixels[48 * 64];
        const struct frame f = { .width_px = 64,
                                 .height_px = 48,
                                 .gray = pixels,
                                 .gray_stride_bytes = 64,
                                 .timestamp_usec = 1000000 + (uint64_t)n * FRAME_USEC };

        memset(pixels, level, sizeof(pixels));
        return strobe_is_dark(s, &f);
}

static void test_flashes(void **state)
{
        struct strobe s = { 0 };

        for (unsigned n = 0; n < 100; n++)
                assert_int_equal(dark(&s, n, n % 2 ? 2 : 120), n % 2);
        /* every third */
        for (unsigned n = 100; n < 200; n++)
                assert_int_equal(dark(&s, n, n % 3 == 1 ? 60 : 0), n % 3 != 1);
}

/* One that begins with a black frame cannot know better. */
static void test_black_first(void **state)
{
        struct strobe s = { 0 };

        assert_false(dark(&s, 0, 0));
        assert_false(dark(&s, 1, 120));
        assert_true(dark(&s, 2, 0));
}

/* The lamp of the room, or a cover before the lens. */
static void test_light_goes_out(void **state)
{
        struct strobe s = { 0 };
        unsigned n_passed = 0;

        assert_false(dark(&s, 0, 120));
        for (unsigned n = 1; n < 60; n++)
                n_passed += dark(&s, n, 3);
        assert_in_range(n_passed, 5, 10);
        assert_false(dark(&s, 60, 3));
        assert_false(dark(&s, 61, 90));
}

/* A dim room is a picture. */
static void test_dim(void **state)
{
        struct strobe s = { 0 };

        for (unsigned n = 0; n < 30; n++)
                assert_false(dark(&s, n, n % 2 ? 12 : 20));
        for (unsigned n = 30; n < 60; n++)
                assert_false(dark(&s, n, n % 2 ? 40 : 200));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_flashes),
                cmocka_unit_test(test_black_first),
                cmocka_unit_test(test_light_goes_out),
                cmocka_unit_test(test_dim),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
