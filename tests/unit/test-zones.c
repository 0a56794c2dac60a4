/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/vision/zones.h"

#define ZONE(...) made((double[][2]){ __VA_ARGS__ }, sizeof((double[][2]){ __VA_ARGS__ }) / sizeof(double[2]))

static struct zone made(double (*points)[2], size_t n)
{
        struct zone z = { .name = "z", .n_points = n };

        memcpy(z.points, points, n * sizeof(z.points[0]));
        return z;
}

static void refuse(struct zone z, const char *part)
{
        const char *complaint = zone_complaint(&z);

        assert_non_null(complaint);
        if (!strstr(complaint, part))
                fail_msg("\"%s\" does not say \"%s\"", complaint, part);
}

static void test_polygons(void **state)
{
        struct zone square = ZONE({ 0, 0 }, { 1, 0 }, { 1, 1 }, { 0, 1 });
        struct zone hollow = ZONE({ 0, 0 }, { 1, 0 }, { 0.5, 0.4 }, { 1, 1 }, { 0, 1 });
        struct zone back = ZONE({ 0, 1 }, { 0.5, 0.2 }, { 0, 0 });

        assert_null(zone_complaint(&square));
        assert_null(zone_complaint(&hollow));
        assert_null(zone_complaint(&back));
        refuse(ZONE({ 0, 0 }, { 1, 1 }), "3 to 16");
        refuse(ZONE({ 0, 0 }, { 1, 1 }, { 1, 0 }, { 0, 1 }), "cross");
        refuse(ZONE({ 0, 0 }, { 1, 0 }, { 0.5, 0 }, { 0.5, 1 }), "touch");
        refuse(ZONE({ 0, 0 }, { 1, 0 }, { 1, 1 }, { 0, 0 }, { 0, 1 }), "touch");
        refuse(ZONE({ 0, 0 }, { 1.01, 0 }, { 1, 1 }), "leaves the picture");
        refuse(ZONE({ 0, -0.01 }, { 1, 0 }, { 1, 1 }), "leaves the picture");
        refuse(ZONE({ 0, 0 }, { NAN, 0 }, { 1, 1 }), "leaves the picture");
        refuse(ZONE({ 0.1, 0.1 }, { 0.105, 0.1 }, { 0.1, 0.105 }), "ten-thousandth");
        refuse(ZONE({ 0, 0 }, { 0.5, 0.5 }, { 1, 1 }), "ten-thousandth");
}

static bool holds(const struct zones *zs, double x, double y)
{
        struct emo_box b = { .x = (float)(x - 10), .y = (float)(y - 5), .width = 20, .height = 10 };

        return zones_hold(zs, &b, 200, 100);
}

static void test_where(void **state)
{
        struct zones zs = { .n = 2 };

        zs.items[0] = ZONE({ 0, 0.5 }, { 0.25, 0.5 }, { 0.25, 1 }, { 0, 1 });
        zs.items[1] = ZONE({ 0.5, 0 }, { 1, 0 }, { 1, 1 }, { 0.75, 0.5 }, { 0.5, 1 });
        assert_true(holds(&zs, 25, 75));
        assert_false(holds(&zs, 25, 45));
        assert_false(holds(&zs, 60, 75));
        assert_true(holds(&zs, 150, 40));
        assert_false(holds(&zs, 150, 60)); /* in the notch */
        assert_true(holds(&zs, 105, 60));
        assert_false(holds(&zs, 250, 50)); /* outside of the picture */
        zs.n = 0;
        assert_false(holds(&zs, 25, 75));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_polygons),
                cmocka_unit_test(test_where),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
