/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/mounting.h"

void mounting_done(struct mounting *m)
{
        free(m->gray);
        free(m->bgr);
        *m = (struct mounting){ 0 };
}

static int reserve(uint8_t **plane, size_t *bytes, size_t wanted)
{
        uint8_t *p;

        if (*bytes >= wanted)
                return 0;
        p = realloc(*plane, wanted);
        if (!p)
                return -ENOMEM;
        *plane = p;
        *bytes = wanted;
        return 0;
}

int mounting_turn(struct mounting *m, enum orientation o, const struct frame *f, struct frame *ret)
{
        size_t n_px = (size_t)f->width_px * f->height_px;
        struct frame turned = *f;
        int r = 0;

        if (o == ORIENT_PLAIN) {
                *ret = *f;
                return 0;
        }
        if (orient_swaps(o)) {
                turned.width_px = f->height_px;
                turned.height_px = f->width_px;
        }
        if (f->gray) {
                r = reserve(&m->gray, &m->gray_bytes, n_px);
                if (r < 0)
                        return r;
                orient_pixels(f->gray, f->gray_stride_bytes, f->width_px, f->height_px, 1, o, m->gray, turned.width_px);
                turned.gray = m->gray;
                turned.gray_stride_bytes = turned.width_px;
        }
        if (f->bgr) {
                r = reserve(&m->bgr, &m->bgr_bytes, 3 * n_px);
                if (r < 0)
                        return r;
                orient_pixels(f->bgr, f->bgr_stride_bytes, f->width_px, f->height_px, 3, o, m->bgr,
                              (size_t)3 * turned.width_px);
                turned.bgr = m->bgr;
                turned.bgr_stride_bytes = (size_t)3 * turned.width_px;
        }
        *ret = turned;
        return 0;
}
