/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bilinear samples of several pixels at a time. */
#include "nn/kernels/simd.h"
#include "nn/kernels/warp.h"

#if defined(NN_SIMD_AVX2)
/* A sample is two loads of four bytes, of which the first two are its pixels in a line. */
#define MORE_PX 2u

/* Values @n and @n + 1 of the pixels at @at in a line. */
#define PIXEL(line, n) \
        ((vf)_mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srli_epi32(line, 8 * (n)), _mm256_set1_epi32(0xff))))

/* Bilinear values at V places. */
NN_INLINE vf sample(const struct nn_image *src, vf x, vf y)
{
        __m256i x0 = _mm256_cvttps_epi32((__m256)x), y0 = _mm256_cvttps_epi32((__m256)y);
        vf fx = x - (vf)_mm256_cvtepi32_ps(x0), fy = y - (vf)_mm256_cvtepi32_ps(y0);
        __m256i at = _mm256_add_epi32(_mm256_mullo_epi32(y0, _mm256_set1_epi32((int)src->stride_bytes)), x0);
        __m256i a = _mm256_i32gather_epi32((const int *)(const void *)src->data, at, 1);
        __m256i b = _mm256_i32gather_epi32((const int *)(const void *)(src->data + src->stride_bytes), at, 1);
        vf top = v_fma(fx, PIXEL(a, 1) - PIXEL(a, 0), PIXEL(a, 0));
        vf bottom = v_fma(fx, PIXEL(b, 1) - PIXEL(b, 0), PIXEL(b, 0));

        return v_fma(fy, bottom - top, top);
}

#elif defined(NN_SIMD_NEON)
#define MORE_PX 0u

/* Two pixels beside each other at each of four places: the left one in the low byte. */
NN_INLINE uint32x4_t pairs(const uint8_t *line, const int32_t *at)
{
        uint16_t p[V];

        for (unsigned i = 0; i < V; i++)
                memcpy(&p[i], line + at[i], sizeof(p[i]));
        return vmovl_u16(vld1_u16(p));
}

NN_INLINE vf line_values(const uint8_t *line, const int32_t *at, vf fx)
{
        uint32x4_t p = pairs(line, at);
        vf left = (vf)vcvtq_f32_u32(vandq_u32(p, vdupq_n_u32(0xff))), right = (vf)vcvtq_f32_u32(vshrq_n_u32(p, 8));

        return v_fma(fx, right - left, left);
}

NN_INLINE vf sample(const struct nn_image *src, vf x, vf y)
{
        int32x4_t x0 = vcvtq_s32_f32((float32x4_t)x), y0 = vcvtq_s32_f32((float32x4_t)y);
        vf fx = x - (vf)vcvtq_f32_s32(x0), fy = y - (vf)vcvtq_f32_s32(y0), top, bottom;
        int32_t at[V];

        vst1q_s32(at, vmlaq_n_s32(x0, y0, (int32_t)src->stride_bytes));
        top = line_values(src->data, at, fx);
        bottom = line_values(src->data + src->stride_bytes, at, fx);
        return v_fma(fy, bottom - top, top);
}
#endif

static void pixels(const struct nn_image *src, const double *m, const struct nn_warp_grid *g, unsigned x, unsigned y,
                   float *ret)
{
        vf lane, step_x, step_y, sum = v_zero();

        for (int i = 0; i < V; i++)
                lane[i] = (float)i;
        step_x = lane * v_set1((float)m[0]);
        step_y = lane * v_set1((float)m[3]);
        for (unsigned j = 0; j < g->ny; j++) {
                double yd = y + g->y[j], row_x = m[1] * yd + m[2], row_y = m[4] * yd + m[5];

                for (unsigned i = 0; i < g->nx; i++) {
                        double xd = x + g->x[i];
                        vf xs = v_set1((float)(m[0] * xd + row_x)) + step_x;
                        vf ys = v_set1((float)(m[3] * xd + row_y)) + step_y;

                        sum += sample(src, xs, ys);
                }
        }
        v_store(ret, sum * v_set1(g->weight));
}

const struct nn_warp_ops ISA(nn_warp_ops) = { .lanes = V, .more_px = MORE_PX, .pixels = pixels };
