/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * 8-bit pictures, and the way from a picture to a network's input. The trainer and the service use the same
 * functions, so that a network sees in the field what it saw in training.
 *
 * Coordinates: pixels, origin at the top left, x to the right, y down; pixel centres are integers (the top left
 * pixel covers -0.5..0.5).
 */

#include <stddef.h>
#include <stdint.h>

/* One 8-bit plane; borrowed unless a function says otherwise. */
struct nn_image {
        const uint8_t *data;
        unsigned width_px, height_px;
        size_t stride_bytes; /* >= width_px */
};

/* Maps destination to source: xs = m[0] * xd + m[1] * yd + m[2], ys = m[3] * xd + m[4] * yd + m[5]. */
struct nn_affine {
        double m[6];
};

/* Bilinear value at (@x, @y); border pixels repeat outside. */
static inline float nn_image_sample(const struct nn_image *im, float x, float y)
{
        float max_x = (float)(im->width_px - 1), max_y = (float)(im->height_px - 1);

        /* written so that a NaN is inside, too */
        x = x > 0.f ? (x < max_x ? x : max_x) : 0.f;
        y = y > 0.f ? (y < max_y ? y : max_y) : 0.f;
        unsigned x0 = (unsigned)x, y0 = (unsigned)y;
        float fx = x - (float)x0, fy = y - (float)y0;
        const uint8_t *a = im->data + y0 * im->stride_bytes + x0;
        size_t right = x0 + 1 < im->width_px, below = y0 + 1 < im->height_px ? im->stride_bytes : 0;
        float top = a[0] + fx * ((float)a[right] - a[0]);
        float bottom = a[below] + fx * ((float)a[below + right] - a[below]);

        return top + fy * (bottom - top);
}

/**
 * nn_image_warp() - resample a plane through an affine map
 * @ret: width_px * height_px floats in 0..255, row-major, from the caller
 *
 * Each output value is an area average when the map shrinks (no aliasing) and bilinear when it enlarges. Outside
 * the source its border pixels repeat. Return: 0; -EINVAL for an empty source or a map with a non-finite entry.
 */
int nn_image_warp(const struct nn_image *src, const struct nn_affine *map, unsigned width_px, unsigned height_px,
                  float *ret);

/**
 * nn_image_warp_bgr() - the same of a picture of three bytes a pixel, blue, green, red
 * @src: stride_bytes >= 3 * width_px
 * @ret: three planes of width_px * height_px floats, red, green, blue
 */
int nn_image_warp_bgr(const struct nn_image *src, const struct nn_affine *map, unsigned width_px, unsigned height_px,
                      float *ret);

/**
 * nn_image_resize() - resample to another size, 8 bit to 8 bit, area average when shrinking, bilinear when enlarging
 * @ret: width_px * height_px bytes, stride width_px, from the caller
 */
int nn_image_resize(const struct nn_image *src, unsigned width_px, unsigned height_px, uint8_t *ret);

/* The map that crops the square of side @side_px centred on (@x, @y) into @size_px by @size_px pixels,
 * turned by @roll_rad (positive: the destination's x axis points down in the source). */
struct nn_affine nn_affine_from_square(double x, double y, double side_px, double roll_rad, unsigned size_px);

/**
 * The similarity (rotation, uniform scale, shift) that carries the @n points @dst to @src with the least squared
 * error (Umeyama 1991, without reflection); for nn_image_warp(), pass the template as @dst.
 * @dst, @src: n pairs x, y. Return: 0; -EINVAL if n < 2 or the points coincide.
 */
int nn_affine_similarity(const float (*dst)[2], const float (*src)[2], size_t n, struct nn_affine *ret);

/* The same for a full affine map (6 parameters, normal equations). -EINVAL if n < 3 or the points lie on a line. */
int nn_affine_fit(const float (*dst)[2], const float (*src)[2], size_t n, struct nn_affine *ret);

/**
 * How a model wants its pixels, as written in its metadata "emotiond.normalisation".
 */
enum nn_normalisation {
        NN_NORMALISE_UNIT,     /* "unit": x / 255 */
        NN_NORMALISE_SIGNED,   /* "signed": x / 127.5 - 1 */
        NN_NORMALISE_CONTRAST, /* "contrast": (x - mean) / max(std, 8), mean and standard deviation of this picture
                                  (global contrast normalisation, Gudi 2015, section 4.1.1) */
        NN_NORMALISE_NONE,     /* "none": 0..255 as they are */
};

/* Return: the value, or -EINVAL for an unknown name. */
int nn_normalisation_from_string(const char *s);
const char *nn_normalisation_to_string(enum nn_normalisation n);
/* The mirror image, left and right exchanged, in place. @x: [height_px, width_px] */
void nn_mirror(float *x, unsigned width_px, unsigned height_px);
/* In place, @n values of one picture in 0..255. */
void nn_normalise(enum nn_normalisation kind, float *x, size_t n);
