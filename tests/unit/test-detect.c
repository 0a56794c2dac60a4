/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a detector's outputs to boxes, and from many boxes about one face to one. */
#undef NDEBUG
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "basic/macro.h"
#include "nn/detect.h"

#define COLUMNS 3
#define ROWS 2
#define CELLS (COLUMNS * ROWS)

static void add(struct detections *d, float x, float score)
{
        assert_int_equal(detections_add(d, &(struct detection){ x, 0, 10, 10, score }), 0);
}

static void test_iou(void **state)
{
        struct detection a = { 0, 0, 10, 10, 1 }, b = { 5, 0, 10, 10, 1 }, c = { 10, 0, 10, 10, 1 },
                         point = { 1, 1, 0, 0, 1 };

        assert_float_equal(detect_iou(&a, &a), 1, 1e-6);
        assert_float_equal(detect_iou(&a, &b), 1 / 3., 1e-6);
        assert_float_equal(detect_iou(&b, &a), 1 / 3., 1e-6);
        assert_float_equal(detect_iou(&a, &c), 0, 0);
        assert_float_equal(detect_iou(&point, &point), 0, 0);
}

static void test_suppress(void **state)
{
        struct detections d = { 0 };

        detect_suppress(&d, 0.3);
        assert_int_equal(d.n, 0);
        add(&d, 0, 0.6f);
        add(&d, 1, 0.9f);
        add(&d, 2, 0.7f);
        add(&d, 30, 0.8f);
        detect_suppress(&d, 0.3);
        assert_int_equal(d.n, 2);
        assert_float_equal(d.list[0].x, 1, 0);
        assert_float_equal(d.list[1].x, 30, 0);
        /* without a bound all are kept */
        for (unsigned i = 0; i < 1000; i++)
                add(&d, 100 + 20.f * (float)i, 0.5f);
        detect_suppress(&d, 0.3);
        assert_int_equal(d.n, 1002);
        detections_done(&d);
        assert_null(d.list);
}

static void test_parts(void **state)
{
        struct detections d = { 0 };
        static const struct detection list[] = {
                { 500, 500, 20, 20, 0.95f }, /* a surer face before the less sure one that it lies in: both stay */
                { 0, 0, 100, 100, 0.9f },    { 480, 480, 100, 100, 0.85f }, { 20, 20, 40, 40, 0.8f }, /* a part */
                { 80, 0, 40, 40, 0.7f }, /* half of it is outside */
                { 90, 90, 80, 80, 0.6f },
        };

        for (size_t i = 0; i < ARRAY_LEN(list); i++)
                assert_int_equal(detections_add(&d, &list[i]), 0);
        detect_drop_parts(&d, 0.7);
        assert_int_equal(d.n, ARRAY_LEN(list) - 1);
        for (size_t i = 0; i < d.n; i++)
                assert_float_equal(d.list[i].score, list[i < 3 ? i : i + 1].score, 0);
        detections_done(&d);
}

/* More than fit: the surest stay. */
static void test_bound(void **state)
{
        struct detections d;
        const struct detection *list;

        assert_int_equal(detections_init(&d, 256), 0);
        list = d.list;
        for (unsigned i = 0; i < 3 * 256; i++)
                add(&d, 20.f * (float)i, (float)(i * 7919 % 768) / 768);
        assert_ptr_equal(d.list, list);
        detect_suppress(&d, 0.3);
        assert_int_equal(d.n, 256);
        assert_float_equal(d.list[0].score, 767. / 768, 1e-6);
        assert_float_equal(d.list[255].score, 512. / 768, 1e-6);
        detections_done(&d);
}

static void expect(const struct detection *d, double x, double y, double w, double h, double score)
{
        assert_float_equal(d->x, x, 1e-4);
        assert_float_equal(d->y, y, 1e-4);
        assert_float_equal(d->w, w, 1e-4);
        assert_float_equal(d->h, h, 1e-4);
        assert_float_equal(d->score, score, 1e-6);
}

/* Two boxes by hand; then the same numbers as lists and before their sigmoid. */
static void test_forms(void **state)
{
        const float cls[CELLS] = { 0.1f, 0.9f, 0.2f, 0.1f, 0.8f, 0.05f };
        float bbox[4 * CELLS] = { 0 }, squares[CELLS], list[4 * CELLS], logits[CELLS];
        struct detect_level l = detect_level_from_maps(cls, bbox, 16, COLUMNS, ROWS);
        struct detections d = { 0 };

        bbox[1] = 0.5f;                /* dx of cell (0, 1) */
        bbox[CELLS + 1] = 0.25f;       /* dy */
        bbox[2 * CELLS + 1] = logf(2); /* width of two strides */
        assert_int_equal(detect_decode(&l, 0.5, &d), 0);
        assert_int_equal(d.n, 2);
        expect(&d.list[0], 24 - 16, 4 - 8, 32, 16, 0.9);
        expect(&d.list[1], 16 - 8, 16 - 8, 16, 16, 0.8);
        /* the same again and again: the better one stays */
        assert_int_equal(detect_decode(&l, 0.5, &d), 0);
        assert_int_equal(detect_decode(&l, 0.85, &d), 0);
        assert_int_equal(d.n, 5);
        detect_suppress(&d, 0.4);
        assert_int_equal(d.n, 2);
        expect(&d.list[0], 24 - 16, 4 - 8, 32, 16, 0.9);

        for (unsigned i = 0; i < CELLS; i++) {
                squares[i] = cls[i] * cls[i];
                logits[i] = logf(cls[i] / (1 - cls[i]));
                for (unsigned k = 0; k < 4; k++)
                        list[4 * i + k] = bbox[k * CELLS + i];
        }
        l.logits = true;
        l.cls = logits;
        d.n = 0;
        assert_int_equal(detect_decode(&l, 0.5, &d), 0);
        assert_int_equal(d.n, 2);
        expect(&d.list[0], 24 - 16, 4 - 8, 32, 16, 0.9);
        const float ones[CELLS] = { 1, 1, 1, 1, 1, 1 };
        const struct detect_level lists = { squares, ones, list, 16, COLUMNS, ROWS, .cell_step = 4, .value_step = 1 };

        d.n = 0;
        assert_int_equal(detect_decode(&lists, 0.5, &d), 0);
        assert_int_equal(d.n, 2);
        expect(&d.list[0], 24 - 16, 4 - 8, 32, 16, 0.9);
        expect(&d.list[1], 16 - 8, 16 - 8, 16, 16, 0.8);
        detections_done(&d);
}

/* Numbers that are none, or beyond all measure, are no boxes. */
static void test_bad_numbers(void **state)
{
        float cls[4] = { NAN, 1, 1, 1 }, bbox[16] = { 0 };
        const struct detect_level l = detect_level_from_maps(cls, bbox, 8, 2, 2);
        struct detections d = { 0 };

        bbox[1] = NAN;               /* dx of cell 1 */
        bbox[2 * 4 + 2] = 100;       /* width of cell 2 */
        bbox[3 * 4 + 3] = -INFINITY; /* height of cell 3 */
        assert_int_equal(detect_decode(&l, 0.5, &d), 0);
        assert_int_equal(d.n, 0);
        cls[0] = 2;
        assert_int_equal(detect_decode(&l, 0.5, &d), 0);
        assert_int_equal(d.n, 1);
        assert_float_equal(d.list[0].score, 1, 0);
        detections_done(&d);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_iou),   cmocka_unit_test(test_suppress), cmocka_unit_test(test_parts),
                cmocka_unit_test(test_bound), cmocka_unit_test(test_forms),    cmocka_unit_test(test_bad_numbers),
        };

        return cmocka_run_group_tests_name("detect", tests, NULL, NULL);
}
