/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/mounting.h"

/* Rows are 4 bytes apart. */
static const uint8_t gray[] = "abc.def.";
static const uint8_t colour[] = "a01b01c01.d01e01f01.";

static void turn(unsigned degrees, bool mirror, unsigned width_px, const char *wanted)
{
        struct frame f = { .width_px = 3,
                           .height_px = 2,
                           .gray = gray,
                           .gray_stride_bytes = 4,
                           .bgr = colour,
                           .bgr_stride_bytes = 10,
                           .timestamp_usec = 77 };
        struct mounting m = { 0 };
        struct frame r;

        for (int i = 0; i < 2; i++) { /* once more in the same memory */
                assert_int_equal(mounting_turn(&m, orient_of(degrees, mirror), &f, &r), 0);
                assert_int_equal(r.width_px, width_px);
                assert_int_equal(r.height_px, 6 / width_px);
                assert_int_equal(r.timestamp_usec, 77);
                for (unsigned k = 0; k < 6; k++) {
                        const uint8_t *p = r.bgr + k / width_px * r.bgr_stride_bytes + k % width_px * 3;

                        assert_int_equal(r.gray[k / width_px * r.gray_stride_bytes + k % width_px], wanted[k]);
                        assert_int_equal(p[0], wanted[k]);
                        assert_memory_equal(p + 1, "01", 2);
                }
        }
        mounting_done(&m);
}

static void test_turns(void **state)
{
        turn(0, false, 3, "abcdef");
        turn(0, true, 3, "cbafed");
        turn(90, false, 2, "daebfc");
        turn(180, false, 3, "fedcba");
        turn(270, false, 2, "cfbead");
        turn(90, true, 2, "adbecf");
        turn(180, true, 3, "defabc");
        turn(270, true, 2, "fcebda");
}

static void test_no_picture(void **state)
{
        struct frame f = { .width_px = 3, .height_px = 2, .timestamp_usec = 5 }, r;
        struct mounting m = { 0 };

        assert_int_equal(mounting_turn(&m, ORIENT_90, &f, &r), 0);
        assert_null(r.gray);
        assert_null(m.gray);
        assert_int_equal(r.width_px, 2);
        mounting_done(&m);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_turns),
                cmocka_unit_test(test_no_picture),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
