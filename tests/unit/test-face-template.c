/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Templates: their text, and the maps that carry a face to them. */
#undef NDEBUG
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "basic/macro.h"
#include "nn/face-template.h"

static void test_text(void **state)
{
        static const struct face_template *const built_in[] = { &face_template_fer2013, &face_template_affine };
        char text[FACE_TEMPLATE_TEXT];
        struct face_template t;

        for (size_t i = 0; i < ARRAY_LEN(built_in); i++) {
                assert_int_equal(face_template_format(built_in[i], text, sizeof(text)), 0);
                assert_int_equal(face_template_parse(text, &t), 0);
                assert_int_equal(t.affine, built_in[i]->affine);
                assert_int_equal(t.n, built_in[i]->n);
                for (unsigned k = 0; k < t.n; k++) {
                        assert_int_equal(t.parts[k].first, built_in[i]->parts[k].first);
                        assert_int_equal(t.parts[k].last, built_in[i]->parts[k].last);
                        assert_float_equal(t.parts[k].x, built_in[i]->parts[k].x, 1e-4);
                        assert_float_equal(t.parts[k].y, built_in[i]->parts[k].y, 1e-4);
                }
                assert_int_equal(face_template_format(built_in[i], text, 20), -ENOSPC);
        }
        /* as many parts as there may be, with the longest numbers, fit */
        t.affine = false;
        t.n = FACE_TEMPLATE_PARTS;
        for (unsigned k = 0; k < t.n; k++)
                t.parts[k] = (struct face_part){ 66, 67, -0.99991234f, -0.00012345f };
        assert_int_equal(face_template_format(&t, text, sizeof(text)), 0);
        assert_int_equal(face_template_parse(text, &t), 0);
        assert_int_equal(t.n, FACE_TEMPLATE_PARTS);
}

static void test_refusals(void **state)
{
        static const char *const wrong[] = {
                "",
                "similarity",
                "similar 1:0,0 2:1,1",
                "similarity 1:0,0",
                "affine 1:0,0 2:1,1",
                "similarity 1:0,0 68:1,1",
                "similarity 1:0,0 -2:1,1",
                "similarity 1:0,0 5-4:1,1",
                "similarity 1:0 2:1,1",
                "similarity 1:0,nan 2:1,1",
                "similarity 1:0,9 2:1,1",
                "similarity 1:0,0 2:1,1x",
                "similarity1:0,0 2:1,1",
        };
        char many[4000] = "similarity";
        struct face_template t = { .n = 7 };

        for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
                if (face_template_parse(wrong[i], &t) != -EINVAL)
                        fail_msg("'%s' is taken for a template", wrong[i]);
        for (unsigned i = 0; i <= FACE_TEMPLATE_PARTS; i++)
                strcat(many, " 1:0.5,0.5");
        assert_int_equal(face_template_parse(many, &t), -EINVAL);
        assert_int_equal(t.n, 7);
        assert_int_equal(face_template_parse("similarity  8:0.5,1\n36:0.25,0.3 \n", &t), 0);
        assert_int_equal(t.n, 2);
}

/* A face as the template has it, carried by m into the picture. */
static void place(const struct face_template *t, const double m[6], double side, float ret[68][2])
{
        memset(ret, 0, 68 * sizeof(*ret));
        for (unsigned i = 0; i < t->n; i++)
                for (unsigned k = t->parts[i].first; k <= t->parts[i].last; k++) {
                        double x = (double)t->parts[i].x * side - 0.5, y = (double)t->parts[i].y * side - 0.5;

                        ret[k][0] = (float)(m[0] * x + m[1] * y + m[2]);
                        ret[k][1] = (float)(m[3] * x + m[4] * y + m[5]);
                }
}

static void expect_map(const struct nn_affine *map, const double m[6])
{
        for (size_t i = 0; i < 6; i++)
                assert_float_equal(map->m[i], m[i], (i % 3 == 2 ? 0.02 : 1e-3));
}

static void test_maps(void **state)
{
        static const double turned[6] = { 1.6, -0.9, 120, 0.9, 1.6, 80 }, sheared[6] = { 1.2, -0.5, 100, 0.4, 2.1, 60 };
        static const double profile[6] = { 0.5, 0, 100, 0, 2, 60 };
        struct nn_affine map;
        float points[68][2];

        place(&face_template_fer2013, turned, 48, points);
        assert_int_equal(face_template_map(&face_template_fer2013, points, 48, 48, &map), 0);
        expect_map(&map, turned);
        place(&face_template_affine, turned, 48, points);
        assert_int_equal(face_template_map(&face_template_affine, points, 48, 48, &map), 0);
        expect_map(&map, turned);
        place(&face_template_affine, sheared, 48, points);
        assert_int_equal(face_template_map(&face_template_affine, points, 48, 48, &map), 0);
        expect_map(&map, sheared);
        /* too narrow to be made broad again: one scale for both axes */
        place(&face_template_affine, profile, 48, points);
        assert_int_equal(face_template_map(&face_template_affine, points, 48, 48, &map), 0);
        assert_float_equal(map.m[0], map.m[4], 1e-6);
        memset(points, 0, sizeof(points));
        assert_int_equal(face_template_map(&face_template_affine, points, 48, 48, &map), -EINVAL);
        assert_int_equal(face_template_map(&face_template_fer2013, points, 48, 48, &map), -EINVAL);
        points[36][0] = NAN;
        assert_int_equal(face_template_map(&face_template_affine, points, 48, 48, &map), -EINVAL);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_maps),
        };

        return cmocka_run_group_tests_name("face-template", tests, NULL, NULL);
}
