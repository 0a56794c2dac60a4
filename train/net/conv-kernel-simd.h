/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Included by conv-kernel.c once an instruction set, with LANES, ROWS, NAME(x) and TARGET defined. The tile of
 * ROWS x 3 accumulators fills the registers; each input vector that is loaded is used ROWS times. */

#define VEC NAME(vec)
typedef float VEC __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

static inline __attribute__((always_inline)) TARGET void NAME(forward_tile)(const float *x, const size_t *offset,
                                                                            size_t n_taps, const float *w, float *y,
                                                                            size_t y_stride, const int columns)
{
        VEC acc[ROWS][3] = { 0 };

        for (size_t j = 0; j < n_taps; j++, w += CONV_K) {
                const float *p = x + offset[j];
                VEC in[3];

                UNROLL for (int v = 0; v < columns; v++) in[v] = *(const VEC *)(p + v * LANES);
                UNROLL for (int k = 0; k < ROWS; k++) UNROLL for (int v = 0; v < columns; v++) acc[k][v] +=
                        in[v] * w[k];
        }
        UNROLL for (int k = 0; k < ROWS; k++) UNROLL for (int v = 0; v < columns; v++) *
                (VEC *)(y + (size_t)k * y_stride + v * LANES) = acc[k][v];
}

static TARGET void NAME(forward)(const float *x, const size_t *offset, size_t n_taps, const float *w, size_t n,
                                 float *y, size_t y_stride)
{
        size_t left = n / LANES, p = 0;

        while (left) {
                /* four vectors are two and two, rather than three and one */
                size_t columns = left == 4 ? 2 : left > 3 ? 3 : left;

                for (int k = 0; k < CONV_K; k += ROWS) {
                        float *to = y + (size_t)k * y_stride + p;

                        if (columns == 3)
                                NAME(forward_tile)(x + p, offset, n_taps, w + k, to, y_stride, 3);
                        else if (columns == 2)
                                NAME(forward_tile)(x + p, offset, n_taps, w + k, to, y_stride, 2);
                        else
                                NAME(forward_tile)(x + p, offset, n_taps, w + k, to, y_stride, 1);
                }
                p += columns * LANES;
                left -= columns;
        }
}

static inline __attribute__((always_inline)) TARGET void
NAME(gradient_tile)(const float *dy, size_t dy_stride, size_t dy_image, const float *x0, const float *x1,
                    const float *x2, size_t x_image, size_t n, size_t n_images, float *acc_at)
{
        VEC acc[ROWS][CONV_J] = { 0 };

        for (size_t i = 0; i < n_images; i++, dy += dy_image, x0 += x_image, x1 += x_image, x2 += x_image) {
                for (size_t p = 0; p < n; p += LANES) {
                        const VEC a = *(const VEC *)(x0 + p), b = *(const VEC *)(x1 + p), c = *(const VEC *)(x2 + p);

                        UNROLL for (int k = 0; k < ROWS; k++)
                        {
                                const VEC d = *(const VEC *)(dy + (size_t)k * dy_stride + p);

                                acc[k][0] += a * d;
                                acc[k][1] += b * d;
                                acc[k][2] += c * d;
                        }
                }
        }
        UNROLL for (int j = 0; j < CONV_J; j++) UNROLL for (int k = 0; k < ROWS; k++) *
                (VEC *)(acc_at + (size_t)(j * CONV_K + k) * CONV_P) += acc[k][j];
}

static TARGET void NAME(weight_gradient)(const float *dy, size_t dy_stride, size_t dy_image, const float *x,
                                         size_t x_image, const size_t *offset, size_t n_taps, size_t n, size_t n_images,
                                         float *acc)
{
        for (size_t j = 0; j < n_taps; j += CONV_J, acc += CONV_J * CONV_K * CONV_P) {
                /* past the end the last tap is done again and its sum ignored */
                const float *x0 = x + offset[j], *x1 = x + offset[MIN(j + 1, n_taps - 1)],
                            *x2 = x + offset[MIN(j + 2, n_taps - 1)];

                for (int k = 0; k < CONV_K; k += ROWS) {
                        const float *from = dy + (size_t)k * dy_stride;
                        float *sum = acc + (size_t)k * CONV_P;

                        NAME(gradient_tile)(from, dy_stride, dy_image, x0, x1, x2, x_image, n, n_images, sum);
                }
        }
}

static inline __attribute__((always_inline)) TARGET void
NAME(forward_one_tile)(const float *x, const size_t *offset, size_t n_taps, const float *w, float *y, const int columns)
{
        VEC acc[8] = { 0 };

        for (size_t j = 0; j < n_taps; j++) {
                const float *p = x + offset[j];

                UNROLL for (int v = 0; v < columns; v++) acc[v] += *(const VEC *)(p + v * LANES) * w[j];
        }
        UNROLL for (int v = 0; v < columns; v++) * (VEC *)(y + v * LANES) = acc[v];
}

static TARGET void NAME(forward_one)(const float *x, const size_t *offset, size_t n_taps, const float *w, size_t n,
                                     float *y)
{
        size_t p = 0;

        for (; p + 8 * LANES <= n; p += 8 * LANES)
                NAME(forward_one_tile)(x + p, offset, n_taps, w, y + p, 8);
        for (; p + 4 * LANES <= n; p += 4 * LANES)
                NAME(forward_one_tile)(x + p, offset, n_taps, w, y + p, 4);
        for (; p < n; p += LANES)
                NAME(forward_one_tile)(x + p, offset, n_taps, w, y + p, 1);
}

static inline __attribute__((always_inline)) TARGET void
NAME(gradient_one_tile)(const float *dy, size_t dy_image, const float *x, size_t x_image, const size_t *offset,
                        size_t n, size_t n_images, float *acc_at, const int taps)
{
        VEC acc[CONV_J_ONE] = { 0 };

        for (size_t i = 0; i < n_images; i++, dy += dy_image, x += x_image)
                for (size_t p = 0; p < n; p += LANES) {
                        const VEC d = *(const VEC *)(dy + p);

                        UNROLL_MORE for (int j = 0; j < taps; j++) acc[j] += *(const VEC *)(x + offset[j] + p) * d;
                }
        UNROLL_MORE for (int j = 0; j < taps; j++) * (VEC *)(acc_at + (size_t)j * CONV_P) += acc[j];
}

static TARGET void NAME(weight_gradient_one)(const float *dy, size_t dy_image, const float *x, size_t x_image,
                                             const size_t *offset, size_t n_taps, size_t n, size_t n_images, float *acc)
{
        size_t j = 0;

        for (; j + CONV_J_ONE <= n_taps; j += CONV_J_ONE) {
                float *sum = acc + j * CONV_P;

                NAME(gradient_one_tile)(dy, dy_image, x, x_image, offset + j, n, n_images, sum, CONV_J_ONE);
        }
        for (; j < n_taps; j++)
                NAME(gradient_one_tile)(dy, dy_image, x, x_image, offset + j, n, n_images, acc + j * CONV_P, 1);
}

static inline __attribute__((always_inline)) TARGET void
NAME(outer_tile)(const float *a, size_t n_a, const float *b, size_t n_b, size_t n, float *sums, const int columns)
{
        VEC acc[ROWS][3] = { 0 };

        for (size_t i = 0; i < n; i++, a += n_a, b += n_b) {
                VEC in[3];

                UNROLL for (int v = 0; v < columns; v++) in[v] = *(const VEC *)(b + v * LANES);
                UNROLL for (int k = 0; k < ROWS; k++) UNROLL for (int v = 0; v < columns; v++) acc[k][v] +=
                        in[v] * a[k];
        }
        UNROLL for (int k = 0; k < ROWS; k++) UNROLL for (int v = 0; v < columns; v++) *
                (VEC *)(sums + (size_t)k * n_b + v * LANES) += acc[k][v];
}

static TARGET void NAME(outer_products)(const float *a, size_t n_a, const float *b, size_t n_b, size_t n, float *sums)
{
        for (size_t first = 0; first < n; first += CONV_ROWS) {
                size_t rows = MIN((size_t)CONV_ROWS, n - first), left = n_b / LANES, c = 0;

                while (left) {
                        size_t columns = left == 4 ? 2 : left > 3 ? 3 : left;
                        const float *from = b + first * n_b + c;

                        for (size_t k = 0; k < n_a; k += ROWS) {
                                const float *with = a + first * n_a + k;
                                float *to = sums + k * n_b + c;

                                if (columns == 3)
                                        NAME(outer_tile)(with, n_a, from, n_b, rows, to, 3);
                                else if (columns == 2)
                                        NAME(outer_tile)(with, n_a, from, n_b, rows, to, 2);
                                else
                                        NAME(outer_tile)(with, n_a, from, n_b, rows, to, 1);
                        }
                        c += columns * LANES;
                        left -= columns;
                }
        }
}

static const struct conv_kernels NAME(kernels) = {
        .name = STRING(LANES),
        .forward = NAME(forward),
        .weight_gradient = NAME(weight_gradient),
        .forward_one = NAME(forward_one),
        .weight_gradient_one = NAME(weight_gradient_one),
        .outer_products = NAME(outer_products),
};

#undef VEC
#undef LANES
#undef ROWS
#undef NAME
#undef TARGET
