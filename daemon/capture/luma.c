/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "daemon/capture/luma.h"

int planes_reserve(struct planes *p, unsigned width_px, unsigned height_px)
{
        size_t n = (size_t)width_px * height_px;
        uint8_t *gray, *bgr = NULL;

        if (!width_px || !height_px || width_px > PICTURE_MAX_SIDE_PX || height_px > PICTURE_MAX_SIDE_PX ||
            n > PICTURE_MAX_PIXELS)
                return -EFBIG;
        if (n > p->capacity_px) {
                gray = malloc(n);
                if (p->want_bgr)
                        bgr = malloc(3 * n);
                if (!gray || (p->want_bgr && !bgr)) {
                        free(gray);
                        free(bgr);
                        return -ENOMEM;
                }
                planes_done(p);
                p->gray = gray;
                p->bgr = bgr;
                p->capacity_px = n;
        }
        p->width_px = width_px;
        p->height_px = height_px;
        return 0;
}

void planes_done(struct planes *p)
{
        /* nobody's face stays behind in memory that is given back */
        if (p->gray)
                explicit_bzero(p->gray, p->capacity_px);
        if (p->bgr)
                explicit_bzero(p->bgr, 3 * p->capacity_px);
        free(p->gray);
        free(p->bgr);
        p->gray = p->bgr = NULL;
        p->capacity_px = 0;
}

static uint8_t clamp_byte(int v)
{
        return v < 0 ? 0 : v > 255 ? 255 : v;
}

/* 16..235 to 0..255 in 1/65536: 255 / 219. */
static uint8_t expand(uint8_t y)
{
        return clamp_byte(((y - 16) * 76309 + 32768) >> 16);
}

static void gray_row(const uint8_t *src, unsigned step, unsigned width_px, bool limited, uint8_t *dst)
{
        if (step == 1 && !limited) {
                memcpy(dst, src, width_px);
        } else if (step == 1) {
                for (unsigned x = 0; x < width_px; x++)
                        dst[x] = expand(src[x]);
        } else if (!limited) {
                for (unsigned x = 0; x < width_px; x++)
                        dst[x] = src[(size_t)x * step];
        } else {
                for (unsigned x = 0; x < width_px; x++)
                        dst[x] = expand(src[(size_t)x * step]);
        }
}

/* @gray: the row's luma in full range already. Factors of BT.601 in 1/65536; limited chroma has 255 / 224 as
 * well. */
static void bgr_row(const struct yuv_view *view, unsigned row, unsigned width_px, const uint8_t *gray, uint8_t *dst)
{
        const int v_r = view->limited ? 104597 : 91881, u_g = view->limited ? 25675 : 22554;
        const int v_g = view->limited ? 53279 : 46802, u_b = view->limited ? 132201 : 116130;
        size_t start = (row >> view->c_shift_y) * view->c_stride_bytes;

        for (unsigned x = 0; x < width_px; x++) {
                size_t at = start + (size_t)(x >> view->c_shift_x) * view->c_step;
                int y = gray[x] * 65536 + 32768;
                int u = view->u ? view->u[at] - 128 : 0, v = view->v ? view->v[at] - 128 : 0;

                dst[3 * x] = clamp_byte((y + u_b * u) >> 16);
                dst[3 * x + 1] = clamp_byte((y - u_g * u - v_g * v) >> 16);
                dst[3 * x + 2] = clamp_byte((y + v_r * v) >> 16);
        }
}

void planes_from_yuv(struct planes *p, const struct yuv_view *view)
{
        for (unsigned row = 0; row < p->height_px; row++) {
                uint8_t *gray = p->gray + (size_t)row * p->width_px;

                gray_row(view->y + row * view->y_stride_bytes, view->y_step, p->width_px, view->limited, gray);
                if (p->want_bgr)
                        bgr_row(view, row, p->width_px, gray, p->bgr + 3 * (size_t)row * p->width_px);
        }
}

void planes_gray_from_bgr(struct planes *p)
{
        size_t n = (size_t)p->width_px * p->height_px;

        for (size_t i = 0; i < n; i++)
                p->gray[i] =
                        (p->bgr[3 * i] * 7471 + p->bgr[3 * i + 1] * 38470 + p->bgr[3 * i + 2] * 19595 + 32768) >> 16;
}

int planes_from_jpeg(struct planes *p, struct jpeg_decoder *d, const uint8_t *data, size_t size)
{
        unsigned width_px, height_px;

        int r = jpeg_decoder_header(d, data, size, &width_px, &height_px);

        if (r >= 0)
                r = planes_reserve(p, width_px, height_px);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        if (!p->want_bgr)
                return jpeg_decoder_decode(d, PICTURE_GRAY8, width_px, height_px, p->gray, width_px);
        /* once to colour: reading the entropy-coded data twice would cost more than this sum */
        if (jpeg_decoder_decode(d, PICTURE_BGR24, width_px, height_px, p->bgr, 3 * (size_t)width_px) < 0)
                return -EBADMSG;
        planes_gray_from_bgr(p);
        return 0;
}
